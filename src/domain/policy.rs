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
    auth_method: AuthMethod,
    user: Option<UserId>,
    /// Whether the password of the session was confirmed recently. True for other methods, whose issuer checks this.
    has_recent_password: bool,
    roles: BTreeMap<OrganizationId, Role>,
}

impl AuthContext {
    /// Creates it from the memberships of the caller. If a token acts, `token_organizations` contains its organizations:
    /// it acts as its owner within these and cannot see any other.
    pub fn new(
        caller: &Caller,
        mut roles: BTreeMap<OrganizationId, Role>,
        token_organizations: Option<&BTreeSet<OrganizationId>>,
    ) -> Self {
        if let Some(token_organizations) = token_organizations {
            roles.retain(|organization, _| token_organizations.contains(organization));
        }
        let has_recent_password = match caller.auth_method {
            AuthMethod::Session { authenticated_at, .. } => {
                session::is_authentication_recent(authenticated_at, caller.at)
            }
            _ => true,
        };
        Self { auth_method: caller.auth_method, user: caller.user(), has_recent_password, roles }
    }

    /// Returns the user who acts. `None` for callers that are not users.
    pub const fn user(&self) -> Option<UserId> {
        self.user
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
        match self.auth_method {
            AuthMethod::Token { token, .. } => Some(token),
            _ => None,
        }
    }

