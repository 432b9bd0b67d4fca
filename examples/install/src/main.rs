//! Installs a vendor's app in a tenant: sign in, see what would change, say yes, and find the secret in a file.
//!
//! `cargo run -p example-install -- --live --device-code`, or as an app with `ENTRA_TENANT_ID`, `ENTRA_CLIENT_ID` and
//! `ENTRA_CLIENT_SECRET`; `--yes` asks nothing. Without `--live` or `--emulator` it goes to a tenant in memory.
//!
//! It can be interrupted at any time and run again: the secret is in its file before any further step, and where the file is
//! not there, another secret is issued.

use std::io::{IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use entra_apps::cloud::Cloud;
use entra_apps::ids::{AppId, KeyId};
use entra_apps::permission::microsoft_graph::{application, delegated};
use entra_apps::permission::well_known::MICROSOFT_AZURE_CLI;
use entra_apps::provision::{Progress, StepKind};
use entra_apps::secrecy::{ExposeSecret as _, SecretString};
use entra_apps::url::Url;

use entra_apps::{
    AppRegistration, ApplyError, Client, ClientSecret, Error, IssuedSecret, Plan, RedirectUri, Registered, SecretSink,
    SignInAudience, async_trait,
};
use entra_emulator::MemoryTenant;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};

type Failure = Box<dyn std::error::Error>;

/// Registers Contoso Reports in a tenant. Exit code 0 when every step is done.
#[derive(Parser)]
struct Args {
    /// A real tenant
    #[arg(long, conflicts_with = "emulator")]
    live: bool,
    /// The emulator at this address
    #[arg(long, value_name = "URL")]
    emulator: Option<Url>,
    /// Id or domain; with --device-code, that of whoever signs in by default
    #[arg(long, env = "ENTRA_TENANT_ID")]
    tenant: Option<String>,
    /// The app that a person signs in to; the Azure CLI's by default
    #[arg(long, value_name = "ID", requires = "device_code")]
    client_id: Option<AppId>,
    /// Sign in as a person, with a code; otherwise as an app, with ENTRA_CLIENT_ID and ENTRA_CLIENT_SECRET
    #[arg(long)]
    device_code: bool,
    /// The new file that the secret goes to; contoso-reports-secret.json by default, for the tenant in memory a temporary one
    #[arg(long, value_name = "PATH")]
    secret_file: Option<PathBuf>,
    /// Approve a permission that needs a review; repeatable
    #[arg(long, value_name = "NAME")]
    approve: Vec<String>,
    /// Ask nothing
    #[arg(long)]
    yes: bool,
}

fn registration() -> Result<AppRegistration, Error> {
    Ok(AppRegistration::new("contoso-reports", "Contoso Reports")
        .audience(SignInAudience::SingleOrganization)
        .redirect_uri(RedirectUri::web("https://reports.contoso.example/callback")?)
        .permission(application::DIRECTORY_READ_ALL)
        .permission(delegated::USER_READ)
        .credential(ClientSecret::new("Reports").valid_for_months(12)))
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(&Args::parse()).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            match error.downcast_ref::<Error>() {
                Some(error) => {
                    let source = std::error::Error::source(error).map(|source| format!(": {source}"));
                    eprintln!("Failed: {}{}\n{}", error.message(), source.unwrap_or_default(), error.remedy());
                }
                None => eprintln!("Failed: {error}"),
            }
            ExitCode::FAILURE
        }
    }
}

async fn run(args: &Args) -> Result<bool, Failure> {
    let client = sign_in(args)?;
    let registration = registration()?;
    // From here on it is the tenant of whoever signed in, and no other.
    let client = match client.organization().get().await?.id {
        Some(id) => client.for_tenant(id),
        None => client,
    };
    let file = args.secret_file.clone().unwrap_or_else(|| match args.live || args.emulator.is_some() {
        true => PathBuf::from("contoso-reports-secret.json"),
        false => std::env::temp_dir().join(format!("contoso-reports-secret-{}.json", std::process::id())),
    });

    // The file is the truth about the secret: without it, another is issued.
    let mut request = client.plan(&registration);
    let held = stored(&file)?;
    match held {
        Some(key_id) => request = request.holding(key_id),
        None => request = request.replace_secret("Reports"),
    }
    let plan = request.await?;
    say(&plan);
    if held.is_some() && plan.changes().any(|step| step.id.kind() == StepKind::SECRET) {
        let message = "holds a secret that is not the app's any more, and another would be issued: move it away, or name another \
                       --secret-file";
        return Err(format!("{} {message}", file.display()).into());
    }
    if !plan.is_converged() {
        let Some(approved) = agreed(args, &plan)? else { return Ok(false) };
        let registered = apply(&file, &client, &plan, approved).await?;
        for open in &registered.open {
            say(format!("Open: {open}"));
        }
    }
    say(format!("The secret is in {}, which only its owner can read.\n", file.display()));

    let checklist = client.verify(&registration).await?;
    say(&checklist);
    Ok(checklist.is_done())
}

