//! Checks that metrics are well-formed, count what happens, and identify no user.

#![allow(clippy::float_cmp, reason = "counts are integers, which doubles represent exactly")]

use crate::{
    program::Program,
    world::{
        World,
        client::{Reply, read},
        database::Database,
        port,
        smtp_server::{Encryption, SmtpServer},
    },
};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};
use tokenward::testing::{domain::secret::Secret, http, mail::SEND_TIMEOUT};
use tokio_util::sync::CancellationToken;

/// One scrape: each series with its labels, as written, and its value.
struct Scrape {
    text: String,
    series: BTreeMap<String, f64>,
}

impl Scrape {
    /// Returns the value of a series that must exist.
    fn of(&self, name: &str) -> f64 {
        *self.series.get(name).unwrap_or_else(|| panic!("missing series {name} in {}", self.text))
    }

    /// Reads the text format of Prometheus and rejects everything that is not allowed there.
    fn read(text: &str) -> Result<Self, String> {
        let (mut series, mut helped, mut kinds) = (BTreeMap::new(), BTreeSet::new(), BTreeMap::new());
        if !text.ends_with('\n') {
            return Err("the last line does not end".into());
        }
        for line in text.lines() {
            if let Some(rest) = line.strip_prefix("# HELP ") {
                let (name, help) = rest.split_once(' ').ok_or(format!("no help: {line}"))?;
                if help.trim().is_empty() || !helped.insert(name.to_owned()) {
                    return Err(format!("no help, or twice: {line}"));
                }
            } else if let Some(rest) = line.strip_prefix("# TYPE ") {
                let (name, kind) = rest.split_once(' ').ok_or(format!("no type: {line}"))?;
                if !["counter", "gauge", "histogram"].contains(&kind) {
                    return Err(format!("an unknown type: {line}"));
                }
                if kind == "counter" && !name.ends_with("_total") || kinds.insert(name.to_owned(), kind).is_some() {
                    return Err(format!("a counter without _total, or twice: {line}"));
                }
            } else {
                let (named, value) = line.rsplit_once(' ').ok_or(format!("no value: {line}"))?;
                let value: f64 = value.parse().map_err(|_| format!("no number: {line}"))?;
                let (name, labels) = named.split_once('{').unwrap_or((named, "}"));
                are_valid_labels(labels).ok_or(format!("bad labels: {line}"))?;
                let family = ["_bucket", "_sum", "_count"]
                    .iter()
                    .find_map(|end| name.strip_suffix(end).filter(|family| kinds.get(*family) == Some(&"histogram")));
                let family = family.unwrap_or(name);
                let good = |ch: char| ch.is_ascii_alphanumeric() || ch == '_';
                if !name.chars().all(good) || !kinds.contains_key(family) || !helped.contains(family) {
                    return Err(format!("a bad name, or one without HELP and TYPE: {line}"));
                }
                if series.insert(named.to_owned(), value).is_some() {
                    return Err(format!("twice: {line}"));
                }
            }
        }
        Ok(Self { text: text.to_owned(), series })
    }
}

/// `name="value",…}` with values that need no escaping.
fn are_valid_labels(labels: &str) -> Option<()> {
    let inside = labels.strip_suffix('}')?;
    for label in inside.split(',').filter(|label| !label.is_empty()) {
        let (name, value) = label.split_once('=')?;
        let value = value.strip_prefix('"')?.strip_suffix('"')?;
        let named = name.chars().all(|ch| ch.is_ascii_lowercase() || ch == '_');
        (named && !value.contains(['"', '\\', '\n'])).then_some(())?;
    }
    Some(())
}

#[test]
fn malformed_metrics_are_detected() {
    let good = "# HELP a_total Help.\n# TYPE a_total counter\na_total{b=\"c\"} 1\n";
    assert_eq!(Scrape::read(good).map(|scrape| scrape.series.len()), Ok(1));
    for bad in [
        "a_total 1\n",
        "# TYPE a_total counter\na_total 1\n",
        "# HELP a Help.\n# TYPE a counter\na 1\n",
        &good.replace("} 1", "} one"),
        &good.replace("\"c\"", "c"),
        &good.replace("\"c\"", "\"c\"d\""),
        &format!("{good}a_total{{b=\"c\"}} 2\n"),
        &format!("{good}{good}"),
        good.trim_end(),
    ] {
        assert!(Scrape::read(bad).is_err(), "{bad}");
    }
}

