//! No type shows a secret: every public type is either printed here in every way, or listed as holding none.
//!
//! The lists below name the public types: [`SHOWN`] and [`OF_A_FEATURE`] those that are given a secret, a token or what
//! else is private, and [`HARMLESS`] those that never hold one. One test compares the lists with the sources, so that
//! a new type is thought about; the others make a thing of each type of the first two lists, with something private in
//! it, and look at all the ways in which it can be printed. What goes to a log is in `logs.rs`.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use entra_apps::auth::{
    AssertionRequest, ChainProvider, ClientAssertion, ClientAuthentication, ClientCredentialsProvider,
    DeviceCodeProvider, GitHubActions, ManagedIdentityProvider, MemoryRefreshTokenStore, RefreshTokenProvider,
    SignInService, StaticToken, TenantLookup,
};
use entra_apps::cloud::Cloud;
use entra_apps::consent::{AdminConsentCallback, AdminConsentLink, ConsentApp};
use entra_apps::ids::{AppId, Tenant, TenantId};
use entra_apps::model::{
    ApiPatch, ApplicationPatch, FederatedIdentityCredentialPatch, KeyCredential, NewApplication, NewPasswordCredential,
    NewServicePrincipal, OAuth2PermissionGrantPatch, RedirectUrisPatch, ServicePrincipalPatch, WebPatch,
};
use entra_apps::permission::MICROSOFT_GRAPH;
use entra_apps::provision::UsableCredential;
use entra_apps::provision::rotation::{MemorySecretStore, SecretStore, StoredCredential};
use entra_apps::secrecy::{ExposeSecret, SecretString};
use entra_apps::token::{TokenProvider, TokenRequest};
use entra_apps::transport::TransportError;
use entra_apps::{AppRegistration, ClientSecret, IssuedSecret, Plan, SecretSink, SignInAudience};
use entra_emulator::SeededRandomness;
use entra_emulator::server::{Site, welcome};
use entra_emulator::{Fault, MemoryCloud, MemoryTenant};

use crate::support::tenant;

/// What can hold something private: the module at the top of the crate, and the type. A new type that can goes here, and
/// into [`no_type_shows_a_secret_in_any_way`].
const SHOWN: &[&str] = &[
    "api::AppRoleAssignments",
    "api::Applications",
    "api::DeletedItems",
    "api::FederatedIdentityCredentials",
    "api::Groups",
    "api::Items",
    "api::List",
    "api::OAuth2PermissionGrants",
    "api::OrganizationApi",
    "api::Page",
    "api::Pages",
    "api::Policies",
    "api::Reports",
    "api::RequestBuilder",
    "api::ServicePrincipals",
    "api::Users",
    "auth::ChainProvider",
    "auth::ClientAuthentication",
    "auth::ClientCredentialsProvider",
    "auth::DeviceCodeProvider",
    "auth::GitHubActions",
    "auth::ManagedIdentityProvider",
    "auth::MemoryRefreshTokenStore",
    "auth::RefreshTokenProvider",
    "auth::SignInService",
    "auth::StaticToken",
    "auth::TenantLookup",
    "client::BatchResponse",
    "client::Batch",
    "client::Call",
    "client::Client",
    "client::ClientBuilder",
    "client::BatchHandle",
    "consent::AdminConsentCallback",
    "consent::AdminConsentLink",
    "consent::PendingConsent",
    "error::Error",
    "emulator::Application",
    "emulator::Caller",
    "emulator::MemoryCloud",
    "emulator::MemoryTenant",
    "emulator::MemoryTenantBuilder",
    "emulator::RecordedItem",
    "emulator::RecordedRequest",
    "emulator::ServicePrincipal",
    "emulator::Site",
    "emulator::Snapshot",
    "model::ApiPatch",
    "model::Application",
    "model::ApplicationPatch",
    "model::DelegatedAdminRelationshipPatch",
    "model::FederatedIdentityCredentialPatch",
    "model::KeyCredential",
    "model::NewApplication",
    "model::NewPasswordCredential",
    "model::NewServicePrincipal",
    "model::OAuth2PermissionGrantPatch",
    "model::PasswordCredential",
    "model::RedirectUrisPatch",
    "model::ServicePrincipal",
    "model::ServicePrincipalPatch",
    "model::Unknown",
    "model::WebPatch",
    "partner::AccessAssignments",
    "partner::ApplicationConsents",
    "partner::ApplyGdap",
    "partner::Audit",
    "partner::AuditRun",
    "partner::CheckReadiness",
    "partner::ConsentLinks",
    "partner::ConsentRun",
    "partner::CustomerConsentLink",
    "partner::CustomerList",
    "partner::GdapApplied",
    "partner::GdapChecklist",
    "partner::GdapFailure",
    "partner::GdapPlan",
    "partner::LinkedTenant",
    "partner::ListCustomers",
    "partner::MakeConsentLinks",
    "partner::Partner",
    "partner::PlanGdap",
    "partner::PreConsent",
    "partner::PreparedConsent",
    "partner::Readiness",
    "partner::Relationships",
    "partner::UnreadSource",
    "partner::VerifyGdap",
    "provision::Apply",
    "provision::ApplyError",
    "provision::Diagnose",
    "provision::Diagnosis",
    "provision::Expiring",
    "provision::ExpiringCredentials",
    "provision::Installation",
    "provision::IssuedSecret",
    "provision::Plan",
    "provision::PlanRemoval",
    "provision::PlanRequest",
    "provision::MemorySecretStore",
    "provision::Registered",
    "provision::Rotate",
    "provision::RotateError",
    "provision::Rotated",
    "provision::UsableCredential",
    "provision::VerifyRequest",
    "provision::WaitUntilUsable",
    "token::AccessToken",
    "token::TokenRequest",
    "transport::TransportError",
];

