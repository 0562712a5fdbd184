//! Clients that send requests during a failure, and a check that the database agrees with the responses.

use crate::{
    program::Program,
    world::{database::Database, lateness::Lateness},
};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};
use tokenward::testing::{app::Clock, store::Store};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

const CREATE: &str = "mutation($input: CreateTokenInput!) { createToken(input: $input) { value token { id } } }";
const REMOVE: &str = "mutation($input: RemoveOrganizationFromTokenInput!) { removeOrganizationFromToken(input: $input) \
                      { grant { id } } }";

/// The acknowledged state of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Acknowledged {
    Created,
    Removed,
    Revoked,
    /// The result of a removal or revocation is unknown.
    Unknown,
}

/// The responses that the clients received.
#[derive(Debug, Default)]
pub(super) struct Results {
    pub(super) tokens: HashMap<String, Acknowledged>,
    /// The number of creations without a response.
    pub(super) unknown: usize,
    pub(super) statuses: BTreeMap<u16, usize>,
    /// The longest response time since the last call of `Load::statuses`.
    pub(super) slowest: Duration,
    /// The start and length of the current series of successful responses.
    successes: Option<(Instant, usize)>,
    since: Option<Instant>,
    /// Responses that are never correct.
    pub(super) wrong: Vec<String>,
}

/// Adds users to a database and returns a program that connects to it by a URL.
pub(super) fn program(database: &Database, url: &str) -> Program {
    // No SMTP server listens there, so that every email stays in the outbox.
    let direct = Program::over(database, &[]);
    direct.add_organization("acme", &["ada", "bob"]);
    let mail = ("mail.url", "smtp://127.0.0.1:1?tls=none");
    Program::over(database, &[mail, ("log.level", "warn"), ("database.url", url)])
}

/// Clients that write without a pause, and others that check one valid token.
pub(super) struct Load {
    stop: CancellationToken,
    results: Arc<Mutex<Results>>,
    clients: JoinSet<()>,
}

impl Load {
    /// Starts a number of writers and as many readers.
    pub(super) async fn start(program: &Program, writers: usize) -> Self {
        let good =
            program.run(&["token", "create", "--owner", "bob", "--organization", "acme", "--scope", "read_builds"]);
        let (stop, results) = (CancellationToken::new(), Arc::<Mutex<Results>>::default());
        let http = reqwest::Client::builder().timeout(Duration::from_secs(20)).build().unwrap();
        let mut client = Client {
            http,
            base: program.url(""),
            ada: program.jwt("ada"),
            bob: program.jwt("bob"),
            acme: String::new(),
            good,
            stop: stop.clone(),
            results: Arc::clone(&results),
        };
        let (_, acme) =
            client.graphql(&client.ada, "{ organization(slug: \"acme\") { id } }", json!({})).await.unwrap();
        acme["data"]["organization"]["id"].as_str().unwrap().clone_into(&mut client.acme);
        let mut clients = JoinSet::new();
        for writer in 0..writers {
            clients.spawn(client.clone().write(writer));
            clients.spawn(client.clone().read());
        }
        results.lock().unwrap().tokens.insert(client.good, Acknowledged::Created);
        Self { stop, results, clients }
    }

    /// Returns the numbers of responses with each status since the last call.
    pub(super) fn statuses(&self) -> BTreeMap<u16, usize> {
        let mut results = self.results.lock().unwrap();
        (results.since, results.slowest, results.successes) = (Some(Instant::now()), Duration::ZERO, None);
        std::mem::take(&mut results.statuses)
    }

