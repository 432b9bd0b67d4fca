//! The table of error codes: what each is called, its kind, its cause and its remedy.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::error::ErrorKind;

macro_rules! error_codes {
    ($($name:ident $kind:ident $([$($number:literal)*])? $code:literal $cause:literal $remedy:literal;)*) => {
        /// What went wrong: the stable code of an [`Error`](crate::Error), with its kind and its default remedy.
        ///
        /// This page lists every code. Its text ([`as_str`](Self::as_str)) does not change between versions, and is what
        /// a product localises by and what stands in every JSON of this crate. A code names a mistake; which permission
        /// or address it concerns stands in the error's [message](crate::Error::message). Where an error can say more
        /// of what to do, its [remedy](crate::Error::remedy) replaces the default one.
        ///
        /// The codes of a refused sign-in name the `AADSTS` numbers that mean the same
        /// ([reference](https://learn.microsoft.com/entra/identity-platform/reference-error-codes)). Microsoft asks
        /// programs to decide by the `error` of a response, because the numbers may change: the `error` decides, and the
        /// number explains.
        ///
        /// ```
        /// use entra_apps::{ErrorCode, ErrorKind};
        ///
        /// let error = "not-a-guid".parse::<entra_apps::ids::AppId>().unwrap_err();
        /// assert_eq!(error.code(), ErrorCode::InvalidId);
        /// assert_eq!((error.code().as_str(), error.code().kind()), ("invalid_id", ErrorKind::Invalid));
        ///
        /// let code = ErrorCode::from_aadsts(700_016).unwrap();
        /// assert_eq!(code, ErrorCode::AppNotInTenant);
        /// assert!(code.is_expected_after_a_write());
        /// ```
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        #[allow(rustdoc::bare_urls)] // remedies are written for people
        pub enum ErrorCode {
            $(
                #[doc = concat!(
                    "`", $code, "` ([`", stringify!($kind), "`](ErrorKind::", stringify!($kind), ")): ", $cause, ". ", $remedy
                    $(, " Numbers:" $(, " AADSTS", stringify!($number))*, ".")?
                )]
                $name,
            )*
        }

        impl ErrorCode {
            /// Every code, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The text of the code, in snake case, such as `unknown_permission`. It stays the same between versions.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            /// The kind of failure: what a program decides by.
            pub const fn kind(self) -> ErrorKind {
                match self { $(Self::$name => ErrorKind::$kind,)* }
            }

            /// The cause, as a clause without a full stop: the message of an error that knows nothing nearer.
            pub const fn cause(self) -> &'static str {
                match self { $(Self::$name => $cause,)* }
            }

            /// What to do, in sentences: the remedy of an error that knows nothing nearer.
            pub const fn remedy(self) -> &'static str {
                match self { $(Self::$name => $remedy,)* }
            }

            /// The `AADSTS` numbers that mean this; none for what is not a refused sign-in.
            pub const fn aadsts_numbers(self) -> &'static [u64] {
                match self { $(Self::$name => &[$($($number),*)?],)* }
            }
        }
    };
}

