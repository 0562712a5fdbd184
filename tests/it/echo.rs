//! Checks that responses and logs repeat nothing of a document: a token value pasted into the wrong place would be copied into
//! the response and into the log of the client.

use crate::{program::Program, world::database::Database};
use serde_json::{Value, json};
use std::time::Duration;

/// The placeholder for text that must not be repeated.
const MARK: &str = "MARK";
/// The placeholder for the operation name, which the log may contain.
const NAME: &str = "OPERATION";

/// Invalid documents, one for each place in which text can be.
const DOCUMENTS: &[&str] = &[
    // Fields and aliases.
    "{ MARK }",
    "{ viewer { MARK } }",
    "{ viewer { MARK { id } } }",
    "{ viewer { id { MARK } } }",
    "mutation { MARK(input: {}) { id } }",
    "{ MARK: nothing }",
    "{ MARK: viewer { nothing } }",
    "{ MARK: viewer }",
    "{ MARK: viewer { id } MARK: scopes { name } }",
    "{ viewer { MARK: id MARK: name } }",
    "{ MARK: organization(slug: 1) { id } }",
    "{ a: token(id: \"x\") { MARK: id(x: 1) } }",
    // Arguments: names, and values of each kind.
    "{ viewer(MARK: 1) { id } }",
    "{ organization(slug: \"x\", MARK: 1) { id } }",
    "{ organization(slug: \"x\", slug: \"MARK\") { id } }",
    "{ organization(slug: MARK) { id } }",
    "{ organization(slug: [\"MARK\"]) { id } }",
    "{ organization(slug: {MARK: \"MARK\"}) { id } }",
    "{ organization(slug: $MARK) { id } }",
    "{ viewer { tokens(first: \"MARK\") { totalCount } } }",
    "{ viewer { tokens(first: \"\"\"MARK\"\"\") { totalCount } } }",
    "{ viewer { tokens(first: MARK) { totalCount } } }",
    "{ viewer { tokens(first: 91827364509182736450) { totalCount } } }",
    "{ viewer { tokens(first: 91827364.509) { totalCount } } }",
    "{ viewer { tokens(first: 1, after: \"MARK\") { totalCount } } }",
    "{ viewer { tokens(filter: MARK) { totalCount } } }",
    "{ viewer { tokens(filter: \"MARK\") { totalCount } } }",
    "{ viewer { tokens(filter: {MARK: 1}) { totalCount } } }",
    "{ viewer { tokens(filter: {status: MARK}) { totalCount } } }",
    "{ viewer { tokens(filter: {status: [ACTIVE, MARK]}) { totalCount } } }",
    "{ viewer { tokens(filter: {status: \"MARK\"}) { totalCount } } }",
    "{ viewer { tokens(filter: {createdAt: {from: \"MARK\"}}) { totalCount } } }",
    "{ viewer { tokens(filter: {createdAt: {MARK: MARK}}) { totalCount } } }",
    "{ viewer { tokens(filter: {scopes: [\"MARK\"]}) { totalCount } } }",
    "{ viewer { tokens(filter: {ipAddress: \"MARK\"}) { totalCount } } }",
    "{ viewer { tokens(filter: {neverUsed: MARK}) { totalCount } } }",
    "{ viewer { tokens(orderBy: {field: MARK, direction: ASC}) { totalCount } } }",
    "{ nodes(ids: [MARK]) { id } }",
    "{ nodes(ids: [[\"MARK\"]]) { id } }",
    "{ __type(name: MARK) { name } }",
    "mutation { createToken(input: {description: \"x\", organizationIds: [\"MARK\"], scopes: [\"MARK\"]}) { value } }",
    "mutation { createToken(input: {description: \"x\", scopes: [\"MARK\"]}) { value } }",
    // Fragments and their types.
    "{ ...MARK }",
    "{ viewer { id } } fragment MARK on User { id }",
    "{ ...MARK } fragment MARK on Query { ...MARK }",
    "{ viewer { ...MARK } } fragment MARK on Token { id }",
    "{ viewer { ...MARK } } fragment MARK on Int { id }",
    "{ ...MARK } fragment MARK on Query { scopes } fragment MARK on Query { scopes }",
    "{ ... on MARK { id } }",
    "{ viewer { ...F } } fragment F on MARK { id }",
    "{ viewer { ... on TokenStatus { MARK } } }",
    // Directives.
    "{ viewer { id @MARK } }",
    "{ viewer { id @MARK(MARK: \"MARK\") @MARK @MARK @MARK @MARK @MARK @MARK @MARK @MARK @MARK } }",
    "{ viewer { MARK @skip(if: true) @skip(if: true) @skip(if: true) @skip(if: true) @skip(if: true) @skip(if: true) } }",
    "{ viewer { id @skip(MARK: true) } }",
    "{ viewer { id @skip(if: MARK) } }",
    "{ viewer { id @skip(if: $MARK) } }",
    "{ viewer { id @include(if: \"MARK\") } }",
    "query OPERATION @skip(if: MARK) { viewer { id } }",
    "query OPERATION @MARK { viewer { id } }",
    // Variables and operations.
    "query($MARK: ID!) { token(id: $MARK) { id } }",
    "query($MARK: ID) { token(id: $MARK) { id } }",
    "query($MARK: ID) { viewer { id } }",
    "query($MARK: Int) { token(id: $MARK) { id } }",
    "query($MARK: Int = \"MARK\") { viewer { tokens(first: $MARK) { totalCount } } }",
    "query($MARK: Token) { token(id: $MARK) { id } }",
    "query($x: MARK) { token(id: $x) { id } }",
    "query($x: [MARK] = [1]) { nodes(ids: $x) { id } }",
    "query($x: ID!, $x: MARK!) { token(id: $x) { id } }",
    "query($x: ID! @MARK) { token(id: $x) { id } }",
    "query($x: ID = MARK) { token(id: $x) { id } }",
    "query OPERATION { nothing }",
    "query OPERATION($MARK: ID!) { token(id: $MARK) { id } }",
    "query OPERATION { viewer { id } } query OPERATION { viewer { id } }",
    "query OPERATION { viewer { id } } { viewer { id } }",
    "subscription OPERATION { MARK }",
    // Texts that are not documents.
    "{ viewer { id } } MARK",
    "{ viewer { id } \"MARK",
    "{ viewer(a: \"MARK\\q\") { id } }",
    "{ viewer(a: \"\"\"MARK",
    "{ viewer(a: \"\\u00e4MARK\\uZZZZ\") { id } }",
    "# MARK\n{ nothing }",
    "{ # MARK",
    "MARK",
];

