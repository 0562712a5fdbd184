//! Counts the instructions of the most expensive requests, and of typical ones, under valgrind's callgrind.
//!
//! Unlike times, instruction counts are nearly equal on each machine and in each run. A process that handles a request several
//! times is compared with one that handles it once, so that the start of the process does not count.

#![allow(
    clippy::expect_used,
    clippy::format_collect,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "a measurement that fails stops with a message"
)]

use axum::{
    Router,
    body::{Body, to_bytes},
    http::{Method, Request, StatusCode, header},
};
use serde_json::{Value, json};
use std::{
    path::Path,
    process::{Command, ExitCode, Stdio},
    time::Duration,
};
use tokenward::testing::{
    actions::{AddUser, CreateOrganization},
    app::{App, Clock},
    config::Config,
    domain::caller::Caller,
    http::{self, UserClaims},
    store::{Identity, NewUser, Store},
};
use tower::ServiceExt as _;

const USAGE: &str = "\
Counts the instructions of requests and compares them with their budgets.

Usage: script/bench [OPTION] [NAME...]

Without a NAME it measures all requests. It fails if one exceeds its budget.

Options:
  --list      Print the names of all requests
  -h, --help  Print this help

Examples:
  script/bench                       measure all
  script/bench verify audit_page     measure two";

/// The number of organizations and of tokens.
const ROWS: usize = 100;
const ISSUER: &str = "https://app.example.test";

/// One kind of request that is measured.
struct Case {
    name: &'static str,
    /// The maximum number of instructions of one request, in millions.
    budget: u64,
    /// The number of further requests of the second process: more for cheap ones, so that variance of the start does not matter.
    times: u64,
    /// The code of the first error, or `OK`.
    code: &'static str,
    request: fn(&Data) -> Request<Body>,
}

/// The budgets are a third above the measured counts.
const CASES: &[Case] = &[
    Case { name: "verify", budget: 9, times: 50, code: "OK", request: verify },
    Case { name: "audit_page", budget: 115, times: 4, code: "OK", request: audit_page },
    Case { name: "nodes_100_ids", budget: 29, times: 4, code: "OK", request: nodes },
    Case { name: "aliases_100", budget: 26, times: 4, code: "OK", request: aliases },
    // Smaller than the largest accepted request: valgrind is slow, and the time limits apply under it as well.
    Case { name: "type_names_24000", budget: 260, times: 1, code: "OK", request: type_names },
    Case { name: "introspection_quarter", budget: 49, times: 1, code: "OK", request: introspection },
    Case { name: "plain_lists_quarter", budget: 1_000, times: 1, code: "OK", request: plain_lists },
    Case { name: "operations_2000", budget: 250, times: 1, code: "OK", request: operations },
    Case { name: "fragment_bomb", budget: 4, times: 20, code: "TOO_COMPLEX", request: fragment_bomb },
    Case { name: "brackets_60000", budget: 3, times: 20, code: "TOO_COMPLEX", request: brackets },
    Case { name: "variable_at_the_limit", budget: 16, times: 1, code: "INVALID_INPUT", request: large_variable },
];

/// The parts of the data that the requests use.
struct Data {
    jwt: String,
    value: String,
    token: String,
    organizations: Vec<String>,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match *arguments {
        ["--help" | "-h", ..] => {
            println!("{USAGE}");
            ExitCode::SUCCESS
        }
        ["--list", ..] => {
            for case in CASES {
                println!("{}", case.name);
            }
            ExitCode::SUCCESS
        }
        // With these arguments, this program runs itself under valgrind.
        ["--run", folder, name, times] => {
            let case = CASES.iter().find(|case| case.name == name).expect("a known name");
            in_runtime(run(Path::new(folder), case, times.parse().expect("a number")));
            ExitCode::SUCCESS
        }
        ref names => measure(names),
    }
}

fn in_runtime<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

