//! How fresh are the keys? A set is read again while it is used, so that new keys are found and withdrawn ones forgotten,
//! and never so often that somebody's nonsense could make us a nuisance.

use super::{jwk_set::Keys, jwks_source::Source};
use crate::{
    config::{KeyAlgorithm, KeySource},
    domain::error::{Error, Result},
};
use jsonwebtoken::{Algorithm, DecodingKey};
use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};
use tokio::sync::Mutex as Turn;
use tokio_util::task::TaskTracker;
use tracing::Instrument as _;

/// How long a set serves that can no longer be read.
const KEPT: Duration = Duration::from_hours(1);

/// The keys of an identity provider.
pub(super) struct JwksCache {
    source: Source,
    pace: Pace,
    accepted: Vec<Algorithm>,
    known: Mutex<Known>,
    /// Held while the set is read: whoever needs it waits for that instead of reading it too.
    turn: Arc<Turn<()>>,
    tasks: TaskTracker,
}

/// No set is known that is recent enough.
pub(super) struct NoKeys;

/// How often a set is read, at most and at least, while it is used.
#[derive(Clone, Copy)]
struct Pace {
    rest: Duration,
    fresh: Duration,
}

#[derive(Default)]
struct Known {
    /// The last set that could be read, and when that began.
    keys: Option<(Arc<Keys>, Instant)>,
    /// When reading was tried last, with or without success.
    tried: Option<Instant>,
}

impl Pace {
    const fn of(source: &Source) -> Self {
        match source {
            Source::File(_) => Self { rest: Duration::from_secs(5), fresh: Duration::from_secs(5) },
            Source::Address(_) => Self { rest: Duration::from_mins(1), fresh: Duration::from_mins(5) },
        }
    }
}

impl JwksCache {
    /// The keys for these algorithms that are found there; nothing is read yet.
    pub(super) fn new(source: &KeySource, algorithms: &[KeyAlgorithm], tasks: TaskTracker) -> Result<Self> {
        let source = Source::new(source)?;
        let accepted = algorithms.iter().map(|algorithm| match algorithm {
            KeyAlgorithm::Rs256 => Algorithm::RS256,
            KeyAlgorithm::Es256 => Algorithm::ES256,
            KeyAlgorithm::EdDsa => Algorithm::EdDSA,
        });
        Ok(Self {
            pace: Pace::of(&source),
            source,
            accepted: accepted.collect(),
            known: Mutex::default(),
            turn: Arc::default(),
            tasks,
        })
    }

    /// Reads a file, and refuses one that holds no key that could be used. An address is asked when the first JWT comes:
    /// a provider that is down does not keep the service from starting.
    pub(super) fn start(&self, now: Instant) -> Result<()> {
        let Some(text) = self.source.read_at_once() else { return Ok(()) };
        let keys = text.and_then(|text| self.usable(&text)).map_err(|why| {
            let why = format!("{}, which auth.jwt.jwks_file names, {why}.", self.source);
            Error::invalid("auth.jwt.jwks_file", why)
        })?;
        *self.known() = Known { keys: Some((Arc::new(keys), now)), tried: Some(now) };
        Ok(())
    }

    /// The key for a JWT of this algorithm that names this id, if the set has one.
    pub(super) async fn key(
        self: &Arc<Self>,
        algorithm: Algorithm,
        id: Option<&str>,
        now: Instant,
    ) -> Result<Option<DecodingKey>, NoKeys> {
        if !self.accepted.contains(&algorithm) {
            return Ok(None);
        }
        if self.wants(id, now) {
            self.renew(id, now).await;
        }
        let keys = self.kept(now).ok_or(NoKeys)?;
        Ok(keys.find(algorithm, id).cloned())
    }

    /// Whether a newer set might answer otherwise.
    fn wants(&self, id: Option<&str>, now: Instant) -> bool {
        let known = self.known();
        known.keys.as_ref().is_none_or(|(keys, since)| {
            now.saturating_duration_since(*since) >= self.pace.fresh || id.is_some_and(|id| !keys.know(id))
        })
    }

    fn may_try(&self, now: Instant) -> bool {
        self.known().tried.is_none_or(|tried| now.saturating_duration_since(tried) >= self.pace.rest)
    }

    fn kept(&self, now: Instant) -> Option<Arc<Keys>> {
        let known = self.known();
        let (keys, since) = known.keys.as_ref()?;
        (now.saturating_duration_since(*since) < KEPT).then(|| Arc::clone(keys))
    }

