//! The flags of the examples that look at many apps or customers: where to sign in, `--json`, and their own.

use std::ffi::OsString;

use super::access::{self, Access};
use super::flags::{CommandLine, Flag};
use super::output::print;

/// What was asked for.
pub(crate) struct OwnFlags {
    pub(crate) access: Access,
    pub(crate) json: bool,
    own: Vec<(&'static str, String)>,
}

impl OwnFlags {
    /// The values of an example's own flag, as often as it was given.
    pub(crate) fn values(&self, name: &str) -> impl Iterator<Item = &str> {
        self.own.iter().filter(move |(own, _)| *own == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn is_set(&self, name: &str) -> bool {
        self.values(name).next().is_some()
    }

    /// The flags of the command line, or nothing when help was asked for.
    pub(crate) fn parse(arguments: &[OsString], access: Access, own: &'static [Flag]) -> Result<Option<Self>, String> {
        let mut flags = Self { access, json: false, own: Vec::new() };
        let mut line = CommandLine::of(arguments);
        while let Some(name) = line.flag()? {
            if flags.access.take(&name, &mut || line.value())? {
                continue;
            }
            match name.as_str() {
                "help" => return Ok(None),
                "json" => flags.json = true,
                name => {
                    let Some(flag) = own.iter().find(|flag| flag.name == name) else {
                        return Err(format!("there is no flag --{name}"));
                    };
                    let value = if flag.value.is_some() { line.value()? } else { String::new() };
                    flags.own.push((flag.name, value));
                }
            }
        }
        flags.access.check()?;
        Ok(Some(flags))
    }
}

/// Shows the help; `about` is what it says first.
pub(crate) fn print_help(about: &str, own: &[Flag]) {
    let mut text = format!("{}\n\n", about.trim_end());
    let line = |flag: &str, help: &str| format!("  {flag:<22} {help}\n");
    for flag in own {
        let value = flag.value.map(|value| format!(" {value}")).unwrap_or_default();
        text.push_str(&line(&format!("--{}{value}", flag.name), flag.help));
    }
    text.push_str(&line("--json", "one JSON object on standard output, nothing else"));
    text.extend(access::FLAGS.iter().map(|(flag, help)| line(flag, help)));
    text.push_str(&access::ways());
    print(&text);
}
