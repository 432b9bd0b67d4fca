//! A nightly job: rotates, in every app of the tenant that is known by a unique name of ours, the client secrets and
//! certificates that end soon. The earlier one stays for an overlap, and goes in a later run.
//!
//! ```text
//! cargo run --example rotate                        # a tenant in memory, in which some of them end soon
//! cargo run --example rotate -- --live --prefix contoso- --within 30 --overlap 7 --secret-dir /etc/contoso --dry-run
//! cargo run --example rotate -- --live --unique-name contoso-web --credential Web --store-command 'vault kv put …'
//! ```

#[allow(dead_code, unused_imports)] // the vendors' examples use more of it
pub(crate) mod support;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use entra_apps::api::UniqueName;
use entra_apps::ids::{AppId, KeyId, TenantId};
use entra_apps::provision::rotation::{SecretStore as _, StoredCredential};
use entra_apps::provision::{
    Certificate, CredentialHolder, CredentialKind, CredentialState, ExpiringCredential, ExpiringKind,
};
use entra_apps::time::OffsetDateTime;
use entra_apps::{AppRegistration, Client, ClientSecret, SecretSink};
use support::access::Access;
use support::store_command::StoreCommand;
use support::table::Line;
use support::{Connection, Failure, Flag, OwnFlags, SecretFileStore, Table, Way, expiring_apps};

const ABOUT: &str = "usage: rotate [flags]

Rotates what ends soon in the apps of ours, twice (the second time writes nothing). Ours is what has one of our unique
names, and of that what the store has, what a rotation has issued, and what --credential names. Exit code 0 when all is
well, 1 when something failed or is left for a person, 2 for flags that make no sense.";

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A century.
const MAX_DAYS: u32 = 36_525;

const FLAGS: &[Flag] = &[
    Flag { name: "unique-name", value: Some("NAME"), help: "an app of ours; repeatable" },
    Flag { name: "prefix", value: Some("TEXT"), help: "every app whose unique name begins so; repeatable" },
    Flag { name: "within", value: Some("DAYS"), help: "what ends so soon is rotated; 30 by default" },
    Flag { name: "overlap", value: Some("DAYS"), help: "so long the earlier one stays; 7 by default" },
    Flag { name: "lifetime", value: Some("DAYS"), help: "so long the new one lives; 180 by default" },
    Flag { name: "secret-dir", value: Some("DIR"), help: "a file for each credential, which only its owner can read" },
    Flag { name: "secret-file", value: Some("FILE"), help: "the file of the one credential that is meant" },
    Flag {
        name: "store-command",
        value: Some("CMD"),
        help: "gets the value on standard input, ENTRA_KEY_ID and the like",
    },
    Flag { name: "credential", value: Some("NAME"), help: "is ours though no store says so; repeatable" },
    Flag { name: "dry-run", value: None, help: "write nothing, and say what would be done" },
];

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let access = Access { environment: true, ..Access::default() };
    run(std::env::args_os().skip(1), access).await.map_or(ExitCode::SUCCESS, Table::finish)
}

/// Does the job by these flags. There is nothing to show when help was asked for.
pub(crate) async fn run(arguments: impl Iterator<Item = OsString>, access: Access) -> Option<Table> {
    let arguments: Vec<OsString> = arguments.collect();
    let mut table = Table::new(arguments.iter().any(|argument| argument == "--json"));
    let flags = OwnFlags::parse(&arguments, access, FLAGS).map_err(bad_flag);
    let result = match flags {
        Ok(None) => {
            support::print_help(ABOUT, FLAGS);
            return None;
        }
        Ok(Some(flags)) => Box::pin(rotate_all(&flags, &mut table)).await,
        Err(failure) => Err(failure),
    };
    result.err().into_iter().for_each(|failure| table.failed(failure));
    Some(table)
}

