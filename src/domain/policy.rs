//! Who may do what. Only this file makes the proofs that the store demands, so a forgotten check does not compile.
//!
//! Whoever may not know of a thing hears that it is not there: not seeing and not existing are one answer.

use crate::domain::{
    caller::{AuthMethod, Caller},
    error::{Error, Result},
    id::{OrganizationId, TokenId, UserId},
    organization::Role,
    session,
};
use std::collections::{BTreeMap, BTreeSet};

/// What a caller is at this moment, read in the same transaction as whatever it decides.
#[derive(Debug, Clone)]
pub struct AuthContext {
    through: AuthMethod,
    user: Option<UserId>,
    /// Whether a session's password was given lately; of everything else that is somebody else's to see to.
    has_recent_password: bool,
    roles: BTreeMap<OrganizationId, Role>,
}

impl AuthContext {
    /// From the memberships of the caller's user. `reach` holds the organizations of the acting token, where there is
    /// one: it acts as its owner within these and sees no other.
    pub fn new(
        caller: &Caller,
        mut roles: BTreeMap<OrganizationId, Role>,
        reach: Option<&BTreeSet<OrganizationId>>,
    ) -> Self {
        if let Some(reach) = reach {
            roles.retain(|organization, _| reach.contains(organization));
        }
        let fresh = match caller.auth_method {
            AuthMethod::Session { authenticated_at, .. } => {
                session::is_authentication_recent(authenticated_at, caller.at)
            }
            _ => true,
        };
        Self { through: caller.auth_method, user: caller.user(), has_recent_password: fresh, roles }
    }

    /// The role in an organization, as far as the caller may use it.
    pub fn role_in(&self, organization: OrganizationId) -> Option<Role> {
        self.roles.get(&organization).copied()
    }

    /// The same caller after this request gave them a role in an organization.
    #[must_use]
    pub fn with_role(mut self, organization: OrganizationId, role: Role) -> Self {
        self.roles.insert(organization, role);
        self
    }

    fn administers(&self, organization: OrganizationId) -> bool {
        self.role_in(organization) == Some(Role::Admin)
    }

    fn acting_token(&self) -> Option<TokenId> {
        match self.through {
            AuthMethod::Token { token, .. } => Some(token),
            _ => None,
        }
    }

    /// Whoever finds a browser that somebody left signed in has not their password.
    fn require_recent_password(&self) -> Result<()> {
        if self.has_recent_password { Ok(()) } else { Err(Error::Stale) }
    }
}

/// What a rule needs to know of a token before anybody may see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenAccess {
    /// Which token.
    pub token: TokenId,
    /// Whose it is.
    pub owner: UserId,
    /// Where its grant stands, whether the token is still active or not.
    pub unremoved: BTreeSet<OrganizationId>,
    /// Where it had a grant that was removed.
    pub removed: BTreeSet<OrganizationId>,
}

macro_rules! proofs {
    ($($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty),* $(,)? })*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct $name { $($field: $type),* }
        impl $name {
            $($(#[$field_doc])* pub const fn $field(&self) -> &$type { &self.$field })*
        }
    )*};
}

proofs! {
    /// The command line: whoever runs the service may do everything that it offers.
    Operator {}
    /// Somebody may become a person here: the operator says so, or an identity provider.
    UserProvisioner {}
    /// Somebody who may make tokens and widen their own.
    TokenCreator {
        /// Whose tokens.
        user: UserId,
    }
    /// A person who looks at what is their own; within an acting token, at what that reaches.
    Viewer {
        /// Who.
        user: UserId,
        /// The organizations and the acting token, where a token acts.
        within: Option<ActingToken>,
    }
    /// The owner of this token, who may change it.
    TokenOwner {
        /// Which token.
        token: TokenId,
        /// Whose.
        user: UserId,
    }
    /// The owner of this token, who may let it do more or reach further.
    AccessGrantor {
        /// Which token.
        token: TokenId,
    }
    /// Somebody signed in as themselves, who may change what is kept of them and end their sessions.
    SignedInUser {
        /// Who.
        user: UserId,
    }
    /// Somebody who may say with which password this person signs in.
    PasswordSetter {
        /// Who signs in with it.
        user: UserId,
    }
    /// The very first person, who brings the first organization along.
    FirstUser {
        /// Who they are going to be.
        user: UserId,
    }
    /// Somebody who may end this token for good.
    TokenRevoker {
        /// Which token.
        token: TokenId,
        /// On whose word; nothing for the command line and resource servers.
        by: Option<UserId>,
    }
    /// Somebody who may take this organization away from this token.
    GrantRemover {
        /// Which token.
        token: TokenId,
        /// Which organization.
        organization: OrganizationId,
        /// On whose word.
        by: UserId,
    }
    /// Somebody who may add an organization.
    OrganizationCreator {}
    /// Somebody who may change this organization.
    OrganizationManager {
        /// Which organization.
        organization: OrganizationId,
    }
    /// Somebody who may say who belongs to this organization, and as what.
    MembershipManager {
        /// Which organization.
        organization: OrganizationId,
    }
    /// Somebody who may see who belongs to this organization.
    OrgMember {
        /// Which organization.
        organization: OrganizationId,
        /// Whether e-mail addresses may be looked through.
        admin: bool,
    }
    /// An administrator of this organization, who reads its audit.
    OrgAdmin {
        /// Which organization.
        organization: OrganizationId,
    }
    /// Somebody who may see this token.
    TokenViewer {
        /// Which token.
        token: TokenId,
        /// As what.
        view: Visibility,
    }
}