/// The types that a feature brings and that are shown, with whether it is on: [`no_type_of_a_feature_shows_a_secret`].
const OF_A_FEATURE: &[(&str, bool)] = &[
    ("auth::AzureCliProvider", cfg!(feature = "azure-cli")),
    ("auth::AzureCredentialProvider", cfg!(feature = "azure")),
    ("auth::BrowserProvider", cfg!(feature = "browser")),
    ("auth::ClientCertificate", cfg!(feature = "certificate")),
    ("provision::RotateOwn", cfg!(feature = "certificate")),
    ("transport::ReqwestTransport", cfg!(feature = "reqwest")),
];

/// What holds nothing private: names, ids, dates, words of the service, choices.
const HARMLESS: &[&str] = &[
    "api::ApplicationKey",
    "api::DeletedKind",
    "api::FederatedIdentityCredentialKey",
    "api::GroupKey",
    "api::RequestPath",
    "api::ServicePrincipalKey",
    "api::UniqueName",
    "api::UserKey",
    "auth::AssertionRequest",
    "auth::DeviceCodePrompt",
    "auth::FoundTenant",
    "auth::RedirectUriMismatch",
    "clock::TokioClock",
    "cloud::Cloud",
    "consent::ConsentApp",
    "consent::ConsentCheck",
    "consent::ExpectedPermissions",
    "consent::CheckConsent",
    "consent::ReportedConsent",
    "directory_role::DirectoryRole",
    "ids::Tenant",
    "error::ErrorDetail",
    "error::ErrorKind",
    "retry::RetryPolicy",
    "retry::Wait",
    "retry::WaitReason",
    "emulator::Api",
    "emulator::AppRoleAssignment",
    "emulator::DelegatedAdminRelationship",
    "emulator::Fault",
    "emulator::FaultError",
    "emulator::FaultOn",
    "emulator::FaultyTransport",
    "emulator::Group",
    "emulator::Lag",
    "emulator::LegacyValues",
    "emulator::OAuth2PermissionGrant",
    "emulator::RetryAfter",
    "emulator::SecretPolicy",
    "emulator::SeededRandomness",
    "emulator::Server",
    "emulator::SnapshotError",
    "emulator::TenantClock",
    "emulator::Throttling",
    "emulator::User",
    "model::AddIn",
    "model::ApiApplication",
    "model::AppCredentialSignInActivity",
    "model::AppManagementApplicationConfiguration",
    "model::AppManagementConfiguration",
    "model::AppManagementPolicy",
    "model::AppManagementPolicyActorExemptions",
    "model::AppRole",
    "model::AppRoleAssignment",
    "model::AudienceRestriction",
    "model::AudiencesConfiguration",
    "model::AuthenticationBehaviors",
    "model::Certification",
    "model::Contract",
    "model::CredentialRestriction",
    "model::CustomSecurityAttributeExemption",
    "model::Date",
    "model::DelegatedAdminAccessAssignment",
    "model::DelegatedAdminAccessContainer",
    "model::DelegatedAdminAccessDetails",
    "model::DelegatedAdminCustomer",
    "model::DelegatedAdminRelationship",
    "model::DelegatedAdminRelationshipCustomer",
    "model::DelegatedAdminRelationshipOperation",
    "model::DelegatedAdminRelationshipRequest",
    "model::DeletedItem",
    "model::DirectoryObject",
    "model::ETag",
    "model::FederatedIdentityCredential",
    "model::Filter",
    "model::Group",
    "model::GroupMember",
    "model::IdentifierUriConfiguration",
    "model::IdentifierUriRestriction",
    "model::ImplicitGrantSettings",
    "model::InformationalUrl",
    "model::IsoDuration",
    "model::KeyValue",
    "model::Literal",
    "model::NewAppRoleAssignment",
    "model::NewDelegatedAdminAccessAssignment",
    "model::NewDelegatedAdminRelationship",
    "model::NewFederatedIdentityCredential",
    "model::NewGroup",
    "model::NewOAuth2PermissionGrant",
    "model::OAuth2PermissionGrant",
    "model::OptionalClaim",
    "model::OptionalClaims",
    "model::Organization",
    "model::ParentalControlSettings",
    "model::PermissionScope",
    "model::PreAuthorizedApplication",
    "model::Property",
    "model::PublicClientApplication",
    "model::RedirectUriSettings",
    "model::RequestSignatureVerification",
    "model::RequiredResourceAccess",
    "model::ResourceAccess",
    "model::ResourceSpecificPermission",
    "model::SamlSingleSignOnSettings",
    "model::ServicePrincipalLockConfiguration",
    "model::SignInActivity",
    "model::SpaApplication",
    "model::TenantAppManagementPolicy",
    "model::TenantInformation",
    "model::UnifiedRole",
    "model::User",
    "model::VerifiedDomain",
    "model::VerifiedPublisher",
    "model::WebApplication",
    "partner::ApplicationConsentResult",
    "partner::ApprovedConsents",
    "partner::ApprovedDeployer",
    "partner::ConsentApproval",
    "partner::ConsentLimits",
    "partner::ConsentProgress",
    "partner::ConsentRequest",
    "partner::Customer",
    "partner::CustomerChange",
    "partner::CustomerOutcome",
    "partner::CustomerReadiness",
    "partner::CustomerSource",
    "partner::CustomerState",
    "partner::DeployerConsent",
    "partner::Difference",
    "partner::Gap",
    "partner::GapSeverity",
    "partner::GdapAction",
    "partner::GdapApproval",
    "partner::GdapConfiguration",
    "partner::GdapCustomer",
    "partner::GdapStep",
    "partner::GdapStepId",
    "partner::GdapStepKind",
    "partner::GroupState",
    "partner::NewApplicationConsent",
    "partner::PendingOperation",
    "partner::PermissionLevel",
    "partner::Principal",
    "partner::ReadinessOutcome",
    "partner::Reason",
    "partner::ReasonCode",
    "partner::Report",
    "partner::RequiredApi",
    "partner::RoleAccess",
    "partner::RolesNeeded",
    "partner::RunState",
    "partner::SecurityGroup",
    "partner::Shard",
    "partner::Unknown",
    "partner::Updated",
    "permission::CatalogueEntry",
    "permission::Permission",
    "permission::PermissionKind",
    "permission::ResourceSpecificPermission",
    "provision::Allowed",
    "provision::AppRegistration",
    "provision::AppRestrictions",
    "provision::CallerKind",
    "provision::CallerPermissions",
    "provision::Checklist",
    "provision::Check",
    "provision::ClientSecret",
    "provision::CredentialActivity",
    "provision::CredentialHolder",
    "provision::CredentialState",
    "provision::CredentialUse",
    "provision::Done",
    "provision::ExpiringCredential",
    "provision::ExpiringKind",
    "provision::InstalledPrincipal",
    "provision::NoEvidence",
    "provision::RecordedRequest",
    "provision::Finding",
    "provision::Lifetime",
    "provision::Action",
    "provision::Certificate",
    "provision::Change",
    "provision::Credential",
    "provision::CredentialKind",
    "provision::FederatedCredential",
    "provision::IssuedCertificate",
    "provision::LogoutUrl",
    "provision::Notice",
    "provision::PageUrl",
    "provision::StepId",
    "provision::StepKind",
    "provision::Subject",
    "provision::Tag",
    "provision::OpenItem",
    "provision::Platform",
    "provision::Preflight",
    "provision::PreflightCheck",
    "provision::Progress",
    "provision::RedirectUri",
    "provision::RegisteredApplication",
    "provision::OtherCredential",
    "provision::RotatedCredential",
    "provision::RotationState",
    "provision::SecretReadiness",
    "provision::StoredCredential",
    "provision::Verdict",
    "random::SystemRandomness",
    "transport::ConnectFailure",
];

