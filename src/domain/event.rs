//! Events: the records of changes. The row in the event log and the notification emails follow from them.

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
        /// The types of events, as the store and the schema name them.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum EventType { $($(#[$doc])* $name,)* }

        impl EventType {
            /// All types.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// Returns the name that is stored.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

event_types! {
    /// A token was created.
    TokenCreated = "token_created",
    /// The description, scopes or expiry of a token changed.
    TokenUpdated = "token_updated",
    /// A token was revoked.
    TokenRevoked = "token_revoked",
    /// A token expired.
    TokenExpired = "token_expired",
    /// An organization was added to a token.
    TokenOrganizationAdded = "token_organization_added",
    /// An organization was removed from a token.
    TokenOrganizationRemoved = "token_organization_removed",
    /// A user was created.
    UserCreated = "user_created",
    /// The name, username or email address of a user changed.
    UserUpdated = "user_updated",
    /// A user was disabled.
    UserDisabled = "user_disabled",
    /// A user was enabled.
    UserEnabled = "user_enabled",
    /// A user was deleted.
    UserDeleted = "user_deleted",
    /// An organization was created.
    OrganizationCreated = "organization_created",
    /// The name of an organization changed.
    OrganizationUpdated = "organization_updated",
    /// An organization was deleted.
    OrganizationDeleted = "organization_deleted",
    /// A user became a member.
    OrganizationMemberAdded = "organization_member_added",
    /// The role of a member changed.
    OrganizationMemberUpdated = "organization_member_updated",
    /// A member left or was removed.
    OrganizationMemberRemoved = "organization_member_removed",
    /// A resource server was added.
    ResourceServerAdded = "resource_server_added",
    /// A resource server was disabled.
    ResourceServerDisabled = "resource_server_disabled",
}

/// A changed field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldChange {
    /// The name of the field in the schema.
    pub field: String,
    /// The value before the change, as the schema writes it. `None` if there was none.
    pub before: Option<String>,
    /// The value after the change.
    pub after: Option<String>,
}

/// The record of a change, as an action creates it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// The ID. It is known before the commit, since emails contain it.
    pub id: EventId,
    /// The event of the same change that caused this one; its own ID if none did.
    pub cause: EventId,
    /// The type.
    pub kind: EventType,
    /// The token that was changed.
    pub token: Option<TokenId>,
    /// The user that was changed, or the owner of the token.
    pub user: Option<UserId>,
    /// The organizations whose administrators may read the event.
    pub organizations: Vec<OrganizationId>,
    /// The name of the resource server that was changed.
    pub resource_server: Option<String>,
    /// The reason that the actor gave.
    pub reason: Option<String>,
    /// The scopes that were added to the token.
    pub scopes_added: Vec<ScopeName>,
    /// The scopes that were removed from the token.
    pub scopes_removed: Vec<ScopeName>,
    /// Other changed fields. Names and email addresses of users are not recorded, since they are erased with their user.
    pub field_changes: Vec<FieldChange>,
    /// The tokens from which the same change removed the organization.
    pub affected_tokens: Vec<TokenId>,
}

/// A notification email that follows from an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notification {
    /// The recipient.
    pub to: UserId,
    /// The kind of the email.
    pub email: EmailKind,
    /// The organization.
    pub organization: OrganizationId,
    /// The tokens that lost access to the organization.
    pub tokens: Vec<TokenId>,
}

/// The kinds of notification emails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EmailKind {
    /// An organization was removed from a token.
    OrganizationRemoved,
    /// A membership ended, and all tokens of the user lost access to the organization.
    MembershipEnded,
}

impl Event {
    /// Creates an event of a type. The methods below set its other fields.
    pub fn new(kind: EventType, at: Time) -> Self {
        let id = EventId::new(at);
        Self {
            id,
            cause: id,
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
        }
    }

    /// Sets the token and its owner.
    #[must_use]
    pub fn of_token(mut self, token: TokenId, owner: UserId) -> Self {
        self.token = Some(token);
        self.user = Some(owner);
        self
    }

    /// Sets the user.
    #[must_use]
    pub fn of_user(mut self, user: UserId) -> Self {
        self.user = Some(user);
        self
    }

