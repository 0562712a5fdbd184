//! The source of a key set: a file or a URL.

use super::jwks_client::Address;
use crate::{config::KeySource, domain::error::Result};
use std::{
    fmt,
    fs::File,
    io::Read as _,
    path::{Path, PathBuf},
};

/// The maximum size of a set, in bytes.
pub(super) const LARGEST: usize = 256 * 1024;

/// A file or a URL. Its `Display` output contains no secret.
pub(super) enum Source {
    File(PathBuf),
    Address(Box<Address>),
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Address(address) => address.fmt(f),
        }
    }
}

impl Source {
    pub(super) fn new(source: &KeySource) -> Result<Self> {
        Ok(match source {
            KeySource::File(path) => Self::File(path.clone()),
            KeySource::Url(url) => Self::Address(Box::new(Address::new(url.reveal())?)),
        })
    }

    /// Returns the content, or an error message that continues a sentence that begins with the source.
    pub(super) async fn read(&self) -> Result<Vec<u8>, String> {
        match self {
            Self::File(path) => {
                let path = path.clone();
                let reading = tokio::task::spawn_blocking(move || read_file(&path));
                reading.await.map_err(|error| error.to_string())?
            }
            Self::Address(address) => address.ask().await,
        }
    }

    /// Reads a file synchronously; `None` for a URL.
    pub(super) fn read_at_once(&self) -> Option<Result<Vec<u8>, String>> {
        match self {
            Self::File(path) => Some(read_file(path)),
            Self::Address(_) => None,
        }
    }
}

fn read_file(path: &Path) -> Result<Vec<u8>, String> {
    let cannot = |error| format!("cannot be read ({error})");
    let mut text = Vec::new();
    File::open(path).map_err(cannot)?.take(LARGEST as u64 + 1).read_to_end(&mut text).map_err(cannot)?;
    if text.len() > LARGEST { Err("is larger than 256 KiB".into()) } else { Ok(text) }
}