async fn rotate_all(flags: &OwnFlags, table: &mut Table) -> Result<(), Failure> {
    let job = Job::new(flags)?;
    let connection = Connection::new(&flags.access).await?;
    let client = connection.builder()?;
    let client = match flags.access.way {
        Way::Secret => client.client_secret(connection.client_id(Way::Secret)?, connection.client_secret()?),
        way => client.token_provider(connection.provider(way)?),
    };
    let signed_in = connection.sign_in(client.build()?).await?;
    table.say(format!("Tenant: {}\nSigned in: {}", signed_in.tenant, signed_in.who.name()));
    let client = signed_in.client;
    if flags.access.is_in_memory() {
        let tenant = client.tenant_id().await?;
        let sink = |unique_name: &str, it: StoredCredential| -> Arc<dyn SecretSink> {
            let of = Of { unique_name: unique_name.to_owned(), app_id: it.app_id, kind: it.kind, name: it.name };
            match job.command(&of) {
                Some(command) => command,
                None => Arc::new(job.store(tenant, &of)),
            }
        };
        expiring_apps::register(&client, |unique_name| job.is_ours(unique_name), sink).await?;
    }
    table.count(&signed_in.recorder);
    for run in 1..=if flags.is_set("dry-run") { 1 } else { 2 } {
        // Each run begins anew: what is in the tenant and in the store says what is left to do.
        let mut lines = job.missing(&client).await?;
        for (of, members) in job.find(&client).await? {
            lines.extend(job.rotate(&client, &of, &members).await?);
        }
        for line in lines {
            // The first run says what was done; the second one, what has gone wrong since.
            if run == 1 || (table.exit_code() == 0 && !line.remedy.is_empty()) {
                table.line(line);
            }
        }
        if table.run_ended() > 0 && run == 2 && table.exit_code() == 0 {
            return Err(Failure::new("not_converged", "the second run has written something", "Run it again."));
        }
    }
    Ok(())
}

/// A credential of an app of ours: those of one description, with those that were issued in their place.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Of {
    unique_name: String,
    app_id: AppId,
    kind: CredentialKind,
    name: String,
}

impl Of {
    fn word(&self) -> &'static str {
        if self.kind == CredentialKind::Certificate { "certificate" } else { "client_secret" }
    }
}

struct Job<'a> {
    flags: &'a OwnFlags,
    prefixes: Vec<&'a str>,
    within: u32,
    overlap: u32,
    lifetime: u32,
    /// Where the files of secrets are.
    folder: PathBuf,
}

impl<'a> Job<'a> {
    fn new(flags: &'a OwnFlags) -> Result<Self, Failure> {
        let days = |name: &str, default: u32| match flags.values(name).last() {
            Some(text) => match text.parse() {
                Ok(days) if days <= MAX_DAYS => Ok(days),
                _ => Err(bad_flag(format!("--{name} takes days, {MAX_DAYS} at most, and not {text:?}"))),
            },
            None => Ok(default),
        };
        let (within, overlap, lifetime) = (days("within", 30)?, days("overlap", 7)?, days("lifetime", 180)?);
        if within == 0 || u64::from(within) * 20 >= u64::from(lifetime) * 19 {
            return Err(bad_flag(format!(
                "what lives for {lifetime} days cannot be rotated {within} days before its end"
            )));
        }
        let in_memory = flags.access.is_in_memory();
        let mut prefixes: Vec<&str> = flags.values("prefix").collect();
        if prefixes.is_empty() && !flags.is_set("unique-name") {
            prefixes.extend(in_memory.then_some("contoso-"));
        }
        if prefixes.contains(&"") || (prefixes.is_empty() && !flags.is_set("unique-name")) {
            return Err(bad_flag("say which apps are yours: --unique-name NAME or --prefix TEXT".to_owned()));
        }
        let places = ["secret-dir", "secret-file", "store-command"].iter().filter(|name| flags.is_set(name)).count();
        if places != 1 && !(places == 0 && in_memory) {
            return Err(bad_flag("say where secrets go: --secret-dir, --secret-file or --store-command".to_owned()));
        }
        // The tenant in memory ends with the program, and its secrets with it.
        let own = || std::env::temp_dir().join(format!("entra-apps-rotate-{}", std::process::id()));
        let folder = flags.values("secret-dir").last().map_or_else(own, PathBuf::from);
        if places == 0 {
            std::fs::create_dir_all(&folder).map_err(|error| no_folder(&folder, &error.to_string()))?;
        } else if flags.is_set("secret-dir") && !folder.is_dir() {
            return Err(no_folder(&folder, "there is no such folder"));
        }
        Ok(Self { flags, prefixes, within, overlap, lifetime, folder })
    }