#[test]
fn every_public_type_is_listed() {
    let features = OF_A_FEATURE.iter().map(|(name, _)| name);
    let listed: BTreeSet<String> =
        SHOWN.iter().chain(features).chain(HARMLESS).map(|name| (*name).to_owned()).collect();
    assert_eq!(listed.len(), SHOWN.len() + OF_A_FEATURE.len() + HARMLESS.len(), "one stands twice");
    let there = public_types();
    assert!(there.len() > 100, "the sources were not found");
    let unlisted: Vec<_> = there.difference(&listed).collect();
    assert!(unlisted.is_empty(), "can they hold a secret? {unlisted:?}");
    let gone: Vec<_> = listed.difference(&there).collect();
    assert!(gone.is_empty(), "they are gone: {gone:?}");
}

/// The structs and enums that the sources of both packages declare public at the top of a file, and the objects and
/// bodies that `object!` and `patch!` declare. The other macros make ids and choices, which hold nothing private.
fn public_types() -> BTreeSet<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut types = BTreeSet::new();
    let mut left: Vec<PathBuf> = [root.join("src"), root.join("emulator/src")].into();
    while let Some(path) = left.pop() {
        if path.is_dir() {
            left.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let module = path.strip_prefix(root).unwrap().with_extension("");
            let module = module.strip_prefix("src").unwrap_or(&module).iter().next().unwrap().to_str().unwrap();
            let file = syn::parse_file(&fs::read_to_string(&path).unwrap()).unwrap();
            types.extend(file.items.iter().filter_map(public_type).map(|name| format!("{module}::{name}")));
        }
    }
    types
}

fn public_type(item: &syn::Item) -> Option<String> {
    let (visibility, name) = match item {
        syn::Item::Struct(item) => (&item.vis, &item.ident),
        syn::Item::Enum(item) => (&item.vis, &item.ident),
        syn::Item::Macro(item) if item.mac.path.is_ident("object") || item.mac.path.is_ident("patch") => {
            let mut tokens = item.mac.tokens.clone().into_iter().map(|token| token.to_string());
            return tokens.find(|token| token.starts_with(char::is_uppercase));
        }
        _ => return None,
    };
    matches!(visibility, syn::Visibility::Public(_)).then(|| name.to_string())
}

/// Shows things in every way, and finds none of the private texts.
struct Viewer {
    private: Vec<String>,
    seen: BTreeSet<&'static str>,
}

impl Viewer {
    fn text(&self, name: &str, text: &str) {
        for private in &self.private {
            assert!(!text.contains(private.as_str()), "{name} shows {private}: {text}");
        }
    }

    fn see(&mut self, name: &'static str, thing: &dyn Debug) {
        self.seen.insert(name);
        self.text(name, &format!("{thing:?}"));
        self.text(name, &format!("{thing:#?}"));
    }

    /// With all that it comes from.
    fn error(&mut self, name: &'static str, error: &(dyn std::error::Error + 'static)) {
        let mut next = Some(error);
        while let Some(error) = next {
            self.see(name, &error);
            self.text(name, &error.to_string());
            next = error.source();
        }
    }
}

/// What a plan and a client are made for.
fn registration() -> AppRegistration {
    AppRegistration::new("k", "App").credential(ClientSecret::new("Main"))
}

/// A vault that is sealed.
#[derive(Debug)]
struct Sealed;

#[async_trait]
impl SecretSink for Sealed {
    async fn store(&self, _: &IssuedSecret) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        Err("the vault is sealed".into())
    }
}