impl World {
    /// Serves metrics on a separate port, as `serve` does, and returns the address.
    async fn watched(&self) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (tasks, service) = (self.app.tasks().clone(), http::metrics(&self.app));
        self.app.tasks().spawn(http::serve(listener, service, tasks, CancellationToken::new()));
        format!("http://{address}")
    }

    async fn scrape(&self, address: &str) -> Scrape {
        let reply = read(self.http.get(format!("{address}/metrics"))).await;
        assert_eq!((reply.status.as_u16(), reply.header("cache-control")), (200, "no-store"));
        assert_eq!(reply.header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
        Scrape::read(&reply.text).unwrap_or_else(|why| panic!("{why}"))
    }
}

both!(
    async fn requests_checks_and_changes_are_counted_once(world: World) {
        let address = world.watched().await;
        let (ada, bob) = (world.admin("ada", &["acme"]).await, world.member("bob", &["acme"]).await);
        let acme = world.organization_id("acme").await;
        let token = bob.create_token("deploy", &["acme"], &["read_builds"]).await;
        let holder = world.bearer(&token.value);
        let mut unknown = token.value.clone();
        unknown.replace_range(5..6, if unknown.as_bytes()[5] == b'a' { "b" } else { "a" });
        let before = world.scrape(&address).await;
        assert_eq!(holder.verify("organization=acme&scope=read_builds").await.status, 200);
        assert_eq!(holder.verify("organization=globex").await.status, 403);
        assert_eq!(holder.verify("scope=graphql").await.status, 403);
        assert_eq!(holder.get("/verify/v1/builds").await.status, 200);
        assert_eq!(world.bearer(&unknown).verify("").await.status, 401);
        assert_eq!(world.bearer("nonsense").verify("").await.status, 401);
        assert_eq!(world.anonymous().get("/no/such/path").await.status, 404);
        assert_eq!(ada.remove_organization(&token.id, &acme, None).await.code(), "OK");
        assert_eq!(bob.revoke_token(&token.id).await.code(), "OK");
        assert_eq!(holder.verify("").await.status, 401);
        world.emails(1).await;
        let after = world.scrape(&address).await;
        let increase = |name: &str| after.of(name) - before.series.get(name).copied().unwrap_or_default();
        for (result, count) in [
            ("allowed", 2.0),
            ("organization_not_granted", 1.0),
            ("insufficient_scope", 1.0),
            ("malformed", 2.0),
            ("unknown", 0.0),
            ("revoked", 1.0),
            ("expired", 0.0),
            ("owner_disabled", 0.0),
            ("unavailable", 0.0),
        ] {
            assert_eq!(increase(&format!("tokenward_checks_total{{result=\"{result}\"}}")), count, "{result}");
        }
        for (route, status, count) in
            [("/verify", "2xx", 2.0), ("/verify", "4xx", 5.0), ("none", "4xx", 1.0), ("/graphql", "2xx", 2.0)]
        {
            let name = format!("tokenward_requests_total{{route=\"{route}\",status=\"{status}\"}}");
            assert_eq!(increase(&name), count, "{name}");
        }
        assert_eq!(increase("tokenward_request_duration_seconds_count{route=\"/verify\"}"), 7.0);
        assert_eq!(increase("tokenward_request_duration_seconds_bucket{route=\"/verify\",le=\"+Inf\"}"), 7.0);
        assert_eq!(increase("tokenward_changes_total{event=\"token_organization_removed\"}"), 1.0);
        assert_eq!(increase("tokenward_changes_total{event=\"token_revoked\"}"), 1.0);
        assert_eq!(increase("tokenward_changes_total{event=\"token_created\"}"), 0.0);
        assert!(increase("tokenward_store_statements_total") >= 10.0);
        assert_eq!(after.of("tokenward_store_up"), 1.0);
        let now = world.now().micros() / 1_000_000;
        let started = after.of("process_start_time_seconds");
        assert!((0.0..600.0).contains(&(f64::from(u32::try_from(now).unwrap()) - started)), "{started}");
    }
);

both!(
    ///
    async fn throttled_guesses_are_counted(world: World) {
        let address = world.watched().await;
        for number in 0..61 {
            let value = Secret::generate(world.app.prefix()).unwrap().reveal_once();
            let status = world.bearer(&value).get("/v2/access-token").await.status.as_u16();
            assert_eq!(status, if number < 60 { 401 } else { 429 });
        }
        let scrape = world.scrape(&address).await;
        assert_eq!(scrape.of("tokenward_throttle_refusals_total"), 1.0);
        assert_eq!(scrape.of("tokenward_checks_total{result=\"unknown\"}"), 60.0);
    }
);

