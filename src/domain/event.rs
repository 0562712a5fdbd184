//! What happened. The audit row, the owner's letter and what must be forgotten all follow from this one record.

use crate::domain::{
    id::{EventId, OrganizationId, TokenId, UserId},
    organization::Role,
    scope::ScopeName,
    time::Time,
};
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

macro_rules! event_types {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// The kinds of event, as the store and the schema name them.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum EventType { $($(#[$doc])* $name,)* }

        impl EventType {
            /// Every one of them.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The name in the store.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

event_types! {
    /// A token was made.
    TokenCreated = "token_created",
    /// Its description, scopes or end changed.
    TokenUpdated = "token_updated",
    /// It was ended for good.
    TokenRevoked = "token_revoked",
    /// Its owner added an organization.
    TokenOrganizationAdded = "token_organization_added",
    /// An organization was removed from it.
    TokenOrganizationRemoved = "token_organization_removed",
    /// A person came.
    UserCreated = "user_created",
    /// Their name, handle or address changed.
    UserUpdated = "user_updated",
    /// They were stopped.
    UserDisabled = "user_disabled",
    /// They were let back.
    UserEnabled = "user_enabled",
    /// They were removed.
    UserDeleted = "user_deleted",
    /// An organization came.
    OrganizationCreated = "organization_created",
    /// Its name changed.
    OrganizationUpdated = "organization_updated",
    /// It was removed.
    OrganizationDeleted = "organization_deleted",
    /// Somebody joined.
    OrganizationMemberAdded = "organization_member_added",
    /// Their role changed.
    OrganizationMemberUpdated = "organization_member_updated",
    /// They left or were removed.
    OrganizationMemberRemoved = "organization_member_removed",
    /// An API may introspect tokens.
    ResourceServerAdded = "resource_server_added",
    /// It may no longer.
    ResourceServerDisabled = "resource_server_disabled",
}

/// One thing that a change left different.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldChange {
    /// What: the name of its field in the schema.
    pub field: String,
    /// What it was, as the schema writes it; nothing where there was none.
    pub before: Option<String>,
    /// What it is since then.
    pub after: Option<String>,
}

/// One change, as the action that made it records it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Which one: known before the commit, since letters carry it.
    pub id: EventId,
    /// What happened.
    pub kind: EventType,
    /// The token it is about.
    pub token: Option<TokenId>,
    /// The member or owner it is about.
    pub user: Option<UserId>,
    /// Every organization that may read of it.
    pub organizations: Vec<OrganizationId>,
    /// The name of the resource server it is about.
    pub resource_server: Option<String>,
    /// Why, in the actor's words.
    pub reason: Option<String>,
    /// Scopes that the token has since then.
    pub scopes_added: Vec<ScopeName>,
    /// Scopes that it no longer has.
    pub scopes_removed: Vec<ScopeName>,
    /// What else is different since then. Names and addresses of people are not among it: they go when a person goes.
    pub field_changes: Vec<FieldChange>,
    /// The tokens that lost the organization in the same change.
    pub affected_tokens: Vec<TokenId>,
    /// True when another event of the same change already tells the owner.
    pub is_notified_separately: bool,
}

/// A letter that follows from an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notification {
    /// To whom.
    pub to: UserId,
    /// Saying what.
    pub email: EmailKind,
    /// Of which organization.
    pub organization: OrganizationId,
    /// About which tokens.
    pub tokens: Vec<TokenId>,
}

/// The kinds of letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EmailKind {
    /// An organization was removed from a token.
    OrganizationRemoved,
    /// A membership ended, and with it the access of all of the person's tokens.
    MembershipEnded,
}

impl Event {
    /// An event of that kind; the setters below say the rest.
    pub fn new(kind: EventType, at: Time) -> Self {
        Self {
            id: EventId::new(at),
            kind,
            token: None,
            user: None,
            organizations: Vec::new(),
            resource_server: None,
            reason: None,
            scopes_added: Vec::new(),
            scopes_removed: Vec::new(),
            field_changes: Vec::new(),
            affected_tokens: Vec::new(),
            is_notified_separately: false,
        }
    }

    /// About this token of that person.
    #[must_use]
    pub fn of_token(mut self, token: TokenId, owner: UserId) -> Self {
        self.token = Some(token);
        self.user = Some(owner);
        self
    }

    /// About this person.
    #[must_use]
    pub fn of_user(mut self, user: UserId) -> Self {
        self.user = Some(user);
        self
    }

    /// About the resource server of this name.
    #[must_use]
    pub fn of_resource_server(mut self, name: &str) -> Self {
        self.resource_server = Some(name.to_owned());
        self
    }

