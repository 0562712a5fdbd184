//! Gzip compression (RFC 1952) of the files for browsers. A file is compressed at its first request and then cached, so that
//! repeated requests cost no compression.
//!
//! Written by hand: the compression layer of tower-http compresses a file again for each request.

use axum::{
    body::Bytes,
    http::{HeaderMap, header},
};
use flate2::{Compression, write::GzEncoder};
use rust_embed::EmbeddedFile;
use std::{
    collections::HashMap,
    io::{self, Write as _},
    sync::{LazyLock, Mutex, PoisonError},
};

/// A compressed file in the cache.
struct CompressedFile {
    /// The SHA-256 of the uncompressed content: in a debug build, the files can change.
    hash: [u8; 32],
    content: Bytes,
}

/// The compressed files by name. The number of files in the binary limits its size.
static CACHE: LazyLock<Mutex<HashMap<String, CompressedFile>>> = LazyLock::new(Mutex::default);

/// Returns whether the client accepts gzip (RFC 9110, section 12.5.3), that is, with a weight other than 0.
pub(super) fn accepts_gzip(headers: &HeaderMap) -> bool {
    let lines = headers.get_all(header::ACCEPT_ENCODING).iter();
    let codings = lines.filter_map(|line| line.to_str().ok()).flat_map(|line| line.split(','));
    codings.map(str::trim).any(|coding| {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, "q=1"));
        let weight = weight.trim().strip_prefix("q=").and_then(|weight| weight.parse().ok()).unwrap_or(0.0);
        name.trim().eq_ignore_ascii_case("gzip") && weight > 0.0
    })
}

/// Returns the compressed content of the file; `None` if the compression fails.
pub(super) fn of(name: &str, file: &EmbeddedFile) -> Option<Bytes> {
    let hash = file.metadata.sha256_hash();
    let cache = || CACHE.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(compressed) = cache().get(name).filter(|compressed| compressed.hash == hash) {
        return Some(compressed.content.clone());
    }
    let content = Bytes::from(compress(&file.data).ok()?);
    cache().insert(name.to_owned(), CompressedFile { hash, content: content.clone() });
    Some(content)
}

fn compress(content: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(content)?;
    encoder.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    #[test]
    fn gzip_is_accepted_with_a_positive_weight() {
        for (value, accepted) in [
            ("gzip", true),
            ("br, GZIP", true),
            ("deflate, gzip;q=1.0, *;q=0.5", true),
            ("gzip; q=0.001", true),
            ("gzip;q=0", false),
            ("gzip;q=0.000", false),
            ("gzip;q=often", false),
            ("gzip;level=9", false),
            ("*", false),
            ("br", false),
            ("", false),
        ] {
            let headers = HeaderMap::from_iter([(header::ACCEPT_ENCODING, HeaderValue::from_static(value))]);
            assert_eq!(accepts_gzip(&headers), accepted, "{value}");
        }
        assert!(!accepts_gzip(&HeaderMap::new()));
    }
}
