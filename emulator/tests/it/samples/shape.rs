//! Whether one JSON value has the shape of another: at least its members, of the same types.

use serde_json::Value;

/// Where a response differs from the sample: a JSON pointer into the sample, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Difference {
    pub(crate) at: String,
    pub(crate) how: String,
}

/// Compares the shapes.
///
/// Null in a sample stands for a property that may have no value, so that anything matches it. Of a list, each item of
/// the sample must be like one that is returned. Values count where they are the service's own words: codes, messages,
/// types and contexts.
pub(crate) fn differences(shown: &Value, answered: &Value) -> Vec<Difference> {
    let mut found = Vec::new();
    compare(shown, answered, "", &mut found);
    found
}

fn compare(shown: &Value, answered: &Value, at: &str, found: &mut Vec<Difference>) {
    let mut differ = |how: String| found.push(Difference { at: at.to_owned(), how });
    match (shown, answered) {
        (Value::Null, _) | (Value::Bool(_), Value::Bool(_)) | (Value::Number(_), Value::Number(_)) => {}
        (Value::String(one), Value::String(other)) => {
            let words = ["/@odata.context", "/@odata.type", "/error/code", "/error/message"];
            if words.iter().any(|end| at.ends_with(end)) && one != other {
                differ(format!("shown is {one:?}, answered {other:?}"));
            }
            if one.parse::<u64>().is_ok() && at.is_empty() && other.parse::<u64>().is_err() {
                differ(format!("shown is a number, answered {other:?}"));
            }
        }
        (Value::Object(one), Value::Object(other)) => {
            for (name, shown) in one {
                let below = format!("{at}/{}", name.replace('~', "~0").replace('/', "~1"));
                match other.get(name) {
                    None => found.push(Difference { at: below, how: "is not answered".to_owned() }),
                    Some(answered) => compare(shown, answered, &below, found),
                }
            }
        }
        (Value::Array(one), Value::Array(other)) if other.is_empty() && !one.is_empty() => {
            differ("shown is a list with items, answered one without".to_owned());
        }
        (Value::Array(one), Value::Array(other)) => {
            for (index, shown) in one.iter().enumerate() {
                let below = format!("{at}/{index}");
                // What has an id is compared with what has the same one, such as the items of a batch.
                let same = |answered: &&Value| !shown["id"].is_null() && answered["id"] == shown["id"];
                let same: Vec<&Value> = other.iter().filter(same).collect();
                let candidates = if same.is_empty() { other.iter().collect() } else { same };
                let tries = candidates.into_iter().map(|answered| {
                    let mut found = Vec::new();
                    compare(shown, answered, &below, &mut found);
                    found
                });
                found.extend(tries.min_by_key(Vec::len).into_iter().flatten());
            }
        }
        _ => differ(format!("shown is {}, answered {}", kind(shown), kind(answered))),
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn found(shown: &Value, answered: &Value) -> Vec<String> {
        differences(shown, answered).into_iter().map(|Difference { at, how }| format!("{at}: {how}")).collect()
    }

    #[test]
    fn names_and_types_count_and_not_values() {
        let shown = json!({"a": "x", "b": [{"c": 1}], "d": null, "e": [], "@odata.context": "y"});
        let answered = json!({"a": "z", "b": [{"f": 1}, {"c": 2}], "d": 3, "e": [1], "@odata.context": "y", "g": 1});
        assert!(found(&shown, &answered).is_empty());
        let answered = json!({"a": null, "b": [{"f": 1}, {"c": "2"}], "e": {}, "@odata.context": "z"});
        assert_eq!(
            found(&shown, &answered),
            [
                "/@odata.context: shown is \"y\", answered \"z\"",
                "/a: shown is a string, answered null",
                "/b/0/c: is not answered",
                "/d: is not answered",
                "/e: shown is a list, answered an object",
            ]
        );
    }

    #[test]
    fn items_of_a_list_are_told_apart_by_their_ids() {
        let answered = json!([{"id": "2", "a": 1}, {"id": "1"}]);
        assert_eq!(found(&json!([{"id": "1", "a": 1}]), &answered), ["/0/a: is not answered"]);
        assert!(found(&json!([{"id": "3", "a": 1}]), &answered).is_empty());
    }

    #[test]
    fn a_list_with_items_is_not_answered_by_an_empty_one_nor_a_count_by_words() {
        assert_eq!(found(&json!([1]), &json!([])), [": shown is a list with items, answered one without"]);
        assert!(found(&json!("893"), &json!("2")).is_empty());
        assert_eq!(found(&json!("893"), &json!("many")), [": shown is a number, answered \"many\""]);
    }
}
