//! The test environment: databases, and the whole service on one of them, with its clock, mailbox and clients.

#[macro_use]
pub(crate) mod database;

pub(crate) mod client;
pub(crate) mod cluster;
pub(crate) mod dice;
pub(crate) mod fault_proxy;
pub(crate) mod lateness;
pub(crate) mod ledger;
pub(crate) mod node;
pub(crate) mod port;
pub(crate) mod programs;
pub(crate) mod proxy;
pub(crate) mod retry;
pub(crate) mod schema;
pub(crate) mod smtp_server;
pub(crate) mod temp_files;

use client::{Client, Reply};
use database::{Database, Stage};
use serde_json::Value;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tokenward::testing::{
    actions::{
        AddOrganizationMember, AddResourceServer, AddUser, CreateOrganization, Credentials, ExpireTokens, SetPassword,
        UpdateOrganizationMember,
    },
    app::{App, Change, Clock},
    config::{Config, MailTarget},
    domain::{
        caller::Caller,
        decision::Limits,
        error::{Error, Result},
        organization::Role,
        scope::ScopeName,
        time::Time,
    },
    http::{self, UserClaims},
    jobs,
    mail::{Mailbox, Mailer, Sent},
    store::{Identity, NewUser, Store},
};
use tokio_util::sync::CancellationToken;

/// The password of all test users.
pub(crate) const PASSWORD: &str = "plover gantry ounce misfit";

/// The issuer of the JWTs in tests.
pub(crate) const ISSUER: &str = "https://app.example.test";

