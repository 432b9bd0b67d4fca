//! Names that somebody typed in: the most similar ones that exist, and the typed one as an error may show it.

use std::cmp::Reverse;

/// The largest number of names that an error suggests.
const MAX_SUGGESTIONS: usize = 3;

/// What is compared of a name, in letters: the distance takes time and room by the product of the lengths.
const MAX_COMPARED: usize = 120;

/// The start of a name that tells which is meant, in letters.
const MIN_START: usize = 6;

/// The most similar of `names`, as `A, B or C`.
pub(crate) fn suggestions<'a>(name: &str, names: impl Iterator<Item = &'a str>) -> Option<String> {
    let wanted = letters(name);
    // A third of the letters may be wrong: enough for a forgotten word, too few for another name.
    let tolerance = (wanted.len() / 3).max(2).min(wanted.len() / 2);
    let mut near: Vec<_> = names
        .filter_map(|known| {
            let letters = letters(known);
            let distance = strsim::osa_distance(&wanted, &letters);
            // Of equally near names, the one that begins alike.
            let alike = wanted.bytes().zip(letters.bytes()).take_while(|(a, b)| a == b).count();
            // Whoever leaves an end out is nearer than the letters say.
            let is_start = wanted.len() >= MIN_START && letters.starts_with(&wanted);
            (distance <= tolerance || is_start).then_some((distance, Reverse(alike), known))
        })
        .collect();
    near.sort_unstable();
    let names: Vec<_> = near.into_iter().take(MAX_SUGGESTIONS).map(|(_, _, value)| format!("`{value}`")).collect();
    match names.as_slice() {
        [] => None,
        [one] => Some(one.clone()),
        [first @ .., last] => Some(format!("{} or {last}", first.join(", "))),
    }
}

/// The name as an error shows it. A secret that was pasted into the wrong field is not repeated: it has characters or a
/// length that no such name has.
pub(crate) fn shown(name: &str) -> String {
    let harmless = |c: char| c.is_ascii_alphanumeric() || "._- ".contains(c);
    let digits = name.chars().filter(char::is_ascii_digit).count();
    if name.len() <= 64 && digits <= 4 && name.chars().all(harmless) {
        format!("`{name}`")
    } else {
        format!("a text of {} characters", name.chars().count())
    }
}

fn letters(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).take(MAX_COMPARED).map(|c| c.to_ascii_lowercase()).collect()
}
