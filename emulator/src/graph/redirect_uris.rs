//! Which redirect URIs an application may have.
//!
//! <https://learn.microsoft.com/entra/identity-platform/reply-url>

use url::Url;

/// What no redirect URI has, besides blanks and control characters.
const UNSUPPORTED: &[char] = &['#', '!', '$', '\'', '(', ')', ',', ';'];

/// Whether Entra takes a redirect URI on a platform: `web`, `spa` or `publicClient`.
pub(crate) fn is_valid_redirect_uri(uri: &str, platform: &str, personal: bool) -> bool {
    let unreadable = |letter: char| letter.is_whitespace() || letter.is_control() || UNSUPPORTED.contains(&letter);
    if uri.chars().count() > 256 || uri.contains(unreadable) {
        return false;
    }
    if personal && uri.contains(['*', '?']) {
        return false;
    }
    if uri.eq_ignore_ascii_case("urn:ietf:wg:oauth:2.0:oob") {
        return platform == "web";
    }
    // A wildcard stands for the first label of a host, which no URL parser accepts.
    let without_wildcard = uri.replacen("https://*.", "https://", 1);
    if without_wildcard.contains('*') {
        return false;
    }
    let Ok(url) = Url::parse(&without_wildcard) else { return false };
    let is_web = matches!(url.scheme(), "https" | "http");
    if is_web && !has_proper_host(&without_wildcard) {
        return false;
    }
    match url.scheme() {
        "https" => true,
        "http" => matches!(url.host_str(), Some("localhost" | "127.0.0.1")),
        "javascript" | "data" | "file" => false,
        _ if platform == "publicClient" => true,
        // The broker of Windows, which clients that keep a secret use as well.
        "ms-appx-web" => platform == "web" && url.host_str().is_some(),
        // Nested app authentication: the broker of Microsoft 365.
        // <https://learn.microsoft.com/office/dev/add-ins/develop/enable-nested-app-authentication-in-your-add-in>
        broker if broker.starts_with("brk-") => platform == "spa" && url.host_str().is_some(),
        _ => false,
    }
}

/// Whether a web address names a host: `https://https://contoso.example` has `https` in its place, and no port after the
/// colon.
fn has_proper_host(uri: &str) -> bool {
    let rest = uri.split_once("://").map_or("", |(_, rest)| rest);
    let authority = rest.split(['/', '?', '\\']).next().unwrap_or_default();
    !authority.starts_with('.') && !authority.contains("..") && !authority.ends_with(':')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_has_a_name_and_a_colon_a_port() {
        for (uri, proper) in [
            ("https://contoso.example", true),
            ("https://contoso.example:443/x", true),
            ("https://contoso.example/a..b", true),
            ("https://.contoso.example", false),
            ("https://contoso..example/", false),
            ("https://contoso.example:?x", false),
            ("https://https://contoso.example", false),
        ] {
            assert_eq!(has_proper_host(uri), proper, "{uri}");
        }
    }
}