    /// Sets the name of the resource server.
    #[must_use]
    pub fn of_resource_server(mut self, name: &str) -> Self {
        self.resource_server = Some(name.to_owned());
        self
    }

    /// Adds organizations whose administrators may read the event.
    #[must_use]
    pub fn in_organizations(mut self, organizations: impl IntoIterator<Item = OrganizationId>) -> Self {
        self.organizations.extend(organizations);
        self.organizations.sort_unstable();
        self.organizations.dedup();
        self
    }

    /// Sets the reason.
    #[must_use]
    pub fn with_reason(mut self, reason: Option<String>) -> Self {
        self.reason = reason;
        self
    }

    /// Sets the scopes that were added and removed.
    #[must_use]
    pub fn with_scopes(mut self, added: Vec<ScopeName>, removed: Vec<ScopeName>) -> Self {
        self.scopes_added = added;
        self.scopes_removed = removed;
        self
    }

    /// Adds a changed field, unless its values are equal.
    #[must_use]
    pub fn with_change(mut self, field: &str, before: Option<String>, after: Option<String>) -> Self {
        if before != after {
            self.field_changes.push(FieldChange { field: field.to_owned(), before, after });
        }
        self
    }

    /// Adds a changed role. `before` is `None` for a new member.
    #[must_use]
    pub fn with_role_change(self, before: Option<Role>, after: Role) -> Self {
        let name = |role: Role| role.as_str().to_owned();
        self.with_change("role", before.map(name), Some(name(after)))
    }

    /// Sets the event that caused this one.
    #[must_use]
    pub const fn caused_by(mut self, cause: &Self) -> Self {
        self.cause = cause.id;
        self
    }

    /// Returns the events of a membership that ended: the removal of the organization from each of the member's tokens, and the end
    /// of the membership, which caused the others.
    pub fn membership_ended(
        user: UserId,
        organization: OrganizationId,
        tokens: Vec<TokenId>,
        reason: Option<&str>,
        at: Time,
    ) -> Vec<Self> {
        let event = |kind| {
            let reason = reason.map(ToOwned::to_owned);
            Self::new(kind, at).of_user(user).in_organizations([organization]).with_reason(reason)
        };
        let mut end = event(EventType::OrganizationMemberRemoved);
        let removal =
            |token: &TokenId| event(EventType::TokenOrganizationRemoved).of_token(*token, user).caused_by(&end);
        let mut events: Vec<_> = tokens.iter().map(removal).collect();
        end.affected_tokens = tokens;
        events.push(end);
        events
    }

    /// Returns whether the change gave a token or a user more access.
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

    /// Returns whether the change neither extended nor removed access: a change of a name, description, expiry or password.
    pub fn changes_descriptions(&self) -> bool {
        match self.kind {
            EventType::UserUpdated | EventType::OrganizationUpdated => true,
            EventType::TokenUpdated => self.scopes_added.is_empty() && self.scopes_removed.is_empty(),
            _ => false,
        }
    }