/// The limits of a token that acts as its owner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActingToken {
    /// The acting token.
    pub token: TokenId,
    /// The organizations it reaches and its owner belongs to.
    pub organizations: BTreeSet<OrganizationId>,
}

/// How much of a token somebody sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Visibility {
    /// All of it.
    Owner,
    /// All that concerns the organizations which the acting token reaches.
    OwnerWithin(BTreeSet<OrganizationId>),
    /// What concerns the organizations that they administer.
    Admin(BTreeSet<OrganizationId>),
}

impl Visibility {
    /// The organizations that may be told of; nothing for all.
    pub const fn organizations(&self) -> Option<&BTreeSet<OrganizationId>> {
        match self {
            Self::Owner => None,
            Self::OwnerWithin(organizations) | Self::Admin(organizations) => Some(organizations),
        }
    }

    /// Whether it is the owner who looks.
    pub const fn is_owner(&self) -> bool {
        !matches!(self, Self::Admin(_))
    }
}

const TOKEN_CANNOT_GRANT: Error = Error::Forbidden(std::borrow::Cow::Borrowed(
    "A token can never make or widen tokens; sign in as yourself to do this.",
));
const ADMINISTRATORS_ONLY: Error =
    Error::Forbidden(std::borrow::Cow::Borrowed("Only an administrator of the organization may do this."));
const OWNERS_ONLY: Error = Error::Forbidden(std::borrow::Cow::Borrowed(
    "Only the token's owner may do this; an administrator can remove the organization from the token.",
));
const TOKEN_CANNOT_MANAGE: Error = Error::Forbidden(std::borrow::Cow::Borrowed(
    "A token can never change organizations or their members; sign in as yourself to do this.",
));
const TOKEN_CANNOT_CHANGE_ACCOUNT: Error = Error::Forbidden(std::borrow::Cow::Borrowed(
    "A token can never change its owner's profile or sessions; sign in as yourself to do this.",
));
const PASSWORD_SESSION_REQUIRED: Error =
    Error::Forbidden(std::borrow::Cow::Borrowed("Only a user who signed in with a password can change it."));
const INVITATION_NOT_FOUND: Error = Error::NotFound("invitation");
const TOKEN_NOT_FOUND: Error = Error::NotFound("token");
const ORGANIZATION_NOT_FOUND: Error = Error::NotFound("organization");

/// The command line, and nobody else.
pub fn operator(caller: &Caller) -> Result<Operator> {
    match caller.auth_method {
        AuthMethod::CommandLine => Ok(Operator {}),
        _ => Err(Error::Forbidden("Only the command line may do this.".into())),
    }
}

/// Who may add a person or say how they are called: the command line, and an identity provider of whom it vouches for.
pub fn user_provisioner(caller: &Caller) -> Result<UserProvisioner> {
    match caller.auth_method {
        AuthMethod::CommandLine | AuthMethod::Jwt(_) => Ok(UserProvisioner {}),
        _ => Err(Error::Forbidden("Only the command line or an identity provider may do this.".into())),
    }
}

/// Somebody who signed in as themselves lately. A token never widens what tokens may do.
pub fn token_creator(standing: &AuthContext) -> Result<TokenCreator> {
    let user = signed_in(standing, TOKEN_CANNOT_GRANT)?;
    standing.require_recent_password()?;
    Ok(TokenCreator { user })
}