/// Bodies whose error is outside the document.
fn bodies() -> Vec<Value> {
    let id = "query($id: ID!) { token(id: $id) { id } }";
    let create = "mutation($i: CreateTokenInput!) { createToken(input: $i) { value } }";
    let tokens = "query($f: TokenFilter, $n: Int, $o: TokenOrder) { viewer { tokens(filter: $f, first: $n, orderBy: $o) \
                  { totalCount } } }";
    let mut bodies = vec![
        json!({ "query": "query A { viewer { id } } query B { viewer { id } }", "operationName": NAME }),
        json!({ "query": "{ viewer { id } }", "operationName": NAME }),
        json!({ "query": { MARK: MARK } }),
        json!({ MARK: MARK }),
        json!([MARK]),
        json!(MARK),
        json!({ "query": "{ viewer { id } }", "variables": MARK }),
        json!({ "query": "{ viewer { id } }", "variables": [MARK] }),
        json!({ "query": "{ viewer { id } }", "extensions": MARK }),
        json!({ "query": "{ nothing }", "extensions": { MARK: MARK }, "variables": { MARK: MARK }, MARK: MARK }),
    ];
    for value in [json!(MARK), json!([MARK]), json!({ MARK: MARK }), json!([[MARK]]), json!(91_827_364_509_182.5)] {
        bodies.push(json!({ "query": id, "variables": { "id": [value] } }));
        bodies.push(json!({ "query": create, "variables": { "i": value } }));
        bodies.push(json!({ "query": tokens, "variables": { "n": value } }));
        for filter in ["status", "createdAt", "neverUsed", "unusedSince"] {
            bodies.push(json!({ "query": tokens, "variables": { "f": { filter: value } } }));
        }
        bodies.push(json!({ "query": tokens, "variables": { "o": { "field": value, "direction": value } } }));
        let whole = json!({ "description": value, "organizationIds": value, "scopes": value, "expiresAt": value });
        bodies.push(json!({ "query": create, "variables": { "i": whole } }));
    }
    bodies
}

