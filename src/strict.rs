//! Reads files that people write: a member that is not known is refused, with the one that was probably meant.

use std::fmt;

use serde::de::value::StringDeserializer;
use serde::de::{DeserializeSeed, Deserializer, Error as _, IntoDeserializer, MapAccess, SeqAccess, Visitor};
use serde::forward_to_deserialize_any;

use crate::similar::suggestions;

/// The part of a name that an error shows, in characters.
const MAX_SHOWN: usize = 64;

/// A deserializer of an object that has no other members than the type that is read.
pub(crate) struct Strict<D>(pub(crate) D);

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Strict<D> {
    type Error = D::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.0.deserialize_any(visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.0.deserialize_struct(name, fields, StrictVisitor { fields, inner: visitor })
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

struct StrictVisitor<V> {
    fields: &'static [&'static str],
    inner: V,
}

impl<'de, V: Visitor<'de>> Visitor<'de> for StrictVisitor<V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.expecting(f)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, members: A) -> Result<V::Value, A::Error> {
        self.inner.visit_seq(members)
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<V::Value, A::Error> {
        self.inner.visit_map(StrictMembers { fields: self.fields, inner: members })
    }
}

struct StrictMembers<A> {
    fields: &'static [&'static str],
    inner: A,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for StrictMembers<A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, A::Error> {
        let Some(name) = self.inner.next_key::<String>()? else { return Ok(None) };
        if !self.fields.contains(&name.as_str()) {
            return Err(A::Error::custom(unknown(&name, self.fields)));
        }
        let name: StringDeserializer<A::Error> = name.into_deserializer();
        seed.deserialize(name).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, A::Error> {
        self.inner.next_value_seed(seed)
    }
}

/// The sentence about a member that is not known. What stands in its place may be anything, and is cut off.
fn unknown(name: &str, fields: &[&str]) -> String {
    let shown: String = name.chars().filter(|c| !c.is_control()).take(MAX_SHOWN).collect();
    match suggestions(name, fields.iter().copied()) {
        Some(fields) => format!("unknown member `{shown}`, did you mean {fields}?"),
        None => format!("unknown member `{shown}`, expected one of {}", fields.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(remote = "Self", rename_all = "camelCase")]
    struct Thing {
        admin_consent: bool,
        #[serde(default)]
        size: u8,
    }

    impl<'de> Deserialize<'de> for Thing {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            Self::deserialize(Strict(deserializer))
        }
    }

    #[test]
    fn an_unknown_member_is_refused_with_the_one_that_was_meant() {
        let read = |text: &str| serde_json::from_str::<Vec<Thing>>(text);
        let expected = vec![Thing { admin_consent: true, size: 2 }];
        assert_eq!(read(r#"[{"adminConsent": true, "size": 2}]"#).unwrap(), expected);
        for (member, said) in [
            ("adminConsnet", "did you mean `adminConsent`?"),
            ("admin_consent", "did you mean `adminConsent`?"),
            ("AdminConsent", "did you mean `adminConsent`?"),
            ("siez", "did you mean `size`?"),
            ("colour", "expected one of adminConsent, size"),
            (&"x".repeat(100_000), "expected one of adminConsent, size"),
        ] {
            let error = read(&format!("[{{\"adminConsent\": true,\n\"{member}\": 1}}]")).unwrap_err();
            assert!(error.to_string().contains(said) && error.to_string().len() < 200, "{error}");
            assert_eq!(error.line(), 2, "{error}");
        }
    }
}
