//! Reading an answer's body: what a few bytes can make of memory is bounded.

use std::fmt;

use serde::Deserialize;

use crate::exchange::Answer;

/// Objects and lists in one answer. Three bytes of JSON can become an object of a kilobyte; no answer of the service
/// holds a tenth of these.
const MOST_PARTS: usize = 250_000;

impl Answer {
    /// The body as JSON.
    pub(crate) fn read<'a, T: Deserialize<'a>>(&'a self) -> Result<T, Unreadable> {
        // Counted by bytes, in texts too: that is quick, and texts full of braces are rare.
        if self.body.iter().filter(|byte| matches!(byte, b'{' | b'[')).count() > MOST_PARTS {
            return Err(Unreadable::TooManyParts);
        }
        serde_json::from_slice(&self.body).map_err(|error| Unreadable::of(&error))
    }
}

/// Why a body is not what it should be, without any of its text: serde's own message would repeat a part of it.
#[derive(Debug)]
pub(crate) enum Unreadable {
    At(usize, usize),
    TooManyParts,
}

impl Unreadable {
    pub(crate) fn of(error: &serde_json::Error) -> Self {
        Self::At(error.line(), error.column())
    }
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::At(line, column) => write!(f, "JSON of another form at line {line} column {column}"),
            Self::TooManyParts => write!(f, "JSON of more than {MOST_PARTS} objects and lists"),
        }
    }
}

impl std::error::Error for Unreadable {}
