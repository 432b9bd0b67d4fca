//! The flags.

use std::collections::HashMap;

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
    pub(crate) fn new() -> Self {
        Self(lexopt::Parser::from_env())
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
    pub(crate) plan: bool,
    pub(crate) tasks: Vec<String>,
    pub(crate) all_tasks: bool,
    pub(crate) approve: Vec<String>,
    pub(crate) adopt: Option<String>,
    pub(crate) create_another: bool,
    pub(crate) replace_secret: bool,
    pub(crate) show_secret: bool,
    pub(crate) deadline: Option<u64>,
    pub(crate) json: bool,
    vendor: HashMap<&'static str, String>,
}

#[allow(dead_code)] // not every guide has flags of its own
impl Flags {
    /// For an error about the flags themselves: whether JSON was asked for.
    pub(crate) fn only_json() -> Self {
        Self { json: std::env::args().any(|argument| argument == "--json"), ..Self::default() }
    }

    /// The flags of the command line, or nothing when help was asked for.
    pub(crate) fn parse(vendor_flags: &'static [Flag]) -> Result<Option<Self>, String> {
        let mut flags = Self::default();
        let mut line = CommandLine::new();
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
                "task" => flags.tasks.push(line.value()?),
                "all-tasks" => flags.all_tasks = true,
                "approve" => flags.approve.push(line.value()?),
                "adopt" => flags.adopt = Some(line.value()?),
                "create-another" => flags.create_another = true,
                "replace-secret" => flags.replace_secret = true,
                "show-secret" => flags.show_secret = true,
                "deadline" => {
                    let text = line.value()?;
                    let seconds =
                        text.parse().map_err(|_| format!("--deadline takes seconds, and {text} is no number"))?;
                    flags.deadline = Some(seconds);
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
        Ok(Some(flags))
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

fn print_help(vendor_flags: &[Flag]) {
    let name = std::env::args().next().unwrap_or_default();
    let name =
        std::path::Path::new(&name).file_stem().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let mut text = format!(
        "usage: {name} [flags]\n\nPlans the registration, applies it twice (the second time changes nothing) and checks\n\
         it: on an in-memory tenant, unless a flag says otherwise. Exit code 0 when every\n\
         required or selected step is done (with --plan: when it could be planned).\n\n"
    );
    let common: &[(&str, &str)] = &[
        ("--plan", "only say what would change"),
        ("--task NAME", "with the optional permissions of a task; repeatable"),
        ("--all-tasks", "with every optional permission"),
        ("--approve NAME|all", "approve a permission that needs a review"),
        ("--adopt CLIENT-ID", "take an application that was made by hand"),
        ("--create-another", "although there is one of the same display name"),
        ("--replace-secret", "issue another secret; the earlier one stays"),
        ("--show-secret", "show the secret's value"),
        ("--deadline SECONDS", "how long each run may take"),
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
