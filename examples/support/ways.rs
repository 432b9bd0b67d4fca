//! The ways to sign in, by their names, and what each needs.

use std::path::Path;
use std::sync::Arc;

use entra_apps::auth::{
    ChainProvider, ClientAuthentication, ClientCredentialsProvider, DeviceCodeProvider, ManagedIdentityProvider,
    RefreshTokenProvider,
};
use entra_apps::ids::{AppId, Tenant, TenantId};
use entra_apps::permission::well_known::MICROSOFT_AZURE_CLI;
use entra_apps::secrecy::SecretString;
use entra_apps::token::TokenProvider;

use super::connect::Connection;
use super::failure::Failure;
use super::folder;
use super::token_file::TokenFile;

/// A way to sign in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Way {
    #[default]
    Secret,
    Certificate,
    DeviceCode,
    Browser,
    AzureCli,
    AssertionFile,
    ManagedIdentity,
    RefreshToken,
    Chain,
}

impl Way {
    pub(crate) const ALL: [Self; 9] = [
        Self::Secret,
        Self::Certificate,
        Self::DeviceCode,
        Self::Browser,
        Self::AzureCli,
        Self::AssertionFile,
        Self::ManagedIdentity,
        Self::RefreshToken,
        Self::Chain,
    ];

    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|way| way.name().eq_ignore_ascii_case(text));
        found.ok_or_else(|| {
            let names = Self::ALL.map(Self::name).join(", ");
            format!("there is no way to sign in called {text:?}: choose one of {names}")
        })
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Secret => "secret",
            Self::Certificate => "certificate",
            Self::DeviceCode => "device-code",
            Self::Browser => "browser",
            Self::AzureCli => "azure-cli",
            Self::AssertionFile => "assertion-file",
            Self::ManagedIdentity => "managed-identity",
            Self::RefreshToken => "refresh-token",
            Self::Chain => "chain",
        }
    }

    /// Who signs in, and with what, for `--help`.
    pub(crate) fn needs(self) -> &'static str {
        match self {
            Self::Secret => "an app: ENTRA_TENANT_ID, ENTRA_CLIENT_ID, ENTRA_CLIENT_SECRET",
            Self::Certificate => "an app: ENTRA_TENANT_ID, ENTRA_CLIENT_ID, ENTRA_CLIENT_CERTIFICATE",
            Self::DeviceCode => "a person, who types a code in anywhere; many organizations block it",
            Self::Browser => "a person, in the browser of this machine (--features browser)",
            Self::AzureCli => "whoever `az login` signed in (--features azure-cli); ENTRA_TENANT_ID",
            Self::AssertionFile => "a workload identity: AZURE_FEDERATED_TOKEN_FILE, and ENTRA_ as above",
            Self::ManagedIdentity => "what the program runs in; ENTRA_TENANT_ID",
            Self::RefreshToken => "a person who signed in before: --refresh-token FILE",
            Self::Chain => "the first of these that works, of those that have their settings; a person last",
        }
    }

    /// Whether a person signs in to an app that this program names.
    fn is_interactive(self) -> bool {
        matches!(self, Self::DeviceCode | Self::Browser | Self::RefreshToken | Self::Chain)
    }
}

/// An app of a tenant's own, that may register apps.
#[derive(Clone)]
pub(crate) struct Own {
    pub(crate) tenant: TenantId,
    pub(crate) client_id: AppId,
    pub(crate) client_secret: SecretString,
    /// The app that a person signs in to, where it is none of Microsoft's that may do the job everywhere.
    pub(crate) public_client: Option<AppId>,
}

