//! Checks that no secret gets into the log, the metrics, the emails or the database.

use crate::{
    program::{JWT_SECRET, Program},
    world::{PASSWORD, World, database::Database, database::Kind, port, temp_files::output_of},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

/// A client of a child process.
struct Caller<'program> {
    program: &'program Program,
    http: reqwest::Client,
}

impl Caller<'_> {
    async fn graphql(&self, credential: &str, body: &Value) -> Value {
        let request = self.http.post(self.program.url("/graphql")).bearer_auth(credential).json(body);
        request.send().await.unwrap().json().await.unwrap()
    }

    async fn get(&self, credential: &str, path: &str, headers: &[(&str, &str)]) -> u16 {
        let mut request = self.http.get(self.program.url(path));
        if !credential.is_empty() {
            request = request.bearer_auth(credential);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.send().await.unwrap().status().as_u16()
    }

    async fn introspect(&self, id: &str, secret: &str, token: &str, agent: &str) -> Value {
        let fields = [("token", token), ("user_agent", agent), ("path", token)];
        let body: String = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let request = self.http.post(self.program.url("/oauth/introspect")).basic_auth(id, Some(secret));
        let request = request.header("content-type", "application/x-www-form-urlencoded").body(body);
        request.send().await.unwrap().json().await.unwrap()
    }
}

const CREATE: &str = "mutation($input: CreateTokenInput!) { createToken(input: $input) { value token { id } } }";
const NASTY: &str = "curl\r\n{\"level\":\"ERROR\",\"message\":\"owned\"}\n\u{1b}[2J\u{202e}";

