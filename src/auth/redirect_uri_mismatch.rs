//! Entra's message of a redirect URI that the app does not have (AADSTS50011), as a person copies it from the error page.

use std::str::FromStr;

use serde::Serialize;

use crate::auth::refusal::numbers_in;
use crate::error::{Error, ErrorCode};
use crate::ids::AppId;

/// The number of the message.
const NUMBER: u64 = 50011;

/// Longer texts are refused: an error page has a few hundred bytes of text.
const MAX_BYTES: usize = 16 * 1024;

/// The pairs of quotation marks between which the message names the URI and the app, in its languages and as programs
/// change them.
const QUOTES: [(char, char); 5] = [('\'', '\''), ('"', '"'), ('‘', '’'), ('“', '”'), ('„', '“')];

/// What Entra's message says of a redirect URI that does not match those of the app (AADSTS50011).
///
/// # Trust
/// Whoever makes a link to a sign-in chooses the URI in it, and the message repeats that: a message proves nothing of what
/// the app needs. Add a URI only where it is the one that the app's own registration expects, or where an administrator has
/// typed it, and only to the app that is meant. The message names no tenant.
///
/// # JSON
/// `appId` and `redirectUri`, which is null where the message does not name it.
///
/// ```
/// use entra_apps::auth::RedirectUriMismatch;
///
/// let mismatch: RedirectUriMismatch = "AADSTS50011: The redirect URI 'https://contoso.immy.bot/consent-callback' specified in \
///     the request does not match the redirect URIs configured for the application \
///     '6731de76-14a6-49ae-97bc-6eba6914391e'. Make sure the redirect URI sent in the request matches one added to your \
///     application in the Azure portal."
///     .parse()?;
/// assert_eq!(mismatch.redirect_uri(), Some("https://contoso.immy.bot/consent-callback"));
/// assert_eq!(mismatch.app_id().to_string(), "6731de76-14a6-49ae-97bc-6eba6914391e");
/// # Ok::<(), entra_apps::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RedirectUriMismatch {
    app_id: AppId,
    redirect_uri: Option<String>,
}

impl RedirectUriMismatch {
    /// The app that was signed in to.
    pub fn app_id(&self) -> AppId {
        self.app_id
    }

    /// The redirect URI of the request, exactly as the message has it; `None` in the older form of the message, which does
    /// not name it.
    pub fn redirect_uri(&self) -> Option<&str> {
        self.redirect_uri.as_deref()
    }
}

impl FromStr for RedirectUriMismatch {
    type Err = Error;

    /// Reads the text of the error page or of an error, in whichever language, with whatever stands around it. What it names
    /// twice must be the same.
    ///
    /// # Errors
    /// [`NotARedirectUriMismatch`](crate::ErrorCode::NotARedirectUriMismatch) for another text, and for one that names several
    /// URIs or apps.
    fn from_str(text: &str) -> Result<Self, Error> {
        let not_one = |reason: &str| {
            Error::new(ErrorCode::NotARedirectUriMismatch).with_message(format!(
                "the text is not Entra's message of a redirect URI that does not match (AADSTS50011): {reason}"
            ))
        };
        if text.len() > MAX_BYTES {
            return Err(not_one("it is too long"));
        }
        if numbers_in(text).next() != Some(NUMBER) {
            return Err(not_one("it has another number, or none"));
        }
        let quoted: Vec<&str> = quoted(text).collect();
        let mut apps: Vec<AppId> = quoted.iter().filter_map(|text| text.parse().ok()).collect();
        apps.dedup();
        let [app_id] = apps[..] else {
            return Err(not_one(if apps.is_empty() { "it names no app" } else { "it names several apps" }));
        };
        let mut uris: Vec<&str> = quoted.into_iter().filter(|text| is_absolute_uri(text)).collect();
        uris.dedup();
        match uris[..] {
            [] => Ok(Self { app_id, redirect_uri: None }),
            [uri] => Ok(Self { app_id, redirect_uri: Some(uri.to_owned()) }),
            _ => Err(not_one("it names several redirect URIs")),
        }
    }
}

/// What stands between each quotation mark and the next one that can end it: an apostrophe begins nothing that counts.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.char_indices().flat_map(move |(start, opening)| {
        let rest = &text[start + opening.len_utf8()..];
        let closings = QUOTES.iter().filter(move |(open, _)| *open == opening);
        closings.filter_map(move |(_, closing)| rest.split_once(*closing).map(|(quoted, _)| quoted))
    })
}

/// Whether a text has a scheme, and nothing that no URI has: whatever is wrong with it otherwise, a person must see it.
fn is_absolute_uri(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else { return false };
    let is_scheme = scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    is_scheme && !rest.is_empty() && !text.contains(|c: char| c.is_whitespace() || c.is_control())
}

#[cfg(test)]
mod tests {
    use super::*;

    const APP: &str = "6731de76-14a6-49ae-97bc-6eba6914391e";
    const OTHER: &str = "00000002-0000-0000-c000-000000000000";
    const URI: &str = "https://contoso.immy.bot/consent-callback";

    fn message(uri: &str) -> String {
        format!(
            "AADSTS50011: The redirect URI '{uri}' specified in the request does not match the redirect URIs configured for \
             the application '{APP}'. Make sure the redirect URI sent in the request matches one added to your application \
             in the Azure portal. Navigate to https://aka.ms/redirectUriMismatchError to learn more about how to fix this."
        )
    }

