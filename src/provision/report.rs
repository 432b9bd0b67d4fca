//! The report of an apply: the ids, what was done, and each secret once.

use std::fmt;

use async_trait::async_trait;
use secrecy::SecretString;
use time::OffsetDateTime;
use url::Url;

use crate::error::{BoxError, ErrorCode};
use crate::ids::{AppId, ApplicationId, KeyId, ServicePrincipalId, TenantId};

/// The report of an apply: what it did, or had done when it failed.
#[derive(Debug)]
#[non_exhaustive]
pub struct Registered {
    /// The tenant.
    pub tenant_id: TenantId,
    /// The application, once it is there.
    pub application: Option<RegisteredApplication>,
    /// The secrets that this run issued, each with its value: it is here and nowhere else.
    pub secrets: Vec<IssuedSecret>,
    /// What was done, in order, as sentences for a person.
    pub done: Vec<String>,
    /// What was corrected on the way: a permission whose id differs in this tenant.
    pub corrections: Vec<String>,
    /// What is left for a person to do.
    pub open: Vec<OpenItem>,
}

/// The ids of an application.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RegisteredApplication {
    /// The *application (client) id*.
    pub app_id: AppId,
    /// The *object id* of the registration.
    pub application_id: ApplicationId,
    /// The object id of its service principal here, once it is there.
    pub service_principal_id: Option<ServicePrincipalId>,
    /// The unique name.
    pub unique_name: Option<String>,
    /// The display name.
    pub display_name: String,
    /// When it was created, in UTC.
    pub created: Option<OffsetDateTime>,
}

/// A client secret that was issued, with its value.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct IssuedSecret {
    /// The tenant that it is for.
    pub tenant_id: TenantId,
    /// The *application (client) id* that it is for.
    pub app_id: AppId,
    /// The portal's *Secret ID*: not the secret.
    pub key_id: KeyId,
    /// The description.
    pub display_name: String,
    /// The secret itself: the portal's *Value*.
    pub value: SecretString,
    /// When it ends, in UTC.
    pub end: OffsetDateTime,
}

/// Something that is left for a person.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct OpenItem {
    /// What it is, as a stable code.
    pub code: ErrorCode,
    /// What is open.
    pub text: String,
    /// What to do.
    pub remedy: String,
    /// Where to do it, for whoever may: the admin consent link of a grant that the caller may not make.
    pub link: Option<Url>,
}

impl IssuedSecret {
    /// A secret that the program has, such as one that it stored when it was issued.
    pub fn new(tenant_id: TenantId, app_id: AppId, key_id: KeyId, value: SecretString) -> Self {
        Self { tenant_id, app_id, key_id, display_name: String::new(), value, end: OffsetDateTime::UNIX_EPOCH }
    }

    /// Sets the description.
    #[must_use]
    pub fn display_name(mut self, name: impl Into<String>) -> Self {
        self.display_name = name.into();
        self
    }

    /// Sets when it ends.
    #[must_use]
    pub fn end(mut self, end: OffsetDateTime) -> Self {
        self.end = end;
        self
    }
}

impl fmt::Display for OpenItem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}. {}", self.text, self.remedy)?;
        match &self.link {
            Some(link) => write!(f, " {link}"),
            None => Ok(()),
        }
    }
}

/// Takes each secret as it is issued, before any further step: a vault, a file, the product's own store.
#[async_trait]
pub trait SecretSink: fmt::Debug + Send + Sync {
    /// Stores a secret. When it fails, the secret is removed from the application again.
    ///
    /// # Errors
    /// When the secret could not be stored.
    async fn store(&self, secret: &IssuedSecret) -> Result<(), BoxError>;
}