    /// Read by these organizations.
    #[must_use]
    pub fn in_organizations(mut self, organizations: impl IntoIterator<Item = OrganizationId>) -> Self {
        self.organizations.extend(organizations);
        self.organizations.sort_unstable();
        self.organizations.dedup();
        self
    }

    /// For this reason.
    #[must_use]
    pub fn with_reason(mut self, reason: Option<String>) -> Self {
        self.reason = reason;
        self
    }

    /// With these changes of scope.
    #[must_use]
    pub fn with_scopes(mut self, added: Vec<ScopeName>, removed: Vec<ScopeName>) -> Self {
        self.scopes_added = added;
        self.scopes_removed = removed;
        self
    }

    /// This field was other before; where it was not, nothing is said of it.
    #[must_use]
    pub fn with_change(mut self, field: &str, before: Option<String>, after: Option<String>) -> Self {
        if before != after {
            self.field_changes.push(FieldChange { field: field.to_owned(), before, after });
        }
        self
    }

    /// The person has this role since then, and had that one before if any.
    #[must_use]
    pub fn with_role_change(self, before: Option<Role>, after: Role) -> Self {
        let name = |role: Role| role.as_str().to_owned();
        self.with_change("role", before.map(name), Some(name(after)))
    }

    /// These tokens lost the organization along with it.
    #[must_use]
    pub fn with_affected_tokens(mut self, tokens: Vec<TokenId>) -> Self {
        self.affected_tokens = tokens;
        self
    }

    /// Another event of the same change tells the owner.
    #[must_use]
    pub fn notified_separately(mut self) -> Self {
        self.is_notified_separately = true;
        self
    }

    /// Whether the change gave a token or a user more access.
    pub fn grants_access(&self) -> bool {
        match self.kind {
            EventType::TokenCreated
            | EventType::TokenOrganizationAdded
            | EventType::OrganizationCreated
            | EventType::OrganizationMemberAdded => true,
            EventType::TokenUpdated => !self.scopes_added.is_empty(),
            EventType::OrganizationMemberUpdated => {
                self.field_changes.iter().any(|role| role.after.as_deref() == Some(Role::Admin.as_str()))
            }
            _ => false,
        }
    }

    /// Whether the change neither gave access nor took any away: of a name, a description or an expiry, or set a password.
    pub fn changes_descriptions(&self) -> bool {
        match self.kind {
            EventType::UserUpdated | EventType::OrganizationUpdated => true,
            EventType::TokenUpdated => self.scopes_added.is_empty() && self.scopes_removed.is_empty(),
            _ => false,
        }
    }

    /// Who gets which letter. A person who did it themselves gets none.
    pub fn notifications(&self, actor: Option<UserId>) -> Vec<Notification> {
        let (Some(to), [organization]) = (self.user, self.organizations.as_slice()) else { return Vec::new() };
        if actor == Some(to) || self.is_notified_separately {
            return Vec::new();
        }
        match (self.kind, self.token) {
            (EventType::TokenOrganizationRemoved, Some(token)) => vec![Notification {
                to,
                email: EmailKind::OrganizationRemoved,
                organization: *organization,
                tokens: vec![token],
            }],
            (EventType::OrganizationMemberRemoved, None) if !self.affected_tokens.is_empty() => vec![Notification {
                to,
                email: EmailKind::MembershipEnded,
                organization: *organization,
                tokens: self.affected_tokens.clone(),
            }],
            _ => Vec::new(),
        }
    }
}

/// What an actor came through, as the audit tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventSource {
    /// A signed-in browser.
    Session,
    /// A JWT.
    Jwt,
    /// A token, or whoever holds its value.
    Token,
    /// A resource server.
    ResourceServer,
    /// The command line.
    CommandLine,
    /// Tokenward itself.
    System,
}

impl EventSource {
    /// Every one of them.
    pub const ALL: [Self; 6] =
        [Self::Session, Self::Jwt, Self::Token, Self::ResourceServer, Self::CommandLine, Self::System];

    /// The name in the store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::Jwt => "jwt",
            Self::Token => "token",
            Self::ResourceServer => "resource_server",
            Self::CommandLine => "command_line",
            Self::System => "system",
        }
    }
}

