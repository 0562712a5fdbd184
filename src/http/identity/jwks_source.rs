//! The source of a key set: a file or a URL.

use crate::{
    config::KeySource,
    domain::error::{Error, Result},
    outbound::{Client, Limits},
};
use std::{
    fmt,
    fs::File,
    io::Read as _,
    path::{Path, PathBuf},
    time::Duration,
};

/// The maximum size of a key set, in bytes.
const MAX_SIZE: usize = 256 * 1024;
const LIMITS: Limits = Limits { timeout: Duration::from_secs(5), max_size: MAX_SIZE };
const MEDIA_TYPES: &str = "application/jwk-set+json, application/json";

/// A file or a URL. Its `Display` output contains no secret.
pub(super) enum Source {
    File(PathBuf),
    Url(Box<Client>),
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
            KeySource::Url(url) => Self::Url(Box::new(Client::new(url.reveal(), LIMITS)?.ok_or_else(invalid_url)?)),
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
            Self::Url(client) => client.get(MEDIA_TYPES).await,
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

fn invalid_url() -> Error {
    let message = "auth.jwt.jwks_url is not the address of a key set; write one such as \
               https://id.example.com/.well-known/jwks.json.";
    Error::invalid("auth.jwt.jwks_url", message)
}

fn read_file(path: &Path) -> Result<Vec<u8>, String> {
    let failed = |error| format!("cannot be read ({error})");
    let mut text = Vec::new();
    File::open(path).map_err(failed)?.take(MAX_SIZE as u64 + 1).read_to_end(&mut text).map_err(failed)?;
    if text.len() > MAX_SIZE { Err("is larger than 256 KiB".into()) } else { Ok(text) }
}
