//! Is this token good, for what, for which organization? Pure, and says why.

use crate::domain::{
    id::{GrantId, OrganizationId, TokenId, UserId},
    scope::{Catalogue, ScopeSet},
    time::Time,
    token::TokenStatus,
};
use std::collections::BTreeSet;

/// All that a decision rests on, read in one statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// Which token.
    pub token: TokenId,
    /// What it is for.
    pub description: String,
    /// What it may do.
    pub scopes: ScopeSet,
    /// When it was made.
    pub created_at: Time,
    /// When it ends by itself.
    pub expires_at: Option<Time>,
    /// When it was first seen expired.
    pub expired_at: Option<Time>,
    /// When it was revoked.
    pub revoked_at: Option<Time>,
    /// Whose it is.
    pub owner: Owner,
    /// Where its grant stands, its owner is a member and the organization exists.
    pub grants: Vec<SnapshotGrant>,
}

/// The owner of a token, as far as the doors tell of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// Who.
    pub id: UserId,
    /// Their handle.
    pub username: String,
    /// What people call them.
    pub name: String,
    /// Where letters go.
    pub email: Option<String>,
    /// False while they are disabled: nothing of theirs is accepted.
    pub enabled: bool,
}

/// One organization that a token reaches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotGrant {
    /// The period of access.
    pub grant: GrantId,
    /// Whose data.
    pub organization: OrganizationId,
    /// Its handle.
    pub slug: String,
}

/// What whoever asks may be told of; nothing named means everything.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Limits {
    /// These organizations only, by their slugs.
    pub organizations: BTreeSet<String>,
    /// These scopes only.
    pub scopes: ScopeSet,
}

impl Limits {
    /// Takes away what lies outside. False when nothing is left of what is limited: then the token is none of theirs.
    pub fn limit_to(&self, known: &mut Snapshot) -> bool {
        if !self.organizations.is_empty() {
            known.grants.retain(|reach| self.organizations.contains(&reach.slug));
        }
        if !self.scopes.is_empty() {
            known.scopes = known.scopes.iter().filter(|scope| self.scopes.contains(scope)).cloned().collect();
        }
        let reaches = self.organizations.is_empty() || !known.grants.is_empty();
        let may = self.scopes.is_empty() || !known.scopes.is_empty();
        reaches && may
    }
}

/// What somebody wants to know of a token.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CheckRequest {
    /// When.
    pub at: Time,
    /// The organization whose data is asked for, by its slug.
    pub organization: Option<String>,
    /// The scopes that the call needs: all of them.
    pub scopes: Vec<String>,
    /// What they may be told of.
    pub limits: Limits,
}

/// The answer, and why it is no.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The token is good for all that was asked.
    Yes,
    /// It is not.
    No(DenyReason),
}

/// Why a token is refused, in the order in which it is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DenyReason {
    /// Somebody ended it.
    Revoked,
    /// Its time is over.
    Expired,
    /// Its owner is disabled.
    OwnerDisabled,
    /// It does not reach the organization, or there is none of that name, or whoever asks may be told of nothing it has.
    NotGranted,
    /// It lacks a scope: which of the asked ones, counted from 0.
    LacksScope(usize),
}

/// The verify rule. A scope that left the catalogue is accepted no more, though tokens keep it.
pub fn decide(known: &Snapshot, ask: &CheckRequest, catalogue: &Catalogue) -> Verdict {
    match TokenStatus::of(ask.at, known.expires_at, known.expired_at, known.revoked_at) {
        TokenStatus::Revoked => return Verdict::No(DenyReason::Revoked),
        TokenStatus::Expired => return Verdict::No(DenyReason::Expired),
        TokenStatus::Active => {}
    }
    if !known.owner.enabled {
        return Verdict::No(DenyReason::OwnerDisabled);
    }
    if ask.organization.as_ref().is_some_and(|slug| !known.grants.iter().any(|reach| reach.slug == *slug)) {
        return Verdict::No(DenyReason::NotGranted);
    }
    let held = |asked: &String| catalogue.get(asked).is_some_and(|scope| known.scopes.contains(&scope.name));
    let lacked = ask.scopes.iter().position(|asked| !held(asked));
    lacked.map_or(Verdict::Yes, |index| Verdict::No(DenyReason::LacksScope(index)))
}

