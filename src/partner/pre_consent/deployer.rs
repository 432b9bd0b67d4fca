//! The deployer: an app of the partner's own that acts in the customers' tenants.

use crate::client::Client;
use crate::error::{Error, ErrorCode};
use crate::ids::{AppId, TenantId};
use crate::model::SignInAudience;
use crate::partner::pre_consent::approval::{ApprovedDeployer, DeployerConsent, texts};
use crate::partner::pre_consent::first_hop::{FirstHop, for_customers};
use crate::partner::selection::own_app;
use crate::permission::microsoft_graph::delegated;
use crate::permission::well_known::MICROSOFT_PARTNER_CENTER;
use crate::permission::{Permission, PermissionKind};
use crate::provision::redirect_uri::RedirectUri;
use crate::provision::registration::AppRegistration;

/// The registration of a deployer, for [`PreConsent::deployer`](crate::partner::PreConsent::deployer): a public client to
/// which a person of the partner signs in by a browser or a device code. It is planned and applied in the partner's tenant
/// like any other, where [`Partner::install_partner_center`](crate::partner::Partner::install_partner_center) has made the
/// API known; two of its permissions need an approval.
///
/// In customers' tenants it gets the delegated permissions `Application.ReadWrite.All`,
/// `AppRoleAssignment.ReadWrite.All`, `DelegatedPermissionGrant.ReadWrite.All`, `Directory.Read.All` and `User.Read`; in the
/// partner's own, `DelegatedAdminRelationship.Read.All` and Partner Center's `user_impersonation` besides. A delegated
/// permission lets nobody do more than the signed-in person may.
///
/// ```
/// use entra_apps::partner::deployer_registration;
///
/// let deployer = deployer_registration("contoso-deployer", "Contoso Deployer");
/// assert!(deployer.check().is_ok());
/// ```
pub fn deployer_registration(unique_name: impl Into<String>, display_name: impl Into<String>) -> AppRegistration {
    let loopback = RedirectUri::public_client("http://localhost");
    let partner_center = Permission::by_name(MICROSOFT_PARTNER_CENTER, "user_impersonation", PermissionKind::Delegated);
    let registration = AppRegistration::new(unique_name, display_name)
        .audience(SignInAudience::MultipleOrganizations)
        .allow_public_client_flows()
        .permission(delegated::APPLICATION_READ_WRITE_ALL)
        .permission(delegated::APP_ROLE_ASSIGNMENT_READ_WRITE_ALL)
        .permission(delegated::DELEGATED_PERMISSION_GRANT_READ_WRITE_ALL)
        .permission(delegated::DIRECTORY_READ_ALL)
        .own_tenant_permission(delegated::DELEGATED_ADMIN_RELATIONSHIP_READ_ALL)
        .permission(delegated::USER_READ);
    let registration = loopback.into_iter().fold(registration, AppRegistration::redirect_uri);
    partner_center.into_iter().fold(registration, AppRegistration::permission)
}

/// The deployer of a run.
#[derive(Debug)]
pub(super) struct Deployer {
    registration: AppRegistration,
    pub(super) app_id: AppId,
    partner: TenantId,
    pub(super) consent: DeployerConsent,
}

impl Deployer {
    /// Finds the deployer in the partner's tenant: the app of its unique name, and the one that the person is signed in to.
    pub(super) async fn find(
        client: &Client,
        registration: &AppRegistration,
        consent: DeployerConsent,
        signed_in_app: Option<AppId>,
    ) -> Result<Self, Error> {
        registration.check()?;
        let (app_id, partner) = own_app(client, registration).await?;
        if signed_in_app != Some(app_id) {
            let signed_in = signed_in_app.map_or_else(|| "no app that is known".to_owned(), |app| app.to_string());
            return Err(Error::new(ErrorCode::WrongDeployer)
                .with_message(format!("the client is signed in to {signed_in}, and the deployer is {app_id}")));
        }
        let registration = for_customers(registration);
        Ok(Self { registration, app_id, partner, consent })
    }

    pub(super) fn first_hop(&self) -> Result<FirstHop, Error> {
        FirstHop::new(&self.registration, self.app_id, self.partner)
    }

    pub(super) fn approved(&self) -> ApprovedDeployer {
        let permissions = texts(self.registration.declared_permissions());
        ApprovedDeployer { app_id: self.app_id, permissions, consent: self.consent }
    }
}
