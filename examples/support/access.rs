//! The flags that say where to sign in, and how.

use super::ways::Way;

/// Where to sign in, and how.
#[derive(Clone, Debug, Default)]
pub(crate) struct Access {
    pub(crate) live: bool,
    pub(crate) emulator: Option<String>,
    pub(crate) way: Way,
    pub(crate) tenant: Option<String>,
    pub(crate) client_id: Option<String>,
    pub(crate) certificate: Option<String>,
    pub(crate) refresh_token: Option<String>,
    /// Who signs in to the in-memory tenant.
    pub(crate) person: Option<String>,
    /// How many customers the partner in memory has: without a number, it is a tenant without customers.
    pub(crate) customers: Option<usize>,
    /// Whether the environment says what no flag does.
    pub(crate) environment: bool,
    /// How long an operation may take, in seconds.
    pub(crate) deadline: Option<u64>,
}

/// What `--help` says of these flags.
pub(crate) const FLAGS: &[(&str, &str)] = &[
    ("--emulator URL", "over HTTP, against the emulator example"),
    ("--live", "a real tenant"),
    ("--sign-in WAY", "how to sign in, see below; secret by default"),
    ("--tenant TENANT", "id or domain; ENTRA_TENANT_ID by default"),
    ("--client-id ID", "the app that signs in (ENTRA_CLIENT_ID), or that a person signs in to"),
    ("--certificate FILE", "PEM with certificate and key; ENTRA_CLIENT_CERTIFICATE by default"),
    ("--refresh-token FILE", "where a person's sign-in is kept, for the next run"),
    ("--as NAME", "who signs in to the in-memory tenant (the emulator has its own --as)"),
];

/// The ways to sign in, for `--help`.
pub(crate) fn ways() -> String {
    let mut text = "\nWays to sign in (--sign-in WAY)\n".to_owned();
    text.extend(Way::ALL.map(|way| format!("  {:<18} {}\n", way.name(), way.needs())));
    text.push_str(
        "A person signs in to the Azure CLI's app, unless --client-id names another; without a tenant, the person's\n\
         own is meant. The emulator and the tenant in memory bring settings of their own, which these override.\n",
    );
    text
}

impl Access {
    /// Takes a flag, if it is one of these.
    pub(crate) fn take(
        &mut self,
        name: &str,
        value: &mut dyn FnMut() -> Result<String, String>,
    ) -> Result<bool, String> {
        match name {
            "live" => self.live = true,
            "emulator" => self.emulator = Some(value()?),
            "sign-in" => self.way = Way::parse(&value()?)?,
            "tenant" => self.tenant = Some(value()?),
            "client-id" => self.client_id = Some(value()?),
            "certificate" => self.certificate = Some(value()?),
            "refresh-token" => self.refresh_token = Some(value()?),
            "as" => self.person = Some(value()?),
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Refuses flags that do not go together.
    pub(crate) fn check(&self) -> Result<(), String> {
        if self.live && self.emulator.is_some() {
            return Err("--live and --emulator exclude each other".to_owned());
        }
        if self.person.is_some() && (self.live || self.emulator.is_some()) {
            return Err(match self.live {
                true => "--as is for the in-memory tenant: in a real one, whoever signs in chooses".to_owned(),
                false => "--as is for the in-memory tenant: start the emulator with --as NAME instead".to_owned(),
            });
        }
        Ok(())
    }

    pub(crate) fn is_in_memory(&self) -> bool {
        !self.live && self.emulator.is_none()
    }
}
