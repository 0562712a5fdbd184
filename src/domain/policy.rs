//! Authorization. Only this file constructs the proofs that the store requires, so that a forgotten check does not compile.
//!
//! An object that the caller may not see is reported as not found, like one that does not exist.

use crate::domain::{
    caller::{AuthMethod, Caller},
    error::{Error, Result},
    id::{OrganizationId, TokenId, UserId},
    organization::Role,
    session,
};
use std::collections::{BTreeMap, BTreeSet};

/// The authorization of a caller, read in the same transaction as the change that it decides about.
#[derive(Debug, Clone)]
pub struct AuthContext {
    through: AuthMethod,
    user: Option<UserId>,
    /// Whether the password of the session was confirmed recently. True for other methods, whose issuer checks this.
    has_recent_password: bool,
    roles: BTreeMap<OrganizationId, Role>,
}

impl AuthContext {
    /// Creates it from the memberships of the caller. `reach` contains the organizations of the acting token, if there is
    /// one: it acts as its owner within these and cannot see any other.
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

    /// Returns the role in an organization, as far as the caller may use it.
    pub fn role_in(&self, organization: OrganizationId) -> Option<Role> {
        self.roles.get(&organization).copied()
    }

    /// Adds a role in an organization that this request gave the caller.
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

    /// Protects a browser that was left signed in: another person who finds it does not know the password.
    fn require_recent_password(&self) -> Result<()> {
        if self.has_recent_password { Ok(()) } else { Err(Error::Stale) }
    }
}

/// The owner and the organizations of a token, by which the rules decide who may see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenAccess {
    /// The token.
    pub token: TokenId,
    /// The owner of the token.
    pub owner: UserId,
    /// The organizations with an unremoved grant, whether or not the token is active.
    pub unremoved: BTreeSet<OrganizationId>,
    /// The organizations with a removed grant.
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
    /// The operator on the command line, who may do everything that it offers.
    Operator {}
    /// May create users and change their profiles: the operator or an identity provider.
    UserProvisioner {}
    /// May create tokens for a user.
    TokenCreator {
        /// The owner of the tokens.
        user: UserId,
    }
    /// May see what belongs to a user; an acting token, only within its organizations.
    Viewer {
        /// The user.
        user: UserId,
        /// The acting token and its organizations. `None` if no token acts.
        within: Option<ActingToken>,
    }
    /// May change a token: its owner.
    TokenOwner {
        /// The token.
        token: TokenId,
        /// The owner.
        user: UserId,
    }
    /// May add scopes and organizations to a token: its owner.
    AccessGrantor {
        /// The token.
        token: TokenId,
    }
    /// May change their profile and end their sessions: a signed-in user.
    SignedInUser {
        /// The user.
        user: UserId,
    }
    /// May set the password of a user.
    PasswordSetter {
        /// The user who signs in with it.
        user: UserId,
    }
    /// May become the first user and create the first organization.
    FirstUser {
        /// The ID that the user gets.
        user: UserId,
    }
    /// May revoke a token.
    TokenRevoker {
        /// The token.
        token: TokenId,
        /// The user who revokes it. `None` for the command line and resource servers.
        by: Option<UserId>,
    }
    /// May remove an organization from a token.
    GrantRemover {
        /// The token.
        token: TokenId,
        /// The organization.
        organization: OrganizationId,
        /// The user who removes it.
        by: UserId,
    }
    /// May create organizations.
    OrganizationCreator {}
    /// May change an organization.
    OrganizationManager {
        /// The organization.
        organization: OrganizationId,
    }
    /// May add and remove members of an organization and change their roles.
    MembershipManager {
        /// The organization.
        organization: OrganizationId,
    }
    /// May see the members of an organization.
    OrgMember {
        /// The organization.
        organization: OrganizationId,
        /// Whether members may be searched by email address.
        admin: bool,
    }
    /// May read the audit of an organization: an administrator.
    OrgAdmin {
        /// The organization.
        organization: OrganizationId,
    }
    /// May see a token.
    TokenViewer {
        /// The token.
        token: TokenId,
        /// How much of the token is visible.
        view: Visibility,
    }
}

/// A token that acts as its owner, and its limits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActingToken {
    /// The token.
    pub token: TokenId,
    /// The organizations that the token has access to and that its owner is a member of.
    pub organizations: BTreeSet<OrganizationId>,
}