#[async_trait]
impl SecretStore for Sealed {
    async fn load(&self, _: &StoredCredential) -> Result<Option<IssuedSecret>, entra_apps::BoxError> {
        Ok(None)
    }
}

/// Hands the same assertion out each time, and shows none.
struct Assertion(SecretString);

impl Debug for Assertion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Assertion")
    }
}

#[async_trait]
impl ClientAssertion for Assertion {
    async fn assertion(&self, _: &AssertionRequest) -> Result<SecretString, entra_apps::BoxError> {
        Ok(self.0.clone())
    }
}

const SCOPE: &str = "https://graph.microsoft.com/.default";

/// A secret that only this test knows: in keys, bodies and challenges.
const MARKER: &str = "m4rker-0f-a-pr1vate-th1ng";

#[tokio::test(start_paused = true)]
async fn no_type_shows_a_secret_in_any_way() {
    let tenant = tenant();
    let client = tenant.client();
    let wanted = registration();
    let plan = client.plan(&wanted).await.unwrap();
    let registered = client.apply(&plan).await.unwrap();
    let caller = tenant.caller();
    let token = StaticToken::new(SecretString::from("unused-but-private"));
    let service = SignInService::new(Cloud::global(), Arc::new(tenant.clone()), tenant.clock());
    let credential = ClientAuthentication::secret(caller.client_secret.clone());
    let provider = ClientCredentialsProvider::new(service.clone(), caller.client_id, credential.clone());
    let request = TokenRequest::new(tenant.id(), SCOPE);
    let access = provider.token(&request).await.unwrap();
    let issued = registered.secrets[0].value.clone();
    let private = [&issued, &caller.client_secret, &access.secret].map(|secret| secret.expose_secret().to_owned());
    assert!(private.iter().all(|text| text.len() >= 16));
    let private = private.into_iter().chain([MARKER.to_owned(), "unused-but-private".to_owned()]).collect();
    let mut viewer = Viewer { private, seen: BTreeSet::new() };

    sign_in(&mut viewer, &tenant, &service, &issued);
    viewer.see("auth::ClientAuthentication", &credential);
    viewer.see("auth::ClientCredentialsProvider", &provider);
    viewer.see("auth::StaticToken", &token);
    viewer.see("auth::SignInService", &service);
    viewer.see("token::AccessToken", &access);
    viewer.see("token::TokenRequest", &request);

    viewer.see("client::Client", &client);
    viewer.see("client::ClientBuilder", &tenant.client_builder());
    let builder = tenant.client_builder().client_secret(caller.client_id, caller.client_secret.clone());
    viewer.see("client::ClientBuilder", &builder);
    Box::pin(reads(&mut viewer, &client)).await;
    models(&mut viewer, &client);

    viewer.see("provision::Plan", &plan);
    viewer.text("provision::Plan", &format!("{plan} {}", plan.to_json()));
    viewer.see("provision::Registered", &registered);
    viewer.text("provision::Registered", &serde_json::to_string(&registered).unwrap());
    viewer.see("provision::IssuedSecret", &registered.secrets[0]);
    viewer.see("provision::PlanRequest", &client.plan(&wanted));
    let installation = client.install(AppId::from_u128(7), TenantId::from_u128(7), &wanted);
    viewer.see("provision::Installation", &installation);
    viewer.see("provision::PlanRemoval", &installation.plan_removal());
    viewer.see("provision::VerifyRequest", &client.verify(&wanted));
    viewer.see("provision::Apply", &client.apply(&plan));
    let usable = UsableCredential::from(&registered.secrets[0]);
    viewer.see("provision::UsableCredential", &usable);
    let store = MemorySecretStore::new();
    store.store(&registered.secrets[0]).await.unwrap();
    viewer.see("provision::MemorySecretStore", &store);
    viewer.see("provision::WaitUntilUsable", &client.wait_until_usable(&registered.secrets[0], &wanted));
    for typed in [issued.clone(), SecretString::from(format!(" {MARKER}\n"))] {
        let app_id = registered.application.as_ref().unwrap().app_id.to_string();
        let diagnose = client.diagnose(tenant.domain(), app_id, typed.clone(), &wanted);
        viewer.see("provision::Diagnose", &diagnose);
        let diagnosis = diagnose.await;
        viewer.see("provision::Diagnosis", &diagnosis);
        viewer.text("provision::Diagnosis", &format!("{diagnosis} {}", diagnosis.to_json()));
        // Typed into the wrong field.
        let diagnosis = client.diagnose(typed.expose_secret(), typed.expose_secret(), typed.clone(), &wanted).await;
        viewer.see("provision::Diagnosis", &diagnosis);
        viewer.text("provision::Diagnosis", &format!("{diagnosis} {}", diagnosis.to_json()));
    }
    let tests = client.verify(&wanted).await.unwrap();
    viewer.text("provision::Checklist", &format!("{tests:?} {tests}"));

    consent(&mut viewer, &tenant);
    errors(&mut viewer, &tenant).await;

    viewer.see("emulator::MemoryTenant", &tenant);
    viewer.see("emulator::MemoryTenantBuilder", &MemoryTenant::builder());
    viewer.see("emulator::MemoryCloud", &MemoryCloud::new([MemoryTenant::builder()]));
    viewer.see("emulator::Caller", &caller);
    let cloud = MemoryCloud::new([MemoryTenant::builder()]);
    viewer.see("emulator::Site", &Site::new(cloud.clone(), &welcome("", &cloud, true)));
    // Its JSON is what the secrets are kept in; it says so.
    viewer.see("emulator::Snapshot", &tenant.snapshot());
    viewer.see("emulator::Application", &tenant.applications());
    viewer.see("emulator::ServicePrincipal", &tenant.service_principals());
    let requests = tenant.requests();
    viewer.see("emulator::RecordedRequest", &requests);
    viewer.see("emulator::RecordedItem", &requests.iter().flat_map(|request| &request.items).collect::<Vec<_>>());

    let unseen: Vec<_> = SHOWN.iter().filter(|name| !viewer.seen.contains(*name)).collect();
    assert!(unseen.is_empty(), "listed, and not shown: {unseen:?}");
}