/// One line of the audit log, as it is read back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedEvent {
    /// Its place: number order is commit order.
    pub number: i64,
    /// Which event.
    pub id: EventId,
    /// What happened.
    pub kind: EventType,
    /// When.
    pub at: Time,
    /// Who did it; nothing for the command line and the system.
    pub actor: Option<UserId>,
    /// From where.
    pub actor_address: Option<IpAddr>,
    /// With what.
    pub actor_user_agent: Option<String>,
    /// Through what.
    pub via: EventSource,
    /// The name of the resource server that acted, or that it is about.
    pub resource_server: Option<String>,
    /// The token it is about.
    pub token: Option<TokenId>,
    /// The member or owner it is about.
    pub user: Option<UserId>,
    /// Why.
    pub reason: Option<String>,
    /// Scopes added, by name.
    pub scopes_added: Vec<ScopeName>,
    /// Scopes removed, by name.
    pub scopes_removed: Vec<ScopeName>,
    /// What else is different since then.
    pub field_changes: Vec<FieldChange>,
}

impl RecordedEvent {
    /// The owner of the token it is about, who may read of it.
    pub fn token_owner(&self) -> Option<UserId> {
        self.token.and(self.user)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Time = Time::from_micros(1_795_426_200_000_000);

    #[test]
    fn an_owner_is_told_when_somebody_else_removed_the_organization_and_not_when_they_did() {
        let (owner, admin) = (UserId::new(NOW), UserId::new(NOW));
        let (token, organization) = (TokenId::new(NOW), OrganizationId::new(NOW));
        let event = Event::new(EventType::TokenOrganizationRemoved, NOW)
            .of_token(token, owner)
            .in_organizations([organization]);
        assert_eq!(event.notifications(Some(admin)).len(), 1);
        assert_eq!(event.notifications(None).len(), 1);
        assert_eq!(event.notifications(Some(owner)), []);
        assert_eq!(event.notified_separately().notifications(Some(admin)), []);
    }

    #[test]
    fn whoever_is_removed_from_an_organization_gets_one_letter_for_all_their_tokens() {
        let (member, admin, organization) = (UserId::new(NOW), UserId::new(NOW), OrganizationId::new(NOW));
        let cut = vec![TokenId::new(NOW), TokenId::new(NOW)];
        let event =
            Event::new(EventType::OrganizationMemberRemoved, NOW).of_user(member).in_organizations([organization]);
        assert_eq!(event.notifications(Some(admin)), [], "nothing was cut");
        let event = event.with_affected_tokens(cut.clone());
        assert_eq!(event.notifications(Some(admin)).first().map(|notice| notice.tokens.clone()), Some(cut));
        assert_eq!(event.notifications(Some(member)), []);
    }

    #[test]
    fn only_more_access_widens() {
        let event = |kind| Event::new(kind, NOW);
        let scope = || ScopeName::new("read_builds").into_iter().collect::<Vec<_>>();
        for widens in [
            event(EventType::TokenCreated),
            event(EventType::TokenOrganizationAdded),
            event(EventType::TokenUpdated).with_scopes(scope(), Vec::new()),
            event(EventType::OrganizationMemberAdded),
            event(EventType::OrganizationMemberUpdated).with_role_change(Some(Role::Member), Role::Admin),
            event(EventType::OrganizationCreated),
        ] {
            assert!(widens.grants_access(), "{:?}", widens.kind);
        }
        for narrows in [
            event(EventType::TokenUpdated).with_scopes(Vec::new(), scope()),
            event(EventType::TokenRevoked),
            event(EventType::TokenOrganizationRemoved),
            event(EventType::OrganizationMemberUpdated).with_role_change(Some(Role::Admin), Role::Member),
            event(EventType::OrganizationMemberRemoved),
            event(EventType::UserCreated),
        ] {
            assert!(!narrows.grants_access(), "{:?}", narrows.kind);
        }
    }

    #[test]
    fn changes_of_names_and_descriptions_describe() {
        let event = |kind| Event::new(kind, NOW);
        let scope = || ScopeName::new("read_builds").into_iter().collect::<Vec<_>>();
        for describes in [EventType::UserUpdated, EventType::OrganizationUpdated, EventType::TokenUpdated] {
            assert!(event(describes).changes_descriptions() && !event(describes).grants_access(), "{describes:?}");
        }
        let updated = || event(EventType::TokenUpdated);
        assert!(!updated().with_scopes(scope(), Vec::new()).changes_descriptions(), "it widens");
        assert!(!updated().with_scopes(Vec::new(), scope()).changes_descriptions(), "it takes access away");
        for kind in EventType::ALL.iter().filter(|kind| !kind.as_str().ends_with("_updated")) {
            assert!(!event(*kind).changes_descriptions(), "{kind:?}");
        }
    }

    #[test]
    fn the_names_of_event_types_are_different() {
        let names: std::collections::BTreeSet<_> = EventType::ALL.iter().map(|kind| kind.as_str()).collect();
        assert_eq!(names.len(), EventType::ALL.len());
    }
}