fn measure(names: &[&str]) -> ExitCode {
    if let Some(unknown) = names.iter().find(|name| !CASES.iter().any(|case| case.name == **name)) {
        eprintln!("{unknown} is not the name of a request. --list prints all names.");
        return ExitCode::FAILURE;
    }
    let folder = tempfile::tempdir().unwrap();
    in_runtime(prepare(folder.path()));
    println!("{:<28} {:>14} {:>14}", "request", "instructions", "budget");
    let mut is_over = false;
    for case in CASES.iter().filter(|case| names.is_empty() || names.contains(&case.name)) {
        let (once, more) = (instructions(folder.path(), case, 1), instructions(folder.path(), case, 1 + case.times));
        let (each, budget) = (more.saturating_sub(once) / case.times, case.budget * 1_000_000);
        let mark = if each > budget { "  over its budget" } else { "" };
        println!("{:<28} {each:>14} {budget:>14}{mark}", case.name);
        is_over |= each > budget;
    }
    if is_over { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// Returns the instruction count of a process that handles a request `times` times.
fn instructions(folder: &Path, case: &Case, times: u64) -> u64 {
    let output = Command::new("valgrind")
        .arg("--tool=callgrind")
        .arg(format!("--callgrind-out-file={}", folder.join("callgrind.out").display()))
        .arg(std::env::current_exe().unwrap())
        .arg("--run")
        .arg(folder)
        .args([case.name, &times.to_string()])
        .stdin(Stdio::null())
        .output()
        .expect("valgrind is installed");
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{} failed under valgrind: {log}", case.name);
    let collected = log.lines().find_map(|line| line.split_once("Collected : ")).expect("valgrind counts");
    collected.1.trim().parse().unwrap()
}

/// Creates the service with the database in a folder, without jobs.
async fn service(folder: &Path) -> (App, Config, Router) {
    let flags = [
        ("data_dir", folder.to_str().unwrap()),
        ("auth.jwt.issuer", ISSUER),
        ("auth.jwt.audience", "tokenward"),
        ("auth.jwt.algorithms", "HS256"),
        ("auth.jwt.secret", "a secret that only this measurement knows"),
        ("token.max_changes_per_minute", "1000000"),
    ];
    let config = Config::load(None, [], &flags.map(|(key, value)| (key, value.to_owned()))).unwrap();
    let store = Store::connect(&config.database).await.unwrap();
    store.migrate(&config.token_prefix).await.unwrap();
    let app = App::new(store, &config, Clock::machine());
    let router = http::router(&app, &config).unwrap();
    (app, config, router)
}

fn jwt(app: &App, config: &Config) -> String {
    let claims = UserClaims { subject: "ada", username: "ada", name: "Ada Example", email: "ada@example.test" };
    http::sign(config.jwt.as_ref().unwrap(), &claims, app.now(), Duration::from_hours(1)).unwrap()
}

/// Creates the data: Ada administers 100 organizations; one of her tokens has access to all of them, 100 have access to the
/// first one.
async fn prepare(folder: &Path) {
    let (app, config, router) = service(folder).await;
    let operator = Caller::command_line(app.now());
    let identity = Some(Identity { issuer: ISSUER.into(), subject: "ada".into() });
    let email = Some("ada@example.test".into());
    let new = NewUser { username: "ada".into(), name: "Ada Example".into(), email, email_verified: true, identity };
    app.change(&operator, AddUser { new }).await.unwrap();
    let mut organizations = Vec::new();
    for number in 0..ROWS {
        let (slug, name) = (format!("organization-{number}"), format!("Organization {number:015}"));
        let create = CreateOrganization { slug, name, admin: "ada".into() };
        organizations.push(app.change(&operator, create).await.unwrap().id.to_string());
    }
    let mut data = Data { jwt: jwt(&app, &config), value: String::new(), token: String::new(), organizations };
    let scopes: Vec<_> =
        app.catalogue().iter().filter(|scope| !scope.retired).map(|scope| scope.name.to_string()).collect();
    for number in 0..=ROWS {
        let create = "mutation($input: CreateTokenInput!) { createToken(input: $input) { value token { id } } }";
        let organizations = if number == 0 { &data.organizations[..] } else { &data.organizations[..1] };
        let scopes = if number == 0 { &scopes[..] } else { &scopes[..scopes.len().min(10)] };
        let input =
            json!({ "description": format!("deploy {number}"), "organizationIds": organizations, "scopes": scopes });
        let (_, response) = send(&router, graphql(&data, create, &json!({ "input": input }))).await;
        let created = &response["data"]["createToken"];
        if number == 0 {
            created["value"].as_str().unwrap_or_else(|| panic!("{response}")).clone_into(&mut data.value);
            created["token"]["id"].as_str().unwrap().clone_into(&mut data.token);
        }
    }
    let data = json!({ "value": data.value, "token": data.token, "organizations": data.organizations });
    std::fs::write(folder.join("data.json"), data.to_string()).unwrap();
}

async fn run(folder: &Path, case: &Case, times: u64) {
    let (app, config, router) = service(folder).await;
    let data: Value = serde_json::from_slice(&std::fs::read(folder.join("data.json")).unwrap()).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let organizations = data["organizations"].as_array().unwrap().iter().map(text).collect();
    let (value, token) = (text(&data["value"]), text(&data["token"]));
    let data = Data { jwt: jwt(&app, &config), value, token, organizations };
    for _ in 0..times {
        let (status, response) = send(&router, (case.request)(&data)).await;
        let code = response["errors"][0]["extensions"]["code"].as_str().unwrap_or("OK");
        assert_eq!((status, code), (StatusCode::OK, case.code), "{response:.300}");
    }
}

async fn send(router: &Router, request: Request<Body>) -> (StatusCode, Value) {
    let response = router.clone().oneshot(request).await.unwrap();
    let status = response.status();
    let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    (status, serde_json::from_slice(&body).unwrap_or_default())
}

fn graphql(data: &Data, query: &str, variables: &Value) -> Request<Body> {
    let body = json!({ "query": query, "variables": variables, "operationName": operation_of(query) });
    Request::builder()
        .method(Method::POST)
        .uri("/graphql")
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::AUTHORIZATION, format!("Bearer {}", data.jwt))
        .body(body.to_string().into())
        .unwrap()
}

/// Returns the name of the first operation of a document.
fn operation_of(query: &str) -> Option<&str> {
    query.strip_prefix("query ").and_then(|rest| rest.split(['{', '(', ' ']).next())
}

fn repeated(number: usize, part: impl Fn(usize) -> String) -> String {
    (0..number).map(part).collect()
}

fn verify(data: &Data) -> Request<Body> {
    let request = Request::builder().uri("/verify?scope=graphql&organization=organization-7");
    request.header(header::AUTHORIZATION, format!("Bearer {}", data.value)).body(Body::empty()).unwrap()
}

fn audit_page(data: &Data) -> Request<Body> {
    let query = include_str!("../console/src/pages/audit/audit.graphql");
    graphql(data, query, &json!({ "slug": "organization-0", "first": 100 }))
}

fn nodes(data: &Data) -> Request<Body> {
    let query = "query Q($ids: [ID!]!) { nodes(ids: $ids) { id ... on Organization { slug name uuid createdAt viewerIsAdmin } } }";
    graphql(data, query, &json!({ "ids": data.organizations }))
}

fn aliases(data: &Data) -> Request<Body> {
    let fields = ["viewer { id name username }", "tokenPrefix", "session { id }"];
    let many = fields.map(|field| repeated(30, |index| format!("{}{index}: {field} ", &field[..1])));
    let scopes = repeated(10, |index| format!("c{index}: scopes {{ name title }} "));
    graphql(data, &format!("{{ {} {scopes} }}", many.concat()), &json!({}))
}

/// The library resolves `__typename` itself, so that the limit of fields does not apply.
fn type_names(data: &Data) -> Request<Body> {
    let names = repeated(30, |index| format!("a{index}: __typename "));
    let lists = repeated(8, |index| format!("a{index}: organizations {{ {names} }} "));
    graphql(data, &format!("{{ token(id: \"{}\") {{ {lists} }} }}", data.token), &json!({}))
}

/// Lists that are not paginated, with all fields of their elements.
fn plain_lists(data: &Data) -> Request<Body> {
    let names = repeated(15, |index| format!("a{index}: {} ", ["id", "slug", "name"][index % 3]));
    let many = repeated(4, |index| format!("a{index}: organizations {{ {names} }} "));
    graphql(data, &format!("{{ token(id: \"{}\") {{ {many} }} }}", data.token), &json!({}))
}

fn introspection(data: &Data) -> Request<Body> {
    let query = |aliases: usize| {
        let names = repeated(aliases, |index| format!("a{index}: description "));
        format!("{{ __schema {{ types {{ kind name fields {{ name args {{ name }} {names} }} }} }} }}")
    };
    let is_accepted = |query: &String| {
        let document = tokenward::testing::graphql::document::read(query).unwrap();
        let (_, operation) = document.operations.iter().next().unwrap();
        tokenward::testing::graphql::cost::cost(&document, &operation.node, &async_graphql::Variables::default())
            .is_ok()
    };
    let max = (1..=30).rev().find(|aliases| is_accepted(&query(*aliases))).unwrap();
    graphql(data, &query(max / 4), &json!({}))
}

fn operations(data: &Data) -> Request<Body> {
    graphql(data, &repeated(2_000, |index| format!("query q{index}{{viewer{{id}}}}")), &json!({}))
}

fn fragment_bomb(data: &Data) -> Request<Body> {
    let fragments = repeated(27, |index| format!(" fragment f{index} on Query {{ ...f{0} ...f{0} }}", index + 1));
    graphql(data, &format!("{{ ...f0 }}{fragments} fragment f27 on Query {{ viewer {{ id }} }}"), &json!({}))
}

fn brackets(data: &Data) -> Request<Body> {
    graphql(data, &format!("{{ node(id: {}", "[".repeat(60_000)), &json!({}))
}

fn large_variable(data: &Data) -> Request<Body> {
    let query = format!("query Q($a: ID!) {{ nodes(ids: [{}]) {{ id }} }}", "$a,".repeat(1_023));
    graphql(data, &query, &json!({ "a": "x".repeat(4_035) }))
}
