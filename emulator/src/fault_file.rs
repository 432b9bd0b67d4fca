//! Faults written down as JSON.

use std::fmt;
use std::time::Duration;

use serde_json::{Map, Value};

use super::fault::{Fault, FaultOn, RetryAfter};

/// The actions, each with the members that it takes beside those that every fault may have.
const ACTIONS: [(&str, &[&str]); 20] = [
    ("answer_lost", &[]),
    ("body", &["text"]),
    ("concurrency", &[]),
    ("empty_page", &[]),
    ("fails", &["status"]),
    ("fails_after_writing", &["status"]),
    ("hangs", &[]),
    ("malformed", &["status"]),
    ("next_link_to", &["host"]),
    ("oversized", &["bytes"]),
    ("refuses", &["status", "code", "message"]),
    ("replica_miss", &[]),
    ("reset", &[]),
    ("revokes", &["role"]),
    ("service_principal_race", &[]),
    ("slow", &["milliseconds"]),
    ("throttled", &["retry_after", "retry_after_date"]),
    ("token_refused", &[]),
    ("truncated", &[]),
    ("unreachable", &[]),
];

/// The members that every fault may have.
const MEMBERS: [&str; 8] = ["on", "action", "nth", "times", "always", "percent", "in_batch", "alone"];

/// What is wrong with faults that were written down: which fault, counted from 1, and how to mend it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FaultError(String);

impl fmt::Display for FaultError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for FaultError {}

impl Fault {
    /// Reads faults that are written down as JSON: an object with one member, `faults`, which is their list, in the
    /// order in which they are tried.
    ///
    /// ```
    /// # use entra_emulator::{Fault, MemoryTenant};
    /// let faults = Fault::from_json(
    ///     r#"{"faults": [
    ///         {"on": "POST /applications", "nth": 2, "action": "answer_lost"},
    ///         {"on": "* /**", "always": true, "percent": 5, "action": "throttled", "retry_after": 3}
    ///     ]}"#,
    /// )?;
    /// let tenant = MemoryTenant::new();
    /// faults.into_iter().for_each(|fault| tenant.fault(fault));
    /// # Ok::<(), entra_emulator::FaultError>(())
    /// ```
    ///
    /// | member | type | what it is |
    /// |---|---|---|
    /// | `on` | text | the method and the path, as in [`Fault::on`], with a blank between them; required |
    /// | `action` | text | what goes wrong, of the table below; required |
    /// | `nth` | number | [`FaultOn::nth`]; 1 by default |
    /// | `times` | number | [`FaultOn::times`]; 1 by default |
    /// | `always` | boolean | [`FaultOn::always`] |
    /// | `percent` | number | [`FaultOn::percent`]; 100 by default |
    /// | `in_batch` | boolean | [`FaultOn::in_batch`] |
    /// | `alone` | boolean | [`FaultOn::alone`] |
    ///
    /// | `action` | members that belong to it |
    /// |---|---|
    /// | [`answer_lost`](FaultOn::answer_lost) | |
    /// | [`body`](FaultOn::body) | `text`: the body; a value that is no text stands for its JSON |
    /// | [`concurrency`](FaultOn::concurrency) | |
    /// | [`empty_page`](FaultOn::empty_page) | |
    /// | [`fails`](FaultOn::fails) | `status` |
    /// | [`fails_after_writing`](FaultOn::fails_after_writing) | `status` |
    /// | [`hangs`](FaultOn::hangs) | |
    /// | [`malformed`](FaultOn::malformed) | `status` |
    /// | [`next_link_to`](FaultOn::next_link_to) | `host` |
    /// | [`oversized`](FaultOn::oversized) | `bytes` |
    /// | [`refuses`](FaultOn::refuses) | `status`, `code`, `message` |
    /// | [`replica_miss`](FaultOn::replica_miss) | |
    /// | [`reset`](FaultOn::reset) | |
    /// | [`revokes`](FaultOn::revokes) | `role` |
    /// | [`service_principal_race`](FaultOn::service_principal_race) | |
    /// | [`slow`](FaultOn::slow) | `milliseconds` |
    /// | [`throttled`](FaultOn::throttled) | `retry_after`: seconds, or `retry_after_date`: the seconds until the date; neither: not said |
    /// | [`token_refused`](FaultOn::token_refused) | |
    /// | [`truncated`](FaultOn::truncated) | |
    /// | [`unreachable`](FaultOn::unreachable) | |
    ///
    /// # Errors
    /// When the text is no JSON, or is not of this form: the error says which fault is meant and what is expected.
    pub fn from_json(text: &str) -> Result<Vec<Self>, FaultError> {
        let file: Value =
            serde_json::from_str(text).map_err(|error| FaultError(format!("the faults are no JSON: {error}")))?;
        let members = file.as_object().filter(|members| members.len() == 1);
        let faults = members.and_then(|members| members.get("faults")).and_then(Value::as_array);
        let faults = faults
            .ok_or_else(|| FaultError("expected an object with one member: {\"faults\": [\u{2026}]}".to_owned()))?;
        let read = |(fault, number): (&Value, usize)| {
            Entry::of(fault)
                .and_then(|entry| entry.fault())
                .map_err(|what| FaultError(format!("fault {number}: {what}")))
        };
        faults.iter().zip(1..).map(read).collect()
    }
}

