//! What the examples share: flags, the place to sign in to, the secret's file, and how it is shown.

pub(crate) mod access;
#[cfg(feature = "browser")]
mod browse;
pub(crate) mod connect;
#[allow(dead_code)] // the examples for partners use it
pub(crate) mod customers;
#[allow(dead_code)] // one example rotates
pub(crate) mod expiring_apps;
mod failure;
pub(crate) mod flags;
mod folder;
mod output;
#[allow(dead_code)] // the examples for many apps or customers use it
mod own_flags;
mod recorder;
mod secret_file;
#[allow(dead_code)] // one example rotates
mod secret_file_store;
#[allow(dead_code)] // one example rotates
pub(crate) mod store_command;
#[allow(dead_code)] // one example has a table of apps
pub(crate) mod table;
pub(crate) mod token_file;
pub(crate) mod ways;
mod who;

use std::ffi::OsString;
use std::process::ExitCode;

use access::Access;

pub(crate) use connect::Connection;
pub(crate) use failure::Failure;
pub(crate) use flags::{Flag, Flags};
pub(crate) use output::Output;
#[allow(unused_imports)]
pub(crate) use own_flags::{OwnFlags, print_help};
pub(crate) use secret_file::SecretFile;
#[allow(unused_imports)]
pub(crate) use secret_file_store::SecretFileStore;
#[allow(unused_imports)]
pub(crate) use table::Table;
pub(crate) use ways::Way;

/// Parses the flags, does the job, shows how it ended, and says so by the exit code.
pub(crate) async fn main(
    vendor_flags: &'static [Flag],
    job: impl AsyncFnOnce(&Flags, &mut Output) -> Result<(), Failure>,
) -> ExitCode {
    let access = Access { environment: true, ..Access::default() };
    match run(std::env::args_os().skip(1), access, vendor_flags, job).await {
        Some(output) => output.finish(),
        None => ExitCode::SUCCESS,
    }
}

/// Does the job by these flags. There is nothing to show when help was asked for.
pub(crate) async fn run(
    arguments: impl Iterator<Item = OsString>,
    access: Access,
    vendor_flags: &'static [Flag],
    job: impl AsyncFnOnce(&Flags, &mut Output) -> Result<(), Failure>,
) -> Option<Output> {
    let arguments: Vec<OsString> = arguments.collect();
    let flags = match Flags::parse(&arguments, access, vendor_flags) {
        Ok(flags) => flags?,
        Err(text) => {
            let json = arguments.iter().any(|argument| argument == "--json");
            return Some(Output::of_bad_flags(json, text));
        }
    };
    let mut output = Output::new(&flags);
    if let Err(failure) = Box::pin(job(&flags, &mut output)).await {
        output.failed(failure);
    }
    Some(output)
}
