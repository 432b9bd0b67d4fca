//! Credentials, and the parameters of the actions on them.

use super::Type::{Binary, Collection, Complex, DateTimeOffset, Guid, NotNull, String as Text};
use super::{ComplexType, Type};

pub(super) const KEY_CREDENTIALS: Type = Collection(&Complex(&KEY_CREDENTIAL));

pub(super) const PASSWORD_CREDENTIALS: Type = Collection(&Complex(&PASSWORD_CREDENTIAL));

static KEY_CREDENTIAL: ComplexType = ComplexType {
    name: "keyCredential",
    members: &[
        ("customKeyIdentifier", Binary),
        ("displayName", Text),
        ("endDateTime", DateTimeOffset),
        ("key", Binary),
        ("keyId", Guid),
        ("startDateTime", DateTimeOffset),
        ("type", Text),
        ("usage", Text),
    ],
};

static PASSWORD_CREDENTIAL: ComplexType = ComplexType {
    name: "passwordCredential",
    members: &[
        ("customKeyIdentifier", Binary),
        ("displayName", Text),
        ("endDateTime", DateTimeOffset),
        ("hint", Text),
        ("keyId", Guid),
        ("secretText", Text),
        ("startDateTime", DateTimeOffset),
    ],
};

/// The parameters of `addPassword`.
pub(crate) static ADD_PASSWORD: ComplexType =
    ComplexType { name: "addPassword", members: &[("passwordCredential", Complex(&PASSWORD_CREDENTIAL))] };

/// The parameters of `removePassword`.
pub(crate) static REMOVE_PASSWORD: ComplexType =
    ComplexType { name: "removePassword", members: &[("keyId", NotNull(&Guid))] };

/// The parameters of `addKey`.
pub(crate) static ADD_KEY: ComplexType = ComplexType {
    name: "addKey",
    members: &[
        ("keyCredential", NotNull(&Complex(&KEY_CREDENTIAL))),
        ("passwordCredential", Complex(&PASSWORD_CREDENTIAL)),
        ("proof", Text),
    ],
};

/// The parameters of `removeKey`.
pub(crate) static REMOVE_KEY: ComplexType =
    ComplexType { name: "removeKey", members: &[("keyId", NotNull(&Guid)), ("proof", Text)] };
