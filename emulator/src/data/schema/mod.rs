//! The types of what clients write, at every depth, and how a JSON value becomes one: a text that spells a number, a truth
//! value or an id stands for it, as OData's reader has it, and nothing else of another type is taken.
//!
//! <https://learn.microsoft.com/graph/api/resources/application>

mod application;
mod credentials;
mod grants;
mod service_principal;
mod users_and_groups;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use uuid::Uuid;

use crate::data::json::{is_annotation, timestamp};

pub(crate) use application::{APPLICATION, FEDERATED_CREDENTIAL};
pub(crate) use credentials::{ADD_KEY, ADD_PASSWORD, REMOVE_KEY, REMOVE_PASSWORD};
pub(crate) use grants::{ASSIGNMENT, GRANT};
pub(crate) use service_principal::SERVICE_PRINCIPAL;
pub(crate) use users_and_groups::{GROUP, USER};

/// The type of a member.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Type {
    String,
    Boolean,
    Int32,
    Guid,
    DateTimeOffset,
    /// Base64.
    Binary,
    /// One of these names.
    Enum(&'static str, &'static [&'static str]),
    Complex(&'static ComplexType),
    Collection(&'static Type),
    /// A type that null is no value of.
    NotNull(&'static Type),
    /// Set by the service alone.
    ReadOnly,
}

/// A complex or entity type: its name and its members.
#[derive(Debug)]
pub(crate) struct ComplexType {
    pub(crate) name: &'static str,
    pub(crate) members: &'static [(&'static str, Type)],
}

/// A list of texts.
const TEXTS: Type = Type::Collection(&Type::String);

impl ComplexType {
    /// The type of a member.
    pub(crate) fn member(&self, name: &str) -> Option<&'static Type> {
        self.members.iter().find(|(known, _)| *known == name).map(|(_, member)| member)
    }

    /// Converts each member; an error is the sentence of the service.
    pub(crate) fn convert(&self, value: &mut Value) -> Result<(), String> {
        let Some(members) = value.as_object_mut() else {
            return Err(unexpected(value, "StartObject"));
        };
        for (name, value) in members {
            match (name.as_str(), self.member(name)) {
                ("@odata.type", _) => self.check_annotated_type(value)?,
                (name, _) if is_annotation(name) => {}
                (name, Some(member)) => member.convert(name, value)?,
                (name, None) => {
                    return Err(format!(
                        "The property '{name}' does not exist on type 'microsoft.graph.{}'. Make sure to only use \
                            property names that are defined by the type or mark the type as open type.",
                        self.name
                    ));
                }
            }
        }
        Ok(())
    }

    fn check_annotated_type(&self, annotated: &Value) -> Result<(), String> {
        let annotated = annotated.as_str().unwrap_or_default();
        let expected = format!("microsoft.graph.{}", self.name);
        if annotated.trim_start_matches('#').eq_ignore_ascii_case(&expected) {
            return Ok(());
        }
        Err(format!(
            "A value was encountered that has an incompatible type name. The type name '{annotated}' was found, but it \
                is not assignable to the expected type '{expected}'."
        ))
    }
}

impl Type {
    /// Converts the value of a member; an error is the sentence of the service.
    pub(crate) fn convert(&self, name: &str, value: &mut Value) -> Result<(), String> {
        match (self, &mut *value) {
            (Self::NotNull(inner), Value::Null) => {
                let expected = format!("{}[Nullable=False]", inner.name());
                Err(format!(
                    "A null value was found for the property named '{name}', which has the expected type \
                        '{expected}'. The expected type '{expected}' does not allow null values."
                ))
            }
            (Self::NotNull(inner), _) => inner.convert(name, value),
            (_, Value::Null) | (Self::ReadOnly, _) => Ok(()),
            (Self::Complex(complex), value) => complex.convert(value),
            (Self::Collection(of), Value::Array(items)) => items.iter_mut().try_for_each(|item| match item {
                Value::Null => {
                    Err("A null value was detected in the items of a collection property value; non-nullable \
                                    instances of collection types do not support null values as items."
                        .to_owned())
                }
                item => of.convert(name, item),
            }),
            (Self::Collection(_), value) => Err(unexpected(value, "StartArray")),
            (_, value @ (Value::Object(_) | Value::Array(_))) => Err(unexpected(value, "PrimitiveValue")),
            (_, value) => match self.primitive(value) {
                Some(converted) => {
                    *value = converted;
                    Ok(())
                }
                None => {
                    let literal = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                    Err(format!("Cannot convert the literal '{literal}' to the expected type '{}'.", self.name()))
                }
            },
        }
    }

    /// A primitive value as one of this type: a text is read, a number or truth value must be of the type.
    fn primitive(&self, value: &Value) -> Option<Value> {
        let text = value.as_str();
        match self {
            Self::String => text.map(Value::from),
            Self::Boolean => match text {
                None => value.as_bool(),
                Some(text) => text.trim().to_ascii_lowercase().parse().ok(),
            }
            .map(Value::from),
            Self::Int32 => match text {
                None => value.as_i64().and_then(|number| i32::try_from(number).ok()),
                Some(text) => text.trim().parse().ok(),
            }
            .map(Value::from),
            Self::Guid => text.filter(|text| Uuid::try_parse(text).is_ok()).map(Value::from),
            Self::DateTimeOffset => text.filter(|text| timestamp::parse(text).is_some()).map(Value::from),
            Self::Binary => {
                let encoded = |text: &&str| STANDARD.decode(text.split_whitespace().collect::<String>()).is_ok();
                text.filter(encoded).map(Value::from)
            }
            Self::Enum(_, names) => text.filter(|text| names.contains(text)).map(Value::from),
            Self::Complex(_) | Self::Collection(_) | Self::NotNull(_) | Self::ReadOnly => None,
        }
    }

    /// The name of the type in messages.
    fn name(&self) -> String {
        match self {
            Self::String => "Edm.String".to_owned(),
            Self::Boolean => "Edm.Boolean".to_owned(),
            Self::Int32 => "Edm.Int32".to_owned(),
            Self::Guid => "Edm.Guid".to_owned(),
            Self::DateTimeOffset => "Edm.DateTimeOffset".to_owned(),
            Self::Binary => "Edm.Binary".to_owned(),
            Self::Enum(name, _) => format!("microsoft.graph.{name}"),
            Self::Complex(complex) => format!("microsoft.graph.{}", complex.name),
            Self::Collection(of) => format!("Collection({})", of.name()),
            Self::NotNull(of) => of.name(),
            Self::ReadOnly => String::new(),
        }
    }
}

/// The sentence for a value of the wrong shape.
fn unexpected(value: &Value, expected: &str) -> String {
    let found = match value {
        Value::Object(_) => "StartObject",
        Value::Array(_) => "StartArray",
        _ => "PrimitiveValue",
    };
    format!(
        "An unexpected '{found}' node was found when reading from the JSON reader. A '{expected}' node was expected."
    )
}

#[cfg(test)]
mod tests {
    use super::Type::{
        Binary, Boolean, Collection, Complex, DateTimeOffset, Guid, Int32, NotNull, ReadOnly, String as Text,
    };
    use super::application::WEB_APPLICATION;
    use super::*;
    use crate::data::object_kind::ObjectKind;
    use serde_json::json;
    use std::collections::BTreeSet;

    #[test]
    fn each_member_of_an_object_has_a_type_at_every_depth() {
        fn check(path: &str, template: &Value, of: &ComplexType) {
            for (name, value) in template.as_object().unwrap() {
                let member = of.member(name).unwrap_or_else(|| panic!("{path}/{name} has no type"));
                match (member, value) {
                    (Complex(of), Value::Object(_)) => check(&format!("{path}/{name}"), value, of),
                    (Collection(_) | ReadOnly, Value::Array(_)) | (ReadOnly, _) => {}
                    (Complex(_) | Collection(_), value) => assert!(value.is_null(), "{path}/{name}: {value}"),
                    (_, value) => assert!(!value.is_object() && !value.is_array(), "{path}/{name}: {value}"),
                }
            }
        }
        for kind in ObjectKind::ALL {
            let of = kind.entity_type();
            check(kind.type_name(), kind.template(), of);
            let names: BTreeSet<&str> = kind.template().as_object().unwrap().keys().map(String::as_str).collect();
            assert_eq!(of.members.iter().map(|(name, _)| *name).collect::<BTreeSet<_>>(), names);
            assert_eq!(of.name, kind.type_name());
            for (name, _) in of.members {
                if let (Some(template), Some(Complex(of))) = (kind.complex_template(name), of.member(name)) {
                    check(name, template, of);
                }
            }
        }
    }

    #[test]
    fn a_text_that_spells_a_value_becomes_one_and_nothing_else_is_taken() {
        for (member, sent, expected) in [
            (Int32, json!("2"), Ok(json!(2))),
            (Int32, json!(2), Ok(json!(2))),
            (Int32, json!(2.5), Err("Edm.Int32")),
            (Int32, json!(1_u64 << 40), Err("Edm.Int32")),
            (Int32, json!("two"), Err("Edm.Int32")),
            (Int32, json!(true), Err("Edm.Int32")),
            (Boolean, json!("True"), Ok(json!(true))),
            (Boolean, json!(1), Err("Edm.Boolean")),
            (Boolean, json!("yes"), Err("Edm.Boolean")),
            (Text, json!(0), Err("Edm.String")),
            (Text, json!(false), Err("Edm.String")),
            (Text, json!(null), Ok(json!(null))),
            (Text, json!({}), Err("'StartObject'")),
            (Guid, json!("00000003-0000-0000-c000-000000000000"), Ok(json!("00000003-0000-0000-c000-000000000000"))),
            (Guid, json!("000000-0000-0000-000000"), Err("Edm.Guid")),
            (DateTimeOffset, json!("tomorrow"), Err("Edm.DateTimeOffset")),
            (Binary, json!("AA=="), Ok(json!("AA=="))),
            (Binary, json!("*"), Err("Edm.Binary")),
            (Type::Enum("weakAlgorithms", &["rsaSha1"]), json!("md5"), Err("microsoft.graph.weakAlgorithms")),
            (NotNull(&Boolean), json!(null), Err("'Edm.Boolean[Nullable=False]' does not allow null values")),
            (Collection(&Text), json!(["a", 1]), Err("Edm.String")),
            (Collection(&Text), json!(["a", null]), Err("null value")),
            (Collection(&Text), json!("a"), Err("'PrimitiveValue'")),
            (Collection(&Text), json!(null), Ok(json!(null))),
            (Complex(&WEB_APPLICATION), json!([]), Err("'StartArray'")),
            (
                Complex(&WEB_APPLICATION),
                json!({"implicitGrantSettings": {"enableIdTokenIssuance": "false"}}),
                Ok(json!({"implicitGrantSettings": {"enableIdTokenIssuance": false}})),
            ),
            (
                Complex(&WEB_APPLICATION),
                json!({"implicitGrantSettings": {"enable": true}}),
                Err("'enable' does not exist on type 'microsoft.graph.implicitGrantSettings'"),
            ),
            (
                Complex(&WEB_APPLICATION),
                json!({"@odata.type": "#microsoft.graph.spaApplication"}),
                Err("incompatible type name"),
            ),
            (
                Complex(&WEB_APPLICATION),
                json!({"@odata.type": "#microsoft.graph.webApplication", "logoutUrl@odata.type": "String"}),
                Ok(json!({"@odata.type": "#microsoft.graph.webApplication", "logoutUrl@odata.type": "String"})),
            ),
        ] {
            let mut value = sent.clone();
            match (member.convert("m", &mut value), expected) {
                (Ok(()), Ok(expected)) => assert_eq!(value, expected, "{sent}"),
                (Err(message), Err(part)) => assert!(message.contains(part), "{sent}: {message}"),
                (converted, expected) => panic!("{sent}: {converted:?} instead of {expected:?}"),
            }
        }
    }
}
