//! Claims challenges: the claims that a refused token lacks.
//!
//! <https://learn.microsoft.com/entra/identity-platform/claims-challenge>

use base64::Engine;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use http::HeaderMap;
use http::header::WWW_AUTHENTICATE;

/// Longer claims are ignored: those of the service have a few hundred bytes.
const MAX_BYTES: usize = 16 * 1024;

/// The claims that a response asks for, as the JSON object to send to the sign-in service.
///
/// A response can hold several `WWW-Authenticate` headers, a header several challenges, and a challenge its parameters
/// in any order, quoted or not ([RFC 9110, 11.6.1](https://www.rfc-editor.org/rfc/rfc9110#section-11.6.1)).
pub(crate) fn in_headers(headers: &HeaderMap) -> Option<String> {
    let values = headers.get_all(WWW_AUTHENTICATE).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| Parameters { rest: value }).find_map(|(name, value)| {
        (name.eq_ignore_ascii_case("claims") && value.len() <= MAX_BYTES).then(|| decode(&value)).flatten()
    })
}

/// Whether a response asks for a bearer token: a proxy asks for `Basic`, `Negotiate` or `NTLM`.
pub(crate) fn is_bearer(headers: &HeaderMap) -> bool {
    let mut values = headers.get_all(WWW_AUTHENTICATE).iter().filter_map(|value| value.to_str().ok());
    values.any(|value| {
        let mut words = value.split([' ', ',']);
        words.any(|word| word.eq_ignore_ascii_case("bearer") || word.eq_ignore_ascii_case("pop"))
    })
}

/// Returns the claims if they are a JSON object.
pub(super) fn json_object(text: &str) -> Option<String> {
    let is_object =
        |text: &str| serde_json::from_slice::<serde_json::Map<String, serde_json::Value>>(text.as_bytes()).is_ok();
    (text.len() <= MAX_BYTES && is_object(text)).then(|| text.trim().to_owned())
}

/// Decodes base64 of either alphabet, with or without padding, or takes the JSON itself, which some services send.
fn decode(value: &str) -> Option<String> {
    let config = GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true);
    json_object(value).or_else(|| {
        let bytes = [URL_SAFE, STANDARD]
            .iter()
            .find_map(|alphabet| GeneralPurpose::new(alphabet, config).decode(value.trim()).ok())?;
        json_object(std::str::from_utf8(&bytes).ok()?)
    })
}

/// The parameters of all challenges in one header, without the names of their schemes, which no `=` follows.
struct Parameters<'a> {
    rest: &'a str,
}

impl<'a> Iterator for Parameters<'a> {
    type Item = (&'a str, String);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            self.rest = self.rest.trim_start_matches([' ', '\t', ',']);
            let end = self.rest.find([' ', '\t', ',', '=', '"']).unwrap_or(self.rest.len());
            let (name, rest) = self.rest.split_at(end);
            self.rest = rest.trim_start_matches([' ', '\t']);
            if let Some(rest) = self.rest.strip_prefix('=') {
                return Some((name, self.value(rest.trim_start_matches([' ', '\t']))));
            }
            if name.is_empty() {
                // A misplaced quote, or the end.
                self.rest = self.rest.get(1..)?;
            }
        }
    }
}

impl<'a> Parameters<'a> {
    fn value(&mut self, rest: &'a str) -> String {
        let Some(quoted) = rest.strip_prefix('"') else {
            let end = rest.find([' ', '\t', ',']).unwrap_or(rest.len());
            self.rest = &rest[end..];
            return rest[..end].to_owned();
        };
        let mut value = String::new();
        let mut characters = quoted.char_indices();
        while let Some((at, character)) = characters.next() {
            match character {
                '"' => {
                    self.rest = &quoted[at + 1..];
                    return value;
                }
                '\\' => value.extend(characters.next().map(|(_, escaped)| escaped)),
                other => value.push(other),
            }
        }
        self.rest = "";
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
    use http::HeaderValue;

    /// Its base64 differs between the alphabets and needs padding.
    const CLAIMS: &str = r#"{"access_token":{"nbf":{"essential":true,"value":"1??>>~~"}}} "#;

    fn read(values: &[&str]) -> Option<String> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(WWW_AUTHENTICATE, HeaderValue::from_str(value).unwrap());
        }
        in_headers(&headers)
    }

    #[test]
    fn a_challenge_is_found_however_it_is_written() {
        for encoded in [STANDARD.encode(CLAIMS), STANDARD_NO_PAD.encode(CLAIMS), URL_SAFE_NO_PAD.encode(CLAIMS)] {
            for header in [
                format!(r#"Bearer realm="", error="insufficient_claims", claims="{encoded}""#),
                format!(r#"bearer Claims = "{encoded}" , error=insufficient_claims"#),
                format!("Bearer claims={encoded}, realm=x"),
                format!(r#"Basic realm="a, claims=\"no\"", Bearer client_id="x",claims="{encoded}""#),
                format!(r#"PoP xclaims="e30", claims="{encoded}"#),
            ] {
                assert_eq!(read(&[&header]).as_deref(), Some(CLAIMS.trim()), "{header}");
                assert_eq!(read(&["Negotiate", &header]).as_deref(), Some(CLAIMS.trim()), "{header}");
            }
        }
        let bare = CLAIMS.trim().replace('"', "\\\"");
        assert_eq!(read(&[&format!(r#"Bearer claims="{bare}""#)]).as_deref(), Some(CLAIMS.trim()));
    }

    #[test]
    fn what_is_no_challenge_is_none() {
        let long = STANDARD.encode(format!(r#"{{"x":"{}"}}"#, "x".repeat(MAX_BYTES)));
        for header in [
            "",
            "Bearer",
            "Bearer realm=\"\", xclaims=\"e30\"",
            "Bearer claims=",
            "Bearer claims=\"\"",
            "Bearer claims=\"!!!\"",
            "Bearer claims=\"W10\"",
            "Bearer claims=\"/w==\"",
            "\"\"\" = , =\"",
            &format!("Bearer claims=\"{long}\""),
        ] {
            assert_eq!(read(&[header]), None, "{header}");
        }
    }
}
