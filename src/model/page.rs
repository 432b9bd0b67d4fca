//! The envelope of a list.

use std::fmt;

use serde::de::{DeserializeOwned, DeserializeSeed, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::model::unknown::WHOLE;

/// A page as Graph sends it. The list ends where there is no next link, and not at an empty page.
#[derive(Debug)]
pub(crate) struct Envelope<T> {
    pub(crate) value: Vec<T>,
    pub(crate) next_link: Option<String>,
    pub(crate) count: Option<u64>,
}

/// The largest number of items in one page: ten times what can be asked for.
const MAX_ITEMS: usize = 10_000;

/// A page of which each item is what it should be. It is read in one pass; an [`Envelope`] takes two, and then loses to an
/// odd item no other.
pub(crate) struct Regular<T>(pub(crate) Envelope<T>);

impl<'de, T: DeserializeOwned> Deserialize<'de> for Envelope<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        read::<T, D, false>(from)
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Regular<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        read::<T, D, true>(from).map(Self)
    }
}

fn read<'de, T: DeserializeOwned, D: Deserializer<'de>, const REGULAR: bool>(from: D) -> Result<Envelope<T>, D::Error> {
    let mut value = None;
    let Links { next_link, count } = from.deserialize_map(EnvelopeReader::<T, REGULAR>(&mut value))?;
    match value {
        Some(value) => Ok(Envelope { value, next_link, count }),
        None => Err(D::Error::missing_field("value")),
    }
}

/// The members of an envelope besides its items.
#[derive(Default)]
struct Links {
    next_link: Option<String>,
    count: Option<u64>,
}

struct EnvelopeReader<'a, T, const REGULAR: bool>(&'a mut Option<Vec<T>>);

impl<'de, T: DeserializeOwned, const REGULAR: bool> Visitor<'de> for EnvelopeReader<'_, T, REGULAR> {
    type Value = Links;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a page of a list")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Links, A::Error> {
        let mut links = Links::default();
        while let Some(name) = map.next_key::<String>()? {
            match name.as_str() {
                "value" => map.next_value_seed(ItemsReader::<T, REGULAR>(self.0.insert(Vec::new())))?,
                "@odata.nextLink" => links.next_link = map.next_value()?,
                "@odata.count" => links.count = map.next_value::<Value>()?.as_u64(),
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(links)
    }
}

/// Reads an item. What is no object is one of which nothing could be read: the rest of the list is not lost with it.
fn read_item<T: DeserializeOwned>(item: &RawValue) -> serde_json::Result<T> {
    serde_json::from_str(item.get())
        .or_else(|error| serde_json::from_str(&format!("{{\"{WHOLE}\":{item}}}")).map_err(|_| error))
}

struct ItemsReader<'a, T, const REGULAR: bool>(&'a mut Vec<T>);

impl<T, const REGULAR: bool> ItemsReader<'_, T, REGULAR> {
    fn check_room<E: serde::de::Error>(&self) -> Result<(), E> {
        if self.0.len() < MAX_ITEMS { Ok(()) } else { Err(E::custom("a page of too many items")) }
    }
}

impl<'de, T: DeserializeOwned, const REGULAR: bool> DeserializeSeed<'de> for ItemsReader<'_, T, REGULAR> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_seq(self)
    }
}

impl<'de, T: DeserializeOwned, const REGULAR: bool> Visitor<'de> for ItemsReader<'_, T, REGULAR> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        if REGULAR {
            while let Some(item) = list.next_element()? {
                self.check_room()?;
                self.0.push(item);
            }
            return Ok(());
        }
        while let Some(item) = list.next_element::<Box<RawValue>>()? {
            self.check_room()?;
            self.0.push(read_item(&item).map_err(A::Error::custom)?);
        }
        Ok(())
    }
}