/// The person who signed in as themselves.
fn signed_in(standing: &AuthContext, token: Error) -> Result<UserId> {
    match standing.through {
        AuthMethod::Jwt(user) | AuthMethod::Session { user, .. } => Ok(user),
        AuthMethod::Token { .. } => Err(token),
        _ => Err(Error::Unauthenticated),
    }
}

/// Somebody signed in as themselves, changing what is kept of them.
pub fn signed_in_user(standing: &AuthContext) -> Result<SignedInUser> {
    signed_in(standing, TOKEN_CANNOT_CHANGE_ACCOUNT).map(|user| SignedInUser { user })
}

/// Whether a session may be seen: one's own, and by nobody through a token.
pub fn can_see_session(standing: &AuthContext, user: UserId) -> bool {
    signed_in_user(standing).is_ok_and(|oneself| oneself.user == user)
}

/// Who may say with which password somebody signs in: they, who gave the one before lately, and the command line.
pub fn password_setter(standing: &AuthContext, user: UserId) -> Result<PasswordSetter> {
    match standing.through {
        AuthMethod::CommandLine => {}
        AuthMethod::Session { user: own, .. } if own == user => standing.require_recent_password()?,
        AuthMethod::Jwt(_) | AuthMethod::Session { .. } | AuthMethod::Token { .. } => {
            return Err(PASSWORD_SESSION_REQUIRED);
        }
        _ => return Err(Error::Unauthenticated),
    }
    Ok(PasswordSetter { user })
}

/// The command line makes a token for somebody else.
pub fn token_creator_for(_: &Operator, user: UserId) -> TokenCreator {
    TokenCreator { user }
}

/// Whoever asks, looking at what is their own.
pub fn viewer(standing: &AuthContext) -> Result<Viewer> {
    let user = standing.user.ok_or(Error::Unauthenticated)?;
    let within = standing
        .acting_token()
        .map(|token| ActingToken { token, organizations: standing.roles.keys().copied().collect() });
    Ok(Viewer { user, within })
}

/// The organization of one's own that a new grant shall open.
pub fn member(standing: &AuthContext, organization: OrganizationId) -> Result<()> {
    standing.role_in(organization).map(|_| ()).ok_or(ORGANIZATION_NOT_FOUND)
}

/// Whom an invitation that was taken lets choose a password: the one who comes with it, and whom it was for.
pub fn invited_password_setter(caller: &Caller, user: UserId) -> Result<PasswordSetter> {
    match caller.auth_method {
        AuthMethod::Session { user: own, .. } if own == user => Ok(PasswordSetter { user }),
        _ => Err(INVITATION_NOT_FOUND),
    }
}

/// Whom the invitation of a new service makes the first of all, as long as there is nobody.
pub fn first_user(caller: &Caller, anybody: bool) -> Result<FirstUser> {
    match caller.auth_method {
        AuthMethod::Session { user, .. } if !anybody => Ok(FirstUser { user }),
        _ => Err(INVITATION_NOT_FOUND),
    }
}

/// The first person comes without anybody's word,
pub fn first_user_provisioner(_: &FirstUser) -> UserProvisioner {
    UserProvisioner {}
}

/// adds the first organization,
pub fn first_organization_creator(_: &FirstUser) -> OrganizationCreator {
    OrganizationCreator {}
}

/// and chooses a password.
pub fn first_password_setter(pioneer: &FirstUser) -> PasswordSetter {
    PasswordSetter { user: pioneer.user }
}

/// The owner of a token, to change it.
pub fn token_owner(standing: &AuthContext, sight: Option<&TokenAccess>) -> Result<TokenOwner> {
    let user = signed_in(standing, TOKEN_CANNOT_GRANT)?;
    let sight = sight.ok_or(TOKEN_NOT_FOUND)?;
    if sight.owner == user {
        return Ok(TokenOwner { token: sight.token, user });
    }
    // An administrator knows the token from the audit; to anybody else it does not exist.
    Err(if token_viewer(standing, sight).is_some() { OWNERS_ONLY } else { TOKEN_NOT_FOUND })
}

/// The owner of a token who signed in lately, to let it do more.
pub fn access_grantor(standing: &AuthContext, owner: &TokenOwner) -> Result<AccessGrantor> {
    standing.require_recent_password()?;
    Ok(AccessGrantor { token: owner.token })
}

