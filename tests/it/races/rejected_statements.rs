//! Checks that a change whose statements the database rejects with a request to retry is made once or not at all.

use super::{Stop, Stopping, actions, within};
use crate::world::{
    self, ISSUER,
    database::{Database, Kind},
    fault_proxy::FaultProxy,
};
use futures_util::future::{BoxFuture, FutureExt as _, join, join_all};
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};
use tokenward::testing::{
    actions::{
        AcceptInvitation, AddOrganizationMember, AddOrganizationToToken, AddResourceServer, AddUser,
        CreateOrganization, CreateToken, DeleteOrganization, DeleteUser, DisableResourceServer, DisableUser,
        EnableUser, ExpireTokens, IdentityClaims, InviteUser, RemoveOrganizationFromToken, RemoveOrganizationMember,
        RevokeToken, RevokeTokenByValue, SetPassword, UpdateOrganization, UpdateOrganizationMember, UpdateProfile,
        UpdateToken, provision_user,
    },
    app::{App, Change, Clock},
    domain::{
        caller::{AuthMethod, Caller},
        decision::Limits,
        error::{Code, Error, Result},
        filter::EventFilter,
        id::{OrganizationId, ResourceServerId, SessionId, TokenId, UserId},
        organization::Role,
        page::Page,
        password::Password,
        policy::{self, AuthContext},
        secret::Fingerprint,
    },
    store::{Identity, NewUser, Store},
};

/// The maximum number of attempts for a change.
const MAX_ATTEMPTS: usize = 5;
/// Serialization failures and deadlocks, more than there are attempts.
static SQL_STATES: [&str; 6] = ["40001", "40P01", "40001", "40P01", "40001", "40P01"];

/// Every action by the name of its file, with the numbers of its events and emails.
const ACTIONS: [(&str, i64, i64); 24] = [
    ("accept_invitation", 1, 0),
    ("add_organization_member", 1, 0),
    ("add_organization_to_token", 1, 0),
    ("add_resource_server", 1, 0),
    ("add_user", 1, 0),
    ("create_organization", 2, 0),
    ("create_token", 1, 0),
    ("delete_organization", 4, 1),
    ("delete_user", 2, 0),
    ("disable_resource_server", 1, 0),
    ("disable_user", 1, 0),
    ("enable_user", 1, 0),
    ("expire_tokens", 1, 0),
    ("invite_user", 1, 0),
    ("provision_user", 1, 0),
    ("remove_organization_from_token", 1, 1),
    ("remove_organization_member", 3, 1),
    ("revoke_token", 1, 0),
    ("revoke_token_by_value", 1, 0),
    ("set_password", 1, 0),
    ("update_organization", 1, 0),
    ("update_organization_member", 1, 0),
    ("update_profile", 1, 0),
    ("update_token", 1, 0),
];

/// An action whose preconditions are met. Any node can run it.
type Ready = Box<dyn for<'app> Fn(&'app App) -> BoxFuture<'app, Result<()>>>;

fn ready<C: Change + Clone>(caller: &Caller, change: C) -> Ready {
    let caller = caller.clone();
    Box::new(move |app| {
        let (caller, change) = (caller.clone(), change.clone());
        async move { app.change(&caller, change).await.map(drop) }.boxed()
    })
}

/// Ada administers acme and globex, and bob is a member of both. Neither endpoints nor jobs run.
struct Fixture {
    database: Database,
    app: App,
    ada: UserId,
    bob: UserId,
    acme: OrganizationId,
    globex: OrganizationId,
    names: AtomicUsize,
}

impl Fixture {
    async fn on(database: Database) -> Self {
        let app = Self::node(&database, database.url()).await;
        let unknown = UserId::new(app.now());
        let unknown_organization = OrganizationId::new(app.now());
        let names = AtomicUsize::new(0);
        let mut fixture = Self {
            database,
            app,
            ada: unknown,
            bob: unknown,
            acme: unknown_organization,
            globex: unknown_organization,
            names,
        };
        (fixture.ada, fixture.bob) = (fixture.user().await, fixture.user().await);
        fixture.acme = fixture.organization().await;
        fixture.globex = fixture.organization().await;
        fixture
    }