/// The grants whose most recent request this was: the asked organization's, or without one all that the token reaches.
pub fn affected_grants<'a>(known: &'a Snapshot, ask: &CheckRequest, verdict: Verdict) -> Vec<&'a SnapshotGrant> {
    match (&ask.organization, verdict) {
        (Some(slug), _) => known.grants.iter().filter(|reach| reach.slug == *slug).collect(),
        (None, Verdict::Yes | Verdict::No(DenyReason::LacksScope(_))) => known.grants.iter().collect(),
        // A token that is over reaches nothing.
        (None, Verdict::No(_)) => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::scope::ScopeName;
    use proptest::prelude::*;
    use std::time::Duration;

    const NOW: Time = Time::from_micros(1_795_426_200_000_000);

    fn snapshot(scopes: &[&str]) -> Snapshot {
        Snapshot {
            token: TokenId::new(NOW),
            description: "deploy".into(),
            scopes: scopes.iter().filter_map(|name| ScopeName::new(name)).collect(),
            created_at: NOW.minus(Duration::from_mins(1)),
            expires_at: None,
            expired_at: None,
            revoked_at: None,
            owner: Owner {
                id: UserId::new(NOW),
                username: "bob".into(),
                name: "Bob".into(),
                email: None,
                enabled: true,
            },
            grants: ["acme", "globex"]
                .map(|slug| SnapshotGrant {
                    grant: GrantId::new(NOW),
                    organization: OrganizationId::new(NOW),
                    slug: slug.into(),
                })
                .to_vec(),
        }
    }

    fn ask(organization: Option<&str>, scopes: &[&str]) -> CheckRequest {
        CheckRequest {
            at: NOW,
            organization: organization.map(Into::into),
            scopes: scopes.iter().map(ToString::to_string).collect(),
            limits: Limits::default(),
        }
    }

    fn judge(known: &Snapshot, ask: &CheckRequest) -> Verdict {
        decide(known, ask, &Catalogue::built_in())
    }

    #[test]
    fn a_scope_that_left_the_catalogue_is_accepted_no_more() {
        let known = snapshot(&["read_builds", "read_relics"]);
        assert_eq!(judge(&known, &ask(None, &["read_builds", "read_relics"])), Verdict::No(DenyReason::LacksScope(1)));
    }

    #[test]
    fn the_organization_is_judged_before_the_scopes() {
        let known = snapshot(&["read_builds"]);
        assert_eq!(judge(&known, &ask(Some("acme"), &["read_builds"])), Verdict::Yes);
        assert_eq!(judge(&known, &ask(None, &[])), Verdict::Yes);
        assert_eq!(judge(&known, &ask(Some("hooli"), &["graphql"])), Verdict::No(DenyReason::NotGranted));
        assert_eq!(
            judge(&known, &ask(Some("acme"), &["read_builds", "read_agents", "graphql"])),
            Verdict::No(DenyReason::LacksScope(1))
        );
        assert_eq!(judge(&known, &ask(None, &["no such scope!"])), Verdict::No(DenyReason::LacksScope(0)));
    }

    #[test]
    fn the_graphql_scope_implies_no_other_and_no_other_implies_it() {
        assert_eq!(judge(&snapshot(&["graphql"]), &ask(None, &["read_user"])), Verdict::No(DenyReason::LacksScope(0)));
        assert_eq!(judge(&snapshot(&["read_user"]), &ask(None, &["graphql"])), Verdict::No(DenyReason::LacksScope(0)));
    }

    #[test]
    fn a_request_counts_where_it_was_made_and_one_without_an_organization_counts_everywhere() {
        let mut known = snapshot(&["read_builds"]);
        let count = |known: &Snapshot, ask: &CheckRequest| affected_grants(known, ask, judge(known, ask)).len();
        assert_eq!(count(&known, &ask(Some("acme"), &[])), 1);
        assert_eq!(count(&known, &ask(None, &[])), 2);
        assert_eq!(count(&known, &ask(None, &["graphql"])), 2);
        assert_eq!(count(&known, &ask(Some("hooli"), &[])), 0);
        known.revoked_at = Some(NOW);
        assert_eq!(count(&known, &ask(None, &[])), 0);
        assert_eq!(count(&known, &ask(Some("acme"), &[])), 1);
    }

    fn limits(organizations: &[&str], scopes: &[&str]) -> Limits {
        Limits {
            organizations: organizations.iter().map(ToString::to_string).collect(),
            scopes: scopes.iter().filter_map(|name| ScopeName::new(name)).collect(),
        }
    }

    ///
    #[test]
    fn what_lies_outside_of_limits_is_not_there() {
        let left = |limits: &Limits| {
            let mut known = snapshot(&["read_builds", "read_agents"]);
            let theirs = limits.limit_to(&mut known);
            let slugs: Vec<_> = known.grants.iter().map(|reach| reach.slug.clone()).collect();
            (theirs, slugs.join(" "), known.scopes.to_column().trim().to_owned())
        };
        let all = || ("acme globex".to_owned(), "read_agents read_builds".to_owned());
        assert_eq!(left(&Limits::default()), (true, all().0, all().1));
        assert_eq!(left(&limits(&["globex", "hooli"], &[])), (true, "globex".into(), all().1));
        assert_eq!(left(&limits(&["hooli"], &[])), (false, String::new(), all().1));
        assert_eq!(left(&limits(&[], &["read_builds"])), (true, all().0, "read_builds".into()));
        assert!(!left(&limits(&[], &["graphql"])).0);
        assert!(!left(&limits(&["acme"], &["graphql"])).0);
    }

    proptest! {
        #[test]
        fn whatever_is_over_or_disabled_is_never_good(over in 0..4_u8, organization in proptest::option::of("(acme|hooli)"), with_scope: bool) {
            let mut known = snapshot(&["read_builds"]);
            match over {
                0 => known.revoked_at = Some(NOW),
                1 => known.expires_at = Some(NOW),
                2 => known.expired_at = Some(NOW.minus(Duration::from_secs(1))),
                _ => known.owner.enabled = false,
            }
            let scopes: &[&str] = if with_scope { &["read_builds"] } else { &[] };
            prop_assert_ne!(judge(&known, &ask(organization.as_deref(), scopes)), Verdict::Yes);
        }
    }
}
