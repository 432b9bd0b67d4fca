//! What the vendors' examples share: the flags, the connection, two runs and a check, and how it is shown.

mod connect;
mod flags;
mod output;
mod recorder;

use std::process::ExitCode;
use std::time::Duration;

use entra_apps::{AppRegistration, ApplyError, Client, Error, IssuedSecret, Plan, Registered};

pub(crate) use flags::{Flag, Flags};
use output::{Failure, Output};
use recorder::{Counts, Recorder};

/// A vendor's guide: the registration, and what becomes of its result.
pub(crate) struct Guide {
    /// Who publishes it, for the title.
    pub(crate) vendor: &'static str,
    pub(crate) registration: AppRegistration,
    /// What a person is to know before anything is written.
    pub(crate) remarks: Vec<String>,
    /// Where the values go, as the vendor's guide says.
    pub(crate) hand_over: HandOver,
    /// The vendor's own closing checklist: a sentence, and the codes that it stands for.
    pub(crate) closing: &'static [(&'static str, &'static [&'static str])],
}

/// Where the values go.
pub(crate) struct HandOver {
    pub(crate) place: &'static str,
    pub(crate) values: fn(&Registered) -> Vec<(&'static str, String)>,
    /// Keeps the result where the vendor's product reads it; what it did, in a sentence.
    pub(crate) keep: Option<Keep>,
}

pub(crate) type Keep = Box<dyn Fn(&Registered, &IssuedSecret) -> std::io::Result<String>>;

/// Parses the flags, does the job, and shows it.
pub(crate) async fn run(vendor_flags: &'static [Flag], guide: impl FnOnce(&Flags) -> Result<Guide, Error>) -> ExitCode {
    let flags = match Flags::parse(vendor_flags) {
        Ok(Some(flags)) => flags,
        Ok(None) => return ExitCode::SUCCESS,
        Err(text) => {
            eprintln!("{text}\nTry --help.");
            return ExitCode::from(2);
        }
    };
    let mut output = Output::new(&flags);
    let job = async {
        let mut guide = guide(&flags)?;
        guide.registration = select(guide.registration, &flags)?;
        Box::pin(do_the_job(&flags, &guide, &mut output)).await?;
        Ok::<_, Failure>(())
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
    let (client, recorder) = connect::client(flags)?;
    output.title(guide);
    let registration = &guide.registration;
    let mut held = Vec::new();
    for run in 1..=2 {
        let before = recorder.counts();
        let bounded = match flags.deadline {
            Some(seconds) => client.with_deadline(Duration::from_secs(seconds)),
            None => client.clone(),
        };
        let plan = plan(&bounded, registration, flags, run, &held).await?;
        output.plan(run, &plan);
        if flags.plan {
            output.plan_only();
            return Ok(());
        }
        keep_secrets_in_sight(flags, guide, &plan)?;
        let result = apply(&bounded, &plan, flags, output).await;
        output.run(plan.changes().count(), recorder.counts().since(&before));
        let registered = match result {
            Ok(registered) => registered,
            Err(error) => {
                let (error, report) = error.into_parts();
                keep(guide, &report, output);
                output.report(guide, &report);
                return Err(error.into());
            }
        };
        held.extend(registered.secrets.iter().map(|secret| secret.key_id));
        keep(guide, &registered, output);
        output.report(guide, &registered);
    }
    let checklist = client.verify(registration).await?;
    output.checklist(guide, &checklist);
    Ok(())
}

async fn plan(
    client: &Client,
    registration: &AppRegistration,
    flags: &Flags,
    run: u32,
    held: &[entra_apps::ids::KeyId],
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

async fn apply(client: &Client, plan: &Plan, flags: &Flags, output: &Output) -> Result<Registered, ApplyError> {
    let mut apply = client.apply(plan);
    for name in &flags.approve {
        apply = if name == "all" { apply.approve_all() } else { apply.approve(name) };
    }
    if !flags.live {
        // Nobody's tenant: an example approves by itself, and says so.
        apply = apply.approve_all();
    }
    output.approvals(plan, flags);
    if let Some(progress) = output.progress() {
        apply = apply.on_progress(progress);
    }
    apply.await
}

/// A real secret that is neither shown nor kept would be lost.
fn keep_secrets_in_sight(flags: &Flags, guide: &Guide, plan: &Plan) -> Result<(), Failure> {
    let issues = plan.changes().any(|line| line.code.starts_with("secret:"));
    if flags.live && issues && !flags.show_secret && guide.hand_over.keep.is_none() {
        return Err(Failure {
            code: "secret_unseen".to_owned(),
            message: "a client secret would be issued and nobody would see its value".to_owned(),
            remedy: "Run it with --show-secret, where nobody else reads the screen.".to_owned(),
        });
    }
    Ok(())
}

fn keep(guide: &Guide, registered: &Registered, output: &mut Output) {
    let Some(keep) = &guide.hand_over.keep else { return };
    for secret in &registered.secrets {
        match keep(registered, secret) {
            Ok(done) => output.say(&done),
            Err(error) => output.failed(Failure {
                code: "not_kept".to_owned(),
                message: format!("the secret could not be kept: {error}"),
                remedy: "Choose a place that can be written, and run it again with --replace-secret.".to_owned(),
            }),
        }
    }
}

/// The three ids that every guide asks for, and the secret's line.
#[allow(dead_code)] // one guide names them otherwise
pub(crate) fn ids(registered: &Registered) -> Vec<(&'static str, String)> {
    let Some(app) = &registered.application else { return Vec::new() };
    vec![
        ("Application (client) ID", app.app_id.to_string()),
        ("Object ID", app.application_id.to_string()),
        ("Directory (tenant) ID", registered.tenant_id.to_string()),
    ]
}