/// Writes to standard output. Whoever reads may have gone away; the job goes on all the same.
fn say(text: impl std::fmt::Display) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

fn sign_in(args: &Args) -> Result<Client, Failure> {
    if !args.live && args.emulator.is_none() {
        return Ok(MemoryTenant::new().client());
    }
    let mut client = Client::builder().deadline(Duration::from_secs(600));
    if let Some(address) = &args.emulator {
        client = client.cloud(Cloud::custom("emulator", address, address)?);
    }
    let whoever = args.device_code.then_some("organizations");
    let tenant = args
        .tenant
        .as_deref()
        .or(whoever)
        .ok_or("set ENTRA_TENANT_ID, give --tenant, or sign in with --device-code")?;
    client = client.tenant(tenant);
    client = if args.device_code {
        client.device_code(args.client_id.unwrap_or(MICROSOFT_AZURE_CLI), |prompt| eprintln!("{}", prompt.message))
    } else {
        let (Ok(client_id), Ok(secret)) = (std::env::var("ENTRA_CLIENT_ID"), std::env::var("ENTRA_CLIENT_SECRET"))
        else {
            return Err(
                "set ENTRA_CLIENT_ID and ENTRA_CLIENT_SECRET (the secret's Value), or sign in with --device-code"
                    .into(),
            );
        };
        client.client_secret(client_id.parse()?, SecretString::from(secret))
    };
    Ok(client.build()?)
}

/// The permissions that were approved, or nothing when the answer was no.
fn agreed(args: &Args, plan: &Plan) -> Result<Option<Vec<String>>, Failure> {
    if args.yes {
        return Ok(Some(args.approve.clone()));
    }
    if !std::io::stdin().is_terminal() {
        return Err("there is no terminal to ask at: --yes goes on without asking".into());
    }
    print!("Go on? [y/N] ");
    std::io::stdout().flush()?;
    let mut line = String::new();
    std::io::stdin().read_line(&mut line)?;
    // Whoever says yes has seen what needs a review: it is in the plan above.
    let seen = || plan.needs_approval().iter().map(ToString::to_string).chain(args.approve.clone()).collect();
    Ok(matches!(line.trim(), "y" | "Y" | "yes").then(seen))
}

/// Carries out the plan. After Ctrl-C it ends what it has begun, which takes seconds; a second one stops it at once.
async fn apply(file: &Path, client: &Client, plan: &Plan, approved: Vec<String>) -> Result<Registered, Failure> {
    let bar = ProgressBar::new(plan.changes().count() as u64)
        .with_style(ProgressStyle::with_template("{spinner} {msg} {elapsed}")?);
    bar.enable_steady_tick(Duration::from_millis(100));
    let shown = bar.clone();
    let mut apply = client.apply(plan).secret_sink(Arc::new(SecretFile(file.to_owned()))).on_progress(
        move |progress| match progress {
            Progress::Done(what) => shown.suspend(|| say(format!("  ✓ {what}"))),
            Progress::Waiting(wait) => shown.set_message(format!("{} waits ({:?})", wait.operation, wait.reason)),
            _ => {}
        },
    );
    for name in approved {
        apply = apply.approve(name);
    }
    let mut apply = pin!(apply.into_future());
    let mut interrupted = false;
    let result = loop {
        tokio::select! {
            result = &mut apply => break result,
            signal = tokio::signal::ctrl_c() => {
                signal?;
                if interrupted {
                    return Err("stopped half-way; run it again: it goes on from what is there".into());
                }
                interrupted = true;
                bar.suspend(|| eprintln!("It ends what it has begun. Ctrl-C again stops it at once."));
            }
        }
    };
    bar.finish_and_clear();
    // What was issued before it failed is in the file.
    Ok(result.map_err(|error: ApplyError| error.into_parts().0)?)
}

/// A new file that only its owner can read. One that is there is not overwritten.
#[derive(Debug)]
struct SecretFile(PathBuf);

#[async_trait]
impl SecretSink for SecretFile {
    async fn store(&self, secret: &IssuedSecret) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let object = json!({
            "tenantId": secret.tenant_id, "clientId": secret.app_id, "clientSecret": secret.value.expose_secret(),
            "keyId": secret.key_id,
        });
        let mut file = options.open(&self.0).map_err(|error| format!("{}: {error}", self.0.display()))?;
        let written = file.write_all(format!("{object:#}\n").as_bytes()).and_then(|()| file.sync_all());
        // Half a secret is none.
        Ok(written.inspect_err(|_| drop(std::fs::remove_file(&self.0)))?)
    }
}

/// The id of the secret in the file, if there is one.
fn stored(path: &Path) -> Result<Option<KeyId>, Failure> {
    let text = match std::fs::read_to_string(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        text => text.map_err(|error| format!("{}: {error}", path.display()))?,
    };
    let object: Value = serde_json::from_str(&text).unwrap_or_default();
    let key_id = object["keyId"].as_str().and_then(|id| id.parse().ok());
    let key_id = key_id
        .ok_or_else(|| format!("{} holds no secret of this program: name another --secret-file", path.display()))?;
    Ok(Some(key_id))
}
