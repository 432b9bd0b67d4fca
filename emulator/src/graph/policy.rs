//! The policies of a tenant: whether an app may have secrets, and for how long; what becomes of values of an older time.

use std::time::Duration;

use uuid::Uuid;

/// What the tenant's default app management policy allows for secrets, when the tenant begins: it is a policy as any
/// other, and can be read and changed at `/policies/defaultAppManagementPolicy`.
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
