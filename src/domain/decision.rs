//! Decides whether a token is valid for an organization and scopes, and gives the reason if it is not.

use crate::domain::{
    id::{GrantId, OrganizationId, TokenId, UserId},
    scope::{Catalogue, ScopeName, ScopeSet},
    state::TokenStatus,
    time::Time,
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

static UNLIMITED: Limits = Limits { organizations: BTreeSet::new(), scopes: ScopeSet::EMPTY };

/// The part of a snapshot that is within limits.
#[derive(Debug, Clone, Copy)]
pub struct VisibleSnapshot<'a> {
    snapshot: &'a Snapshot,
    limits: &'a Limits,
}

impl Snapshot {
    /// Returns the part of the snapshot that is within limits.
    pub const fn within<'a>(&'a self, limits: &'a Limits) -> VisibleSnapshot<'a> {
        VisibleSnapshot { snapshot: self, limits }
    }
}

impl<'a> VisibleSnapshot<'a> {
    /// Iterates over the grants for organizations within the limits.
    pub fn grants(self) -> impl Iterator<Item = &'a SnapshotGrant> {
        let limit = &self.limits.organizations;
        self.snapshot.grants.iter().filter(|grant| limit.is_empty() || limit.contains(&grant.slug))
    }

    /// Returns the scopes within the limits that checks accept: those that are not retired, in the order of the catalogue.
    pub fn accepted_scopes(self, catalogue: &Catalogue) -> Vec<ScopeName> {
        let mut scopes = catalogue.sorted(&self.snapshot.scopes);
        scopes.retain(|name| self.permits(name) && catalogue.get(name.as_str()).is_some());
        scopes
    }

    /// Returns whether the token has a scope, which is not retired, within the limits.
    fn has_scope(self, name: &str, catalogue: &Catalogue) -> bool {
        let has_scope = |name| self.snapshot.scopes.contains(name) && self.permits(name);
        catalogue.get(name).is_some_and(|scope| has_scope(&scope.name))
    }

    fn permits(self, name: &ScopeName) -> bool {
        self.limits.scopes.is_empty() || self.limits.scopes.contains(name)
    }

    /// Returns whether the token itself is within the limits: whether it has a grant and a scope within each that is set.
    fn is_visible(self) -> bool {
        let has_grant = self.limits.organizations.is_empty() || self.grants().next().is_some();
        has_grant && (self.limits.scopes.is_empty() || self.snapshot.scopes.iter().any(|name| self.permits(name)))
    }
}

/// The input of a check.
#[derive(Debug, Clone, Copy)]
pub struct CheckRequest<'a> {
    /// The time of the request.
    pub at: Time,
    /// The slug of the organization whose data is requested.
    pub organization: Option<&'a str>,
    /// The scopes that the request needs, all of them.
    pub scopes: &'a [String],
    /// What may be returned to the caller.
    pub limits: &'a Limits,
}

impl CheckRequest<'_> {
    /// Creates a check at a time that requires no organization and no scope, and has no limits.
    pub const fn at(at: Time) -> Self {
        Self { at, organization: None, scopes: &[], limits: &UNLIMITED }
    }
}

/// The result of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The token gives access to all that was requested.
    Allow,
    /// The token does not.
    Deny(DenyReason),
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
pub fn decide(snapshot: &Snapshot, request: &CheckRequest<'_>, catalogue: &Catalogue) -> Verdict {
    let visible = snapshot.within(request.limits);
    if !visible.is_visible() {
        return Verdict::Deny(DenyReason::NotGranted);
    }
    match TokenStatus::of(request.at, snapshot.expires_at, snapshot.expired_at, snapshot.revoked_at) {
        TokenStatus::Revoked => return Verdict::Deny(DenyReason::Revoked),
        TokenStatus::Expired => return Verdict::Deny(DenyReason::Expired),
        TokenStatus::Active => {}
    }
    if !snapshot.owner.enabled {
        return Verdict::Deny(DenyReason::OwnerDisabled);
    }
    if request.organization.is_some_and(|slug| !visible.grants().any(|grant| grant.slug == slug)) {
        return Verdict::Deny(DenyReason::NotGranted);
    }
    let missing = request.scopes.iter().position(|name| !visible.has_scope(name, catalogue));
    missing.map_or(Verdict::Allow, |index| Verdict::Deny(DenyReason::LacksScope(index)))
}

