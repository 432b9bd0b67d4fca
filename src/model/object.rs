//! How an object of Graph is read and written: member by member.
//!
//! The types of this module are declared with `object!`, and only what differs between them is compiled for each: the
//! names of their members. Reading and writing are the functions of this file, over `dyn Object`.
//!
//! A member of another form than documented costs neither the rest of the object nor the rest of its list: the value is
//! kept among the [`Unknown`] members, under the member's name.

use std::borrow::Cow;
use std::fmt;

use secrecy::SecretString;
use serde::Deserialize;
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use uuid::Uuid;

use crate::model::date::rfc3339;
use crate::model::unknown::Unknown;

/// Declares an object that is read from Graph: its fields with the names of its members in JSON.
///
/// What stands under `never written` is read, and neither written nor compared nor shown by a derived trait.
macro_rules! object {
    ($(#[$doc:meta])* $name:ident { $($members:tt)* }) => {
        crate::model::object::object! {
            #[derive(Debug, PartialEq)]
            $(#[$doc])*
            struct $name { $($members)* }
            never written {}
        }
    };
    (
        $(#[$meta:meta])* struct $name:ident { $($(#[$doc:meta])* $field:ident: $kind:ty = $json:literal,)* }
        never written { $($(#[$silent_doc:meta])* $silent:ident: $silent_kind:ty = $silent_json:literal,)* }
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

        impl crate::model::object::Object for $name {
            fn member(&mut self, name: &str) -> Option<(Option<&'static str>, &mut dyn crate::model::object::Member)> {
                Some(match name {
                    $($json => (Some($json), &mut self.$field),)*
                    $($silent_json => (None, &mut self.$silent),)*
                    _ => return None,
                })
            }

            fn members(&self) -> Vec<(&'static str, &dyn crate::model::object::Member)> {
                vec![$(($json, &self.$field),)*]
            }

            fn unknown(&self) -> &crate::model::Unknown {
                &self.unknown
            }

            fn unknown_mut(&mut self) -> &mut crate::model::Unknown {
                &mut self.unknown
            }
        }

        impl crate::model::object::Element for $name {
            fn new_object() -> Option<Self> {
                Some(Self::default())
            }

            fn as_object(&mut self) -> Option<&mut dyn crate::model::object::Object> {
                Some(self)
            }

            fn written(&self) -> crate::model::object::Written<'_> {
                crate::model::object::Written::Object(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                let mut object = Self::default();
                crate::model::object::read(&mut object, from)?;
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

pub(super) use object;

/// An object of Graph whose members are known by name.
pub(super) trait Object {
    /// The member of this name, and the name to keep a value under that cannot be read: none for a member that is
    /// never written.
    fn member(&mut self, name: &str) -> Option<(Option<&'static str>, &mut dyn Member)>;

    /// The members that are written.
    fn members(&self) -> Vec<(&'static str, &dyn Member)>;

    fn unknown(&self) -> &Unknown;

    fn unknown_mut(&mut self) -> &mut Unknown;
}

/// A field of an object.
pub(super) trait Member {
    /// Where its value is put.
    fn slot(&mut self) -> Slot<'_>;

    /// Its value; nothing when it is absent.
    fn written(&self) -> Option<Written<'_>>;
}

/// Where a value of JSON is put.
pub(super) enum Slot<'a> {
    Flag(&'a mut Option<bool>),
    Number(&'a mut Option<i32>),
    /// A text or an object.
    One(&'a mut dyn Place),
    /// A list of texts or objects.
    List(&'a mut dyn Place),
    /// The next item of a list.
    Item(&'a mut dyn Place),
}

/// Texts or objects of one type: one of them, or a list that grows.
pub(super) trait Place {
    fn clear(&mut self);

    /// Puts a text; false when it cannot be read.
    fn put_text(&mut self, text: &str) -> bool;

    /// Puts an object that is still empty; nothing when texts are put here.
    fn put_object(&mut self) -> Option<&mut dyn Object>;
}

/// A value of JSON to be written.
pub(super) enum Written<'a> {
    Flag(bool),
    Number(i32),
    Text(Cow<'a, str>),
    Object(&'a dyn Object),
    List(Vec<Written<'a>>),
    Unknown(&'a Value),
}

/// What is one item of a list, or one member by itself.
pub(super) trait Element: Sized {
    /// The value that a text stands for.
    fn from_text(_: &str) -> Option<Self> {
        None
    }

    /// An empty object, where it is one.
    fn new_object() -> Option<Self> {
        None
    }

    fn as_object(&mut self) -> Option<&mut dyn Object> {
        None
    }

    fn written(&self) -> Written<'_>;
}

impl Member for Option<bool> {
    fn slot(&mut self) -> Slot<'_> {
        Slot::Flag(self)
    }

    fn written(&self) -> Option<Written<'_>> {
        self.map(Written::Flag)
    }
}

impl Member for Option<i32> {
    fn slot(&mut self) -> Slot<'_> {
        Slot::Number(self)
    }

    fn written(&self) -> Option<Written<'_>> {
        self.map(Written::Number)
    }
}

impl<T: Element> Member for Option<T> {
    fn slot(&mut self) -> Slot<'_> {
        Slot::One(self)
    }

    fn written(&self) -> Option<Written<'_>> {
        self.as_ref().map(T::written)
    }
}

impl<T: Element> Member for Vec<T> {
    fn slot(&mut self) -> Slot<'_> {
        Slot::List(self)
    }

    fn written(&self) -> Option<Written<'_>> {
        if self.is_empty() {
            return None;
        }
        Some(Written::List(self.iter().map(T::written).collect()))
    }
}

impl<T: Element> Place for Option<T> {
    fn clear(&mut self) {
        *self = None;
    }

    fn put_text(&mut self, text: &str) -> bool {
        *self = T::from_text(text);
        self.is_some()
    }

    fn put_object(&mut self) -> Option<&mut dyn Object> {
        *self = T::new_object();
        self.as_mut()?.as_object()
    }
}

impl<T: Element> Place for Vec<T> {
    fn clear(&mut self) {
        self.clear();
    }

    fn put_text(&mut self, text: &str) -> bool {
        let item = T::from_text(text);
        let readable = item.is_some();
        self.extend(item);
        readable
    }

    fn put_object(&mut self) -> Option<&mut dyn Object> {
        self.push(T::new_object()?);
        self.last_mut()?.as_object()
    }
}

impl Element for String {
    fn from_text(text: &str) -> Option<Self> {
        Some(text.to_owned())
    }

    fn written(&self) -> Written<'_> {
        Written::Text(Cow::Borrowed(self))
    }
}

impl Element for SecretString {
    fn from_text(text: &str) -> Option<Self> {
        Some(text.into())
    }

    fn written(&self) -> Written<'_> {
        // A secret is a member that is never written.
        Written::Unknown(&Value::Null)
    }
}

impl Element for OffsetDateTime {
    fn from_text(text: &str) -> Option<Self> {
        Self::parse(text, &Rfc3339).ok()
    }

    fn written(&self) -> Written<'_> {
        Written::Text(Cow::Owned(rfc3339(*self).unwrap_or_default()))
    }
}

macro_rules! ids {
    ($($id:ty)*) => {$(
        impl Element for $id {
            fn from_text(text: &str) -> Option<Self> {
                Uuid::try_parse(text).ok().map(Self::from)
            }

            fn written(&self) -> Written<'_> {
                Written::Text(Cow::Owned(self.to_string()))
            }
        }
    )*};
}

ids!(Uuid crate::ids::TenantId crate::ids::AppId crate::ids::ApplicationId crate::ids::ServicePrincipalId);
ids!(crate::ids::DirectoryObjectId crate::ids::KeyId crate::ids::PermissionId);

macro_rules! text_ids {
    ($($id:ident)*) => {$(
        impl Element for crate::ids::$id {
            fn from_text(text: &str) -> Option<Self> {
                Some(Self::new(text))
            }

            fn written(&self) -> Written<'_> {
                Written::Text(Cow::Borrowed(self.as_str()))
            }
        }
    )*};
}

text_ids!(AppRoleAssignmentId OAuth2PermissionGrantId);

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
        while let Some(name) = map.next_key_seed(MemberReader(&mut *self.0))? {
            let (name, value) = match name {
                Name::Known(name, member) => {
                    let unreadable = map.next_value_seed(ValueReader(member.slot()))?;
                    (name.map(str::to_owned), unreadable)
                }
                Name::Unknown(name) => (Some(name), Some(map.next_value()?)),
            };
            if let (Some(name), Some(value)) = (name, value) {
                self.0.unknown_mut().insert(name, value);
            }
        }
        Ok(())
    }
}

/// Reads a member's name, and finds the member.
struct MemberReader<'a>(&'a mut dyn Object);

enum Name<'a> {
    Known(Option<&'static str>, &'a mut dyn Member),
    Unknown(String),
}

impl<'de, 'a> DeserializeSeed<'de> for MemberReader<'a> {
    type Value = Name<'a>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Name<'a>, D::Error> {
        from.deserialize_str(self)
    }
}

impl<'de, 'a> Visitor<'de> for MemberReader<'a> {
    type Value = Name<'a>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a member")
    }

    fn visit_str<E>(self, name: &str) -> Result<Name<'a>, E> {
        Ok(match self.0.member(name) {
            Some((name, member)) => Name::Known(name, member),
            None => Name::Unknown(name.to_owned()),
        })
    }
}

