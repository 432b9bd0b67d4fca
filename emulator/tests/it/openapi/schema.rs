//! Schemas, and whether a JSON value keeps to one.
//!
//! Only the keywords that the description uses are known; any other is refused when it is read, so that nothing goes
//! unchecked unseen.

use std::collections::{BTreeMap, BTreeSet};

use entra_apps::time::OffsetDateTime;
use entra_apps::time::format_description::well_known::Rfc3339;
use entra_apps::url::Url;
use entra_apps::uuid::Uuid;
use serde_json::{Map, Value};

/// A schema that may also allow null.
#[derive(Clone, Debug)]
pub(crate) struct Schema {
    pub(crate) nullable: bool,
    pub(crate) form: Form,
}

#[derive(Clone, Debug)]
pub(crate) enum Form {
    Any,
    Text {
        format: Option<Format>,
        among: Option<Vec<String>>,
    },
    Integer {
        least: Option<i64>,
        int32: bool,
    },
    Boolean,
    List {
        items: Box<Schema>,
        most: Option<usize>,
    },
    /// An object of which nothing is said.
    Free,
    Object(Box<Object>),
    /// A schema of its own name.
    Named(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Uuid,
    DateTime,
    Duration,
    Base64,
    Binary,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Object {
    bases: Vec<String>,
    properties: BTreeMap<String, Schema>,
    required: Vec<String>,
    /// Members that are not declared may stand here.
    open: bool,
    /// Members of any name, of this schema.
    others: Option<Schema>,
}

/// What is wrong, or unusual, at one place of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    /// A JSON pointer.
    pub(crate) pointer: String,
    pub(crate) what: What,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum What {
    /// Another type than this is there.
    Not(String),
    /// Null, where it is not allowed.
    Null,
    Missing(String),
    /// A member that a closed type does not have.
    Unknown {
        of: String,
        member: String,
    },
    /// A type that the description does not have, or that may not stand here.
    Type(String),
}

/// A member that no schema declares, on a type that may have more.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Undeclared {
    pub(crate) of: String,
    pub(crate) member: String,
}

/// What a property in `$select` or `$expand` is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Selected {
    Declared,
    Undeclared(Undeclared),
    /// This closed type does not have it.
    Unknown(String),
}

impl What {
    pub(crate) fn reason(&self) -> String {
        match self {
            Self::Not(expected) => format!("is not {expected}"),
            Self::Null => "is null, which is not allowed".to_owned(),
            Self::Missing(member) => format!("lacks {member}"),
            Self::Unknown { of, member } => format!("{member} is no member of {of}, which is closed"),
            Self::Type(name) => format!("{name} is no type that may stand here"),
        }
    }
}

/// The keywords beside those that only explain.
fn check_keywords(schema: &Map<String, Value>, known: &[&str]) -> Result<(), String> {
    match schema
        .keys()
        .find(|key| !known.contains(&key.as_str()) && !["description", "default"].contains(&key.as_str()))
    {
        Some(key) => Err(format!("the keyword {key} is not known here: {schema:?}")),
        None => Ok(()),
    }
}

fn reference(value: &Value) -> Option<String> {
    let name = value.get("$ref")?.as_str()?;
    name.strip_prefix("#/components/schemas/").map(str::to_owned)
}

/// `{type: object, nullable: true}`, perhaps as an enum of nothing but null: how the description writes "or null".
fn only_null(value: &Value) -> bool {
    let members = value.as_object();
    members.is_some_and(|members| {
        members.get("nullable") == Some(&Value::Bool(true))
            && members.iter().all(|(key, value)| match key.as_str() {
                "nullable" | "type" => true,
                "enum" => value.as_array().is_some_and(|list| list.iter().all(Value::is_null)),
                _ => false,
            })
    })
}

impl Schema {
    pub(crate) fn read(value: &Value) -> Result<Self, String> {
        let members = value.as_object().ok_or_else(|| format!("no schema: {value}"))?;
        let nullable = members.get("nullable").is_some_and(|nullable| nullable == &Value::Bool(true));
        let form = Form::read(value, members)?;
        let or_null = members.get("anyOf").is_some();
        Ok(Self { nullable: nullable || or_null, form })
    }

