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
pub(crate) fn foreign(mut text: String) -> String {
    if let Some((end, _)) = text.char_indices().nth(MAX_TEXT_LENGTH) {
        text.truncate(end);
        text.push('…');
    }
    on_one_line(text)
}