error_codes! {
    // What the caller gave: nothing was sent.
    InvalidId Invalid "invalid_id"
        "an id is not of the form that it must have"
        "Copy the id as the portal shows it, for example 00000003-0000-0000-c000-000000000000.";
    InvalidTenant Invalid "invalid_tenant"
        "the text is neither a tenant's id nor a domain"
        "Give the Directory (tenant) ID that the portal shows on the Overview of Microsoft Entra ID, or a domain of the tenant such as contoso.onmicrosoft.com.";
    InvalidUniqueName Invalid "invalid_unique_name"
        "the unique name has 1 to 256 characters, none of them a control character"
        "Choose a short name for good, such as contoso-backup.";
    InvalidDisplayName Invalid "invalid_display_name"
        "the display name is empty or too long"
        "Give the app a name by which the customer knows it again.";
    InvalidAudience Invalid "invalid_audience"
        "the audience is not one that Entra knows"
        "Choose one of the named audiences.";
    NoPersonalAccounts Invalid "no_personal_accounts"
        "national clouds have no personal Microsoft accounts"
        "Choose an audience of organizations.";
    InvalidRedirectUri Invalid "invalid_redirect_uri"
        "the redirect URI is not one that Entra takes"
        "Give an https address without wildcard and fragment, or http://localhost.";
    TooManyRedirectUris Invalid "too_many_redirect_uris"
        "there are more redirect URIs than an app may have"
        "Leave out those that are not used.";
    RedirectUriTwice Invalid "redirect_uri_twice"
        "a redirect URI stands twice"
        "Name it once, for one platform; give each platform a path of its own.";
    InvalidPageUrl Invalid "invalid_page_url"
        "the address of a page is not one that Entra takes"
        "A home page is an http or https address; a logout URL is https, on localhost too, of at most 255 characters.";
    InvalidTag Invalid "invalid_tag"
        "the tag is not one that Entra takes"
        "A tag has 1 to 256 characters without blanks.";
    TagTwice Invalid "tag_twice"
        "a tag stands twice"
        "Name it once.";
    NotesTooLong Invalid "notes_too_long"
        "the notes have more than 1,024 characters"
        "Shorten them.";
    EmptyPurpose Invalid "empty_purpose"
        "an optional permission has an empty purpose"
        "Say what it is needed for.";
    InvalidUseWithin Invalid "invalid_use_within"
        "the time in which it must be used is zero or less"
        "Give a time ahead.";
    InvalidConfirmation Invalid "invalid_confirmation"
        "what a person is to confirm has an empty code or sentence, or stands twice"
        "Give each a code and a sentence of its own.";
    NotARedirectUriMismatch Invalid "not_a_redirect_uri_mismatch"
        "the text is not Entra's message of a redirect URI that does not match (AADSTS50011)"
        "Copy the message as the error page shows it, from AADSTS50011 to the app's id in quotation marks.";
    UnknownPurpose Invalid "unknown_purpose"
        "no permission is for this purpose"
        "Choose one of those that the registration names.";
    UnknownPermission Invalid "unknown_permission"
        "there is no permission of this name"
        "Correct the name, which Microsoft Graph's permissions reference lists.";
    WrongPermissionKind Invalid "wrong_permission_kind"
        "the permission exists, and is of the other kind"
        "Declare it as the kind that it is.";
    InvalidPermissionName Invalid "invalid_permission_name"
        "the text cannot be the name of a permission"
        "Give the value of the API's app role or scope, for example Exchange.ManageAsApp.";
    PermissionMismatch Invalid "permission_mismatch"
        "the permission's name and id belong to different permissions"
        "Correct the id, or leave it out.";
    EmptyPermissionGroup Invalid "empty_permission_group"
        "a group of permissions has no name"
        "Give it the name by which people know it, such as Defender for Endpoint.";
    PermissionTwice Invalid "permission_twice"
        "a permission stands twice"
        "Name it once.";
    PermissionWithoutName Invalid "permission_without_name"
        "a permission has neither a name nor an id"
        "Give its name, such as Directory.Read.All, or its id.";
    UnknownDirectoryRole Invalid "unknown_directory_role"
        "there is no directory role of this name"
        "Correct the name, which Microsoft's list of built-in roles has, or give the role's template id.";
    DirectoryRoleMismatch Invalid "directory_role_mismatch"
        "the directory role's name and id belong to different roles"
        "Correct the id, or leave it out.";
    DirectoryRoleWithoutName Invalid "directory_role_without_name"
        "a directory role has neither a name nor an id"
        "Give its name, such as Application Administrator, or its template id.";
    ResourceSpecificPermission Invalid "resource_specific_permission"
        "the permission is granted per team or chat, not for a tenant"
        "Leave it out here; a team's owner grants it to the Teams app.";
    TooManyPermissions Invalid "too_many_permissions"
        "the app declares more permissions than it may"
        "Leave out those that it can do without.";
    InvalidDuration Invalid "invalid_duration"
        "the text is no duration in the form of ISO 8601"
        "Give it in days, such as P730D.";
    InvalidRelationshipName Invalid "invalid_relationship_name"
        "the display name of a delegated admin relationship has 1 to 50 characters"
        "Give it a name by which the partner knows it again, unique among all relationships of the partner.";
    InvalidRelationshipDuration Invalid "invalid_relationship_duration"
        "a delegated admin relationship lasts 1 to 730 days"
        "Give a shorter duration, and let it be extended where it is to last longer.";
    RelationshipWithoutRoles Invalid "relationship_without_roles"
        "there is no directory role"
        "Name at least one directory role.";
    GlobalAdministratorBlocksExtension Invalid "global_administrator_blocks_extension"
        "a delegated admin relationship with the role Global Administrator cannot be extended"
        "Drop Global Administrator from its roles, or do without the extension.";
    NotACustomer Invalid "not_a_customer"
        "the tenant is no customer of the partner"
        "Give the tenant id of a customer, as the list of customers shows it.";
    AnotherPerson Invalid "another_person"
        "the client that asks the customers' tenants is signed in as somebody else"
        "Sign the same person in to both clients: what one may do says nothing of another.";
    UnknownRelationship Invalid "unknown_relationship"
        "the partner has no delegated admin relationship of the id"
        "Give the id of a relationship of this partner, as its list shows it; those of other partners cannot be used.";
    DomainOfNoTenant Invalid "domain_of_no_tenant"
        "the domain belongs to no tenant of this cloud"
        "Check how the domain is written, or give the tenant id.";
    GroupTwice Invalid "group_twice"
        "a security group is named twice"
        "Name each group once, with all of its roles.";
    InvalidShard Invalid "invalid_shard"
        "the part of the customers is not one of as many as there are"
        "Number the parts from 0, and count them: the first of four is 0 of 4.";
    DeployerNeeded Invalid "deployer_needed"
        "consent to this app for a customer takes a deployer"
        "Name the registration of the deployer, and sign in to it: Partner Center grants an app delegated permissions alone, and only to the app that the person is signed in to.";
    WrongDeployer Invalid "wrong_deployer"
        "the client is signed in to another app than the one that is to act in the customers' tenants"
        "Sign a person of the partner in to that app, and build the client with that sign-in.";
    WrongCustomerCount Invalid "wrong_customer_count"
        "the number of customers is not the one that was typed"
        "Look at the list of customers again, and give its length.";
    GdapNotInCloud Unsupported "gdap_not_in_cloud"
        "the cloud has no delegated admin relationships (GDAP)"
        "Use the worldwide cloud or one of US Government; in China, customers are administered by other means.";
    InvalidSecretName Invalid "invalid_secret_name"
        "a credential's description has 1 to 90 characters"
        "Give it a description by which the customer knows it again.";
    InvalidSecretLifetime Invalid "invalid_secret_lifetime"
        "the lifetime of the client secret is not one that Entra takes"
        "Give months, days or an end date in the future.";
    SecretTwice Invalid "secret_twice"
        "two client secrets have the same description"
        "Give each a description of its own: it is how they are told apart.";
    TooManySecrets Invalid "too_many_secrets"
        "an app for personal accounts has two client secrets at most"
        "Leave one out.";
    WrongClock Invalid "wrong_clock"
        "this machine's clock is wrong by a day or more"
        "Set it, and run it again: by it is told how long a secret lives, and whether one that is there still does.";
    UnknownSecret Invalid "unknown_secret"
        "the registration has no client secret of this description"
        "Name one of its client secrets.";
    UnknownApproval Invalid "unknown_approval"
        "the registration has no such permission to approve"
        "Approve permissions by the names that the plan shows.";
    UnreadablePlan Invalid "unreadable_plan"
        "the text is not a plan of this crate"
        "Plan again; a plan is not written by hand.";
    UnsupportedPlanFormat Invalid "unsupported_plan_format"
        "the plan is of another version's format"
        "Plan again with this version.";
    UnreadableReport Invalid "unreadable_report"
        "the text is not a report of this crate"
        "Give the whole text as it was saved, unchanged.";
    UnsupportedReportFormat Invalid "unsupported_report_format"
        "the report is of another version's format"
        "Make both reports with one version.";
    ReportsOfDifferentTargets Invalid "reports_of_different_targets"
        "the two reports are of different clouds, partners or apps"
        "Compare reports of one app and one partner.";
    InvalidQuery Invalid "invalid_query"
        "the query is not one that Graph takes"
        "Read the related objects by a call of their own.";
    InvalidPath Invalid "invalid_path"
        "the path is not one of Graph"
        "Give the path behind the version, such as applications/{id}/owners, or its segments one by one; the query and the version are set by methods of their own.";
    InvalidHeader Invalid "invalid_header"
        "the header cannot be sent"
        "Name one that the operation's page documents; the client sets credentials, host and length itself.";
    InvalidLimit Invalid "invalid_limit"
        "a limit of the client is zero"
        "Give a number above zero, or leave the default.";
    InvalidPageSize Invalid "invalid_page_size"
        "the number of items per page is out of range"
        "Ask for a smaller page; the pager fetches the rest.";
    InvalidBody Invalid "invalid_body"
        "the request cannot be written as JSON"
        "Give values that JSON can hold: no maps with keys that are not texts.";
    InvalidRequest Invalid "invalid_request"
        "the request cannot be written"
        "Take line breaks and other control characters out of what was given.";
    NotBatchable Invalid "not_batchable"
        "this request cannot be part of a batch"
        "Await it by itself.";
    HandleOfAnotherBatch Invalid "handle_of_another_batch"
        "the handle was given by another batch"
        "Exchange each handle at the response to its own batch.";
    InvalidEndpoint Invalid "invalid_endpoint"
        "the endpoint is not one that can be used"
        "Give the URL without path, query and credentials, for example https://graph.microsoft.com.";
    InsecureEndpoint Invalid "insecure_endpoint"
        "the endpoint is neither https nor loopback"
        "Use https; plain http is for an emulator on this machine.";
    InvalidProxy Invalid "invalid_proxy"
        "the proxy's URL is invalid"
        "Give it as http://host:port.";
    InvalidCertificate Invalid "invalid_certificate"
        "the certificate or its private key cannot be used"
        "Give the certificate and its RSA key of 2048 bits or more.";
    PemInUtf16 Invalid "pem_in_utf16"
        "the PEM text is in UTF-16"
        "Save it as UTF-8 or ASCII: Set-Content -Encoding ascii in PowerShell, or iconv -f utf-16 -t utf-8.";
    PemWithoutLineBreaks Invalid "pem_without_line_breaks"
        "the PEM text has lost its line breaks"
        "Put line breaks where \\n stands in writing, or where blanks stand: after BEGIN …, every 64 characters, and before END ….";
    WrongCertificatePassword Invalid "wrong_certificate_password"
        "the password of the PKCS#12 file is wrong"
        "Give the password that the file was exported with; Azure Key Vault's files have an empty one.";
    NoCryptoProvider Invalid "no_crypto_provider"
        "no TLS provider is installed"
        "Install one at the start of the program, such as rustls::crypto::ring::default_provider().install_default(), or turn the feature rustls on.";
    InvalidArgument Invalid "invalid_argument"
        "the tenant or a scope is not valid on a command line"
        "Give the tenant's id or domain, and scopes such as https://graph.microsoft.com/.default.";
    MissingEnvironmentVariable Invalid "missing_environment_variable"
        "an environment variable is not set"
        "Set it, or check where the program runs.";
    MultipleScopes Invalid "multiple_scopes"
        "a managed identity signs in to one API at a time"
        "Ask for one scope, such as https://graph.microsoft.com/.default.";
    MissingTenant Invalid "missing_tenant"
        "the client has no tenant"
        "Give the tenant's id or domain with `tenant`.";
    MissingCredential Invalid "missing_credential"
        "the client has no way to sign in"
        "Say how, such as with `client_secret` or `device_code`, or give a provider with `token_provider`.";
    MissingTransport Invalid "missing_transport"
        "the client has no transport"
        "Turn the feature `reqwest` on, or give one with `transport`.";
    MissingClock Invalid "missing_clock"
        "the client has no clock"
        "Turn the feature `tokio` on, or give one with `clock`.";
    InvalidUserAgent Invalid "invalid_user_agent"
        "the user agent holds a character that a header cannot"
        "Use letters, digits and - / . only.";
    TokenWithoutTenant Invalid "token_without_tenant"
        "the token does not say which tenant it is for"
        "Give the client the tenant's id instead of its domain.";
    IncompleteApplication Invalid "incomplete_application"
        "the application was read without its client id"
        "Read it without select, or select appId as well.";
    AppWithoutRedirectUri Invalid "app_without_redirect_uri"
        "the app has no redirect URI (AADSTS900971)"
        "Register a redirect URI first: the admin consent link needs one.";
    NotARedirectUriOfTheApp Invalid "not_a_redirect_uri_of_the_app"
        "the address is not one of the app's redirect URIs (AADSTS50011)"
        "Register it exactly as written, or use one that the app has.";
    AppWithoutPermissions Invalid "app_without_permissions"
        "the app declares no permission (AADSTS1003031)"
        "Declare what it needs, at least the delegated User.Read of Microsoft Graph.";
    AppOfOneTenant Invalid "app_of_one_tenant"
        "the app is for its own tenant only, and the link would be for another (AADSTS700016, AADSTS50194)"
        "Make the app multi-tenant, or give its own tenant's id.";
    NotACallback Invalid "not_a_callback"
        "the URL is no callback of an admin consent"
        "Give the URL to which the browser was redirected, with its query; ignore other requests.";
    ConsentStateMismatch Invalid "consent_state_mismatch"
        "the callback belongs to another link: its state differs"
        "Start again with a new link; do not follow a link from elsewhere.";
    ConsentTenantMismatch Invalid "consent_tenant_mismatch"
        "the callback is from another tenant than the link is for"
        "Open the link again and sign in as an administrator of that tenant.";
    TokenOfAnotherApp Invalid "token_of_another_app"
        "the token is not that of the app that was consented to, in that tenant"
        "Sign in as that app, with its own secret or certificate.";

    // Signing in: what the sign-in service refused.
    RedirectUriNotRegistered SignIn [50011] "redirect_uri_not_registered"
        "the redirect URI is not one of the app's"
        "Add the exact address to the app under Authentication, letter for letter; a change a moment ago may take a minute.";
    BrokerRedirectUriMissing SignIn [700_046] "broker_redirect_uri_missing"
        "the app lacks the redirect URI of the broker that signs the person in"
        "Add brk-multihub:// followed by the page's host, without a path, under Authentication, Single-page application.";
    NoRedirectUri SignIn [900_971 500_113] "no_redirect_uri"
        "the app has no redirect URI"
        "Add a redirect URI to the app: the admin consent link needs one.";
    AppNotInTenant SignIn [700_016 700_011] "app_not_in_tenant"
        "there is no app with this client id in the tenant"
        "Check that the client id is the Application (client) ID, not an object id, and that the tenant is the app's; an app made a moment ago may take a minute.";
    ServicePrincipalMissing SignIn [7_000_229] "service_principal_missing"
        "the app has no service principal in the tenant"
        "Grant admin consent for the app in this tenant, which makes its service principal.";
    ServicePrincipalBeingMade SignIn [650_051] "service_principal_being_made"
        "the app's service principal is being made, or is there already"
        "Wait half a minute and try again.";
    ResourceNotInTenant SignIn [500_011 650_052] "resource_not_in_tenant"
        "the tenant has no service principal for this API"
        "Check the scope: for an API of your own, api://… must be one of its identifier URIs. Otherwise license or enable the service in the tenant, or leave its permissions out.";
    ApiDisabled SignIn [500_014] "api_disabled"
        "the API is switched off in the tenant"
        "Renew the subscription that it belongs to, or enable its service principal under Enterprise applications.";
    ApiRemoved SignIn [650_054] "api_removed"
        "the app asks for permissions of an API that is gone or not available in the tenant"
        "Take the API out of the app's declared permissions, then consent again.";
    ApiNotDeclared SignIn [650_057] "api_not_declared"
        "the app asks for an API that is not among its declared permissions"
        "Add the API's permissions to the app under API permissions, then consent again.";
    PermissionsNotDeclared SignIn [650_056 65005] "permissions_not_declared"
        "the app declares no permissions of this API, or nobody has consented to them"
        "Declare what the app needs under API permissions, then consent again.";
    PermissionNotPublished SignIn [65006] "permission_not_published"
        "the app declares a permission that the API does not publish in this tenant"
        "Correct the permission under API permissions, or take it out; the sentence names the API. Then consent again.";
    MalformedDeclaration SignIn [1_003_031] "malformed_declaration"
        "the app's declaration of permissions is empty or malformed"
        "Declare at least one permission, such as the delegated User.Read of Microsoft Graph, then consent again.";
    NotConsented SignIn [65001] "not_consented"
        "nobody has consented to what the app asks for"
        "Grant admin consent for the app in this tenant; a consent a moment ago may take a minute.";
    NotPreauthorized SignIn [65002] "not_preauthorized"
        "this app of Microsoft's may not have the permission that was asked for"
        "Sign in with an app of your own, or with Microsoft Graph Command Line Tools.";
    ConsentDeclined SignIn [65004] "consent_declined"
        "the person declined the consent"
        "Ask again, and say what the permissions are for.";
    AdminConsentNeeded SignIn [90094 90095] "admin_consent_needed"
        "only an administrator can consent to this"
        "Let an administrator sign in, send them the admin consent link, or wait until the request is approved.";
    AppConsideredRisky SignIn [900_941] "app_considered_risky"
        "Entra considers the app risky, so that only an administrator can consent"
        "Let an administrator consent; publisher verification of the app avoids it.";
    ConsentNotAllowed SignIn [90093] "consent_not_allowed"
        "the account may not consent to this"
        "Sign in as one who may: Privileged Role Administrator for application permissions of Microsoft Graph, Cloud Application Administrator for the rest.";
    PartnerNotAuthorized SignIn [90099] "partner_not_authorized"
        "the app is not authorized in this customer's tenant, which a partner's account needs"
        "Consent for the customer through Partner Center, or let an administrator of the customer consent.";
    AccountNotInTenant SignIn [90072 50020 50034 16000 51004] "account_not_in_tenant"
        "the account is not in this tenant"
        "Choose the account and the tenant that belong together; for a partner, check that the relationship (GDAP) is active and the account is in one of its groups.";
    SecretIdInsteadOfValue SignIn [] "secret_id_instead_of_value"
        "the client secret is wrong: it looks like the secret's ID"
        "That is the secret's ID, copy its Value: the column Value under Certificates & secrets, shown only once; if it is gone, make a new secret.";
    WrongSecret SignIn [7_000_215] "wrong_secret"
        "the client secret is wrong"
        "Copy the secret's Value (not its Secret ID) without blanks, from this very app; a secret made a moment ago may take a minute.";
    SecretExpired SignIn [7_000_222] "secret_expired"
        "the client secret has expired"
        "Make a new client secret for the app and use its Value.";
    SecretMissing SignIn [7_000_218 7_000_216] "secret_missing"
        "the sign-in service wants the app's secret or certificate, and got none"
        "Give the app's client secret or certificate; where a person signs in without one, allow public client flows on the app.";
    CredentialOfPublicClient SignIn [700_025] "credential_of_public_client"
        "the app is a public client, and was used with a secret or certificate"
        "Leave the credential out, or register the redirect URI under the platform Web.";
    CertificateUnknown SignIn [700_027] "certificate_unknown"
        "the app does not know the certificate, or the signature is wrong"
        "Upload the certificate to the app and use its own private key; one uploaded a moment ago may take a minute.";
    AssertionOutOfTime SignIn [700_024] "assertion_out_of_time"
        "the signed assertion is not valid at this time"
        "Set this machine's clock right and try again.";
    AssertionRefused SignIn [700_030 50012 50013 50048 50027 700_021 700_023] "assertion_refused"
        "the signed assertion is not taken"
        "Check that it is issued for this very app and tenant and signed with a certificate that the app allows.";
    AppTokenNeeded SignIn [700_229] "app_token_needed"
        "a token of a person was given where only an app's own is taken"
        "Use a token that the app or workload got for itself.";
    NoMatchingFederatedCredential SignIn [70021 70025 700_211 700_212 700_213 7_002_138] "no_matching_federated_credential"
        "no federated credential of the app matches the token's issuer, subject and audience"
        "Compare all three with the app's federated credentials, letter for letter.";
    UnknownTenant SignIn [90002 900_023] "unknown_tenant"
        "there is no such tenant in this cloud"
        "Check the tenant id or domain, and the cloud: worldwide, US Government or China.";
    WrongCloud SignIn [90038 900_382] "wrong_cloud"
        "the tenant is in another national cloud"
        "Choose the tenant's cloud.";
    TenantBlocked SignIn [5_000_224] "tenant_blocked"
        "the tenant has been deleted or blocked"
        "Ask its administrator; there is nothing to sign in to.";
    TenantNeeded SignIn [9_001_023 90124 90130 50059] "tenant_needed"
        "an app signs in to one tenant, not to all of them"
        "Give the tenant's id or domain instead of common, organizations or consumers.";
    SingleTenantApp SignIn [50194] "single_tenant_app"
        "the app is for one tenant only, and was used for any"
        "Give the app's own tenant, or make the app multi-tenant under Authentication.";
    MfaRequired SignIn [50076 50079 50072 50074 50078 50158] "mfa_required"
        "the account has to show a further factor (MFA)"
        "Sign in again in a browser, and do what it asks for.";
    PartnerCenterNeedsPerson SignIn "partner_center_needs_person"
        "Partner Center takes no token that an app got by itself"
        "Sign in as a person of the partner's tenant, with a second factor, to an app that has Partner Center's permission user_impersonation.";
    BlockedByConditionalAccess SignIn [53003 530_003 530_034 53000 53001 53011 530_032 530_036] "blocked_by_conditional_access"
        "a Conditional Access policy blocks the sign-in"
        "The sign-in log names the policy; ask an administrator to except this app, or sign in by a browser where a device code is blocked.";
    UserNotAssigned SignIn [50105] "user_not_assigned"
        "the app is for assigned people only, and the account is not one of them"
        "Assign the account under Enterprise applications, or turn off that assignment is required.";
    AppNotAssigned SignIn [501_051] "app_not_assigned"
        "the API is for assigned apps only, and this app holds no role of it"
        "Grant the app a permission of the API, or turn off that assignment is required.";
    AccountDisabled SignIn [50057] "account_disabled"
        "the account is disabled"
        "Enable the account, or sign in with another.";
    AppDisabled SignIn [7_000_112 70001] "app_disabled"
        "the app is disabled in the tenant"
        "Enable it under Enterprise applications.";
    BlockedByCrossTenantPolicy SignIn [500_212 500_213] "blocked_by_cross_tenant_policy"
        "a cross-tenant access policy forbids it"
        "Ask the administrators of both tenants to allow it in their cross-tenant access settings.";
    SignInExpired SignIn [700_082 70008 70000 70043 50173 50133 700_084] "sign_in_expired"
        "the earlier sign-in has expired or was revoked"
        "Sign in again.";
    WrongPassword SignIn [50126] "wrong_password"
        "the account's name or password is wrong"
        "Type them again.";
    InvalidScope SignIn [70011 28000 28002 28003 650_053 700_022 1_002_012] "invalid_scope"
        "the scope is not one that the sign-in service takes here"
        "Ask for one resource at a time, as its address followed by /.default.";
    AuthorizationPending SignIn [70016] "authorization_pending"
        "the person has not finished signing in"
        "Keep asking, at the interval that was given.";
    CodeExpired SignIn [70019 70020] "code_expired"
        "nobody signed in while the code was valid"
        "Begin again with a new code.";
    WrongDeviceCode SignIn [70018] "wrong_device_code"
        "the device code is not one that was given out"
        "Begin again with a new code.";
    CodeRedeemed SignIn [54005] "code_redeemed"
        "the authorization code has been used already"
        "Sign in again: a code works once.";
    WrongCodeVerifier SignIn [501_481] "wrong_code_verifier"
        "the sign-in was not completed by whoever began it"
        "Start the sign-in again.";
    CodeOfAnotherTenant SignIn [700_005] "code_of_another_tenant"
        "the authorization code was given out for another tenant"
        "Redeem it at the tenant where it was asked for.";
    SignInBusy SignIn [50196 90055 90033 50087 90024] "sign_in_busy"
        "the sign-in service asks to come back later"
        "Wait a minute and run it again.";
    InteractionRequired SignIn [] "interaction_required"
        "a person has to sign in"
        "Sign in again in a browser, and do what it asks for.";
    MalformedSignInRequest SignIn [9_002_313 900_144 90014] "malformed_sign_in_request"
        "the sign-in service calls the request malformed, or lacks a part of it"
        "The sentence names the part; check the tenant, the client id, the scopes and the secret for blanks and line breaks.";
    SignInRefused SignIn [] "sign_in_refused"
        "the sign-in was refused"
        "The service's sentence says why; its code is explained at https://login.microsoftonline.com/error.";

    // Signing in: what happens on this side.
    TokenProviderFailed SignIn "token_provider_failed"
        "the token provider returned no token"
        "See why in the error's source; the token provider is the program's own.";
    AzureCredentialFailed SignIn "azure_credential_failed"
        "the Azure SDK's credential returned no token"
        "See why in the error's source.";
    NoAssertion SignIn "no_assertion"
        "there is no assertion to sign in with"
        "Check the source of the assertion, such as the file of a workload identity.";
    AssertionSourceFailed SignIn "assertion_source_failed"
        "the source of the assertion returned none"
        "See why in the error's source; the source of the assertion is the program's own.";
    UnreadableAssertionFile SignIn "unreadable_assertion_file"
        "the assertion file cannot be read"
        "Check the path and its permissions, and that the platform puts the token there.";
    NoWayToSignIn SignIn "no_way_to_sign_in"
        "no way to sign in worked"
        "One of them is enough.";
    NotSignedIn SignIn "not_signed_in"
        "there is no refresh token"
        "Let a person sign in first, with the browser or a device code.";
    NoRefreshToken SignIn "no_refresh_token"
        "the sign-in returned no refresh token, which other tenants need"
        "Sign in to the tenant itself, or allow the app the permission offline_access.";
    RefreshTokenNotLoaded SignIn "refresh_token_not_loaded"
        "the refresh token cannot be read"
        "See why in the error's source, and check the store that holds the token.";
    RefreshTokenNotStored SignIn "refresh_token_not_stored"
        "the new refresh token cannot be stored"
        "See why in the error's source, and check the store. The previous token is still valid: run it again.";
    BrowserTimeout SignIn "browser_timeout"
        "nobody completed the sign-in in the browser in time"
        "Start it again. Where the page showed an error, that error says why; without a browser on this machine, use a device code.";
    LoopbackUnavailable SignIn "loopback_unavailable"
        "this program cannot listen for the browser's redirect"
        "Choose another port, or sign in with a device code.";
    ConsentCancelled SignIn "consent_cancelled"
        "the administrator pressed Cancel, and nothing was granted"
        "Open the link again when the permissions are agreed upon.";
    NoManagedIdentity SignIn "no_managed_identity"
        "no managed identity service responds"
        "Run it where Azure gives the program an identity, or sign in another way; with HTTP_PROXY set, NO_PROXY must name 169.254.169.254.";
    ManagedIdentityNotAssigned SignIn "managed_identity_not_assigned"
        "there is no such managed identity here"
        "Turn the system-assigned identity on, or assign the one with this client id; check the scope.";
    ManagedIdentityRefused SignIn "managed_identity_refused"
        "the managed identity service refuses the request"
        "Check that IDENTITY_HEADER is this very process's; it changes with each restart.";
    ManagedIdentityFailed SignIn "managed_identity_failed"
        "the managed identity service fails"
        "Wait a minute and run it again.";
    UnsupportedManagedIdentity Invalid "unsupported_managed_identity"
        "this platform's managed identity is not supported"
        "Sign in with a certificate or a federated credential there.";
    ArcKeyUnreadable SignIn "arc_key_unreadable"
        "the key file that Azure Arc asks for cannot be read"
        "Run the program as a member of the group himds (Linux), or of Hybrid agent extension applications or the administrators (Windows).";
    InvalidArcChallenge SignIn "invalid_arc_challenge"
        "the challenge is not one of Azure Arc's agent"
        "Nothing was read or sent. Check that IDENTITY_ENDPOINT is the agent's own, and that the agent is up to date.";
    AzureCliMissing SignIn "azure_cli_missing"
        "the Azure CLI is not installed, or not in the path"
        "Install it (https://aka.ms/azure-cli) and run `az login`, or sign in another way.";
    AzureCliNotStarted SignIn "azure_cli_not_started"
        "the Azure CLI cannot be started"
        "Run `az account show` by hand and see why it fails.";
    AzureCliTimeout SignIn "azure_cli_timeout"
        "the Azure CLI did not finish in time"
        "Run `az account get-access-token` by hand and see what it waits for.";
    AzureCliSignedOut SignIn "azure_cli_signed_out"
        "the Azure CLI is not signed in to this tenant"
        "Run: az login --allow-no-subscriptions";
    AzureCliRefused SignIn "azure_cli_refused"
        "the Azure CLI returned no token"
        "Its own message is beside this; run `az account get-access-token` by hand.";
    AzureCliOutputUnreadable SignIn "azure_cli_output_unreadable"
        "the Azure CLI's output holds no token with an expiry"
        "Update the Azure CLI: az upgrade.";
    MalformedToken SignIn "malformed_token"
        "the token cannot stand in a header"
        "Check what gives the token: it holds a line break or another control character.";
    TokenOfAnotherTenant SignIn "token_of_another_tenant"
        "the token is for another tenant than the client"
        "Sign in to the tenant that is meant, or give the client the token's tenant.";
    CallerNotInTenant SignIn "caller_not_in_tenant"
        "the tenant does not know the calling app (yet)"
        "If it was consented to a moment ago, run it again in a minute; otherwise grant admin consent for the app in this tenant.";
    InvalidKeyProof Invalid "invalid_key_proof"
        "the directory does not take the proof of possession with which a key was to be changed"
        "Leave the proof to this crate: add_key and remove_key sign it with a certificate that the app has. If it is made by hand: RS256, the audience 00000002-0000-0000-c000-000000000000, the object id as the issuer, ten minutes at most, base64url without padding.";
    TokenRefused SignIn "token_refused"
        "Graph refused the token"
        "Sign in again; check that the token is for Microsoft Graph of this cloud and that this machine's clock is right.";

    // What the service refused.
    MissingPermission Forbidden "missing_permission"
        "the caller may not do this"
        "Sign in as somebody who may.";
    NotFound NotFound "not_found"
        "there is no such object"
        "Check which id is meant (object id, application id and service principal id differ) and in which tenant.";
    CredentialNotFound NotFound "credential_not_found"
        "the app has no credential with this key id"
        "Where it was to be removed, nothing is to be done: it is gone. Otherwise check that it belongs to this app; a credential made a moment ago may take a minute.";
    ApplicationNotVisible NotFound "application_not_visible"
        "the directory does not know the application (yet)"
        "If it was made a moment ago, run it again in a minute; otherwise check the application (client) id.";
    GroupNotFound NotFound "group_not_found"
        "the tenant has no such group"
        "Check that it is the object id of a group, and that the tenant is the partner's.";
    UserNotFound NotFound "user_not_found"
        "the tenant has no such user"
        "Check the user principal name or object id, and that the tenant is the partner's.";
    AdoptedAppNotFound NotFound "adopted_app_not_found"
        "there is no application with the client id to adopt"
        "Check that it is the Application (client) ID, not an object id, and that the tenant is the app's.";
    AdoptionConflict Conflict "adoption_conflict"
        "another application holds the unique name already"
        "Adopt the application that holds the unique name, or give the registration another unique name.";
    SameDisplayName Conflict "same_display_name"
        "there is no application with the unique name, and one of the display name"
        "If it is the one that is meant, adopt it by its client id; otherwise say that another is to be created.";
    SameGroupName Conflict "same_group_name"
        "there is no group with the unique name, and one of the display name"
        "If it is the one that is meant, name it by its object id; otherwise choose another display name.";
    AppOfAnotherTenant Conflict "app_of_another_tenant"
        "an app of another tenant is installed here and has the display name"
        "If it is the one that is meant, install it by its client id and its publisher's tenant; otherwise say that another is to be created.";
    PublishedAppNotFound NotFound "published_app_not_found"
        "no tenant of this cloud has an app of the client id that can be installed"
        "Check the client id with its publisher: the app must exist, in this cloud, and be open to other tenants.";
    ServicePrincipalNotFound NotFound "service_principal_not_found"
        "the tenant has no such service principal"
        "Check the client id or object id, and the tenant; a vendor's app is installed first.";
    ServicePrincipalInUse Conflict "service_principal_in_use"
        "the service principal holds grants that the removal does not name"
        "Take every grant away, and those of single users under Enterprise applications, or leave the service principal.";
    RedirectUriOfAnotherPlatform Conflict "redirect_uri_of_another_platform"
        "a redirect URI stands under another platform"
        "Remove it there, as a registration does that removes what is surplus, or name it for that platform.";
    RedirectUriDiffersInCase Conflict "redirect_uri_differs_in_case"
        "a redirect URI stands there already, in other capitals"
        "Name it as it stands there, letter for letter, or remove that one first, as a registration does that removes what is surplus.";
    UniqueNameTaken Conflict "unique_name_taken"
        "another application, live or deleted, holds this unique name"
        "Restore or purge the deleted application (Deleted applications in the portal), or choose another unique name.";
    AlreadyGranted Conflict "already_granted"
        "the permission is granted already"
        "Nothing is to be done.";
    ObjectConflict Conflict "object_conflict"
        "another object or another writer is in the way"
        "Run it again: what is there is found.";
    VersionOutdated Conflict "version_outdated"
        "somebody has changed the object since it was read"
        "Read it again, and decide again what to change.";
    RelationshipReadOnly Refused "relationship_read_only"
        "the delegated admin relationship was made by Microsoft or by an indirect provider, and cannot be changed here"
        "Invite the customer to a relationship of your own.";
    RelationshipOperationFailed Refused "relationship_operation_failed"
        "the service could not carry out the change that it had accepted"
        "Read the relationship and its access assignments again, and repeat what is missing.";
    RelationshipStatusRefused Refused "relationship_status_refused"
        "the status of the delegated admin relationship does not allow it"
        "Wait until it has the status that is needed, or make another relationship.";
    NotASecurityGroup Refused "not_a_security_group"
        "the group is no plain security group"
        "Name a security group that is not mail-enabled: access to customers is given to no other.";
    GroupMembersNotChangeable Refused "group_members_not_changeable"
        "the members of the group are not for this client to change"
        "Let an administrator of the group add the person, and do without changes of memberships here.";
    SingleTenantRegistration Refused "single_tenant_registration"
        "an app for its own tenant alone cannot be installed in another"
        "Let its publisher choose an audience of several organizations, in the registration too.";
    MicrosoftOwnedApp Refused "microsoft_owned_app"
        "the app is Microsoft's own"
        "Name the app of the vendor: Microsoft's own are left as Microsoft and the tenant have them.";
    WrongPublisher Refused "wrong_publisher"
        "the app belongs to another tenant than its publisher's"
        "Ask the publisher for the client id and for the tenant of the app; nothing was granted.";
    ServicePrincipalDeleted Refused "service_principal_deleted"
        "the service principal is deleted, and can be restored for 30 days"
        "Purge it among the deleted objects if it must not come back.";
    ApiNotInTenant Refused "api_not_in_tenant"
        "the tenant has no service principal of the API"
        "License or enable the service in the tenant, create its service principal, or leave its permissions out.";
    PermissionNotInTenant Refused "permission_not_in_tenant"
        "the API does not know this permission in this tenant"
        "Leave it out for this tenant, or name one that its API publishes; some clouds lack some permissions.";
    SecretLifetimeForbiddenByPolicy Refused "secret_lifetime_forbidden_by_policy"
        "a policy of the tenant forbids so long a secret"
        "Ask for a shorter lifetime: which one the app management policy allows, an administrator knows, and whoever has the permission Policy.Read.All.";
    SecretForbiddenByPolicy Refused "secret_forbidden_by_policy"
        "a policy of the tenant forbids client secrets"
        "Use a certificate or a federated identity credential in its place, or ask an administrator to except this app from the app management policy.";
    CertificateLifetimeForbiddenByPolicy Refused "certificate_lifetime_forbidden_by_policy"
        "a policy of the tenant forbids so long a certificate"
        "Use a certificate that ends sooner: which lifetime the app management policy allows, an administrator knows, and whoever has the permission Policy.Read.All.";
    CertificateForbiddenByPolicy Refused "certificate_forbidden_by_policy"
        "a policy of the tenant forbids this certificate"
        "Use a certificate of an authority that the tenant trusts or a federated identity credential in its place, or ask an administrator to except this app from the app management policy.";
    IdentifierUriForbiddenByPolicy Refused "identifier_uri_forbidden_by_policy"
        "a policy of the tenant forbids this identifier URI"
        "Use api:// with the client id, or with the tenant id and the client id, or let the app take access tokens of version 2.";
    ServiceManagementReferenceMissing Refused "service_management_reference_missing"
        "the tenant demands that each app names its entry in the organization's service tree"
        "Have the application made with its serviceManagementReference by somebody of the organization who knows it, and adopt it by its client id.";
    AudienceForbiddenByPolicy Refused "audience_forbidden_by_policy"
        "a policy of the tenant forbids this audience"
        "Choose a single-tenant audience, or ask an administrator to change the app management policy.";
    QuotaExceeded Refused "quota_exceeded"
        "the directory's quota is used up"
        "Delete objects that are not needed, or ask an administrator for a higher quota.";
    DependencyFailed Refused "dependency_failed"
        "not sent, because the step before it failed"
        "Mend what the step before it failed with.";
    RequestRefused Refused "request_refused"
        "the service refused the request"
        "Correct what the service's sentence names and run it again.";
    SecretSinkMissing Invalid "secret_sink_missing"
        "a certificate is to be made, and there is no secret sink for its private key"
        "Give the apply a secret_sink: the private key goes there and nowhere else.";
    InvalidFederatedCredential Invalid "invalid_federated_credential"
        "a federated credential is not one that Entra takes"
        "Give it a name of 3 to 120 letters, digits, hyphens and underscores, an https issuer, a subject and an audience.";
    SecretNotStored Refused "secret_not_stored"
        "the secret could not be stored"
        "Mend what stores secrets, and run it again: another secret is issued.";
    UniqueNameRefused Refused "unique_name_refused"
        "the application could not be given the unique name"
        "Adopt it by its client id each time, and say that it is to stay without a unique name.";
    ConsentTooNarrow Refused "consent_too_narrow"
        "the app that acts for the partner holds fewer permissions there than it needs, and cannot grant them to itself"
        "Let an administrator of the customer consent to that app by its admin consent link.";
    ConsentNotVisibleYet Refused "consent_not_visible_yet"
        "the consent has not come through in the customer's tenant yet"
        "Run it again in a few minutes: it goes on from there.";
    DeployerLeft Refused "deployer_left"
        "the deployer is still in the customer's tenant"
        "Remove it under Enterprise applications there, if it is not to stay.";
    CanaryFailed Refused "canary_failed"
        "one of the first customers failed, so that no other was begun"
        "Mend what failed there, and run it again: what was done is found.";
    RunCancelled Refused "run_cancelled"
        "the run was cancelled before it came to this customer"
        "Run it again: what was done is found.";
    // What an apply leaves open.
    AdminConsentMissing Forbidden "admin_consent_missing"
        "admin consent is missing, which the caller may not grant"
        "Ask an administrator to grant it, by the admin consent link or under API permissions of the app; then verify.";
    SecretValueUnknown Refused "secret_value_unknown"
        "a client secret is live, and its value cannot be read again"
        "If you have its value, name its Secret ID to the plan as one that you hold; if nobody has it, have another issued in its place, and remove this one.";
    CredentialNotOurs Refused "credential_not_ours"
        "a credential of the registration's description was issued by somebody else, and stays"
        "If nobody uses it, remove it under Certificates & secrets, or name its key id to the rotation.";
    SecretStoreFailed Refused "secret_store_failed"
        "the secret store could not be asked what it holds"
        "Mend what stores secrets, and run it again: nothing was removed from the app.";
    SecretMaybeOrphaned Network "secret_maybe_orphaned"
        "a client secret may be there whose value nobody has"
        "Remove it under Certificates & secrets.";

    // Plans.
    PlanForAnotherTarget Stale "plan_for_another_target"
        "the plan is for another tenant or cloud"
        "Plan again with the client that applies the plan.";
    PlanOutdated Stale "plan_outdated"
        "the tenant has changed since the plan was made"
        "Plan again, and look at what would change now.";
    NeedsApproval NeedsApproval "needs_approval"
        "permissions need a review"
        "Approve each by its name if the customer agrees, or leave it out.";
    GdapNeedsApproval NeedsApproval "gdap_needs_approval"
        "roles and memberships need an approval"
        "Look at what the plan shows, and approve just those of its items that are meant.";
    DeletionNeedsApproval NeedsApproval "deletion_needs_approval"
        "the deletion of a service principal needs an approval of its own"
        "Approve it by the object id that the plan shows, if the customer agrees.";

    // The way there and back.
    Throttled Throttled "throttled"
        "the service asks for fewer requests"
        "Wait as long as it asks and run it again: what was done is kept.";
    ServiceFailed Service "service_failed"
        "the service failed"
        "Run it again in a few minutes; if it lasts, give the request id to Microsoft's support.";
    IncompleteBatchResponse Service "incomplete_batch_response"
        "the response to the batch lacks this item"
        "Look whether it was carried out before sending it again.";
    ServiceContradictsItself Service "service_contradicts_itself"
        "what the service accepted is not there"
        "Run it again in a few minutes.";
    Unreachable Network "unreachable"
        "the service could not be reached"
        "Check the network, the proxy (HTTPS_PROXY) and that the name of the host resolves; nothing was changed by this request.";
    HostNotFound Network "host_not_found"
        "the name of the host does not resolve"
        "Check the name server of this machine and the endpoint's name; where only a proxy resolves names, set HTTPS_PROXY. Nothing was changed by this request.";
    ConnectionRefused Network "connection_refused"
        "nobody accepts connections at the host"
        "Check the endpoint's address and port, and whether a firewall is in between; nothing was changed by this request.";
    CertificateNotTrusted Network "certificate_not_trusted"
        "the certificate that the host showed is not trusted"
        "Where a proxy inspects TLS, install its certificate authority on this machine or except the host from inspection; otherwise check the machine's clock and certificate store. Nothing was sent.";
    ProxyUnreachable Network "proxy_unreachable"
        "the proxy cannot be reached"
        "Check the proxy's address (HTTPS_PROXY) and that it runs, or except the host by NO_PROXY; nothing was changed by this request.";
    ProxyAuthenticationRequired Network "proxy_authentication_required"
        "the proxy wants a user name and a password"
        "Put them into the proxy's URL (HTTPS_PROXY=http://user:password@host:port), or let the proxy pass this machine; nothing was changed by this request.";
    ProxyRefused Network "proxy_refused"
        "the proxy does not open a connection to the host"
        "Have the proxy allow the host, such as graph.microsoft.com and login.microsoftonline.com on port 443, or except it by NO_PROXY; nothing was changed by this request.";
    AnsweredByProxy Network "answered_by_proxy"
        "a proxy or gateway responded in the service's place"
        "Let this machine reach the service without a sign-in page, filter or gateway in between; with an endpoint or authority of your own, check its address.";
    NoResponse Network "no_response"
        "the connection broke before the response was there"
        "Check the network and run it again.";
    TlsSetupFailed Network "tls_setup_failed"
        "TLS could not be set up"
        "Check the machine's certificate store, or build a reqwest client of your own.";
    SecretLost Network "secret_lost"
        "the response with the new secret was lost each time"
        "Check the network and the proxy, and run it again: another secret is issued.";
    DeadlineExceeded Deadline "deadline_exceeded"
        "the time allowed was up"
        "Run it again with more time: what was done is kept.";
    NotVisibleYet Deadline "not_visible_yet"
        "the directory's replicas do not all know yet what was written a moment ago"
        "Run it again in a minute: what was done is kept.";
    PermissionsNotInToken Deadline "permissions_not_in_token"
        "the new secret works, and its tokens do not hold every permission yet"
        "The secret is yours: keep it, and try again in a few minutes; without admin consent for the app it lasts for ever.";
    SecretNotUsable Deadline "secret_not_usable"
        "the sign-in service does not take the new secret yet"
        "The secret is yours: keep it, and try again in a few minutes.";
    ExpiredPageToken Stale "expired_page_token"
        "the list was read too slowly, and the service has forgotten where it was"
        "Begin the list anew; larger pages take fewer requests.";
    UnexpectedResponse Decode "unexpected_response"
        "the service's response is not what it documents"
        "Run it again; check that no proxy answers in the service's place.";
    UnreadableMember Decode "unreadable_member"
        "a property came in a form that cannot be read, and was left as it is"
        "Look at it in the portal; a newer version may read it.";
    ResponseTooLarge Decode "response_too_large"
        "the response is larger than what is read"
        "Ask for less, or raise the transport's limit; a proxy in between may have answered.";
    ForeignNextLink Decode "foreign_next_link"
        "the service's next link leads elsewhere"
        "Nothing was sent there. Check that the Graph endpoint is right and that no proxy rewrites responses.";
    ListTooLong Decode "list_too_long"
        "the list is too long to be kept as a whole"
        "Ask for less with a filter, or read it item by item, in larger pages.";
    PagesInACircle Decode "pages_in_a_circle"
        "the service's pages lead in a circle"
        "Run it again; if it lasts, give Microsoft's support the request id.";
    PagesWithoutEnd Decode "pages_without_end"
        "page follows page, and none holds an item"
        "Run it again; if it lasts, give Microsoft's support the request id.";
    Redirected Decode "redirected"
        "the response is a redirect, which is not followed"
        "Check that the endpoint is right and that no proxy responds in its place.";
    UnexpectedTokenResponse Decode "unexpected_token_response"
        "the response holds no token"
        "Check that the authority is Entra's and that no proxy responds in its place.";
    UnexpectedDeviceCodeResponse Decode "unexpected_device_code_response"
        "the sign-in service's response holds no device code"
        "Check that the authority is Entra's and that no proxy responds in its place.";

    // What a diagnosis finds besides.
    MalformedClientId Invalid "malformed_client_id"
        "the client id is no GUID"
        "Copy the Application (client) ID from the app's Overview.";
    IdsEqual Invalid "ids_equal"
        "the tenant and the client id are the same id"
        "Copy both from the app's Overview: Application (client) ID and Directory (tenant) ID.";
    IdsSwapped Invalid "ids_swapped"
        "the client id is a tenant's, and there is no such tenant as the one given"
        "Exchange the two: the tenant's id was given as the client id.";
    ObjectIdInsteadOfClientId Invalid "object_id_instead_of_client_id"
        "the client id is an object id of the app"
        "Give the Application (client) ID instead.";
    AnotherClientId Invalid "another_client_id"
        "the client id is not the app's"
        "Give the app's Application (client) ID; object ids look alike.";
    BlanksAroundSecret Invalid "blanks_around_secret"
        "the secret was given with blanks around it"
        "Paste it without them.";
    ConsentMissing SignIn "consent_missing"
        "the app signs in and holds none of the permissions that it needs"
        "Grant admin consent for the app in this tenant; declared permissions alone allow nothing.";
    PermissionAddedAfterConsent SignIn "permission_added_after_consent"
        "the app lacks permissions, and holds others: they were added after the consent, or left out of it"
        "Grant admin consent again: it covers what was declared at that time.";
    SurplusPermissions SignIn "surplus_permissions"
        "the app holds more than it needs"
        "Take it away, if nothing else needs it.";
    AssignmentRequired Refused "assignment_required"
        "users must be assigned to the app before they get tokens for it"
        "Assign those who are to use it under Enterprise applications, or turn off that assignment is required.";
    LicenceNotChecked Refused "licence_not_checked"
        "it is not checked whether the tenant has a licence"
        "Make sure that the tenant has it where what takes it is to be used; the permissions are granted without it, too.";
    ConsentUnknown SignIn "consent_unknown"
        "whether the app is consented to in the customer's tenant is not known"
        "Consent there to the app that asks, by its admin consent link or through Partner Center, or let the app itself ask, with its own credential.";
    DelegatedPermissionsUnseen SignIn "delegated_permissions_unseen"
        "delegated permissions, and those given by their id alone, are not seen by a sign-in of the app itself"
        "Verify the registration, as somebody who may read there.";
}

