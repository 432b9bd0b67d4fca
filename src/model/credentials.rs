//! Client secrets and certificates.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;
use time::OffsetDateTime;

use crate::ids::KeyId;
use crate::model::body::patch;
use crate::model::serde_forms::{date, rfc3339};
use crate::model::unknown::Unknown;

/// A client secret ([`passwordCredential`](https://learn.microsoft.com/graph/api/resources/passwordcredential)).
///
/// Its value is there only in the answer that issued it, and is never written or shown.
#[skip_serializing_none]
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct PasswordCredential {
    /// The portal's *Secret ID*: not the secret.
    pub key_id: Option<KeyId>,
    /// The description.
    pub display_name: Option<String>,
    /// When it starts, in UTC.
    #[serde(with = "date")]
    pub start_date_time: Option<OffsetDateTime>,
    /// When it ends, in UTC.
    #[serde(with = "date")]
    pub end_date_time: Option<OffsetDateTime>,
    /// The first characters of the value.
    #[serde(skip_serializing)]
    pub hint: Option<String>,
    /// The value, in the answer that issued it.
    #[serde(skip_serializing)]
    pub secret_text: Option<SecretString>,
    /// Not used any more: Base64.
    pub custom_key_identifier: Option<String>,
    /// Members that this version does not know.
    #[serde(flatten)]
    pub unknown: Unknown,
}

impl fmt::Debug for PasswordCredential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Neither the value nor its first characters.
        f.debug_struct("PasswordCredential")
            .field("key_id", &self.key_id)
            .field("display_name", &self.display_name)
            .field("start_date_time", &self.start_date_time)
            .field("end_date_time", &self.end_date_time)
            .finish_non_exhaustive()
    }
}

impl PartialEq for PasswordCredential {
    fn eq(&self, other: &Self) -> bool {
        let value = |credential: &Self| credential.secret_text.as_ref().map(|text| text.expose_secret().to_owned());
        self.key_id == other.key_id
            && self.display_name == other.display_name
            && self.start_date_time == other.start_date_time
            && self.end_date_time == other.end_date_time
            && self.hint == other.hint
            && self.custom_key_identifier == other.custom_key_identifier
            && self.unknown == other.unknown
            && value(self) == value(other)
    }
}

/// A certificate ([`keyCredential`](https://learn.microsoft.com/graph/api/resources/keycredential)).
#[skip_serializing_none]
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct KeyCredential {
    /// Its id.
    pub key_id: Option<KeyId>,
    /// The description, up to 90 characters; the certificate's subject by default.
    pub display_name: Option<String>,
    /// When it starts, in UTC.
    #[serde(with = "date")]
    pub start_date_time: Option<OffsetDateTime>,
    /// When it ends, in UTC.
    #[serde(with = "date")]
    pub end_date_time: Option<OffsetDateTime>,
    /// `AsymmetricX509Cert` or `X509CertAndPassword`.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// `Verify` or `Sign`.
    pub usage: Option<String>,
    /// The certificate in DER, Base64; null unless selected by name.
    pub key: Option<String>,
    /// The thumbprint.
    pub custom_key_identifier: Option<String>,
    /// Members that this version does not know.
    #[serde(flatten)]
    pub unknown: Unknown,
}

impl fmt::Debug for KeyCredential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A key that signs is sent with its private half.
        f.debug_struct("KeyCredential")
            .field("key_id", &self.key_id)
            .field("display_name", &self.display_name)
            .field("start_date_time", &self.start_date_time)
            .field("end_date_time", &self.end_date_time)
            .field("kind", &self.kind)
            .field("usage", &self.usage)
            .field("custom_key_identifier", &self.custom_key_identifier)
            .finish_non_exhaustive()
    }
}

patch! {
    /// A client secret to be issued
    /// ([`addPassword`](https://learn.microsoft.com/graph/api/application-addpassword)).
    NewPasswordCredential {
        /// The description.
        display_name("displayName"): String;
        /// When it starts; now by default.
        start("startDateTime"): Date;
        /// When it ends; two years from its start by default.
        end("endDateTime"): Date;
    }
}

/// A date as Graph reads it.
#[derive(Clone, Debug, Serialize)]
#[serde(transparent)]
pub struct Date(String);

impl From<OffsetDateTime> for Date {
    fn from(date: OffsetDateTime) -> Self {
        Self(rfc3339(date))
    }
}