/// One fault as it is written, with its action.
struct Entry<'a> {
    members: &'a Map<String, Value>,
    action: &'static str,
}

impl<'a> Entry<'a> {
    fn of(fault: &'a Value) -> Result<Self, String> {
        let members = fault.as_object().ok_or("expected an object")?;
        let name = members.get("action").ok_or("the member `action` is missing")?;
        let name = name.as_str().ok_or_else(|| unexpected("action", "a text", name))?;
        let Some((action, own)) = ACTIONS.into_iter().find(|(action, _)| *action == name) else {
            return Err(unknown("an action", name, ACTIONS.map(|(action, _)| action).as_slice()));
        };
        let known: Vec<&str> = MEMBERS.iter().chain(own).copied().collect();
        match members.keys().find(|member| !known.contains(&member.as_str())) {
            Some(member) => Err(unknown(&format!("a member of `{action}`"), member, &known)),
            None => Ok(Self { members, action }),
        }
    }

    fn fault(&self) -> Result<Fault, String> {
        let on = self.on()?;
        Ok(match self.action {
            "answer_lost" => on.answer_lost(),
            "body" => on.body(match self.required("text")? {
                Value::String(text) => text.clone(),
                value => value.to_string(),
            }),
            "concurrency" => on.concurrency(),
            "empty_page" => on.empty_page(),
            "fails" => on.fails(self.status()?),
            "fails_after_writing" => on.fails_after_writing(self.status()?),
            "hangs" => on.hangs(),
            "malformed" => on.malformed(self.status()?),
            "next_link_to" => on.next_link_to(self.text("host")?),
            "oversized" => on.oversized(self.bytes()?),
            "refuses" => on.refuses(self.status()?, self.text("code")?, self.text("message")?),
            "replica_miss" => on.replica_miss(),
            "reset" => on.reset(),
            "revokes" => on.revokes(self.text("role")?),
            "service_principal_race" => on.service_principal_race(),
            "slow" => on.slow(Duration::from_millis(self.required_number("milliseconds")?)),
            "throttled" => on.throttled(self.retry_after()?),
            "token_refused" => on.token_refused(),
            "truncated" => on.truncated(),
            // The last of the actions: `of` knows no other.
            _ => on.unreachable(),
        })
    }

    /// Which requests it meets.
    fn on(&self) -> Result<FaultOn, String> {
        let on = self.text("on")?;
        let parts = on.split_once(' ').map(|(method, path)| (method, path.trim()));
        let parts =
            parts.filter(|(_, path)| path.starts_with('/')).and_then(|(method, path)| FaultOn::new(method, path));
        let mut on = parts.ok_or_else(|| {
            format!(
                "`on` is {on:?}: expected a method and a path below /v1.0, such as \"POST /applications\" or \"* /**\""
            )
        })?;
        if let Some(nth) = self.count("nth")? {
            on = on.nth(nth);
        }
        let (times, always) = (self.count("times")?, self.flag("always")?);
        if times.is_some() && always {
            return Err("`times` and `always` exclude each other".to_owned());
        }
        if let Some(times) = times.or(always.then_some(u64::MAX)) {
            on = on.times(times);
        }
        if let Some(percent) = self.number("percent")? {
            let percent = u8::try_from(percent).ok().filter(|percent| *percent <= 100);
            on = on.percent(percent.ok_or("`percent` is more than 100")?);
        }
        match (self.flag("in_batch")?, self.flag("alone")?) {
            (true, true) => Err("`in_batch` and `alone` exclude each other".to_owned()),
            (true, false) => Ok(on.in_batch()),
            (false, true) => Ok(on.alone()),
            (false, false) => Ok(on),
        }
    }

    fn retry_after(&self) -> Result<RetryAfter, String> {
        match (self.number("retry_after")?, self.number("retry_after_date")?) {
            (Some(_), Some(_)) => Err("`retry_after` and `retry_after_date` exclude each other".to_owned()),
            (Some(seconds), None) => Ok(RetryAfter::Seconds(seconds)),
            // A date must stay one that can be written.
            (None, Some(seconds)) if seconds > 366 * 24 * 3600 => {
                Err("`retry_after_date` is more than a year".to_owned())
            }
            (None, Some(seconds)) => Ok(RetryAfter::Date(Duration::from_secs(seconds))),
            (None, None) => Ok(RetryAfter::Unsaid),
        }
    }

