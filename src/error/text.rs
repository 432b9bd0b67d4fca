//! Another's words, made fit to be shown and logged.

/// A text that may hold another's words, as it can be shown and logged: on one line, and without what moves a
/// terminal's cursor or turns the direction in which the rest is read.
pub(crate) fn on_one_line(text: String) -> String {
    if text.contains(is_unruly) { text.replace(is_unruly, " ") } else { text }
}

fn is_unruly(character: char) -> bool {
    // The overrides and isolates of bidirectional texts; the plain marks of direction harm nobody.
    let turns = matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    character.is_control() || turns || matches!(character, '\u{2028}' | '\u{2029}')
}

/// The longest text of a service that an error takes in, in characters: its sentences are far shorter.
pub(super) const MAX_TEXT_LENGTH: usize = 2_000;

/// A service's own words: on one line, and no longer than anybody reads.
pub(crate) fn foreign(text: String) -> String {
    on_one_line(shortened(text, MAX_TEXT_LENGTH))
}

/// The start of a text that has more characters.
pub(super) fn shortened(mut text: String, length: usize) -> String {
    if let Some((end, _)) = text.char_indices().nth(length) {
        text.truncate(end);
        text.push('…');
    }
    text
}

/// The longest part of somebody's page that is shown, in characters.
const MAX_EXCERPT_LENGTH: usize = 160;

/// So much of a page is looked at for its text, in bytes.
const MAX_EXCERPT_SOURCE: usize = 64 * 1024;

/// So much of a text is looked at for its first words, in bytes.
const MAX_EXCERPT_TEXT: usize = 4 * 1024;

/// A longer word is no word of a language: it can be a token or a key, and is left out.
const MAX_WORD_LENGTH: usize = 32;

/// The first words of a text that somebody else sent, without markup, without what `redact` takes out, and on one line;
/// `None` where there are none, or where it is no text.
pub(crate) fn first_words(text: &str, redact: impl FnOnce(String) -> String) -> Option<String> {
    let text = start(text, MAX_EXCERPT_SOURCE);
    let is_binary = |character: char| character == '\0' || character == char::REPLACEMENT_CHARACTER;
    if text.chars().take(MAX_EXCERPT_LENGTH).any(is_binary) {
        return None;
    }
    let text = redact(start(&on_one_line(without_markup(text)), MAX_EXCERPT_TEXT).to_owned());
    let mut excerpt = String::new();
    for word in text.split_whitespace() {
        let shown = if word.chars().count() > MAX_WORD_LENGTH || word.starts_with("eyJ") { "…" } else { word };
        if excerpt.chars().count() + shown.chars().count() >= MAX_EXCERPT_LENGTH {
            excerpt.push_str(" …");
            break;
        }
        if !excerpt.is_empty() {
            excerpt.push(' ');
        }
        excerpt.push_str(shown);
    }
    excerpt.contains(char::is_alphanumeric).then_some(excerpt)
}

/// At most so many bytes of a text.
fn start(text: &str, bytes: usize) -> &str {
    let end = (0..=text.len().min(bytes)).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    &text[..end]
}

/// The text of a page: without its tags, comments, scripts and styles.
fn without_markup(text: &str) -> String {
    if !is_markup(text) {
        return text.to_owned();
    }
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, tag)) = rest.split_once('<') {
        plain.push_str(before);
        plain.push(' ');
        // What never ends is no text.
        rest = [("!--", "-->"), ("script", "</script"), ("style", "</style")]
            .into_iter()
            .find(|(start, _)| starts_with(tag, start))
            .map_or(Some(tag), |(_, end)| find(tag, end).map(|at| &tag[at..]))
            .and_then(|tag| tag.split_once('>'))
            .map_or("", |(_, rest)| rest);
    }
    plain.push_str(rest);
    [("&nbsp;", " "), ("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&amp;", "&")]
        .into_iter()
        .fold(plain, |plain, (entity, letter)| plain.replace(entity, letter))
}

/// Whether a text is a page of HTML or XML.
pub(crate) fn is_markup(text: &str) -> bool {
    let text = text.trim_start();
    text.starts_with('<')
        && text[1..].starts_with(|first: char| first.is_ascii_alphabetic() || matches!(first, '!' | '?'))
}

fn starts_with(text: &str, start: &str) -> bool {
    text.get(..start.len()).is_some_and(|own| own.eq_ignore_ascii_case(start))
}

/// Where `part`, in ASCII, stands in a text in any case.
fn find(text: &str, part: &str) -> Option<usize> {
    text.as_bytes().windows(part.len()).position(|own| own.eq_ignore_ascii_case(part.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_words_of_a_page_are_its_text() {
        let page = "<!DOCTYPE html>\n<html><head><title>Zscaler</title><STYLE>p { x: y }</STYLE><!-- a > b -->\
                    <script>let a = '<b>';</script></head><body><p class=\"a\">Access&nbsp;denied by\u{1b}[2J policy &amp; \
                    rule</p></body></html>";
        for (text, words) in [
            (page, Some("Zscaler Access denied by [2J policy & rule")),
            ("Bad gateway", Some("Bad gateway")),
            ("a < b", Some("a < b")),
            ("<html><body>Sign in", Some("Sign in")),
            ("<html><script>Sign in", None),
            ("<html><!-- Sign in", None),
            ("<html", None),
            ("<", None),
            ("", None),
            (" \n ", None),
            ("PNG\0\u{fffd}", None),
            ("token eyJ0eXAi abcdefghijabcdefghijabcdefghijabc end", Some("token … … end")),
        ] {
            assert_eq!(first_words(text, |text| text).as_deref(), words, "{text}");
        }
    }

    #[test]
    fn an_excerpt_is_bounded() {
        for text in ["word ".repeat(100_000), "é".repeat(100_000), format!("<p>{}", "<b>x</b> ".repeat(50_000))] {
            let words = first_words(&text, |text| text);
            assert!(words.iter().all(|words| words.chars().count() <= MAX_EXCERPT_LENGTH + 2), "{words:?}");
        }
        let words = first_words(&"word ".repeat(100), |text| text).unwrap();
        assert!(words.ends_with("word …") && words.len() > 120, "{words}");
    }
}