/// The owner of a token, to revoke it. A token that acts as the owner revokes only tokens that it can see.
pub fn token_revoker(standing: &AuthContext, sight: Option<&TokenAccess>) -> Result<TokenRevoker> {
    let user = standing.user.ok_or(Error::Unauthenticated)?;
    let sight = sight.ok_or(TOKEN_NOT_FOUND)?;
    let seer = token_viewer(standing, sight).ok_or(TOKEN_NOT_FOUND)?;
    if seer.view.is_owner() { Ok(TokenRevoker { token: sight.token, by: Some(user) }) } else { Err(OWNERS_ONLY) }
}

/// Whoever holds a token's value may end it: the token itself, the command line, a resource server.
pub fn token_revoker_by_value(caller: &Caller, token: TokenId) -> Result<TokenRevoker> {
    match caller.auth_method {
        AuthMethod::Value { user, token: own } if own == token => Ok(TokenRevoker { token, by: Some(user) }),
        AuthMethod::ResourceServer(_) | AuthMethod::CommandLine => Ok(TokenRevoker { token, by: None }),
        _ => Err(TOKEN_NOT_FOUND),
    }
}

/// An administrator of the organization, or the owner of the token.
pub fn grant_remover(
    unremoved: &AuthContext,
    sight: Option<&TokenAccess>,
    organization: OrganizationId,
) -> Result<GrantRemover> {
    let by = unremoved.user.ok_or(Error::Unauthenticated)?;
    let known = |sight: &TokenAccess| sight.unremoved.contains(&organization) || sight.removed.contains(&organization);
    let role = unremoved.role_in(organization);
    // What an acting token can see nothing of is not the owner's to it.
    let own = sight.filter(|sight| sight.owner == by && (known(sight) || token_viewer(unremoved, sight).is_some()));
    if let Some(sight) = own {
        // A token that acts sees no organization but those it reaches.
        return match (known(sight), unremoved.acting_token(), role) {
            (true, None, _) | (true, Some(_), Some(_)) => Ok(GrantRemover { token: sight.token, organization, by }),
            (false, _, Some(_)) => Err(TOKEN_NOT_FOUND),
            _ => Err(ORGANIZATION_NOT_FOUND),
        };
    }
    match role {
        Some(Role::Admin) => sight
            .filter(|sight| known(sight))
            .map(|sight| GrantRemover { token: sight.token, organization, by })
            .ok_or(TOKEN_NOT_FOUND),
        // The same for every token, so that a member learns nothing by trying.
        Some(Role::Member) => Err(ADMINISTRATORS_ONLY),
        None => Err(ORGANIZATION_NOT_FOUND),
    }
}

/// Who else but the operator may add organizations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SelfService {
    /// Nobody.
    Off,
    /// Everybody who signs in as themselves.
    On,
}

/// Somebody who may add an organization.
pub fn organization_creator(standing: &AuthContext, self_service: SelfService) -> Result<OrganizationCreator> {
    match (standing.through, self_service) {
        (AuthMethod::CommandLine, _) | (AuthMethod::Jwt(_), SelfService::On) => Ok(OrganizationCreator {}),
        (AuthMethod::Session { .. }, SelfService::On) => {
            standing.require_recent_password().map(|()| OrganizationCreator {})
        }
        (AuthMethod::Token { .. }, _) => Err(TOKEN_CANNOT_MANAGE),
        _ => Err(Error::Forbidden(
            "Only the command line may add organizations here (organizations.self_service is off).".into(),
        )),
    }
}

/// Whoever adds an organization says who administers it first.
pub fn first_membership_manager(_: &OrganizationCreator, organization: OrganizationId) -> MembershipManager {
    MembershipManager { organization }
}

/// The command line, or an administrator signed in as themselves.
pub fn organization_manager(standing: &AuthContext, organization: OrganizationId) -> Result<OrganizationManager> {
    match (standing.through, standing.role_in(organization)) {
        (AuthMethod::CommandLine, _) | (AuthMethod::Jwt(_) | AuthMethod::Session { .. }, Some(Role::Admin)) => {
            Ok(OrganizationManager { organization })
        }
        (AuthMethod::Token { .. }, Some(_)) => Err(TOKEN_CANNOT_MANAGE),
        (_, Some(_)) => Err(ADMINISTRATORS_ONLY),
        (_, None) => Err(ORGANIZATION_NOT_FOUND),
    }
}

/// Whoever may change the organization and signed in lately, to say who belongs to it.
pub fn membership_manager(standing: &AuthContext, organization: OrganizationId) -> Result<MembershipManager> {
    let manager = organization_manager(standing, organization)?;
    standing.require_recent_password()?;
    Ok(MembershipManager { organization: manager.organization })
}

