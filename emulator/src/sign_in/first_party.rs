//! Microsoft's own public clients, which every tenant knows without a service principal.

use std::sync::{Arc, LazyLock};

use serde_json::{Value, json};
use uuid::Uuid;

use crate::cloud_state::ForeignApplication;
use crate::data::json::eq_ignore_case;
use crate::data::object_kind::ObjectKind;

/// The tenant in which Microsoft registers its own apps.
pub(super) const MICROSOFT: Uuid = Uuid::from_u128(0xf8cd_ef31_a31e_4b4a_93e4_5f57_1e91_255a);

/// A Microsoft app.
#[derive(Debug)]
pub(super) struct FirstParty {
    app_id: &'static str,
    name: &'static str,
    /// The permissions of Microsoft Graph that it has without consent; of Microsoft's other APIs it has
    /// `user_impersonation`. Not documented; as seen in tokens.
    pub(super) preauthorized: &'static [&'static str],
    /// Whether it asks the user to consent to any other permission; otherwise they are refused.
    pub(super) is_dynamic: bool,
    /// Whether its refresh tokens are valid for other apps of its family.
    pub(super) is_family: bool,
}

static ALL: [FirstParty; 3] = [
    FirstParty {
        app_id: "04b07795-8ddb-461a-bbee-02f9e1bf7b46",
        name: "Microsoft Azure CLI",
        preauthorized: &[
            "Application.ReadWrite.All",
            "AppRoleAssignment.ReadWrite.All",
            "AuditLog.Read.All",
            "DelegatedPermissionGrant.ReadWrite.All",
            "Directory.AccessAsUser.All",
            "email",
            "Group.ReadWrite.All",
            "openid",
            "profile",
            "User.Read.All",
            "User.ReadWrite.All",
        ],
        is_dynamic: false,
        is_family: true,
    },
    FirstParty {
        app_id: "1950a258-227b-4e31-a9cf-717495945fc2",
        name: "Microsoft Azure PowerShell",
        preauthorized: &[
            "Application.ReadWrite.All",
            "AppRoleAssignment.ReadWrite.All",
            "AuditLog.Read.All",
            "DelegatedPermissionGrant.ReadWrite.All",
            "Directory.AccessAsUser.All",
            "email",
            "Group.ReadWrite.All",
            "openid",
            "profile",
            "User.Read.All",
        ],
        is_dynamic: false,
        is_family: true,
    },
    FirstParty {
        app_id: "14d82eec-204b-4c2f-b7e8-296a70dab67e",
        name: "Microsoft Graph Command Line Tools",
        preauthorized: &[],
        is_dynamic: true,
        is_family: false,
    },
];

/// The registrations in Microsoft's tenant, in the order of [`ALL`].
static REGISTRATIONS: LazyLock<Vec<Arc<Value>>> = LazyLock::new(|| {
    let registration = |app: &FirstParty| {
        let mut application = ObjectKind::Application.template().clone();
        application["appId"] = app.app_id.into();
        application["displayName"] = app.name.into();
        application["signInAudience"] = "AzureADMultipleOrgs".into();
        application["isFallbackPublicClient"] = true.into();
        application["publicClient"]["redirectUris"] = json!([
            "http://localhost",
            "https://login.microsoftonline.com/common/oauth2/nativeclient",
            format!("ms-appx-web://Microsoft.AAD.BrokerPlugin/{}", app.app_id),
        ]);
        Arc::new(application)
    };
    ALL.iter().map(registration).collect()
});

impl FirstParty {
    pub(super) fn find(app_id: &str) -> Option<&'static Self> {
        ALL.iter().find(|app| eq_ignore_case(app.app_id, app_id))
    }
}

/// The registration of a Microsoft app, as an application of another tenant.
pub(crate) fn registration(app_id: &str) -> Option<ForeignApplication> {
    let index = ALL.iter().position(|app| eq_ignore_case(app.app_id, app_id))?;
    Some(ForeignApplication { application: Arc::clone(&REGISTRATIONS[index]), home: MICROSOFT })
}
