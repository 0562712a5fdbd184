//! What are clients told while something fails, and is it true afterwards?

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
use tokenward::{app::Clock, store::Store};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

const CREATE: &str = "mutation($input: CreateTokenInput!) { createToken(input: $input) { value token { id } } }";
const REMOVE: &str = "mutation($input: RemoveOrganizationFromTokenInput!) { removeOrganizationFromToken(input: $input) \
                      { grant { id } } }";

/// What was said of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    Made,
    Removed,
    Revoked,
    /// A removal or revocation was asked for, and nobody knows what became of it.
    Unknown,
}

/// All that the clients were told.
#[derive(Debug, Default)]
pub(super) struct Heard {
    pub(super) told: HashMap<String, Told>,
    /// So many tokens may have been made that nobody was told of.
    pub(super) unknown: usize,
    pub(super) statuses: BTreeMap<u16, usize>,
    /// Of the requests that were made since somebody asked for the statuses.
    pub(super) slowest: Duration,
    /// How many of these were answered well in a row, and since when.
    well: Option<(Instant, usize)>,
    since: Option<Instant>,
    /// What nobody may ever be told.
    pub(super) wrong: Vec<String>,
}

/// A program with people, over a database that it reaches at this address.
pub(super) fn program(database: &Database, url: &str) -> Program {
    // Nobody answers there, so that every letter stays in the outbox.
    let direct = Program::over(database, &[]);
    direct.people("acme", &["ada", "bob"]);
    let mail = ("mail.url", "smtp://127.0.0.1:1?tls=none");
    Program::over(database, &[mail, ("log.level", "warn"), ("database.url", url)])
}

/// Clients that write as fast as they are answered, and others that ask about one token that is good.
pub(super) struct Load {
    stop: CancellationToken,
    heard: Arc<Mutex<Heard>>,
    clients: JoinSet<()>,
}

impl Load {
    /// So many writers, and as many readers.
    pub(super) async fn start(program: &Program, writers: usize) -> Self {
        let good =
            program.run(&["token", "create", "--owner", "bob", "--organization", "acme", "--scope", "read_builds"]);
        let (stop, heard) = (CancellationToken::new(), Arc::<Mutex<Heard>>::default());
        let http = reqwest::Client::builder().timeout(Duration::from_secs(20)).build().unwrap();
        let mut client = Client {
            http,
            base: program.url(""),
            ada: program.jwt("ada"),
            bob: program.jwt("bob"),
            acme: String::new(),
            good,
            stop: stop.clone(),
            heard: Arc::clone(&heard),
        };
        let (_, acme) =
            client.graphql(&client.ada, "{ organization(slug: \"acme\") { id } }", json!({})).await.unwrap();
        acme["data"]["organization"]["id"].as_str().unwrap().clone_into(&mut client.acme);
        let mut clients = JoinSet::new();
        for writer in 0..writers {
            clients.spawn(client.clone().write(writer));
            clients.spawn(client.clone().read());
        }
        heard.lock().unwrap().told.insert(client.good, Told::Made);
        Self { stop, heard, clients }
    }

    /// What those were told who asked since the last time that somebody called this.
    pub(super) fn statuses(&self) -> BTreeMap<u16, usize> {
        let mut heard = self.heard.lock().unwrap();
        (heard.since, heard.slowest, heard.well) = (Some(Instant::now()), Duration::ZERO, None);
        std::mem::take(&mut heard.statuses)
    }