    fn is_ours(&self, unique_name: &str) -> bool {
        let is_begun = self.prefixes.iter().any(|prefix| unique_name.starts_with(prefix));
        is_begun || self.flags.values("unique-name").any(|name| name == unique_name)
    }

    /// The credentials of which one ends soon or has ended, by the unique names of their apps.
    async fn find(&self, client: &Client) -> Result<BTreeMap<Of, Vec<ExpiringCredential>>, Failure> {
        let mut found: BTreeMap<Of, Vec<ExpiringCredential>> = BTreeMap::new();
        let mut all = client.expiring(Duration::MAX).with_ended().items();
        while let Some(it) = all.next().await? {
            let is_application = matches!(it.holder, Some(CredentialHolder::Application(_))) && !it.is_agent;
            let (Some(unique_name), Some(app_id)) = (it.unique_name.clone(), it.app_id) else { continue };
            if is_application && self.is_ours(&unique_name) {
                let kind = match it.kind {
                    ExpiringKind::Certificate => CredentialKind::Certificate,
                    _ => CredentialKind::ClientSecret,
                };
                let name = it.registered_name().unwrap_or_default().to_owned();
                found.entry(Of { unique_name, app_id, kind, name }).or_default().push(it);
            }
        }
        found.retain(|_, members| members.iter().any(|it| self.ends_soon(it)));
        if found.len() > 1 && self.flags.is_set("secret-file") {
            let message = format!("{} credentials end soon, and --secret-file is for one", found.len());
            return Err(Failure::new("several_credentials", message, "Name a folder: --secret-dir DIR."));
        }
        Ok(found)
    }

    fn ends_soon(&self, it: &ExpiringCredential) -> bool {
        it.end.is_some_and(|end| end <= OffsetDateTime::now_utc() + DAY * self.within)
    }

    /// The unique names of `--unique-name` that no app has: a slip would go unnoticed until something has ended.
    async fn missing(&self, client: &Client) -> Result<Vec<Line>, Failure> {
        let mut lines = Vec::new();
        for name in self.flags.values("unique-name") {
            if client.applications().find_selecting(UniqueName::new(name)?, &["id"]).await?.is_none() {
                let detail = "there is no app of this unique name".to_owned();
                let remedy = "Check --unique-name and the tenant.".to_owned();
                lines.push(Line { unique_name: name.to_owned(), outcome: "failed", detail, remedy, ..Line::default() });
            }
        }
        Ok(lines)
    }

    /// The file of a credential.
    fn store(&self, tenant: TenantId, of: &Of) -> SecretFileStore {
        let text = format!("{} {} {}", of.unique_name, of.word(), of.name);
        let plain = text.chars().take(120).map(|letter| if letter.is_alphanumeric() { letter } else { '-' });
        let own = || self.folder.join(plain.collect::<String>() + ".json");
        let path = self.flags.values("secret-file").last().map_or_else(own, PathBuf::from);
        SecretFileStore::new(path, StoredCredential::new(tenant, of.app_id, of.kind, &of.name))
    }

    /// The command of `--store-command`: it cannot be asked what it has.
    fn command(&self, of: &Of) -> Option<Arc<StoreCommand>> {
        let line = self.flags.values("store-command").last()?;
        let environment = vec![
            ("ENTRA_UNIQUE_NAME", of.unique_name.clone()),
            ("ENTRA_CREDENTIAL", of.name.clone()),
            ("ENTRA_KIND", of.word().to_owned()),
        ];
        Some(Arc::new(StoreCommand::new(line, environment)))
    }

