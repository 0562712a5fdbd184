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
    /// Whether the password of the session was confirmed recently. True for the command line, and for JWTs, whose issuer checks
    /// this; never for tokens.
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
            AuthMethod::CommandLine | AuthMethod::Jwt(_) => true,
            _ => false,
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

    /// Adds to a proof of this caller that their authentication is fresh. This protects a browser that was left signed in:
    /// anyone else who finds it does not know the password.
    pub fn recently_authenticated<Proof>(&self, proof: Proof) -> Result<RecentlyAuthenticated<Proof>> {
        if self.has_recent_password { Ok(RecentlyAuthenticated(proof)) } else { Err(Error::ReauthenticationRequired) }
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

/// A proof of a caller with fresh authentication. Whatever extends access requires it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecentlyAuthenticated<Proof>(Proof);

impl<Proof> std::ops::Deref for RecentlyAuthenticated<Proof> {
    type Target = Proof;

    fn deref(&self) -> &Proof {
        &self.0
    }
}

proofs! {
    /// The command line, which may do everything that it offers, or the holder of the first invitation, which only the operator
    /// can read, as long as no user exists.
    Operator {}
    /// A job, which may record what no user decides, such as that a token expired.
    System {}
    /// The operator, or an identity provider.
    UserProvisioner {}
    /// A user who acts with all their rights: signed in, or the operator on their behalf.
    SignedInUser {
        /// The user.
        user: UserId,
    }
    /// A user who is signed in with a password, who accepts an invitation, or for whom the operator acts.
    PasswordSetter {
        /// The user who signs in with it.
        user: UserId,
    }
    /// A user, or a token that acts as its owner within its organizations.
    Viewer {
        /// The user.
        user: UserId,
        /// The acting token and its organizations. `None` if no token acts.
        within: Option<ActingToken>,
    }
    /// The signed-in owner of a token.
    TokenOwner {
        /// The token.
        token: TokenId,
        /// The owner.
        user: UserId,
    }
    /// The owner of a token, also by a token that sees it, or a holder of its value.
    TokenRevoker {
        /// The token.
        token: TokenId,
    }
    /// The owner of a token, or an administrator of an organization with a grant of it.
    GrantRemover {
        /// The token.
        token: TokenId,
        /// The organization.
        organization: OrganizationId,
    }
    /// The operator, or a signed-in user if self-service is on.
    OrganizationCreator {}
    /// The operator, or a signed-in administrator of an organization.
    OrganizationManager {
        /// The organization.
        organization: OrganizationId,
    }
    /// A member of an organization, also by a token.
    OrgMember {
        /// The organization.
        organization: OrganizationId,
        /// Whether members may be searched by email address.
        admin: bool,
    }
    /// An administrator of an organization, also by a token.
    OrgAdmin {
        /// The organization.
        organization: OrganizationId,
    }
}

#[allow(clippy::unused_self, reason = "the argument is the proof")]
impl Operator {
    /// Permits the operator to create users.
    pub const fn user_provisioner(&self) -> UserProvisioner {
        UserProvisioner {}
    }

    /// Permits the operator to act for a user.
    pub const fn acting_for(&self, user: UserId) -> RecentlyAuthenticated<SignedInUser> {
        RecentlyAuthenticated(SignedInUser { user })
    }

    /// Permits the operator to set the password of a user.
    pub const fn password_setter(&self, user: UserId) -> RecentlyAuthenticated<PasswordSetter> {
        RecentlyAuthenticated(PasswordSetter { user })
    }

    /// Permits the operator to create organizations.
    pub const fn organization_creator(&self) -> RecentlyAuthenticated<OrganizationCreator> {
        RecentlyAuthenticated(OrganizationCreator {})
    }
}

#[allow(clippy::unused_self, reason = "the argument is the proof")]
impl RecentlyAuthenticated<OrganizationCreator> {
    /// Permits the creator of an organization to add its first administrator.
    pub const fn manager_of(&self, organization: OrganizationId) -> RecentlyAuthenticated<OrganizationManager> {
        RecentlyAuthenticated(OrganizationManager { organization })
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

/// Permits jobs only.
pub fn system(caller: &Caller) -> Result<System> {
    match caller.auth_method {
        AuthMethod::System => Ok(System {}),
        _ => Err(Error::Forbidden("Only the system may do this.".into())),
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
pub fn token_creator(auth_context: &AuthContext) -> Result<RecentlyAuthenticated<SignedInUser>> {
    let user = signed_in(auth_context, TOKEN_CANNOT_GRANT)?;
    auth_context.recently_authenticated(SignedInUser { user })
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
pub fn password_setter(auth_context: &AuthContext, user: UserId) -> Result<RecentlyAuthenticated<PasswordSetter>> {
    match auth_context.auth_method {
        AuthMethod::Session { user: own, .. } if own != user => Err(PASSWORD_SESSION_REQUIRED),
        AuthMethod::CommandLine | AuthMethod::Session { .. } => {
            auth_context.recently_authenticated(PasswordSetter { user })
        }
        AuthMethod::Jwt(_) | AuthMethod::Token { .. } => Err(PASSWORD_SESSION_REQUIRED),
        _ => Err(Error::Unauthenticated),
    }
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
pub fn invited_password_setter(caller: &Caller, user: UserId) -> Result<RecentlyAuthenticated<PasswordSetter>> {
    match caller.auth_method {
        AuthMethod::Session { user: own, .. } if own == user => Ok(RecentlyAuthenticated(PasswordSetter { user })),
        _ => Err(INVITATION_NOT_FOUND),
    }
}

/// Permits the holder of the first invitation to act for the operator, as long as no user exists. Returns the first user, too.
pub fn first_operator(caller: &Caller, any_user_exists: bool) -> Result<(Operator, UserId)> {
    match caller.auth_method {
        AuthMethod::Session { user, .. } if !any_user_exists => Ok((Operator {}, user)),
        _ => Err(INVITATION_NOT_FOUND),
    }
}

/// Permits the owner of a token to change it.
pub fn token_owner(auth_context: &AuthContext, access: Option<&TokenAccess>) -> Result<TokenOwner> {
    let user = signed_in(auth_context, TOKEN_CANNOT_GRANT)?;
    let access = access.ok_or(TOKEN_NOT_FOUND)?;
    if access.owner == user {
        return Ok(TokenOwner { token: access.token, user });
    }
    // An administrator sees the token in the audit; for all other callers it does not exist.
    Err(if token_visibility(auth_context, access).is_some() { OWNERS_ONLY } else { TOKEN_NOT_FOUND })
}

/// Permits the owner of a token to revoke it. A token that acts as the owner can revoke only tokens that it can see.
pub fn token_revoker(auth_context: &AuthContext, access: Option<&TokenAccess>) -> Result<TokenRevoker> {
    auth_context.user.ok_or(Error::Unauthenticated)?;
    let access = access.ok_or(TOKEN_NOT_FOUND)?;
    let visibility = token_visibility(auth_context, access).ok_or(TOKEN_NOT_FOUND)?;
    if visibility.is_owner() { Ok(TokenRevoker { token: access.token }) } else { Err(OWNERS_ONLY) }
}

/// Permits the holder of a token value to revoke the token: the token itself, the command line or a resource server.
pub fn token_revoker_by_value(caller: &Caller, token: TokenId) -> Result<TokenRevoker> {
    match caller.auth_method {
        AuthMethod::Value { token: own, .. } if own == token => Ok(TokenRevoker { token }),
        AuthMethod::ResourceServer(_) | AuthMethod::CommandLine => Ok(TokenRevoker { token }),
        _ => Err(TOKEN_NOT_FOUND),
    }
}

/// Permits an administrator of the organization, and the owner of the token.
pub fn grant_remover(
    auth_context: &AuthContext,
    access: Option<&TokenAccess>,
    organization: OrganizationId,
) -> Result<GrantRemover> {
    let user = auth_context.user.ok_or(Error::Unauthenticated)?;
    let has_grant =
        |access: &TokenAccess| access.unremoved.contains(&organization) || access.removed.contains(&organization);
    let role = auth_context.role_in(organization);
    // A token that the acting token cannot see is treated as a token of another user.
    let own = access.filter(|access| {
        access.owner == user && (has_grant(access) || token_visibility(auth_context, access).is_some())
    });
    if let Some(access) = own {
        // An acting token sees only the organizations that it has access to.
        return match (has_grant(access), auth_context.acting_token(), role) {
            (true, None, _) | (true, Some(_), Some(_)) => Ok(GrantRemover { token: access.token, organization }),
            (false, _, Some(_)) => Err(TOKEN_NOT_FOUND),
            _ => Err(ORGANIZATION_NOT_FOUND),
        };
    }
    match role {
        Some(Role::Admin) => access
            .filter(|access| has_grant(access))
            .map(|access| GrantRemover { token: access.token, organization })
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

/// Permits the command line, and signed-in users with fresh authentication if self-service is on.
pub fn organization_creator(
    auth_context: &AuthContext,
    self_service: SelfService,
) -> Result<RecentlyAuthenticated<OrganizationCreator>> {
    match (auth_context.auth_method, self_service) {
        (AuthMethod::CommandLine, _) | (AuthMethod::Jwt(_) | AuthMethod::Session { .. }, SelfService::On) => {
            auth_context.recently_authenticated(OrganizationCreator {})
        }
        (AuthMethod::Token { .. }, _) => Err(TOKEN_CANNOT_MANAGE),
        _ => Err(Error::Forbidden(
            "Only the command line may add organizations here (organizations.self_service is off).".into(),
        )),
    }
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

/// Permits the managers of the organization, with fresh authentication, to add and remove members and to change their roles.
pub fn membership_manager(
    auth_context: &AuthContext,
    organization: OrganizationId,
) -> Result<RecentlyAuthenticated<OrganizationManager>> {
    auth_context.recently_authenticated(organization_manager(auth_context, organization)?)
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

/// Returns how much of a token is visible: to its owner, and to administrators of an organization with an unremoved grant. Returns
/// `None` for others.
pub fn token_visibility(auth_context: &AuthContext, access: &TokenAccess) -> Option<Visibility> {
    if auth_context.user == Some(access.owner) {
        let Some(acting) = auth_context.acting_token() else {
            return Some(Visibility::Owner);
        };
        let organizations: BTreeSet<_> = auth_context.roles.keys().copied().collect();
        let visible = acting == access.token || !organizations.is_disjoint(&access.unremoved);
        return visible.then_some(Visibility::OwnerWithin(organizations));
    }
    // Only the organizations of this token are compared, since the caller may administer thousands of them.
    let administers = |organization: &&OrganizationId| auth_context.role_in(**organization) == Some(Role::Admin);
    access.unremoved.iter().find(administers)?;
    Some(Visibility::Admin(access.unremoved.union(&access.removed).filter(administers).copied().collect()))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        id::{ResourceServerId, SessionId},
        time::Time,
    };
    use std::time::Duration;

    const NOW: Time = Time::from_micros(1_795_426_200_000_000);

    /// The user who calls is a member of `member`, administers `admin` and is in `elsewhere` with all methods but the token.
    struct Fixture {
        user: UserId,
        other: UserId,
        acting: TokenId,
        member: OrganizationId,
        admin: OrganizationId,
        elsewhere: OrganizationId,
        hidden: OrganizationId,
    }

    impl Fixture {
        fn new() -> Self {
            let organization = || OrganizationId::new(NOW);
            let (user, other, acting) = (UserId::new(NOW), UserId::new(NOW), TokenId::new(NOW));
            let [member, admin, elsewhere, hidden] = std::array::from_fn(|_| organization());
            Self { user, other, acting, member, admin, elsewhere, hidden }
        }

        /// Returns the callers, in the order of the columns of the table.
        fn callers(&self) -> [Caller; 9] {
            let session = |age: Duration| AuthMethod::Session {
                user: self.user,
                session: SessionId::new(NOW),
                authenticated_at: NOW.minus(age),
            };
            [
                AuthMethod::CommandLine,
                AuthMethod::Jwt(self.user),
                session(Duration::ZERO),
                session(session::PASSWORD_VALIDITY),
                AuthMethod::Token { user: self.user, token: self.acting },
                AuthMethod::Value { user: self.user, token: self.acting },
                AuthMethod::ResourceServer(ResourceServerId::new(NOW)),
                AuthMethod::Anonymous,
                AuthMethod::System,
            ]
            .map(|auth_method| Caller { auth_method, ..Caller::command_line(NOW) })
        }

        fn auth_context(&self, caller: &Caller) -> AuthContext {
            let roles = [(self.member, Role::Member), (self.admin, Role::Admin), (self.elsewhere, Role::Member)];
            let is_user = caller.user().is_some();
            let roles = roles.into_iter().filter(|_| is_user).collect();
            let within = matches!(caller.auth_method, AuthMethod::Token { .. });
            AuthContext::new(caller, roles, within.then_some(&[self.member, self.admin].into()))
        }
    }

    fn token_of(owner: UserId, organization: OrganizationId) -> TokenAccess {
        let unremoved = [organization].into();
        TokenAccess { token: TokenId::new(NOW), owner, unremoved, removed: BTreeSet::new() }
    }

    trait Outcome {
        fn word(self) -> &'static str;
    }

    impl<T> Outcome for Result<T> {
        fn word(self) -> &'static str {
            match self {
                Ok(_) => "yes",
                Err(Error::Unauthenticated) => "sign-in",
                Err(Error::ReauthenticationRequired) => "confirm",
                Err(Error::Forbidden(_)) => "no",
                Err(Error::NotFound(_)) => "hidden",
                Err(error) => panic!("{error:?}"),
            }
        }
    }

    impl Outcome for bool {
        fn word(self) -> &'static str {
            if self { "yes" } else { "no" }
        }
    }

    impl Outcome for Option<Visibility> {
        fn word(self) -> &'static str {
            match self {
                None => "hidden",
                Some(Visibility::Owner) => "all",
                Some(Visibility::OwnerWithin(_)) => "within",
                Some(Visibility::Admin(_)) => "admin",
            }
        }
    }

    /// Who passes which rule for which target: `confirm` asks for the password again, `sign-in` for authentication, and `hidden`
    /// reports the target as not found.
    #[rustfmt::skip]
    const TABLE: &str = "
        rule and target              command line  JWT      session  old session  token    value    resource server  anonymous  system
        operator                     yes           no       no       no           no       no       no               no         no
        system                       no            no       no       no           no       no       no               no         yes
        user_provisioner             yes           yes      no       no           no       no       no               no         no
        first_operator, no users     hidden        hidden   yes      yes          hidden   hidden   hidden           hidden     hidden
        first_operator, users        hidden        hidden   hidden   hidden       hidden   hidden   hidden           hidden     hidden
        viewer                       sign-in       yes      yes      yes          yes      yes      sign-in          sign-in    sign-in
        signed_in_user               sign-in       yes      yes      yes          no       sign-in  sign-in          sign-in    sign-in
        can_see_session, own         no            yes      yes      yes          no       no       no               no         no
        can_see_session, other       no            no       no       no           no       no       no               no         no
        password_setter, own         yes           no       yes      confirm      no       sign-in  sign-in          sign-in    sign-in
        password_setter, other       yes           no       no       no           no       sign-in  sign-in          sign-in    sign-in
        invited_password_setter, own hidden        hidden   yes      yes          hidden   hidden   hidden           hidden     hidden
        invited_password_setter, other hidden      hidden   hidden   hidden       hidden   hidden   hidden           hidden     hidden
        token_creator                sign-in       yes      yes      confirm      no       sign-in  sign-in          sign-in    sign-in
        token_owner, own             sign-in       yes      yes      yes          no       sign-in  sign-in          sign-in    sign-in
        token_owner, administered    sign-in       no       no       no           no       sign-in  sign-in          sign-in    sign-in
        token_owner, of a member     sign-in       hidden   hidden   hidden       no       sign-in  sign-in          sign-in    sign-in
        token_owner, unknown         sign-in       hidden   hidden   hidden       no       sign-in  sign-in          sign-in    sign-in
        extend token, own            sign-in       yes      yes      confirm      no       sign-in  sign-in          sign-in    sign-in
        token_revoker, own           sign-in       yes      yes      yes          yes      yes      sign-in          sign-in    sign-in
        token_revoker, own elsewhere sign-in       yes      yes      yes          hidden   yes      sign-in          sign-in    sign-in
        token_revoker, itself        sign-in       yes      yes      yes          yes      yes      sign-in          sign-in    sign-in
        token_revoker, administered  sign-in       no       no       no           no       no       sign-in          sign-in    sign-in
        token_revoker, of a member   sign-in       hidden   hidden   hidden       hidden   hidden   sign-in          sign-in    sign-in
        token_revoker, unknown       sign-in       hidden   hidden   hidden       hidden   hidden   sign-in          sign-in    sign-in
        token_revoker_by_value, itself yes         hidden   hidden   hidden       hidden   yes      yes              hidden     hidden
        token_revoker_by_value, other yes          hidden   hidden   hidden       hidden   hidden   yes              hidden     hidden
        grant_remover, own           sign-in       yes      yes      yes          yes      yes      sign-in          sign-in    sign-in
        grant_remover, own elsewhere sign-in       yes      yes      yes          hidden   yes      sign-in          sign-in    sign-in
        grant_remover, administered  sign-in       yes      yes      yes          yes      yes      sign-in          sign-in    sign-in
        grant_remover, of a member   sign-in       no       no       no           no       no       sign-in          sign-in    sign-in
        grant_remover, non-member    sign-in       hidden   hidden   hidden       hidden   hidden   sign-in          sign-in    sign-in
        grant_remover, unknown       sign-in       hidden   hidden   hidden       hidden   hidden   sign-in          sign-in    sign-in
        token_visibility, own        hidden        all      all      all          within   all      hidden           hidden     hidden
        token_visibility, own elsewhere hidden     all      all      all          hidden   all      hidden           hidden     hidden
        token_visibility, administered hidden      admin    admin    admin        admin    admin    hidden           hidden     hidden
        token_visibility, of a member hidden       hidden   hidden   hidden       hidden   hidden   hidden           hidden     hidden
        can_see_all_usage            yes           yes      yes      yes          no       yes      yes              yes        yes
        can_see_grant, own           no            yes      yes      yes          yes      yes      no               no         no
        can_see_grant, own elsewhere no            yes      yes      yes          no       yes      no               no         no
        can_see_grant, administered  no            yes      yes      yes          yes      yes      no               no         no
        can_see_grant, of a member   no            no       no       no           no       no       no               no         no
        organization_creator, on     yes           yes      yes      confirm      no       no       no               no         no
        organization_creator, off    yes           no       no       no           no       no       no               no         no
        organization_manager, admin  yes           yes      yes      yes          no       no       hidden           hidden     hidden
        organization_manager, member yes           no       no       no           no       no       hidden           hidden     hidden
        organization_manager, non-member yes       hidden   hidden   hidden       hidden   hidden   hidden           hidden     hidden
        membership_manager, admin    yes           yes      yes      confirm      no       no       hidden           hidden     hidden
        membership_manager, member   yes           no       no       no           no       no       hidden           hidden     hidden
        org_admin, admin             hidden        yes      yes      yes          yes      yes      hidden           hidden     hidden
        org_admin, member            hidden        no       no       no           no       no       hidden           hidden     hidden
        org_admin, elsewhere         hidden        no       no       no           hidden   no       hidden           hidden     hidden
        org_admin, non-member        hidden        hidden   hidden   hidden       hidden   hidden   hidden           hidden     hidden
        org_member, member           no            yes      yes      yes          yes      yes      no               no         no
        org_member, elsewhere        no            yes      yes      yes          no       yes      no               no         no
        org_member, non-member       no            no       no       no           no       no       no               no         no
        can_see_user, of a member    no            yes      yes      yes          yes      yes      no               no         no
        can_see_user, non-member     no            no       no       no           no       no       no               no         no
        can_see_email, own           no            yes      yes      yes          yes      yes      no               no         no
        can_see_email, administered  no            yes      yes      yes          yes      yes      no               no         no
        can_see_email, of a member   no            no       no       no           no       no       no               no         no
    ";

    fn outcome(fixture: &Fixture, rule: &str, target: &str, caller: &Caller) -> &'static str {
        let Fixture { user, other, acting, member, admin, elsewhere, hidden } = *fixture;
        let context = &fixture.auth_context(caller);
        let organization = match target {
            "admin" | "administered" | "unknown" => admin,
            "elsewhere" | "own elsewhere" => elsewhere,
            "non-member" => hidden,
            _ => member,
        };
        let owner = if target.starts_with("own") || target == "itself" { user } else { other };
        let mut access = token_of(owner, organization);
        if target == "itself" {
            access.token = acting;
        }
        let known = Some(&access).filter(|_| target != "unknown");
        match rule {
            "operator" => operator(caller).word(),
            "system" => system(caller).word(),
            "user_provisioner" => user_provisioner(caller).word(),
            "first_operator" => first_operator(caller, target == "users").word(),
            "viewer" => viewer(context).word(),
            "signed_in_user" => signed_in_user(context).word(),
            "can_see_session" => can_see_session(context, owner).word(),
            "password_setter" => password_setter(context, owner).word(),
            "invited_password_setter" => invited_password_setter(caller, owner).word(),
            "token_creator" => token_creator(context).word(),
            "token_owner" => token_owner(context, known).word(),
            "extend token" => {
                token_owner(context, known).and_then(|owner| context.recently_authenticated(owner)).word()
            }
            "token_revoker" => token_revoker(context, known).word(),
            "token_revoker_by_value" => token_revoker_by_value(caller, access.token).word(),
            "grant_remover" => grant_remover(context, known, organization).word(),
            "token_visibility" => token_visibility(context, &access).word(),
            "can_see_all_usage" => can_see_all_usage(context).word(),
            "can_see_grant" => can_see_grant(context, owner, organization).word(),
            "organization_creator" => {
                let self_service = if target == "on" { SelfService::On } else { SelfService::Off };
                organization_creator(context, self_service).word()
            }
            "organization_manager" => organization_manager(context, organization).word(),
            "membership_manager" => membership_manager(context, organization).word(),
            "org_admin" => org_admin(context, organization).word(),
            "org_member" => org_member(context, organization).is_some().word(),
            "can_see_user" => can_see_user(context, owner, &[organization].into()).word(),
            "can_see_email" => can_see_email(context, owner, &[organization].into()).word(),
            _ => panic!("there is no rule {rule}"),
        }
    }

    #[test]
    fn rules_permit_the_callers_of_the_table() {
        let fixture = Fixture::new();
        let callers = fixture.callers();
        let names = [
            "command line",
            "JWT",
            "session",
            "old session",
            "token",
            "value",
            "resource server",
            "anonymous",
            "system",
        ];
        for row in TABLE.lines().skip(2).map(str::trim).filter(|row| !row.is_empty()) {
            let words: Vec<_> = row.split_ascii_whitespace().collect();
            let (head, expected) = words.split_at(words.len() - callers.len());
            let head = head.join(" ");
            let (rule, target) = head.split_once(", ").unwrap_or((&head, ""));
            for ((caller, name), expected) in callers.iter().zip(names).zip(expected) {
                let found = outcome(&fixture, rule, target, caller);
                assert_eq!(found, *expected, "rule {rule}, target {target:?}, caller {name}");
            }
        }
    }

    #[test]
    fn acting_token_never_has_fresh_authentication() {
        let fixture = Fixture::new();
        let [.., token, value, server, anonymous] = fixture.callers();
        for caller in [token, value, server, anonymous] {
            assert_eq!(fixture.auth_context(&caller).recently_authenticated(()).word(), "confirm", "{caller:?}");
        }
    }

    #[test]
    fn event_shows_the_organizations_of_its_viewer() {
        let fixture = Fixture::new();
        let Fixture { user, other, member, admin, elsewhere, hidden, .. } = fixture;
        let all = BTreeSet::from([member, admin, elsewhere, hidden]);
        let [_, jwt, _, _, token, ..] = fixture.callers().map(|caller| fixture.auth_context(&caller));
        let visible = |context: &AuthContext, owner| visible_organizations_of_event(context, &all, owner);
        assert_eq!(visible(&jwt, Some(user)), Some(all.clone()));
        assert_eq!(visible(&token, Some(user)), Some([member, admin].into()));
        assert_eq!(visible(&jwt, Some(other)), Some([admin].into()));
        assert_eq!(visible_organizations_of_event(&jwt, &[member, hidden].into(), None), None);
        assert_eq!(visible_organizations_of_event(&token, &[elsewhere].into(), Some(user)), None);
    }
}