impl Connection<'_> {
    /// The tenant to sign in to.
    pub(crate) fn tenant(&self) -> Result<String, Failure> {
        let given = self.given(self.access.tenant.as_ref(), "ENTRA_TENANT_ID");
        let own = self.own.as_ref().map(|own| own.tenant.to_string());
        let way = self.access.way;
        let theirs = || way.is_interactive().then(|| "organizations".to_owned());
        given.or(own).or_else(theirs).ok_or_else(|| missing(way, "a tenant", "--tenant", "ENTRA_TENANT_ID"))
    }

    /// Any way to sign in, as a provider of tokens.
    pub(crate) fn provider(&self, way: Way) -> Result<Arc<dyn TokenProvider>, Failure> {
        let service = self.service();
        Ok(match way {
            Way::Secret => {
                let secret = ClientAuthentication::secret(self.client_secret()?);
                Arc::new(ClientCredentialsProvider::new(service, self.client_id(way)?, secret))
            }
            #[cfg(feature = "certificate")]
            Way::Certificate => self.certificate()?,
            #[cfg(not(feature = "certificate"))]
            Way::Certificate => return Err(not_built(way, "certificate")),
            Way::DeviceCode => {
                let told = if self.access.is_in_memory() { "What the person is told, who then does so: " } else { "" };
                let provider = DeviceCodeProvider::new(service, self.public_client_id()?, move |prompt| {
                    eprintln!("{told}{}", prompt.message);
                });
                match self.token_file()? {
                    Some(file) => Arc::new(provider.store(file)),
                    None => Arc::new(provider),
                }
            }
            #[cfg(feature = "browser")]
            Way::Browser => self.browser()?,
            #[cfg(not(feature = "browser"))]
            Way::Browser => return Err(not_built(way, "browser")),
            #[cfg(feature = "azure-cli")]
            Way::AzureCli => self.azure_cli()?,
            #[cfg(not(feature = "azure-cli"))]
            Way::AzureCli => return Err(not_built(way, "azure-cli")),
            Way::AssertionFile => {
                let file = (self.variable)("AZURE_FEDERATED_TOKEN_FILE").ok_or_else(|| {
                    let message = "--sign-in assertion-file needs AZURE_FEDERATED_TOKEN_FILE, which is not set";
                    let remedy = "Set it to the file that the platform puts the identity's token in.";
                    Failure::new("missing_setting", message, remedy)
                })?;
                let assertion = ClientAuthentication::assertion_file(file);
                Arc::new(ClientCredentialsProvider::new(service, self.client_id(way)?, assertion))
            }
            Way::ManagedIdentity if self.own.is_some() => {
                // Its token is Entra's, and nobody else gets to see it.
                return Err(Failure::new(
                    "real_tenant_only",
                    "a managed identity signs in to its own tenant, not to an emulated one",
                    "Add --live, or choose another --sign-in.",
                ));
            }
            Way::ManagedIdentity => Arc::new(ManagedIdentityProvider::from_environment(service)?),
            Way::RefreshToken => {
                let store = self.token_file()?.ok_or_else(|| {
                    let message = "--sign-in refresh-token needs --refresh-token FILE";
                    let remedy = "Name the file that a run with --sign-in device-code or browser kept it in.";
                    Failure::new("missing_setting", message, remedy)
                })?;
                let tenant: Tenant = self.tenant()?.parse()?;
                Arc::new(RefreshTokenProvider::new(service, self.public_client_id()?, tenant, store))
            }
            Way::Chain => self.chain()?,
        })
    }

    /// Whatever has its settings. A person comes last: nobody is asked for what a program can do.
    fn chain(&self) -> Result<Arc<dyn TokenProvider>, Failure> {
        // What is asked for and cannot be is no setting that is left out.
        self.token_file()?;
        let mut chain = ChainProvider::new();
        for way in [
            Way::Secret,
            Way::Certificate,
            Way::AssertionFile,
            Way::RefreshToken,
            Way::AzureCli,
            Way::Browser,
            Way::DeviceCode,
        ] {
            if let Ok(provider) = self.provider(way) {
                chain = chain.then(way.name(), provider);
            }
        }
        Ok(Arc::new(chain))
    }

    /// The file of `--refresh-token`, where there is one.
    fn token_file(&self) -> Result<Option<Arc<TokenFile>>, Failure> {
        let Some(file) = &self.access.refresh_token else { return Ok(None) };
        folder::check(Path::new(file), "--refresh-token FILE")?;
        Ok(Some(Arc::new(TokenFile::new(file))))
    }

    fn given(&self, flag: Option<&String>, variable: &str) -> Option<String> {
        flag.cloned().or_else(|| (self.variable)(variable)).filter(|text| !text.trim().is_empty())
    }

    /// The app that signs in as itself.
    pub(crate) fn client_id(&self, way: Way) -> Result<AppId, Failure> {
        app_id(&self.client_id_as_typed(way)?)
    }

    /// That app's id, which may be none.
    pub(crate) fn client_id_as_typed(&self, way: Way) -> Result<String, Failure> {
        let own = self.own.as_ref().map(|own| own.client_id.to_string());
        let given = self.given(self.access.client_id.as_ref(), "ENTRA_CLIENT_ID");
        given.or(own).ok_or_else(|| missing(way, "the app's client id", "--client-id", "ENTRA_CLIENT_ID"))
    }

    /// The secret of the app that signs in as itself. Never by a flag: other programs can read the flags of this one.
    pub(crate) fn client_secret(&self) -> Result<SecretString, Failure> {
        let own = self.own.as_ref().map(|own| own.client_secret.clone());
        (self.variable)("ENTRA_CLIENT_SECRET").map(SecretString::from).or(own).ok_or_else(|| {
            let message = "--sign-in secret needs a client secret, and ENTRA_CLIENT_SECRET is not set";
            let remedy = "Set the environment variables ENTRA_TENANT_ID, ENTRA_CLIENT_ID and ENTRA_CLIENT_SECRET (the \
                          secret's Value), or choose another --sign-in; --help lists the ways.";
            Failure::new("missing_setting", message, remedy)
        })
    }

    /// The app that a person signs in to. ENTRA_CLIENT_ID is an app with a secret: another one.
    pub(crate) fn public_client_id(&self) -> Result<AppId, Failure> {
        let own = self.own.as_ref().and_then(|own| own.public_client);
        self.access.client_id.as_deref().map_or(Ok(own.unwrap_or(MICROSOFT_AZURE_CLI)), app_id)
    }

    #[cfg(feature = "certificate")]
    fn certificate(&self) -> Result<Arc<dyn TokenProvider>, Failure> {
        use entra_apps::auth::ClientCertificate;

        let app = self.client_id(Way::Certificate)?;
        let certificate = ClientCertificate::from_pem(self.pem()?.as_bytes())?;
        let certificate = ClientAuthentication::certificate(certificate);
        Ok(Arc::new(ClientCredentialsProvider::new(self.service(), app, certificate)))
    }

    /// The certificate and its key.
    #[cfg(feature = "certificate")]
    fn pem(&self) -> Result<String, Failure> {
        let given = self.given(self.access.certificate.as_ref(), "ENTRA_CLIENT_CERTIFICATE");
        let file = given
            .ok_or_else(|| missing(Way::Certificate, "a certificate", "--certificate", "ENTRA_CLIENT_CERTIFICATE"))?;
        std::fs::read_to_string(&file).map_err(|error| {
            let remedy = "Give a PEM file with BEGIN CERTIFICATE and BEGIN PRIVATE KEY.";
            Failure::new("certificate_file", format!("the certificate {file} cannot be read: {error}"), remedy)
        })
    }

    #[cfg(feature = "browser")]
    fn browser(&self) -> Result<Arc<dyn TokenProvider>, Failure> {
        use entra_apps::auth::BrowserProvider;
        use entra_apps::url::Url;

        use super::browse;

        let transport = self.own.is_some().then(|| Arc::clone(&self.transport));
        let open = move |page: &Url| match &transport {
            Some(transport) => browse::follow_or_open(Arc::clone(transport), page),
            None => browse::open(page),
        };
        let provider = BrowserProvider::new(self.service(), self.public_client_id()?, open);
        Ok(match self.token_file()? {
            Some(file) => Arc::new(provider.store(file)),
            None => Arc::new(provider),
        })
    }

    #[cfg(feature = "azure-cli")]
    fn azure_cli(&self) -> Result<Arc<dyn TokenProvider>, Failure> {
        if self.access.is_in_memory() {
            return Err(Failure::new(
                "no_azure_cli",
                "the Azure CLI cannot sign in to a tenant in this program's memory",
                "Add --live, or --emulator URL with an az that is signed in there.",
            ));
        }
        Ok(Arc::new(entra_apps::auth::AzureCliProvider::new(Arc::clone(&self.clock))))
    }
}

fn app_id(text: &str) -> Result<AppId, Failure> {
    text.trim().parse().map_err(|_| {
        let remedy = "Give the Application (client) ID of the app's overview, such as \
                      00000000-0000-0000-0000-000000000000 (--client-id ID, or ENTRA_CLIENT_ID).";
        Failure::new("invalid_client_id", format!("{text:?} is no client id"), remedy)
    })
}

fn missing(way: Way, what: &str, flag: &str, variable: &str) -> Failure {
    let message = format!("--sign-in {} needs {what}, and neither {flag} nor {variable} gives one", way.name());
    let remedy = format!(
        "Give {flag}, or set the environment variable {variable}. In all, --sign-in {} takes {}. Another --sign-in is \
         another way; --help lists them.",
        way.name(),
        way.needs()
    );
    Failure::new("missing_setting", message, remedy)
}

#[cfg(not(all(feature = "certificate", feature = "browser", feature = "azure-cli")))]
fn not_built(way: Way, feature: &str) -> Failure {
    Failure::new(
        "not_built",
        format!("this example was built without the feature {feature}, which --sign-in {} needs", way.name()),
        format!("Build it with --features {feature}, or choose another --sign-in, such as device-code."),
    )
}
