//! The flags.

use std::collections::HashMap;
use std::ffi::OsString;
use std::ops::RangeInclusive;

use entra_apps::ids::AppId;
use entra_apps::{AppRegistration, Error};
use lexopt::prelude::*;

use super::access::{self, Access};

/// A flag of one vendor's own.
pub(crate) struct Flag {
    pub(crate) name: &'static str,
    /// What its value is called; a flag without one is a switch.
    pub(crate) value: Option<&'static str>,
    pub(crate) help: &'static str,
}

/// The command line, flag by flag.
pub(crate) struct CommandLine(lexopt::Parser);

impl CommandLine {
    #[allow(dead_code)] // for examples with flags of their own
    pub(crate) fn new() -> Self {
        Self(lexopt::Parser::from_env())
    }

    pub(crate) fn of(arguments: &[OsString]) -> Self {
        Self(lexopt::Parser::from_args(arguments))
    }

    /// The name of the next flag; `-h` is `help`.
    pub(crate) fn flag(&mut self) -> Result<Option<String>, String> {
        match self.0.next().map_err(|error| error.to_string())? {
            None => Ok(None),
            Some(Long(name)) => Ok(Some(name.to_owned())),
            Some(Short('h')) => Ok(Some("help".to_owned())),
            Some(other) => Err(other.unexpected().to_string()),
        }
    }

    /// The value of the flag that was read last.
    pub(crate) fn value(&mut self) -> Result<String, String> {
        let value = self.0.value().map_err(|error| error.to_string())?;
        value.into_string().map_err(|_| "a flag's value is not text".to_owned())
    }
}

/// What was asked for.
#[derive(Debug, Default)]
pub(crate) struct Flags {
    pub(crate) access: Access,
    /// Only plan.
    pub(crate) plan: bool,
    /// Plan and apply, and no more.
    pub(crate) once: bool,
    pub(crate) tasks: Vec<String>,
    pub(crate) all_tasks: bool,
    pub(crate) approve: Vec<String>,
    pub(crate) adopt: Option<AppId>,
    pub(crate) create_another: bool,
    pub(crate) replace_secret: bool,
    pub(crate) secret_file: Option<String>,
    pub(crate) show_secret: bool,
    pub(crate) json: bool,
    pub(super) vendor: HashMap<&'static str, String>,
}

#[allow(dead_code)] // not every guide has flags of its own
impl Flags {
    /// The flags of the command line, or nothing when help was asked for.
    pub(crate) fn parse(
        arguments: &[OsString],
        access: Access,
        vendor_flags: &'static [Flag],
    ) -> Result<Option<Self>, String> {
        let mut flags = Self { access, ..Self::default() };
        let mut line = CommandLine::of(arguments);
        while let Some(name) = line.flag()? {
            if flags.access.take(&name, &mut || line.value())? {
                continue;
            }
            match name.as_str() {
                "help" => {
                    print_help(vendor_flags);
                    return Ok(None);
                }
                "plan" => flags.plan = true,
                "once" => flags.once = true,
                "task" => flags.tasks.push(line.value()?),
                "all-tasks" => flags.all_tasks = true,
                "approve" => flags.approve.push(line.value()?),
                "adopt" => flags.adopt = Some(client_id(&line.value()?)?),
                "create-another" => flags.create_another = true,
                "replace-secret" => flags.replace_secret = true,
                "secret-file" => flags.secret_file = Some(line.value()?),
                "show-secret" => flags.show_secret = true,
                "deadline" => {
                    let text = line.value()?;
                    let seconds =
                        text.parse().map_err(|_| format!("--deadline takes seconds, and {text} is no number"))?;
                    flags.access.deadline = Some(seconds);
                }
                "json" => flags.json = true,
                name => {
                    let Some(flag) = vendor_flags.iter().find(|flag| flag.name == name) else {
                        return Err(format!("there is no flag --{name}"));
                    };
                    let value = if flag.value.is_some() { line.value()? } else { String::new() };
                    flags.vendor.insert(flag.name, value);
                }
            }
        }
        flags.access.check()?;
        if flags.plan && flags.once {
            return Err("--plan changes nothing, and --once does: choose one of them".to_owned());
        }
        Ok(Some(flags))
    }