/// Reads a value into its place, or gives it back when it is of another form.
struct ValueReader<'a>(Slot<'a>);

impl<'de> DeserializeSeed<'de> for ValueReader<'_> {
    type Value = Option<Value>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Option<Value>, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ValueReader<'_> {
    type Value = Option<Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value of JSON")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Option<Value>, E> {
        Ok(match self.0 {
            Slot::Flag(flag) => {
                *flag = Some(value);
                None
            }
            slot => slot.refuse(value.into()),
        })
    }

    fn visit_i64<E>(self, value: i64) -> Result<Option<Value>, E> {
        Ok(match (self.0, i32::try_from(value)) {
            (Slot::Number(number), Ok(value)) => {
                *number = Some(value);
                None
            }
            (slot, _) => slot.refuse(value.into()),
        })
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<Option<Value>, E> {
        match i64::try_from(value) {
            Ok(value) => self.visit_i64(value),
            Err(_) => Ok(self.0.refuse(value.into())),
        }
    }

    fn visit_f64<E>(self, value: f64) -> Result<Option<Value>, E> {
        Ok(self.0.refuse(value.into()))
    }

    fn visit_str<E>(mut self, value: &str) -> Result<Option<Value>, E> {
        if let Slot::One(place) | Slot::Item(place) = &mut self.0
            && place.put_text(value)
        {
            return Ok(None);
        }
        Ok(self.0.refuse(value.into()))
    }

    fn visit_unit<E>(self) -> Result<Option<Value>, E> {
        Ok(match self.0 {
            item @ Slot::Item(_) => item.refuse(Value::Null),
            slot => {
                slot.refuse(Value::Null);
                None
            }
        })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Option<Value>, A::Error> {
        let Slot::List(place) = self.0 else {
            let value = Value::deserialize(SeqAccessDeserializer::new(list))?;
            return Ok(self.0.refuse(value));
        };
        place.clear();
        let mut unreadable = Vec::new();
        while let Some(item) = list.next_element_seed(ValueReader(Slot::Item(&mut *place)))? {
            unreadable.extend(item);
        }
        Ok((!unreadable.is_empty()).then(|| unreadable.into()))
    }

    fn visit_map<A: MapAccess<'de>>(mut self, map: A) -> Result<Option<Value>, A::Error> {
        if let Slot::One(place) | Slot::Item(place) = &mut self.0
            && let Some(object) = place.put_object()
        {
            return ObjectReader(object).visit_map(map).map(|()| None);
        }
        let value = Value::deserialize(MapAccessDeserializer::new(map))?;
        Ok(self.0.refuse(value))
    }
}