    fn required(&self, name: &str) -> Result<&'a Value, String> {
        self.members.get(name).ok_or_else(|| match name {
            "on" => "the member `on` is missing".to_owned(),
            _ => format!("`{}` needs the member `{name}`", self.action),
        })
    }

    fn text(&self, name: &str) -> Result<&'a str, String> {
        let value = self.required(name)?;
        value.as_str().ok_or_else(|| unexpected(name, "a text", value))
    }

    fn number(&self, name: &str) -> Result<Option<u64>, String> {
        let Some(value) = self.members.get(name) else { return Ok(None) };
        value.as_u64().map(Some).ok_or_else(|| unexpected(name, "a whole number", value))
    }

    fn required_number(&self, name: &str) -> Result<u64, String> {
        self.required(name)?;
        Ok(self.number(name)?.unwrap_or_default())
    }

    /// The size of a body, which has to fit into memory.
    fn bytes(&self) -> Result<usize, String> {
        let bytes = usize::try_from(self.required_number("bytes")?).ok().filter(|bytes| *bytes <= 1 << 28);
        bytes.ok_or_else(|| format!("`bytes` is more than {}", 1 << 28))
    }

    /// A number from 1.
    fn count(&self, name: &str) -> Result<Option<u64>, String> {
        match self.number(name)? {
            Some(0) => Err(format!("`{name}` is 0: it is counted from 1")),
            number => Ok(number),
        }
    }

    fn flag(&self, name: &str) -> Result<bool, String> {
        let Some(value) = self.members.get(name) else { return Ok(false) };
        value.as_bool().ok_or_else(|| unexpected(name, "true or false", value))
    }

    fn status(&self) -> Result<u16, String> {
        let status = self.required_number("status")?;
        // What HTTP has, without the interim answers, which are none.
        let status = u16::try_from(status).ok().filter(|status| (200..=999).contains(status));
        status.ok_or_else(|| "`status` is no HTTP status: expected a number such as 503".to_owned())
    }
}

fn unexpected(name: &str, expected: &str, found: &Value) -> String {
    format!("`{name}` is {found}: expected {expected}")
}

