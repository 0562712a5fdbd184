//! Decides whether a token is valid for an organization and scopes, and gives the reason if it is not.

use crate::domain::{
    id::{GrantId, OrganizationId, TokenId, UserId},
    scope::{Catalogue, ScopeSet},
    time::Time,
    token::TokenStatus,
};
use std::collections::BTreeSet;

/// A token, its owner and its grants, read in one statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// The ID of the token.
    pub token: TokenId,
    /// The description that the owner gave it.
    pub description: String,
    /// Its scopes, including retired ones.
    pub scopes: ScopeSet,
    /// The time when it was created.
    pub created_at: Time,
    /// Its expiry. `None` if it never expires.
    pub expires_at: Option<Time>,
    /// The time when it was first found expired.
    pub expired_at: Option<Time>,
    /// The time when it was revoked.
    pub revoked_at: Option<Time>,
    /// The user who owns it.
    pub owner: Owner,
    /// Its unremoved grants for organizations that exist and have the owner as a member.
    pub grants: Vec<SnapshotGrant>,
}

/// The owner of a token, with the fields that endpoints return.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// The ID of the user.
    pub id: UserId,
    /// The username.
    pub username: String,
    /// The display name.
    pub name: String,
    /// The email address. `None` if it is unknown.
    pub email: Option<String>,
    /// Whether the user is enabled. No credential of a disabled user is accepted.
    pub enabled: bool,
}

/// A grant in a snapshot: one organization that the token has access to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotGrant {
    /// The ID of the grant.
    pub grant: GrantId,
    /// The ID of the organization.
    pub organization: OrganizationId,
    /// The slug of the organization.
    pub slug: String,
}

/// The organizations and scopes that may be returned to a resource server. An empty set means all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Limits {
    /// The slugs of the organizations.
    pub organizations: BTreeSet<String>,
    /// The names of the scopes.
    pub scopes: ScopeSet,
}

impl Limits {
    /// Removes what is outside of the limits. Returns false if no grant or no scope within a limit remains: then the token
    /// is outside of the limits itself.
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

/// The input of a check.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CheckRequest {
    /// The time of the request.
    pub at: Time,
    /// The slug of the organization whose data is requested.
    pub organization: Option<String>,
    /// The scopes that the request needs, all of them.
    pub scopes: Vec<String>,
    /// What may be returned to the caller.
    pub limits: Limits,
}

/// The result of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The token gives access to all that was requested.
    Yes,
    /// The token does not.
    No(DenyReason),
}

/// The reason for a denial, in the order in which the rules are applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DenyReason {
    /// The token was revoked.
    Revoked,
    /// The token has expired.
    Expired,
    /// The owner is disabled.
    OwnerDisabled,
    /// The token has no access to the organization, the organization does not exist, or the token is outside of the limits.
    NotGranted,
    /// The token lacks a requested scope, the one at this index.
    LacksScope(usize),
}

/// Decides a check. A retired scope is not accepted, although tokens keep it.
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

/// Returns the grants that record this request as their most recent one: that of the requested organization, or all of
/// them if no organization was requested.
pub fn affected_grants<'a>(known: &'a Snapshot, ask: &CheckRequest, verdict: Verdict) -> Vec<&'a SnapshotGrant> {
    match (&ask.organization, verdict) {
        (Some(slug), _) => known.grants.iter().filter(|reach| reach.slug == *slug).collect(),
        (None, Verdict::Yes | Verdict::No(DenyReason::LacksScope(_))) => known.grants.iter().collect(),
        // A token that is no longer valid has no access to any organization.
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
    fn retired_scope_is_denied() {
        let known = snapshot(&["read_builds", "read_relics"]);
        assert_eq!(judge(&known, &ask(None, &["read_builds", "read_relics"])), Verdict::No(DenyReason::LacksScope(1)));
    }

    #[test]
    fn organization_is_checked_before_scopes() {
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
    fn graphql_scope_and_other_scopes_do_not_imply_each_other() {
        assert_eq!(judge(&snapshot(&["graphql"]), &ask(None, &["read_user"])), Verdict::No(DenyReason::LacksScope(0)));
        assert_eq!(judge(&snapshot(&["read_user"]), &ask(None, &["graphql"])), Verdict::No(DenyReason::LacksScope(0)));
    }

    #[test]
    fn request_affects_its_organization_or_all_without_one() {
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
    fn limits_hide_other_organizations_and_scopes() {
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
        fn ended_token_or_disabled_owner_is_never_allowed(over in 0..4_u8, organization in proptest::option::of("(acme|hooli)"), with_scope: bool) {
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