    fn read(text: &str) -> Result<(String, Option<String>), Error> {
        let found: RedirectUriMismatch = text.parse()?;
        Ok((found.app_id().to_string(), found.redirect_uri().map(str::to_owned)))
    }

    #[test]
    fn the_message_is_read_however_it_was_copied() {
        let whole = message(URI);
        let page = format!(
            "Sorry, but we're having trouble signing you in.\n\n{whole}\n\nTroubleshooting details\nRequest Id: {OTHER}\n\
             Correlation Id: 33333333-4444-4444-8444-555555555555\nTimestamp: 2026-06-01T09:00:00Z\nMessage: {whole}"
        );
        let redirected =
            format!("{whole}\r\nTrace ID: {OTHER}\r\nCorrelation ID: {OTHER}\r\nTimestamp: 2026-06-01 09:00:00Z");
        let by_error = format!("the redirect URI is not one of the app's: “{}” (AADSTS50011)", &whole[13..]);
        let german = format!(
            "AADSTS50011: Der in der Anforderung angegebene Umleitungs-URI „{URI}“ stimmt nicht mit den Umleitungs-URIs \
             überein, die für die Anwendung „{APP}“ konfiguriert wurden."
        );
        let typographic = whole.replace(" '", " ‘").replace('\'', "’");
        for text in [
            whole.clone(),
            page,
            redirected,
            by_error,
            german,
            typographic,
            whole.replace('\'', "\""),
            whole.replace("AADSTS50011:", "  aadsts 50011 -"),
            whole.replace(APP, &APP.to_uppercase()),
        ] {
            assert_eq!(read(&text).unwrap(), (APP.to_owned(), Some(URI.to_owned())), "{text}");
        }
        for old in [
            format!(
                "AADSTS50011: The reply URL specified in the request does not match the reply URLs configured for the application: '{APP}'."
            ),
            format!(
                "AADSTS50011: The reply url specified in the request does not match the reply urls configured for the application: '{APP}'. More details: not specified"
            ),
        ] {
            assert_eq!(read(&old).unwrap(), (APP.to_owned(), None));
        }
        let found: RedirectUriMismatch = whole.parse().unwrap();
        assert_eq!(serde_json::to_value(found).unwrap(), serde_json::json!({"appId": APP, "redirectUri": URI}));
    }

    #[test]
    fn a_uri_is_taken_letter_for_letter_and_left_to_a_person_to_judge() {
        for uri in [
            "http://localhost:8400/",
            "https://CONTOSO.immy.bot/consent-callback",
            "https://contoso.immy.bot/consent-callback/",
            "https://contoso.immy.bot@evil.example/consent-callback",
            "https://contoso.immy.bot.evil.example/consent-callback",
            "https://evil.example/?x=https://contoso.immy.bot/consent-callback",
            "https://contos\u{43e}.immy.bot/consent-callback",
            "https://contoso.immy.bot/consent-callback%0d%0aAADSTS50011",
            "https://contoso.immy.bot/consent\u{202e}-callback",
            "javascript:alert(1)",
            "msauth.com.contoso://auth",
            "urn:ietf:wg:oauth:2.0:oob",
        ] {
            assert_eq!(read(&message(uri)).unwrap().1.as_deref(), Some(uri));
        }
    }

    /// Whoever makes the link chooses the URI, quotation marks and all.
    #[test]
    fn a_message_that_names_more_than_one_is_refused() {
        for (uri, reason) in [
            (format!("https://evil.example/' or '{URI}"), "several redirect URIs"),
            (format!("{URI}' or 'https://evil.example/"), "several redirect URIs"),
            (format!("{URI}' specified for the application '{OTHER}"), "several apps"),
            (format!("{URI}\"{OTHER}\""), "several apps"),
            (format!("{URI}\u{2018}{OTHER}\u{2019}"), "several apps"),
            (format!("https://evil.example/\"{URI}\""), "several redirect URIs"),
        ] {
            let error = read(&message(&uri)).unwrap_err();
            assert_eq!(error.code(), ErrorCode::NotARedirectUriMismatch);
            assert!(error.message().ends_with(reason), "{uri}: {error}");
        }
        // What no URI has is none: then the message names no URI, and none is taken from it.
        for uri in ["https://contoso.immy.bot/a b", "https://contoso.immy.bot/a\nb", "/consent-callback", "", "x"] {
            assert_eq!(read(&message(uri)).unwrap().1, None, "{uri:?}");
        }
    }

    #[test]
    fn another_text_is_refused() {
        let whole = message(URI);
        for text in [
            String::new(),
            "AADSTS50011".to_owned(),
            whole.replace("50011", "500113"),
            whole.replace("50011", "50076"),
            whole.replace("AADSTS50011: ", ""),
            whole.replace(APP, "6731de76"),
            whole.replace(&format!("'{APP}'"), APP),
            format!("AADSTS700016: x {whole}"),
            format!("{whole}{}", " ".repeat(MAX_BYTES)),
        ] {
            let error = read(&text).unwrap_err();
            assert_eq!(error.code(), ErrorCode::NotARedirectUriMismatch, "{text}");
            assert!(!error.to_string().contains(URI), "what is not trusted is not repeated");
        }
        // Whatever it is, it is answered.
        for odd in ["'", "''", "AADSTS50011 '''''", "AADSTS50011 „“”‘’\"'", "AADSTS50011 \u{0}'\u{0}'"] {
            read(odd).unwrap_err();
        }
        let quotes = format!("AADSTS50011{}", "'".repeat(MAX_BYTES - 11));
        read(&quotes).unwrap_err();
    }
}
