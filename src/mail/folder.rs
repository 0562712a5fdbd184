//! Writes a letter into a folder, so that a reader sees all of it or nothing.

use crate::domain::secret::random_text;
use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::Path,
};

/// Writes `<notice>.eml`; the same notice again takes its place.
pub(super) fn write(folder: &Path, notice: &str, source: &[u8]) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let suffix = random_text(12).map_err(io::Error::other)?;
    let unfinished = folder.join(format!(".{notice}.{suffix}"));
    let written =
        fill(&unfinished, source).and_then(|()| fs::rename(&unfinished, folder.join(format!("{notice}.eml"))));
    if written.is_err() {
        // The failure itself matters more than what may lie about after it.
        let _ = fs::remove_file(&unfinished);
    }
    written?;
    File::open(folder)?.sync_all()
}

fn fill(path: &Path, source: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(source)?;
    file.sync_all()
}