fn sign_in(viewer: &mut Viewer, tenant: &MemoryTenant, service: &SignInService, secret: &SecretString) {
    let id = AppId::from_u128(1);
    let address = "https://localhost/token".parse().unwrap();
    let store = Arc::new(MemoryRefreshTokenStore::new(secret.clone()));
    viewer.see("auth::MemoryRefreshTokenStore", &store);
    let github = GitHubActions::new(service.clone(), &address, secret.clone()).unwrap();
    viewer.see("auth::GitHubActions", &github);
    let identity = ManagedIdentityProvider::in_app_service(service.clone(), &address, secret.clone()).unwrap();
    viewer.see("auth::ManagedIdentityProvider", &identity);
    let refresh = RefreshTokenProvider::new(service.clone(), id, tenant.id(), store.clone())
        .client_authentication(ClientAuthentication::secret(secret.clone()));
    viewer.see("auth::RefreshTokenProvider", &refresh);
    viewer.see("auth::DeviceCodeProvider", &DeviceCodeProvider::new(service.clone(), id, |_| {}).store(store));
    let assertion = Arc::new(Assertion(secret.clone()));
    let assertion = ClientAuthentication::assertion(assertion);
    viewer.see("auth::ClientAuthentication", &assertion);
    viewer.see("auth::ClientCredentialsProvider", &ClientCredentialsProvider::new(service.clone(), id, assertion));
    let chain = ChainProvider::new().then("static", Arc::new(StaticToken::new(secret.clone())));
    viewer.see("auth::ChainProvider", &chain);
    let lookup = TenantLookup::new(Cloud::global(), Arc::new(tenant.clone()), tenant.clock());
    viewer.see("auth::TenantLookup", &lookup);
}

async fn gdap(viewer: &mut Viewer) {
    use entra_apps::directory_role::DirectoryRole;
    use entra_apps::partner::{GdapConfiguration, SecurityGroup};

    let cloud = entra_emulator::MemoryCloud::partner_in_use_with_customers(1);
    let client = cloud.client(&cloud.tenants()[0]);
    let partner = client.partner();
    let group = SecurityGroup::unique_name("readers", "Readers").role(DirectoryRole::DIRECTORY_READERS);
    let configuration = GdapConfiguration::new().group(group);
    viewer.see("partner::PlanGdap", &partner.plan(&configuration));
    viewer.see("partner::VerifyGdap", &partner.verify(&configuration));
    let plan = partner.plan(&configuration).await.unwrap();
    viewer.see("partner::GdapPlan", &plan);
    viewer.see("partner::ApplyGdap", &partner.apply(&plan));
    let path = "/tenantRelationships/delegatedAdminRelationships/*/accessAssignments";
    cloud.tenants()[0].fault(Fault::on("POST", path).in_batch().refuses(400, "badRequest", "No."));
    let applied = partner.apply(&plan).await.unwrap();
    viewer.see("partner::GdapApplied", &applied);
    viewer.see("partner::GdapFailure", &applied.failed[0]);
    viewer.see("partner::GdapChecklist", &partner.verify(&configuration).await.unwrap());
}

async fn pre_consent(viewer: &mut Viewer) {
    let cloud = MemoryCloud::partner_with_customers(1);
    let admin = cloud.client(&cloud.tenants()[0]);
    let deployer = entra_apps::partner::deployer_registration("contoso-deployer", "Contoso Deployer");
    let registered = admin.apply(&admin.plan(&deployer).await.unwrap()).approve_all().await.unwrap();
    let client = cloud.client_of_agent(registered.application.unwrap().app_id);
    let consent = client.partner().pre_consent(&deployer);
    viewer.see("partner::PreConsent", &consent);
    let prepared = consent.prepare().await.unwrap();
    viewer.see("partner::PreparedConsent", &prepared);
    viewer.see("partner::ConsentRun", &prepared.dry_run());
}

