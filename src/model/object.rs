//! How an object of Graph is read and written: member by member.
//!
//! The types of this module are declared with `object!`, and only what differs between them is compiled for each: the
//! names of their members. Reading and writing are the functions of this file, over `dyn Object`.
//!
//! A member of another form than documented costs neither the rest of the object nor the rest of its list: the value is
//! kept among the [`Unknown`] members, under the member's name. A list is never null, so null in place of one is such a
//! value; in place of anything else it is no value. Which members came at all is kept too: a list that came empty is
//! written again, and one that did not come is not.

use std::fmt;

use secrecy::SecretString;
use serde::Deserialize;
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};
use serde_json::Value;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::ids::{
    AccessAssignmentId, AppId, AppManagementPolicyId, AppRoleAssignmentId, ApplicationId, DelegatedAdminRelationshipId,
    DirectoryObjectId, FederatedIdentityCredentialId, KeyId, OAuth2PermissionGrantId, PermissionId,
    RelationshipOperationId, RelationshipRequestId, ServicePrincipalId, TenantId,
};
use crate::model::date::{self, rfc3339};
use crate::model::unknown::{Unknown, WHOLE};

/// Declares an object that is read from Graph: its fields with the names of its members in JSON.
///
/// A member under `never written` is read and never written, and so is a value of another form in its place. An object
/// that `has` members which no other form of it has is refused in that other form. An object that is `settable` has a setter for each field but the flags, which have a method for each of their values.
macro_rules! object {
    (
        $(#[$meta:meta])* settable $name:ident {
            $($(#[$doc:meta])* $field:ident: $outer:ident<$($inner:ident)::+> = $json:literal,)*
        }
    ) => {
        crate::model::object::object! {
            $(#[$meta])* $name { $($(#[$doc])* $field: $outer<$($inner)::+> = $json,)* }
        }

        impl $name {
            $(crate::model::object::setter! { $(#[$doc])* $field: $outer<$($inner)::+> })*
        }
    };
    ($(#[$doc:meta])* $name:ident { $($members:tt)* } $(has $own:tt)?) => {
        crate::model::object::object! {
            #[derive(Debug, PartialEq)]
            $(#[$doc])*
            struct $name { $($members)* }
            never written {}
            $(has $own)?
        }
    };
    (
        $(#[$meta:meta])* struct $name:ident { $($(#[$doc:meta])* $field:ident: $kind:ty = $json:literal,)* }
        never written { $($(#[$silent_doc:meta])* $silent:ident: $silent_kind:ty = $silent_json:literal,)* }
        $(has [$($own:literal)*])?
    ) => {
        $(#[$meta])*
        #[derive(Clone, Default)]
        #[non_exhaustive]
        pub struct $name {
            $($(#[$doc])* pub $field: $kind,)*
            $($(#[$silent_doc])* pub $silent: $silent_kind,)*
            /// Members that this version does not know, and values that it cannot read.
            pub unknown: crate::model::Unknown,
        }

        impl $name {
            /// The members that came in another form than documented, and so are unknown: paths such as
            /// `web/redirectUris`, of an item of a list with its index. Of a list that is named itself, items are missing.
            ///
            /// Each value is kept as it came, and is written again with the object.
            pub fn unreadable(&self) -> Vec<String> {
                crate::model::object::unreadable(self)
            }

            /// Whether a member, given by its path, came in another form than documented, or something in it did.
            pub fn is_unreadable(&self, path: &str) -> bool {
                crate::model::object::is_unreadable(self, path)
            }

            /// Whether a member, given by its path, came and could be read. A list that was not read is empty and a
            /// value absent, as those are that were read as empty and null.
            pub fn was_read(&self, path: &str) -> bool {
                crate::model::object::was_read(self, path)
            }
        }

        impl crate::model::object::Object for $name {
            fn names(&self) -> [&'static [&'static str]; 2] {
                const NAMES: [&[&str]; 2] = [&[$($json,)*], &[$($silent_json,)*]];
                const { assert!(NAMES[0].len() + NAMES[1].len() <= crate::model::unknown::MAX_MEMBERS) };
                NAMES
            }

            fn slot(&mut self, name: &str) -> Option<(usize, crate::model::object::Slot<'_>)> {
                use crate::model::object::Readable;

                #[allow(non_camel_case_types)] // it has a variant for each field
                enum At { $($field,)* $($silent,)* }

                Some(match name {
                    $($json => (At::$field as usize, self.$field.slot()),)*
                    $($silent_json => (At::$silent as usize, self.$silent.slot()),)*
                    _ => return None,
                })
            }

            fn members(&self) -> (Vec<&dyn crate::model::object::Writable>, &crate::model::Unknown) {
                (vec![$(&self.$field,)*], &self.unknown)
            }

            fn unknown_mut(&mut self) -> &mut crate::model::Unknown {
                &mut self.unknown
            }
        }

        impl crate::model::object::Element for $name {
            fn written(&self) -> crate::model::object::Written<'_> {
                crate::model::object::Written::Object(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                let mut object = Self::default();
                crate::model::object::read(&mut object, from)?;
                $(crate::model::other_form::check(&object, &[$($own),*]).map_err(serde::de::Error::custom)?;)?
                Ok(object)
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                crate::model::object::write(self, to)
            }
        }
    };
}

/// The setter of a field.
macro_rules! setter {
    ($(#[$doc:meta])* $field:ident: Option<bool>) => {};
    ($(#[$doc:meta])* $field:ident: Option<$kind:ty>) => {
        $(#[$doc])*
        #[must_use]
        pub fn $field(mut self, value: impl Into<$kind>) -> Self {
            self.$field = Some(value.into());
            self
        }
    };
    ($(#[$doc:meta])* $field:ident: Vec<$kind:ty>) => {
        $(#[$doc])*
        #[must_use]
        pub fn $field(mut self, values: impl IntoIterator<Item = impl Into<$kind>>) -> Self {
            self.$field = values.into_iter().map(Into::into).collect();
            self
        }
    };
}

/// The methods that set a flag, one for each of its values.
macro_rules! flags {
    ($name:ident { $($(#[$doc:meta])* $method:ident: $field:ident = $value:literal;)* }) => {
        impl $name {
            $(
                $(#[$doc])*
                #[must_use]
                pub fn $method(mut self) -> Self {
                    self.$field = Some($value);
                    self
                }
            )*
        }
    };
}

pub(super) use {flags, object, setter};

/// An object of Graph whose members are known by name.
pub(super) trait Object {
    /// The names of the members that are known: those that are written, and behind them those that never are.
    fn names(&self) -> [&'static [&'static str]; 2];

    /// The place of a member's value, and where the member stands among the names.
    fn slot(&mut self, name: &str) -> Option<(usize, Slot<'_>)>;

    /// The members that are written: those that are known, in the order of their names, and the others.
    fn members(&self) -> (Vec<&dyn Writable>, &Unknown);

    fn unknown_mut(&mut self) -> &mut Unknown;
}

/// A field that is read. `Kind` tells the fields of texts from those of objects, and is inferred.
pub(super) trait Readable<Kind> {
    /// The place of its value.
    fn slot(&mut self) -> Slot<'_>;
}

/// A field that is written.
pub(super) trait Writable {
    /// Its value; nothing when it is absent. A list is there, and may be empty.
    fn written(&self) -> Option<Written<'_>>;

    /// An item of a list, in its order.
    fn item(&self, _: usize) -> Option<Written<'_>> {
        None
    }
}

/// The place into which a value of JSON is read.
pub(super) enum Slot<'a> {
    Flag(&'a mut Option<bool>),
    Number(&'a mut Option<i32>),
    Text(&'a mut dyn TextPlace),
    Texts(&'a mut dyn TextPlace),
    Object(&'a mut dyn ObjectPlace),
    Objects(&'a mut dyn ObjectPlace),
    /// The next item of a list of texts.
    TextItem(&'a mut dyn TextPlace),
    /// The next item of a list of objects.
    ObjectItem(&'a mut dyn ObjectPlace),
}

/// A text, or a list of texts.
pub(super) trait TextPlace {
    fn clear(&mut self);

    /// Puts a text, or adds it to the list; false when it cannot be read.
    fn put(&mut self, text: &str) -> bool;
}

/// An object, or a list of objects.
pub(super) trait ObjectPlace {
    fn clear(&mut self);

    /// Puts an object that is still empty, or adds it to the list.
    fn put(&mut self) -> &mut dyn Object;

    /// The object that is there.
    fn get(&mut self) -> Option<&mut dyn Object>;
}

/// A value of JSON to be written.
pub(super) enum Written<'a> {
    Flag(bool),
    Number(i32),
    Text(&'a str),
    Guid(Uuid),
    Date(OffsetDateTime),
    Object(&'a dyn Object),
    /// A list, and items that follow.
    List(&'a dyn Writable, &'a [Value]),
    Unknown(&'a Value),
}

/// A value by itself, or an item of a list.
pub(super) trait Element {
    fn written(&self) -> Written<'_>;
}

/// A value that is a string in JSON.
pub(super) trait Text: Element + Sized {
    fn from_text(text: &str) -> Option<Self>;
}

/// The kind of a field of texts.
pub(super) struct OfText;

/// The kind of a field of objects.
pub(super) struct OfObject;

impl Readable<()> for Option<bool> {
    fn slot(&mut self) -> Slot<'_> {
        Slot::Flag(self)
    }
}

impl Readable<()> for Option<i32> {
    fn slot(&mut self) -> Slot<'_> {
        Slot::Number(self)
    }
}

impl<T: Text> Readable<OfText> for Option<T> {
    fn slot(&mut self) -> Slot<'_> {
        Slot::Text(self)
    }
}

impl<T: Text> Readable<OfText> for Vec<T> {
    fn slot(&mut self) -> Slot<'_> {
        Slot::Texts(self)
    }
}

impl<T: Object + Default> Readable<OfObject> for Option<T> {
    fn slot(&mut self) -> Slot<'_> {
        Slot::Object(self)
    }
}

impl<T: Object + Default> Readable<OfObject> for Vec<T> {
    fn slot(&mut self) -> Slot<'_> {
        Slot::Objects(self)
    }
}

// What follows is compiled once for each type of a member: matches, because each combinator would be too.

#[allow(clippy::manual_map)]
impl<T: Element> Writable for Option<T> {
    fn written(&self) -> Option<Written<'_>> {
        match self {
            Some(value) => Some(value.written()),
            None => None,
        }
    }
}

impl<T: Element> Writable for Vec<T> {
    fn written(&self) -> Option<Written<'_>> {
        Some(Written::List(self, &[]))
    }

    fn item(&self, at: usize) -> Option<Written<'_>> {
        let items: &[T] = self;
        if at < items.len() { Some(items[at].written()) } else { None }
    }
}

impl<T: Text> TextPlace for Option<T> {
    fn clear(&mut self) {
        *self = None;
    }

    fn put(&mut self, text: &str) -> bool {
        *self = T::from_text(text);
        self.is_some()
    }
}

impl<T: Text> TextPlace for Vec<T> {
    fn clear(&mut self) {
        *self = Self::new();
    }

    fn put(&mut self, text: &str) -> bool {
        let Some(item) = T::from_text(text) else { return false };
        self.push(item);
        true
    }
}

impl<T: Object + Default> ObjectPlace for Option<T> {
    fn clear(&mut self) {
        *self = None;
    }

    fn put(&mut self) -> &mut dyn Object {
        self.insert(T::default())
    }

    fn get(&mut self) -> Option<&mut dyn Object> {
        match self {
            Some(object) => Some(object),
            None => None,
        }
    }
}

impl<T: Object + Default> ObjectPlace for Vec<T> {
    fn clear(&mut self) {
        *self = Self::new();
    }

    fn put(&mut self) -> &mut dyn Object {
        self.push(T::default());
        let last = self.len() - 1;
        let items: &mut [T] = self;
        &mut items[last]
    }

    fn get(&mut self) -> Option<&mut dyn Object> {
        None
    }
}

impl Element for bool {
    fn written(&self) -> Written<'_> {
        Written::Flag(*self)
    }
}

impl Element for i32 {
    fn written(&self) -> Written<'_> {
        Written::Number(*self)
    }
}

impl Element for String {
    fn written(&self) -> Written<'_> {
        Written::Text(self)
    }
}

impl Text for String {
    fn from_text(text: &str) -> Option<Self> {
        Some(text.to_owned())
    }
}

impl Element for SecretString {
    fn written(&self) -> Written<'_> {
        // A secret is a member that is never written.
        Written::Unknown(&Value::Null)
    }
}

impl Text for SecretString {
    fn from_text(text: &str) -> Option<Self> {
        Some(text.into())
    }
}

impl Element for OffsetDateTime {
    fn written(&self) -> Written<'_> {
        Written::Date(*self)
    }
}

impl Text for OffsetDateTime {
    fn from_text(text: &str) -> Option<Self> {
        date::parse(text)
    }
}

macro_rules! guids {
    ($($id:ty)*) => {$(
        impl Element for $id {
            fn written(&self) -> Written<'_> {
                Written::Guid(Uuid::from(*self))
            }
        }

        impl Text for $id {
            fn from_text(text: &str) -> Option<Self> {
                guid(text).map(Self::from)
            }
        }
    )*};
}

pub(super) fn guid(text: &str) -> Option<Uuid> {
    Uuid::try_parse(text).ok()
}

guids!(Uuid TenantId AppId AppManagementPolicyId ApplicationId ServicePrincipalId DirectoryObjectId FederatedIdentityCredentialId KeyId PermissionId);

macro_rules! text_ids {
    ($($id:ident)*) => {$(
        impl Element for $id {
            fn written(&self) -> Written<'_> {
                Written::Text(self.as_str())
            }
        }

        impl Text for $id {
            fn from_text(text: &str) -> Option<Self> {
                Some(Self::new(text))
            }
        }
    )*};
}

text_ids!(
    AppRoleAssignmentId
    OAuth2PermissionGrantId
    DelegatedAdminRelationshipId
    AccessAssignmentId
    RelationshipRequestId
    RelationshipOperationId
);

/// Reads an object, member by member.
pub(super) fn read<'de, D: Deserializer<'de>>(object: &mut dyn Object, from: D) -> Result<(), D::Error> {
    from.deserialize_map(ObjectReader(object))
}

struct ObjectReader<'a>(&'a mut dyn Object);

impl<'de> Visitor<'de> for ObjectReader<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let [written, _] = self.0.names();
        while let Some(name) = map.next_key_seed(MemberReader(&mut *self.0))? {
            match name {
                Name::Known(at, slot) => {
                    let unreadable = map.next_value_seed(ValueReader(slot))?;
                    self.0.unknown_mut().came(at, written.get(at).copied(), unreadable.map(|value| *value));
                }
                Name::Unknown(name) => {
                    let value = map.next_value()?;
                    self.0.unknown_mut().insert(name, value);
                }
            }
        }
        Ok(())
    }
}

/// Reads a member's name, and finds the place of its value.
struct MemberReader<'a>(&'a mut dyn Object);

enum Name<'a> {
    Known(usize, Slot<'a>),
    Unknown(String),
}

impl<'de, 'a> DeserializeSeed<'de> for MemberReader<'a> {
    type Value = Name<'a>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Name<'a>, D::Error> {
        from.deserialize_str(self)
    }
}

impl<'a> Visitor<'_> for MemberReader<'a> {
    type Value = Name<'a>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a member")
    }

    fn visit_str<E>(self, name: &str) -> Result<Name<'a>, E> {
        Ok(match self.0.slot(name) {
            Some((at, slot)) => Name::Known(at, slot),
            None => Name::Unknown(name.to_owned()),
        })
    }
}

/// A value of another form than its member has. It is rare, and small where there is none.
type Unreadable = Option<Box<Value>>;

/// Reads a value into its place, or gives it back when it is of another form.
struct ValueReader<'a>(Slot<'a>);

impl<'de> DeserializeSeed<'de> for ValueReader<'_> {
    type Value = Unreadable;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Unreadable, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ValueReader<'_> {
    type Value = Unreadable;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value of JSON")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Unreadable, E> {
        Ok(match self.0 {
            Slot::Flag(flag) => {
                *flag = Some(value);
                None
            }
            slot => slot.refuse(value.into()),
        })
    }

    fn visit_i64<E>(self, value: i64) -> Result<Unreadable, E> {
        Ok(match (self.0, i32::try_from(value)) {
            (Slot::Number(number), Ok(value)) => {
                *number = Some(value);
                None
            }
            (slot, _) => slot.refuse(value.into()),
        })
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<Unreadable, E> {
        match i64::try_from(value) {
            Ok(value) => self.visit_i64(value),
            Err(_) => Ok(self.0.refuse(value.into())),
        }
    }

    fn visit_f64<E>(self, value: f64) -> Result<Unreadable, E> {
        Ok(self.0.refuse(value.into()))
    }

    fn visit_str<E>(mut self, value: &str) -> Result<Unreadable, E> {
        let readable = match &mut self.0 {
            Slot::Text(place) | Slot::TextItem(place) => place.put(value),
            _ => false,
        };
        Ok(if readable { None } else { self.0.refuse(value.into()) })
    }

    fn visit_unit<E>(mut self) -> Result<Unreadable, E> {
        Ok(match self.0 {
            Slot::Texts(_) | Slot::Objects(_) | Slot::TextItem(_) | Slot::ObjectItem(_) => self.0.refuse(Value::Null),
            _ => {
                self.0.clear();
                None
            }
        })
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut list: A) -> Result<Unreadable, A::Error> {
        if !matches!(self.0, Slot::Texts(_) | Slot::Objects(_)) {
            let value = Value::deserialize(SeqAccessDeserializer::new(list))?;
            return Ok(self.0.refuse(value));
        }
        self.0.clear();
        let mut unreadable = Vec::new();
        while let Some(item) = list.next_element_seed(ValueReader(self.0.item()))? {
            unreadable.extend(item.map(|item| *item));
        }
        Ok((!unreadable.is_empty()).then(|| Box::new(Value::Array(unreadable))))
    }

    fn visit_map<A: MapAccess<'de>>(mut self, map: A) -> Result<Unreadable, A::Error> {
        if let Slot::Object(place) | Slot::ObjectItem(place) = &mut self.0 {
            return ObjectReader(place.put()).visit_map(map).map(|()| None);
        }
        let value = Value::deserialize(MapAccessDeserializer::new(map))?;
        Ok(self.0.refuse(value))
    }
}

impl Slot<'_> {
    fn clear(&mut self) {
        match self {
            Self::Flag(flag) => **flag = None,
            Self::Number(number) => **number = None,
            Self::Text(place) | Self::Texts(place) => place.clear(),
            Self::Object(place) | Self::Objects(place) => place.clear(),
            Self::TextItem(_) | Self::ObjectItem(_) => {}
        }
    }

    /// The next item, of a list.
    fn item(&mut self) -> Slot<'_> {
        match self {
            Self::Texts(place) => Slot::TextItem(&mut **place),
            Self::Objects(place) => Slot::ObjectItem(&mut **place),
            _ => unreachable!("only lists have items"),
        }
    }

    /// Gives back a value that cannot be read here, and leaves the member absent.
    #[cold]
    #[allow(clippy::unnecessary_wraps)] // it is the reader's result as it is
    fn refuse(mut self, value: Value) -> Unreadable {
        self.clear();
        Some(Box::new(value))
    }
}

/// Writes an object: the members that are set, and those that are unknown.
pub(super) fn write<S: Serializer>(object: &dyn Object, to: S) -> Result<S::Ok, S::Error> {
    Written::Object(object).serialize(to)
}

impl Serialize for Written<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Flag(value) => to.serialize_bool(*value),
            Self::Number(value) => to.serialize_i32(*value),
            Self::Text(value) => to.serialize_str(value),
            Self::Guid(value) => to.serialize_str(value.hyphenated().encode_lower(&mut Uuid::encode_buffer())),
            Self::Date(value) => to.serialize_str(&rfc3339(*value).unwrap_or_default()),
            Self::List(list, more) => {
                let mut seq = to.serialize_seq(None)?;
                let mut at = 0;
                while let Some(item) = list.item(at) {
                    seq.serialize_element(&item)?;
                    at += 1;
                }
                for value in *more {
                    seq.serialize_element(value)?;
                }
                seq.end()
            }
            Self::Unknown(value) => value.serialize(to),
            Self::Object(object) => {
                let mut map = to.serialize_map(None)?;
                for (name, value) in all(*object) {
                    map.serialize_entry(name, &value)?;
                }
                map.end()
            }
        }
    }
}

/// The members that are written, each name once. Items of a list that could not be read follow those that could.
fn all(object: &dyn Object) -> Vec<(&str, Written<'_>)> {
    let (known, unknown) = object.members();
    let mut rest: Vec<(&str, &Value)> = unknown.iter().collect();
    let mut all = Vec::with_capacity(known.len());
    let [names, _] = object.names();
    for (at, (name, member)) in names.iter().zip(known).enumerate() {
        let Some(mut value) = member.written() else { continue };
        let kept = rest.iter().position(|(other, _)| other == name);
        if let Written::List(list, more) = &mut value {
            match (kept.map(|kept| rest[kept].1), list.item(0).is_some()) {
                (Some(Value::Array(unreadable)), _) => *more = unreadable,
                (Some(_), false) => continue,
                (None, false) if !unknown.has_come(at) => continue,
                _ => {}
            }
        }
        kept.map(|kept| rest.remove(kept));
        all.push((*name, value));
    }
    all.extend(rest.into_iter().map(|(name, value)| (name, Written::Unknown(value))));
    all
}

/// The paths of the members that could not be read, of an item of a list with its index.
pub(super) fn unreadable(object: &dyn Object) -> Vec<String> {
    let mut found = Vec::new();
    find_unreadable(object, "", &mut found);
    found
}

fn find_unreadable(object: &dyn Object, path: &str, found: &mut Vec<String>) {
    let (known, unknown) = object.members();
    if unknown.get(WHOLE).is_some() {
        found.push(format!("{path}{WHOLE}"));
    }
    let [names, _] = object.names();
    for (name, member) in names.iter().zip(known) {
        let (value, kept) = (member.written(), unknown.get(name));
        // What was set since takes the place of what came.
        let is_unreadable = match &value {
            None => kept.is_some(),
            Some(Written::List(list, _)) => kept.is_some_and(|kept| kept.is_array() || list.item(0).is_none()),
            Some(_) => false,
        };
        if is_unreadable {
            found.push(format!("{path}{name}"));
        }
        match value {
            Some(Written::Object(object)) => find_unreadable(object, &format!("{path}{name}/"), found),
            Some(Written::List(list, _)) => {
                for (at, item) in (0..).map_while(|at| Some((at, list.item(at)?))) {
                    let Written::Object(object) = item else { break };
                    find_unreadable(object, &format!("{path}{name}/{at}/"), found);
                }
            }
            _ => {}
        }
    }
}

/// Whether the member of this path, what it is in, or something in it could not be read.
pub(super) fn is_unreadable(object: &dyn Object, path: &str) -> bool {
    let is_in =
        |one: &str, other: &str| one.strip_prefix(other).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    unreadable(object).iter().any(|found| found == WHOLE || is_in(found, path) || is_in(path, found))
}

/// Notes that the member of this path was asked for: a list that did not come is unreadable, as null in its place is.
pub(super) fn was_asked_for(object: &mut dyn Object, path: &str) {
    let (name, rest) = path.split_once('/').unwrap_or((path, ""));
    let Some((at, slot)) = object.slot(name) else { return };
    match slot {
        Slot::Object(place) => {
            if let Some(object) = place.get() {
                was_asked_for(object, rest);
            }
        }
        Slot::Texts(_) | Slot::Objects(_) => {
            let name = object.names()[0].get(at).copied();
            if !object.members().1.has_come(at) {
                object.unknown_mut().came(at, name, Some(Value::Null));
            }
        }
        _ => {}
    }
}

/// Whether the member of this path came and could be read.
pub(super) fn was_read(object: &dyn Object, path: &str) -> bool {
    let (first, rest) = path.split_once('/').map_or((path, None), |(first, rest)| (first, Some(rest)));
    let (known, unknown) = object.members();
    let Some(at) = object.names().concat().iter().position(|name| *name == first) else { return false };
    if !unknown.has_come(at) || unknown.get(first).is_some() {
        return false;
    }
    match (rest, known.get(at).and_then(|member| member.written())) {
        (Some(rest), Some(Written::Object(object))) => was_read(object, rest),
        // Of what is null, all is known.
        (_, None) | (None, _) => true,
        (Some(_), Some(_)) => false,
    }
}
