//! Runs every action together with the deletion of its user or organization: no deleted data returns.

use super::{Stop, Stopping, actions, within};
use crate::world::{ISSUER, PASSWORD, World, database::Kind};
use futures_util::future::join;
use std::{collections::BTreeSet, pin::pin, time::Duration};
use tokenward::testing::{
    actions::{
        AcceptInvitation, AddOrganizationMember, AddOrganizationToToken, AddUser, CreateOrganization, CreateToken,
        DeleteOrganization, DeleteUser, DisableUser, EnableUser, ExpireTokens, IdentityClaims, InviteUser,
        RemoveOrganizationFromToken, RemoveOrganizationMember, RevokeToken, RevokeTokenByValue, SetPassword,
        UpdateOrganization, UpdateOrganizationMember, UpdateProfile, UpdateToken, provision_user,
    },
    app::Change,
    domain::{
        caller::{AuthMethod, Caller},
        error::{Code, Error, Result},
        id::{OrganizationId, SessionId, TokenId, UserId},
        organization::Role,
        password::{Password, PasswordHash},
        secret::Fingerprint,
    },
    store::{Identity, NewUser},
};

/// Every action that concerns a user, by the name of its file, and other writes for a user.
const WITH_USERS: [&str; 25] = [
    "accept_invitation",
    "add_organization_member",
    "add_organization_to_token",
    "add_user",
    "create_organization",
    "create_token",
    "create_token by the operator",
    "delete_organization",
    "delete_user",
    "disable_user",
    "enable_user",
    "expire_tokens",
    "invite_user",
    "provision_user",
    "provision_user of the same name",
    "provision_user with another name",
    "remove_organization_from_token",
    "remove_organization_member",
    "revoke_token",
    "revoke_token_by_value",
    "set_password",
    "sign in",
    "update_organization_member",
    "update_profile",
    "update_token",
];
/// The actions that concern no user.
const WITHOUT_USERS: [&str; 3] = ["add_resource_server", "disable_resource_server", "update_organization"];
/// Every action that concerns an organization.
const WITH_ORGANIZATIONS: [&str; 13] = [
    "add_organization_member",
    "add_organization_to_token",
    "create_token",
    "delete_user",
    "expire_tokens",
    "remove_organization_from_token",
    "remove_organization_member",
    "revoke_token",
    "revoke_token_by_value",
    "update_organization",
    "update_organization_member",
    "update_token",
    "delete_organization",
];
/// The actions that concern no organization, or create one.
const WITHOUT_ORGANIZATIONS: [&str; 11] = [
    "accept_invitation",
    "add_resource_server",
    "add_user",
    "create_organization",
    "disable_resource_server",
    "disable_user",
    "enable_user",
    "invite_user",
    "provision_user",
    "set_password",
    "update_profile",
];

/// Counts the remaining rows of deleted users and organizations.
const LEFT: &str = "SELECT
    (SELECT count(*) FROM users u WHERE u.deleted_at IS NOT NULL AND (
        u.name <> 'Deleted user' OR u.email IS NOT NULL OR u.email_verified OR u.disabled_at IS NULL
        OR u.username NOT LIKE 'deleted-%' OR u.searchable NOT LIKE 'deleted-%'
        OR EXISTS (SELECT 1 FROM memberships m WHERE m.user_id = u.id)
        OR EXISTS (SELECT 1 FROM passwords p WHERE p.user_id = u.id)
        OR EXISTS (SELECT 1 FROM sessions s WHERE s.user_id = u.id)
        OR EXISTS (SELECT 1 FROM invitations i WHERE i.user_id = u.id)
        OR EXISTS (SELECT 1 FROM deliveries d WHERE d.recipient_id = u.id)
        OR EXISTS (SELECT 1 FROM used_usernames n WHERE n.user_id = u.id)
        OR EXISTS (SELECT 1 FROM tokens t WHERE t.owner_id = u.id AND t.revoked_at IS NULL AND t.expired_at IS NULL)
        OR EXISTS (SELECT 1 FROM grants g WHERE g.owner_id = u.id AND g.removed_at IS NULL)))
    + (SELECT count(*) FROM organizations o WHERE o.deleted_at IS NOT NULL AND (
        EXISTS (SELECT 1 FROM memberships m WHERE m.organization_id = o.id)
        OR EXISTS (SELECT 1 FROM grants g WHERE g.organization_id = o.id AND g.removed_at IS NULL)))";