/// Runs the whole life of a token at a service that logs everything, with its value in every wrong place as well. Returns all
/// secrets.
async fn story(database: &Database, format: &str) -> (Program, Vec<String>) {
    let watched = port::free().to_string();
    let settings = [
        ("log.level", "trace"),
        ("log.format", format),
        ("proxy.trusted", "127.0.0.1/32"),
        ("metrics.listen", &watched),
    ];
    let program = Program::over(database, &settings);
    program.add_organization("acme", &["ada", "bob"]);
    let credentials = program.run(&["resource-server", "add", "api"]);
    let value_of = |key: &str| credentials.lines().find_map(|line| line.strip_prefix(key)).unwrap().to_owned();
    let (id, secret) = (value_of("client_id="), value_of("client_secret="));
    let by_command_line =
        program.run(&["token", "create", "--owner", "bob", "--organization", "acme", "--scope", "graphql"]);
    let (mut serving, _) = program.serve().await;
    let caller = Caller { program: &program, http: reqwest::Client::new() };
    let (ada, bob) = (program.jwt("ada"), program.jwt("bob"));
    let acme = caller.graphql(&bob, &json!({ "query": "{ organization(slug: \"acme\") { id } }" })).await;
    let acme = acme["data"]["organization"]["id"].as_str().unwrap().to_owned();
    let input = json!({ "description": "deploy", "organizationIds": [acme], "scopes": ["graphql", "read_builds"] });
    let created = caller.graphql(&bob, &json!({ "query": CREATE, "variables": { "input": input } })).await;
    let created = &created["data"]["createToken"];
    let (token, token_id) = (created["value"].as_str().unwrap().to_owned(), created["token"]["id"].as_str().unwrap());

    // Where the value belongs.
    assert_eq!(caller.get(&token, "/verify?scope=read_builds&organization=acme", &[]).await, 200);
    assert_eq!(caller.get(&token, "/v2/access-token", &[]).await, 200);
    assert_eq!(caller.introspect(&id, &secret, &token, NASTY).await["active"], true);
    assert_eq!(caller.introspect(&id, "wrong", &token, NASTY).await["error"], "invalid_client");
    let audit = "query($f: TokenFilter) { organization(slug: \"acme\") { tokenGrants(filter: $f) { totalCount } } }";
    let found = caller.graphql(&ada, &json!({ "query": audit, "variables": { "f": { "token": token } } })).await;
    assert_eq!(found["data"]["organization"]["tokenGrants"]["totalCount"], 1);
    let found = caller.graphql(&ada, &json!({ "query": audit, "variables": { "f": { "query": token } } })).await;
    assert_eq!(found["data"]["organization"]["tokenGrants"]["totalCount"], 1);

    // Where it does not belong.
    for path in [
        format!("/{token}"),
        format!("/verify/{token}/x"),
        format!("/verify/{}/x", token.replace('_', "%5F")),
        format!("/verify-for/*/*/{}", token.replace('_', "%255f")),
        format!("/{}", token.replace("twd_", "TWD%EF%BC%BF")),
        format!("/{}%E2%80%8B{}", &token[..9], &token[9..]),
        format!("/verify?access_token={token}&scope={token}"),
        format!("/verify?organization={token}"),
        format!("/graphql?query=%7Bviewer%7Bid%7D%7D&variables=%7B%22t%22%3A%22{token}%22%7D"),
        format!("/v2/access-token?access_token={token}"),
    ] {
        let wrong = [("user-agent", &*token), ("referer", &token), ("x-forwarded-uri", &path), ("cookie", &token)];
        for credential in [&*token, &ada, ""] {
            caller.get(credential, &path, &wrong).await;
        }
        let ids = [("x-request-id", &*token), ("x-forwarded-for", &token), ("x-forwarded-method", &token)];
        caller.get(&token, &path, &ids).await;
        let method = reqwest::Method::from_bytes(token.as_bytes()).unwrap();
        caller.http.request(method, program.url(&path)).send().await.unwrap();
        for scheme in ["Basic ", "Token ", "", "Bearer Bearer ", "bearer x"] {
            let header = format!("{scheme}{token}");
            caller.get("", "/v2/access-token", &[("authorization", &*header), ("x-token", &token)]).await;
        }
    }
    for body in [
        json!({ "query": format!("{{ viewer(token: \"{token}\") {{ id }} }}") }),
        json!({ "query": format!("{{ {token} }}") }),
        json!({ "query": format!("query {token} {{ viewer {{ id }} }}"), "operationName": token }),
        json!({ "query": format!("{{ viewer {{ id }} \"{token}\"") }),
        json!({ "query": "query($id: ID!) { token(id: $id) { id } }", "variables": { "id": token } }),
        json!({ "query": "query($id: Int!) { token(id: $id) { id } }", "variables": { "id": token } }),
        json!({ "query": CREATE, "variables": { "input": token } }),
        json!({ "query": format!("{{ organization(slug: \"{token}\") {{ id }} }}"), "extensions": { "x": token } }),
        json!({ "query": CREATE, "variables": { "input": {
            "description": format!("for {NASTY}"), "organizationIds": [token], "scopes": [token] } } }),
    ] {
        caller.graphql(&bob, &body).await;
        caller.graphql(&token, &body).await;
    }
    let signed_in = sign_in(&caller, &token).await;
    let remove = "mutation($input: RemoveOrganizationFromTokenInput!) { removeOrganizationFromToken(input: $input) { grant { id } } }";
    let input = json!({ "tokenId": token_id, "organizationId": acme, "reason": "it was in a log" });
    let removed = caller.graphql(&ada, &json!({ "query": remove, "variables": { "input": input } })).await;
    assert!(removed["errors"].is_null(), "{removed}");
    let gone = caller.http.delete(program.url("/v2/access-token")).bearer_auth(&token).send().await.unwrap();
    assert_eq!(gone.status(), 204);
    let metrics = caller.http.get(format!("http://{watched}/metrics")).send().await.unwrap().text().await.unwrap();
    fs::write(metrics_of(database), metrics).unwrap();
    let start = Instant::now();
    while !has_email(&files(database.folder())) {
        assert!(start.elapsed() < Duration::from_secs(30), "no email: {}", program.logged());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    serving.terminate();
    assert!(serving.exit_status(Duration::from_secs(30)).await.success());

    let mut secrets = vec![token, by_command_line, secret, ada, bob, JWT_SECRET.to_owned()];
    secrets.extend(signed_in);
    // The password of the database, as in its URL.
    let password = database.url().split_once("://").unwrap().1.split_once('@').map(|(user, _)| user.split_once(':'));
    secrets.extend(password.flatten().map(|(_, password)| password.to_owned()));
    (program, secrets)
}

/// Accepts an invitation, signs in and out, and makes each of these requests wrongly as well. Returns all secrets.
async fn sign_in(caller: &Caller<'_>, token: &str) -> Vec<String> {
    let (program, password) = (caller.program, "plover gantry ounce misfit");
    let link = program.run(&["user", "invite", "bob"]);
    let code = link.rsplit('/').next().unwrap().to_owned();
    let mut secrets = vec![code.clone(), password.to_owned()];
    let mut cookie = String::new();
    let confirmed = json!({ "password": password });
    let signed_in = json!({ "username": "bob", "password": password });
    // A password in the wrong field, and a token value.
    let wrong =
        [json!({ "username": password, "password": password }), json!({ "username": token, "password": token })];
    let bodies = [&wrong[0], &wrong[1], &json!({ "password": [password] }), &confirmed, &signed_in];
    for path in [format!("/invitations/{code}"), "/session".into(), "/session/confirm".into()] {
        for body in bodies {
            for console in ["1", password] {
                let request = caller.http.post(program.url(&path)).header("x-tokenward-console", console);
                let request = request
                    .header("cookie", &cookie)
                    .header("user-agent", NASTY.replace(['\r', '\n', '\u{1b}', '\u{202e}'], ""));
                let reply = request.json(body).send().await.unwrap();
                if let Some(cookie_header) = reply.headers().get("set-cookie") {
                    cookie_header.to_str().unwrap().split(';').next().unwrap().clone_into(&mut cookie);
                    secrets.push(cookie.split_once('=').unwrap().1.to_owned());
                }
            }
        }
    }
    assert!(secrets.len() >= 5, "no request was authenticated");
    for path in [
        "/graphql",
        &*format!("/invitations/{code}/x"),
        &format!("/invitations/{code}?first"),
        &format!("//invitations/{code}"),
        &format!("/INVITATIONS/{code}"),
        &format!("/%69nvitations/{code}"),
        &format!("/invitations%2F{code}"),
        &format!("/x%2f%2e%2e/%49nvitations;a/%{:02x}{}", code.as_bytes()[0], &code[1..]),
        &format!("/verify/invitations/{code}"),
        "/metrics",
    ] {
        caller.http.get(program.url(path)).header("cookie", &cookie).send().await.unwrap();
    }
    let request =
        caller.http.post(program.url("/graphql")).header("cookie", &cookie).header("x-tokenward-console", "1");
    let change = "mutation { changePassword(input: { newPassword: \"another plover gantry ounce\" }) { user { id } } }";
    let reply: Value = request.json(&json!({ "query": change })).send().await.unwrap().json().await.unwrap();
    assert!(reply["errors"].is_null(), "{reply}");
    secrets.push("another plover gantry ounce".into());
    secrets
}

/// The file to which the story writes the metrics at its end.
fn metrics_of(database: &Database) -> PathBuf {
    database.folder().join("metrics")
}

/// Returns parts of a secret, so that an insufficiently shortened or redacted secret is found as well.
fn fragments(secret: &str) -> Vec<String> {
    let signature = secret.rsplit('.').next().unwrap_or(secret);
    let middle = &signature[signature.len() / 3..signature.len() / 3 + 12];
    vec![middle.to_owned(), STANDARD.encode(secret)[..16].to_owned()]
}

both!(
    ///
    async fn human_log_at_trace_contains_no_secret(database: Database) {
        no_secret_in_the_log(&database, "human").await;
    }
);

both!(
    ///
    async fn json_log_at_trace_contains_no_secret(database: Database) {
        let log = no_secret_in_the_log(&database, "json").await;
        for line in log.lines() {
            let event: Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("not JSON: {line}"));
            assert!(event["level"].is_string() && event["message"] != "owned", "{line}");
        }
    }
);

