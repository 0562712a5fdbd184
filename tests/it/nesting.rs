//! Checks that no input ends the process, however deeply it is nested: at every endpoint that parses input, and in every file
//! that is read.

use crate::{
    program::{JWT_SECRET, Program, Serving},
    world::database::{Database, Kind},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};

const LEVELS: [usize; 3] = [1_000, 5_000, 20_000];
/// The maximum length of a search, in characters.
const MAX_SEARCH: usize = 1_000;

/// Returns documents that nest each kind of bracket, closed, unclosed, and where it is not allowed.
fn documents(levels: usize) -> Vec<String> {
    let nested = |open: &str, close: &str| format!("{}{}", open.repeat(levels), close.repeat(levels));
    vec![
        format!("{{node(id:{}){{id}}}}", nested("[", "]")),
        format!("{{node(id:{}", nested("[", "")),
        format!("{{node(id:{}){{id}}}}", nested("{a:", "}")),
        format!("{{node(nosuch:{}){{id}}}}", nested("[", "]")),
        format!("{{viewer@skip(if:{}){{id}}}}", nested("[", "]")),
        format!("query@nosuch(a:{}){{viewer{{id}}}}", nested("{a:", "}")),
        format!("query($a:[ID!]={}){{nodes(ids:$a){{id}}}}", nested("[", "]")),
        format!("query($a:{}){{viewer{{id}}}}", nested("[", "]")),
        format!("query($a:Int@nosuch(b:{})){{viewer{{id}}}}", nested("[", "]")),
        format!("mutation{{createToken(input:{}){{value}}}}", nested("{a:[", "]}")),
        format!("fragment F on Query@nosuch(a:{}){{viewer{{id}}}}{{...F}}", nested("[", "]")),
        nested("{a", "}"),
        nested("{...on Query", "}"),
        nested("{a(b:[{c:", ""),
        // The lexer reads an unclosed block string as two strings.
        format!("{{node(id:[\"\"\"x\" {}])}}", nested("[", "]")),
    ]
}

fn nested(levels: usize, open: &str, inner: &str, close: &str) -> String {
    format!("{}{inner}{}", open.repeat(levels), close.repeat(levels))
}

/// Returns a JWT with this header and these claims, verbatim, signed with the key of the service.
fn signed(header: &str, claims: &str) -> String {
    let text = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let key = jsonwebtoken::EncodingKey::from_secret(JWT_SECRET.as_bytes());
    let signature = jsonwebtoken::crypto::sign(text.as_bytes(), &key, jsonwebtoken::Algorithm::HS256).unwrap();
    format!("{text}.{signature}")
}

/// A running service, and a caller that it accepts.
struct Service {
    program: Program,
    serving: Serving,
    http: Client,
    jwt: String,
    client: (String, String),
}

impl Service {
    async fn start(database: &Database) -> Self {
        let program = Program::over(database, &[]);
        program.add_organization("acme", &["ada"]);
        let client = program.run(&["resource-server", "add", "api"]);
        let value = |name: &str| client.lines().find_map(|line| line.strip_prefix(name)).unwrap().to_owned();
        let client = (value("client_id="), value("client_secret="));
        let (serving, _) = program.serve().await;
        let jwt = program.jwt("ada");
        // The service may close the connection of a rejected request.
        let http = Client::builder().pool_max_idle_per_host(0).build().unwrap();
        Self { program, serving, http, jwt, client }
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, self.program.url(path))
    }

    /// Sends a body verbatim, as JSON.
    fn json(&self, path: &str, body: String) -> RequestBuilder {
        self.request(Method::POST, path).header("content-type", "application/json").bearer_auth(&self.jwt).body(body)
    }

    /// Sends a request that must be rejected by a response, without ending the process.
    async fn rejects(&mut self, what: &str, request: RequestBuilder) -> Value {
        let response = request.send().await.unwrap_or_else(|error| panic!("{what}: {error}"));
        let status = response.status().as_u16();
        let text = response.text().await.unwrap();
        let json = serde_json::from_str::<Value>(&text).unwrap_or_default();
        let is_error = (400..500).contains(&status) || json["errors"].is_array() || json["active"] == false;
        assert!(is_error, "{what}: {status} {text}");
        self.is_healthy(what).await;
        json
    }

    async fn is_healthy(&mut self, what: &str) {
        let health =
            self.request(Method::GET, "/healthz").send().await.unwrap_or_else(|error| panic!("{what}: {error}"));
        assert_eq!(health.status(), 200, "{what}");
        assert!(self.serving.is_running(), "{what}");
    }
}

