//! App management policies: what a tenant allows for the credentials, identifier URIs and audience of its apps.

use time::OffsetDateTime;

use crate::ids::AppManagementPolicyId;
use crate::model::duration::IsoDuration;
use crate::model::enums::text_enum;
use crate::model::object::object;

text_enum! {
    /// What a policy restricts of credentials.
    ///
    /// ```
    /// use entra_apps::model::CredentialRestrictionType;
    ///
    /// assert_eq!(CredentialRestrictionType::PasswordLifetime.as_str(), "passwordLifetime");
    /// ```
    CredentialRestrictionType {
        /// No client secrets at all.
        PasswordAddition = "passwordAddition",
        /// Client secrets of a limited lifetime.
        PasswordLifetime = "passwordLifetime",
        /// No client secrets whose value the caller chooses.
        CustomPasswordAddition = "customPasswordAddition",
        /// No symmetric keys.
        SymmetricKeyAddition = "symmetricKeyAddition",
        /// Symmetric keys of a limited lifetime.
        SymmetricKeyLifetime = "symmetricKeyLifetime",
        /// Certificates of a limited lifetime.
        AsymmetricKeyLifetime = "asymmetricKeyLifetime",
        /// Certificates of certain authorities alone.
        TrustedCertificateAuthority = "trustedCertificateAuthority",
    }
}

text_enum! {
    /// Whether a restriction of a policy holds.
    ///
    /// ```
    /// use entra_apps::model::RestrictionState;
    ///
    /// assert_eq!(RestrictionState::Disabled.as_str(), "disabled");
    /// ```
    RestrictionState {
        /// It holds.
        Enabled = "enabled",
        /// It does not hold; in the policy of an app, the app is exempt from it.
        Disabled = "disabled",
    }
}

object! {
    /// Who is exempt from a restriction: those with certain custom security attributes
    /// ([`customSecurityAttributeExemption`](https://learn.microsoft.com/graph/api/resources/customsecurityattributeexemption)).
    ///
    /// ```
    /// use entra_apps::model::CustomSecurityAttributeExemption;
    ///
    /// let read: CustomSecurityAttributeExemption = serde_json::from_str(r#"{"id": "Ops_Exempt", "operator": "equals"}"#)?;
    /// assert_eq!(read.id.as_deref(), Some("Ops_Exempt"));
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    CustomSecurityAttributeExemption {
        /// The attribute set and the attribute, joined by an underscore.
        id: Option<String> = "id",
        /// How the value is compared: `equals`.
        operator: Option<String> = "operator",
        /// The value.
        value: Option<String> = "value",
    }
}

object! {
    /// Callers who are exempt from a restriction
    /// ([`appManagementPolicyActorExemptions`](https://learn.microsoft.com/graph/api/resources/appmanagementpolicyactorexemptions)).
    ///
    /// ```
    /// use entra_apps::model::AppManagementPolicyActorExemptions;
    ///
    /// let read: AppManagementPolicyActorExemptions = serde_json::from_str(r#"{"customSecurityAttributes": []}"#)?;
    /// assert!(read.custom_security_attributes.is_empty());
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    AppManagementPolicyActorExemptions {
        /// By their custom security attributes.
        custom_security_attributes: Vec<CustomSecurityAttributeExemption> = "customSecurityAttributes",
    }
}

object! {
    /// A restriction of client secrets or certificates
    /// ([`passwordCredentialConfiguration`](https://learn.microsoft.com/graph/api/resources/passwordcredentialconfiguration),
    /// [`keyCredentialConfiguration`](https://learn.microsoft.com/graph/api/resources/keycredentialconfiguration)).
    ///
    /// ```
    /// use entra_apps::model::{CredentialRestriction, CredentialRestrictionType};
    ///
    /// let read: CredentialRestriction = serde_json::from_str(
    ///     r#"{"restrictionType": "passwordLifetime", "state": "enabled", "maxLifetime": "P90D"}"#,
    /// )?;
    /// assert_eq!(read.restriction_type, Some(CredentialRestrictionType::PasswordLifetime));
    /// assert_eq!(read.max_lifetime.map(|lifetime| lifetime.days()), Some(90));
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    CredentialRestriction {
        /// What it restricts.
        restriction_type: Option<CredentialRestrictionType> = "restrictionType",
        /// Whether it holds; one of an older time has no state, and holds.
        state: Option<RestrictionState> = "state",
        /// The longest lifetime, of a restriction of lifetimes.
        max_lifetime: Option<IsoDuration> = "maxLifetime",
        /// It holds for apps that were created at this time or later; for all where there is none.
        restrict_for_apps_created_after_date_time: Option<OffsetDateTime> = "restrictForAppsCreatedAfterDateTime",
        /// Callers who are exempt.
        exclude_actors: Option<AppManagementPolicyActorExemptions> = "excludeActors",
    }
}