    /// The same, once so many were answered.
    pub(super) async fn statuses_of(&self, count: usize) -> BTreeMap<u16, usize> {
        let start = Instant::now();
        while self.heard.lock().unwrap().statuses.values().sum::<usize>() < count {
            assert!(start.elapsed() < Duration::from_secs(30), "nobody is answered");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        self.statuses()
    }

    /// How long the slowest answer took to a request that was made since then.
    pub(super) fn slowest(&self) -> Duration {
        self.heard.lock().unwrap().slowest
    }

    /// Waits until so many tokens were made, and some of them taken away.
    pub(super) async fn until(&self, tokens: usize) {
        let start = Instant::now();
        loop {
            {
                let heard = self.heard.lock().unwrap();
                if heard.told.len() > tokens && heard.removed() > 0 && heard.revoked() > 0 {
                    return;
                }
            }
            assert!(start.elapsed() < Duration::from_secs(30), "the clients get nothing done");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Waits until only good answers come for a while, thirty of them at the least, and tells how long it took to the first
    /// of them.
    pub(super) async fn is_well_within(&self, limit: Duration) -> Duration {
        let (start, lateness) = (Instant::now(), Lateness::watched());
        self.statuses();
        loop {
            let well = self.heard.lock().unwrap().well;
            if let Some((since, 30..)) = well
                && since.elapsed() > Duration::from_millis(500)
            {
                return since.duration_since(start);
            }
            assert!(start.elapsed() < lateness.on_top_of(limit).await, "it is not well after {limit:?}");
        }
    }

    /// Ends the load; whoever waits for an answer gets it first.
    pub(super) async fn stop(self) -> Heard {
        self.stop.cancel();
        self.clients.join_all().await;
        std::mem::take(&mut *self.heard.lock().unwrap())
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
    heard: Arc<Mutex<Heard>>,
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
            let Some((200, made)) = self.graphql(&self.bob, CREATE, json!({ "input": input })).await else {
                self.heard.lock().unwrap().unknown += 1;
                continue;
            };
            let value = made["data"]["createToken"]["value"].as_str().unwrap().to_owned();
            let note = |what| self.heard.lock().unwrap().told.insert(value.clone(), what);
            note(Told::Made);
            if number % 3 == 0 {
                continue;
            }
            note(Told::Unknown);
            if number % 3 == 1 {
                let id = &made["data"]["createToken"]["token"]["id"];
                let input = json!({ "input": { "tokenId": id, "organizationId": self.acme } });
                if !matches!(self.graphql(&self.ada, REMOVE, input).await, Some((200, _))) {
                    continue;
                }
                note(Told::Removed);
            } else {
                let request = self.http.request(Method::DELETE, format!("{}/v2/access-token", self.base));
                if !matches!(self.send(request.bearer_auth(&value), &[204, 503]).await, Some((204, _))) {
                    continue;
                }
                note(Told::Revoked);
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
        let answer = self.send(request, &[200, 503]).await;
        if let Some((status, body)) = &answer {
            let code = &body["errors"][0]["extensions"]["code"];
            let fits = match status {
                200 => body["errors"].is_null(),
                _ => body["data"].is_null() && code == "UNAVAILABLE",
            };
            if !fits {
                self.heard.lock().unwrap().wrong.push(format!("{status} {body}"));
            }
        }
        answer
    }

    /// Sends, and notes what nobody may be told.
    async fn send(&self, request: RequestBuilder, expected: &[u16]) -> Option<(u16, Value)> {
        let start = Instant::now();
        let Ok(answer) = request.send().await else {
            // Nobody is there; a moment later somebody may be.
            tokio::time::sleep(Duration::from_millis(20)).await;
            return None;
        };
        let (status, later) = (answer.status().as_u16(), answer.headers().contains_key("retry-after"));
        let text = answer.text().await.ok()?;
        let mut heard = self.heard.lock().unwrap();
        // Who was held up may have been told something before.
        if heard.since.is_none_or(|since| start >= since) {
            *heard.statuses.entry(status).or_default() += 1;
            heard.slowest = heard.slowest.max(start.elapsed());
            match status {
                200 => heard.well.get_or_insert((Instant::now(), 0)).1 += 1,
                503 => heard.well = None,
                _ => {}
            }
        }
        if !expected.contains(&status) || later != (status == 503) {
            heard.wrong.push(format!("{status} instead of {expected:?}: {text}"));
        }
        Some((status, serde_json::from_str(&text).unwrap_or_default()))
    }
}

impl Heard {
    fn count(&self, what: Told) -> usize {
        self.told.values().filter(|told| **told == what).count()
    }

    pub(super) fn removed(&self) -> usize {
        self.count(Told::Removed)
    }

    pub(super) fn revoked(&self) -> usize {
        self.count(Told::Revoked)
    }

    /// All of it is true, of a program that runs again, and nothing was done by half or twice.
    pub(super) async fn holds(&self, program: &Program, database: &Database) {
        assert!(self.wrong.is_empty(), "{:#?}", self.wrong);
        let http = reqwest::Client::new();
        let mut gone = 0;
        for (value, told) in &self.told {
            let verify = http.get(program.url("/verify?organization=acme")).bearer_auth(value).send().await.unwrap();
            let expected: &[u16] = match told {
                Told::Made => &[200],
                Told::Removed => &[403],
                Told::Revoked => &[401],
                Told::Unknown => &[200, 401, 403],
            };
            let status = verify.status().as_u16();
            assert!(expected.contains(&status), "{told:?} and {status}");
            gone += usize::from(status == 401);
        }
        // Each token has its event, each event its token; each removal its event and its letter.
        let [made, removed, revoked] = counted(&http, program).await;
        assert!((self.told.len()..=self.told.len() + self.unknown).contains(&made), "{made} made: {self:?}");
        assert!((self.removed()..=self.removed() + self.count(Told::Unknown)).contains(&removed), "{removed} removed");
        assert_eq!(revoked, gone);
        let later = Clock::machine().now().plus(Duration::from_hours(48));
        let store = Store::connect(&database.target()).await.unwrap();
        let letters = store.upkeep().lease_emails(later, Duration::from_secs(1), 100_000).await.unwrap();
        assert_eq!(letters.len(), removed, "a removal is its event and its letter");
        store.close().await;
        let counts = "select (select count(*) from tokens) - (select count(*) from grants), \
                      (select count(*) from tokens) - (select count(*) from events where type = 'token_created'), \
                      (select number from event_head) - (select count(*) from events), \
                      (select count(*) from (select 1 from events where token_id is not null group by token_id, type \
                       having count(*) > 1) as twice)";
        assert!(database.query(counts).is_none_or(|counts| counts == "0|0|0|0"), "{:?}", database.query(counts));
    }
}

async fn counted(http: &reqwest::Client, program: &Program) -> [usize; 3] {
    let query = "{ organization(slug: \"acme\") { \
                 made: auditEvents(filter: { types: [TOKEN_CREATED] }) { totalCount } \
                 removed: auditEvents(filter: { types: [TOKEN_ORGANIZATION_REMOVED] }) { totalCount } \
                 revoked: auditEvents(filter: { types: [TOKEN_REVOKED] }) { totalCount } } }";
    let request = http.post(program.url("/graphql")).bearer_auth(program.jwt("ada")).json(&json!({ "query": query }));
    let events: Value = request.send().await.unwrap().json().await.unwrap();
    ["made", "removed", "revoked"].map(|name| {
        let count = events["data"]["organization"][name]["totalCount"].as_u64();
        usize::try_from(count.unwrap_or_else(|| panic!("{events}"))).unwrap()
    })
}
