//! The body of a request: an object that holds only the members that were set.

use std::fmt;

use serde::ser::{Error as _, Serialize, Serializer};
use serde_json::{Map, Value};

/// The members that were set, in no particular order.
#[derive(Clone, Default, PartialEq)]
pub(super) struct Body {
    members: Map<String, Value>,
    /// Members whose values cannot be written as JSON: a body that has any is never sent.
    unwritable: Vec<String>,
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Names only: a member can hold a key.
        f.debug_set().entries(self.members.keys()).finish()
    }
}

impl Serialize for Body {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self.unwritable.first() {
            None => self.members.serialize(to),
            Some(name) => Err(S::Error::custom(format_args!("the value of {name} cannot be written as JSON"))),
        }
    }
}

impl Body {
    pub(super) fn set(&mut self, name: &str, value: impl Serialize) {
        self.insert(name, serde_json::to_value(value));
    }

    fn insert(&mut self, name: &str, value: serde_json::Result<Value>) {
        self.unwritable.retain(|other| other != name);
        let value = value.unwrap_or_else(|_| {
            self.unwritable.push(name.to_owned());
            Value::Null
        });
        self.members.insert(name.to_owned(), value);
    }

    /// The value of a member that is a string.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.members.get(name).and_then(Value::as_str)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.members.is_empty()
    }
}

/// Setters of a type that wraps a [`Body`]. A `clear` setter sends null, which removes the value.
macro_rules! setters {
    ($name:ident { $($(#[$doc:meta])* $setter:ident ( $json:literal ) : $kind:ty $(, clear $clear:ident)?;)* }) => {
        impl $name {
            $(
                $(#[$doc])*
                #[must_use]
                pub fn $setter(mut self, value: impl Into<$kind>) -> Self {
                    let value: $kind = value.into();
                    self.0.set($json, value);
                    self
                }

                $(
                    #[doc = concat!("Sends null: the value of `", $json, "` is removed.")]
                    #[must_use]
                    pub fn $clear(mut self) -> Self {
                        self.0.set($json, None::<()>);
                        self
                    }
                )?
            )*

            /// Sets a member that this version does not know, given as JSON.
            ///
            /// # Errors
            /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) when the text is not JSON.
            pub fn unknown(mut self, name: &str, json: &str) -> Result<Self, crate::Error> {
                let value: serde_json::Value = serde_json::from_slice(json.as_bytes()).map_err(|error| {
                    crate::Error::new(crate::ErrorCode::InvalidBody)
                            .with_message(format!("the value of {name} is not JSON"))
                            .with_source(error)
                })?;
                self.0.set(name, value);
                Ok(self)
            }

            /// Whether nothing was set.
            pub fn is_empty(&self) -> bool {
                self.0.is_empty()
            }
        }
    };
}

/// The methods that set a flag of a type that wraps a [`Body`], one for each of its values.
macro_rules! switches {
    ($name:ident { $($(#[$doc:meta])* $method:ident ( $json:literal ) = $value:literal;)* }) => {
        impl $name {
            $(
                $(#[$doc])*
                #[must_use]
                pub fn $method(mut self) -> Self {
                    self.0.set($json, $value);
                    self
                }
            )*
        }
    };
}

/// Declares a type that wraps a [`Body`] and starts empty.
macro_rules! patch {
    ($(#[$doc:meta])* $name:ident { $($rest:tt)* }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq, serde::Serialize)]
        #[serde(transparent)]
        pub struct $name(crate::model::body::Body);

        impl $name {
            /// A body in which nothing is set yet.
            pub fn new() -> Self {
                Self::default()
            }
        }

        crate::model::body::setters!($name { $($rest)* });
    };
}

pub(super) use {patch, setters, switches};