/// A member, who sees the others.
pub fn org_member(standing: &AuthContext, organization: OrganizationId) -> Option<OrgMember> {
    standing.role_in(organization).map(|role| OrgMember { organization, admin: role == Role::Admin })
}

/// An administrator of the organization.
pub fn org_admin(standing: &AuthContext, organization: OrganizationId) -> Result<OrgAdmin> {
    match standing.role_in(organization) {
        Some(Role::Admin) => Ok(OrgAdmin { organization }),
        Some(Role::Member) => Err(ADMINISTRATORS_ONLY),
        // A stranger learns nothing, not even that the organization exists.
        None => Err(ORGANIZATION_NOT_FOUND),
    }
}

/// Somebody who sees the token: its owner, or an administrator of an organization where its grant stands.
pub fn token_viewer(standing: &AuthContext, sight: &TokenAccess) -> Option<TokenViewer> {
    let token = sight.token;
    if standing.user == Some(sight.owner) {
        let Some(acting) = standing.acting_token() else { return Some(TokenViewer { token, view: Visibility::Owner }) };
        let reach: BTreeSet<_> = standing.roles.keys().copied().collect();
        let seen = acting == token || !reach.is_disjoint(&sight.unremoved);
        return seen.then_some(TokenViewer { token, view: Visibility::OwnerWithin(reach) });
    }
    // Of this token only: an administrator of thousands of organizations sees a page of many tokens.
    let administers = |organization: &&OrganizationId| standing.role_in(**organization) == Some(Role::Admin);
    sight.unremoved.iter().find(administers)?;
    let administered = sight.unremoved.union(&sight.removed).filter(administers).copied().collect();
    Some(TokenViewer { token, view: Visibility::Admin(administered) })
}

/// How much somebody sees of their own tokens.
pub fn own_visibility(standing: &AuthContext) -> Visibility {
    match standing.acting_token() {
        None => Visibility::Owner,
        Some(_) => Visibility::OwnerWithin(standing.roles.keys().copied().collect()),
    }
}

/// Whether lists of one's own tokens may be searched and ordered by use. It is use with every organization, and a token
/// that acts knows only of those it reaches.
pub fn can_see_all_usage(standing: &AuthContext) -> Result<()> {
    match standing.acting_token() {
        None => Ok(()),
        Some(_) => Err(Error::Forbidden(
            "A token cannot ask for use with all organizations; sign in as yourself, or read an organization's tokenGrants."
                .into(),
        )),
    }
}

/// Whether a period of access may be seen: of one's own tokens, and of organizations that one administers.
pub fn can_see_grant(standing: &AuthContext, owner: UserId, organization: OrganizationId) -> bool {
    let own = standing.user == Some(owner);
    standing.administers(organization)
        || own && (standing.acting_token().is_none() || standing.role_in(organization).is_some())
}

/// Whether somebody's name and handle may be looked up: one's own, and those of members of one's organizations.
pub fn can_see_user(standing: &AuthContext, user: UserId, belongs_to: &BTreeSet<OrganizationId>) -> bool {
    standing.user == Some(user) || belongs_to.iter().any(|organization| standing.role_in(*organization).is_some())
}

/// Whether somebody's e-mail address may be seen: one's own, and those of members for administrators.
pub fn can_see_email(standing: &AuthContext, user: UserId, belongs_to: &BTreeSet<OrganizationId>) -> bool {
    standing.user == Some(user) || belongs_to.iter().any(|organization| standing.administers(*organization))
}

/// The organizations of an event that may be told of; nothing when the event itself may not be seen.
pub fn visible_organizations_of_event(
    unremoved: &AuthContext,
    concerned: &BTreeSet<OrganizationId>,
    token_owner: Option<UserId>,
) -> Option<BTreeSet<OrganizationId>> {
    if token_owner.is_some() && unremoved.user == token_owner {
        if unremoved.acting_token().is_none() {
            return Some(concerned.clone());
        }
        // A token that acts sees nothing of other organizations, not even that something happened there.
        let reached: BTreeSet<_> = concerned.iter().filter(|one| unremoved.role_in(**one).is_some()).copied().collect();
        return (!reached.is_empty()).then_some(reached);
    }
    let administered: BTreeSet<_> = concerned.iter().filter(|one| unremoved.administers(**one)).copied().collect();
    (!administered.is_empty()).then_some(administered)
}
