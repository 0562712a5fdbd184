//! The file with the link for the first administrator, for a service that was not started from a terminal.

use crate::domain::error::{Error, Result};
use std::{
    io::{ErrorKind, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

/// A file in the data folder that exists only while its link may be valid.
#[derive(Debug, Clone)]
pub struct FirstLink(PathBuf);

impl FirstLink {
    /// Returns the file in this data folder, which may not exist.
    pub fn in_folder(data_dir: &Path) -> Self {
        Self(data_dir.join("first-administrator-link"))
    }

    /// Returns the path of the file.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Replaces the file with one that contains this link and that only its owner can read.
    pub fn write(&self, link: &str) -> Result<()> {
        self.remove()?;
        let write = || {
            if let Some(folder) = self.0.parent() {
                std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
            }
            // `create_new` neither follows a link nor writes to a file that another process created there.
            let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&self.0)?;
            writeln!(file, "{link}")
        };
        write().map_err(|error| self.failed("written", &error))
    }

    /// Removes the file if it exists.
    pub fn remove(&self) -> Result<()> {
        match std::fs::remove_file(&self.0) {
            Err(error) if !matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                Err(self.failed("removed", &error))
            }
            _ => Ok(()),
        }
    }

    fn failed(&self, done: &str, error: &std::io::Error) -> Error {
        Error::unavailable(format!("{} cannot be {done} ({error})", self.0.display()))
    }
}
