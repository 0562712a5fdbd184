//! A model of the expected results: the rules of tokens, grants and memberships, reimplemented without a database.

use std::collections::{BTreeMap, BTreeSet};
use tokenward::domain::{
    error::Code,
    event::EventType,
    id::{OrganizationId, TokenId, UserId},
    organization::Role,
    time::Time,
};

/// Who makes a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Who {
    /// The command line.
    Operator,
    /// A user, authenticated by a JWT.
    Person(UserId),
    /// A resource server that has the value of the token.
    Api,
}

impl Who {
    /// Returns the user, if the caller is one.
    pub(super) const fn person(self) -> Option<UserId> {
        match self {
            Self::Person(user) => Some(user),
            Self::Operator | Self::Api => None,
        }
    }
}

/// The change that is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    Create { organizations: [OrganizationId; 3], ends: Option<Time> },
    Remove { token: TokenId, organization: OrganizationId },
    Add { token: TokenId, organization: OrganizationId },
    Revoke { token: TokenId },
    Leave { organization: OrganizationId, user: UserId },
    Join { organization: OrganizationId, user: UserId, role: Role },
    Rank { organization: OrganizationId, user: UserId, role: Role },
    Disable { user: UserId },
    Enable { user: UserId },
}

/// One operation, and the time of the service at its start and its end.
#[derive(Debug, Clone, Copy)]
pub(super) struct Deed {
    pub(super) who: Who,
    pub(super) what: What,
    pub(super) began: Time,
    pub(super) ended: Time,
}

/// One event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
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
    pub(super) ends: Option<Time>,
    pub(super) revoked: bool,
    /// The organizations with an unremoved grant.
    pub(super) standing: BTreeSet<OrganizationId>,
    /// The organizations with a removed grant.
    pub(super) removed: BTreeSet<OrganizationId>,
}

impl Token {
    /// Whether the token is revoked or expired at that time.
    pub(super) fn is_over(&self, at: Time) -> bool {
        self.revoked || self.ends.is_some_and(|end| end <= at)
    }
}

/// The state that the event log describes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct State {
    pub(super) disabled: BTreeSet<UserId>,
    pub(super) roles: BTreeMap<(OrganizationId, UserId), Role>,
    pub(super) tokens: BTreeMap<TokenId, Token>,
    /// The number of emails expected so far.
    pub(super) letters: usize,
}

/// A result with the code of its error.
type Answer<T> = Result<T, Code>;

impl State {
    /// Returns the organizations to which a token has access at that time; `None` if the token is not valid.
    pub(super) fn reach(&self, token: TokenId, at: Time) -> Option<BTreeSet<OrganizationId>> {
        let token = &self.tokens[&token];
        if token.is_over(at) || self.disabled.contains(&token.owner) {
            return None;
        }
        let member = |organization: &&OrganizationId| self.roles.contains_key(&(**organization, token.owner));
        Some(token.standing.iter().filter(member).copied().collect())
    }

    /// Checks whether the operation is allowed, with the roles and disabled users of `self` and the tokens of `seen`. A request
    /// reads one after the other, and other changes may be committed in between.
    pub(super) fn allows(&self, deed: &Deed, seen: &Self) -> Answer<()> {
        let Who::Person(user) = deed.who else { return Ok(()) };
        if self.disabled.contains(&user) {
            return Err(Code::Unauthenticated);
        }
        let role = |organization| self.roles.get(&(organization, user)).copied();
        match deed.what {
            What::Create { .. } | What::Disable { .. } | What::Enable { .. } => Ok(()),
            What::Add { token, .. } | What::Revoke { token } => {
                let token = &seen.tokens[&token];
                if token.owner == user {
                    return Ok(());
                }
                let administers = |one: &OrganizationId| role(*one) == Some(Role::Admin);
                Err(if token.standing.iter().any(administers) { Code::Forbidden } else { Code::NotFound })
            }
            What::Remove { token, organization } => {
                let token = &seen.tokens[&token];
                let known = token.standing.contains(&organization) || token.removed.contains(&organization);
                match (token.owner == user, role(organization)) {
                    (true, _) | (false, Some(Role::Admin)) if known => Ok(()),
                    (false, Some(Role::Member)) => Err(Code::Forbidden),
                    _ => Err(Code::NotFound),
                }
            }
            What::Leave { organization, .. } | What::Join { organization, .. } | What::Rank { organization, .. } => {
                match role(organization) {
                    Some(Role::Admin) => Ok(()),
                    Some(Role::Member) => Err(Code::Forbidden),
                    None => Err(Code::NotFound),
                }
            }
        }
    }

