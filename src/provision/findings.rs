//! All that a check finds, as one error: it goes on past the first obstacle.

use crate::error::{Error, ErrorDetail};

/// What a check has found.
#[derive(Debug, Default)]
pub(super) struct Findings(Vec<Error>);

impl Findings {
    /// Adds what was found, once.
    pub(super) fn add(&mut self, found: Error) {
        let is_known = |known: &Error| known.code() == found.code() && known.message() == found.message();
        if !self.0.iter().any(is_known) {
            self.0.push(found);
        }
    }

    /// Adds what a check of one thing has found, if it did.
    pub(super) fn add_result(&mut self, checked: Result<(), Error>) {
        if let Err(found) = checked {
            self.add(found);
        }
    }

    /// One error for all: the code is that of the first, the message and the remedy are those of all, and the details list
    /// them one by one.
    pub(super) fn into_result(mut self) -> Result<(), Error> {
        if self.0.len() < 2 {
            return self.0.pop().map_or(Ok(()), Err);
        }
        let messages: Vec<&str> = self.0.iter().map(Error::message).collect();
        let mut remedies: Vec<&str> = Vec::new();
        for remedy in self.0.iter().map(Error::remedy) {
            if !remedies.contains(&remedy) {
                remedies.push(remedy);
            }
        }
        Err(Error::new(self.0[0].code())
            .with_message(messages.join("; "))
            .with_remedy(remedies.join(" "))
            .with_details(self.0.iter().flat_map(details).collect()))
    }
}

/// What a finding is about, or the finding itself.
fn details(found: &Error) -> Vec<ErrorDetail> {
    match found.details() {
        [] => vec![ErrorDetail { code: found.code().to_string(), target: None, message: found.message().to_owned() }],
        details => details.to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorCode;

    fn found(codes: &[(ErrorCode, &str)]) -> Result<(), Error> {
        let mut findings = Findings::default();
        for (code, message) in codes {
            findings.add(Error::new(*code).with_message(*message));
        }
        findings.into_result()
    }

    #[test]
    fn one_finding_is_its_own_error_and_several_are_one_with_each_once() {
        assert!(found(&[]).is_ok());
        let one = found(&[(ErrorCode::TagTwice, "a"), (ErrorCode::TagTwice, "a")]).unwrap_err();
        assert_eq!((one.message(), one.details().len()), ("a", 0));
        let all = [(ErrorCode::TagTwice, "a"), (ErrorCode::NotesTooLong, "b"), (ErrorCode::TagTwice, "c")];
        let all = found(&all).unwrap_err();
        assert_eq!((all.code(), all.message()), (ErrorCode::TagTwice, "a; b; c"));
        assert_eq!(all.remedy(), "Name it once. Shorten them.");
        let details: Vec<_> = all.details().iter().map(|it| (it.code.as_str(), it.message.as_str())).collect();
        assert_eq!(details, [("tag_twice", "a"), ("notes_too_long", "b"), ("tag_twice", "c")]);
    }
}
