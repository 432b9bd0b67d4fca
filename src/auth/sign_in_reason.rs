//! Reasons of the sign-in service to refuse, each with its cause and remedy.
//!
//! Numbers: <https://learn.microsoft.com/entra/identity-platform/reference-error-codes>. Microsoft asks programs to react to
//! the `error` of a response, because the numbers may change: so the `error` decides, and the number explains.

use std::fmt;

use crate::error::{Error, ErrorKind};

macro_rules! reasons {
    ($($name:ident [$($number:literal)*] $code:literal $cause:literal $remedy:literal;)*) => {
        /// The reason why the sign-in service refused: [`code`](Self::code) is stable and can be localised,
        /// [`cause`](Self::cause) and [`remedy`](Self::remedy) are for a person.
        ///
        /// [`Error::sign_in_reason`] returns it.
        ///
        /// ```
        /// use entra_apps::auth::SignInReason;
        ///
        /// let reason = SignInReason::from_number(700_016).unwrap();
        /// assert_eq!((reason, reason.code()), (SignInReason::AppNotInTenant, "app_not_in_tenant"));
        /// assert!(reason.is_expected_after_a_write());
        /// ```
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum SignInReason {
            $(
                #[doc = concat!("Sign-in refused: ", $cause, ".", $(" AADSTS", stringify!($number), "."),*)]
                $name,
            )*
        }

        impl SignInReason {
            /// Every reason.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The stable code of this crate, such as `app_not_in_tenant`, which is also [`Error::code`].
            pub fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            /// The cause, as a clause without a full stop.
            pub fn cause(self) -> &'static str {
                match self { $(Self::$name => $cause,)* }
            }

            /// The remedy, in sentences.
            pub fn remedy(self) -> &'static str {
                match self { $(Self::$name => $remedy,)* }
            }

            /// The `AADSTS` numbers with this reason; none where only an `error` expresses it.
            pub fn numbers(self) -> &'static [u64] {
                match self { $(Self::$name => &[$($number),*],)* }
            }
        }
    };
}

