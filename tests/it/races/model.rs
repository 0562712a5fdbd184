//! A model of the expected results: the rules of tokens, grants and memberships, reimplemented without a database.

use std::collections::{BTreeMap, BTreeSet};
use tokenward::testing::domain::{
    error::Code,
    event::EventType,
    id::{OrganizationId, TokenId, UserId},
    organization::Role,
    time::Time,
};

/// Who makes a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Actor {
    /// The command line.
    Operator,
    /// A user, authenticated by a JWT.
    User(UserId),
    /// A resource server that has the value of the token.
    ResourceServer,
}

impl Actor {
    /// Returns the user, if the caller is one.
    pub(super) const fn user_id(self) -> Option<UserId> {
        match self {
            Self::User(user) => Some(user),
            Self::Operator | Self::ResourceServer => None,
        }
    }
}

/// The change that is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    Create { organizations: [OrganizationId; 3], expires_at: Option<Time> },
    Remove { token: TokenId, organization: OrganizationId },
    Add { token: TokenId, organization: OrganizationId },
    Revoke { token: TokenId },
    Leave { organization: OrganizationId, user: UserId },
    Join { organization: OrganizationId, user: UserId, role: Role },
    ChangeRole { organization: OrganizationId, user: UserId, role: Role },
    Disable { user: UserId },
    Enable { user: UserId },
}

/// One operation, and the time of the service at its start and its end.
#[derive(Debug, Clone, Copy)]
pub(super) struct Operation {
    pub(super) actor: Actor,
    pub(super) action: Action,
    pub(super) started_at: Time,
    pub(super) ended_at: Time,
}

/// One event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ExpectedEvent {
    pub(super) kind: EventType,
    pub(super) actor: Option<UserId>,
    pub(super) token: Option<TokenId>,
    pub(super) user: Option<UserId>,
    pub(super) organizations: BTreeSet<OrganizationId>,
}

/// The relevant state of a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) owner: UserId,
    pub(super) expires_at: Option<Time>,
    pub(super) revoked: bool,
    /// The organizations with an unremoved grant.
    pub(super) unremoved: BTreeSet<OrganizationId>,
    /// The organizations with a removed grant.
    pub(super) removed: BTreeSet<OrganizationId>,
}

impl Token {
    /// Whether the token is revoked or expired at that time.
    pub(super) fn has_ended(&self, at: Time) -> bool {
        self.revoked || self.expires_at.is_some_and(|end| end <= at)
    }
}

/// The state that the event log describes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct State {
    pub(super) disabled: BTreeSet<UserId>,
    pub(super) roles: BTreeMap<(OrganizationId, UserId), Role>,
    pub(super) tokens: BTreeMap<TokenId, Token>,
    /// The number of emails expected so far.
    pub(super) emails: usize,
}

/// A result with the code of its error.
type CodeResult<T> = Result<T, Code>;

impl State {
    /// Returns the organizations to which a token has access at that time; `None` if the token is not valid.
    pub(super) fn access(&self, token: TokenId, at: Time) -> Option<BTreeSet<OrganizationId>> {
        let token = &self.tokens[&token];
        if token.has_ended(at) || self.disabled.contains(&token.owner) {
            return None;
        }
        let member = |organization: &&OrganizationId| self.roles.contains_key(&(**organization, token.owner));
        Some(token.unremoved.iter().filter(member).copied().collect())
    }

    /// Checks whether the operation is allowed, with the roles and disabled users of `self` and the tokens of `others`. A request
    /// reads one after the other, and other changes may be committed in between.
    pub(super) fn allows(&self, operation: &Operation, others: &Self) -> CodeResult<()> {
        let Actor::User(user) = operation.actor else { return Ok(()) };
        if self.disabled.contains(&user) {
            return Err(Code::Unauthenticated);
        }
        let role = |organization| self.roles.get(&(organization, user)).copied();
        match operation.action {
            Action::Create { .. } | Action::Disable { .. } | Action::Enable { .. } => Ok(()),
            Action::Add { token, .. } | Action::Revoke { token } => {
                let token = &others.tokens[&token];
                if token.owner == user {
                    return Ok(());
                }
                let administers = |one: &OrganizationId| role(*one) == Some(Role::Admin);
                Err(if token.unremoved.iter().any(administers) { Code::Forbidden } else { Code::NotFound })
            }
            Action::Remove { token, organization } => {
                let token = &others.tokens[&token];
                let known = token.unremoved.contains(&organization) || token.removed.contains(&organization);
                match (token.owner == user, role(organization)) {
                    (true, _) | (false, Some(Role::Admin)) if known => Ok(()),
                    (false, Some(Role::Member)) => Err(Code::Forbidden),
                    _ => Err(Code::NotFound),
                }
            }
            Action::Leave { organization, .. }
            | Action::Join { organization, .. }
            | Action::ChangeRole { organization, .. } => match role(organization) {
                Some(Role::Admin) => Ok(()),
                Some(Role::Member) => Err(Code::Forbidden),
                None => Err(Code::NotFound),
            },
        }
    }