    pub(crate) fn named(name: &str) -> Self {
        Self { nullable: false, form: Form::Named(name.to_owned()) }
    }
}

impl Form {
    fn read(value: &Value, members: &Map<String, Value>) -> Result<Self, String> {
        if let Some(name) = reference(value) {
            check_keywords(members, &["$ref"])?;
            return Ok(Self::Named(name));
        }
        if let Some(Value::Array(alternatives)) = members.get("anyOf") {
            check_keywords(members, &["anyOf"])?;
            return match alternatives.as_slice() {
                [one, null] if only_null(null) => {
                    reference(one).map(Self::Named).ok_or_else(|| format!("an alternative that is no name: {one}"))
                }
                _ => Err(format!("alternatives other than a schema or null: {value}")),
            };
        }
        if let Some(Value::Array(parts)) = members.get("allOf") {
            check_keywords(members, &["allOf"])?;
            let mut whole = Object::default();
            for part in parts {
                match (reference(part), part.as_object()) {
                    (Some(name), _) => whole.bases.push(name),
                    (None, Some(members)) => whole.add(members)?,
                    (None, None) => return Err(format!("no schema: {part}")),
                }
            }
            return Ok(Self::Object(Box::new(whole)));
        }
        match members.get("type").and_then(Value::as_str) {
            None if members.is_empty() => Ok(Self::Any),
            Some("boolean") => check_keywords(members, &["type", "nullable"]).map(|()| Self::Boolean),
            Some("integer") => {
                check_keywords(members, &["type", "nullable", "format", "minimum"])?;
                let int32 = match members.get("format").and_then(Value::as_str) {
                    None => false,
                    Some("int32") => true,
                    Some(format) => return Err(format!("the format {format} is not known here")),
                };
                Ok(Self::Integer { least: members.get("minimum").and_then(Value::as_i64), int32 })
            }
            Some("string") => {
                check_keywords(members, &["type", "nullable", "format", "pattern", "enum"])?;
                let format = members.get("format").and_then(Value::as_str).map(Format::read).transpose()?;
                if members.contains_key("pattern") && format.is_none() {
                    return Err(format!("a pattern without a format that says the same: {value}"));
                }
                let among = members
                    .get("enum")
                    .and_then(Value::as_array)
                    .map(|list| list.iter().map(|item| item.as_str().unwrap_or("null").to_owned()).collect());
                Ok(Self::Text { format, among })
            }
            Some("array") => {
                check_keywords(members, &["type", "nullable", "items", "maxItems"])?;
                let items = Schema::read(members.get("items").ok_or("an array without items")?)?;
                let most = members.get("maxItems").and_then(Value::as_u64).and_then(|most| usize::try_from(most).ok());
                Ok(Self::List { items: Box::new(items), most })
            }
            Some("object") => {
                let mut object = Object::default();
                object.add(members)?;
                if members.contains_key("properties") || members.contains_key("additionalProperties") {
                    return Ok(Self::Object(Box::new(object)));
                }
                check_keywords(members, &["type", "nullable"]).map(|()| Self::Free)
            }
            _ => Err(format!("no type that is known here: {value}")),
        }
    }
}

impl Format {
    fn read(name: &str) -> Result<Self, String> {
        Ok(match name {
            "uuid" => Self::Uuid,
            "date-time" => Self::DateTime,
            "duration" => Self::Duration,
            "base64url" => Self::Base64,
            "binary" => Self::Binary,
            _ => return Err(format!("the format {name} is not known here")),
        })
    }