    /// Makes the change without checking permissions and returns its events, none if the state is already as requested. `made` is
    /// the ID of the new token; tokens expire by the time `at`; `seen` contains the users who were disabled when the operation
    /// started.
    pub(super) fn does(&mut self, deed: &Deed, made: Option<TokenId>, at: Time, seen: &Self) -> Answer<Vec<Line>> {
        let person = deed.who.person();
        let line = |kind, token, user, organizations: &[OrganizationId]| Line {
            kind,
            actor: person,
            token,
            user: Some(user),
            organizations: organizations.iter().copied().collect(),
        };
        match deed.what {
            What::Create { organizations, ends } => {
                let owner = person.ok_or(Code::Unauthenticated)?;
                if ends.is_some_and(|end| end <= at) {
                    return Err(Code::InvalidInput);
                }
                if !organizations.iter().all(|one| self.roles.contains_key(&(*one, owner))) {
                    return Err(Code::NotFound);
                }
                let id = made.ok_or(Code::Internal)?;
                let (standing, removed) = (organizations.into(), BTreeSet::new());
                self.tokens.insert(id, Token { owner, ends, revoked: false, standing, removed });
                Ok(vec![line(EventType::TokenCreated, made, owner, &organizations)])
            }
            What::Remove { token: id, organization } => {
                let token = self.changeable(id, at)?;
                if !token.standing.remove(&organization) {
                    return Err(Code::Conflict);
                }
                token.removed.insert(organization);
                let owner = token.owner;
                self.letters += usize::from(person != Some(owner));
                Ok(vec![line(EventType::TokenOrganizationRemoved, Some(id), owner, &[organization])])
            }
            What::Add { token: id, organization } => {
                let owner = self.changeable(id, at)?.owner;
                if !self.roles.contains_key(&(organization, owner)) {
                    return Err(Code::NotFound);
                }
                if !self.changeable(id, at)?.standing.insert(organization) {
                    return Err(Code::Conflict);
                }
                Ok(vec![line(EventType::TokenOrganizationAdded, Some(id), owner, &[organization])])
            }
            What::Revoke { token: id } => {
                let token = self.changeable(id, at)?;
                token.revoked = true;
                let standing: Vec<_> = token.standing.iter().copied().collect();
                Ok(vec![line(EventType::TokenRevoked, Some(id), token.owner, &standing)])
            }
            What::Leave { organization, user } => {
                self.keeps_an_administrator(organization, user, seen)?;
                self.roles.remove(&(organization, user)).ok_or(Code::NotFound)?;
                let mut lines = Vec::new();
                for (id, token) in self.tokens.iter_mut().filter(|(_, token)| token.owner == user) {
                    if token.standing.remove(&organization) {
                        token.removed.insert(organization);
                        // An ended token gets no event.
                        if !token.is_over(at) {
                            lines.push(line(EventType::TokenOrganizationRemoved, Some(*id), user, &[organization]));
                        }
                    }
                }
                self.letters += usize::from(person != Some(user) && !lines.is_empty());
                lines.push(line(EventType::OrganizationMemberRemoved, None, user, &[organization]));
                Ok(lines)
            }
            What::Join { organization, user, role } => {
                if self.roles.contains_key(&(organization, user)) {
                    return Err(Code::Conflict);
                }
                self.roles.insert((organization, user), role);
                Ok(vec![line(EventType::OrganizationMemberAdded, None, user, &[organization])])
            }
            What::Rank { organization, user, role } => {
                let present = *self.roles.get(&(organization, user)).ok_or(Code::NotFound)?;
                if present == role {
                    return Ok(Vec::new());
                }
                if role == Role::Member {
                    self.keeps_an_administrator(organization, user, seen)?;
                }
                self.roles.insert((organization, user), role);
                Ok(vec![line(EventType::OrganizationMemberUpdated, None, user, &[organization])])
            }
            What::Disable { user } | What::Enable { user } => {
                let (changed, kind) = if matches!(deed.what, What::Disable { .. }) {
                    (self.disabled.insert(user), EventType::UserDisabled)
                } else {
                    (self.disabled.remove(&user), EventType::UserEnabled)
                };
                let of = self.roles.keys().filter(|(_, member)| *member == user).map(|(organization, _)| *organization);
                let organizations: Vec<_> = of.collect();
                if changed { Ok(vec![line(kind, None, user, &organizations)]) } else { Err(Code::Conflict) }
            }
        }
    }

    fn changeable(&mut self, token: TokenId, at: Time) -> Answer<&mut Token> {
        self.tokens.get_mut(&token).filter(|token| !token.is_over(at)).ok_or(Code::Conflict)
    }

    /// A disabled user does not count as an administrator.
    fn keeps_an_administrator(&self, organization: OrganizationId, leaving: UserId, seen: &Self) -> Answer<()> {
        let of = |((one, _), role): &(&(OrganizationId, UserId), &Role)| *one == organization && **role == Role::Admin;
        let admins = self.roles.iter().filter(of).map(|((_, user), _)| *user);
        let mut admins = admins.filter(|user| *user == leaving || !seen.disabled.contains(user));
        match (admins.next(), admins.next()) {
            (Some(only), None) if only == leaving => Err(Code::Conflict),
            _ => Ok(()),
        }
    }
}