both!(
    /// metrics show emails that cannot be sent.
    async fn pending_emails_and_their_failures_are_counted(database: Database) {
        let server = SmtpServer::start(Encryption::Plain).await;
        let url = server.url("smtp://", "tls=required");
        let world = World::with_smtp_server(database, &url, SEND_TIMEOUT).await;
        let address = world.watched().await;
        let (ada, bob) = (world.admin("ada", &["acme"]).await, world.member("bob", &["acme"]).await);
        let acme = world.organization_id("acme").await;
        let calm = world.scrape(&address).await;
        for (name, value) in [
            ("tokenward_emails_pending", 0.0),
            ("tokenward_emails_abandoned", 0.0),
            ("tokenward_oldest_pending_email_age_seconds", 0.0),
            ("tokenward_email_failures_total{cause=\"encryption\"}", 0.0),
        ] {
            assert_eq!(calm.of(name), value, "{name}");
        }
        let token = bob.create_token("deploy", &["acme"], &["read_builds"]).await;
        assert_eq!(ada.remove_organization(&token.id, &acme, None).await.code(), "OK");
        let start = Instant::now();
        let troubled = loop {
            let scrape = world.scrape(&address).await;
            if scrape.of("tokenward_email_failures_total{cause=\"encryption\"}") >= 1.0 {
                break scrape;
            }
            assert!(start.elapsed() < Duration::from_secs(30), "{}", scrape.text);
            tokio::time::sleep(Duration::from_millis(50)).await;
        };
        assert_eq!(troubled.of("tokenward_emails_pending"), 1.0);
        assert_eq!(troubled.of("tokenward_emails_sent_total"), 0.0);
        world.advance(Duration::from_mins(10));
        assert!(world.scrape(&address).await.of("tokenward_oldest_pending_email_age_seconds") >= 600.0);
        assert_eq!((server.count("MAIL"), server.stored().len()), (0, 0));
    }
);

both!(
    async fn scrape_works_without_the_database(world: World) {
        let address = world.watched().await;
        world.app.store().clone().close().await;
        let scrape = world.scrape(&address).await;
        assert_eq!(scrape.of("tokenward_store_up"), 0.0);
        assert!(!scrape.text.contains("tokenward_emails_pending"), "a count of pending emails without a database");
        assert_eq!(world.anonymous().get("/readyz").await.status, 503);
        let scrape = world.scrape(&address).await;
        assert!(scrape.of("tokenward_requests_total{route=\"/readyz\",status=\"5xx\"}") >= 1.0);
        assert!(scrape.of("tokenward_store_failures_total{kind=\"unavailable\"}") >= 1.0);
    }
);

both!(
    ///
    async fn metrics_are_on_a_separate_address_and_name_no_user(database: Database) {
        let listen = port::free().to_string();
        let program = Program::over(&database, &[("metrics.listen", &*listen), ("log.format", "json")]);
        program.add_organization("acme-widgets", &["ada", "bob"]);
        let arguments = ["token", "create", "--owner", "bob", "--organization", "acme-widgets", "--scope", "graphql"];
        let token = program.run(&arguments);
        let (mut serving, _) = program.serve().await;
        let http = reqwest::Client::new();
        let get = async |url: String, credential: &str| -> Reply {
            read(http.get(url).bearer_auth(credential).header("user-agent", credential)).await
        };
        for path in ["/verify", &format!("/verify/{token}"), &format!("/{token}"), "/v2/access-token", "/healthz"] {
            for credential in [&*token, &program.jwt("bob"), "nonsense"] {
                get(program.url(path), credential).await;
            }
        }
        assert_eq!(get(program.url("/metrics"), &token).await.status, 404);
        let at = |path: &str| format!("http://{listen}{path}");
        for path in ["/", "/graphql", "/healthz", "/verify", "/metrics/x"] {
            assert_eq!(get(at(path), &token).await.status, 404, "{path}");
        }
        let posted = read(http.post(at("/metrics"))).await;
        assert_eq!((posted.status.as_u16(), posted.header("allow")), (405, "GET, HEAD"));
        let text = get(at("/metrics"), &token).await.text;
        let scrape = Scrape::read(&text).unwrap_or_else(|why| panic!("{why}"));
        assert!(scrape.of("tokenward_requests_total{route=\"none\",status=\"4xx\"}") >= 3.0);
        let version = env!("CARGO_PKG_VERSION");
        assert_eq!(scrape.of(&format!("tokenward_build_info{{version=\"{version}\"}}")), 1.0);
        let print = token.get(4..16).unwrap();
        for word in [print, "acme", "ada", "bob", "example", "127.0.0.1", "nonsense", "token_0", "user_0"] {
            assert!(!text.contains(word), "{word} is in {text}");
        }
        // The number of series does not depend on the clients, only on the routes and status classes so far.
        assert!(scrape.series.len() < 200, "{} series", scrape.series.len());
        assert!(program.logged().contains(&format!("\"listen\":\"{listen}\"")), "{}", program.logged());
        serving.terminate();
        assert_eq!(serving.exit_status(Duration::from_secs(10)).await.code(), Some(0));
    }
);