    fn says(self) -> &'static str {
        match self {
            Self::Uuid => "a UUID",
            Self::DateTime => "a date and time with its offset",
            Self::Duration => "an ISO 8601 duration",
            Self::Base64 => "base64",
            Self::Binary => "bytes",
        }
    }

    fn accepts(self, text: &str) -> bool {
        match self {
            Self::Uuid => text.len() == 36 && Uuid::try_parse(text).is_ok(),
            Self::DateTime => text.contains('T') && OffsetDateTime::parse(text, &Rfc3339).is_ok(),
            Self::Duration => is_duration(text),
            // Graph writes the plain alphabet where the description says that of URLs, and pads or not.
            Self::Base64 => {
                let bare = text.trim_end_matches('=');
                text.len() - bare.len() <= 2
                    && bare.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/-_".contains(&byte))
            }
            Self::Binary => true,
        }
    }
}

/// Whether it is `P`, dates in days or longer, and perhaps `T` with hours, minutes and seconds.
fn is_duration(text: &str) -> bool {
    let Some(rest) = text.strip_prefix('-').unwrap_or(text).strip_prefix('P') else { return false };
    let (days, hours) = rest.split_once('T').map_or((rest, None), |(days, hours)| (days, Some(hours)));
    let parts = |text: &str, units: &str| {
        let mut digits = String::new();
        let mut last = 0;
        for letter in text.chars() {
            match units.find(letter) {
                Some(at) if at >= last && digits.parse::<f64>().is_ok() => {
                    last = at + 1;
                    digits.clear();
                }
                None if letter.is_ascii_digit() || letter == '.' => digits.push(letter),
                _ => return false,
            }
        }
        digits.is_empty()
    };
    !rest.is_empty() && parts(days, "YMWD") && hours.is_none_or(|hours| !hours.is_empty() && parts(hours, "HMS"))
}

impl Object {
    fn add(&mut self, members: &Map<String, Value>) -> Result<(), String> {
        check_keywords(members, &["type", "nullable", "properties", "required", "x-open", "additionalProperties"])?;
        for (name, schema) in members.get("properties").and_then(Value::as_object).into_iter().flatten() {
            self.properties.insert(name.clone(), Schema::read(schema)?);
        }
        let required = members.get("required").and_then(Value::as_array).into_iter().flatten();
        self.required.extend(required.filter_map(Value::as_str).map(str::to_owned));
        self.open |= members.get("x-open") == Some(&Value::Bool(true));
        if let Some(others) = members.get("additionalProperties") {
            self.others = Some(Schema::read(others)?);
        }
        Ok(())
    }
}

/// The schemas by their names.
#[derive(Clone, Debug, Default)]
pub(crate) struct Schemas(BTreeMap<String, Schema>);

/// An object schema with what it has from its bases.
struct Whole<'a> {
    name: &'a str,
    parts: Vec<&'a Object>,
}

impl Whole<'_> {
    fn property(&self, name: &str) -> Option<&Schema> {
        self.parts.iter().find_map(|part| part.properties.get(name))
    }

    fn open(&self) -> bool {
        self.parts.iter().any(|part| part.open)
    }
}

/// One look at a value.
pub(crate) struct Look<'a> {
    schemas: &'a Schemas,
    pub(crate) faults: Vec<Fault>,
    pub(crate) undeclared: BTreeSet<Undeclared>,
}

impl Schemas {
    pub(crate) fn read(value: &Value) -> Result<Self, String> {
        let mut schemas = BTreeMap::new();
        for (name, schema) in value.as_object().ok_or("no schemas")? {
            schemas.insert(name.clone(), Schema::read(schema).map_err(|error| format!("{name}: {error}"))?);
        }
        Ok(Self(schemas))
    }