object! {
    /// A restriction of identifier URIs that are added
    /// ([`identifierUriRestriction`](https://learn.microsoft.com/graph/api/resources/identifierurirestriction)).
    ///
    /// ```
    /// use entra_apps::model::{IdentifierUriRestriction, RestrictionState};
    ///
    /// let read: IdentifierUriRestriction =
    ///     serde_json::from_str(r#"{"state": "enabled", "excludeAppsReceivingV2Tokens": true}"#)?;
    /// assert_eq!(read.state, Some(RestrictionState::Enabled));
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    IdentifierUriRestriction {
        /// Whether it holds.
        state: Option<RestrictionState> = "state",
        /// Whether Microsoft has set the state.
        is_state_set_by_microsoft: Option<bool> = "isStateSetByMicrosoft",
        /// It holds for apps that were created at this time or later; for all where there is none.
        restrict_for_apps_created_after_date_time: Option<OffsetDateTime> = "restrictForAppsCreatedAfterDateTime",
        /// Whether apps that take access tokens of version 2 are exempt.
        exclude_apps_receiving_v2_tokens: Option<bool> = "excludeAppsReceivingV2Tokens",
        /// Whether apps that sign in by SAML are exempt.
        exclude_saml: Option<bool> = "excludeSaml",
        /// Callers who are exempt.
        exclude_actors: Option<AppManagementPolicyActorExemptions> = "excludeActors",
    }
}

object! {
    /// What a policy says of identifier URIs
    /// ([`identifierUriConfiguration`](https://learn.microsoft.com/graph/api/resources/identifieruriconfiguration)).
    ///
    /// ```
    /// use entra_apps::model::IdentifierUriConfiguration;
    ///
    /// let read: IdentifierUriConfiguration =
    ///     serde_json::from_str(r#"{"nonDefaultUriAddition": {"state": "disabled"}}"#)?;
    /// assert!(read.non_default_uri_addition.is_some() && read.uri_addition_without_unique_tenant_identifier.is_none());
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    IdentifierUriConfiguration {
        /// Forbids all but `api://{appId}` and `api://{tenantId}/{appId}`.
        non_default_uri_addition: Option<IdentifierUriRestriction> = "nonDefaultUriAddition",
        /// Forbids those without the tenant id, the client id or a verified domain of the tenant.
        uri_addition_without_unique_tenant_identifier: Option<IdentifierUriRestriction> = "uriAdditionWithoutUniqueTenantIdentifier",
    }
}

object! {
    /// A restriction of an audience, of the beta version alone
    /// ([`audienceRestriction`](https://learn.microsoft.com/graph/api/resources/audiencerestriction?view=graph-rest-beta)).
    ///
    /// ```
    /// use entra_apps::model::{AudienceRestriction, RestrictionState};
    ///
    /// let read: AudienceRestriction = serde_json::from_str(r#"{"state": "enabled"}"#)?;
    /// assert_eq!(read.state, Some(RestrictionState::Enabled));
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    AudienceRestriction {
        /// Whether it holds.
        state: Option<RestrictionState> = "state",
        /// Whether Microsoft has set the state.
        is_state_set_by_microsoft: Option<bool> = "isStateSetByMicrosoft",
        /// It holds for apps that were created at this time or later; for all where there is none.
        restrict_for_apps_created_after_date_time: Option<OffsetDateTime> = "restrictForAppsCreatedAfterDateTime",
        /// Callers who are exempt.
        exclude_actors: Option<AppManagementPolicyActorExemptions> = "excludeActors",
    }
}

object! {
    /// What a policy says of audiences, of the beta version alone
    /// ([`audiencesConfiguration`](https://learn.microsoft.com/graph/api/resources/audiencesconfiguration?view=graph-rest-beta)).
    ///
    /// ```
    /// use entra_apps::model::AudiencesConfiguration;
    ///
    /// let read: AudiencesConfiguration = serde_json::from_str(r#"{"azureAdMultipleOrgs": {"state": "enabled"}}"#)?;
    /// assert!(read.azure_ad_multiple_orgs.is_some() && read.personal_microsoft_account.is_none());
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    AudiencesConfiguration {
        /// Of apps for accounts of any organization.
        azure_ad_multiple_orgs: Option<AudienceRestriction> = "azureAdMultipleOrgs",
        /// Of apps for personal Microsoft accounts.
        personal_microsoft_account: Option<AudienceRestriction> = "personalMicrosoftAccount",
    }
}

