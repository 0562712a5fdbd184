//! The usage buffer: keeps the usage of tokens in memory until it is written, so that a check writes nothing.

use crate::{
    domain::{
        decision::{CheckRequest, Snapshot, SnapshotGrant, Verdict},
        grant::{Request, Usage},
        id::{GrantId, OrganizationId, TokenId},
        scope::ScopeName,
    },
    store::{GrantUsage, TokenUsage, UsageBatch},
};
use std::{
    collections::HashMap,
    hash::Hash,
    net::IpAddr,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// The minimum time between two writes of the usage of a token, or of a token with one organization.
const WRITE_INTERVAL: Duration = Duration::from_secs(5);
/// The maximum number of entries: more than can be used between two writes. Usage beyond it is dropped.
const MAX_ENTRIES: usize = 200_000;
/// The maximum number of scopes that are recorded for a request.
const MAX_SCOPES: usize = 20;

/// The attributes of a request that an endpoint observed. The texts are cleaned.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ObservedRequest {
    /// The IP address of the client, in canonical form.
    pub address: Option<IpAddr>,
    /// The user agent.
    pub user_agent: Option<String>,
    /// The HTTP method.
    pub method: Option<String>,
    /// The path without its query.
    pub path: Option<String>,
}

/// The usage that is not yet written.
#[derive(Debug, Default)]
pub struct UsageBuffer {
    entries: Mutex<Entries>,
}

#[derive(Debug, Default)]
struct Entries {
    tokens: HashMap<TokenId, Entry>,
    grants: HashMap<(GrantId, OrganizationId, TokenId), Entry>,
}

/// The usage of a token, or of a token with one organization.
#[derive(Debug, Default)]
struct Entry {
    usage: Option<Usage>,
    written: Option<Instant>,
    /// Whether an allowed request was written.
    used: bool,
}

impl UsageBuffer {
    /// Records a request.
    pub fn record(
        &self,
        snapshot: &Snapshot,
        grants: &[&SnapshotGrant],
        request: &CheckRequest<'_>,
        verdict: Verdict,
        observed: ObservedRequest,
    ) {
        let allowed = verdict == Verdict::Allow;
        let ObservedRequest { address, user_agent, method, path } = observed;
        let last_request =
            Request { at: request.at, address, user_agent, method, path, scope: scope_names(request.scopes), allowed };
        let usage = Usage { last_used_at: allowed.then_some(request.at), last_request: Some(last_request) };
        let mut entries = self.entries();
        for grant in grants {
            add(&mut entries.grants, (grant.grant, grant.organization, snapshot.token), usage.clone());
        }
        add(&mut entries.tokens, snapshot.token, usage);
    }

    /// Takes the usage that is due, or all of it. Usage is due if its entry was not written within the last five seconds. The
    /// first allowed request is due even if a denied request was just written.
    pub fn due(&self, now: Instant, all: bool) -> UsageBatch {
        let mut entries = self.entries();
        let tokens = take(&mut entries.tokens, now, all).map(|(token, usage)| TokenUsage { token, usage }).collect();
        let grants = take(&mut entries.grants, now, all)
            .map(|((grant, organization, token), usage)| GrantUsage { grant, organization, token, usage })
            .collect();
        UsageBatch { tokens, grants }
    }

    /// Puts usage back that could not be written. It is due at once.
    pub fn requeue(&self, unwritten: UsageBatch) {
        let mut entries = self.entries();
        for token in unwritten.tokens {
            if let Some(entry) = add(&mut entries.tokens, token.token, token.usage) {
                entry.written = None;
            }
        }
        for grant in unwritten.grants {
            if let Some(entry) = add(&mut entries.grants, (grant.grant, grant.organization, grant.token), grant.usage) {
                entry.written = None;
            }
        }
    }