    /// What is wrong with a value.
    pub(crate) fn look(&self, value: &Value, schema: &Schema) -> Look<'_> {
        let mut look = Look { schemas: self, faults: Vec::new(), undeclared: BTreeSet::new() };
        look.value(value, schema, "");
        look
    }

    /// An object schema with its bases, the nearest first.
    fn whole<'a>(&'a self, name: &'a str, object: &'a Object) -> Whole<'a> {
        let mut parts = vec![object];
        let mut at = 0;
        while let Some(part) = parts.get(at).copied() {
            for base in &part.bases {
                if let Some(Schema { form: Form::Object(base), .. }) = self.0.get(base) {
                    parts.push(base);
                }
            }
            at += 1;
        }
        Whole { name, parts }
    }

    /// The type of the entities that a schema is of: its own, or that of the items of its `value`.
    fn entity<'a>(&'a self, schema: &'a Schema) -> Option<Whole<'a>> {
        let mut name = "";
        let mut schema = schema;
        while let Form::Named(next) = &schema.form {
            name = next;
            schema = self.0.get(next)?;
        }
        let Form::Object(object) = &schema.form else { return None };
        let whole = self.whole(name, object);
        match whole.parts.iter().find_map(|part| part.properties.get("value")).map(|value| &value.form) {
            Some(Form::List { items, .. }) if name.is_empty() => self.entity(items),
            _ => Some(whole),
        }
    }

    /// Whether the entities of a schema have a property, in any case.
    pub(crate) fn selects(&self, schema: &Schema, property: &str) -> Selected {
        let Some(whole) = self.entity(schema) else { return Selected::Unknown(String::new()) };
        let mut names = whole.parts.iter().flat_map(|part| part.properties.keys());
        if names.any(|name| name.eq_ignore_ascii_case(property)) {
            return Selected::Declared;
        }
        match whole.open() {
            true => Selected::Undeclared(Undeclared { of: whole.name.to_owned(), member: property.to_owned() }),
            false => Selected::Unknown(whole.name.to_owned()),
        }
    }

    fn derives(&self, name: &str, base: &str) -> bool {
        if name == base {
            return true;
        }
        match self.0.get(name) {
            Some(Schema { form: Form::Object(object), .. }) => object.bases.iter().any(|next| self.derives(next, base)),
            _ => false,
        }
    }
}

impl Look<'_> {
    fn fault(&mut self, pointer: &str, what: What) {
        self.faults.push(Fault { pointer: pointer.to_owned(), what });
    }

    fn value(&mut self, value: &Value, schema: &Schema, pointer: &str) {
        let schemas = self.schemas;
        let mut named = "an object";
        let mut schema = schema;
        let mut nullable = schema.nullable;
        while let Form::Named(name) = &schema.form {
            let Some(next) = schemas.0.get(name) else { return self.fault(pointer, What::Type(name.clone())) };
            // A name found anywhere lives as long as the schemas.
            named = schemas.0.get_key_value(name).map_or(named, |(name, _)| name);
            schema = next;
            nullable |= next.nullable;
        }
        if value.is_null() && !matches!(schema.form, Form::Any) {
            if !nullable {
                self.fault(pointer, What::Null);
            }
            return;
        }
        match (&schema.form, value) {
            (Form::Any, _) | (Form::Free, Value::Object(_)) | (Form::Boolean, Value::Bool(_)) => {}
            (Form::Integer { least, int32 }, Value::Number(number)) => {
                let number = number.as_i64();
                let fits = |number: i64| !int32 || i32::try_from(number).is_ok();
                if !number.is_some_and(|number| fits(number) && least.is_none_or(|least| number >= least)) {
                    self.fault(pointer, What::Not(expected(&schema.form)));
                }
            }
            (Form::Text { format, among }, Value::String(text)) => {
                if let Some(format) = format.filter(|format| !format.accepts(text)) {
                    self.fault(pointer, What::Not(format.says().to_owned()));
                }
                if let Some(among) = among.as_ref().filter(|among| !among.contains(text)) {
                    self.fault(pointer, What::Not(format!("one of {}", among.join(", "))));
                }
            }
            (Form::List { items, most }, Value::Array(list)) => {
                if let Some(most) = most.filter(|most| list.len() > *most) {
                    self.fault(pointer, What::Not(format!("a list of {most} at most")));
                }
                for (at, item) in list.iter().enumerate() {
                    self.value(item, items, &format!("{pointer}/{at}"));
                }
            }
            (Form::Object(object), Value::Object(members)) => {
                let whole = schemas.whole(named, object);
                self.object(members, &whole, pointer);
            }
            (form, _) => self.fault(pointer, What::Not(expected(form))),
        }
    }

    fn object(&mut self, members: &Map<String, Value>, declared: &Whole<'_>, pointer: &str) {
        // An object may say that it is of a type derived from the declared one.
        let schemas = self.schemas;
        if let Some(Value::String(said)) = members.get("@odata.type") {
            let said = said.trim_start_matches('#');
            match schemas.0.get_key_value(said) {
                Some((name, Schema { form: Form::Object(object), .. })) if schemas.derives(name, declared.name) => {
                    let whole = schemas.whole(name, object);
                    return self.members(members, &whole, pointer);
                }
                _ => self.fault(&format!("{pointer}/@odata.type"), What::Type(said.to_owned())),
            }
        }
        self.members(members, declared, pointer);
    }

    fn members(&mut self, members: &Map<String, Value>, whole: &Whole<'_>, pointer: &str) {
        for missing in whole.parts.iter().flat_map(|part| &part.required).filter(|name| !members.contains_key(*name)) {
            self.fault(pointer, What::Missing(missing.clone()));
        }
        for (name, value) in members {
            let below = format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"));
            if let Some(schema) = whole.property(name) {
                self.value(value, schema, &below);
            } else if let Some(others) = whole.parts.iter().find_map(|part| part.others.as_ref()) {
                self.value(value, others, &below);
            } else if let Some((of, annotation)) = name.split_once('@') {
                let known = of.is_empty() || whole.property(of).is_some() || whole.open();
                match known.then(|| annotated(annotation, value)).flatten() {
                    None => self.fault(&below, What::Unknown { of: whole.name.to_owned(), member: name.clone() }),
                    Some(Err(expected)) => self.fault(&below, What::Not(expected.to_owned())),
                    Some(Ok(())) => {}
                }
            } else if whole.open() {
                self.undeclared.insert(Undeclared { of: whole.name.to_owned(), member: name.clone() });
            } else {
                self.fault(&below, What::Unknown { of: whole.name.to_owned(), member: name.clone() });
            }
        }
    }
}