/// How much of a token is visible.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Visibility {
    /// Everything.
    Owner,
    /// To the owner's acting token: everything within the organizations that it has access to.
    OwnerWithin(BTreeSet<OrganizationId>),
    /// To an administrator: what concerns these organizations.
    Admin(BTreeSet<OrganizationId>),
}

impl Visibility {
    /// Returns the visible organizations. `None` means all.
    pub const fn organizations(&self) -> Option<&BTreeSet<OrganizationId>> {
        match self {
            Self::Owner => None,
            Self::OwnerWithin(organizations) | Self::Admin(organizations) => Some(organizations),
        }
    }

    /// Returns whether the viewer is the owner.
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

/// Permits the command line only.
pub fn operator(caller: &Caller) -> Result<Operator> {
    match caller.auth_method {
        AuthMethod::CommandLine => Ok(Operator {}),
        _ => Err(Error::Forbidden("Only the command line may do this.".into())),
    }
}

/// Permits the command line, and an identity provider for the user of its JWT.
pub fn user_provisioner(caller: &Caller) -> Result<UserProvisioner> {
    match caller.auth_method {
        AuthMethod::CommandLine | AuthMethod::Jwt(_) => Ok(UserProvisioner {}),
        _ => Err(Error::Forbidden("Only the command line or an identity provider may do this.".into())),
    }
}

/// Permits a signed-in user with fresh authentication. A token can never create or extend tokens.
pub fn token_creator(standing: &AuthContext) -> Result<TokenCreator> {
    let user = signed_in(standing, TOKEN_CANNOT_GRANT)?;
    standing.require_recent_password()?;
    Ok(TokenCreator { user })
}

/// Returns the signed-in user. `token` is the error for an acting token.
fn signed_in(standing: &AuthContext, token: Error) -> Result<UserId> {
    match standing.through {
        AuthMethod::Jwt(user) | AuthMethod::Session { user, .. } => Ok(user),
        AuthMethod::Token { .. } => Err(token),
        _ => Err(Error::Unauthenticated),
    }
}

/// Permits a signed-in user.
pub fn signed_in_user(standing: &AuthContext) -> Result<SignedInUser> {
    signed_in(standing, TOKEN_CANNOT_CHANGE_ACCOUNT).map(|user| SignedInUser { user })
}

/// Returns whether the sessions of a user are visible: to the user only, and never to a token.
pub fn can_see_session(standing: &AuthContext, user: UserId) -> bool {
    signed_in_user(standing).is_ok_and(|oneself| oneself.user == user)
}

/// Permits the command line, and the user in a session with fresh authentication.
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

/// Permits the command line to create tokens for a user.
pub fn token_creator_for(_: &Operator, user: UserId) -> TokenCreator {
    TokenCreator { user }
}

/// Permits any authenticated user, or their token, to see what belongs to the user.
pub fn viewer(standing: &AuthContext) -> Result<Viewer> {
    let user = standing.user.ok_or(Error::Unauthenticated)?;
    let within = standing
        .acting_token()
        .map(|token| ActingToken { token, organizations: standing.roles.keys().copied().collect() });
    Ok(Viewer { user, within })
}

/// Checks that the caller is a member of an organization that a token gets access to.
pub fn member(standing: &AuthContext, organization: OrganizationId) -> Result<()> {
    standing.role_in(organization).map(|_| ()).ok_or(ORGANIZATION_NOT_FOUND)
}

/// Permits the user of an accepted invitation to choose a password.
pub fn invited_password_setter(caller: &Caller, user: UserId) -> Result<PasswordSetter> {
    match caller.auth_method {
        AuthMethod::Session { user: own, .. } if own == user => Ok(PasswordSetter { user }),
        _ => Err(INVITATION_NOT_FOUND),
    }
}

/// Permits the holder of the first invitation to become the first user, as long as no user exists.
pub fn first_user(caller: &Caller, anybody: bool) -> Result<FirstUser> {
    match caller.auth_method {
        AuthMethod::Session { user, .. } if !anybody => Ok(FirstUser { user }),
        _ => Err(INVITATION_NOT_FOUND),
    }
}

/// Permits the creation of the first user.
pub fn first_user_provisioner(_: &FirstUser) -> UserProvisioner {
    UserProvisioner {}
}

/// Permits the creation of the first organization.
pub fn first_organization_creator(_: &FirstUser) -> OrganizationCreator {
    OrganizationCreator {}
}

/// Permits the first user to choose a password.
pub fn first_password_setter(pioneer: &FirstUser) -> PasswordSetter {
    PasswordSetter { user: pioneer.user }
}

/// Permits the owner of a token to change it.
pub fn token_owner(standing: &AuthContext, sight: Option<&TokenAccess>) -> Result<TokenOwner> {
    let user = signed_in(standing, TOKEN_CANNOT_GRANT)?;
    let sight = sight.ok_or(TOKEN_NOT_FOUND)?;
    if sight.owner == user {
        return Ok(TokenOwner { token: sight.token, user });
    }
    // An administrator sees the token in the audit; for all other callers it does not exist.
    Err(if token_viewer(standing, sight).is_some() { OWNERS_ONLY } else { TOKEN_NOT_FOUND })
}

/// Permits the owner of a token, with fresh authentication, to extend its access.
pub fn access_grantor(standing: &AuthContext, owner: &TokenOwner) -> Result<AccessGrantor> {
    standing.require_recent_password()?;
    Ok(AccessGrantor { token: owner.token })
}

/// Permits the owner of a token to revoke it. A token that acts as the owner can revoke only tokens that it can see.
pub fn token_revoker(standing: &AuthContext, sight: Option<&TokenAccess>) -> Result<TokenRevoker> {
    let user = standing.user.ok_or(Error::Unauthenticated)?;
    let sight = sight.ok_or(TOKEN_NOT_FOUND)?;
    let seer = token_viewer(standing, sight).ok_or(TOKEN_NOT_FOUND)?;
    if seer.view.is_owner() { Ok(TokenRevoker { token: sight.token, by: Some(user) }) } else { Err(OWNERS_ONLY) }
}

/// Permits the holder of a token value to revoke the token: the token itself, the command line or a resource server.
pub fn token_revoker_by_value(caller: &Caller, token: TokenId) -> Result<TokenRevoker> {
    match caller.auth_method {
        AuthMethod::Value { user, token: own } if own == token => Ok(TokenRevoker { token, by: Some(user) }),
        AuthMethod::ResourceServer(_) | AuthMethod::CommandLine => Ok(TokenRevoker { token, by: None }),
        _ => Err(TOKEN_NOT_FOUND),
    }
}

/// Permits an administrator of the organization, and the owner of the token.
pub fn grant_remover(
    unremoved: &AuthContext,
    sight: Option<&TokenAccess>,
    organization: OrganizationId,
) -> Result<GrantRemover> {
    let by = unremoved.user.ok_or(Error::Unauthenticated)?;
    let known = |sight: &TokenAccess| sight.unremoved.contains(&organization) || sight.removed.contains(&organization);
    let role = unremoved.role_in(organization);
    // A token that the acting token cannot see is treated as a token of another user.
    let own = sight.filter(|sight| sight.owner == by && (known(sight) || token_viewer(unremoved, sight).is_some()));
    if let Some(sight) = own {
        // An acting token sees only the organizations that it has access to.
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
        // The same error for every token, so that a member learns nothing from it.
        Some(Role::Member) => Err(ADMINISTRATORS_ONLY),
        None => Err(ORGANIZATION_NOT_FOUND),
    }
}

/// Whether users may create organizations, in addition to the operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SelfService {
    /// Only the operator may.
    Off,
    /// Every signed-in user may.
    On,
}