    /// The registration with the optional permissions of `--task` or `--all-tasks`.
    pub(crate) fn select(&self, registration: AppRegistration) -> Result<AppRegistration, Error> {
        if self.all_tasks {
            return Ok(registration.select_all());
        }
        self.tasks.iter().try_fold(registration, |registration, task| {
            // The guide says “the … task”; with or without the word, the same is meant.
            let name = task.trim().trim_end_matches(" task");
            let is_meant = |known: &&str| known.trim_end_matches(" task").eq_ignore_ascii_case(name);
            let name = registration.purposes().into_iter().find(is_meant).unwrap_or(task).to_owned();
            registration.select(&name)
        })
    }

    /// Two runs, of which the second shows that nothing is left to do.
    pub(crate) fn runs(&self) -> RangeInclusive<u32> {
        1..=if self.once { 1 } else { 2 }
    }

    /// Whether everything is approved: because it was said, or because the tenant is nobody's.
    pub(crate) fn approves_all(&self) -> bool {
        !self.access.live || self.approve.iter().any(|name| name == "all")
    }

    /// The value of a vendor's flag.
    pub(crate) fn value(&self, name: &str) -> Option<&str> {
        self.vendor.get(name).map(String::as_str)
    }

    /// Whether a vendor's switch is set.
    pub(crate) fn is_set(&self, name: &str) -> bool {
        self.vendor.contains_key(name)
    }
}

fn client_id(text: &str) -> Result<AppId, String> {
    text.trim().parse().map_err(|_| format!("--adopt takes the Application (client) ID, and {text:?} is none"))
}

fn print_help(vendor_flags: &[Flag]) {
    let name = std::env::args().next().unwrap_or_default();
    let name =
        std::path::Path::new(&name).file_stem().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let mut text = format!(
        "usage: {name} [flags]\n\nPlans the registration, applies it twice (the second time changes nothing) and checks\n\
         it: on an in-memory tenant, unless a flag says otherwise. Exit code 0 when every\n\
         required or selected step is done (with --plan: when it could be planned; with\n\
         --once: when it was applied), 1 when not, 2 for flags that make no sense.\n\n"
    );
    let common: &[(&str, &str)] = &[
        ("--plan", "only say what would change"),
        ("--once", "plan and apply, and no more"),
        ("--task NAME", "with the optional permissions of a task; repeatable"),
        ("--all-tasks", "with every optional permission"),
        ("--approve NAME|all", "approve a permission that needs a review"),
        ("--adopt CLIENT-ID", "take an application that was made by hand"),
        ("--create-another", "although there is one of the same display name"),
        ("--replace-secret", "issue another secret; the earlier one stays"),
        ("--secret-file PATH", "the new file that the secret goes to; by default one in this folder"),
        ("--show-secret", "show the secret's value on the screen as well"),
        ("--deadline SECONDS", "how long each operation may take"),
        ("--json", "one JSON object on standard output, nothing else"),
    ];
    let own = vendor_flags.iter().map(|flag| {
        let value = flag.value.map(|value| format!(" {value}")).unwrap_or_default();
        (format!("--{}{value}", flag.name), flag.help)
    });
    let common = access::FLAGS.iter().chain(common);
    let lines = own.chain(common.map(|(flag, help)| ((*flag).to_owned(), *help)));
    text.extend(lines.map(|(flag, help)| format!("  {flag:<22} {help}\n")));
    text.push_str(&access::ways());
    text.push_str(
        "Tasks are listed by --plan.
",
    );
    super::output::print(&text);
}
