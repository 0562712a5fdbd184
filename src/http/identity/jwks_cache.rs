//! A cache for a key set, which reads the set again while it is used, so that new keys are found and withdrawn ones removed.
//! The interval between reads is limited, so that invalid JWTs cannot cause many requests to the provider.

use super::{jwk_set::JwkSet, jwks_source::Source};
use crate::{
    config::{KeyAlgorithm, KeySource},
    domain::error::{Error, Result},
};
use jsonwebtoken::{Algorithm, DecodingKey};
use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};
use tokio::sync::Mutex as AsyncMutex;
use tokio_util::task::TaskTracker;
use tracing::Instrument as _;

/// The time for which a set is used that can no longer be read.
const MAX_AGE: Duration = Duration::from_hours(1);

/// The key set of an identity provider.
pub(super) struct JwksCache {
    source: Source,
    intervals: ReadIntervals,
    accepted: Vec<Algorithm>,
    state: Mutex<State>,
    /// Locked while the set is read, so that other requests wait for that read.
    read_lock: Arc<AsyncMutex<()>>,
    tasks: TaskTracker,
}

/// The error if no set is known that is recent enough.
pub(super) struct NoKeys;

/// The shortest time between two reads (`min`), and the age from which a set that is used is read again (`max`).
#[derive(Clone, Copy)]
struct ReadIntervals {
    min: Duration,
    max: Duration,
}

#[derive(Default)]
struct State {
    /// The last set that was read, and the time of that read.
    keys: Option<(Arc<JwkSet>, Instant)>,
    /// The time of the last read, successful or not.
    last_read: Option<Instant>,
}

impl ReadIntervals {
    const fn of(source: &Source) -> Self {
        match source {
            Source::File(_) => Self { min: Duration::from_secs(5), max: Duration::from_secs(5) },
            Source::Url(_) => Self { min: Duration::from_mins(1), max: Duration::from_mins(5) },
        }
    }
}

impl JwksCache {
    /// Creates a cache for the keys of these algorithms, without reading the source.
    pub(super) fn new(source: &KeySource, algorithms: &[KeyAlgorithm], tasks: TaskTracker) -> Result<Self> {
        let source = Source::new(source)?;
        let accepted = algorithms.iter().map(|algorithm| match algorithm {
            KeyAlgorithm::Rs256 => Algorithm::RS256,
            KeyAlgorithm::Es256 => Algorithm::ES256,
            KeyAlgorithm::EdDsa => Algorithm::EdDSA,
        });
        Ok(Self {
            intervals: ReadIntervals::of(&source),
            source,
            accepted: accepted.collect(),
            state: Mutex::default(),
            read_lock: Arc::default(),
            tasks,
        })
    }

    /// Reads a file, and returns an error if it contains no usable key. A URL is fetched for the first JWT instead, so that
    /// the service starts while the provider is down.
    pub(super) fn start(&self, now: Instant) -> Result<()> {
        let Some(text) = self.source.read_if_file() else { return Ok(()) };
        let keys = text.and_then(|text| self.parse_usable(&text)).map_err(|why| {
            let why = format!("{}, which auth.jwt.jwks_file names, {why}.", self.source);
            Error::invalid("auth.jwt.jwks_file", why)
        })?;
        *self.state() = State { keys: Some((Arc::new(keys), now)), last_read: Some(now) };
        Ok(())
    }

    /// Returns the key for a JWT with this algorithm and key ID; `None` if the set has none.
    pub(super) async fn key(
        self: &Arc<Self>,
        algorithm: Algorithm,
        id: Option<&str>,
        now: Instant,
    ) -> Result<Option<DecodingKey>, NoKeys> {
        if !self.accepted.contains(&algorithm) {
            return Ok(None);
        }
        if self.is_outdated(id, now) {
            self.refresh(id, now).await;
        }
        let keys = self.usable_keys(now).ok_or(NoKeys)?;
        Ok(keys.find(algorithm, id).cloned())
    }

    /// Returns whether a newer set might have another result.
    fn is_outdated(&self, id: Option<&str>, now: Instant) -> bool {
        let state = self.state();
        state.keys.as_ref().is_none_or(|(keys, since)| {
            now.saturating_duration_since(*since) >= self.intervals.max || id.is_some_and(|id| !keys.contains_id(id))
        })
    }

    fn may_read(&self, now: Instant) -> bool {
        self.state().last_read.is_none_or(|last_read| now.saturating_duration_since(last_read) >= self.intervals.min)
    }

    fn usable_keys(&self, now: Instant) -> Option<Arc<JwkSet>> {
        let state = self.state();
        let (keys, since) = state.keys.as_ref()?;
        (now.saturating_duration_since(*since) < MAX_AGE).then(|| Arc::clone(keys))
    }

    /// Reads the set, or waits for a read in progress.
    async fn refresh(self: &Arc<Self>, id: Option<&str>, now: Instant) {
        let read_lock = Arc::clone(&self.read_lock).lock_owned().await;
        if !self.is_outdated(id, now) || !self.may_read(now) {
            return;
        }
        self.state().last_read = Some(now);
        let set = Arc::clone(self);
        let reading = async move {
            set.read(now).await;
            drop(read_lock);
        };
        // In a separate task, so that a request that is cancelled does not interrupt the read for the others.
        let _ = self.tasks.spawn(reading.in_current_span()).await;
    }

    async fn read(&self, now: Instant) {
        match self.source.read().await.and_then(|text| self.parse(&text)) {
            Ok(keys) => {
                // An empty set replaces the previous one: it withdraws all keys.
                if keys.is_empty() {
                    tracing::warn!(source = %self.source, "the key set of auth.jwt contains no usable key");
                }
                self.state().keys = Some((Arc::new(keys), now));
            }
            Err(why) => tracing::warn!(source = %self.source, %why, "failed to fetch the key set of auth.jwt"),
        }
    }