impl ErrorCode {
    /// The code of an `AADSTS` number, if it is known.
    pub fn from_aadsts(number: u64) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.aadsts_numbers().contains(&number))
    }

    /// Whether it is expected for some seconds, sometimes minutes, after an app, a credential or a consent was written:
    /// worth a bounded number of retries then, and final at any other time. A new secret can be reported as expired, too.
    pub const fn is_expected_after_a_write(self) -> bool {
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
                | Self::CallerNotInTenant
        )
    }

    /// Whether a person has to sign in, sign in again or consent, so that no retry helps.
    pub const fn requires_interaction(self) -> bool {
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

    /// Whether the app's own credential is wrong.
    pub(crate) const fn is_credential_error(self) -> bool {
        matches!(
            self,
            Self::WrongSecret | Self::SecretIdInsteadOfValue | Self::SecretExpired | Self::CertificateUnknown
        )
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for ErrorCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `UnknownPermission` in snake case.
    fn snake(name: &str) -> String {
        let mut text = String::new();
        for letter in name.chars() {
            if letter.is_uppercase() && !text.is_empty() {
                text.push('_');
            }
            text.extend(letter.to_lowercase());
        }
        text
    }

    #[test]
    fn each_code_is_its_name_in_snake_case() {
        for code in ErrorCode::ALL {
            assert_eq!(code.as_str(), snake(&format!("{code:?}")));
        }
    }

    #[test]
    fn each_code_has_a_clause_as_cause_and_sentences_as_remedy() {
        for code in ErrorCode::ALL {
            let (cause, remedy) = (code.cause(), code.remedy());
            assert!(!cause.is_empty() && !cause.ends_with('.'), "{code}: {cause}");
            assert!(remedy.chars().next().is_some_and(char::is_uppercase), "{code}: {remedy}");
            let is_command = remedy.starts_with("Run: ");
            assert!(remedy.ends_with('.') || is_command, "{code}: {remedy}");
        }
    }

    #[test]
    fn a_number_means_one_code() {
        let mut numbers: Vec<_> = ErrorCode::ALL.iter().flat_map(|code| code.aadsts_numbers()).collect();
        let count = numbers.len();
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers.len(), count);
    }
}