    /// Returns one more node, connected to the database by this URL.
    async fn node(database: &Database, url: &str) -> App {
        let config = world::config(database, "127.0.0.1:1", &[("database.url", url)]);
        let store = Store::connect(&config.database).await.unwrap();
        store.migrate(&config.token_prefix).await.unwrap();
        App::new(store, &config, Clock::machine())
    }

    fn name(&self) -> String {
        format!("n{}", self.names.fetch_add(1, Ordering::SeqCst))
    }

    fn operator(&self) -> Caller {
        Caller::command_line(self.app.now())
    }

    fn by(&self, user: UserId) -> Caller {
        Caller { auth_method: AuthMethod::Jwt(user), ..self.operator() }
    }

    fn new_user(&self) -> AddUser {
        let username = self.name();
        let email = Some(format!("{username}@example.test"));
        AddUser { new: NewUser { name: username.clone(), username, email, email_verified: true, identity: None } }
    }

    async fn user(&self) -> UserId {
        self.app.change(&self.operator(), self.new_user()).await.unwrap().id
    }

    fn create_organization(&self) -> CreateOrganization {
        let slug = self.name();
        CreateOrganization { name: slug.clone(), slug, admin: self.ada.into() }
    }

    async fn organization(&self) -> OrganizationId {
        let id = self.app.change(&self.operator(), self.create_organization()).await.unwrap().id;
        self.add_member(id, self.bob).await;
        id
    }

    async fn add_member(&self, organization: OrganizationId, user: UserId) {
        let add = AddOrganizationMember { organization: organization.into(), user: user.into(), role: Role::Member };
        self.app.change(&self.operator(), add).await.map(drop).unwrap();
    }

    async fn member(&self) -> UserId {
        let user = self.user().await;
        self.add_member(self.acme, user).await;
        user
    }

    fn create_token_change(&self) -> CreateToken {
        let scopes = ["read_builds".to_owned(), "graphql".to_owned()];
        CreateToken {
            description: self.name(),
            organizations: vec![self.acme],
            scopes: self.app.catalogue().grantable("scopes", &scopes).unwrap(),
            expires_at: None,
            owner: None,
        }
    }

    async fn token(&self, owner: UserId) -> (TokenId, Fingerprint) {
        let (token, secret) = self.app.change(&self.by(owner), self.create_token_change()).await.unwrap();
        (token.id, secret.fingerprint())
    }

