//! Files for a browser, packed by gzip (RFC 1952). Each is packed once, when it is first asked for: whoever asks again and
//! again costs no more than the sending.

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

/// A file that was packed.
struct CompressedFile {
    /// Of the content as it was: a debug build reads files that change.
    hash: [u8; 32],
    content: Bytes,
}

/// By name; there are only as many names as the binary has files.
static KEPT: LazyLock<Mutex<HashMap<String, CompressedFile>>> = LazyLock::new(Mutex::default);

/// Whether the client takes gzip (RFC 9110, 12.5.3). What it takes with a weight counts unless that is 0.
pub(super) fn accepts_gzip(asked: &HeaderMap) -> bool {
    let lines = asked.get_all(header::ACCEPT_ENCODING).iter();
    let codings = lines.filter_map(|line| line.to_str().ok()).flat_map(|line| line.split(','));
    codings.map(str::trim).any(|coding| {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, "q=1"));
        let weight = weight.trim().strip_prefix("q=").and_then(|weight| weight.parse().ok()).unwrap_or(0.0);
        name.trim().eq_ignore_ascii_case("gzip") && weight > 0.0
    })
}

/// The content of the file, packed.
pub(super) fn of(name: &str, file: &EmbeddedFile) -> Option<Bytes> {
    let hash = file.metadata.sha256_hash();
    let kept = || KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(packed) = kept().get(name).filter(|packed| packed.hash == hash) {
        return Some(packed.content.clone());
    }
    let content = Bytes::from(pack(&file.data).ok()?);
    kept().insert(name.to_owned(), CompressedFile { hash, content: content.clone() });
    Some(content)
}

fn pack(content: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(content)?;
    encoder.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    #[test]
    fn gzip_is_taken_where_it_is_named_with_a_weight() {
        for (asked, taken) in [
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
            let headers = HeaderMap::from_iter([(header::ACCEPT_ENCODING, HeaderValue::from_static(asked))]);
            assert_eq!(accepts_gzip(&headers), taken, "{asked}");
        }
        assert!(!accepts_gzip(&HeaderMap::new()));
    }
}
