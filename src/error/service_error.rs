//! Error bodies: what a service says of a refusal, in every form that is seen.
//!
//! Graph's envelope: <https://learn.microsoft.com/graph/errors>. Its older form is that of OData 3 (`odata.error`), from
//! Azure AD Graph. Partner Center, sign-in and gateways write the same flat, each with names of its own.

use serde_json::{Map, Value};

use crate::error::ErrorDetail;

/// What an error body says; empty where it is of another kind.
#[derive(Debug, Default)]
pub(crate) struct ServiceError {
    pub(crate) code: String,
    pub(crate) message: String,
    pub(crate) details: Vec<ErrorDetail>,
    /// Whether it came in Graph's envelope, and not flat, as others write it.
    pub(crate) is_envelope: bool,
}

/// Details beyond this many are left out.
const MAX_DETAILS: usize = 20;

/// The members that hold an error, where the body is an envelope.
const ENVELOPES: [&str; 2] = ["error", "odata.error"];

const CODES: [&str; 6] = ["code", "errorCode", "error_code", "error", "statusCode", "status"];

const MESSAGES: [&str; 7] =
    ["message", "error_description", "description", "errorMessage", "detail", "title", "faultstring"];

impl ServiceError {
    /// Reads each member for itself: one that is odd loses no other.
    pub(crate) fn read(body: &Value) -> Self {
        // Some services send a list of one.
        let body = body.as_array().and_then(|list| list.first()).unwrap_or(body);
        let object = |name: &str| member(body, name).filter(|value| value.is_object());
        let envelope = ENVELOPES.iter().find_map(|name| object(name));
        // A gateway's, which is no envelope of Graph's.
        let error = envelope.or_else(|| object("fault")).unwrap_or(body);
        let mut details = Vec::new();
        for (name, value) in error.as_object().into_iter().flatten() {
            match () {
                () if name.eq_ignore_ascii_case("details") => details.extend(details_in(value)),
                // Of OData 3: pairs of names and values, of which one is the sub-code.
                () if name.eq_ignore_ascii_case("values") => details.extend(detail_in_pairs(value)),
                () => {}
            }
        }
        let code = first(error, &CODES).unwrap_or_default();
        let message = first(error, &MESSAGES).unwrap_or_default();
        // An inner error says the same more closely, and holds another.
        let inner = std::iter::successors(inner(error), |error| inner(error)).take(MAX_DETAILS);
        let inner: Vec<_> = inner.filter_map(detail).filter(|inner| inner.code != code).collect();
        let of_inner = |text: fn(&ErrorDetail) -> &String| {
            inner.iter().map(text).find(|text| !text.is_empty()).cloned().unwrap_or_default()
        };
        let or = |text: String, other: String| if text.is_empty() { other } else { text };
        let (code, message) = (or(code, of_inner(|inner| &inner.code)), or(message, of_inner(|inner| &inner.message)));
        details.extend(inner.into_iter().filter(|inner| inner.code != code));
        details.truncate(MAX_DETAILS);
        Self { code, message, details, is_envelope: envelope.is_some() }
    }

    pub(crate) fn has_code(&self, code: &str) -> bool {
        self.code == code || self.details.iter().any(|detail| detail.code == code)
    }

    /// The service's own sentence, or that of a detail; empty where there is none.
    pub(crate) fn sentence(&self) -> &str {
        let mut all = std::iter::once(&self.message).chain(self.details.iter().map(|detail| &detail.message));
        all.find(|text| !text.is_empty()).map_or("", String::as_str)
    }

    /// Whether a sentence, in any case, holds these words.
    pub(crate) fn says(&self, words: &str) -> bool {
        let mut all = std::iter::once(&self.message).chain(self.details.iter().map(|detail| &detail.message));
        let words = words.to_ascii_lowercase();
        all.any(|text| text.to_ascii_lowercase().contains(&words))
    }
}

/// A member by its name in any case; the exact one first.
fn member<'a>(object: &'a Value, name: &str) -> Option<&'a Value> {
    let object = object.as_object()?;
    let in_any_case = |object: &'a Map<String, Value>| object.iter().find(|(own, _)| own.eq_ignore_ascii_case(name));
    object.get(name).or_else(|| in_any_case(object).map(|(_, value)| value))
}

/// The first of some members that holds a text.
fn first(object: &Value, names: &[&str]) -> Option<String> {
    names.iter().find_map(|name| member(object, name).and_then(text_of))
}

/// A text in any of its forms: as it is, as a number, with its language, or in a list.
pub(crate) fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
        Value::Number(number) => Some(number.to_string()),
        Value::Array(list) => {
            let texts: Vec<_> = list.iter().filter_map(text_of).take(MAX_DETAILS).collect();
            (!texts.is_empty()).then(|| texts.join("; "))
        }
        Value::Object(_) => first(value, &["value", "message", "text", "content", "code"]),
        Value::Null | Value::Bool(_) => None,
    }
}

/// The details in a list, or a detail by itself.
fn details_in(value: &Value) -> Vec<ErrorDetail> {
    match value {
        Value::Array(list) => list.iter().filter_map(detail).take(MAX_DETAILS).collect(),
        other => detail(other).into_iter().collect(),
    }
}

/// A detail: an object, or a text alone.
fn detail(value: &Value) -> Option<ErrorDetail> {
    let (code, target, message) = match value {
        Value::Object(_) => (first(value, &CODES), first(value, &["target"]), first(value, &MESSAGES)),
        other => (None, None, text_of(other)),
    };
    let is_empty = code.is_none() && target.is_none() && message.is_none();
    (!is_empty).then(|| ErrorDetail { code: code.unwrap_or_default(), target, message: message.unwrap_or_default() })
}