/// Returns the response without the keys of `data` and the paths of errors, which may be repeated.
fn without_keys(reply: &str) -> String {
    let Ok(mut reply) = serde_json::from_str::<Value>(reply) else { return reply.to_owned() };
    if let Some(whole) = reply.as_object_mut() {
        whole.remove("data");
        for error in whole.get_mut("errors").and_then(Value::as_array_mut).into_iter().flatten() {
            error.as_object_mut().unwrap().remove("path");
        }
    }
    reply.to_string()
}

both!(
    ///
    async fn errors_and_logs_repeat_nothing_of_a_document(database: Database) {
        let program = Program::over(&database, &[("log.level", "trace"), ("log.format", "json")]);
        program.add_organization("acme", &["ada"]);
        let token = program.run(&["token", "create", "--owner", "ada", "--organization", "acme", "--scope", "graphql"]);
        let (mut serving, _) = program.serve().await;
        let http = reqwest::Client::new();
        let marks = [(&*token, "the token's value"), ("zqzqwordzqzq", "a word")];
        for (mark, what) in marks {
            let documents = DOCUMENTS.iter().map(|document| json!({ "query": document }));
            for body in documents.chain(bodies()) {
                let body = body.to_string().replace(NAME, &format!("Named{mark}")).replace(MARK, mark);
                for media in ["application/json", "application/graphql-response+json"] {
                    let request = http.post(program.url("/graphql")).bearer_auth(&token).header("accept", media);
                    let request = request.header("content-type", "application/json").body(body.clone());
                    let reply = request.send().await.unwrap();
                    let (status, headers) = (reply.status().as_u16(), format!("{:?}", reply.headers()));
                    let text = reply.text().await.unwrap();
                    assert!(status == 200 || status == 400, "{status} {body}: {text}");
                    let errors = serde_json::from_str::<Value>(&text).unwrap()["errors"].clone();
                    let errors = errors.as_array().unwrap_or_else(|| panic!("no error for {body}: {text}"));
                    assert!(errors.len() <= 5, "{body}: {text}");
                    assert!(errors.iter().all(|error| error["extensions"]["code"].is_string()), "{body}: {text}");
                    let response = without_keys(&text) + &headers;
                    for secret in [&mark[4..], "91827364", "zqzq"] {
                        assert!(!response.contains(secret), "{what} is repeated for {body}: {text}");
                    }
                    assert!(!text.contains("Did you mean"), "{body}: {text}");
                    let vague = text.contains("The document is not valid here.");
                    assert!(!vague, "the error does not describe {body}: {text}");
                }
            }
        }
        serving.terminate();
        assert!(serving.exit_status(Duration::from_secs(10)).await.success());
        let log = program.logged();
        let requests = log.matches("\"message\":\"request\"").count();
        assert!(requests > 4 * DOCUMENTS.len(), "the log is too short");
        for line in log.lines() {
            assert!(!line.contains(&token[4..]), "{line}");
            let word = line.replace("Namedzqzqwordzqzq", "");
            assert!(!word.contains("zqzq") && !word.contains("91827364"), "{line}");
        }
    }
);