    /// Rotates one credential, and says what became of it; nothing of one that has ended and is not ours.
    async fn rotate(&self, client: &Client, of: &Of, members: &[ExpiringCredential]) -> Result<Option<Line>, Failure> {
        let store = Arc::new(self.store(client.tenant_id().await?, of));
        let command = self.command(of);
        let latest = members.iter().max_by_key(|it| it.end);
        let mut line = Line {
            unique_name: of.unique_name.clone(),
            credential: of.name.clone(),
            kind: of.word(),
            ends: latest.and_then(|it| it.end).map(|end| end.date().to_string()),
            ..Line::default()
        };
        let stored = match &command {
            Some(_) => Ok(None),
            None => store.load(store.wanted()).await.map(|stored| stored.map(|it| it.key_id)),
        };
        let stored = match stored {
            Ok(stored) => stored,
            Err(error) => {
                (line.outcome, line.detail, line.remedy) = ("failed", error.to_string(), "Mend the file.".to_owned());
                return Ok(Some(line));
            }
        };
        let is_issued = members.iter().any(|it| it.name.as_deref() != Some(of.name.as_str()));
        let is_named = self.flags.values("credential").any(|name| name == of.name);
        if of.name.is_empty() || !(stored.is_some() || is_issued || is_named) {
            let has_ended = |it: &ExpiringCredential| it.state == CredentialState::HasEnded;
            if members.iter().filter(|it| self.ends_soon(it)).all(has_ended) {
                return Ok(None);
            }
            line.outcome = "not_ours";
            line.detail = String::from("it ends, and nothing shows that it is ours: it is left alone");
            line.remedy = format!("Rotate it by hand, or take it over: --credential {:?}.", of.name);
            return Ok(Some(line));
        }
        if self.flags.is_set("dry-run") {
            (line.outcome, line.detail) = self.forecast(members, stored);
            return Ok(Some(line));
        }
        let name = latest.and_then(|it| it.display_name.clone()).unwrap_or_else(|| of.unique_name.clone());
        let registration = self.registration(of, &name);
        let rotate = client.rotate(&registration).overlap(DAY * self.overlap);
        let rotated = match command {
            Some(command) => rotate.secret_sink(command).await,
            None => rotate.store(store).await,
        };
        line.tell(rotated);
        Ok(Some(line))
    }

    /// What is wanted of a credential: as far as a rotation looks at it.
    fn registration(&self, of: &Of, display_name: &str) -> AppRegistration {
        let (registration, before) = (AppRegistration::new(&of.unique_name, display_name), DAY * self.within);
        match of.kind {
            CredentialKind::Certificate => registration
                .credential(Certificate::generated(&of.name).valid_for_days(self.lifetime).renew_before(before)),
            _ => {
                registration.credential(ClientSecret::new(&of.name).valid_for_days(self.lifetime).renew_before(before))
            }
        }
    }

    /// What a run would do, by what the tenant shows and the store has.
    fn forecast(&self, members: &[ExpiringCredential], stored: Option<KeyId>) -> (&'static str, String) {
        let live = members.iter().filter(|it| it.state != CredentialState::HasEnded);
        let in_use = match stored {
            Some(_) => live.clone().find(|it| it.key_id == stored),
            None => live.clone().max_by_key(|it| it.end),
        };
        match in_use {
            None => ("would_rotate", "none that the store has is valid: another one would be issued".to_owned()),
            Some(it) if self.ends_soon(it) => ("would_rotate", format!("another one would be issued in place of {it}")),
            Some(it) if it.start.is_some_and(|start| start + DAY * self.overlap <= OffsetDateTime::now_utc()) => {
                ("would_remove", "the earlier ones would be removed, as far as they are ours".to_owned())
            }
            Some(_) => ("overlapping", "a later one is there, and the earlier one stays for the overlap".to_owned()),
        }
    }
}

fn bad_flag(text: String) -> Failure {
    Failure::new("bad_flag", text, "--help lists the flags.")
}

fn no_folder(folder: &Path, error: &str) -> Failure {
    Failure::new("no_folder", format!("{}: {error}", folder.display()), "Name a folder: --secret-dir DIR.")
}