    fn entries(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns the requested scopes that are valid names. Other texts may be secrets, or may be rejected by the database.
fn scope_names(scopes: &[String]) -> Option<String> {
    let names = scopes.iter().filter_map(|name| ScopeName::new(name)).take(MAX_SCOPES);
    Some(names.map(|name| name.to_string()).collect::<Vec<_>>().join(" ")).filter(|names| !names.is_empty())
}

fn add<K: Eq + Hash>(entries: &mut HashMap<K, Entry>, key: K, usage: Usage) -> Option<&mut Entry> {
    if entries.len() >= MAX_ENTRIES && !entries.contains_key(&key) {
        tracing::warn!("too many tokens in use, dropped the usage of some");
        return None;
    }
    let entry = entries.entry(key).or_default();
    match &mut entry.usage {
        Some(current) => merge(current, usage),
        none => *none = Some(usage),
    }
    Some(entry)
}

fn take<K: Copy + Eq + Hash>(
    entries: &mut HashMap<K, Entry>,
    now: Instant,
    all: bool,
) -> impl Iterator<Item = (K, Usage)> {
    let due = entries.iter_mut().filter(|(_, entry)| all || !entry.waits(now));
    let taken: Vec<_> = due.filter_map(|(key, entry)| Some((*key, entry.take(now)?))).collect();
    entries.retain(|_, entry| entry.usage.is_some() || entry.was_written_recently(now));
    taken.into_iter()
}

impl Entry {
    fn was_written_recently(&self, now: Instant) -> bool {
        self.written.is_some_and(|written| now.saturating_duration_since(written) < WRITE_INTERVAL)
    }

    fn waits(&self, now: Instant) -> bool {
        let first = !self.used && self.usage.as_ref().is_some_and(|usage| usage.last_used_at.is_some());
        self.was_written_recently(now) && !first
    }

    fn take(&mut self, now: Instant) -> Option<Usage> {
        let usage = self.usage.take()?;
        self.written = Some(now);
        self.used |= usage.last_used_at.is_some();
        Some(usage)
    }
}

/// Keeps the later times and the later request of the two.
fn merge(current: &mut Usage, other: Usage) {
    current.last_used_at = current.last_used_at.max(other.last_used_at);
    let at = |usage: &Usage| usage.last_request.as_ref().map(|request| request.at);
    if at(&other) >= at(current) {
        current.last_request = other.last_request;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        decision::{DenyReason, Owner},
        id::UserId,
        time::Time,
    };

    const NOW: Time = Time::from_micros(1_795_426_200_000_000);

    fn snapshot() -> Snapshot {
        let grant = |slug: &str| SnapshotGrant {
            grant: GrantId::new(NOW),
            organization: OrganizationId::new(NOW),
            slug: slug.into(),
        };
        let owner =
            Owner { id: UserId::new(NOW), username: "bob".into(), name: "Bob".into(), email: None, enabled: true };
        Snapshot {
            token: TokenId::new(NOW),
            description: "deploy".into(),
            scopes: std::iter::empty().collect(),
            created_at: NOW,
            expires_at: None,
            expired_at: None,
            revoked_at: None,
            owner,
            grants: vec![grant("acme"), grant("globex")],
        }
    }

    fn record(buffer: &UsageBuffer, snapshot: &Snapshot, seconds: u64, verdict: Verdict) {
        let request = CheckRequest::at(NOW.plus(Duration::from_secs(seconds)));
        buffer.record(
            snapshot,
            &snapshot.grants.iter().collect::<Vec<_>>(),
            &request,
            verdict,
            ObservedRequest::default(),
        );
    }

    #[test]
    fn first_usage_is_due_at_once_and_later_usage_after_five_seconds() {
        let (buffer, snapshot, start) = (UsageBuffer::default(), snapshot(), Instant::now());
        record(&buffer, &snapshot, 0, Verdict::Allow);
        let due = buffer.due(start, false);
        assert_eq!((due.tokens.len(), due.grants.len()), (1, 2));
        record(&buffer, &snapshot, 1, Verdict::Allow);
        assert_eq!(buffer.due(start + Duration::from_secs(4), false).tokens.len(), 0);
        assert_eq!(buffer.due(start + Duration::from_secs(5), false).tokens.len(), 1);
        assert_eq!(buffer.due(start + Duration::from_secs(99), true).tokens.len(), 0, "nothing is written twice");
    }

    #[test]
    fn first_usage_is_not_delayed_by_denied_requests_or_other_organizations() {
        let (buffer, snapshot, start) = (UsageBuffer::default(), snapshot(), Instant::now());
        let with = |indexes: std::ops::Range<usize>, seconds: u64, verdict: Verdict| {
            let request = CheckRequest::at(NOW.plus(Duration::from_secs(seconds)));
            let grants: Vec<_> = snapshot.grants[indexes].iter().collect();
            buffer.record(&snapshot, &grants, &request, verdict, ObservedRequest::default());
        };
        let due = |seconds: u64| {
            let due = buffer.due(start + Duration::from_secs(seconds), false);
            (due.tokens.len(), due.grants.len())
        };
        with(0..2, 0, Verdict::Deny(DenyReason::NotGranted));
        assert_eq!(due(0), (1, 2));
        with(0..2, 1, Verdict::Deny(DenyReason::NotGranted));
        assert_eq!(due(1), (0, 0), "denied requests are written every five seconds");
        with(0..1, 1, Verdict::Allow);
        assert_eq!(due(1), (1, 1), "the first use is due at once");
        with(0..2, 2, Verdict::Allow);
        assert_eq!(due(2), (0, 1), "so is the first use with another organization");
        with(0..2, 3, Verdict::Allow);
        assert_eq!(due(3), (0, 0));
        assert_eq!(due(6), (1, 1));
        assert_eq!(due(7), (0, 1));
    }

    ///
    #[test]
    fn only_valid_scope_names_are_recorded_up_to_a_limit() {
        let value = format!("twd_{}", "aB3".repeat(12));
        let scopes =
            ["read_builds", "\0", &value, "Read", "\u{202e}", "write_builds", &"x".repeat(65)].map(str::to_owned);
        assert_eq!(scope_names(&scopes).as_deref(), Some("read_builds write_builds"));
        assert_eq!(scope_names(&scopes[1..5]), None);
        let many: Vec<_> = (0..60_000).map(|number| format!("s{number}")).collect();
        assert!(scope_names(&many).is_some_and(|names| names.len() < 100));
    }

    #[test]
    fn denied_request_is_recorded_but_not_as_usage() {
        let (buffer, snapshot) = (UsageBuffer::default(), snapshot());
        record(&buffer, &snapshot, 0, Verdict::Allow);
        record(&buffer, &snapshot, 1, Verdict::Deny(DenyReason::NotGranted));
        let UsageBatch { tokens, .. } = buffer.due(Instant::now(), true);
        assert_eq!(tokens[0].usage.last_used_at, Some(NOW));
        assert_eq!(tokens[0].usage.last_request.as_ref().map(|request| request.allowed), Some(false));
    }

    #[test]
    fn requeued_usage_is_due_and_keeps_later_usage() {
        let (buffer, snapshot, start) = (UsageBuffer::default(), snapshot(), Instant::now());
        record(&buffer, &snapshot, 0, Verdict::Allow);
        let unwritten = buffer.due(start, false);
        record(&buffer, &snapshot, 3, Verdict::Allow);
        buffer.requeue(unwritten);
        let UsageBatch { tokens, grants } = buffer.due(start, false);
        assert_eq!(tokens[0].usage.last_used_at, Some(NOW.plus(Duration::from_secs(3))));
        assert_eq!(grants.len(), 2);
    }

    #[test]
    fn unused_entries_are_removed() {
        let (buffer, snapshot, start) = (UsageBuffer::default(), snapshot(), Instant::now());
        record(&buffer, &snapshot, 0, Verdict::Allow);
        buffer.due(start, false);
        buffer.due(start + Duration::from_secs(6), false);
        assert!(buffer.entries().tokens.is_empty() && buffer.entries().grants.is_empty());
    }
}
