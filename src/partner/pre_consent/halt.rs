//! What an error says of all other customers: whether they would fail in the same way.

use crate::error::{Error, ErrorCode};

/// Where an error comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Partner Center, or a sign-in to the partner's own tenant.
    Partner,
    /// The customer's tenant, or a sign-in to it.
    Customer,
}

/// What ends or holds up a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Halt {
    /// Every further customer fails in the same way.
    Stop,
    /// The person has to sign in again; then it goes on.
    SignIn,
}

/// AADSTS numbers by which a sign-in has to be renewed, and was not taken away: it is too old for a policy.
const TOO_OLD: [&str; 3] = ["AADSTS70043", "AADSTS50078", "AADSTS700084"];

/// Whether an error hits all customers.
pub(super) fn halt(error: &Error, place: Place) -> Option<Halt> {
    use ErrorCode as Code;
    let is_too_old = error.service_code().is_some_and(|code| TOO_OLD.contains(&code));
    match error.code() {
        Code::SignInExpired | Code::MfaRequired | Code::InteractionRequired
            if is_too_old && place == Place::Partner =>
        {
            Some(Halt::SignIn)
        }
        Code::SignInExpired if is_too_old => Some(Halt::SignIn),
        Code::BlockedByConditionalAccess | Code::InteractionRequired if place == Place::Partner => Some(Halt::SignIn),
        Code::MfaRequired | Code::TokenRefused | Code::PartnerCenterNeedsPerson if place == Place::Partner => {
            Some(Halt::Stop)
        }
        Code::SignInExpired
        | Code::NotSignedIn
        | Code::NoRefreshToken
        | Code::RefreshTokenNotLoaded
        | Code::RefreshTokenNotStored
        | Code::AccountDisabled
        | Code::TokenOfAnotherTenant
        | Code::GdapNotInCloud => Some(Halt::Stop),
        code if code.is_credential_error() => Some(Halt::Stop),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_hits_all_stops_what_a_sign_in_mends_waits_and_the_rest_is_one_customers() {
        use ErrorCode as Code;
        let of =
            |code: Code, service: &str, place| halt(&Error::new(code).with_service(service, "x", Vec::new()), place);
        for (code, service, partner, customer) in [
            (Code::SignInExpired, "AADSTS50173", Some(Halt::Stop), Some(Halt::Stop)),
            (Code::SignInExpired, "AADSTS70043", Some(Halt::SignIn), Some(Halt::SignIn)),
            (Code::MfaRequired, "900421", Some(Halt::Stop), None),
            (Code::MfaRequired, "AADSTS50078", Some(Halt::SignIn), None),
            (Code::MfaRequired, "AADSTS50076", Some(Halt::Stop), None),
            (Code::BlockedByConditionalAccess, "AADSTS53003", Some(Halt::SignIn), None),
            (Code::TokenRefused, "900420", Some(Halt::Stop), None),
            (Code::WrongSecret, "AADSTS7000215", Some(Halt::Stop), Some(Halt::Stop)),
            (Code::MissingPermission, "2032", None, None),
            (Code::ServiceFailed, "", None, None),
            (Code::NotConsented, "AADSTS65001", None, None),
        ] {
            assert_eq!(
                (of(code, service, Place::Partner), of(code, service, Place::Customer)),
                (partner, customer),
                "{code} {service}"
            );
        }
    }
}