async fn reads(viewer: &mut Viewer, client: &entra_apps::Client) {
    viewer.see("api::Applications", &client.applications());
    viewer.see("api::ServicePrincipals", &client.service_principals());
    viewer.see("api::AppRoleAssignments", &client.app_role_assignments());
    viewer.see("api::OAuth2PermissionGrants", &client.oauth2_permission_grants());
    viewer.see("api::DeletedItems", &client.deleted_items());
    viewer.see("api::OrganizationApi", &client.organization());
    viewer.see("api::FederatedIdentityCredentials", &client.federated_identity_credentials());
    viewer.see("api::Groups", &client.groups());
    viewer.see("api::Policies", &client.policies());
    viewer.see("api::Reports", &client.reports());
    viewer.see("provision::Expiring", &client.expiring(std::time::Duration::ZERO));
    viewer.see("provision::ExpiringCredentials", &client.expiring(std::time::Duration::ZERO).items());
    viewer.see("api::Users", &client.users());
    gdap(viewer).await;
    pre_consent(viewer).await;
    let partner = client.partner();
    viewer.see("partner::Partner", &partner);
    viewer.see("partner::Relationships", &partner.relationships());
    let id = entra_apps::ids::DelegatedAdminRelationshipId::new("a-b");
    viewer.see("partner::AccessAssignments", &partner.access_assignments(&id));
    let customer = entra_apps::ids::TenantId::from_u128(1);
    viewer.see("partner::ApplicationConsents", &partner.application_consents(customer));
    viewer.see("partner::ListCustomers", &partner.customers());
    let customers = partner.customers().await.unwrap();
    viewer.see("partner::UnreadSource", &customers.unread[0]);
    viewer.see("partner::CustomerList", &customers);
    let check = partner.readiness(entra_apps::partner::RolesNeeded::to_administer_apps());
    viewer.see("partner::CheckReadiness", &check.asking_customers(client));
    viewer.see("partner::LinkedTenant", &client.link_own_tenant().await.unwrap());
    let check = partner.readiness(entra_apps::partner::RolesNeeded::to_administer_apps());
    viewer.see("partner::Readiness", &check.await.unwrap());
    let wanted = registration().audience(SignInAudience::MultipleOrganizations);
    let audit = partner.audit(&wanted).app(AppId::from_u128(7), TenantId::from_u128(7)).asking(client);
    let wanted = wanted.redirect_uri(entra_apps::RedirectUri::web("https://app.example/callback").unwrap());
    let wanted = wanted.permission(entra_apps::permission::microsoft_graph::delegated::USER_READ);
    let make = partner.consent_links(&wanted, AppId::from_u128(7), TenantId::from_u128(7));
    let outcome = r#"{"tenantId":"00000000-0000-0000-0000-000000000007","displayName":null,"outcome":"not_consented",
        "detail":null,"remedy":null,"reasons":[]}"#;
    let link = make.for_outcome(&serde_json::from_str(outcome).unwrap()).unwrap();
    // Whoever knows it can answer in the administrator's place.
    viewer.private.push(link.pending().unwrap().state().to_owned());
    viewer.see("partner::MakeConsentLinks", &make);
    viewer.see("partner::ConsentLinks", &make.for_customers(&customers.customers).unwrap());
    viewer.see("partner::CustomerConsentLink", &link);
    viewer.see("partner::Audit", &audit);
    viewer.see("partner::AuditRun", &audit.start().await.unwrap());
    let list = client.applications().list();
    viewer.see("api::List", &list);
    let mut pages = list.clone().pages();
    viewer.see("api::Pages", &pages);
    viewer.see("api::Page", &pages.next().await.unwrap());
    let mut items = list.items();
    items.next().await.unwrap();
    viewer.see("api::Items", &items);

    let mut batch = client.batch();
    let new = NewPasswordCredential::new().display_name("In a batch");
    let app = client.applications().list().all().await.unwrap().remove(0);
    let call = client.applications().add_password(app.id.unwrap(), &new);
    viewer.see("client::Call", &call);
    let handle = batch.add(call);
    viewer.see("client::Batch", &batch);
    viewer.see("client::BatchHandle", &handle);
    let mut response = batch.send().await.unwrap();
    viewer.see("client::BatchResponse", &response);
    let issued = response.take(handle).unwrap();
    viewer.private.push(issued.secret_text.as_ref().unwrap().expose_secret().to_owned());
    viewer.see("client::BatchResponse", &response);
    viewer.see("model::PasswordCredential", &issued);
    viewer.text("model::PasswordCredential", &serde_json::to_string(&issued).unwrap());

    let handle = client.batch().add(client.applications().get(app.id.unwrap()));
    let error = response.take(handle).unwrap_err();
    assert_eq!(error.code().as_str(), "handle_of_another_batch");
    viewer.error("error::Error", &error);
}

/// Objects with their secrets in them, as they are sent and as they come.
fn models(viewer: &mut Viewer, client: &entra_apps::Client) {
    let body = format!(r#"{{"x": "{MARKER}"}}"#);
    let mut key = KeyCredential::certificate(MARKER);
    key.key = Some(MARKER.to_owned());
    let request = client.request(entra_apps::http::Method::POST, "applications").json(&key).query("$select", MARKER);
    viewer.see("api::RequestBuilder", &request);
    viewer.see("api::RequestBuilder", &request.header("If-Match", MARKER));
    viewer.see("model::KeyCredential", &key);
    let federated = FederatedIdentityCredentialPatch::new().unknown("more", &body).unwrap();
    viewer.see("model::FederatedIdentityCredentialPatch", &federated);
    let new = NewApplication::new("With a key").unknown("passwordCredentials", &body).unwrap();
    let patch = ApplicationPatch::new().key_credentials(vec![key.clone()]).unknown("more", &body).unwrap();
    viewer.see("model::NewApplication", &new);
    viewer.see("model::ApplicationPatch", &patch);
    viewer
        .see("model::NewServicePrincipal", &NewServicePrincipal::new(AppId::from_u128(1)).unknown("x", &body).unwrap());
    viewer.see("model::ServicePrincipalPatch", &ServicePrincipalPatch::new().unknown("x", &body).unwrap());
    viewer.see("model::NewPasswordCredential", &NewPasswordCredential::new().unknown("x", &body).unwrap());
    let relationship = entra_apps::model::DelegatedAdminRelationshipPatch::new().unknown("x", &body).unwrap();
    viewer.see("model::DelegatedAdminRelationshipPatch", &relationship);
    let grant = OAuth2PermissionGrantPatch::new().unknown("x", &body).unwrap();
    viewer.see("model::OAuth2PermissionGrantPatch", &grant);
    viewer.see("model::ApiPatch", &ApiPatch::new().unknown("x", &body).unwrap());
    viewer.see("model::WebPatch", &WebPatch::new().unknown("x", &body).unwrap());
    viewer.see("model::RedirectUrisPatch", &RedirectUrisPatch::new().unknown("x", &body).unwrap());
    viewer.see("client::Call", &client.applications().create(&new));
    let came = format!(
        r#"{{"displayName":"App","unheardOf":{body},"passwordCredentials":[{{"secretText":"{MARKER}","more":"{MARKER}"}}],
            "keyCredentials":[{{"key":"{MARKER}"}}]}}"#
    );
    let app: entra_apps::model::Application = serde_json::from_str(&came).unwrap();
    viewer.see("model::Application", &app);
    viewer.see("model::Unknown", &app.unknown);
    let principal: entra_apps::model::ServicePrincipal = serde_json::from_str(&came).unwrap();
    viewer.see("model::ServicePrincipal", &principal);
}

