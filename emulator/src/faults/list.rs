//! What a fault does to a list.

use serde_json::{Value, json};
use url::{Position, Url};

use super::fault::Action;

const NEXT_LINK: &str = "@odata.nextLink";
/// Leads to the next page where there is none: to another host, which is not to be asked for it.
const NEXT_PAGE: &str = "$skiptoken=bmV4dA";

/// Changes a body that is a list; `url` is the absolute URL that was asked for.
pub(super) fn change(action: &Action, body: &mut Value, url: &str) {
    let Some(members) = body.as_object_mut().filter(|members| members.get("value").is_some_and(Value::is_array)) else {
        return;
    };
    match action {
        Action::EmptyPage => {
            members.insert(NEXT_LINK.to_owned(), url.into());
            members.insert("value".to_owned(), json!([]));
        }
        Action::NextLinkTo { host } => {
            let link = match members.get(NEXT_LINK).and_then(Value::as_str) {
                Some(link) => link.to_owned(),
                None => format!("{url}{}{NEXT_PAGE}", if url.contains('?') { '&' } else { '?' }),
            };
            let value = members.remove("value").unwrap_or_default();
            members.insert(NEXT_LINK.to_owned(), lead_to(host, &link).into());
            members.insert("value".to_owned(), value);
        }
        _ => {}
    }
}

/// Whether an action changes lists.
pub(super) fn is_about_lists(action: &Action) -> bool {
    matches!(action, Action::EmptyPage | Action::NextLinkTo { .. })
}

/// Replaces the host or origin of a link, and keeps its path and query.
fn lead_to(host: &str, link: &str) -> String {
    let origin = if host.contains("://") { host.to_owned() } else { format!("https://{host}") };
    let origin = origin.trim_end_matches('/');
    match Url::parse(link) {
        Ok(link) => format!("{origin}{}", &link[Position::BeforePath..]),
        Err(_) => format!("{origin}{link}"),
    }
}