/// The detail in pairs of the form `{"item": "PropertyErrorCode", "value": "ObjectConflict"}`.
fn detail_in_pairs(pairs: &Value) -> Option<ErrorDetail> {
    let value = |item: &str| {
        let pair = pairs.as_array()?.iter().find(|pair| first(pair, &["item"]).as_deref() == Some(item))?;
        first(pair, &["value"])
    };
    let (code, target) = (value("PropertyErrorCode"), value("PropertyName"));
    code.map(|code| ErrorDetail { code, target, message: String::new() })
}

/// The error inside of an error.
fn inner(error: &Value) -> Option<&Value> {
    member(error, "innerError").filter(|inner| inner.is_object())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Code, message, and whether it is Graph's envelope.
    fn read(body: &str) -> (String, String, bool) {
        let error = ServiceError::read(&serde_json::from_str(body).unwrap());
        (error.code, error.message, error.is_envelope)
    }

    #[test]
    fn code_and_message_are_kept_in_every_form() {
        for body in [
            r#"{"error":{"code":"C","message":"m"}}"#,
            r#"{"odata.error":{"code":"C","message":{"lang":"en","value":"m"}}}"#,
            r#"{"error":{"code":"C","message":{"lang":"en-US","value":"m"}}}"#,
            r#"{"error":{"code":"C","message":["m"]}}"#,
            r#"{"error":{"code":"C","message":"m","details":["text"]}}"#,
            r#"{"error":{"code":"C","message":"m","details":{"code":"D"}}}"#,
            r#"{"error":{"code":"C","message":"m","details":"text"}}"#,
            r#"{"error":{"code":"C","message":"m","details":[null,7,{},[],{"code":{"a":1}}]}}"#,
            r#"{"error":{"code":"C","message":"m","innerError":"text"}}"#,
            r#"{"error":{"code":"C","message":"m","innererror":{"code":"D","innererror":{"code":"E"}}}}"#,
            r#"{"error":{"code":null,"message":"m","innerError":{"code":"C"}}}"#,
            r#"{"error":{"code":"","message":"m","innerError":{"date":"x","request-id":"y","code":"C"}}}"#,
            r#"{"error":{"code":"C","message":null,"innerError":{"message":"m"}}}"#,
            r#"{"Error":{"Code":"C","Message":"m"}}"#,
            r#"[{"error":{"code":"C","message":" m\r\n"}}]"#,
        ] {
            assert_eq!(read(body), ("C".to_owned(), "m".to_owned(), true), "{body}");
        }
        for body in [
            r#"{"error":"C","error_description":"m"}"#,
            r#"{"code":"C","message":"m"}"#,
            r#"{"Code":"C","Message":"m"}"#,
            r#"{"code":"C","description":"m","data":[],"source":"PartnerFD"}"#,
            r#"{"errorCode":"C","message":"m","statusCode":400}"#,
            r#"{"timestamp":"x","status":403,"error":"C","message":"m","path":"/"}"#,
            r#"{"fault":{"code":"C","faultstring":"m"}}"#,
        ] {
            assert_eq!(read(body), ("C".to_owned(), "m".to_owned(), false), "{body}");
        }
        for (body, code, message) in [
            (r#"{"error":{"code":403,"message":"m"}}"#, "403", "m"),
            (r#"{"statusCode":429,"message":"m"}"#, "429", "m"),
            (r#"{"type":"about:blank","title":"t","status":403,"detail":"m"}"#, "403", "m"),
            (r#"{"Message":"m"}"#, "", "m"),
            (r#"{"error":{"code":true,"message":{}}}"#, "", ""),
            (r#"{"error":null}"#, "", ""),
            ("[]", "", ""),
            ("\"text\"", "", ""),
        ] {
            let (own_code, own_message, _) = read(body);
            assert_eq!((own_code.as_str(), own_message.as_str()), (code, message), "{body}");
        }
    }

    #[test]
    fn a_sub_code_is_found_wherever_it_stands() {
        for body in [
            r#"{"error":{"code":"Request_BadRequest","message":"m","details":[{"code":"D","target":"t"}]}}"#,
            r#"{"error":{"code":"Request_BadRequest","message":"m","details":{"code":"D","target":"t"}}}"#,
            r#"{"error":{"code":"D","message":"m"}}"#,
            r#"{"error":{"code":"Request_BadRequest","message":"m","innerError":{"code":"x","innerError":{"code":"D"}}}}"#,
            r#"{"odata.error":{"code":"Request_BadRequest","message":{"value":"m"},"values":[
                {"item":"PropertyName","value":"t"},{"item":"PropertyErrorCode","value":"D"}]}}"#,
        ] {
            let error = ServiceError::read(&serde_json::from_str(body).unwrap());
            assert!(error.has_code("D") && error.sentence() == "m", "{body}: {error:?}");
        }
        let detail = ServiceError::read(&serde_json::json!({"error": {"details": ["only here"]}}));
        assert_eq!(detail.sentence(), "only here");
        assert!(detail.says("ONLY"));
    }

    #[test]
    fn details_are_bounded() {
        let mut inner = serde_json::json!({});
        for at in 0..100 {
            inner = serde_json::json!({"code": at.to_string(), "innerError": inner});
        }
        let many = vec![serde_json::json!("x"); 1_000];
        let error = ServiceError::read(&serde_json::json!({"error": {"details": many, "innerError": inner}}));
        assert_eq!(error.details.len(), MAX_DETAILS);
    }
}
