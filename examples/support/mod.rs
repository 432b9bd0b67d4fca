//! What the vendors' examples share: the flags, the connection, two runs and a check, and how it is shown.

pub(crate) mod access;
#[cfg(feature = "browser")]
mod browse;
pub(crate) mod connect;
mod failure;
pub(crate) mod flags;
mod output;
mod recorder;
mod token_file;
pub(crate) mod ways;
mod who;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use entra_apps::ids::KeyId;
use entra_apps::{AppRegistration, ApplyError, Client, Error, Plan, Registered, SecretSink};

use connect::{Connection, SignedIn};
pub(crate) use failure::Failure;
pub(crate) use flags::{Flag, Flags};
use output::Output;
use recorder::{Counts, Recorder};

/// A vendor's guide: the registration, and what becomes of its result.
pub(crate) struct Guide {
    /// Who publishes it, for the title.
    pub(crate) vendor: &'static str,
    pub(crate) registration: AppRegistration,
    /// What a person is to know before anything is written.
    pub(crate) remarks: Vec<&'static str>,
    /// What is said when an app signed in, where the vendor wants a person to.
    pub(crate) for_a_person: Option<&'static str>,
    /// Where the values go, as the vendor's guide says.
    pub(crate) place: &'static str,
    pub(crate) values: fn(&Registered) -> Vec<(&'static str, String)>,
    /// Keeps each secret where the vendor's product reads it, and the name of that place.
    pub(crate) sink: Option<(String, Arc<dyn SecretSink>)>,
    /// The vendor's own closing checklist: a sentence, and the codes that it stands for.
    pub(crate) closing: &'static [(&'static str, &'static [&'static str])],
}

/// Parses the flags, does the job, and shows it.
pub(crate) async fn run(
    vendor_flags: &'static [Flag],
    guide: impl FnOnce(&Flags) -> Result<Guide, Failure>,
) -> ExitCode {
    let flags = match Flags::parse(vendor_flags) {
        Ok(Some(flags)) => flags,
        Ok(None) => return ExitCode::SUCCESS,
        Err(text) => {
            let mut output = Output::new(&Flags::only_json());
            output.failed(Failure::new("bad_flag", text, "--help lists the flags."));
            output.finish();
            return ExitCode::from(2);
        }
    };
    let mut output = Output::new(&flags);
    let job = async {
        let mut guide = guide(&flags)?;
        guide.registration = select(guide.registration, &flags)?;
        Box::pin(do_the_job(&flags, &guide, &mut output)).await
    };
    if let Err(failure) = job.await {
        output.failed(failure);
    }
    output.finish()
}

fn select(registration: AppRegistration, flags: &Flags) -> Result<AppRegistration, Error> {
    if flags.all_tasks {
        return Ok(registration.select_all());
    }
    flags.tasks.iter().try_fold(registration, |registration, task| {
        // The guide says “the … task”; with or without the word, the same is meant.
        let name = task.trim().trim_end_matches(" task");
        let known = registration
            .purposes()
            .into_iter()
            .find(|known| known.trim_end_matches(" task").eq_ignore_ascii_case(name));
        let name = known.unwrap_or(task).to_owned();
        registration.select(&name)
    })
}

async fn do_the_job(flags: &Flags, guide: &Guide, output: &mut Output) -> Result<(), Failure> {
    output.title(guide);
    let signed_in = Connection::new(&flags.access, &connect::environment).await?.sign_in().await?;
    output.signed_in(guide, &signed_in, flags.access.is_in_memory());
    let SignedIn { client, recorder, .. } = signed_in;
    let bounded = || match flags.deadline {
        Some(seconds) => client.with_deadline(Duration::from_secs(seconds)),
        None => client.clone(),
    };
    let mut held = Vec::new();
    for run in 1..=2 {
        let before = recorder.counts();
        let client = bounded();
        let plan = plan(&client, &guide.registration, flags, run, &held).await?;
        output.plan(run, &plan);
        let planned = plan.changes().count();
        if flags.plan {
            output.run(planned, &recorder.counts().since(&before));
            output.plan_only();
            return Ok(());
        }
        see_to_secrets(flags, guide, &plan, run)?;
        let result = apply(&client, &plan, flags, guide, output).await;
        output.run(planned, &recorder.counts().since(&before));
        let (registered, error) = match result {
            Ok(registered) => (registered, None),
            Err(error) => {
                let (error, report) = error.into_parts();
                (report, Some(error))
            }
        };
        held.extend(registered.secrets.iter().map(|secret| secret.key_id));
        output.report(guide, &registered, run);
        if let Some(error) = error {
            return Err(error.into());
        }
    }
    let client = bounded();
    let mut check = client.verify(&guide.registration);
    if let Some(app_id) = &flags.adopt {
        check = check.adopt(app_id.parse()?);
    }
    output.checklist(guide, &check.await?);
    Ok(())
}

async fn plan(
    client: &Client,
    registration: &AppRegistration,
    flags: &Flags,
    run: u32,
    held: &[KeyId],
) -> Result<Plan, Error> {
    let mut request = client.plan(registration);
    if let Some(app_id) = &flags.adopt {
        request = request.adopt(app_id.parse()?);
    }
    if flags.create_another {
        request = request.create_another();
    }
    // A secret is replaced once: the second run is to show that nothing is left to do.
    if flags.replace_secret && run == 1 {
        for name in registration.secret_names() {
            request = request.replace_secret(name);
        }
    }
    for key_id in held {
        request = request.holding(*key_id);
    }
    request.await
}

async fn apply(
    client: &Client,
    plan: &Plan,
    flags: &Flags,
    guide: &Guide,
    output: &Output,
) -> Result<Registered, ApplyError> {
    let mut apply = client.apply(plan);
    for name in &flags.approve {
        apply = if name == "all" { apply.approve_all() } else { apply.approve(name) };
    }
    if !flags.access.live {
        // Nobody's tenant: an example approves by itself, and says so.
        apply = apply.approve_all();
    }
    if let Some((_, sink)) = &guide.sink {
        apply = apply.secret_sink(Arc::clone(sink));
    }
    output.approvals(plan, flags);
    if let Some(progress) = output.progress() {
        apply = apply.on_progress(progress);
    }
    apply.await
}

/// A secret that is neither shown nor kept would be lost; a place that gets none would stay empty without a word.
fn see_to_secrets(flags: &Flags, guide: &Guide, plan: &Plan, run: u32) -> Result<(), Failure> {
    let issues = plan.changes().any(|line| line.id.to_string().starts_with("secret:"));
    if let (Some((place, _)), false, 1) = (&guide.sink, issues, run) {
        return Err(Failure::new(
            "not_written",
            format!("no secret would be issued, so {place} would not be written"),
            "A live secret's value cannot be read again: run it with --replace-secret to issue another.",
        ));
    }
    if flags.access.live && issues && !flags.show_secret && guide.sink.is_none() {
        return Err(Failure::new(
            "secret_unseen",
            "a client secret would be issued and nobody would see its value".to_owned(),
            "Run it with --show-secret, where nobody else reads the screen.",
        ));
    }
    Ok(())
}

/// The three ids that every guide asks for.
#[allow(dead_code)] // one guide names them otherwise
pub(crate) fn ids(registered: &Registered) -> Vec<(&'static str, String)> {
    let Some(app) = &registered.application else { return Vec::new() };
    vec![
        ("Application (client) ID", app.app_id.to_string()),
        ("Object ID", app.application_id.to_string()),
        ("Directory (tenant) ID", registered.tenant_id.to_string()),
    ]
}
