//! The folder of a file that is to be written: looked at before anything depends on it.

use std::fs::OpenOptions;
use std::io::ErrorKind;
use std::path::Path;

use super::failure::Failure;

/// Refuses a file whose folder is not there or takes no new files; `flag` is the one that names the file.
pub(crate) fn check(file: &Path, flag: &str) -> Result<(), Failure> {
    let folder = file.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."));
    let shown = file.display();
    if !folder.is_dir() {
        let message = format!("{shown} cannot be written: there is no folder {}", folder.display());
        return Err(Failure::new("no_folder", message, format!("Make the folder, or name a file elsewhere ({flag}).")));
    }
    // Who may write there, and whether anybody may, shows in nothing but in writing.
    let probe = folder.join(format!(".entra-apps-{}", std::process::id()));
    match OpenOptions::new().write(true).create_new(true).open(&probe) {
        Ok(_) => drop(std::fs::remove_file(&probe)),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
        Err(error) => {
            let message = format!("{shown} cannot be written: the folder takes no new files: {error}");
            let remedy = format!("Name a file in a folder that this program may write to ({flag}).");
            return Err(Failure::new("folder_not_writable", message, remedy));
        }
    }
    Ok(())
}
