//! Environment variables that a way to sign in needs.

use crate::error::{Error, ErrorCode};

/// Returns the variable `name` of a program that runs as `role`.
///
/// # Errors
/// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) with the code [`MissingEnvironmentVariable`](crate::ErrorCode::MissingEnvironmentVariable) when it is not set, or blank.
pub(super) fn required_variable(
    variable: impl Fn(&str) -> Option<String>,
    name: &str,
    role: &str,
) -> Result<String, Error> {
    variable(name).filter(|value| !value.trim().is_empty()).ok_or_else(|| {
        Error::new(ErrorCode::MissingEnvironmentVariable)
            .with_message(format!("the environment variable {name} is not set"))
            .with_remedy(format!("Set it, or check that the program runs as {role}."))
    })
}
