//! Client secrets and certificates.

use std::fmt;

use base64::Engine as _;
use secrecy::{ExposeSecret, SecretString};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::ids::KeyId;
use crate::model::body::{Body, patch};
use crate::model::date::Date;
use crate::model::object::{object, setter};

object! {
    /// A client secret ([`passwordCredential`](https://learn.microsoft.com/graph/api/resources/passwordcredential)).
    ///
    /// Its value is only in the response that issued it, and is neither serialised nor shown by `Debug`.
    ///
    /// ```
    /// use entra_apps::model::PasswordCredential;
    ///
    /// let read: PasswordCredential = serde_json::from_str(r#"{"displayName": "Nightly", "secretText": "s3cret"}"#)?;
    /// assert_eq!(read.display_name.as_deref(), Some("Nightly"));
    /// assert!(!format!("{read:?}").contains("s3cret"));
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    struct PasswordCredential {
        /// The portal's *Secret ID*, which is not the secret.
        key_id: Option<KeyId> = "keyId",
        /// The description.
        display_name: Option<String> = "displayName",
        /// The time from which it is valid, in UTC.
        start_date_time: Option<OffsetDateTime> = "startDateTime",
        /// The last time at which it is valid, in UTC.
        end_date_time: Option<OffsetDateTime> = "endDateTime",
        /// An identifier in Base64, which Graph does not use any more.
        custom_key_identifier: Option<String> = "customKeyIdentifier",
    }
    never written {
        /// The first characters of the secret.
        hint: Option<String> = "hint",
        /// The secret, in the response that issued it.
        secret_text: Option<SecretString> = "secretText",
    }
}

impl PasswordCredential {
    /// Whether it may be the secret that `wanted` asked for: of the same description and the same end date, to the
    /// precision in which Graph shows it. Where the response to
    /// [`add_password`](crate::api::Applications::add_password) was lost, this is how its secret is found again; a
    /// secret without an end date of its own is never recognised.
    pub fn may_be(&self, wanted: &NewPasswordCredential) -> bool {
        let (Some(end), Some(wanted_end)) = (self.end_date_time, wanted.end_date()) else { return false };
        // Some reads come back in whole seconds.
        let same_end =
            end == wanted_end || (end.nanosecond() == 0 && end.unix_timestamp() == wanted_end.unix_timestamp());
        same_end && self.display_name.as_deref() == wanted.0.text("displayName")
    }
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

object! {
    /// A certificate ([`keyCredential`](https://learn.microsoft.com/graph/api/resources/keycredential)).
    ///
    /// ```
    /// # let der = [48, 130];
    /// use entra_apps::model::{ApplicationPatch, KeyCredential};
    ///
    /// // The list is replaced: what is there is read and sent again beside it.
    /// let patch = ApplicationPatch::new()
    ///     .key_credentials(vec![KeyCredential::certificate(der).display_name("CN=backup.contoso.example")]);
    /// assert!(!patch.is_empty());
    /// ```
    #[derive(PartialEq)]
    struct KeyCredential {
        /// The id of the certificate.
        key_id: Option<KeyId> = "keyId",
        /// The description, up to 90 characters; the certificate's subject by default.
        display_name: Option<String> = "displayName",
        /// The time from which it is valid, in UTC.
        start_date_time: Option<OffsetDateTime> = "startDateTime",
        /// The last time at which it is valid, in UTC.
        end_date_time: Option<OffsetDateTime> = "endDateTime",
        /// The type: `AsymmetricX509Cert` or `X509CertAndPassword`.
        kind: Option<String> = "type",
        /// The usage: `Verify` or `Sign`.
        usage: Option<String> = "usage",
        /// The certificate in DER, as Base64; null unless it is selected by name.
        key: Option<String> = "key",
        /// The thumbprint of the certificate.
        custom_key_identifier: Option<String> = "customKeyIdentifier",
    }
    never written {
    }
}

impl KeyCredential {
    /// Creates the credential of a certificate in DER, with which an app proves who it is.
    pub fn certificate(der: impl AsRef<[u8]>) -> Self {
        Self {
            kind: Some("AsymmetricX509Cert".to_owned()),
            usage: Some("Verify".to_owned()),
            key: Some(base64::engine::general_purpose::STANDARD.encode(der)),
            ..Self::default()
        }
    }

    setter! {
        /// The id of the certificate; one is made by default.
        key_id: Option<KeyId>
    }
    setter! {
        /// The description, up to 90 characters; the certificate's subject by default.
        display_name: Option<String>
    }
    setter! {
        /// The time from which it is valid, in UTC; the certificate's own by default.
        start_date_time: Option<OffsetDateTime>
    }
    setter! {
        /// The last time at which it is valid, in UTC; the certificate's own by default.
        end_date_time: Option<OffsetDateTime>
    }
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
    /// A client secret to issue
    /// ([`addPassword`](https://learn.microsoft.com/graph/api/application-addpassword)).
    ///
    /// ```
    /// use entra_apps::time::macros::datetime;
    /// use entra_apps::model::NewPasswordCredential;
    ///
    /// let made = NewPasswordCredential::new().display_name("Nightly").end(datetime!(2030-01-31 12:00 UTC));
    /// assert_eq!(serde_json::to_value(&made)?, serde_json::json!({"displayName": "Nightly", "endDateTime": "2030-01-31T12:00:00Z"}));
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    NewPasswordCredential {
        /// The description.
        display_name("displayName"): String;
        /// The time from which it is valid, to a ten-millionth of a second; now by default.
        start("startDateTime"): Date;
        /// The last time at which it is valid, to a ten-millionth of a second; two years after its start by default.
        end("endDateTime"): Date;
    }
}

impl NewPasswordCredential {
    /// The end date as it is sent.
    fn end_date(&self) -> Option<OffsetDateTime> {
        OffsetDateTime::parse(self.0.text("endDateTime")?, &Rfc3339).ok()
    }

    /// The body of `addPassword`, which takes it as a parameter.
    pub(crate) fn as_parameter(&self) -> impl serde::Serialize {
        let mut body = Body::default();
        body.set("passwordCredential", self);
        body
    }
}