    fn parse(&self, text: &[u8]) -> Result<JwkSet, String> {
        JwkSet::read(text, &self.accepted).ok_or_else(|| "is not a key set (RFC 7517)".into())
    }

    fn parse_usable(&self, text: &[u8]) -> Result<JwkSet, String> {
        let keys = self.parse(text)?;
        if keys.is_empty() {
            return Err(
                "contains no key that can be used with auth.jwt.algorithms (RSA keys have 2048 to 4096 bits)".into()
            );
        }
        Ok(keys)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::{Path, PathBuf};

    /// Returns a set with one Ed25519 key under each of these key IDs.
    fn set(ids: &[&str]) -> String {
        let key = |id: &&str| {
            let x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
            serde_json::json!({ "kty": "OKP", "crv": "Ed25519", "kid": id, "x": x })
        };
        serde_json::json!({ "keys": ids.iter().map(key).collect::<Vec<_>>() }).to_string()
    }

    fn file(folder: &Path, text: &str) -> PathBuf {
        let path = folder.join("jwks.json");
        std::fs::write(&path, text).expect("a file");
        path
    }

    fn open(path: &Path, now: Instant) -> Result<Arc<JwksCache>> {
        let source = KeySource::File(path.to_owned());
        let set = JwksCache::new(&source, &[KeyAlgorithm::EdDsa], TaskTracker::new())?;
        set.start(now)?;
        Ok(Arc::new(set))
    }

    /// Returns whether the set has a key with this ID; `None` if there is no set.
    async fn has(set: &Arc<JwksCache>, id: &str, now: Instant) -> Option<bool> {
        set.key(Algorithm::EdDSA, Some(id), now).await.ok().map(|key| key.is_some())
    }

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test]
    async fn changed_file_is_read_again_after_five_seconds() {
        let folder = tempfile::tempdir().expect("a folder");
        let (path, start) = (file(folder.path(), &set(&["old"])), Instant::now());
        let keys = open(&path, start).expect("a set");
        file(folder.path(), &set(&["new"]));
        let soon = start + 4 * SECOND;
        assert_eq!((has(&keys, "old", soon).await, has(&keys, "new", soon).await), (Some(true), Some(false)));
        let later = start + 5 * SECOND;
        assert_eq!((has(&keys, "old", later).await, has(&keys, "new", later).await), (Some(false), Some(true)));
        assert!(keys.key(Algorithm::RS256, Some("new"), later).await.is_ok_and(|key| key.is_none()));
    }

    #[tokio::test]
    async fn unreadable_set_is_used_for_one_hour() {
        let folder = tempfile::tempdir().expect("a folder");
        let (path, start) = (file(folder.path(), &set(&["old"])), Instant::now());
        let keys = open(&path, start).expect("a set");
        file(folder.path(), "{");
        assert_eq!(has(&keys, "old", start + 10 * SECOND).await, Some(true));
        std::fs::remove_file(&path).expect("the file exists");
        assert_eq!(has(&keys, "old", start + Duration::from_mins(59)).await, Some(true));
        assert_eq!(has(&keys, "old", start + MAX_AGE).await, None);
        // Once the set can be read again, its keys are accepted.
        file(folder.path(), &set(&["old"]));
        assert_eq!(has(&keys, "old", start + MAX_AGE + 5 * SECOND).await, Some(true));
    }

    /// R-78
    #[tokio::test]
    async fn unaccepted_algorithm_causes_no_read() {
        let folder = tempfile::tempdir().expect("a folder");
        let (path, start) = (file(folder.path(), &set(&["old"])), Instant::now());
        let keys = open(&path, start).expect("a set");
        file(folder.path(), &set(&["new"]));
        let later = start + 10 * SECOND;
        assert!(keys.key(Algorithm::HS256, Some("new"), later).await.is_ok_and(|key| key.is_none()));
        assert_eq!(keys.state().last_read, Some(start));
        assert_eq!(has(&keys, "new", later).await, Some(true));
        assert_eq!(keys.state().last_read, Some(later));
    }

    #[tokio::test]
    async fn empty_set_withdraws_all_keys() {
        let folder = tempfile::tempdir().expect("a folder");
        let (path, start) = (file(folder.path(), &set(&["old"])), Instant::now());
        let keys = open(&path, start).expect("a set");
        file(folder.path(), &set(&[]));
        assert_eq!(has(&keys, "old", start + 5 * SECOND).await, Some(false));
    }

    #[test]
    fn file_without_usable_keys_is_rejected() {
        let folder = tempfile::tempdir().expect("a folder");
        let weak = r#"{"keys":[{"kty":"RSA","kid":"hunter2","n":"AQAB","e":"AQAB"}]}"#;
        for text in ["", "{", "[]", &set(&[]), weak, &" ".repeat(300 * 1024)] {
            let path = file(folder.path(), text);
            match open(&path, Instant::now()) {
                Err(Error::Invalid { field, message }) => {
                    assert_eq!(field, "auth.jwt.jwks_file");
                    assert!(message.contains(path.to_str().expect("Unicode")) && message.ends_with('.'), "{message}");
                    assert!(!message.contains("hunter2"), "{message}");
                }
                _ => panic!("not rejected: {text:.40}"),
            }
        }
        assert!(open(&folder.path().join("nowhere"), Instant::now()).is_err());
        assert!(open(folder.path(), Instant::now()).is_err(), "a folder is no file");
    }
}