/// The whole service on a new database, listening on its own port.
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
    /// Starts a service with additional settings.
    pub(crate) async fn with(database: Database, settings: &[(&str, &str)]) -> Self {
        Self::on_shared(Arc::new(database), Clock::machine(), settings, None).await
    }

    /// Starts a service that sends its emails to a server, with a timeout for each.
    pub(crate) async fn with_smtp_server(database: Database, mail_url: &str, timeout: Duration) -> Self {
        let mailer = Mailer::new(&MailTarget::parse(mail_url).unwrap(), "Tokenward <tokenward@example.test>");
        let mailer = mailer.unwrap().within(timeout);
        Self::on_shared(Arc::new(database), Clock::machine(), &[], Some(mailer)).await
    }

    /// Starts another node with the same database and clock, and a separate mailbox.
    pub(crate) async fn another_node(&self, settings: &[(&str, &str)]) -> Self {
        Self::on_shared(Arc::clone(&self.database), self.clock.clone(), settings, None).await
    }

    /// Starts another node whose clock is not that of the first, which never goes back.
    pub(crate) async fn node_with_clock(&self, clock: Clock) -> Self {
        Self::on_shared(Arc::clone(&self.database), clock, &[], None).await
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
        let service = http::service(&app, &config).unwrap();
        app.tasks().spawn(http::serve(listener, service, app.tasks().clone(), stop.clone()));
        let http = reqwest::Client::builder().timeout(Duration::from_secs(30)).build().unwrap();
        Self { app, config, clock, mailbox, database, http, stop }
    }

    /// Returns the URL of a path: `http://127.0.0.1:…`.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.config.listen)
    }

    /// Makes a change as the operator at the command line.
    pub(crate) async fn operator<C: Change>(&self, change: C) -> Result<C::Done> {
        self.app.change(&Caller::command_line(self.app.now()), change).await
    }

    /// Records the expiry of tokens now, as the job does within a second.
    pub(crate) async fn expire_tokens(&self) {
        let tokens = self.app.store().tokens_past_expiry(self.now(), 500).await.unwrap();
        self.app.change(&Caller::system(self.now()), ExpireTokens { tokens }).await.unwrap();
    }

    /// Adds a member or changes their role, as the operator at the command line.
    pub(crate) async fn set_member(&self, change: AddOrganizationMember) -> Result<()> {
        match self.operator(change.clone()).await {
            Err(Error::Conflict(_)) => {
                let AddOrganizationMember { organization, user, role } = change;
                self.operator(UpdateOrganizationMember { organization, user, role }).await.map(drop)
            }
            other => other.map(drop),
        }
    }

    /// Returns a client of a user whose subject at the identity provider is the username, and creates the user if necessary.
    pub(crate) async fn user(&self, username: &str) -> Client<'_> {
        let identity = Some(Identity { issuer: ISSUER.into(), subject: username.into() });
        let (name, email) = (format!("{username} example"), Some(format!("{username}@example.test")));
        let new = NewUser { username: username.into(), name, email, email_verified: true, identity };
        let _ = self.operator(AddUser { new }).await;
        Client::new(self, Some(self.jwt(username)))
    }

    /// Returns a client of a user without organizations.
    pub(crate) async fn non_member(&self) -> Client<'_> {
        self.user("non-member").await
    }

    /// Returns a client of a member of these organizations. Missing ones are created, each with an administrator named `root-`
    /// and the slug.
    pub(crate) async fn member(&self, username: &str, slugs: &[&str]) -> Client<'_> {
        self.with_role(username, slugs, Role::Member).await
    }

    /// Returns a client of an administrator of these organizations.
    pub(crate) async fn admin(&self, username: &str, slugs: &[&str]) -> Client<'_> {
        self.with_role(username, slugs, Role::Admin).await
    }

    async fn with_role(&self, username: &str, slugs: &[&str], role: Role) -> Client<'_> {
        let client = self.user(username).await;
        for slug in slugs {
            self.organization(slug).await;
            let add = AddOrganizationMember { organization: (*slug).into(), user: username.into(), role };
            self.set_member(add).await.unwrap();
        }
        client
    }

    /// Creates an organization unless it exists, and returns its ID.
    pub(crate) async fn organization(&self, slug: &str) -> String {
        if self.app.store().organization_by_slug(slug).await.unwrap().is_none() {
            let admin = format!("root-{slug}");
            self.user(&admin).await;
            let add = CreateOrganization { slug: slug.into(), name: format!("{slug} inc."), admin: admin.into() };
            self.operator(add).await.unwrap();
        }
        self.organization_id(slug).await
    }

    /// Returns the ID of an existing organization.
    pub(crate) async fn organization_id(&self, slug: &str) -> String {
        self.app.store().organization_by_slug(slug).await.unwrap().expect("an organization").id.to_string()
    }

    /// Returns a client with a bearer credential: a token value, a JWT or an invalid one.
    pub(crate) fn bearer(&self, credential: &str) -> Client<'_> {
        Client::new(self, Some(credential.to_owned()))
    }

    /// Returns a browser in which a user is signed in, and sets the password of the user.
    pub(crate) async fn signed_in(&self, username: &str) -> Client<'_> {
        self.user(username).await;
        self.set_password(username).await;
        let reply = self.sign_in(username, PASSWORD).await;
        assert_eq!(reply.status, 204, "{}", reply.text);
        self.browser(&reply)
    }

    /// Sets the password of a user to [`PASSWORD`].
    pub(crate) async fn set_password(&self, username: &str) {
        let user = self.app.store().sign_in_by_name(username).await.unwrap().expect("a user").id;
        let password_hash = self.app.hash_new_password("password", PASSWORD.into(), Vec::new(), false).await.unwrap();
        self.operator(SetPassword { user, password_hash }).await.unwrap();
    }

    /// Signs a user in, as the console does.
    pub(crate) async fn sign_in(&self, username: &str, password: &str) -> Reply {
        let body = serde_json::json!({ "username": username, "password": password });
        let request = self.http.post(self.url("/session")).header("x-tokenward-console", "1").json(&body);
        client::read(request).await
    }

    /// Returns a browser with the cookie of a response.
    pub(crate) fn browser(&self, reply: &Reply) -> Client<'_> {
        let cookie = reply.header("set-cookie").split(';').next().unwrap().to_owned();
        Client { cookie: Some(cookie), ..self.anonymous() }
    }

    /// Returns a client without a credential.
    pub(crate) fn anonymous(&self) -> Client<'_> {
        Client::new(self, None)
    }

    /// Returns a JWT of a user that is valid for an hour.
    pub(crate) fn jwt(&self, username: &str) -> String {
        let (name, email) = (format!("{username} example"), format!("{username}@example.test"));
        let claims = UserClaims { subject: username, username, name: &name, email: &email };
        let config = self.config.jwt.as_ref().unwrap();
        http::sign(config, &claims, self.now(), Duration::from_hours(1)).unwrap()
    }

    /// Returns the time of the service.
    pub(crate) fn now(&self) -> Time {
        self.clock.now()
    }

    /// Advances the clock of the service, which the database uses as well.
    pub(crate) fn advance(&self, span: Duration) {
        self.clock.advance(span);
    }

    /// Adds a resource server.
    pub(crate) async fn resource_server(&self, name: &str) -> Credentials {
        self.limited_resource_server(name, &[], &[]).await
    }

    /// Adds a resource server that sees only these organizations and scopes.
    pub(crate) async fn limited_resource_server(&self, name: &str, slugs: &[&str], scopes: &[&str]) -> Credentials {
        let limits = Limits {
            organizations: slugs.iter().map(ToString::to_string).collect(),
            scopes: scopes.iter().filter_map(|name| ScopeName::new(name)).collect(),
        };
        self.app
            .change(&Caller::command_line(self.app.now()), AddResourceServer { name: name.to_owned(), limits })
            .await
            .unwrap()
    }

    /// Introspects a token as a resource server, with additional parameters.
    pub(crate) async fn introspect(&self, api: &Credentials, token: &str, more: &[(&str, &str)]) -> Reply {
        let mut form = vec![("token", token)];
        form.extend(more);
        let request =
            self.http.post(self.url("/oauth/introspect")).basic_auth(&api.client_id, Some(&api.client_secret));
        client::form(request, &form).await
    }

    /// Writes the buffered usage.
    pub(crate) async fn flush(&self) {
        if !self.save_usage().await {
            // A job of the service may be writing it.
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }

    /// Writes usage until `reader` finds a request, for at most 30 seconds, since a job of the service may be writing it.
    pub(crate) async fn wait_for_usage(&self, mut reader: impl AsyncFnMut() -> Value) -> Value {
        let start = Instant::now();
        loop {
            self.save_usage().await;
            let found = reader().await;
            if !found["lastRequest"].is_null() {
                return found;
            }
            assert!(start.elapsed() < Duration::from_secs(30), "no usage was written");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Writes the usage that is still in the buffer, and returns whether there was any.
    async fn save_usage(&self) -> bool {
        let batch = self.app.verifier().usage().due(Instant::now(), true);
        self.app.store().maintenance().save_usage(&batch).await.unwrap();
        !batch.tokens.is_empty() || !batch.grants.is_empty()
    }

    /// Waits until `count` emails were sent, for at most 30 seconds, and returns all sent emails.
    pub(crate) async fn emails(&self, count: usize) -> Vec<Sent> {
        let start = Instant::now();
        while self.mailbox.sent().len() < count && start.elapsed() < Duration::from_secs(30) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        self.mailbox.sent()
    }

    /// Runs `work` in this task and returns the number of its statements.
    pub(crate) async fn statements(&self, work: impl Future) -> u64 {
        let stats = Arc::default();
        tokenward::testing::store::with_request_stats(Arc::clone(&stats), work).await;
        stats.statements()
    }
}

/// Returns the configuration of the service in tests; `settings` override it.
pub(crate) fn config(database: &Database, listen: &str, settings: &[(&str, &str)]) -> Config {
    let mut flags = vec![
        ("listen", listen.to_owned()),
        ("data_dir", database.folder().to_str().unwrap().to_owned()),
        ("database.url", database.url().to_owned()),
        ("auth.jwt.issuer", ISSUER.to_owned()),
        ("auth.jwt.audience", "tokenward".to_owned()),
        ("auth.jwt.algorithms", "HS256".to_owned()),
        ("auth.jwt.secret", "a secret that only the tests use".to_owned()),
        // Tests create what they need as fast as they can.
        ("token.max_per_user", "1000000".to_owned()),
        ("token.max_changes_per_minute", "1000000".to_owned()),
    ];
    for (key, value) in settings {
        // A key set replaces the secret.
        flags.retain(|(given, _)| given != key && !(*given == "auth.jwt.secret" && key.starts_with("auth.jwt.jwks_")));
        flags.push((key, (*value).to_owned()));
    }
    Config::load(None, [], &flags).unwrap()
}
