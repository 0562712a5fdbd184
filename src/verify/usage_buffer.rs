//! Who used which token, from where: kept in memory until the next flush, so that a check writes nothing.

use crate::{
    domain::{
        decision::{CheckRequest, Snapshot, SnapshotGrant, Verdict},
        grant::{Request, Usage},
        id::{GrantId, OrganizationId, TokenId},
        scope::ScopeName,
    },
    store::{GrantUsage, TokenUsage},
};
use std::{
    collections::HashMap,
    hash::Hash,
    net::IpAddr,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// The use of a token, and of one with an organization, is written at most so often.
const WRITE_INTERVAL: Duration = Duration::from_secs(5);
/// More than can be in use between two flushes; use beyond it is not kept.
const MAX_ENTRIES: usize = 200_000;
/// More scopes than a request has reason to ask for are not kept.
const MAX_SCOPES: usize = 20;

/// What a door saw of a request: cleaned texts only.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ObservedRequest {
    /// From where, in canonical form.
    pub address: Option<IpAddr>,
    /// With what.
    pub user_agent: Option<String>,
    /// How.
    pub method: Option<String>,
    /// To what, without the query.
    pub path: Option<String>,
}

/// Use that is not written yet.
#[derive(Debug, Default)]
pub struct UsageBuffer {
    entries: Mutex<Entries>,
}

#[derive(Debug, Default)]
struct Entries {
    tokens: HashMap<TokenId, Entry>,
    grants: HashMap<(GrantId, OrganizationId, TokenId), Entry>,
}

/// The use of a token, or of one with an organization.
#[derive(Debug, Default)]
struct Entry {
    usage: Option<Usage>,
    written: Option<Instant>,
    /// Whether what was written held an allowed request.
    used: bool,
}

impl UsageBuffer {
    /// Notes one request.
    pub fn record(
        &self,
        known: &Snapshot,
        concerned: &[&SnapshotGrant],
        ask: &CheckRequest,
        verdict: Verdict,
        observed: ObservedRequest,
    ) {
        let allowed = verdict == Verdict::Yes;
        let ObservedRequest { address, user_agent, method, path } = observed;
        let request = Request { at: ask.at, address, user_agent, method, path, scope: named(&ask.scopes), allowed };
        let usage = Usage { last_used_at: allowed.then_some(ask.at), last_request: Some(request) };
        let mut entries = self.entries();
        for reach in concerned {
            add(&mut entries.grants, (reach.grant, reach.organization, known.token), usage.clone());
        }
        add(&mut entries.tokens, known.token, usage);
    }

    /// Takes what is due, or just all. Due is what was not written within the last five seconds; the first allowed request
    /// waits for no refused one.
    pub fn due(&self, now: Instant, all: bool) -> (Vec<TokenUsage>, Vec<GrantUsage>) {
        let mut entries = self.entries();
        let tokens = take(&mut entries.tokens, now, all).map(|(token, usage)| TokenUsage { token, usage }).collect();
        let grants = take(&mut entries.grants, now, all)
            .map(|((grant, organization, token), usage)| GrantUsage { grant, organization, token, usage })
            .collect();
        (tokens, grants)
    }

    /// Takes back what could not be written; it is due at once.
    pub fn requeue(&self, tokens: Vec<TokenUsage>, grants: Vec<GrantUsage>) {
        let mut entries = self.entries();
        for seen in tokens {
            if let Some(entry) = add(&mut entries.tokens, seen.token, seen.usage) {
                entry.written = None;
            }
        }
        for seen in grants {
            if let Some(entry) = add(&mut entries.grants, (seen.grant, seen.organization, seen.token), seen.usage) {
                entry.written = None;
            }
        }
    }