/// Permits the command line, and signed-in users if self-service is on.
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

/// Permits the creator of an organization to add its first administrator.
pub fn first_membership_manager(_: &OrganizationCreator, organization: OrganizationId) -> MembershipManager {
    MembershipManager { organization }
}

/// Permits the command line, and signed-in administrators of the organization.
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

/// Permits the managers of the organization, with fresh authentication.
pub fn membership_manager(standing: &AuthContext, organization: OrganizationId) -> Result<MembershipManager> {
    let manager = organization_manager(standing, organization)?;
    standing.require_recent_password()?;
    Ok(MembershipManager { organization: manager.organization })
}

/// Permits members. Returns `None` for a non-member.
pub fn org_member(standing: &AuthContext, organization: OrganizationId) -> Option<OrgMember> {
    standing.role_in(organization).map(|role| OrgMember { organization, admin: role == Role::Admin })
}

/// Permits administrators of the organization.
pub fn org_admin(standing: &AuthContext, organization: OrganizationId) -> Result<OrgAdmin> {
    match standing.role_in(organization) {
        Some(Role::Admin) => Ok(OrgAdmin { organization }),
        Some(Role::Member) => Err(ADMINISTRATORS_ONLY),
        // A non-member does not learn that the organization exists.
        None => Err(ORGANIZATION_NOT_FOUND),
    }
}

