//! The envelope of a list.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Error as _, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// A page as Graph sends it. The list ends where there is no next link, not at an empty page.
#[derive(Debug, Deserialize)]
#[serde(bound = "T: Deserialize<'de>")]
pub(crate) struct Envelope<T> {
    #[serde(deserialize_with = "items")]
    pub(crate) value: Vec<T>,
    #[serde(rename = "@odata.nextLink", default)]
    pub(crate) next_link: Option<String>,
    #[serde(rename = "@odata.count", default)]
    pub(crate) count: Option<u64>,
}

/// Items in one page: ten times what can be asked for.
const MOST_ITEMS: usize = 10_000;

fn items<'de, T: Deserialize<'de>, D: Deserializer<'de>>(from: D) -> Result<Vec<T>, D::Error> {
    struct Items<T>(PhantomData<T>);

    impl<'de, T: Deserialize<'de>> Visitor<'de> for Items<T> {
        type Value = Vec<T>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<T>, A::Error> {
            let mut items = Vec::new();
            while let Some(item) = list.next_element()? {
                if items.len() >= MOST_ITEMS {
                    return Err(A::Error::custom("a page of too many items"));
                }
                items.push(item);
            }
            Ok(items)
        }
    }

    from.deserialize_seq(Items(PhantomData))
}