reasons! {
    RedirectUriNotRegistered [50011] "redirect_uri_not_registered"
        "the redirect URI is not one of the app's"
        "Add the exact address to the app under Authentication, letter for letter; a change a moment ago may take a minute.";
    NoRedirectUri [900_971 500_113] "no_redirect_uri"
        "the app has no redirect URI"
        "Add a redirect URI to the app: the admin consent link needs one.";
    AppNotInTenant [700_016 700_011] "app_not_in_tenant"
        "there is no app with this client id in the tenant"
        "Check that the client id is the Application (client) ID, not an object id, and that the tenant is the app's; an app made a moment ago may take a minute.";
    ServicePrincipalMissing [7_000_229] "service_principal_missing"
        "the app has no service principal in the tenant"
        "Grant admin consent for the app in this tenant, which makes its service principal.";
    ServicePrincipalBeingMade [650_051] "service_principal_being_made"
        "the app's service principal is being made, or is there already"
        "Wait half a minute and try again.";
    ApiNotInTenant [500_011 650_052] "api_not_in_tenant"
        "the tenant has no service principal for this API"
        "License or enable the service in the tenant, or leave its permissions out.";
    ApiDisabled [500_014] "api_disabled"
        "the API is switched off in the tenant"
        "Renew the subscription that it belongs to, or enable its service principal under Enterprise applications.";
    ApiRemoved [650_054] "api_removed"
        "the app asks for permissions of an API that is gone or not available in the tenant"
        "Take the API out of the app's declared permissions, then consent again.";
    ApiNotDeclared [650_057] "api_not_declared"
        "the app asks for an API that is not among its declared permissions"
        "Add the API's permissions to the app under API permissions, then consent again.";
    PermissionsNotDeclared [650_056 65005] "permissions_not_declared"
        "the app declares no permissions of this API, or nobody has consented to them"
        "Declare what the app needs under API permissions, then consent again.";
    DeclarationMalformed [1_003_031] "declaration_malformed"
        "the app's declaration of permissions is empty or malformed"
        "Declare at least one permission, such as the delegated User.Read of Microsoft Graph, then consent again.";
    NotConsented [65001] "not_consented"
        "nobody has consented to what the app asks for"
        "Grant admin consent for the app in this tenant; a consent a moment ago may take a minute.";
    NotPreauthorized [65002] "not_preauthorized"
        "this app of Microsoft's may not have the permission that was asked for"
        "Sign in with an app of your own, or with Microsoft Graph Command Line Tools.";
    ConsentDeclined [65004] "consent_declined"
        "the person declined the consent"
        "Ask again, and say what the permissions are for.";
    AdminConsentNeeded [90094 90095] "admin_consent_needed"
        "only an administrator can consent to this"
        "Let an administrator sign in, send them the admin consent link, or wait until the request is approved.";
    AppConsideredRisky [900_941] "app_considered_risky"
        "Entra considers the app risky, so that only an administrator can consent"
        "Let an administrator consent; publisher verification of the app avoids it.";
    ConsentNotAllowed [90093] "consent_not_allowed"
        "the account may not consent to this"
        "Sign in as one who may: Privileged Role Administrator for application permissions of Microsoft Graph, Cloud Application Administrator for the rest.";
    PartnerNotAuthorized [90099] "app_not_authorized_for_partner"
        "the app is not authorized in this customer's tenant, which a partner's account needs"
        "Consent for the customer through Partner Center, or let an administrator of the customer consent.";
    AccountNotInTenant [90072 50020 50034 16000 51004] "account_not_in_tenant"
        "the account is not in this tenant"
        "Choose the account and the tenant that belong together; for a partner, check that the relationship (GDAP) is active and the account is in one of its groups.";
    SecretIdInsteadOfValue [] "secret_id_instead_of_value"
        "the client secret is wrong: it looks like the secret's ID"
        "That is the secret's ID, copy its Value: the column Value under Certificates & secrets, shown only once; if it is gone, make a new secret.";
    WrongSecret [7_000_215] "wrong_secret"
        "the client secret is wrong"
        "Copy the secret's Value (not its Secret ID) without blanks, from this very app; a secret made a moment ago may take a minute.";
    SecretExpired [7_000_222] "secret_expired"
        "the client secret has expired"
        "Make a new client secret for the app and use its Value.";
    SecretMissing [7_000_218 7_000_216] "secret_missing"
        "the sign-in service wants the app's secret or certificate, and got none"
        "Give the app's client secret or certificate; where a person signs in without one, allow public client flows on the app.";
    PublicClient [700_025] "public_client"
        "the app is a public client, and was used with a secret or certificate"
        "Leave the credential out, or register the redirect URI under the platform Web.";
    CertificateUnknown [700_027] "certificate_unknown"
        "the app does not know the certificate, or the signature is wrong"
        "Upload the certificate to the app and use its own private key; one uploaded a moment ago may take a minute.";
    AssertionOutOfTime [700_024] "assertion_out_of_time"
        "the signed assertion is not valid at this time"
        "Set this machine's clock right and try again.";
    AssertionRefused [700_030 50012 50013 50048 50027 700_021 700_023] "assertion_refused"
        "the signed assertion is not taken"
        "Check that it is issued for this very app and tenant and signed with a certificate that the app allows.";
    AppTokenNeeded [700_229] "app_token_needed"
        "a token of a person was given where only an app's own is taken"
        "Use a token that the app or workload got for itself.";
    NoMatchingFederatedCredential [70021 70025 700_211 700_212 700_213 7_002_138] "no_matching_federated_credential"
        "no federated credential of the app matches the token's issuer, subject and audience"
        "Compare all three with the app's federated credentials, letter for letter.";
    TenantUnknown [90002 900_023] "tenant_unknown"
        "there is no such tenant in this cloud"
        "Check the tenant id or domain, and the cloud: worldwide, US Government or China.";
    WrongCloud [90038 900_382] "wrong_cloud"
        "the tenant is in another national cloud"
        "Choose the tenant's cloud.";
    TenantBlocked [5_000_224] "tenant_blocked"
        "the tenant has been deleted or blocked"
        "Ask its administrator; there is nothing to sign in to.";
    TenantNeeded [9_001_023 90124 90130] "tenant_needed"
        "an app signs in to one tenant, not to all of them"
        "Give the tenant's id or domain instead of common, organizations or consumers.";
    SingleTenantApp [50194] "single_tenant_app"
        "the app is for one tenant only, and was used for any"
        "Give the app's own tenant, or make the app multi-tenant under Authentication.";
    MfaRequired [50076 50079 50072 50074 50078 50158] "mfa_required"
        "the account has to show a further factor (MFA)"
        "Sign in again in a browser, and do what it asks for.";
    ConditionalAccess [53003 530_034 53000 53001 53011 530_032 530_036] "conditional_access"
        "a Conditional Access policy blocks the sign-in"
        "The sign-in log names the policy; ask an administrator to except this app, or sign in by a browser where a device code is blocked.";
    UserNotAssigned [50105] "user_not_assigned"
        "the app is for assigned people only, and the account is not one of them"
        "Assign the account under Enterprise applications, or turn off that assignment is required.";
    AppNotAssigned [501_051] "app_not_assigned"
        "the API is for assigned apps only, and this app holds no role of it"
        "Grant the app a permission of the API, or turn off that assignment is required.";
    AccountDisabled [50057] "account_disabled"
        "the account is disabled"
        "Enable the account, or sign in with another.";
    AppDisabled [7_000_112 70001] "app_disabled"
        "the app is disabled in the tenant"
        "Enable it under Enterprise applications.";
    CrossTenantPolicy [500_212 500_213] "cross_tenant_policy"
        "a cross-tenant access policy forbids it"
        "Ask the administrators of both tenants to allow it in their cross-tenant access settings.";
    SignInExpired [700_082 70008 70043 50173 50133 700_084] "sign_in_expired"
        "the earlier sign-in has expired or was revoked"
        "Sign in again.";
    WrongPassword [50126] "wrong_password"
        "the account's name or password is wrong"
        "Type them again.";
    InvalidScope [70011 28000 28002 28003 650_053 700_022 1_002_012] "invalid_scope"
        "the scope is not one that the sign-in service takes here"
        "Ask for one resource at a time, as its address followed by /.default.";
    AuthorizationPending [70016] "authorization_pending"
        "the person has not finished signing in"
        "Keep asking, at the interval that was given.";
    CodeExpired [70019 70020] "code_expired"
        "nobody signed in while the code was valid"
        "Begin again with a new code.";
    DeviceCodeWrong [70018] "device_code_wrong"
        "the device code is not one that was given out"
        "Begin again with a new code.";
    CodeRedeemed [54005] "code_redeemed"
        "the authorization code has been used already"
        "Sign in again: a code works once.";
    CodeVerifierWrong [501_481] "code_verifier_wrong"
        "the sign-in was not completed by whoever began it"
        "Start the sign-in again.";
    CodeOfAnotherTenant [700_005] "code_of_another_tenant"
        "the authorization code was given out for another tenant"
        "Redeem it at the tenant where it was asked for.";
    Busy [50196 90055 90033 50087 90024] "sign_in_busy"
        "the sign-in service asks to come back later"
        "Wait a minute and run it again.";
    InteractionRequired [] "interaction_required"
        "a person has to sign in"
        "Sign in again in a browser, and do what it asks for.";
    Refused [] "sign_in_refused"
        "the sign-in was refused"
        "Look the code up at https://login.microsoftonline.com/error.";
}