    fn entries(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The scopes that a request asked for, as far as they are names: whatever else somebody wrote there may be a secret, or
/// what no store takes.
fn named(asked: &[String]) -> Option<String> {
    let names = asked.iter().filter_map(|name| ScopeName::new(name)).take(MAX_SCOPES);
    Some(names.map(|name| name.to_string()).collect::<Vec<_>>().join(" ")).filter(|names| !names.is_empty())
}

fn add<K: Eq + Hash>(entries: &mut HashMap<K, Entry>, key: K, usage: Usage) -> Option<&mut Entry> {
    if entries.len() >= MAX_ENTRIES && !entries.contains_key(&key) {
        tracing::warn!("too many tokens in use, dropped the usage of some");
        return None;
    }
    let entry = entries.entry(key).or_default();
    match &mut entry.usage {
        Some(present) => merge(present, usage),
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
    entries.retain(|_, entry| entry.usage.is_some() || entry.was_written_lately(now));
    taken.into_iter()
}

impl Entry {
    fn was_written_lately(&self, now: Instant) -> bool {
        self.written.is_some_and(|written| now.saturating_duration_since(written) < WRITE_INTERVAL)
    }

    fn waits(&self, now: Instant) -> bool {
        let first = !self.used && self.usage.as_ref().is_some_and(|usage| usage.last_used_at.is_some());
        self.was_written_lately(now) && !first
    }

    fn take(&mut self, now: Instant) -> Option<Usage> {
        let usage = self.usage.take()?;
        self.written = Some(now);
        self.used |= usage.last_used_at.is_some();
        Some(usage)
    }
}

/// The later of two, whichever came first.
fn merge(present: &mut Usage, other: Usage) {
    present.last_used_at = present.last_used_at.max(other.last_used_at);
    let at = |usage: &Usage| usage.last_request.as_ref().map(|request| request.at);
    if at(&other) >= at(present) {
        present.last_request = other.last_request;
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

    fn known() -> Snapshot {
        let reach = |slug: &str| SnapshotGrant {
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
            grants: vec![reach("acme"), reach("globex")],
        }
    }

    fn record(tally: &UsageBuffer, known: &Snapshot, seconds: u64, verdict: Verdict) {
        let ask = CheckRequest { at: NOW.plus(Duration::from_secs(seconds)), ..Default::default() };
        tally.record(known, &known.grants.iter().collect::<Vec<_>>(), &ask, verdict, ObservedRequest::default());
    }

    #[test]
    fn the_first_use_is_due_at_once_and_later_ones_after_five_seconds() {
        let (tally, known, start) = (UsageBuffer::default(), known(), Instant::now());
        record(&tally, &known, 0, Verdict::Yes);
        let (tokens, grants) = tally.due(start, false);
        assert_eq!((tokens.len(), grants.len()), (1, 2));
        record(&tally, &known, 1, Verdict::Yes);
        assert_eq!(tally.due(start + Duration::from_secs(4), false).0.len(), 0);
        assert_eq!(tally.due(start + Duration::from_secs(5), false).0.len(), 1);
        assert_eq!(tally.due(start + Duration::from_secs(99), true).0.len(), 0, "nothing is written twice");
    }

    #[test]
    fn a_first_use_waits_for_no_refused_request_and_for_no_other_organization() {
        let (tally, known, start) = (UsageBuffer::default(), known(), Instant::now());
        let with = |reaches: std::ops::Range<usize>, seconds: u64, verdict: Verdict| {
            let ask = CheckRequest { at: NOW.plus(Duration::from_secs(seconds)), ..Default::default() };
            let reaches: Vec<_> = known.grants[reaches].iter().collect();
            tally.record(&known, &reaches, &ask, verdict, ObservedRequest::default());
        };
        let due = |seconds: u64| {
            let (tokens, grants) = tally.due(start + Duration::from_secs(seconds), false);
            (tokens.len(), grants.len())
        };
        with(0..2, 0, Verdict::No(DenyReason::NotGranted));
        assert_eq!(due(0), (1, 2));
        with(0..2, 1, Verdict::No(DenyReason::NotGranted));
        assert_eq!(due(1), (0, 0), "refused requests are written every five seconds");
        with(0..1, 1, Verdict::Yes);
        assert_eq!(due(1), (1, 1), "the first use is due at once");
        with(0..2, 2, Verdict::Yes);
        assert_eq!(due(2), (0, 1), "and so is the first one with another organization");
        with(0..2, 3, Verdict::Yes);
        assert_eq!(due(3), (0, 0));
        assert_eq!(due(6), (1, 1));
        assert_eq!(due(7), (0, 1));
    }

    ///
    #[test]
    fn of_what_was_asked_for_only_names_are_kept_and_not_without_end() {
        let value = format!("twd_{}", "aB3".repeat(12));
        let asked =
            ["read_builds", "\0", &value, "Read", "\u{202e}", "write_builds", &"x".repeat(65)].map(str::to_owned);
        assert_eq!(named(&asked).as_deref(), Some("read_builds write_builds"));
        assert_eq!(named(&asked[1..5]), None);
        let many: Vec<_> = (0..60_000).map(|number| format!("s{number}")).collect();
        assert!(named(&many).is_some_and(|names| names.len() < 100));
    }

    #[test]
    fn a_refused_request_is_the_most_recent_one_and_no_use() {
        let (tally, known) = (UsageBuffer::default(), known());
        record(&tally, &known, 0, Verdict::Yes);
        record(&tally, &known, 1, Verdict::No(DenyReason::NotGranted));
        let (tokens, _) = tally.due(Instant::now(), true);
        assert_eq!(tokens[0].usage.last_used_at, Some(NOW));
        assert_eq!(tokens[0].usage.last_request.as_ref().map(|request| request.allowed), Some(false));
    }

    #[test]
    fn what_could_not_be_written_is_due_again_and_does_not_hide_later_use() {
        let (tally, known, start) = (UsageBuffer::default(), known(), Instant::now());
        record(&tally, &known, 0, Verdict::Yes);
        let (tokens, grants) = tally.due(start, false);
        record(&tally, &known, 3, Verdict::Yes);
        tally.requeue(tokens, grants);
        let (tokens, grants) = tally.due(start, false);
        assert_eq!(tokens[0].usage.last_used_at, Some(NOW.plus(Duration::from_secs(3))));
        assert_eq!(grants.len(), 2);
    }

    #[test]
    fn tokens_that_are_not_used_are_forgotten() {
        let (tally, known, start) = (UsageBuffer::default(), known(), Instant::now());
        record(&tally, &known, 0, Verdict::Yes);
        tally.due(start, false);
        tally.due(start + Duration::from_secs(6), false);
        assert!(tally.entries().tokens.is_empty() && tally.entries().grants.is_empty());
    }
}