    /// Prepares an action.
    #[expect(clippy::too_many_lines, reason = "one arm for each action")]
    async fn ready(&self, action: &str) -> Ready {
        let (operator, ada, bob) = (self.operator(), self.by(self.ada), self.by(self.bob));
        match action {
            "accept_invitation" => {
                let (add, at) = (self.new_user(), self.app.now());
                let username = add.new.username.clone();
                let user = self.app.change(&operator, add).await.unwrap().id;
                let invitation = self.app.change(&operator, InviteUser { username }).await.unwrap().fingerprint();
                let (password_hash, cookie) =
                    (Password::new("any password at all").hash().unwrap(), Fingerprint::of(&self.name()));
                let through = AuthMethod::Session { user, session: SessionId::new(at), authenticated_at: at };
                ready(
                    &Caller { auth_method: through, ..operator },
                    AcceptInvitation { invitation, password_hash, cookie, first: None },
                )
            }
            "add_organization_member" => {
                let (organization, user) = (self.acme.into(), self.user().await.into());
                ready(&ada, AddOrganizationMember { organization, user, role: Role::Member })
            }
            "add_organization_to_token" => {
                let token = self.token(self.bob).await.0;
                ready(&bob, AddOrganizationToToken { token, organization: self.globex })
            }
            "add_resource_server" => {
                let name = self.name();
                Box::new(move |app| {
                    let (operator, name) = (operator.clone(), name.clone());
                    async move {
                        app.change(&operator, AddResourceServer { name, limits: Limits::default() }).await.map(drop)
                    }
                    .boxed()
                })
            }
            "add_user" => ready(&operator, self.new_user()),
            "create_organization" => ready(&operator, self.create_organization()),
            "create_token" => {
                let change = self.create_token_change();
                Box::new(move |app| {
                    let (bob, change) = (bob.clone(), change.clone());
                    async move { app.change(&bob, change).await.map(drop) }.boxed()
                })
            }
            "delete_organization" => {
                let organization = self.organization().await;
                let change = CreateToken { organizations: vec![organization], ..self.create_token_change() };
                self.app.change(&bob, change).await.map(drop).unwrap();
                ready(&operator, DeleteOrganization { organization: organization.into() })
            }
            "delete_user" => {
                let add = self.new_user();
                let username = add.new.username.clone();
                let user = self.app.change(&operator, add).await.unwrap().id;
                self.add_member(self.acme, user).await;
                self.token(user).await;
                ready(&operator, DeleteUser { username })
            }
            "disable_resource_server" => {
                let name = self.name();
                self.app
                    .change(&operator, AddResourceServer { name: name.clone(), limits: Limits::default() })
                    .await
                    .map(drop)
                    .unwrap();
                ready(&operator, DisableResourceServer { name })
            }
            "disable_user" | "enable_user" => {
                let add = self.new_user();
                let username = add.new.username.clone();
                let user = self.app.change(&operator, add).await.unwrap().id;
                self.add_member(self.acme, user).await;
                if action == "disable_user" {
                    return ready(&operator, DisableUser { username });
                }
                self.app.change(&operator, DisableUser { username: username.clone() }).await.unwrap();
                ready(&operator, EnableUser { username })
            }
            "expire_tokens" => {
                let expires_at = Some(self.app.now().plus(Duration::from_mins(1)));
                let change = CreateToken { expires_at, ..self.create_token_change() };
                let tokens = vec![self.app.change(&bob, change).await.unwrap().0.id];
                ready(&Caller::system(self.app.now().plus(Duration::from_mins(2))), ExpireTokens { tokens })
            }
            "invite_user" => {
                let add = self.new_user();
                let username = add.new.username.clone();
                self.app.change(&operator, add).await.unwrap();
                Box::new(move |app| {
                    let (operator, username) = (operator.clone(), username.clone());
                    async move { app.change(&operator, InviteUser { username }).await.map(drop) }.boxed()
                })
            }
            "provision_user" => {
                let subject = self.name();
                let unknown = Caller { auth_method: AuthMethod::Anonymous, ..operator };
                Box::new(move |app| {
                    let identity = Identity { issuer: ISSUER.into(), subject: subject.clone() };
                    let claims = IdentityClaims {
                        identity,
                        username: Some(subject.clone()),
                        name: None,
                        email: None,
                        email_verified: false,
                    };
                    let unknown = unknown.clone();
                    async move { provision_user(app, &unknown, claims).await.map(drop) }.boxed()
                })
            }
            "remove_organization_from_token" => {
                let token = self.token(self.bob).await.0;
                ready(&ada, RemoveOrganizationFromToken { token, organization: self.acme, reason: Some("idle".into()) })
            }
            "remove_organization_member" => {
                let user = self.member().await;
                self.token(user).await;
                self.token(user).await;
                ready(&ada, RemoveOrganizationMember { organization: self.acme.into(), user: user.into() })
            }
            "revoke_token" => ready(&bob, RevokeToken { token: self.token(self.bob).await.0, reason: None }),
            "revoke_token_by_value" => {
                let api =
                    Caller { auth_method: AuthMethod::ResourceServer(ResourceServerId::new(operator.at)), ..operator };
                ready(&api, RevokeTokenByValue { fingerprint: self.token(self.bob).await.1 })
            }
            "set_password" => {
                let password_hash = Password::new("any password at all").hash().unwrap();
                ready(&operator, SetPassword { user: self.member().await, password_hash })
            }
            "update_organization" => {
                ready(&ada, UpdateOrganization { organization: self.acme.into(), name: Some(self.name()) })
            }
            "update_organization_member" => {
                let (organization, user) = (self.acme.into(), self.member().await.into());
                ready(&ada, UpdateOrganizationMember { organization, user, role: Role::Admin })
            }
            "update_profile" => ready(&bob, UpdateProfile { name: Some(self.name()) }),
            "update_token" => {
                let token = self.token(self.bob).await.0;
                let (description, scopes) = (Some(self.name()), Some(vec!["read_user".to_owned()]));
                ready(&bob, UpdateToken { token, description, scopes, expires_at: None })
            }
            other => panic!("unknown action {other}"),
        }
    }