    /// Waits for a number of responses and returns the same.
    pub(super) async fn statuses_of(&self, count: usize) -> BTreeMap<u16, usize> {
        let start = Instant::now();
        while self.results.lock().unwrap().statuses.values().sum::<usize>() < count {
            assert!(start.elapsed() < Duration::from_secs(30), "no responses");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        self.statuses()
    }

    /// Returns the longest response time since the last call of `statuses`.
    pub(super) fn slowest(&self) -> Duration {
        self.results.lock().unwrap().slowest
    }

    /// Waits until a number of tokens were created, and some were removed and some revoked.
    pub(super) async fn until(&self, tokens: usize) {
        let start = Instant::now();
        loop {
            {
                let results = self.results.lock().unwrap();
                if results.tokens.len() > tokens && results.removed() > 0 && results.revoked() > 0 {
                    return;
                }
            }
            assert!(start.elapsed() < Duration::from_secs(30), "the clients make no progress");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Waits for at least 30 successful responses in a row for 500 ms, and returns the time until the first of them.
    pub(super) async fn recovers_within(&self, limit: Duration) -> Duration {
        let (start, lateness) = (Instant::now(), Lateness::watched());
        self.statuses();
        loop {
            let successes = self.results.lock().unwrap().successes;
            if let Some((since, 30..)) = successes
                && since.elapsed() > Duration::from_millis(500)
            {
                return since.duration_since(start);
            }
            assert!(start.elapsed() < lateness.on_top_of(limit).await, "not recovered after {limit:?}");
        }
    }

    /// Stops the clients after their current responses.
    pub(super) async fn stop(self) -> Results {
        self.stop.cancel();
        self.clients.join_all().await;
        std::mem::take(&mut *self.results.lock().unwrap())
    }
}

#[derive(Clone)]
struct Client {
    http: reqwest::Client,
    base: String,
    ada: String,
    bob: String,
    acme: String,
    good: String,
    stop: CancellationToken,
    results: Arc<Mutex<Results>>,
}

impl Client {
    async fn write(self, writer: usize) {
        for number in 0.. {
            if self.stop.is_cancelled() {
                return;
            }
            let input = json!({
                "description": format!("{writer} {number}"), "organizationIds": [self.acme], "scopes": ["read_builds"],
            });
            let Some((200, created)) = self.graphql(&self.bob, CREATE, json!({ "input": input })).await else {
                self.results.lock().unwrap().unknown += 1;
                continue;
            };
            let value = created["data"]["createToken"]["value"].as_str().unwrap().to_owned();
            let note = |what| self.results.lock().unwrap().tokens.insert(value.clone(), what);
            note(Acknowledged::Created);
            if number % 3 == 0 {
                continue;
            }
            note(Acknowledged::Unknown);
            if number % 3 == 1 {
                let id = &created["data"]["createToken"]["token"]["id"];
                let input = json!({ "input": { "tokenId": id, "organizationId": self.acme } });
                if !matches!(self.graphql(&self.ada, REMOVE, input).await, Some((200, _))) {
                    continue;
                }
                note(Acknowledged::Removed);
            } else {
                let request = self.http.request(Method::DELETE, format!("{}/v2/access-token", self.base));
                if !matches!(self.send(request.bearer_auth(&value), &[204, 503]).await, Some((204, _))) {
                    continue;
                }
                note(Acknowledged::Revoked);
            }
            self.verify(&value, &[401, 403, 503]).await;
        }
    }

    async fn read(self) {
        while !self.stop.is_cancelled() {
            self.verify(&self.good, &[200, 503]).await;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn verify(&self, value: &str, expected: &[u16]) -> Option<(u16, Value)> {
        let request = self.http.get(format!("{}/verify?organization=acme", self.base));
        self.send(request.bearer_auth(value), expected).await
    }

    async fn graphql(&self, credential: &str, query: &str, variables: Value) -> Option<(u16, Value)> {
        let body = json!({ "query": query, "variables": variables });
        let request = self.http.post(format!("{}/graphql", self.base)).bearer_auth(credential).json(&body);
        let response = self.send(request, &[200, 503]).await;
        if let Some((status, body)) = &response {
            let code = &body["errors"][0]["extensions"]["code"];
            let fits = match status {
                200 => body["errors"].is_null(),
                _ => body["data"].is_null() && code == "UNAVAILABLE",
            };
            if !fits {
                self.results.lock().unwrap().wrong.push(format!("{status} {body}"));
            }
        }
        response
    }

    /// Sends a request, and records a response that is never correct.
    async fn send(&self, request: RequestBuilder, expected: &[u16]) -> Option<(u16, Value)> {
        let start = Instant::now();
        let Ok(response) = request.send().await else {
            // No server listens; it may restart.
            tokio::time::sleep(Duration::from_millis(20)).await;
            return None;
        };
        let (status, has_retry_after) = (response.status().as_u16(), response.headers().contains_key("retry-after"));
        let text = response.text().await.ok()?;
        let mut results = self.results.lock().unwrap();
        // A delayed client may have a response from before.
        if results.since.is_none_or(|since| start >= since) {
            *results.statuses.entry(status).or_default() += 1;
            results.slowest = results.slowest.max(start.elapsed());
            match status {
                200 => results.successes.get_or_insert((Instant::now(), 0)).1 += 1,
                503 => results.successes = None,
                _ => {}
            }
        }
        if !expected.contains(&status) || has_retry_after != (status == 503) {
            results.wrong.push(format!("{status} instead of {expected:?}: {text}"));
        }
        Some((status, serde_json::from_str(&text).unwrap_or_default()))
    }
}

impl Results {
    fn count(&self, state: Acknowledged) -> usize {
        self.tokens.values().filter(|each| **each == state).count()
    }

    pub(super) fn removed(&self) -> usize {
        self.count(Acknowledged::Removed)
    }

    pub(super) fn revoked(&self) -> usize {
        self.count(Acknowledged::Revoked)
    }

    /// Asserts that a restarted program agrees with all responses, and that no change was made partially or twice.
    pub(super) async fn assert_consistent(&self, program: &Program, database: &Database) {
        assert!(self.wrong.is_empty(), "{:#?}", self.wrong);
        let http = reqwest::Client::new();
        let mut rejected = 0;
        for (value, state) in &self.tokens {
            let verify = http.get(program.url("/verify?organization=acme")).bearer_auth(value).send().await.unwrap();
            let expected: &[u16] = match state {
                Acknowledged::Created => &[200],
                Acknowledged::Removed => &[403],
                Acknowledged::Revoked => &[401],
                Acknowledged::Unknown => &[200, 401, 403],
            };
            let status = verify.status().as_u16();
            assert!(expected.contains(&status), "{state:?} and {status}");
            rejected += usize::from(status == 401);
        }
        // Each token has an event and each event a token; each removal has an event and an email.
        let [created, removed, revoked] = event_counts(&http, program).await;
        assert!(
            (self.tokens.len()..=self.tokens.len() + self.unknown).contains(&created),
            "{created} created: {self:?}"
        );
        assert!(
            (self.removed()..=self.removed() + self.count(Acknowledged::Unknown)).contains(&removed),
            "{removed} removed"
        );
        assert_eq!(revoked, rejected);
        let in_two_days = Clock::machine().now().plus(Duration::from_hours(48));
        let store = Store::connect(&database.target()).await.unwrap();
        let emails = store.maintenance().lease_emails(in_two_days, Duration::from_secs(1), 100_000).await.unwrap();
        assert_eq!(emails.len(), removed, "each removal has an event and an email");
        store.close().await;
        let counts = "select (select count(*) from tokens) - (select count(*) from grants), \
                      (select count(*) from tokens) - (select count(*) from events where type = 'token_created'), \
                      (select number from event_head) - (select count(*) from events), \
                      (select count(*) from (select 1 from events where token_id is not null group by token_id, type \
                       having count(*) > 1) as twice)";
        assert!(database.query(counts).is_none_or(|counts| counts == "0|0|0|0"), "{:?}", database.query(counts));
    }
}

async fn event_counts(http: &reqwest::Client, program: &Program) -> [usize; 3] {
    let query = "{ organization(slug: \"acme\") { \
                 created: auditEvents(filter: { types: [TOKEN_CREATED] }) { totalCount } \
                 removed: auditEvents(filter: { types: [TOKEN_ORGANIZATION_REMOVED] }) { totalCount } \
                 revoked: auditEvents(filter: { types: [TOKEN_REVOKED] }) { totalCount } } }";
    let request = http.post(program.url("/graphql")).bearer_auth(program.jwt("ada")).json(&json!({ "query": query }));
    let events: Value = request.send().await.unwrap().json().await.unwrap();
    ["created", "removed", "revoked"].map(|name| {
        let count = events["data"]["organization"][name]["totalCount"].as_u64();
        usize::try_from(count.unwrap_or_else(|| panic!("{events}"))).unwrap()
    })
}
