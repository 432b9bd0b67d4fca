//! The internal notes.

use crate::error::{Error, ErrorCode};
use crate::provision::settings::scalar::Scalar;
use crate::provision::step::StepKind;

impl StepKind {
    /// The internal notes of the registration.
    pub const NOTES: Self = Self::new("notes");
}

pub(super) const NOTES: Scalar<String> = Scalar {
    kind: StepKind::NOTES,
    name: "the notes",
    label: "Notes",
    place: "Branding & properties",
    select: &["notes"],
    check: |notes| match notes.chars().count() {
        0..=1024 => Ok(()),
        _ => Err(Error::new(ErrorCode::NotesTooLong)),
    },
    wanted: |registration| registration.notes.clone(),
    read: |app| app.notes.clone(),
    write: |app, notes| app.notes = Some(notes),
    show: Clone::clone,
};