impl SignInReason {
    /// The reason of an `AADSTS` number, if it is known.
    pub fn from_number(number: u64) -> Option<Self> {
        Self::ALL.iter().copied().find(|reason| reason.numbers().contains(&number))
    }

    /// The reason of the `error` in a response, without regard to its number; [`Refused`](Self::Refused) where it is not
    /// specific.
    pub fn from_error(error: &str) -> Self {
        match error {
            "interaction_required" | "login_required" => Self::InteractionRequired,
            "consent_required" => Self::NotConsented,
            "access_denied" | "authorization_declined" => Self::ConsentDeclined,
            "authorization_pending" | "slow_down" => Self::AuthorizationPending,
            "expired_token" => Self::CodeExpired,
            "bad_verification_code" => Self::DeviceCodeWrong,
            "temporarily_unavailable" | "server_error" => Self::Busy,
            "invalid_scope" | "invalid_resource" => Self::InvalidScope,
            _ => Self::Refused,
        }
    }

    /// Whether it is expected for some seconds, sometimes minutes, after an app, a credential or a consent was written:
    /// worth a bounded number of retries then, and final at any other time. A new secret can be reported as expired, too.
    pub fn is_expected_after_a_write(self) -> bool {
        matches!(
            self,
            Self::AppNotInTenant
                | Self::ServicePrincipalMissing
                | Self::ServicePrincipalBeingMade
                | Self::WrongSecret
                | Self::SecretExpired
                | Self::CertificateUnknown
                | Self::NotConsented
                | Self::RedirectUriNotRegistered
        )
    }

    /// Whether the app's own credential is wrong.
    pub(crate) fn is_credential_error(self) -> bool {
        matches!(
            self,
            Self::WrongSecret | Self::SecretIdInsteadOfValue | Self::SecretExpired | Self::CertificateUnknown
        )
    }

    /// Whether a person has to sign in, sign in again or consent, so that no retry helps.
    pub fn requires_interaction(self) -> bool {
        matches!(
            self,
            Self::MfaRequired
                | Self::InteractionRequired
                | Self::SignInExpired
                | Self::NotConsented
                | Self::ConsentDeclined
                | Self::AdminConsentNeeded
        )
    }
}

impl fmt::Display for SignInReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.cause())
    }
}

impl Error {
    /// The reason why the sign-in service refused, if this is an error of a sign-in.
    pub fn sign_in_reason(&self) -> Option<SignInReason> {
        let known = || SignInReason::ALL.iter().copied().find(|reason| reason.code() == self.code());
        (self.kind() == ErrorKind::SignIn).then(known).flatten()
    }
}
