//! Writes emails to files in a folder, each atomically.

use crate::domain::secret::random_text;
use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::Path,
};

/// Writes `<id>.eml` and replaces a file of that name.
pub(super) fn write(folder: &Path, id: &str, source: &[u8]) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let suffix = random_text(12).map_err(io::Error::other)?;
    let temporary = folder.join(format!(".{id}.{suffix}"));
    let written = fill(&temporary, source).and_then(|()| fs::rename(&temporary, folder.join(format!("{id}.eml"))));
    if written.is_err() {
        // The error of the write matters more than a file that is left behind.
        let _ = fs::remove_file(&temporary);
    }
    written?;
    File::open(folder)?.sync_all()
}

fn fill(path: &Path, source: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(source)?;
    file.sync_all()
}
