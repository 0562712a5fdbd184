//! What does a test stand on? The databases, and the whole service upon them: its clock, its mailbox, and people who
//! are its clients.

#[macro_use]
pub(crate) mod database;

pub(crate) mod again;
pub(crate) mod client;
pub(crate) mod cluster;
pub(crate) mod dice;
pub(crate) mod lateness;
pub(crate) mod ledger;
pub(crate) mod node;
pub(crate) mod port;
pub(crate) mod post_office;
pub(crate) mod programs;
pub(crate) mod proxy;
pub(crate) mod schema;
pub(crate) mod shelf;
pub(crate) mod wire;

use client::{Client, Reply};
use database::{Database, Stage};
use serde_json::Value;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tokenward::{
    actions::{
        AddOrganizationMember, AddUser, CreateOrganization, Credentials, SetPassword, add_resource_server,
        set_organization_member,
    },
    app::{App, Change, Clock},
    config::{Config, MailTarget},
    domain::{
        caller::Caller, decision::Limits, error::Result, organization::Role, policy::SelfService, scope::ScopeName,
        time::Time,
    },
    http::{self, Said},
    jobs,
    mail::{Mailbox, Mailer, Sent},
    store::{Identity, NewUser, Store},
};
use tokio_util::sync::CancellationToken;

/// With what people of tests sign in.
pub(crate) const PASSWORD: &str = "plover gantry ounce misfit";

/// Who signs the JWTs of tests.
pub(crate) const ISSUER: &str = "https://app.example.test";

/// The whole service on a fresh database, listening on a port of its own.
pub(crate) struct World {
    pub(crate) app: App,
    pub(crate) config: Config,
    pub(crate) clock: Clock,
    pub(crate) mailbox: Mailbox,
    pub(crate) database: Arc<Database>,
    pub(crate) http: reqwest::Client,
    stop: CancellationToken,
}

impl Stage for World {
    async fn on(database: Database) -> Self {
        Self::with(database, &[]).await
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl World {
    /// A service with some settings of its own.
    pub(crate) async fn with(database: Database, settings: &[(&str, &str)]) -> Self {
        Self::on_shared(Arc::new(database), Clock::machine(), settings, None).await
    }

    /// A service whose letters go to that address, with so much patience for each.
    pub(crate) async fn posting(database: Database, mail_url: &str, patience: Duration) -> Self {
        let mailer = Mailer::new(&MailTarget::parse(mail_url).unwrap(), "Tokenward <tokenward@example.test>");
        let mailer = mailer.unwrap().within(patience);
        Self::on_shared(Arc::new(database), Clock::machine(), &[], Some(mailer)).await
    }

    /// Another node over the same database, by the same clock, with a mailbox of its own.
    pub(crate) async fn beside(&self, settings: &[(&str, &str)]) -> Self {
        Self::on_shared(Arc::clone(&self.database), self.clock.clone(), settings, None).await
    }

    async fn on_shared(
        database: Arc<Database>,
        clock: Clock,
        settings: &[(&str, &str)],
        mailer: Option<Mailer>,
    ) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let listen = listener.local_addr().unwrap();
        let config = config(&database, &listen.to_string(), settings);
        let store = Store::connect(&config.database).await.unwrap();
        store.migrate(&config.token_prefix).await.unwrap();
        let stop = CancellationToken::new();
        let app = App::new(store, &config, clock.clone());
        let (to_memory, mailbox) = Mailer::memory();
        jobs::start(&app, mailer.unwrap_or(to_memory), config.public_url.clone(), &stop);
        let router = http::router(&app, &config).unwrap();
        app.tasks().spawn(http::serve(listener, router, app.tasks().clone(), stop.clone()));
        let http = reqwest::Client::builder().timeout(Duration::from_secs(30)).build().unwrap();
        Self { app, config, clock, mailbox, database, http, stop }
    }

    /// Where the service listens: `http://127.0.0.1:…`.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.config.listen)
    }

    /// Does something as the operator at the command line.
    pub(crate) async fn operator<C: Change>(&self, change: C) -> Result<C::Done> {
        self.app.change(&Caller::command_line(self.app.now()), change).await
    }