/// A user who belongs to two of three organizations, with a token for the first.
struct Case<'world> {
    world: &'world World,
    action: &'static str,
    boss: UserId,
    user: UserId,
    username: String,
    home: OrganizationId,
    other: OrganizationId,
    away: OrganizationId,
    token: TokenId,
    value: Fingerprint,
    password_hash: PasswordHash,
    invitation: Fingerprint,
}

impl<'world> Case<'world> {
    async fn of(
        world: &'world World,
        action: &'static str,
        number: usize,
        boss: UserId,
        password_hash: &PasswordHash,
    ) -> Self {
        let username = format!("user-{number}");
        let user = world.operator(AddUser { new: named(&username, &username) }).await.unwrap().id;
        let mut organizations = Vec::new();
        for name in ["home", "other", "away"] {
            let slug = format!("{name}-{number}");
            let found = CreateOrganization { name: slug.clone(), slug, admin: boss.into() };
            organizations.push(world.operator(found).await.unwrap().id);
        }
        let [home, other, away] = organizations[..] else { panic!("expected three organizations") };
        let mut case = Self {
            world,
            action,
            boss,
            user,
            username: username.clone(),
            home,
            other,
            away,
            token: TokenId::new(world.now()),
            value: Fingerprint::of(""),
            password_hash: password_hash.clone(),
            invitation: Fingerprint::of(""),
        };
        for organization in [home, other] {
            case.add_member(organization).await.unwrap();
        }
        let (token, secret) = world.app.change(&case.by(user), case.create_token_change(None)).await.unwrap();
        (case.token, case.value) = (token.id, secret.fingerprint());
        world.operator(SetPassword { user, password_hash: password_hash.clone() }).await.unwrap();
        if action == "accept_invitation" {
            case.invitation = world
                .app
                .change(&case.operator(), InviteUser { username: username.clone() })
                .await
                .unwrap()
                .fingerprint();
        }
        if action == "enable_user" {
            world.operator(DisableUser { username }).await.unwrap();
        }
        case
    }

    fn operator(&self) -> Caller {
        Caller::command_line(self.world.now())
    }

    fn by(&self, user: UserId) -> Caller {
        Caller { auth_method: AuthMethod::Jwt(user), ..self.operator() }
    }

    fn create_token_change(&self, owner: Option<UserId>) -> CreateToken {
        CreateToken {
            description: "deploy".into(),
            organizations: vec![self.home],
            scopes: self.world.app.catalogue().grantable("scopes", &["read_builds".to_owned()]).unwrap(),
            expires_at: (self.action == "expire_tokens").then(|| self.world.now().plus(Duration::from_hours(1))),
            owner,
        }
    }

    async fn add_member(&self, organization: OrganizationId) -> Result<()> {
        let (organization, user) = (organization.into(), self.user.into());
        self.apply(self.operator(), AddOrganizationMember { organization, user, role: Role::Admin }).await
    }

    async fn apply<C: Change>(&self, caller: Caller, change: C) -> Result<()> {
        self.world.app.change(&caller, change).await.map(drop)
    }

    /// The organization that the action concerns.
    fn organization(&self) -> OrganizationId {
        match self.action {
            "add_organization_member" => self.away,
            "add_organization_to_token" => self.other,
            _ => self.home,
        }
    }

    async fn sign_in_by_jwt(&self, subject: &str, username: &str, name: &str) -> Result<()> {
        let claims = IdentityClaims {
            identity: Identity { issuer: ISSUER.into(), subject: subject.into() },
            username: Some(username.into()),
            name: Some(name.into()),
            email: Some(format!("{subject}@example.test")),
            email_verified: true,
        };
        let anonymous = Caller { auth_method: AuthMethod::Anonymous, ..self.operator() };
        provision_user(&self.world.app, &anonymous, claims).await.map(drop)
    }