/// Returns the grants that record this request as their most recent one: that of the requested organization, or all of
/// them if no organization was requested.
pub fn affected_grants<'a>(
    snapshot: &'a Snapshot,
    request: &CheckRequest<'a>,
    verdict: Verdict,
) -> Vec<&'a SnapshotGrant> {
    let visible = snapshot.within(request.limits);
    match (request.organization, verdict) {
        (Some(slug), _) => visible.grants().filter(|grant| grant.slug == slug).collect(),
        (None, Verdict::Allow | Verdict::Deny(DenyReason::LacksScope(_))) => visible.grants().collect(),
        // A token that is no longer valid has no access to any organization.
        (None, Verdict::Deny(_)) => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
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

    fn verdict_of(snapshot: &Snapshot, organization: Option<&str>, scopes: &[&str]) -> Verdict {
        let scopes: Vec<_> = scopes.iter().map(ToString::to_string).collect();
        decide(
            snapshot,
            &CheckRequest { organization, scopes: &scopes, ..CheckRequest::at(NOW) },
            &Catalogue::built_in(),
        )
    }

    #[test]
    fn retired_scope_is_denied() {
        let snapshot = snapshot(&["read_builds", "read_relics"]);
        assert_eq!(
            verdict_of(&snapshot, None, &["read_builds", "read_relics"]),
            Verdict::Deny(DenyReason::LacksScope(1))
        );
    }

    #[test]
    fn organization_is_checked_before_scopes() {
        let snapshot = snapshot(&["read_builds"]);
        let verdict_of = |organization, scopes| verdict_of(&snapshot, organization, scopes);
        assert_eq!(verdict_of(Some("acme"), &["read_builds"]), Verdict::Allow);
        assert_eq!(verdict_of(None, &[]), Verdict::Allow);
        assert_eq!(verdict_of(Some("hooli"), &["graphql"]), Verdict::Deny(DenyReason::NotGranted));
        let scopes = &["read_builds", "read_agents", "graphql"];
        assert_eq!(verdict_of(Some("acme"), scopes), Verdict::Deny(DenyReason::LacksScope(1)));
        assert_eq!(verdict_of(None, &["no such scope!"]), Verdict::Deny(DenyReason::LacksScope(0)));
    }

    #[test]
    fn graphql_scope_and_other_scopes_do_not_imply_each_other() {
        let denied = Verdict::Deny(DenyReason::LacksScope(0));
        assert_eq!(verdict_of(&snapshot(&["graphql"]), None, &["read_user"]), denied);
        assert_eq!(verdict_of(&snapshot(&["read_user"]), None, &["graphql"]), denied);
    }

    #[test]
    fn request_affects_its_organization_or_all_without_one() {
        let mut snapshot = snapshot(&["read_builds"]);
        let count = |snapshot: &Snapshot, organization, scopes: &[&str]| {
            let request = CheckRequest { organization, ..CheckRequest::at(NOW) };
            affected_grants(snapshot, &request, verdict_of(snapshot, organization, scopes)).len()
        };
        assert_eq!(count(&snapshot, Some("acme"), &[]), 1);
        assert_eq!(count(&snapshot, None, &[]), 2);
        assert_eq!(count(&snapshot, None, &["graphql"]), 2);
        assert_eq!(count(&snapshot, Some("hooli"), &[]), 0);
        snapshot.revoked_at = Some(NOW);
        assert_eq!(count(&snapshot, None, &[]), 0);
        assert_eq!(count(&snapshot, Some("acme"), &[]), 1);
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
        let snapshot = snapshot(&["read_builds", "read_agents"]);
        let visible = |limits: &Limits| {
            let visible = snapshot.within(limits);
            let slugs: Vec<_> = visible.grants().map(|grant| grant.slug.as_str()).collect();
            let scopes: ScopeSet = visible.accepted_scopes(&Catalogue::built_in()).into_iter().collect();
            (visible.is_visible(), slugs.join(" "), scopes.to_column().trim().to_owned())
        };
        let all = || ("acme globex".to_owned(), "read_agents read_builds".to_owned());
        assert_eq!(visible(&Limits::default()), (true, all().0, all().1));
        assert_eq!(visible(&limits(&["globex", "hooli"], &[])), (true, "globex".into(), all().1));
        assert_eq!(visible(&limits(&["hooli"], &[])), (false, String::new(), all().1));
        assert_eq!(visible(&limits(&[], &["read_builds"])), (true, all().0, "read_builds".into()));
        assert!(!visible(&limits(&[], &["graphql"])).0);
        assert!(!visible(&limits(&["acme"], &["graphql"])).0);
    }

    ///
    #[test]
    fn check_is_decided_and_recorded_within_limits() {
        let snapshot = snapshot(&["read_builds", "read_agents"]);
        let limits = limits(&["acme"], &["read_builds"]);
        let check = |organization, scopes: &[&str]| {
            let scopes: Vec<_> = scopes.iter().map(ToString::to_string).collect();
            let request = CheckRequest { organization, scopes: &scopes, limits: &limits, ..CheckRequest::at(NOW) };
            let verdict = decide(&snapshot, &request, &Catalogue::built_in());
            (verdict, affected_grants(&snapshot, &request, verdict).len())
        };
        assert_eq!(check(None, &["read_builds"]), (Verdict::Allow, 1));
        assert_eq!(check(Some("globex"), &["read_builds"]), (Verdict::Deny(DenyReason::NotGranted), 0));
        assert_eq!(check(Some("acme"), &["read_agents"]), (Verdict::Deny(DenyReason::LacksScope(0)), 1));
    }

    proptest! {
        #[test]
        fn ended_token_or_disabled_owner_is_never_allowed(case in 0..4_u8, organization in proptest::option::of("(acme|hooli)"), with_scope: bool) {
            let mut snapshot = snapshot(&["read_builds"]);
            match case {
                0 => snapshot.revoked_at = Some(NOW),
                1 => snapshot.expires_at = Some(NOW),
                2 => snapshot.expired_at = Some(NOW.minus(Duration::from_secs(1))),
                _ => snapshot.owner.enabled = false,
            }
            let scopes: &[&str] = if with_scope { &["read_builds"] } else { &[] };
            prop_assert_ne!(verdict_of(&snapshot, organization.as_deref(), scopes), Verdict::Allow);
        }
    }
}
