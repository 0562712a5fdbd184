//! The source of a key set: a file or a URL.

use super::jwks_client::{JwksClient, MAX_SIZE};
use crate::{config::KeySource, domain::error::Result};
use std::{
    fmt,
    fs::File,
    io::Read as _,
    path::{Path, PathBuf},
};

/// A file or a URL. Its `Display` output contains no secret.
pub(super) enum Source {
    File(PathBuf),
    Url(Box<JwksClient>),
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Url(client) => client.fmt(f),
        }
    }
}

impl Source {
    pub(super) fn new(source: &KeySource) -> Result<Self> {
        Ok(match source {
            KeySource::File(path) => Self::File(path.clone()),
            KeySource::Url(url) => Self::Url(Box::new(JwksClient::new(url.reveal())?)),
        })
    }

    /// Returns the content, or an error message that continues a sentence that begins with the source.
    pub(super) async fn read(&self) -> Result<Vec<u8>, String> {
        match self {
            Self::File(path) => {
                let path = path.clone();
                let task = tokio::task::spawn_blocking(move || read_file(&path));
                task.await.map_err(|error| error.to_string())?
            }
            Self::Url(client) => client.fetch().await,
        }
    }

    /// Reads a file synchronously; `None` for a URL.
    pub(super) fn read_if_file(&self) -> Option<Result<Vec<u8>, String>> {
        match self {
            Self::File(path) => Some(read_file(path)),
            Self::Url(_) => None,
        }
    }
}

fn read_file(path: &Path) -> Result<Vec<u8>, String> {
    let failed = |error| format!("cannot be read ({error})");
    let mut text = Vec::new();
    File::open(path).map_err(failed)?.take(MAX_SIZE as u64 + 1).read_to_end(&mut text).map_err(failed)?;
    if text.len() > MAX_SIZE { Err("is larger than 256 KiB".into()) } else { Ok(text) }
}