    async fn run_action(&self) -> Result<()> {
        let (operator, user, boss) = (self.operator(), self.by(self.user), self.by(self.boss));
        let (token, home, username) = (self.token, self.home, self.username.clone());
        match self.action {
            "accept_invitation" => {
                let at = self.world.now();
                let session =
                    AuthMethod::Session { user: self.user, session: SessionId::new(at), authenticated_at: at };
                let (invitation, password_hash) = (self.invitation, self.password_hash.clone());
                let cookie = Fingerprint::of(&self.username);
                let caller = Caller { auth_method: session, ..operator };
                self.apply(caller, AcceptInvitation { invitation, password_hash, cookie, first: None }).await
            }
            "add_organization_member" => self.add_member(self.away).await,
            "add_organization_to_token" => {
                self.apply(user, AddOrganizationToToken { token, organization: self.other }).await
            }
            "add_user" => self.apply(operator, AddUser { new: named(&username, "another subject") }).await,
            "create_organization" => {
                let (slug, admin) = (format!("new-{username}"), self.user.into());
                let change = CreateOrganization { name: slug.clone(), slug, admin };
                self.apply(user, change).await
            }
            "create_token" => self.world.app.change(&user, self.create_token_change(None)).await.map(drop),
            "create_token by the operator" => {
                self.world.app.change(&operator, self.create_token_change(Some(self.user))).await.map(drop)
            }
            "delete_organization" => self.apply(operator, DeleteOrganization { organization: home.into() }).await,
            "delete_user" => self.apply(operator, DeleteUser { username }).await,
            "disable_user" => self.apply(operator, DisableUser { username }).await,
            "enable_user" => self.apply(operator, EnableUser { username }).await,
            "expire_tokens" => {
                let system = Caller::system(self.world.now().plus(Duration::from_hours(2)));
                self.apply(system, ExpireTokens { tokens: vec![token] }).await
            }
            "invite_user" => self.world.app.change(&operator, InviteUser { username }).await.map(drop),
            "provision_user" => self.sign_in_by_jwt(&username, &username, "Changed").await,
            "provision_user of the same name" => {
                self.sign_in_by_jwt(&format!("other-{username}"), &username, "Another").await
            }
            "provision_user with another name" => {
                self.sign_in_by_jwt(&username, &format!("new-{username}"), "Changed").await
            }
            "remove_organization_from_token" => {
                let reason = Some("idle".into());
                self.apply(boss, RemoveOrganizationFromToken { token, organization: home, reason }).await
            }
            "remove_organization_member" => {
                let change = RemoveOrganizationMember { organization: home.into(), user: self.user.into() };
                self.apply(boss, change).await
            }
            "revoke_token" => self.apply(user, RevokeToken { token, reason: None }).await,
            "revoke_token_by_value" => self.apply(operator, RevokeTokenByValue { fingerprint: self.value }).await,
            "set_password" => {
                self.apply(operator, SetPassword { user: self.user, password_hash: self.password_hash.clone() }).await
            }
            "sign in" => match self.world.sign_in(&username, PASSWORD).await.status.as_u16() {
                204 => Ok(()),
                401 => Err(Error::Unauthenticated),
                other => Err(Error::Bug(format!("signing in returned {other}").into())),
            },
            "update_organization" => {
                let change = UpdateOrganization { organization: home.into(), name: Some("Changed".into()) };
                self.apply(boss, change).await
            }
            "update_organization_member" => {
                let (organization, user) = (home.into(), self.user.into());
                self.apply(boss, UpdateOrganizationMember { organization, user, role: Role::Member }).await
            }
            "update_profile" => self.apply(user, UpdateProfile { name: Some("Changed".into()) }).await,
            "update_token" => {
                let (description, scopes) = (Some("changed".into()), Some(vec!["read_user".to_owned()]));
                self.apply(user, UpdateToken { token, description, scopes, expires_at: None }).await
            }
            other => panic!("there is no action {other}"),
        }
    }