async fn no_secret_in_the_log(database: &Database, format: &str) -> String {
    let (program, secrets) = story(database, format).await;
    let kept = files(database.folder());
    assert!(has_email(&kept), "no email: {kept:?}");
    for file in &kept {
        let bytes = fs::read(file).unwrap();
        let found = secrets.iter().find(|secret| spellings(secret).iter().any(|one| contains(&bytes, one)));
        assert_eq!(found, None, "in {}", file.display());
    }
    let log = program.logged();
    assert!(log.contains("/v2/access-token") && log.contains("DEBUG"), "the log is too short: {log}");
    assert!(!log.contains('\u{1b}') && !log.contains('\u{202e}'));
    let metrics = fs::read_to_string(metrics_of(database)).unwrap();
    assert!(metrics.contains("tokenward_checks_total"), "there are no metrics: {metrics}");
    for secret in &secrets {
        for part in fragments(secret) {
            assert!(!metrics.contains(&part), "{secret} is in the metrics");
            let hit = log.lines().find(|line| line.contains(&part));
            assert_eq!(hit, None, "{secret} is in {}", program.log().display());
        }
    }
    log
}

///
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changed_value_is_rejected_without_a_statement() {
    let database = Database::fresh(Kind::Sqlite, "secrets").unwrap();
    let program = Program::over(&database, &[("log.level", "tokenward=debug"), ("log.format", "json")]);
    program.add_organization("acme", &["ada"]);
    let arguments = ["token", "create", "--owner", "ada", "--organization", "acme", "--scope", "graphql"];
    let token = program.run(&arguments);
    let (mut serving, _) = program.serve().await;
    let caller = Caller { program: &program, http: reqwest::Client::new() };
    let endpoints = ["/verify", "/v2/access-token", "/graphql?query=%7Bviewer%7Bid%7D%7D"];
    for place in 0..token.len() {
        let other = if token.as_bytes()[place] == b'a' { "b" } else { "a" };
        let mut changed = token.clone();
        changed.replace_range(place..=place, other);
        for (number, endpoint) in endpoints.iter().enumerate() {
            let id = format!("changed-{place}-{number}");
            assert_eq!(caller.get(&changed, endpoint, &[("x-request-id", &*id)]).await, 401, "{place} {endpoint}");
        }
    }
    assert_eq!(caller.get(&token, "/verify", &[("x-request-id", "as-it-is")]).await, 200);
    serving.terminate();
    assert!(serving.exit_status(Duration::from_secs(30)).await.success());
    let mut statements = std::collections::HashMap::new();
    for line in program.logged().lines() {
        let event: Value = serde_json::from_str(line).unwrap();
        if event["message"] == "request" {
            statements.insert(event["span"]["id"].as_str().unwrap().to_owned(), event["statements"].as_u64().unwrap());
        }
    }
    assert_eq!(statements["as-it-is"], 1, "a check is one statement");
    let changed: Vec<_> = statements.iter().filter(|(id, _)| id.starts_with("changed-")).collect();
    assert_eq!(changed.len(), token.len() * endpoints.len());
    assert!(changed.iter().all(|(_, count)| **count == 0), "{changed:?}");
}

