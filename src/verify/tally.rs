//! Who used which token, from where: kept in memory until the next flush, so that a check writes nothing.

use crate::{
    domain::{
        decision::{Ask, Reach, Snapshot, Verdict},
        grant::{Request, Usage},
        id::{GrantId, TokenId},
    },
    store::{Seen, SeenGrant},
};
use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// A token's use is written at most so often.
const PAUSE: Duration = Duration::from_secs(5);
/// More tokens than can be in use between two flushes; use beyond it is not kept.
const MOST: usize = 200_000;

/// What a door saw of a request: cleaned texts only.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Observed {
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
pub struct Tally {
    entries: Mutex<HashMap<TokenId, Entry>>,
}

#[derive(Debug, Default)]
struct Entry {
    usage: Option<Usage>,
    grants: HashMap<GrantId, SeenGrant>,
    written: Option<Instant>,
}

impl Tally {
    /// Notes one request.
    pub fn note(&self, known: &Snapshot, concerned: &[&Reach], ask: &Ask, verdict: Verdict, observed: Observed) {
        let allowed = verdict == Verdict::Yes;
        let scope = Some(ask.scopes.join(" ")).filter(|scope| !scope.is_empty());
        let Observed { address, user_agent, method, path } = observed;
        let request = Request { at: ask.at, address, user_agent, method, path, scope, allowed };
        let usage = Usage { last_used_at: allowed.then_some(ask.at), last_request: Some(request) };
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        if entries.len() >= MOST && !entries.contains_key(&known.token) {
            tracing::warn!("too many tokens in use at once: the use of some is not kept");
            return;
        }
        let entry = entries.entry(known.token).or_default();
        for reach in concerned {
            let seen = SeenGrant {
                grant: reach.grant,
                organization: reach.organization,
                token: known.token,
                usage: usage.clone(),
            };
            entry.add_grant(seen);
        }
        entry.add(usage);
    }

    /// Takes what is due: all of a token's use that was not written within the last five seconds, or just all.
    pub fn due(&self, now: Instant, all: bool) -> (Vec<Seen>, Vec<SeenGrant>) {
        let (mut tokens, mut grants) = (Vec::new(), Vec::new());
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        for (token, entry) in entries.iter_mut() {
            if !all && entry.rests(now) {
                continue;
            }
            if let Some(usage) = entry.usage.take() {
                tokens.push(Seen { token: *token, usage });
                grants.extend(entry.grants.drain().map(|(_, seen)| seen));
                entry.written = Some(now);
            }
        }
        entries.retain(|_, entry| entry.usage.is_some() || entry.rests(now));
        (tokens, grants)
    }

    /// Takes back what could not be written; it is due at once.
    pub fn take_back(&self, tokens: Vec<Seen>, grants: Vec<SeenGrant>) {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        for seen in tokens {
            let entry = entries.entry(seen.token).or_default();
            entry.written = None;
            entry.add(seen.usage);
        }
        for seen in grants {
            entries.entry(seen.token).or_default().add_grant(seen);
        }
    }
}

impl Entry {
    fn rests(&self, now: Instant) -> bool {
        self.written.is_some_and(|written| now.saturating_duration_since(written) < PAUSE)
    }

    fn add(&mut self, usage: Usage) {
        match &mut self.usage {
            Some(present) => merge(present, usage),
            none => *none = Some(usage),
        }
    }

    fn add_grant(&mut self, seen: SeenGrant) {
        match self.grants.get_mut(&seen.grant) {
            Some(present) => merge(&mut present.usage, seen.usage),
            None => {
                self.grants.insert(seen.grant, seen);
            }
        }
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
        decision::{Owner, Reason},
        id::{OrganizationId, UserId},
        time::Time,
    };

    const NOW: Time = Time::from_micros(1_795_426_200_000_000);

    fn known() -> Snapshot {
        let reach =
            |slug: &str| Reach { grant: GrantId::new(NOW), organization: OrganizationId::new(NOW), slug: slug.into() };
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
            reaches: vec![reach("acme"), reach("globex")],
        }
    }

    fn note(tally: &Tally, known: &Snapshot, seconds: u64, verdict: Verdict) {
        let ask = Ask { at: NOW.plus(Duration::from_secs(seconds)), ..Default::default() };
        tally.note(known, &known.reaches.iter().collect::<Vec<_>>(), &ask, verdict, Observed::default());
    }

    #[test]
    fn the_first_use_is_due_at_once_and_later_ones_after_five_seconds() {
        let (tally, known, start) = (Tally::default(), known(), Instant::now());
        note(&tally, &known, 0, Verdict::Yes);
        let (tokens, grants) = tally.due(start, false);
        assert_eq!((tokens.len(), grants.len()), (1, 2));
        note(&tally, &known, 1, Verdict::Yes);
        assert_eq!(tally.due(start + Duration::from_secs(4), false).0.len(), 0);
        assert_eq!(tally.due(start + Duration::from_secs(5), false).0.len(), 1);
        assert_eq!(tally.due(start + Duration::from_secs(99), true).0.len(), 0, "nothing is written twice");
    }

    #[test]
    fn a_refused_request_is_the_most_recent_one_and_no_use() {
        let (tally, known) = (Tally::default(), known());
        note(&tally, &known, 0, Verdict::Yes);
        note(&tally, &known, 1, Verdict::No(Reason::NotGranted));
        let (tokens, _) = tally.due(Instant::now(), true);
        assert_eq!(tokens[0].usage.last_used_at, Some(NOW));
        assert_eq!(tokens[0].usage.last_request.as_ref().map(|request| request.allowed), Some(false));
    }

    #[test]
    fn what_could_not_be_written_is_due_again_and_does_not_hide_later_use() {
        let (tally, known, start) = (Tally::default(), known(), Instant::now());
        note(&tally, &known, 0, Verdict::Yes);
        let (tokens, grants) = tally.due(start, false);
        note(&tally, &known, 3, Verdict::Yes);
        tally.take_back(tokens, grants);
        let (tokens, grants) = tally.due(start, false);
        assert_eq!(tokens[0].usage.last_used_at, Some(NOW.plus(Duration::from_secs(3))));
        assert_eq!(grants.len(), 2);
    }

    #[test]
    fn tokens_that_are_not_used_are_forgotten() {
        let (tally, known, start) = (Tally::default(), known(), Instant::now());
        note(&tally, &known, 0, Verdict::Yes);
        tally.due(start, false);
        tally.due(start + Duration::from_secs(6), false);
        assert!(tally.entries.lock().expect("the entries").is_empty());
    }
}