    /// Returns the notification emails. A user is not notified of their own change, and an event that another one caused notifies
    /// no user, so that one cause sends one email to one user.
    pub fn notifications(&self, actor: Option<UserId>) -> Vec<Notification> {
        let (Some(to), [organization]) = (self.user, self.organizations.as_slice()) else { return Vec::new() };
        if actor == Some(to) || self.cause != self.id {
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

/// How the actor of an event was authenticated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventSource {
    /// A session of a browser.
    Session,
    /// A JWT.
    Jwt,
    /// A token that acts as its owner, or the holder of a token value.
    Token,
    /// A resource server.
    ResourceServer,
    /// The command line.
    CommandLine,
    /// Tokenward itself.
    System,
}

impl EventSource {
    /// All sources.
    pub const ALL: [Self; 6] =
        [Self::Session, Self::Jwt, Self::Token, Self::ResourceServer, Self::CommandLine, Self::System];

    /// Returns the name that is stored.
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

/// An event as the event log returns it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedEvent {
    /// The number. The order of numbers is the order of commits.
    pub number: i64,
    /// The ID.
    pub id: EventId,
    /// The event of the same change that caused this one; its own ID if none did.
    pub cause: EventId,
    /// The type.
    pub kind: EventType,
    /// The time of the change.
    pub at: Time,
    /// The user who made the change. `None` for the command line, resource servers and the system.
    pub actor: Option<UserId>,
    /// The IP address of the actor.
    pub actor_address: Option<IpAddr>,
    /// The user agent of the actor.
    pub actor_user_agent: Option<String>,
    /// How the actor was authenticated.
    pub via: EventSource,
    /// The name of the resource server that made the change or was changed.
    pub resource_server: Option<String>,
    /// The token that was changed.
    pub token: Option<TokenId>,
    /// The user that was changed, or the owner of the token.
    pub user: Option<UserId>,
    /// The reason that the actor gave.
    pub reason: Option<String>,
    /// The scopes that were added to the token.
    pub scopes_added: Vec<ScopeName>,
    /// The scopes that were removed from the token.
    pub scopes_removed: Vec<ScopeName>,
    /// Other changed fields.
    pub field_changes: Vec<FieldChange>,
}

impl RecordedEvent {
    /// Returns the owner of the token that was changed, who may read the event.
    pub fn token_owner(&self) -> Option<UserId> {
        self.token.and(self.user)
    }
}

/// An event of the feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommittedEvent {
    /// The event.
    pub event: RecordedEvent,
    /// The organizations that the event concerns, in the order of their IDs.
    pub organizations: Vec<OrganizationId>,
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Time = Time::from_micros(1_795_426_200_000_000);

    #[test]
    fn owner_is_notified_of_removal_by_another_user_only() {
        let (owner, admin) = (UserId::new(NOW), UserId::new(NOW));
        let (token, organization) = (TokenId::new(NOW), OrganizationId::new(NOW));
        let event = Event::new(EventType::TokenOrganizationRemoved, NOW)
            .of_token(token, owner)
            .in_organizations([organization]);
        assert_eq!(event.notifications(Some(admin)).len(), 1);
        assert_eq!(event.notifications(None).len(), 1);
        assert_eq!(event.notifications(Some(owner)), []);
        let cause = Event::new(EventType::OrganizationMemberRemoved, NOW);
        assert_eq!(event.caused_by(&cause).notifications(Some(admin)), []);
    }

    #[test]
    fn removed_member_gets_one_email_for_all_tokens() {
        let (member, admin, organization) = (UserId::new(NOW), UserId::new(NOW), OrganizationId::new(NOW));
        let tokens = vec![TokenId::new(NOW), TokenId::new(NOW)];
        let emails = |tokens: &[TokenId], actor| {
            let events = Event::membership_ended(member, organization, tokens.to_vec(), None, NOW);
            let emails = events.iter().flat_map(|event| event.notifications(Some(actor)));
            emails.map(|notification| (notification.email, notification.tokens)).collect::<Vec<_>>()
        };
        assert_eq!(emails(&[], admin), [], "no token lost access");
        assert_eq!(emails(&tokens, admin), [(EmailKind::MembershipEnded, tokens.clone())]);
        assert_eq!(emails(&tokens, member), []);
    }

    #[test]
    fn only_additional_access_widens() {
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
    fn changes_of_names_and_descriptions_do_not_affect_access() {
        let event = |kind| Event::new(kind, NOW);
        let scope = || ScopeName::new("read_builds").into_iter().collect::<Vec<_>>();
        for describes in [EventType::UserUpdated, EventType::OrganizationUpdated, EventType::TokenUpdated] {
            assert!(event(describes).changes_descriptions() && !event(describes).grants_access(), "{describes:?}");
        }
        let updated = || event(EventType::TokenUpdated);
        assert!(!updated().with_scopes(scope(), Vec::new()).changes_descriptions(), "it extends access");
        assert!(!updated().with_scopes(Vec::new(), scope()).changes_descriptions(), "it removes access");
        for kind in EventType::ALL.iter().filter(|kind| !kind.as_str().ends_with("_updated")) {
            assert!(!event(*kind).changes_descriptions(), "{kind:?}");
        }
    }

    #[test]
    fn event_type_names_are_unique() {
        let names: std::collections::BTreeSet<_> = EventType::ALL.iter().map(|kind| kind.as_str()).collect();
        assert_eq!(names.len(), EventType::ALL.len());
    }
}