fn consent(viewer: &mut Viewer, tenant: &MemoryTenant) {
    let app = ConsentApp::new(AppId::from_u128(7), tenant.id())
        .audience(&SignInAudience::MultipleOrganizations)
        .redirect_uri("https://app.example/callback")
        .declares(MICROSOFT_GRAPH);
    let randomness = SeededRandomness::new(1);
    let link = AdminConsentLink::new(
        &Cloud::global(),
        &app,
        Tenant::ORGANIZATIONS,
        "https://app.example/callback",
        &randomness,
    );
    let link = link.unwrap();
    // Whoever knows it can answer in the administrator's place.
    let state = link.pending().state().to_owned();
    viewer.private.push(state.clone());
    viewer.see("consent::AdminConsentLink", &link);
    viewer.see("consent::PendingConsent", link.pending());
    let query = format!("admin_consent=True&tenant={}&state={state}", tenant.id());
    viewer.see("consent::AdminConsentCallback", &AdminConsentCallback::parse(&query).unwrap());
}

async fn errors(viewer: &mut Viewer, tenant: &MemoryTenant) {
    let caller = tenant.caller();
    let error = |error: entra_apps::Error| Box::new(error) as Box<dyn std::error::Error>;
    let mut errors = Vec::new();
    // A wrong secret, a refused token, a token that is none.
    let wrong = |secret: &str| {
        tenant.client_builder().client_secret(caller.client_id, SecretString::from(secret)).build().unwrap()
    };
    errors.push(error(wrong(MARKER).tenant_id().await.unwrap_err()));
    for text in [MARKER.to_owned(), format!("{MARKER}\n")] {
        let provider = Arc::new(StaticToken::new(SecretString::from(text)));
        let client = tenant.client_builder().token_provider(provider).build().unwrap();
        errors.push(error(client.organization().get().await.unwrap_err()));
    }
    // A secret in the place of an id, and a file of secrets in the place of a plan.
    errors.push(error(MARKER.parse::<AppId>().unwrap_err()));
    errors.push(error(AdminConsentCallback::parse(MARKER).unwrap_err()));
    for text in [format!("\"{MARKER}\""), format!(r#"{{"format":"{MARKER}"}}"#), MARKER.to_owned()] {
        errors.push(error(Plan::from_json(&text).unwrap_err()));
    }
    errors.push(error(NewApplication::new("x").unknown("x", MARKER).unwrap_err()));
    // An apply that fails when a secret is there.
    tenant.clear_requests();
    let client = tenant.client();
    let other = AppRegistration::new("other", "Other").credential(ClientSecret::new("Main"));
    let plan = client.plan(&other).await.unwrap();
    tenant.fault(Fault::on("POST", "/applications/*/removePassword").always().fails(500));
    let failed = client.apply(&plan).secret_sink(Arc::new(Sealed)).await.unwrap_err();
    // A rotation whose new secret can neither be stored nor be removed: it is in the report.
    let rotate = client.rotate(&other).store(Arc::new(Sealed)).replace_lost();
    viewer.see("provision::Rotate", &rotate);
    let rotated = rotate.await.unwrap_err();
    assert_eq!(rotated.report().secrets.len(), 1);
    viewer.private.push(rotated.report().secrets[0].value.expose_secret().to_owned());
    viewer.see("provision::Rotated", rotated.report());
    viewer.text("provision::Rotated", &serde_json::to_string(&rotated).unwrap());
    viewer.error("provision::RotateError", &rotated);
    tenant.clear_faults();
    assert_eq!(failed.report().secrets.len(), 1, "it could not be removed, and is in the report");
    viewer.private.push(failed.report().secrets[0].value.expose_secret().to_owned());
    viewer.see("provision::ApplyError", &failed);
    viewer.error("provision::ApplyError", &failed);
    viewer.text("provision::ApplyError", &serde_json::to_string(&failed).unwrap());
    viewer.error("error::Error", &entra_apps::Error::from(failed));
    for error in errors {
        viewer.error("error::Error", &*error);
    }
    viewer.error("transport::TransportError", &TransportError::maybe_sent("the connection broke"));
}

/// What a feature brings, where it is on.
#[tokio::test]
async fn no_type_of_a_feature_shows_a_secret() {
    let viewer = &mut Viewer { private: vec![MARKER.to_owned()], seen: BTreeSet::new() };
    #[cfg(feature = "certificate")]
    of_a_feature::certificates(viewer);
    #[cfg(feature = "browser")]
    of_a_feature::browsers(viewer);
    #[cfg(feature = "azure-cli")]
    of_a_feature::command_line(viewer).await;
    #[cfg(feature = "azure")]
    of_a_feature::azure_sdk(viewer).await;
    #[cfg(feature = "reqwest")]
    of_a_feature::proxies(viewer).await;
    let unseen: Vec<_> = OF_A_FEATURE.iter().filter(|(name, on)| *on && !viewer.seen.contains(name)).collect();
    assert!(unseen.is_empty(), "listed, and not shown: {unseen:?}");
}

#[allow(unused_imports, dead_code)] // no feature uses all of it
mod of_a_feature {
    use super::*;

    fn service() -> SignInService {
        let tenant = tenant();
        SignInService::new(Cloud::global(), Arc::new(tenant.clone()), tenant.clock())
    }

    /// A private key is not shown, neither as a text nor as numbers.
    #[cfg(feature = "certificate")]
    pub(super) fn certificates(viewer: &mut Viewer) {
        use base64::Engine as _;
        use base64::engine::general_purpose::STANDARD;
        use entra_apps::auth::ClientCertificate;

        const ONE: &[u8] = include_bytes!("../../../emulator/certificates/one.der");
        const ONE_KEY: &[u8] = include_bytes!("../../../emulator/certificates/one.key.der");
        let part = &ONE_KEY[300..324];
        let numbers = format!("{:?}", &part[..8]);
        viewer.private.extend([STANDARD.encode(part), numbers.trim_matches(['[', ']']).to_owned()]);
        let certificate = ClientCertificate::from_der(ONE, ONE_KEY).unwrap();
        viewer.see("auth::ClientCertificate", &certificate);
        let (client, own) = (tenant().client(), entra_apps::provision::Certificate::generated("x"));
        let (application, app_id) = (entra_apps::ids::ApplicationId::from_u128(1), AppId::from_u128(2));
        let rotate = client.rotate_own_certificate(application, app_id, &own, Arc::new(Sealed));
        viewer.see("provision::RotateOwn", &rotate);
        let provider = ClientCredentialsProvider::new(
            service(),
            AppId::from_u128(1),
            ClientAuthentication::certificate(certificate),
        );
        viewer.see("auth::ClientCredentialsProvider", &provider);
        let pem = |label: &str, text: &str| format!("-----BEGIN {label}-----\n{text}\n-----END {label}-----\n");
        for broken in [pem("PRIVATE KEY", MARKER), pem("PRIVATE KEY", &STANDARD.encode(ONE_KEY)), MARKER.to_owned()] {
            viewer.error("error::Error", &ClientCertificate::from_pem(broken.as_bytes()).unwrap_err());
        }
        // A wrong password is as private as the right one.
        #[cfg(feature = "pkcs12")]
        for file in [&include_bytes!("../../../src/auth/tests/pkcs12/aes.pfx")[..], MARKER.as_bytes()] {
            let error = ClientCertificate::from_pkcs12(file, &SecretString::from(MARKER)).unwrap_err();
            viewer.error("error::Error", &error);
        }
    }

    #[cfg(feature = "browser")]
    pub(super) fn browsers(viewer: &mut Viewer) {
        use entra_apps::auth::BrowserProvider;

        let secret = SecretString::from(MARKER);
        let store = Arc::new(MemoryRefreshTokenStore::new(secret.clone()));
        let provider = BrowserProvider::new(service(), AppId::from_u128(1), |_| {})
            .store(store)
            .client_authentication(ClientAuthentication::secret(secret));
        viewer.see("auth::BrowserProvider", &provider);
    }

    /// A program that answers with a token that cannot be read, or talks too much.
    #[cfg(feature = "azure-cli")]
    pub(super) async fn command_line(viewer: &mut Viewer) {
        use entra_apps::auth::AzureCliProvider;
        use entra_apps::clock::TokioClock;

        let clock = Arc::new(TokioClock::starting_at(crate::support::TODAY));
        viewer.see("auth::AzureCliProvider", &AzureCliProvider::new(clock.clone()));
        if cfg!(unix) {
            // It prints its arguments, and so the scope with the marker in it.
            let provider = AzureCliProvider::new(clock).program("echo");
            viewer.see("auth::AzureCliProvider", &provider);
            let request = TokenRequest::new("home.example".parse::<Tenant>().unwrap(), format!("{SCOPE}/{MARKER}"));
            viewer.error("error::Error", &crate::support::token_of(&provider, &request).await.unwrap_err());
        }
    }

    #[cfg(feature = "azure")]
    pub(super) async fn azure_sdk(viewer: &mut Viewer) {
        use azure_core::credentials::{AccessToken, TokenCredential, TokenRequestOptions};
        use entra_apps::auth::AzureCredentialProvider;

        #[derive(Debug)]
        struct Credential(#[allow(dead_code)] &'static str);

        #[async_trait]
        impl TokenCredential for Credential {
            async fn get_token(
                &self,
                _: &[&str],
                _: Option<TokenRequestOptions<'_>>,
            ) -> azure_core::Result<AccessToken> {
                Ok(AccessToken::new(self.0, crate::support::TODAY))
            }
        }

        let provider = AzureCredentialProvider::new(Arc::new(Credential(MARKER)));
        viewer.see("auth::AzureCredentialProvider", &provider);
        let request = TokenRequest::new("home.example".parse::<Tenant>().unwrap(), SCOPE);
        viewer.see("token::AccessToken", &provider.token(&request).await.unwrap());
    }

    /// The password of a proxy stands in its address.
    #[cfg(feature = "reqwest")]
    pub(super) async fn proxies(viewer: &mut Viewer) {
        use entra_apps::bytes::Bytes;
        use entra_apps::http::Request;
        use entra_apps::transport::{ReqwestTransport, Transport as _};

        // Bound and dropped: nobody listens on it.
        let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        for scheme in ["http", "socks9"] {
            let proxy = format!("{scheme}://user:{MARKER}@{nobody}").parse().unwrap();
            match ReqwestTransport::through_proxy(&proxy) {
                Err(error) => viewer.error("error::Error", &error),
                Ok(transport) => {
                    viewer.see("transport::ReqwestTransport", &transport);
                    for url in ["http://graph.invalid/", "https://graph.invalid/"] {
                        let request = Request::get(url).body(Bytes::new()).unwrap();
                        let error = transport.send(request).await.unwrap_err();
                        viewer.error("transport::TransportError", &error);
                    }
                }
            }
        }
    }
}