object! {
    /// What a policy says of properties of applications
    /// ([`customAppManagementApplicationConfiguration`](https://learn.microsoft.com/graph/api/resources/customappmanagementapplicationconfiguration)).
    ///
    /// ```
    /// use entra_apps::model::AppManagementApplicationConfiguration;
    ///
    /// let read: AppManagementApplicationConfiguration = serde_json::from_str(r#"{"identifierUris": {}}"#)?;
    /// assert!(read.identifier_uris.is_some() && read.audiences.is_none());
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    AppManagementApplicationConfiguration {
        /// Of identifier URIs.
        identifier_uris: Option<IdentifierUriConfiguration> = "identifierUris",
        /// Of audiences: of the beta version alone.
        audiences: Option<AudiencesConfiguration> = "audiences",
    }
}

object! {
    /// What a policy restricts
    /// ([`appManagementConfiguration`](https://learn.microsoft.com/graph/api/resources/appmanagementconfiguration)): of the
    /// tenant's default, for applications or for service principals; of any other policy, for what it is assigned to.
    ///
    /// ```
    /// use entra_apps::model::AppManagementConfiguration;
    ///
    /// let read: AppManagementConfiguration =
    ///     serde_json::from_str(r#"{"passwordCredentials": [{"restrictionType": "passwordAddition"}]}"#)?;
    /// assert_eq!((read.password_credentials.len(), read.key_credentials.len()), (1, 0));
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    AppManagementConfiguration {
        /// Of client secrets.
        password_credentials: Vec<CredentialRestriction> = "passwordCredentials",
        /// Of certificates.
        key_credentials: Vec<CredentialRestriction> = "keyCredentials",
        /// Of identifier URIs, in the tenant's default.
        identifier_uris: Option<IdentifierUriConfiguration> = "identifierUris",
        /// Of audiences, in the tenant's default: of the beta version alone.
        audiences: Option<AudiencesConfiguration> = "audiences",
        /// Of properties of applications, in a policy that is assigned to apps.
        application_restrictions: Option<AppManagementApplicationConfiguration> = "applicationRestrictions",
    }
}

object! {
    /// A policy that can be assigned to applications and service principals
    /// ([`appManagementPolicy`](https://learn.microsoft.com/graph/api/resources/appmanagementpolicy)). For them it takes the
    /// place of the tenant's default.
    ///
    /// ```
    /// use entra_apps::model::AppManagementPolicy;
    ///
    /// let read: AppManagementPolicy = serde_json::from_str(r#"{"displayName": "Vendors", "isEnabled": true}"#)?;
    /// assert_eq!((read.display_name.as_deref(), read.is_enabled), (Some("Vendors"), Some(true)));
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    AppManagementPolicy {
        /// The id.
        id: Option<AppManagementPolicyId> = "id",
        /// The display name.
        display_name: Option<String> = "displayName",
        /// The description.
        description: Option<String> = "description",
        /// Whether it is in force.
        is_enabled: Option<bool> = "isEnabled",
        /// What it restricts.
        restrictions: Option<AppManagementConfiguration> = "restrictions",
    }
}

object! {
    /// The tenant's default policy, for every app that has no policy of its own
    /// ([`tenantAppManagementPolicy`](https://learn.microsoft.com/graph/api/resources/tenantappmanagementpolicy)).
    ///
    /// ```
    /// use entra_apps::model::TenantAppManagementPolicy;
    ///
    /// let read: TenantAppManagementPolicy = serde_json::from_str(r#"{"isEnabled": false}"#)?;
    /// assert_eq!(read.is_enabled, Some(false));
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    TenantAppManagementPolicy {
        /// The id.
        id: Option<AppManagementPolicyId> = "id",
        /// The display name.
        display_name: Option<String> = "displayName",
        /// The description.
        description: Option<String> = "description",
        /// Whether it is in force.
        is_enabled: Option<bool> = "isEnabled",
        /// What it restricts of applications.
        application_restrictions: Option<AppManagementConfiguration> = "applicationRestrictions",
        /// What it restricts of service principals.
        service_principal_restrictions: Option<AppManagementConfiguration> = "servicePrincipalRestrictions",
    }
}
