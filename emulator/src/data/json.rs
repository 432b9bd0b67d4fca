//! Helpers for JSON values and timestamps in the form that Graph uses.

use serde_json::Value;

/// A string property; empty when it is absent or no string.
pub(crate) fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// The items of a collection; empty when it is absent.
pub(crate) fn items<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// The strings of a collection.
pub(crate) fn texts<'a>(value: &'a Value, name: &str) -> impl Iterator<Item = &'a str> {
    items(value, name).iter().filter_map(Value::as_str)
}

/// A property by its name in any case, as Graph's OData parser finds it.
pub(crate) fn member<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
    let object = value.as_object()?;
    object.get(name).or_else(|| object.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value))
}

/// Applies a PATCH: complex types are merged property by property, collections replaced, and null clears.
pub(crate) fn merge(target: &mut Value, patch: &Value) {
    match (target, patch) {
        (Value::Object(target), Value::Object(patch)) => {
            for (name, value) in patch.iter().filter(|(name, _)| !is_annotation(name)) {
                merge(target.entry(name.clone()).or_insert(Value::Null), value);
            }
        }
        (target @ Value::Array(_), Value::Null) => *target = Value::Array(Vec::new()),
        (target, patch) => {
            target.clone_from(patch);
            retain(target, &|name| !is_annotation(name));
        }
    }
}

/// Whether a property is an OData annotation such as `@odata.type`: requests may have them, stored objects do not.
pub(crate) fn is_annotation(name: &str) -> bool {
    name.contains("@odata.")
}

/// Retains the properties that pass `keep`, at every depth.
pub(crate) fn retain(value: &mut Value, keep: &impl Fn(&str) -> bool) {
    match value {
        Value::Object(members) => {
            members.retain(|name, _| keep(name));
            members.values_mut().for_each(|value| retain(value, keep));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| retain(item, keep)),
        _ => {}
    }
}

/// Rebuilds a value without spare capacity: clones that were changed have room for more properties.
pub(crate) fn shrink_to_fit(value: Value) -> Value {
    match value {
        Value::Object(members) => members.into_iter().map(|(name, value)| (name, shrink_to_fit(value))).collect(),
        Value::Array(items) => items.into_iter().map(shrink_to_fit).collect(),
        other => other,
    }
}

/// Whether two strings are equal without regard to case, as the directory compares names and ids.
pub(crate) fn eq_ignore_case(a: &str, b: &str) -> bool {
    a == b || a.to_lowercase() == b.to_lowercase()
}

/// Timestamps as Graph and the sign-in service write them.
pub(crate) mod timestamp {
    use time::format_description::FormatItem;
    use time::format_description::well_known::Rfc3339;
    use time::macros::format_description;
    use time::{OffsetDateTime, UtcOffset};

    fn format(at: OffsetDateTime, items: &[FormatItem<'_>]) -> String {
        at.to_offset(UtcOffset::UTC).format(items).expect("the format has only parts that a date-time has")
    }

    /// `2022-06-13T09:27:32Z`
    pub(crate) fn seconds(at: OffsetDateTime) -> String {
        format(at, format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]Z"))
    }

    /// `2022-06-13T09:27:32.2479019Z`
    pub(crate) fn ticks(at: OffsetDateTime) -> String {
        format(at, format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:7]Z"))
    }

    /// `2022-06-13T09:27:32`, as in an error of Graph
    pub(crate) fn bare(at: OffsetDateTime) -> String {
        format(at, format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]"))
    }

    /// `2022-06-13 09:27:32Z`, as in an error of a sign-in
    pub(crate) fn sign_in(at: OffsetDateTime) -> String {
        format(at, format_description!("[year]-[month]-[day] [hour]:[minute]:[second]Z"))
    }

    /// `Mon, 13 Jun 2022 09:27:32 GMT`
    pub(crate) fn http(at: OffsetDateTime) -> String {
        format(
            at,
            format_description!("[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT"),
        )
    }

    /// Parses a date-time that a client sent.
    pub(crate) fn parse(text: &str) -> Option<OffsetDateTime> {
        OffsetDateTime::parse(text, &Rfc3339).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_patch_replaces_collections_merges_complex_types_and_clears_by_null() {
        let mut app = json!({"web": {"redirectUris": ["a"], "logoutUrl": "b"}, "notes": "n", "tags": ["t"]});
        merge(&mut app, &json!({"web": {"redirectUris": ["c", "d"]}, "notes": null, "tags": null}));
        assert_eq!(app, json!({"web": {"redirectUris": ["c", "d"], "logoutUrl": "b"}, "notes": null, "tags": []}));
    }

    #[test]
    fn annotations_of_a_request_are_not_stored() {
        let mut app = json!({"web": {"redirectUris": []}, "api": null, "items": []});
        merge(
            &mut app,
            &json!({"@odata.type": "x", "web": {"@odata.type": "x", "redirectUris": ["a"]},
            "api": {"@odata.type": "x"}, "items": [{"id": 1, "id@odata.type": "x"}]}),
        );
        assert_eq!(app, json!({"web": {"redirectUris": ["a"]}, "api": {}, "items": [{"id": 1}]}));
    }

    #[test]
    fn timestamps_have_the_form_of_the_service() {
        let at = time::macros::datetime!(2022-06-13 09:27:32.247_901_9 UTC);
        assert_eq!(timestamp::ticks(at), "2022-06-13T09:27:32.2479019Z");
        assert_eq!(timestamp::seconds(at), "2022-06-13T09:27:32Z");
        assert_eq!(timestamp::http(at), "Mon, 13 Jun 2022 09:27:32 GMT");
    }
}