/// R-46, R-49
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deeply_nested_documents_are_rejected() {
    let database = Database::fresh(Kind::Sqlite, "nesting").unwrap();
    let mut service = Service::start(&database).await;
    for levels in LEVELS {
        for document in documents(levels) {
            let what = format!("{levels} levels of {}", &document[..40]);
            let post = service.json("/graphql", json!({ "query": document }).to_string());
            let reply = service.rejects(&what, post).await;
            // Larger documents exceed the limit of a body and are rejected for that.
            if document.len() < 60_000 {
                let code = if document.contains('"') { "INVALID_INPUT" } else { "TOO_COMPLEX" };
                assert_eq!(reply["errors"][0]["extensions"]["code"], code, "{what}: {reply}");
                assert!(reply["errors"][0]["extensions"].get("cost").is_none(), "{what}: {reply}");
            }
            if levels == 1_000 {
                let query: String = form_urlencoded::byte_serialize(document.as_bytes()).collect();
                let get = service.request(Method::GET, &format!("/graphql?query={query}")).bearer_auth(&service.jwt);
                let reply = service.rejects(&what, get).await;
                assert!(reply["errors"][0]["extensions"]["code"].is_string(), "{what}: {reply}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deeply_nested_json_is_rejected() {
    let database = Database::fresh(Kind::Sqlite, "nesting").unwrap();
    let mut service = Service::start(&database).await;
    let query = "query($a: [ID!]!) { nodes(ids: $a) { id } }";
    for levels in LEVELS {
        let deep = [nested(levels, "[", "", "]"), nested(levels, "{\"a\":", "1", "}"), nested(levels, "[", "", "")];
        for value in &deep {
            let what = format!("{levels} levels of {}", &value[..10]);
            for body in [
                value.clone(),
                format!(r#"{{"query":"{query}","variables":{value}}}"#),
                format!(r#"{{"query":"{query}","variables":{{"a":{value}}}}}"#),
                format!(r#"{{"query":"{{ viewer {{ id }} }}","extensions":{value}}}"#),
                format!(r#"{{"query":{value}}}"#),
            ] {
                let request = service.json("/graphql", body);
                service.rejects(&what, request).await;
            }
            let request =
                service.json("/organizations/acme/tokens.csv", format!(r#"{{"filter":{{"query":{value}}}}}"#));
            service.rejects(&what, request).await;
            for path in ["/session", "/session/confirm", "/invitations/nosuch"] {
                let body = format!(r#"{{"username":"ada","password":{value}}}"#);
                let request = service.json(path, body).header("x-tokenward-console", "1");
                service.rejects(&what, request).await;
            }
            let cursor = format!(
                r#"{{"query":"query($a:String){{viewer{{tokens(after:$a){{nodes{{id}}}}}}}}","variables":{{"a":{}}}}}"#,
                json!(value)
            );
            let request = service.json("/graphql", cursor);
            service.rejects(&what, request).await;
            let search = format!(
                r#"{{"query":"query($a:String){{organization(slug:\"acme\"){{tokenGrants(filter:{{query:$a}}){{nodes{{id}}}}}}}}","variables":{{"a":{}}}}}"#,
                json!(value)
            );
            let request = service.json("/graphql", search);
            if value.len() > MAX_SEARCH {
                service.rejects(&what, request).await;
            } else {
                // In a search, brackets are plain text.
                let reply: Value = request.send().await.unwrap().json().await.unwrap();
                assert_eq!(reply["data"]["organization"]["tokenGrants"]["nodes"], json!([]), "{what}: {reply}");
                service.is_healthy(&what).await;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deeply_nested_query_parameters_are_rejected() {
    let database = Database::fresh(Kind::Sqlite, "nesting").unwrap();
    let mut service = Service::start(&database).await;
    let query: String = form_urlencoded::byte_serialize(b"query($a: [ID!]!) { nodes(ids: $a) { id } }").collect();
    // The limit of a URL.
    for (levels, open, inner, close) in [(3_500, "[", "", "]"), (700, "{%22a%22:", "1", "}"), (7_000, "[", "", "")] {
        let deep = nested(levels, open, inner, close);
        for parameters in [
            format!("variables={deep}"),
            format!("variables={{%22a%22:{deep}}}"),
            format!("variables={{%22a%22:[]}}&extensions={deep}"),
            format!("variables={{%22a%22:[]}}&extensions={{%22persistedQuery%22:{deep}}}"),
        ] {
            let what = format!("{levels} levels of {open} in {}", &parameters[..30]);
            let get = service.request(Method::GET, &format!("/graphql?query={query}&{parameters}"));
            let reply = service.rejects(&what, get.bearer_auth(&service.jwt)).await;
            assert_eq!(reply["errors"][0]["extensions"]["code"], "INVALID_INPUT", "{what}: {reply}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deeply_nested_credentials_forms_and_paths_are_rejected() {
    let database = Database::fresh(Kind::Sqlite, "nesting").unwrap();
    let mut service = Service::start(&database).await;
    let header = r#"{"alg":"HS256","typ":"JWT"}"#;
    for levels in LEVELS {
        for deep in
            [nested(levels, "[", "", "]"), nested(levels, "{\"a\":", "1", "}"), nested(levels, "[{\"a\":", "", "")]
        {
            let what = format!("{levels} levels of {}", &deep[..10]);
            let claims = format!(r#"{{"iss":"https://app.example.test","aud":"tokenward","sub":{deep}}}"#);
            for jwt in [
                signed(header, &claims),
                signed(header, &deep),
                signed(&format!(r#"{{"alg":"HS256","jwk":{deep}}}"#), "{}"),
                signed(&deep, "{}"),
            ] {
                let request = service.request(Method::GET, "/graphql?query={viewer{id}}").bearer_auth(jwt);
                service.rejects(&what, request).await;
            }
            let (id, secret) = service.client.clone();
            for (name, value) in [("token", deep.as_str()), ("organization", &deep), ("scope", &deep), ("path", &deep)]
            {
                let token = if name == "token" { None } else { Some(("token", "nosuch")) };
                let fields = token.into_iter().chain([(name, value)]);
                let form = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
                let request = service.request(Method::POST, "/oauth/introspect").basic_auth(&id, Some(&secret));
                let request = request.header("content-type", "application/x-www-form-urlencoded").body(form);
                service.rejects(&what, request).await;
            }
            for path in ["/verify?scope=", "/verify?organization=", "/verify/", "/nosuch/"] {
                // The client library supports no URL of more than 64 KiB.
                let part: String = form_urlencoded::byte_serialize(deep.as_bytes()).take(20_000).collect();
                let request = service.request(Method::GET, &format!("{path}{part}"));
                service.rejects(&what, request).await;
            }
        }
    }
}

#[test]
fn deeply_nested_files_are_rejected() {
    let database = Database::fresh(Kind::Sqlite, "nesting").unwrap();
    let file = database.folder().join("deep.toml");
    let path = file.to_str().unwrap();
    let (by_file, by_setting) = (Program::over(&database, &[]), Program::over(&database, &[("scopes.file", path)]));
    for levels in LEVELS {
        for deep in [
            format!("listen = {}", nested(levels, "[", "", "]")),
            format!("listen = {}", nested(levels, "{a = ", "1", "}")),
            format!("[{}]", vec!["a"; levels].join(".")),
            format!("{} = 1", vec!["a"; levels].join(".")),
            nested(levels, "[", "", ""),
        ] {
            std::fs::write(&file, &deep).unwrap();
            // The exit code is that of a failed command; no signal ends the process.
            for stderr in [by_file.fails(&["--config", path, "migrate"]), by_setting.fails(&["migrate"])] {
                assert!(stderr.contains("deep.toml"), "{levels} levels of {}: {stderr}", &deep[..20]);
            }
        }
    }
}