/// Permits the owner of a token, and administrators of an organization with an unremoved grant. Returns `None` for others.
pub fn token_viewer(standing: &AuthContext, sight: &TokenAccess) -> Option<TokenViewer> {
    let token = sight.token;
    if standing.user == Some(sight.owner) {
        let Some(acting) = standing.acting_token() else { return Some(TokenViewer { token, view: Visibility::Owner }) };
        let reach: BTreeSet<_> = standing.roles.keys().copied().collect();
        let seen = acting == token || !reach.is_disjoint(&sight.unremoved);
        return seen.then_some(TokenViewer { token, view: Visibility::OwnerWithin(reach) });
    }
    // Only the organizations of this token are compared, since the caller may administer thousands of them.
    let administers = |organization: &&OrganizationId| standing.role_in(**organization) == Some(Role::Admin);
    sight.unremoved.iter().find(administers)?;
    let administered = sight.unremoved.union(&sight.removed).filter(administers).copied().collect();
    Some(TokenViewer { token, view: Visibility::Admin(administered) })
}

/// Returns how much the caller sees of their own tokens.
pub fn own_visibility(standing: &AuthContext) -> Visibility {
    match standing.acting_token() {
        None => Visibility::Owner,
        Some(_) => Visibility::OwnerWithin(standing.roles.keys().copied().collect()),
    }
}

/// Checks that the caller may search and sort their own tokens by usage. That is the usage with all organizations, while
/// an acting token sees only those that it has access to.
pub fn can_see_all_usage(standing: &AuthContext) -> Result<()> {
    match standing.acting_token() {
        None => Ok(()),
        Some(_) => Err(Error::Forbidden(
            "A token cannot ask for use with all organizations; sign in as yourself, or read an organization's tokenGrants."
                .into(),
        )),
    }
}

/// Returns whether a grant is visible: to the owner of its token, and to administrators of its organization.
pub fn can_see_grant(standing: &AuthContext, owner: UserId, organization: OrganizationId) -> bool {
    let own = standing.user == Some(owner);
    standing.administers(organization)
        || own && (standing.acting_token().is_none() || standing.role_in(organization).is_some())
}

/// Returns whether the names of a user are visible: to the user, and to members of their organizations.
pub fn can_see_user(standing: &AuthContext, user: UserId, belongs_to: &BTreeSet<OrganizationId>) -> bool {
    standing.user == Some(user) || belongs_to.iter().any(|organization| standing.role_in(*organization).is_some())
}

/// Returns whether the email address of a user is visible: to the user, and to administrators of their organizations.
pub fn can_see_email(standing: &AuthContext, user: UserId, belongs_to: &BTreeSet<OrganizationId>) -> bool {
    standing.user == Some(user) || belongs_to.iter().any(|organization| standing.administers(*organization))
}

/// Returns the visible organizations of an event. Returns `None` if the event itself is not visible.
pub fn visible_organizations_of_event(
    unremoved: &AuthContext,
    concerned: &BTreeSet<OrganizationId>,
    token_owner: Option<UserId>,
) -> Option<BTreeSet<OrganizationId>> {
    if token_owner.is_some() && unremoved.user == token_owner {
        if unremoved.acting_token().is_none() {
            return Some(concerned.clone());
        }
        // An acting token does not see events of other organizations.
        let reached: BTreeSet<_> = concerned.iter().filter(|one| unremoved.role_in(**one).is_some()).copied().collect();
        return (!reached.is_empty()).then_some(reached);
    }
    let administered: BTreeSet<_> = concerned.iter().filter(|one| unremoved.administers(**one)).copied().collect();
    (!administered.is_empty()).then_some(administered)
}
