//! The policies of a tenant: whether an app may have secrets, and for how long; what becomes of values of an older time.

use std::time::Duration;

use http::StatusCode;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::graph::response::GraphError;

/// What the tenant's app management policy allows for secrets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum SecretPolicy {
    /// No restriction: the default.
    #[default]
    Unrestricted,
    /// A secret may not be valid for longer than `lifetime`.
    MaxLifetime {
        /// The id of the policy, which the error names.
        policy_id: Uuid,
        /// The maximum lifetime.
        lifetime: Duration,
    },
    /// No secrets at all.
    Forbidden {
        /// The id of the policy, which the error names.
        policy_id: Uuid,
    },
}

/// What becomes of values that an application has and that today's rules refuse, such as a redirect URI with a wildcard
/// in its path, when a PATCH writes the property that holds them and keeps them. What Entra does is not known; a PATCH
/// that leaves the property as it is goes through either way, and one that changes the audience keeps nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum LegacyValues {
    /// They may stay: the default.
    #[default]
    Kept,
    /// The PATCH is refused for them, as if they were new.
    Refused,
}

impl SecretPolicy {
    pub(crate) fn check(self, start: OffsetDateTime, end: OffsetDateTime) -> Result<(), GraphError> {
        match self {
            Self::MaxLifetime { policy_id, lifetime } if end - start > lifetime => Err(GraphError::new(
                StatusCode::BAD_REQUEST,
                "CredentialInvalidLifetimeAsPerAppPolicy",
                format!("Credential lifetime exceeds the max value allowed as per assigned policy '{policy_id}'."),
            )
            .detail("InvalidKeyEndDate", "EndDate")),
            Self::MaxLifetime { .. } | Self::Unrestricted => Ok(()),
            Self::Forbidden { policy_id } => Err(GraphError::new(
                StatusCode::BAD_REQUEST,
                "CredentialTypeNotAllowedAsPerAppPolicy",
                format!("Credential type not allowed as per assigned policy '{policy_id}'."),
            )),
        }
    }
}
