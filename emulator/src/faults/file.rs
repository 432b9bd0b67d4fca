//! Faults written down as JSON.

use std::fmt;

use serde_json::Value;

use super::fault::Fault;

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
    /// order in which they are tried. [`Fault`] lists the members of each.
    ///
    /// ```
    /// # use entra_emulator::{Fault, MemoryTenant};
    /// let faults = Fault::from_json(
    ///     r#"{"faults": [
    ///         {"on": "POST /applications", "nth": 2, "action": "response_lost"},
    ///         {"on": "* /**", "always": true, "percent": 5, "action": {"throttled": {"seconds": 3}}}
    ///     ]}"#,
    /// )?;
    /// let tenant = MemoryTenant::new();
    /// faults.into_iter().for_each(|fault| tenant.fault(fault));
    /// # Ok::<(), entra_emulator::FaultError>(())
    /// ```
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
            <Self as serde::Deserialize>::deserialize(fault)
                .map_err(|what| FaultError(format!("fault {number}: {what}")))
        };
        faults.iter().zip(1..).map(read).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::time::Duration;

    use super::super::RetryAfter;
    use super::super::fault::Action;
    use super::*;

    /// Each action as it is written and as it is made.
    fn pairs() -> Vec<(&'static str, Fault)> {
        let on = || Fault::on("POST", "/applications");
        vec![
            (r#""action": "response_lost""#, on().response_lost()),
            (r#""action": {"body": {"text": "{}"}}"#, on().body("{}")),
            (r#""action": {"body": {"text": {"value": []}}}"#, on().body(r#"{"value":[]}"#)),
            (r#""action": "concurrency""#, on().concurrency()),
            (r#""action": "empty_page""#, on().empty_page()),
            (r#""action": {"fails": {"status": 502}}"#, on().fails(502)),
            (r#""action": {"fails_after_writing": {"status": 504}}"#, on().fails_after_writing(504)),
            (r#""action": "hangs""#, on().hangs()),
            (r#""action": {"intercepted": {"status": 403, "text": "no"}}"#, on().intercepted(403, "", "no")),
            (
                r#""action": {"intercepted": {"status": 502, "content_type": "application/json", "text": {"statusCode": 502}}}"#,
                on().intercepted(502, "application/json", r#"{"statusCode":502}"#),
            ),
            (r#""action": {"malformed": {"status": 200}}"#, on().malformed(200)),
            (r#""action": {"next_link_to": {"host": "graph.example"}}"#, on().next_link_to("graph.example")),
            (r#""action": {"oversized": {"bytes": 1000}}"#, on().oversized(1000)),
            (r#""action": {"refuses": {"status": 400, "code": "C", "message": "M"}}"#, on().refuses(400, "C", "M")),
            (r#""action": "replica_miss""#, on().replica_miss()),
            (r#""action": "reset""#, on().reset()),
            (r#""action": {"revokes": {"role": "Application.Read.All"}}"#, on().revokes("Application.Read.All")),
            (r#""action": "service_principal_race""#, on().service_principal_race()),
            (r#""action": {"slow": {"milliseconds": 250}}"#, on().slow(Duration::from_millis(250))),
            (r#""action": "throttled""#, on().throttled(RetryAfter::Absent)),
            (r#""action": {"throttled": {"seconds": 7}}"#, on().throttled(RetryAfter::Seconds(7))),
            (r#""action": {"throttled": {"date": 90}}"#, on().throttled(RetryAfter::Date(Duration::from_secs(90)))),
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
    fn every_fault_can_be_written_down_and_read_back() {
        for (written, made) in pairs() {
            assert_eq!(one(written).unwrap(), std::slice::from_ref(&made), "{written}");
            let saved = serde_json::to_string(&made).unwrap();
            assert_eq!(serde_json::from_str::<Fault>(&saved).unwrap(), made, "{saved}");
        }
        let plain = serde_json::to_value(Fault::on("post", "/applications").response_lost()).unwrap();
        assert_eq!(plain, serde_json::json!({"on": "post /applications", "action": "response_lost"}));
    }

    #[test]
    fn the_faults_of_the_readme_are_faults() {
        let readme = include_str!("../../README.md");
        let (_, faults) = readme.split_once("```json\n{\"faults\"").expect("the README shows faults");
        let (faults, _) = faults.split_once("```").expect("the block ends");
        assert_eq!(Fault::from_json(&format!("{{\"faults\"{faults}")).unwrap().len(), 4);
        // What is written in the text names actions as well.
        let (_, actions) = readme.split_once("The actions:").expect("the README lists the actions");
        let (actions, _) = actions.split_once("A name with a typo").expect("the list ends");
        let named: BTreeSet<String> = actions.split('`').skip(1).step_by(2).map(str::to_owned).collect();
        for action in &named {
            let action = if action.starts_with('{') { action.clone() } else { format!("\"{action}\"") };
            let members = format!("\"action\": {}", action.replace('\n', " "));
            assert!(one(&members).is_ok(), "{members}: {:?}", one(&members));
        }
        assert_eq!(named.len(), 22, "{named:?}");
    }

    #[test]
    fn no_action_is_missing_above() {
        // A new action does not compile here until it has a number; the number must be among the pairs.
        let number = |action: &Action| match action {
            Action::Unreachable => 0,
            Action::Reset => 1,
            Action::Hangs => 2,
            Action::Malformed { .. } => 3,
            Action::ResponseLost => 4,
            Action::Truncated => 5,
            Action::Oversized { .. } => 6,
            Action::Slow { .. } => 7,
            Action::Body { .. } => 8,
            Action::TokenRefused => 9,
            Action::EmptyPage => 10,
            Action::NextLinkTo { .. } => 11,
            Action::Revokes { .. } => 12,
            Action::Throttled(_) => 13,
            Action::Fails { .. } => 14,
            Action::FailsAfterWriting { .. } => 15,
            Action::Refuses { .. } => 16,
            Action::ServicePrincipalRace => 17,
            Action::Concurrency => 18,
            Action::ReplicaMiss => 19,
            Action::Intercepted { .. } => 20,
            Action::Exceeded(_) => unreachable!("a limit is no fault"),
        };
        let numbers: BTreeSet<_> = pairs().iter().map(|(_, fault)| number(&fault.action)).collect();
        assert_eq!(numbers, (0..21).collect());
    }

    #[test]
    fn what_is_wrong_is_said_with_the_number_of_the_fault() {
        for (text, expected) in [
            ("{", "the faults are no JSON: EOF while parsing an object at line 1 column 1"),
            ("[]", "expected an object with one member: {\"faults\": [\u{2026}]}"),
            (r#"{"faults": [], "fault": 1}"#, "expected an object with one member: {\"faults\": [\u{2026}]}"),
            (r#"{"faults": [7]}"#, "fault 1: expected an object"),
            (r#"{"faults": [{"on": "GET /x"}]}"#, "fault 1: `action` is missing"),
            (r#"{"faults": [{"action": "reset"}]}"#, "fault 1: `on` is missing"),
            (
                r#"{"faults": [{"on": "GET /x", "action": "reset"}, {"on": "GET /x", "action": "responselost"}]}"#,
                "fault 2: `responselost` is not known; did you mean `response_lost`?",
            ),
        ] {
            assert_eq!(Fault::from_json(text).unwrap_err().to_string(), expected);
        }
        for (members, expected) in [
            (r#""action": 1"#, "`action`: 1 is neither a name nor an object with one member, which is the name"),
            (r#""action": "answer_lost""#, "`answer_lost` is not known; did you mean `response_lost`?"),
            (r#""action": {"fails": {"staus": 1}}"#, "`staus` is not a member; did you mean `status`?"),
            (r#""action": "fails""#, "`fails` needs an object: {\"fails\": {\"status\": \u{2026}}}"),
            (r#""action": {"hangs": 3}"#, "`hangs` stands by itself: \"hangs\""),
            (r#""action": "reset", "nht": 2"#, "`nht` is not a member; did you mean `nth`?"),
            (r#""action": "reset", "nth": 0"#, "`nth` is 0: it is counted from 1"),
            (r#""action": "reset", "times": 0"#, "`times` is 0: it is counted from 1"),
            (r#""action": "reset", "nth": "two""#, "`nth`: invalid type: string \"two\", expected u64"),
            (r#""action": "reset", "times": 2, "always": true"#, "`times` and `always` exclude each other"),
            (r#""action": "reset", "in_batch": true, "alone": true"#, "`in_batch` and `alone` exclude each other"),
            (r#""action": "reset", "alone": 1"#, "`alone`: invalid type: integer `1`, expected a boolean"),
            (r#""action": "reset", "percent": 101"#, "`percent` is more than 100"),
            (r#""action": {"oversized": {"bytes": 268435457}}"#, "`bytes`: more than 268435456"),
            (r#""action": {"fails": {}}"#, "`status` is missing"),
            (
                r#""action": {"intercepted": {"status": 403, "content_type": "a\nb", "text": ""}}"#,
                "`content_type`: \"a\\nb\" is no value of a header",
            ),
            (r#""action": {"fails": {"status": 99}}"#, "`status`: 99 is no HTTP status such as 503"),
            (r#""action": {"throttled": {"date": 99999999}}"#, "`date`: more than a year"),
        ] {
            assert_eq!(one(members).unwrap_err().to_string(), format!("fault 1: {expected}"));
        }
        let unknown = one(r#""action": "explodes""#).unwrap_err().to_string();
        assert!(unknown.starts_with("fault 1: `explodes` is not known; expected one of unreachable, "), "{unknown}");
        for on in ["POST", "POST applications", "P@ST /applications", ""] {
            let text = format!(r#"{{"faults": [{{"on": "{on}", "action": "reset"}}]}}"#);
            let error = Fault::from_json(&text).unwrap_err().to_string();
            assert!(error.starts_with(&format!("fault 1: `on`: {on:?} is no method and path")), "{error}");
        }
    }
}