/// What is not known, with what may have been meant.
fn unknown(what: &str, name: &str, known: &[&str]) -> String {
    let likeness = |known: &&str| strsim::damerau_levenshtein(known, name);
    let near = known.iter().copied().min_by_key(likeness).filter(|near| likeness(near) <= 3);
    match near {
        Some(near) => format!("`{name}` is not {what}; did you mean `{near}`?"),
        None => format!("`{name}` is not {what}; expected one of {}", known.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::fault::Action;
    use super::*;

    /// Each action as it is written and as it is made.
    fn pairs() -> Vec<(&'static str, Fault)> {
        let on = || Fault::on("POST", "/applications");
        vec![
            (r#""action": "answer_lost""#, on().answer_lost()),
            (r#""action": "body", "text": "{}""#, on().body("{}")),
            (r#""action": "body", "text": {"value": []}"#, on().body(r#"{"value":[]}"#)),
            (r#""action": "concurrency""#, on().concurrency()),
            (r#""action": "empty_page""#, on().empty_page()),
            (r#""action": "fails", "status": 502"#, on().fails(502)),
            (r#""action": "fails_after_writing", "status": 504"#, on().fails_after_writing(504)),
            (r#""action": "hangs""#, on().hangs()),
            (r#""action": "malformed", "status": 200"#, on().malformed(200)),
            (r#""action": "next_link_to", "host": "graph.example""#, on().next_link_to("graph.example")),
            (r#""action": "oversized", "bytes": 1000"#, on().oversized(1000)),
            (r#""action": "refuses", "status": 400, "code": "C", "message": "M""#, on().refuses(400, "C", "M")),
            (r#""action": "replica_miss""#, on().replica_miss()),
            (r#""action": "reset""#, on().reset()),
            (r#""action": "revokes", "role": "Application.Read.All""#, on().revokes("Application.Read.All")),
            (r#""action": "service_principal_race""#, on().service_principal_race()),
            (r#""action": "slow", "milliseconds": 250"#, on().slow(Duration::from_millis(250))),
            (r#""action": "throttled""#, on().throttled(RetryAfter::Unsaid)),
            (r#""action": "throttled", "retry_after": 7"#, on().throttled(RetryAfter::Seconds(7))),
            (
                r#""action": "throttled", "retry_after_date": 90"#,
                on().throttled(RetryAfter::Date(Duration::from_secs(90))),
            ),
            (r#""action": "token_refused""#, on().token_refused()),
            (r#""action": "truncated""#, on().truncated()),
            (r#""action": "unreachable""#, on().unreachable()),
            (r#""action": "hangs", "nth": 3, "times": 2"#, on().nth(3).times(2).hangs()),
            (r#""action": "hangs", "always": true, "percent": 5"#, on().always().percent(5).hangs()),
            (r#""action": "hangs", "in_batch": true, "alone": false"#, on().in_batch().hangs()),
            (r#""action": "hangs", "alone": true"#, on().alone().hangs()),
        ]
    }

    fn one(members: &str) -> Result<Vec<Fault>, FaultError> {
        Fault::from_json(&format!(r#"{{"faults": [{{"on": "POST /applications", {members}}}]}}"#))
    }

    #[test]
    fn every_fault_can_be_written_down() {
        for (written, made) in pairs() {
            assert_eq!(format!("{:?}", one(written).unwrap()), format!("{:?}", [made]), "{written}");
        }
    }

    #[test]
    fn no_kind_of_fault_is_missing_above() {
        // A new kind does not compile here until it has a name; the name must be among the pairs.
        let kind = |action: &Action| match action {
            Action::Unreachable => 0,
            Action::Reset => 1,
            Action::Hangs => 2,
            Action::Malformed(_) => 3,
            Action::AnswerLost => 4,
            Action::Truncated => 5,
            Action::Oversized(_) => 6,
            Action::Slow(_) => 7,
            Action::Answer { .. } => 8,
            Action::Body(_) => 9,
            Action::TokenRefused => 10,
            Action::EmptyPage => 11,
            Action::NextLinkTo(_) => 12,
            Action::Revokes(_) => 13,
        };
        let kinds: std::collections::BTreeSet<_> = pairs().iter().map(|(_, fault)| kind(&fault.action)).collect();
        assert_eq!(kinds, (0..14).collect());
        for (action, _) in ACTIONS {
            let written = format!(r#""action": "{action}""#);
            assert!(pairs().iter().any(|(pair, _)| pair.starts_with(&written)), "{action}");
        }
    }

    #[test]
    fn what_is_wrong_is_said_with_the_number_of_the_fault() {
        for (text, expected) in [
            ("{", "the faults are no JSON: EOF while parsing an object at line 1 column 1"),
            ("[]", "expected an object with one member: {\"faults\": [\u{2026}]}"),
            (r#"{"faults": [], "fault": 1}"#, "expected an object with one member: {\"faults\": [\u{2026}]}"),
            (r#"{"faults": [7]}"#, "fault 1: expected an object"),
            (r#"{"faults": [{"on": "GET /x"}]}"#, "fault 1: the member `action` is missing"),
            (r#"{"faults": [{"action": "reset"}]}"#, "fault 1: the member `on` is missing"),
            (
                r#"{"faults": [{"on": "GET /x", "action": "reset"}, {"on": "GET /x", "action": "answerlost"}]}"#,
                "fault 2: `answerlost` is not an action; did you mean `answer_lost`?",
            ),
        ] {
            assert_eq!(Fault::from_json(text).unwrap_err().to_string(), expected);
        }
        let every_action = ACTIONS.map(|(action, _)| action).join(", ");
        for (members, expected) in [
            (r#""action": 1"#, "`action` is 1: expected a text"),
            (r#""action": "explodes""#, &*format!("`explodes` is not an action; expected one of {every_action}")),
            (r#""action": "reset", "nht": 2"#, "`nht` is not a member of `reset`; did you mean `nth`?"),
            (r#""action": "reset", "nth": 0"#, "`nth` is 0: it is counted from 1"),
            (r#""action": "reset", "nth": "two""#, "`nth` is \"two\": expected a whole number"),
            (r#""action": "reset", "times": 2, "always": true"#, "`times` and `always` exclude each other"),
            (r#""action": "reset", "in_batch": true, "alone": true"#, "`in_batch` and `alone` exclude each other"),
            (r#""action": "reset", "alone": 1"#, "`alone` is 1: expected true or false"),
            (r#""action": "reset", "percent": 101"#, "`percent` is more than 100"),
            (r#""action": "oversized", "bytes": 268435457"#, "`bytes` is more than 268435456"),
            (r#""action": "fails""#, "`fails` needs the member `status`"),
            (r#""action": "fails", "status": 99"#, "`status` is no HTTP status: expected a number such as 503"),
            (
                r#""action": "throttled", "retry_after": 1, "retry_after_date": 1"#,
                "`retry_after` and `retry_after_date` exclude each other",
            ),
        ] {
            assert_eq!(one(members).unwrap_err().to_string(), format!("fault 1: {expected}"));
        }
        for on in ["POST", "POST applications", "P@ST /applications", ""] {
            let text = format!(r#"{{"faults": [{{"on": "{on}", "action": "reset"}}]}}"#);
            let error = Fault::from_json(&text).unwrap_err().to_string();
            assert!(error.starts_with(&format!("fault 1: `on` is {on:?}: expected a method and a path")), "{error}");
        }
    }
}