    /// Returns the number of an event that is recorded now, and the number of pending emails.
    async fn ledger(&self) -> (i64, usize) {
        let rename = UpdateOrganization { organization: self.acme.into(), name: Some(self.name()) };
        self.app.change(&self.by(self.ada), rename).await.map(drop).unwrap();
        let context = AuthContext::new(&self.by(self.ada), BTreeMap::from([(self.acme, Role::Admin)]), None);
        let auditor = policy::org_admin(&context, self.acme).unwrap();
        let page = Page { limit: 1, backward: false, after: None, before: None };
        let events = self.app.store().events_in(&auditor, &EventFilter::default(), &page).await.unwrap();
        let operator = policy::operator(&self.operator()).unwrap();
        let emails = self.app.store().undelivered_emails(&operator, 100_000).await.unwrap();
        (events.rows[0].1.number, emails.len())
    }
}

/// The tables of a PostgreSQL database, read without the service: the number of rows in each, and a hash of their content.
struct Tables {
    session: world::cluster::Session,
    counts: String,
    hashes: String,
}

impl Tables {
    fn of(database: &Database) -> Self {
        let mut session = database.session();
        let mut each = |what: &str| {
            session.query(&format!(
                "select string_agg(format('select %L as name, {what} as found from %I as r', tablename, tablename), \
                 ' union all ') from pg_tables where schemaname = 'public'"
            ))
        };
        let (counts, hashes) = (each("count(*)"), each("md5(string_agg(r::text, '','' order by r::text))"));
        Self { session, counts, hashes }
    }

    fn counts(&mut self) -> BTreeMap<String, i64> {
        let counts = self.session.query(&self.counts);
        counts
            .lines()
            .map(|line| line.split_once('|').unwrap())
            .map(|(name, count)| (name.to_owned(), count.parse().unwrap()))
            .collect()
    }

    fn hashes(&mut self) -> BTreeSet<String> {
        self.session.query(&self.hashes).lines().map(ToOwned::to_owned).collect()
    }
}

/// Returns how many rows were added to each table.
fn added_rows(before: &BTreeMap<String, i64>, after: &BTreeMap<String, i64>) -> BTreeMap<String, i64> {
    let more = |(name, count): (&String, &i64)| (name.clone(), count - before[name]);
    after.iter().map(more).filter(|(_, count)| *count != 0).collect()
}

#[test]
fn every_action_is_tested() {
    let known: BTreeSet<_> = ACTIONS.iter().map(|(action, _, _)| (*action).to_owned()).collect();
    assert_eq!(known, actions());
}

/// PostgreSQL may reject any statement, including the commit; the change is then rolled back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn change_survives_rejected_statements_on_postgresql() {
    let Some(database) = Database::fresh(Kind::Postgres, concat!(module_path!(), "::postgres")) else { return };
    let fixture = Fixture::on(database).await;
    let (wire, mut tables) = (FaultProxy::to(&fixture.database).await, Tables::of(&fixture.database));
    let node = Fixture::node(&fixture.database, &wire.url()).await;
    for (action, events, emails) in ACTIONS {
        let (ready, before) = (fixture.ready(action).await, tables.counts());
        ready(&node).await.unwrap();
        let once = added_rows(&before, &tables.counts());
        let count = |table: &str| once.get(table).copied().unwrap_or_default();
        assert_eq!((count("events"), count("deliveries")), (events, emails), "{action}");
        let (mut statements, mut slow) = (0, 0);
        loop {
            let statement = statements + 1;
            let (ready, before) = (fixture.ready(action).await, tables.counts());
            wire.refuse(statement, &SQL_STATES[..2]);
            let done = ready(&node).await.map_err(|error| error.code());
            let left = added_rows(&before, &tables.counts());
            // A change that takes too long is not retried and has no effect.
            if done == Err(Code::Unavailable) && slow < 20 {
                assert_eq!(left, BTreeMap::new(), "{action}, rejected at statement {statement}");
                slow += 1;
                continue;
            }
            assert_eq!((done, &left), (Ok(()), &once), "{action}, rejected at statement {statement}");
            if wire.refused() == 0 {
                break;
            }
            statements = statement;
        }
        // Begin, authentication, the change, the event with its number, commit.
        assert!((6..60).contains(&statements), "{action}: {statements}");
        for statement in [statements / 2, statements] {
            let (ready, before) = (fixture.ready(action).await, tables.hashes());
            wire.refuse(statement, &SQL_STATES);
            let refused = ready(&node).await.map_err(|error| error.code());
            assert_eq!(refused, Err(Code::Unavailable), "{action} at statement {statement}");
            // Fewer attempts, if they take long.
            assert!(
                (1..=MAX_ATTEMPTS).contains(&wire.refused()),
                "{action} at statement {statement}: {}",
                wire.refused()
            );
            assert_eq!(tables.hashes(), before, "{action} at statement {statement}");
            // The change can still be made.
            wire.refuse(0, &[]);
            ready(&node).await.unwrap();
        }
    }
}

