//! What the browser shows. Each page holds all that it needs, and runs no script.

use entra_apps::Error;
use entra_apps::consent::ConsentCheck;
use entra_apps::http::StatusCode;
use entra_apps::permission::Permission;
use entra_apps::url::Url;

/// A page with the status that it is answered with.
pub(crate) struct Page {
    status: StatusCode,
    pub(crate) html: String,
}

impl Page {
    /// Such as `404 Not Found`.
    pub(crate) fn status_line(&self) -> String {
        self.status.to_string()
    }
}

/// Light and dark are the browser's choice; nothing is said by colour alone.
const STYLE: &str = ":root{color-scheme:light dark}body{font:1rem/1.5 system-ui,sans-serif;max-width:40rem;\
    margin:3rem auto;padding:0 1rem}h1{font-size:1.5rem;line-height:1.25}dt{font-weight:600}dd{margin:0 0 .8rem;\
    overflow-wrap:anywhere}.button{display:inline-block;padding:.6rem 1rem;border-radius:.3rem;background:#0b5cad;\
    color:#fff;text-decoration:none}.button:focus-visible{outline:3px solid;outline-offset:2px}";

fn page(status: StatusCode, title: &str, body: &str) -> Page {
    let title = escaped(title);
    let html = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title} – Contoso Backup</title>\n\
         <meta name=\"viewport\" content=\"width=device-width\"><link rel=\"icon\" href=\"data:,\">\n\
         <style>{STYLE}</style></head>\n<body><main><h1>{title}</h1>\n{body}</main></body></html>\n"
    );
    Page { status, html }
}

/// The page with the link.
pub(crate) fn ask(link: &Url, wanted: &[Permission]) -> Page {
    let body = format!(
        "<p>Contoso Backup needs the consent of an administrator of your organization{}</p>\n{}\
         <p><a class=\"button\" href=\"{}\">Grant admin consent at Microsoft</a></p>\n\
         <p>You sign in at Microsoft, see what is asked for, and come back here.</p>\n",
        if wanted.is_empty() { "." } else { " to:" },
        list(wanted),
        escaped(link.as_str())
    );
    page(StatusCode::OK, "Connect your organization", &body)
}

/// What came of it, once it was checked.
pub(crate) fn told(result: &Result<ConsentCheck, Error>) -> Page {
    match result {
        Ok(check) if check.is_complete() => {
            let lead = "<p>Thank you. We have looked: the consent is there. You can close this page.</p>\n";
            page(StatusCode::OK, "Consent is granted", &format!("{lead}{}", details(check)))
        }
        Ok(check) => {
            let lead = "<p>Not everything that is needed has been granted. An administrator who may consent to the \
                        rest has to open the link again.</p>\n";
            page(StatusCode::OK, "Consent is incomplete", &format!("{lead}{}", details(check)))
        }
        Err(error) => {
            let title = match error.code().as_str() {
                "consent_cancelled" => "You pressed Cancel",
                _ => "Consent did not work",
            };
            page(StatusCode::OK, title, &explained(error))
        }
    }
}

/// An answer to something that was not asked. The one that is awaited stays awaited.
pub(crate) fn refused(error: &Error) -> Page {
    let again = "<p><a class=\"button\" href=\"/\">Begin again</a></p>\n";
    page(StatusCode::BAD_REQUEST, "This answer is not taken", &format!("{}{again}", explained(error)))
}

pub(crate) fn nothing_asked() -> Page {
    let body = "<p>No consent is awaited here.</p>\n<p><a class=\"button\" href=\"/\">Begin</a></p>\n";
    page(StatusCode::BAD_REQUEST, "This answer is not taken", body)
}

pub(crate) fn not_found() -> Page {
    page(StatusCode::NOT_FOUND, "There is nothing here", "<p><a href=\"/\">Connect your organization</a></p>\n")
}

fn explained(error: &Error) -> String {
    let mut message = error.message().to_owned();
    if let Some(first) = message.get(..1).map(str::to_uppercase) {
        message.replace_range(..1, &first);
    }
    let mut text = format!("<p>{}.</p>\n", escaped(&message));
    text.extend(["<p>", &escaped(error.remedy()), "</p>\n"]);
    let ids = [("Code", error.service_code()), ("Request id", error.request_id())];
    let ids: String = ids.iter().filter_map(|(name, id)| Some(detail(name, &escaped((*id)?)))).collect();
    text + &if ids.is_empty() { ids } else { format!("<dl>\n{ids}</dl>\n") }
}

fn details(check: &ConsentCheck) -> String {
    let mut rows = detail("Tenant", &check.tenant_id.to_string()) + &detail("App", &check.app_id.to_string());
    for (name, permissions) in [
        ("Granted", &check.granted),
        ("Not granted", &check.missing),
        ("Granted or not: the app cannot see it", &check.unseen),
    ] {
        if !permissions.is_empty() {
            rows += &detail(name, &list(permissions));
        }
    }
    format!("<dl>\n{rows}</dl>\n")
}

fn detail(name: &str, html: &str) -> String {
    format!("<dt>{name}</dt><dd>{html}</dd>\n")
}

fn list(permissions: &[Permission]) -> String {
    if permissions.is_empty() {
        return String::new();
    }
    let items = permissions.iter().map(|permission| format!("<li>{}</li>", escaped(&permission.to_string())));
    format!("<ul>{}</ul>\n", items.collect::<String>())
}

/// Text inside HTML, between tags or in quotes.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
