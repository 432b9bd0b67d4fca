//! When the credentials of apps were last used.

use time::OffsetDateTime;

use crate::ids::{AppId, ApplicationId, KeyId, ServicePrincipalId};
use crate::model::object::object;

object! {
    /// The last sign-ins with something
    /// ([`signInActivity`](https://learn.microsoft.com/graph/api/resources/signinactivity?view=graph-rest-beta)).
    ///
    /// ```
    /// use entra_apps::model::SignInActivity;
    ///
    /// let read: SignInActivity = serde_json::from_str(r#"{"lastSignInDateTime": "2026-05-01T12:00:00Z"}"#)?;
    /// assert!(read.last().is_some());
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    SignInActivity {
        /// The last one that was tried, in UTC.
        last_sign_in_date_time: Option<OffsetDateTime> = "lastSignInDateTime",
        /// The last one without a person that was tried, in UTC.
        last_non_interactive_sign_in_date_time: Option<OffsetDateTime> = "lastNonInteractiveSignInDateTime",
        /// The last one that succeeded, in UTC.
        last_successful_sign_in_date_time: Option<OffsetDateTime> = "lastSuccessfulSignInDateTime",
    }
}

impl SignInActivity {
    /// The latest of them; `None` where there is none, or one of them cannot be read.
    pub fn last(&self) -> Option<OffsetDateTime> {
        if !self.unreadable().is_empty() {
            return None;
        }
        let all = [
            self.last_sign_in_date_time,
            self.last_non_interactive_sign_in_date_time,
            self.last_successful_sign_in_date_time,
        ];
        all.into_iter().flatten().max()
    }
}

object! {
    /// When a credential of an app was last used, of the beta version alone
    /// ([`appCredentialSignInActivity`](https://learn.microsoft.com/graph/api/resources/appcredentialsigninactivity?view=graph-rest-beta)).
    ///
    /// ```
    /// use entra_apps::model::AppCredentialSignInActivity;
    ///
    /// let read: AppCredentialSignInActivity = serde_json::from_str(
    ///     r#"{"keyType": "password", "signInActivity": {"lastSignInDateTime": "2026-05-01T12:00:00Z"}}"#,
    /// )?;
    /// assert_eq!(read.key_type.as_deref(), Some("password"));
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    AppCredentialSignInActivity {
        /// The id of the entry.
        id: Option<String> = "id",
        /// The credential.
        key_id: Option<KeyId> = "keyId",
        /// The sort of credential: `password` or `certificate` were seen; the documentation has other words too.
        key_type: Option<String> = "keyType",
        /// What it is used for: `sign` or `verify`.
        key_usage: Option<String> = "keyUsage",
        /// The application (client) id.
        app_id: Option<AppId> = "appId",
        /// The object id of the application.
        app_object_id: Option<ApplicationId> = "appObjectId",
        /// The object id of the service principal.
        service_principal_object_id: Option<ServicePrincipalId> = "servicePrincipalObjectId",
        /// The API that it signed in for.
        resource_id: Option<String> = "resourceId",
        /// Which object has the credential: `application` or `servicePrincipal`.
        credential_origin: Option<String> = "credentialOrigin",
        /// When the credential was made, in UTC.
        created_date_time: Option<OffsetDateTime> = "createdDateTime",
        /// When the credential ends, in UTC.
        expiration_date_time: Option<OffsetDateTime> = "expirationDateTime",
        /// The last sign-ins with it.
        sign_in_activity: Option<SignInActivity> = "signInActivity",
    }
}