/// SQLite takes the write lock at the beginning of a change and reports there that another connection holds it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn change_survives_a_busy_sqlite() {
    let fixture = Fixture::on(Database::fresh(Kind::Sqlite, "races").unwrap()).await;
    let mut nodes = Vec::new();
    for _ in ACTIONS {
        nodes.push(Fixture::node(&fixture.database, fixture.database.url()).await);
    }
    let mut rounds = VecDeque::from([false, true]);
    let mut attempts = 0;
    while let Some(times_out) = rounds.pop_front() {
        let mut prepared = Vec::new();
        for (action, _, _) in ACTIONS {
            prepared.push(fixture.ready(action).await);
        }
        let (number, emails) = fixture.ledger().await;
        let stop = Stop::default();
        let change = UpdateOrganization { organization: fixture.globex.into(), name: Some(fixture.name()) };
        let ada = fixture.by(fixture.ada);
        let holding = async {
            let held = fixture.app.change(&ada, Stopping { change, stop: stop.clone() }).await;
            (held, Instant::now())
        };
        let trying = async {
            within("the change that holds the file", stop.reached.notified()).await;
            let begin = Instant::now();
            let trying = join_all(prepared.iter().zip(&nodes).map(|(ready, node)| ready(node)));
            let waiting = async {
                if !times_out {
                    tokio::time::sleep(Duration::from_millis(500)).await;
                    stop.go.cancel();
                }
            };
            let done = Box::pin(join(trying, waiting)).await.0;
            stop.go.cancel();
            (done, begin)
        };
        let ((held, end), (done, begin)) = join(holding, trying).await;
        held.unwrap();
        let (new_number, new_emails) = fixture.ledger().await;
        let refused: Vec<_> = done.into_iter().map(|done| done.err().map(|error: Error| error.code())).collect();
        if times_out {
            assert_eq!(refused, [Some(Code::Unavailable); ACTIONS.len()]);
            // The change that held the file, and the change of the ledger itself.
            assert_eq!((new_number - number, new_emails - emails), (2, 0));
            for (ready, node) in prepared.iter().zip(&nodes) {
                ready(node).await.unwrap();
            }
        } else {
            // On a slow machine some changes time out; these have no effect.
            assert!(refused.iter().flatten().all(|code| *code == Code::Unavailable), "{refused:?}");
            attempts += 1;
            if !refused.contains(&None) && end - begin > Duration::from_millis(1_200) && attempts < 10 {
                // The lock was held for longer than any change waits.
                rounds.push_front(times_out);
            } else {
                assert!(refused.contains(&None), "no change waited for the file");
            }
            let completed =
                || ACTIONS.iter().zip(&refused).filter(|(_, refused)| refused.is_none()).map(|(action, _)| action);
            let events: i64 = completed().map(|(_, events, _)| events).sum();
            let emails_due = usize::try_from(completed().map(|(_, _, emails)| emails).sum::<i64>()).unwrap();
            assert_eq!((new_number - number, new_emails - emails), (2 + events, emails_due));
        }
    }
}