    /// Makes the change without checking permissions and returns its events, none if the state is already as requested. `new_token` is
    /// the ID of the new token; tokens expire by the time `at`; `others` contains the users who were disabled when the operation
    /// started.
    pub(super) fn apply(
        &mut self,
        operation: &Operation,
        new_token: Option<TokenId>,
        at: Time,
        others: &Self,
    ) -> CodeResult<Vec<ExpectedEvent>> {
        let user_id = operation.actor.user_id();
        let event = |kind, token, user, organizations: &[OrganizationId]| ExpectedEvent {
            kind,
            actor: user_id,
            token,
            user: Some(user),
            organizations: organizations.iter().copied().collect(),
        };
        match operation.action {
            Action::Create { organizations, expires_at } => {
                let owner = user_id.ok_or(Code::Unauthenticated)?;
                if expires_at.is_some_and(|end| end <= at) {
                    return Err(Code::InvalidInput);
                }
                if !organizations.iter().all(|one| self.roles.contains_key(&(*one, owner))) {
                    return Err(Code::NotFound);
                }
                let id = new_token.ok_or(Code::Internal)?;
                let (unremoved, removed) = (organizations.into(), BTreeSet::new());
                self.tokens.insert(id, Token { owner, expires_at, revoked: false, unremoved, removed });
                Ok(vec![event(EventType::TokenCreated, new_token, owner, &organizations)])
            }
            Action::Remove { token: id, organization } => {
                let token = self.changeable(id, at)?;
                if !token.unremoved.remove(&organization) {
                    return Err(Code::Conflict);
                }
                token.removed.insert(organization);
                let owner = token.owner;
                self.emails += usize::from(user_id != Some(owner));
                Ok(vec![event(EventType::TokenOrganizationRemoved, Some(id), owner, &[organization])])
            }
            Action::Add { token: id, organization } => {
                let owner = self.changeable(id, at)?.owner;
                if !self.roles.contains_key(&(organization, owner)) {
                    return Err(Code::NotFound);
                }
                if !self.changeable(id, at)?.unremoved.insert(organization) {
                    return Err(Code::Conflict);
                }
                Ok(vec![event(EventType::TokenOrganizationAdded, Some(id), owner, &[organization])])
            }
            Action::Revoke { token: id } => {
                let token = self.changeable(id, at)?;
                token.revoked = true;
                let unremoved: Vec<_> = token.unremoved.iter().copied().collect();
                Ok(vec![event(EventType::TokenRevoked, Some(id), token.owner, &unremoved)])
            }
            Action::Leave { organization, user } => {
                self.keep_an_administrator(organization, user, others)?;
                self.roles.remove(&(organization, user)).ok_or(Code::NotFound)?;
                let mut events = Vec::new();
                for (id, token) in self.tokens.iter_mut().filter(|(_, token)| token.owner == user) {
                    if token.unremoved.remove(&organization) {
                        token.removed.insert(organization);
                        // An ended token gets no event.
                        if !token.has_ended(at) {
                            events.push(event(EventType::TokenOrganizationRemoved, Some(*id), user, &[organization]));
                        }
                    }
                }
                self.emails += usize::from(user_id != Some(user) && !events.is_empty());
                events.push(event(EventType::OrganizationMemberRemoved, None, user, &[organization]));
                Ok(events)
            }
            Action::Join { organization, user, role } => {
                if self.roles.contains_key(&(organization, user)) {
                    return Err(Code::Conflict);
                }
                self.roles.insert((organization, user), role);
                Ok(vec![event(EventType::OrganizationMemberAdded, None, user, &[organization])])
            }
            Action::ChangeRole { organization, user, role } => {
                let present = *self.roles.get(&(organization, user)).ok_or(Code::NotFound)?;
                if present == role {
                    return Ok(Vec::new());
                }
                if role == Role::Member {
                    self.keep_an_administrator(organization, user, others)?;
                }
                self.roles.insert((organization, user), role);
                Ok(vec![event(EventType::OrganizationMemberUpdated, None, user, &[organization])])
            }
            Action::Disable { user } | Action::Enable { user } => {
                let (changed, kind) = if matches!(operation.action, Action::Disable { .. }) {
                    (self.disabled.insert(user), EventType::UserDisabled)
                } else {
                    (self.disabled.remove(&user), EventType::UserEnabled)
                };
                let of = self.roles.keys().filter(|(_, member)| *member == user).map(|(organization, _)| *organization);
                let organizations: Vec<_> = of.collect();
                if changed { Ok(vec![event(kind, None, user, &organizations)]) } else { Err(Code::Conflict) }
            }
        }
    }

    fn changeable(&mut self, token: TokenId, at: Time) -> CodeResult<&mut Token> {
        self.tokens.get_mut(&token).filter(|token| !token.has_ended(at)).ok_or(Code::Conflict)
    }

    /// A disabled user does not count as an administrator.
    fn keep_an_administrator(&self, organization: OrganizationId, leaving: UserId, others: &Self) -> CodeResult<()> {
        let of = |((one, _), role): &(&(OrganizationId, UserId), &Role)| *one == organization && **role == Role::Admin;
        let admins = self.roles.iter().filter(of).map(|((_, user), _)| *user);
        let mut admins = admins.filter(|user| *user == leaving || !others.disabled.contains(user));
        match (admins.next(), admins.next()) {
            (Some(only), None) if only == leaving => Err(Code::Conflict),
            _ => Ok(()),
        }
    }
}