fn has_email(files: &[PathBuf]) -> bool {
    files.iter().any(|file| file.extension().is_some_and(|end| end == "eml"))
}

/// All files below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat()
}

/// Returns a text as a file may contain it: plain, in hex, in Base64 at each of the three offsets, in UTF-16.
fn spellings(text: &str) -> Vec<Vec<u8>> {
    let hex = hex(text.as_bytes());
    let mut all = vec![text.as_bytes().to_vec(), hex.to_uppercase().into_bytes(), hex.into_bytes()];
    for shift in 0..3 {
        let encoded = STANDARD.encode(format!("{}{text}", "x".repeat(shift)));
        // The first and last characters depend on the neighbouring bytes.
        all.push(encoded.as_bytes()[4..encoded.len() - 4].to_vec());
    }
    all.push(text.encode_utf16().flat_map(u16::to_le_bytes).collect());
    all.push(text.encode_utf16().flat_map(u16::to_be_bytes).collect());
    all
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    let Some((first, rest)) = part.split_first() else { return true };
    let mut at = 0;
    while let Some(step) = bytes[at..].iter().position(|byte| byte == first) {
        at += step + 1;
        if bytes[at..].starts_with(rest) {
            return true;
        }
    }
    false
}

both!(
    /// R-03, P5
    async fn stolen_database_contains_only_fingerprints(database: Database) {
        let folder = database.folder().join("mail");
        let world = World::with(database, &[]).await;
        let (ada, bob) = (world.admin("ada", &["acme"]).await, world.member("bob", &["acme"]).await);
        let acme = world.organization_id("acme").await;
        let api = world.resource_server("api").await;
        let mut secrets = vec![api.client_secret.clone(), PASSWORD.to_owned()];
        let cookie = world.signed_in("ada").await.cookie.unwrap();
        secrets.push(cookie.split_once('=').unwrap().1.to_owned());
        let operator = tokenward::testing::domain::caller::Caller::command_line(world.now());
        let code = world
            .app
            .change(&operator, tokenward::testing::actions::InviteUser { username: "bob".into() })
            .await
            .unwrap();
        secrets.push(code.link_once("").rsplit('/').next().unwrap().to_owned());
        for number in 0..100 {
            let token = bob.create_token(&format!("number {number}"), &["acme"], &["read_builds"]).await;
            let path = format!("/verify/{}?x={}", token.value, token.value);
            let request = world.bearer(&token.value).request(reqwest::Method::GET, &path);
            assert_eq!(request.header("user-agent", &token.value).send().await.unwrap().status(), 200);
            if number < 5 {
                assert_eq!(ada.remove_organization(&token.id, &acme, Some("old")).await.code(), "OK");
            }
            secrets.push(token.value);
        }
        world.flush().await;
        fs::create_dir_all(&folder).unwrap();
        for (number, email) in world.emails(5).await.into_iter().enumerate() {
            let email = email.email;
            fs::write(folder.join(number.to_string()), email.subject + &email.text + &email.html).unwrap();
        }
        let mut all = Vec::new();
        if world.database.kind() == Kind::Postgres {
            let dump = output_of("pg_dump", &["--inserts", "-d", world.database.url()]);
            // `pg_dump` is installed with the server and its psql.
            let dump = dump.expect("pg_dump");
            assert!(dump.contains("number 99"), "the dump is empty");
            all.push(dump.into_bytes());
        }
        all.extend(files(world.database.folder()).iter().map(|file| fs::read(file).unwrap()));
        if world.database.kind() == Kind::Sqlite {
            let names: Vec<_> = files(world.database.folder());
            assert!(names.iter().any(|name| name.ends_with("tokenward.db-wal")), "{names:?}");
        }
        for secret in &secrets {
            for spelling in spellings(secret) {
                assert!(!all.iter().any(|bytes| contains(bytes, &spelling)), "{secret} as {spelling:?}");
            }
            if secret == PASSWORD {
                // Only the argon2 hash of a password is stored.
                continue;
            }
            let fingerprint = Sha256::digest(secret.as_bytes());
            let found =
                all.iter().any(|bytes| contains(bytes, &fingerprint) || contains(bytes, hex(&fingerprint).as_bytes()));
            assert!(found, "the search does not cover all stored data");
        }
    }
);