impl Slot<'_> {
    /// Gives back a value that cannot be put here. The member is absent then, whatever it was before.
    fn refuse(self, value: Value) -> Option<Value> {
        match self {
            Self::Flag(flag) => *flag = None,
            Self::Number(number) => *number = None,
            Self::One(place) | Self::List(place) => place.clear(),
            Self::Item(_) => {}
        }
        Some(value)
    }
}

/// Writes an object: what is set, and what is not known.
pub(super) fn write<S: Serializer>(object: &dyn Object, to: S) -> Result<S::Ok, S::Error> {
    Written::Object(object).serialize(to)
}

impl Serialize for Written<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Flag(value) => to.serialize_bool(*value),
            Self::Number(value) => to.serialize_i32(*value),
            Self::Text(value) => to.serialize_str(value),
            Self::List(items) => to.collect_seq(items),
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

/// What is written of an object: each name once. Items of a list that could not be read follow those that could.
fn all(object: &dyn Object) -> Vec<(&str, Written<'_>)> {
    let mut unknown: Vec<(&str, &Value)> = object.unknown().iter().collect();
    let mut all = Vec::new();
    for (name, member) in object.members() {
        let Some(mut value) = member.written() else { continue };
        if let Some(at) = unknown.iter().position(|(other, _)| *other == name) {
            let (_, unreadable) = unknown.remove(at);
            if let (Written::List(items), Value::Array(more)) = (&mut value, unreadable) {
                items.extend(more.iter().map(Written::Unknown));
            }
        }
        all.push((name, value));
    }
    all.extend(unknown.into_iter().map(|(name, value)| (name, Written::Unknown(value))));
    all
}