    /// Runs the action and the deletion at once; if the deletion `leads`, it has done everything except its commit when the
    /// action begins. Returns whether the deletion succeeded.
    async fn runs_with<C: Change>(&self, deletion: C, leads: bool) -> bool {
        let (deleted, done) = if leads {
            let stop = Stop::default();
            let deleting = self.world.operator(Stopping { change: deletion, stop: stop.clone() });
            let acting = async {
                within("the deletion stops", stop.reached.notified()).await;
                let mut run_action = pin!(self.run_action());
                // The action ends, or waits for the deletion.
                let early = tokio::time::timeout(Duration::from_millis(150), &mut run_action).await;
                stop.go.cancel();
                match early {
                    Ok(done) => done,
                    Err(_) => run_action.await,
                }
            };
            join(deleting, acting).await
        } else {
            join(self.world.operator(deletion), self.run_action()).await
        };
        let refused = |code| matches!(code, Code::Conflict | Code::NotFound);
        if let Err(error) = &deleted {
            // The user was renamed meanwhile, or became the only administrator.
            assert!(!leads && refused(error.code()), "{}: the deletion failed: {error:?}", self.action);
        }
        if let Err(error) = &done {
            assert_ne!(error.code(), Code::Internal, "{}: {error:?}", self.action);
        }
        self.assert_nothing_is_left();
        deleted.is_ok()
    }

    /// Reads the database directly, without the service.
    fn assert_nothing_is_left(&self) {
        let Some(left) = self.world.database.query(LEFT) else { return };
        assert_eq!(left.trim(), "0", "{}: deleted data is left", self.action);
    }

    /// The username of a deleted user is not given to another user.
    fn assert_name_is_not_reused(&self) {
        let named = format!("SELECT count(*) FROM users WHERE username = '{}'", self.username);
        let Some(users) = self.world.database.query(&named) else { return };
        assert_eq!(users.trim(), "0", "{}: the username was given to another user", self.action);
    }
}

fn named(username: &str, subject: &str) -> NewUser {
    NewUser {
        username: username.into(),
        name: format!("{username} example"),
        email: Some(format!("{username}@example.test")),
        email_verified: true,
        identity: Some(Identity { issuer: ISSUER.into(), subject: subject.into() }),
    }
}

///
#[test]
fn every_action_is_run_with_the_deletions_it_concerns() {
    for (with, without) in
        [(&WITH_USERS[..], &WITHOUT_USERS[..]), (&WITH_ORGANIZATIONS[..], &WITHOUT_ORGANIZATIONS[..])]
    {
        let of = |variants: &[&str]| -> BTreeSet<String> {
            // "sign in" is no action; a space separates an action from its variant.
            let names =
                variants.iter().filter(|action| **action != "sign in").filter_map(|action| action.split(' ').next());
            names.map(ToOwned::to_owned).collect()
        };
        let (with, without) = (of(with), of(without));
        assert_eq!(with.union(&without).cloned().collect::<BTreeSet<_>>(), actions());
        assert!(with.is_disjoint(&without), "{with:?} {without:?}");
    }
}

both!(
    ///
    async fn deletion_is_complete_under_concurrent_actions(world: World) {
        let password_hash = Password::new(PASSWORD).hash().unwrap();
        let boss = world.operator(AddUser { new: named("boss", "boss") }).await.unwrap().id;
        let mut number = 0;
        for leads in [true, false] {
            for action in WITH_USERS {
                number += 1;
                let case = Case::of(&world, action, number, boss, &password_hash).await;
                if case.runs_with(DeleteUser { username: case.username.clone() }, leads).await {
                    case.assert_name_is_not_reused();
                }
            }
            for action in WITH_ORGANIZATIONS {
                number += 1;
                let case = Case::of(&world, action, number, boss, &password_hash).await;
                case.runs_with(DeleteOrganization { organization: case.organization().into() }, leads).await;
            }
        }
        if world.database.kind() == Kind::Postgres {
            let query = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()";
            assert_eq!(world.database.query(query).unwrap().trim(), "0", "changes deadlocked");
        }
    }
);