    /// Reads the set, or waits for whoever does.
    async fn renew(self: &Arc<Self>, id: Option<&str>, now: Instant) {
        let turn = Arc::clone(&self.turn).lock_owned().await;
        if !self.wants(id, now) || !self.may_try(now) {
            return;
        }
        self.known().tried = Some(now);
        let set = Arc::clone(self);
        let reading = async move {
            set.read(now).await;
            drop(turn);
        };
        // A task of its own: whoever asks and leaves at once takes no turn away from the others.
        let _ = self.tasks.spawn(reading.in_current_span()).await;
    }

    async fn read(&self, now: Instant) {
        match self.source.read().await.and_then(|text| self.parsed(&text)) {
            Ok(keys) => {
                // Somebody who withdraws every key means it.
                if keys.is_empty() {
                    tracing::warn!(source = %self.source, "the key set of auth.jwt contains no usable key");
                }
                self.known().keys = Some((Arc::new(keys), now));
            }
            Err(why) => tracing::warn!(source = %self.source, %why, "failed to fetch the key set of auth.jwt"),
        }
    }

    fn parsed(&self, text: &[u8]) -> Result<Keys, String> {
        Keys::read(text, &self.accepted).ok_or_else(|| "is no key set (RFC 7517)".into())
    }

    fn usable(&self, text: &[u8]) -> Result<Keys, String> {
        let keys = self.parsed(text)?;
        if keys.is_empty() {
            return Err(
                "holds no key that can be used with auth.jwt.algorithms (RSA keys have 2048 to 4096 bits)".into()
            );
        }
        Ok(keys)
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::{Path, PathBuf};

    /// Keys of Ed25519 with these ids; that they are all the same does not matter here.
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

    /// Whether the set has a key of this id; `None` when there is no set.
    async fn has(set: &Arc<JwksCache>, id: &str, now: Instant) -> Option<bool> {
        set.key(Algorithm::EdDSA, Some(id), now).await.ok().map(|key| key.is_some())
    }

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test]
    async fn a_file_that_changes_is_read_again_after_some_seconds() {
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
    async fn a_set_that_can_no_longer_be_read_serves_for_an_hour_and_then_nobody_is_let_in() {
        let folder = tempfile::tempdir().expect("a folder");
        let (path, start) = (file(folder.path(), &set(&["old"])), Instant::now());
        let keys = open(&path, start).expect("a set");
        file(folder.path(), "{");
        assert_eq!(has(&keys, "old", start + 10 * SECOND).await, Some(true));
        std::fs::remove_file(&path).expect("it is there");
        assert_eq!(has(&keys, "old", start + Duration::from_mins(59)).await, Some(true));
        assert_eq!(has(&keys, "old", start + KEPT).await, None);
        // It comes back when the set does.
        file(folder.path(), &set(&["old"]));
        assert_eq!(has(&keys, "old", start + KEPT + 5 * SECOND).await, Some(true));
    }

    /// R-78
    #[tokio::test]
    async fn for_an_algorithm_that_is_not_accepted_nothing_is_read() {
        let folder = tempfile::tempdir().expect("a folder");
        let (path, start) = (file(folder.path(), &set(&["old"])), Instant::now());
        let keys = open(&path, start).expect("a set");
        file(folder.path(), &set(&["new"]));
        let later = start + 10 * SECOND;
        assert!(keys.key(Algorithm::HS256, Some("new"), later).await.is_ok_and(|key| key.is_none()));
        assert_eq!(keys.known().tried, Some(start));
        assert_eq!(has(&keys, "new", later).await, Some(true));
        assert_eq!(keys.known().tried, Some(later));
    }

    #[tokio::test]
    async fn a_set_without_keys_is_a_withdrawal_of_all() {
        let folder = tempfile::tempdir().expect("a folder");
        let (path, start) = (file(folder.path(), &set(&["old"])), Instant::now());
        let keys = open(&path, start).expect("a set");
        file(folder.path(), &set(&[]));
        assert_eq!(has(&keys, "old", start + 5 * SECOND).await, Some(false));
    }

    #[test]
    fn a_file_without_a_key_that_can_be_used_is_refused_and_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let weak = r#"{"keys":[{"kty":"RSA","kid":"hunter2","n":"AQAB","e":"AQAB"}]}"#;
        for text in ["", "{", "[]", &set(&[]), weak, &" ".repeat(300 * 1024)] {
            let path = file(folder.path(), text);
            match open(&path, Instant::now()) {
                Err(Error::Invalid { field, why }) => {
                    assert_eq!(field, "auth.jwt.jwks_file");
                    assert!(why.contains(path.to_str().expect("Unicode")) && why.ends_with('.'), "{why}");
                    assert!(!why.contains("hunter2"), "{why}");
                }
                _ => panic!("not refused: {text:.40}"),
            }
        }
        assert!(open(&folder.path().join("nowhere"), Instant::now()).is_err());
        assert!(open(folder.path(), Instant::now()).is_err(), "a folder is no file");
    }
}