/// Whether an annotation's value is what OData says; nothing when the annotation is not known.
///
/// <https://docs.oasis-open.org/odata/odata-json-format/v4.01/odata-json-format-v4.01.html#sec_ControlInformation>
fn annotated(name: &str, value: &Value) -> Option<Result<(), &'static str>> {
    let text = value.as_str();
    let (fits, expected) = match name {
        "odata.nextLink" | "odata.deltaLink" => (text.is_some_and(|text| Url::parse(text).is_ok()), "an absolute URL"),
        "odata.context"
        | "odata.type"
        | "odata.id"
        | "odata.etag"
        | "odata.editLink"
        | "odata.readLink"
        | "odata.navigationLink"
        | "odata.associationLink" => (text.is_some(), "a string"),
        "odata.count" => (value.is_u64(), "a count"),
        "odata.bind" => {
            let list = value.as_array().is_some_and(|list| list.iter().all(Value::is_string));
            (text.is_some() || list, "a reference or a list of them")
        }
        "removed" => {
            let reason = value.get("reason").and_then(Value::as_str);
            (matches!(reason, Some("changed" | "deleted")), "an object with the reason changed or deleted")
        }
        "delta" => (value.is_array(), "a list"),
        _ => return None,
    };
    Some(if fits { Ok(()) } else { Err(expected) })
}

fn expected(form: &Form) -> String {
    match form {
        Form::Any => "anything".to_owned(),
        Form::Text { .. } => "a string".to_owned(),
        Form::Integer { least, int32 } => {
            let least = least.map_or(String::new(), |least| format!(" of {least} or more"));
            format!("an integer{}{least}", if *int32 { " of 32 bits" } else { "" })
        }
        Form::Boolean => "a boolean".to_owned(),
        Form::List { .. } => "a list".to_owned(),
        Form::Free | Form::Object(_) => "an object".to_owned(),
        Form::Named(name) => name.clone(),
    }
}
