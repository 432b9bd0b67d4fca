//! The description: its operations and its schemas.

use std::collections::BTreeMap;

use serde_json::{Map, Number, Value};
use yaml_rust2::{Yaml, YamlLoader};

use super::paths::{self, Template};
use super::schema::{Schema, Schemas};

const METHODS: [&str; 5] = ["get", "post", "patch", "put", "delete"];

pub(crate) struct Document {
    pub(crate) schemas: Schemas,
    /// Each path with its operations by method, in capitals.
    paths: Vec<(Template, BTreeMap<String, Operation>)>,
}

#[derive(Clone, Debug)]
pub(crate) struct Operation {
    /// The method and the path, as the description writes them.
    pub(crate) name: String,
    /// The query options with their values' schemas.
    pub(crate) options: BTreeMap<String, Schema>,
    pub(crate) body: Option<Content>,
    /// Which statuses mean success.
    pub(crate) success: Vec<u16>,
    pub(crate) response: Option<Content>,
    /// The schema of a refusal.
    pub(crate) refusal: Schema,
}

/// What a body is.
#[derive(Clone, Debug)]
pub(crate) struct Content {
    pub(crate) media_type: String,
    pub(crate) schema: Schema,
}

/// What a method and a path mean.
pub(crate) enum Found<'a> {
    Operation(&'a Operation),
    /// The path is there, without this method.
    NoMethod,
    NoPath,
}

impl Document {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let documents = YamlLoader::load_from_str(text).map_err(|error| error.to_string())?;
        let root = json(documents.first().ok_or("an empty document")?)?;
        let schemas = Schemas::read(&root["components"]["schemas"])?;
        let mut paths = Vec::new();
        for (path, item) in root["paths"].as_object().ok_or("no paths")? {
            let mut operations = BTreeMap::new();
            for (method, operation) in item.as_object().ok_or_else(|| format!("{path} is no object"))? {
                if !METHODS.contains(&method.as_str()) {
                    return Err(format!("{path}: {method} is not known here"));
                }
                let method = method.to_uppercase();
                let read = Operation::read(format!("{method} {path}"), operation, &root);
                operations.insert(method, read.map_err(|error| format!("{path}: {error}"))?);
            }
            paths.push((Template::read(path), operations));
        }
        Ok(Self { schemas, paths })
    }

    pub(crate) fn find(&self, method: &str, path: &str) -> Found<'_> {
        match paths::find(&self.paths, path).map(|operations| operations.get(method)) {
            None => Found::NoPath,
            Some(None) => Found::NoMethod,
            Some(Some(operation)) => Found::Operation(operation),
        }
    }

    pub(crate) fn operations(&self) -> impl Iterator<Item = &Operation> {
        self.paths.iter().flat_map(|(_, operations)| operations.values())
    }
}

impl Operation {
    fn read(name: String, value: &Value, root: &Value) -> Result<Self, String> {
        let mut options = BTreeMap::new();
        for parameter in value.get("parameters").and_then(Value::as_array).into_iter().flatten() {
            let parameter = follow(parameter, root)?;
            let name = parameter["name"].as_str().ok_or_else(|| format!("a parameter without a name: {parameter}"))?;
            if parameter["in"] == "query" {
                options.insert(name.to_owned(), Schema::read(&parameter["schema"])?);
            }
        }
        let body = value.get("requestBody").map(|body| Content::read(body, root)).transpose()?.flatten();
        let responses = value["responses"].as_object().ok_or("no responses")?;
        let mut response = None;
        let mut refusal = None;
        for (status, described) in responses {
            let content = Content::read(described, root)?;
            match status.as_str() {
                "2XX" | "200" => response = content,
                "default" => refusal = content.map(|content| content.schema),
                _ => return Err(format!("the status {status} is not known here")),
            }
        }
        let success = value["x-graph-success"].as_array().ok_or("x-graph-success is missing")?;
        let success = success.iter().filter_map(Value::as_u64).filter_map(|status| u16::try_from(status).ok());
        Ok(Self {
            name,
            options,
            body,
            success: success.collect(),
            response,
            refusal: refusal.ok_or("no schema of a refusal")?,
        })
    }
}

impl Content {
    fn read(value: &Value, root: &Value) -> Result<Option<Self>, String> {
        let Some(content) = follow(value, root)?.get("content") else { return Ok(None) };
        let content = content.as_object().filter(|content| content.len() == 1);
        let (media_type, inner) = content.and_then(|content| content.iter().next()).ok_or("not one media type")?;
        Ok(Some(Self { media_type: media_type.clone(), schema: Schema::read(&inner["schema"])? }))
    }
}

/// What a reference outside of schemas leads to.
fn follow<'a>(value: &'a Value, root: &'a Value) -> Result<&'a Value, String> {
    let Some(reference) = value.get("$ref").and_then(Value::as_str) else { return Ok(value) };
    let found = reference.strip_prefix('#').and_then(|pointer| root.pointer(pointer));
    found.ok_or_else(|| format!("{reference} leads nowhere"))
}

/// What both YAML and JSON can say.
fn json(yaml: &Yaml) -> Result<Value, String> {
    Ok(match yaml {
        Yaml::Null => Value::Null,
        Yaml::Boolean(value) => Value::Bool(*value),
        Yaml::Integer(value) => Value::from(*value),
        Yaml::Real(text) => {
            let number = text.parse().ok().and_then(Number::from_f64);
            Value::Number(number.ok_or_else(|| format!("{text} is no number of JSON"))?)
        }
        Yaml::String(text) => Value::String(text.clone()),
        Yaml::Array(list) => Value::Array(list.iter().map(json).collect::<Result<_, _>>()?),
        Yaml::Hash(members) => {
            let mut object = Map::new();
            for (key, value) in members {
                let key = key.as_str().ok_or_else(|| format!("a key that is no string: {key:?}"))?;
                object.insert(key.to_owned(), json(value)?);
            }
            Value::Object(object)
        }
        Yaml::Alias(_) | Yaml::BadValue => return Err(format!("not known here: {yaml:?}")),
    })
}