    /// Protects a browser that was left signed in: another person who finds it does not know the password.
    fn require_recent_password(&self) -> Result<()> {
        if self.has_recent_password { Ok(()) } else { Err(Error::ReauthenticationRequired) }
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
    "A token can never create tokens or extend their access; sign in as yourself to do this.",
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
pub fn token_creator(auth_context: &AuthContext) -> Result<TokenCreator> {
    let user = signed_in(auth_context, TOKEN_CANNOT_GRANT)?;
    auth_context.require_recent_password()?;
    Ok(TokenCreator { user })
}

/// Returns the signed-in user. `token` is the error for an acting token.
fn signed_in(auth_context: &AuthContext, token: Error) -> Result<UserId> {
    match auth_context.auth_method {
        AuthMethod::Jwt(user) | AuthMethod::Session { user, .. } => Ok(user),
        AuthMethod::Token { .. } => Err(token),
        _ => Err(Error::Unauthenticated),
    }
}

/// Permits a signed-in user.
pub fn signed_in_user(auth_context: &AuthContext) -> Result<SignedInUser> {
    signed_in(auth_context, TOKEN_CANNOT_CHANGE_ACCOUNT).map(|user| SignedInUser { user })
}

/// Returns whether the sessions of a user are visible: to the user only, and never to a token.
pub fn can_see_session(auth_context: &AuthContext, user: UserId) -> bool {
    signed_in_user(auth_context).is_ok_and(|proof| proof.user == user)
}

/// Permits the command line, and the user in a session with fresh authentication.
pub fn password_setter(auth_context: &AuthContext, user: UserId) -> Result<PasswordSetter> {
    match auth_context.auth_method {
        AuthMethod::CommandLine => {}
        AuthMethod::Session { user: own, .. } if own == user => auth_context.require_recent_password()?,
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
pub fn viewer(auth_context: &AuthContext) -> Result<Viewer> {
    let user = auth_context.user.ok_or(Error::Unauthenticated)?;
    let within = auth_context
        .acting_token()
        .map(|token| ActingToken { token, organizations: auth_context.roles.keys().copied().collect() });
    Ok(Viewer { user, within })
}

/// Permits the user of an accepted invitation to choose a password.
pub fn invited_password_setter(caller: &Caller, user: UserId) -> Result<PasswordSetter> {
    match caller.auth_method {
        AuthMethod::Session { user: own, .. } if own == user => Ok(PasswordSetter { user }),
        _ => Err(INVITATION_NOT_FOUND),
    }
}

/// Permits the holder of the first invitation to become the first user, as long as no user exists.
pub fn first_user(caller: &Caller, any_user_exists: bool) -> Result<FirstUser> {
    match caller.auth_method {
        AuthMethod::Session { user, .. } if !any_user_exists => Ok(FirstUser { user }),
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
pub fn first_password_setter(first_user: &FirstUser) -> PasswordSetter {
    PasswordSetter { user: first_user.user }
}

/// Permits the owner of a token to change it.
pub fn token_owner(auth_context: &AuthContext, access: Option<&TokenAccess>) -> Result<TokenOwner> {
    let user = signed_in(auth_context, TOKEN_CANNOT_GRANT)?;
    let access = access.ok_or(TOKEN_NOT_FOUND)?;
    if access.owner == user {
        return Ok(TokenOwner { token: access.token, user });
    }
    // An administrator sees the token in the audit; for all other callers it does not exist.
    Err(if token_viewer(auth_context, access).is_some() { OWNERS_ONLY } else { TOKEN_NOT_FOUND })
}

/// Permits the owner of a token, with fresh authentication, to extend its access.
pub fn access_grantor(auth_context: &AuthContext, owner: &TokenOwner) -> Result<AccessGrantor> {
    auth_context.require_recent_password()?;
    Ok(AccessGrantor { token: owner.token })
}

/// Permits the owner of a token to revoke it. A token that acts as the owner can revoke only tokens that it can see.
pub fn token_revoker(auth_context: &AuthContext, access: Option<&TokenAccess>) -> Result<TokenRevoker> {
    let user = auth_context.user.ok_or(Error::Unauthenticated)?;
    let access = access.ok_or(TOKEN_NOT_FOUND)?;
    let viewer = token_viewer(auth_context, access).ok_or(TOKEN_NOT_FOUND)?;
    if viewer.view.is_owner() { Ok(TokenRevoker { token: access.token, by: Some(user) }) } else { Err(OWNERS_ONLY) }
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
    auth_context: &AuthContext,
    access: Option<&TokenAccess>,
    organization: OrganizationId,
) -> Result<GrantRemover> {
    let by = auth_context.user.ok_or(Error::Unauthenticated)?;
    let has_grant =
        |access: &TokenAccess| access.unremoved.contains(&organization) || access.removed.contains(&organization);
    let role = auth_context.role_in(organization);
    // A token that the acting token cannot see is treated as a token of another user.
    let own = access
        .filter(|access| access.owner == by && (has_grant(access) || token_viewer(auth_context, access).is_some()));
    if let Some(access) = own {
        // An acting token sees only the organizations that it has access to.
        return match (has_grant(access), auth_context.acting_token(), role) {
            (true, None, _) | (true, Some(_), Some(_)) => Ok(GrantRemover { token: access.token, organization, by }),
            (false, _, Some(_)) => Err(TOKEN_NOT_FOUND),
            _ => Err(ORGANIZATION_NOT_FOUND),
        };
    }
    match role {
        Some(Role::Admin) => access
            .filter(|access| has_grant(access))
            .map(|access| GrantRemover { token: access.token, organization, by })
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
pub fn organization_creator(auth_context: &AuthContext, self_service: SelfService) -> Result<OrganizationCreator> {
    match (auth_context.auth_method, self_service) {
        (AuthMethod::CommandLine, _) | (AuthMethod::Jwt(_), SelfService::On) => Ok(OrganizationCreator {}),
        (AuthMethod::Session { .. }, SelfService::On) => {
            auth_context.require_recent_password().map(|()| OrganizationCreator {})
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
pub fn organization_manager(auth_context: &AuthContext, organization: OrganizationId) -> Result<OrganizationManager> {
    match (auth_context.auth_method, auth_context.role_in(organization)) {
        (AuthMethod::CommandLine, _) | (AuthMethod::Jwt(_) | AuthMethod::Session { .. }, Some(Role::Admin)) => {
            Ok(OrganizationManager { organization })
        }
        (AuthMethod::Token { .. }, Some(_)) => Err(TOKEN_CANNOT_MANAGE),
        (_, Some(_)) => Err(ADMINISTRATORS_ONLY),
        (_, None) => Err(ORGANIZATION_NOT_FOUND),
    }
}

/// Permits the managers of the organization, with fresh authentication.
pub fn membership_manager(auth_context: &AuthContext, organization: OrganizationId) -> Result<MembershipManager> {
    let manager = organization_manager(auth_context, organization)?;
    auth_context.require_recent_password()?;
    Ok(MembershipManager { organization: manager.organization })
}

/// Permits members. Returns `None` for a non-member.
pub fn org_member(auth_context: &AuthContext, organization: OrganizationId) -> Option<OrgMember> {
    auth_context.role_in(organization).map(|role| OrgMember { organization, admin: role == Role::Admin })
}

/// Permits administrators of the organization.
pub fn org_admin(auth_context: &AuthContext, organization: OrganizationId) -> Result<OrgAdmin> {
    match auth_context.role_in(organization) {
        Some(Role::Admin) => Ok(OrgAdmin { organization }),
        Some(Role::Member) => Err(ADMINISTRATORS_ONLY),
        // A non-member does not learn that the organization exists.
        None => Err(ORGANIZATION_NOT_FOUND),
    }
}

/// Permits the owner of a token, and administrators of an organization with an unremoved grant. Returns `None` for others.
pub fn token_viewer(auth_context: &AuthContext, access: &TokenAccess) -> Option<TokenViewer> {
    let token = access.token;
    if auth_context.user == Some(access.owner) {
        let Some(acting) = auth_context.acting_token() else {
            return Some(TokenViewer { token, view: Visibility::Owner });
        };
        let organizations: BTreeSet<_> = auth_context.roles.keys().copied().collect();
        let visible = acting == token || !organizations.is_disjoint(&access.unremoved);
        return visible.then_some(TokenViewer { token, view: Visibility::OwnerWithin(organizations) });
    }
    // Only the organizations of this token are compared, since the caller may administer thousands of them.
    let administers = |organization: &&OrganizationId| auth_context.role_in(**organization) == Some(Role::Admin);
    access.unremoved.iter().find(administers)?;
    let administered = access.unremoved.union(&access.removed).filter(administers).copied().collect();
    Some(TokenViewer { token, view: Visibility::Admin(administered) })
}

/// Returns how much the caller sees of their own tokens.
pub fn own_visibility(auth_context: &AuthContext) -> Visibility {
    match auth_context.acting_token() {
        None => Visibility::Owner,
        Some(_) => Visibility::OwnerWithin(auth_context.roles.keys().copied().collect()),
    }
}

/// Checks that the caller may search and sort their own tokens by usage. That is the usage with all organizations, while
/// an acting token sees only those that it has access to.
pub fn can_see_all_usage(auth_context: &AuthContext) -> Result<()> {
    match auth_context.acting_token() {
        None => Ok(()),
        Some(_) => Err(Error::Forbidden(
            "A token cannot filter or sort by usage with all organizations; sign in as yourself, or read the tokenGrants of an organization."
                .into(),
        )),
    }
}

/// Returns whether a grant is visible: to the owner of its token, and to administrators of its organization.
pub fn can_see_grant(auth_context: &AuthContext, owner: UserId, organization: OrganizationId) -> bool {
    let own = auth_context.user == Some(owner);
    auth_context.administers(organization)
        || own && (auth_context.acting_token().is_none() || auth_context.role_in(organization).is_some())
}

/// Returns whether the names of a user are visible: to the user, and to members of their organizations.
pub fn can_see_user(auth_context: &AuthContext, user: UserId, belongs_to: &BTreeSet<OrganizationId>) -> bool {
    auth_context.user == Some(user)
        || belongs_to.iter().any(|organization| auth_context.role_in(*organization).is_some())
}

/// Returns whether the email address of a user is visible: to the user, and to administrators of their organizations.
pub fn can_see_email(auth_context: &AuthContext, user: UserId, belongs_to: &BTreeSet<OrganizationId>) -> bool {
    auth_context.user == Some(user) || belongs_to.iter().any(|organization| auth_context.administers(*organization))
}

/// Returns the visible organizations of an event. Returns `None` if the event itself is not visible.
pub fn visible_organizations_of_event(
    auth_context: &AuthContext,
    organizations: &BTreeSet<OrganizationId>,
    token_owner: Option<UserId>,
) -> Option<BTreeSet<OrganizationId>> {
    if token_owner.is_some() && auth_context.user == token_owner {
        if auth_context.acting_token().is_none() {
            return Some(organizations.clone());
        }
        // An acting token does not see events of other organizations.
        let visible: BTreeSet<_> =
            organizations.iter().filter(|one| auth_context.role_in(**one).is_some()).copied().collect();
        return (!visible.is_empty()).then_some(visible);
    }
    let administered: BTreeSet<_> =
        organizations.iter().filter(|one| auth_context.administers(**one)).copied().collect();
    (!administered.is_empty()).then_some(administered)
}