    /// Adds a member or changes their role, as the command line does.
    pub(crate) async fn sets_member(&self, ask: AddOrganizationMember) -> Result<()> {
        set_organization_member(&self.app, &Caller::command_line(self.app.now()), ask).await
    }

    /// Somebody who is known to the identity provider by their username, made if need be.
    pub(crate) async fn person(&self, username: &str) -> Client<'_> {
        let identity = Some(Identity { issuer: ISSUER.into(), subject: username.into() });
        let (name, email) = (format!("{username} example"), Some(format!("{username}@example.test")));
        let new = NewUser { username: username.into(), name, email, email_verified: true, identity };
        let _ = self.operator(AddUser { new }).await;
        Client::new(self, Some(self.jwt(username)))
    }

    /// Somebody who belongs to no organization.
    pub(crate) async fn stranger(&self) -> Client<'_> {
        self.person("stranger").await
    }

    /// Somebody who belongs to these organizations, which are made if need be, each with an administrator of its own
    /// called `root-` and its slug.
    pub(crate) async fn member(&self, username: &str, slugs: &[&str]) -> Client<'_> {
        self.belongs(username, slugs, Role::Member).await
    }

    /// Somebody who administers these organizations.
    pub(crate) async fn admin(&self, username: &str, slugs: &[&str]) -> Client<'_> {
        self.belongs(username, slugs, Role::Admin).await
    }

    async fn belongs(&self, username: &str, slugs: &[&str], role: Role) -> Client<'_> {
        let client = self.person(username).await;
        for slug in slugs {
            self.organization(slug).await;
            let add = AddOrganizationMember { organization: (*slug).into(), user: username.into(), role };
            self.sets_member(add).await.unwrap();
        }
        client
    }

    /// Makes an organization if there is none of that name; tells its id.
    pub(crate) async fn organization(&self, slug: &str) -> String {
        if self.app.store().organization_named(slug).await.unwrap().is_none() {
            let admin = format!("root-{slug}");
            self.person(&admin).await;
            let add = CreateOrganization {
                slug: slug.into(),
                name: format!("{slug} inc."),
                admin: admin.into(),
                self_service: SelfService::Off,
            };
            self.operator(add).await.unwrap();
        }
        self.organization_id(slug).await
    }

    /// The id of an organization that there is.
    pub(crate) async fn organization_id(&self, slug: &str) -> String {
        self.app.store().organization_named(slug).await.unwrap().expect("an organization").id.to_string()
    }

    /// Whoever holds this credential, be it a token's value, a JWT or nonsense.
    pub(crate) fn holder_of(&self, credential: &str) -> Client<'_> {
        Client::new(self, Some(credential.to_owned()))
    }

    /// Somebody in a browser, who signed in with a password that they were given.
    pub(crate) async fn signed_in(&self, username: &str) -> Client<'_> {
        self.person(username).await;
        self.has_password(username).await;
        let reply = self.signs_in(username, PASSWORD).await;
        assert_eq!(reply.status, 204, "{}", reply.text);
        self.browser(&reply)
    }

    /// Gives somebody the password of these tests.
    pub(crate) async fn has_password(&self, username: &str) {
        let user = self.app.store().sign_in_of(username).await.unwrap().expect("somebody").id;
        let hashed = self.app.password_chosen("password", PASSWORD.into(), Vec::new(), false).await.unwrap();
        self.operator(SetPassword { user, hashed }).await.unwrap();
    }

    /// A page of ours signs somebody in.
    pub(crate) async fn signs_in(&self, username: &str, password: &str) -> Reply {
        let said = serde_json::json!({ "username": username, "password": password });
        let request = self.http.post(self.url("/session")).header("x-tokenward-console", "1").json(&said);
        client::read(request).await
    }

    /// A browser that keeps the cookie of this answer.
    pub(crate) fn browser(&self, reply: &Reply) -> Client<'_> {
        let cookie = reply.header("set-cookie").split(';').next().unwrap().to_owned();
        Client { cookie: Some(cookie), ..self.nobody() }
    }

    /// Somebody without a credential.
    pub(crate) fn nobody(&self) -> Client<'_> {
        Client::new(self, None)
    }

    /// A JWT of this person that is good for an hour.
    pub(crate) fn jwt(&self, username: &str) -> String {
        let (name, email) = (format!("{username} example"), format!("{username}@example.test"));
        let said = Said { subject: username, username, name: &name, email: &email };
        let config = self.config.jwt.as_ref().unwrap();
        http::sign(config, &said, self.now(), Duration::from_hours(1)).unwrap()
    }

    /// The time of the service.
    pub(crate) fn now(&self) -> Time {
        self.clock.now()
    }

    /// Lets time pass, for the database as well.
    pub(crate) fn later(&self, span: Duration) {
        self.clock.advance(span);
    }

    /// An API that may introspect.
    pub(crate) async fn resource_server(&self, name: &str) -> Credentials {
        self.limited_resource_server(name, &[], &[]).await
    }

    /// An API that may introspect within limits.
    pub(crate) async fn limited_resource_server(&self, name: &str, slugs: &[&str], scopes: &[&str]) -> Credentials {
        let limits = Limits {
            organizations: slugs.iter().map(ToString::to_string).collect(),
            scopes: scopes.iter().filter_map(|name| ScopeName::new(name)).collect(),
        };
        add_resource_server(&self.app, &Caller::command_line(self.app.now()), name.to_owned(), limits).await.unwrap()
    }

    /// Introspects a token, with more parameters if need be.
    pub(crate) async fn introspect(&self, api: &Credentials, token: &str, more: &[(&str, &str)]) -> Reply {
        let mut form = vec![("token", token)];
        form.extend(more);
        let request =
            self.http.post(self.url("/oauth/introspect")).basic_auth(&api.client_id, Some(&api.client_secret));
        client::form(request, &form).await
    }

    /// Writes all use that is not written yet.
    pub(crate) async fn flush(&self) {
        if !self.writes_use().await {
            // A job of the service may have taken it just now, and is writing it.
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }

    /// Writes use until the reader finds a request: a job of the service may be at it.
    pub(crate) async fn written(&self, mut reader: impl AsyncFnMut() -> Value) -> Value {
        let start = Instant::now();
        loop {
            self.writes_use().await;
            let found = reader().await;
            if !found["lastRequest"].is_null() {
                return found;
            }
            assert!(start.elapsed() < Duration::from_secs(30), "no use was written");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Writes the use that nobody has taken yet, if there is any.
    async fn writes_use(&self) -> bool {
        let (tokens, grants) = self.app.verifier().tally().due(Instant::now(), true);
        let any = !tokens.is_empty() || !grants.is_empty();
        self.app.store().upkeep().save_usage(tokens, grants).await.unwrap();
        any
    }

    /// The letters that were sent, once there are so many; waits for half a minute at most.
    pub(crate) async fn letters(&self, count: usize) -> Vec<Sent> {
        let start = Instant::now();
        while self.mailbox.sent().len() < count && start.elapsed() < Duration::from_secs(30) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        self.mailbox.sent()
    }

    /// Runs some work of the service in this task and counts its statements.
    pub(crate) async fn statements(&self, work: impl Future) -> u64 {
        let dealings = Arc::default();
        tokenward::store::with_request_stats(Arc::clone(&dealings), work).await;
        dealings.statements()
    }
}

/// How the service is set up in tests, over this database or by another way to it.
pub(crate) fn config(database: &Database, listen: &str, settings: &[(&str, &str)]) -> Config {
    let mut flags = vec![
        ("listen", listen.to_owned()),
        ("data_dir", database.folder().to_str().unwrap().to_owned()),
        ("database.url", database.url().to_owned()),
        ("auth.jwt.issuer", ISSUER.to_owned()),
        ("auth.jwt.audience", "tokenward".to_owned()),
        ("auth.jwt.algorithms", "HS256".to_owned()),
        ("auth.jwt.secret", "a secret that only tests know, and nobody else".to_owned()),
        // Tests make what they need as fast as they can.
        ("token.max_per_user", "1000000".to_owned()),
        ("token.max_changes_per_minute", "1000000".to_owned()),
    ];
    for (key, value) in settings {
        // A set of keys takes the place of the secret.
        flags.retain(|(given, _)| given != key && !(*given == "auth.jwt.secret" && key.starts_with("auth.jwt.jwks_")));
        flags.push((key, (*value).to_owned()));
    }
    Config::load(None, [], &flags).unwrap()
}
