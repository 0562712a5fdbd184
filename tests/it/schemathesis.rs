//! Checks with Schemathesis that the service responds to any request as `openapi.json` describes.

use crate::{
    program::Program,
    world::{
        PASSWORD,
        cluster::setting,
        database::{Database, Kind},
        programs::{from_pypi, output_text, skip, top},
    },
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::json;
use std::time::Duration;

/// Far longer than a run takes.
const LIMIT: Duration = Duration::from_mins(10);

/// Returns the session cookie of a new user.
async fn session(program: &Program, username: &str) -> String {
    let invitation = invitation(program, username);
    let http = reqwest::Client::new();
    let accept = http.post(program.url(&format!("/invitations/{invitation}"))).header("x-tokenward-console", "1");
    let accepted = accept.json(&json!({ "password": PASSWORD })).send().await.unwrap();
    assert_eq!(accepted.status(), 204);
    let cookie = accepted.headers()["set-cookie"].to_str().unwrap();
    cookie.split(';').next().unwrap().to_owned()
}

/// Returns the invitation code of a new user.
fn invitation(program: &Program, username: &str) -> String {
    let email = format!("{username}@example.test");
    let link = program.run(&["user", "add", username, "--email", &email, "--name", username, "--invite"]);
    let code = link.split("/invitations/").nth(1).unwrap().split_whitespace().next().unwrap();
    code.to_owned()
}

///
///
/// The seed is fixed; `TEST_SCHEMATHESIS_SEED` sets another one. `random` chooses and prints one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn service_matches_its_openapi_document() {
    let test = "schemathesis::service_matches_its_openapi_document";
    let folder = from_pypi("schemathesis").map_err(|why| skip(test, "TEST_REQUIRE_SCHEMATHESIS", &why));
    let Ok(folder) = folder else { return };
    let database = Database::fresh(Kind::Sqlite, "schemathesis").unwrap();
    // The cookie has the documented name only with an HTTPS URL.
    let settings = [("log.level", "warn"), ("public_url", "https://tokens.example.test")];
    let program = Program::over(&database, &settings);
    program.add_organization("acme", &["ada", "bob"]);
    let create = ["token", "create", "--owner", "ada", "--organization", "acme", "--scope", "graphql"];
    let server = program.run(&["resource-server", "add", "api"]);
    let part = |name: &str| server.lines().find_map(|line| line.strip_prefix(name)).unwrap().to_owned();
    let (_serving, _) = program.serve().await;
    let mut command = tokio::process::Command::new(folder.join("schemathesis"));
    command
        .current_dir(database.folder())
        .env("TOKEN", program.run(&create))
        .env("REVOKED_TOKEN", program.run(&create))
        .env("RESOURCE_SERVER", STANDARD.encode(format!("{}:{}", part("client_id="), part("client_secret="))))
        .env("SESSION", session(&program, "eve").await)
        .env("ENDED_SESSION", session(&program, "mallory").await)
        .env("INVITATION", invitation(&program, "carol"))
        .args(["--config-file", top("tests/schemathesis/schemathesis.toml").to_str().unwrap()])
        .args(["run", top("openapi.json").to_str().unwrap(), "--url", &program.url("")])
        .args(["--continue-on-failure", "--no-color", "--generation-database", "none"])
        // The machine may be slow.
        .args(["--suppress-health-check", "all"]);
    let seed = setting("TEST_SCHEMATHESIS_SEED").unwrap_or_else(|| "1".into());
    if seed != "random" {
        command.args(["--seed", &seed]);
    }
    let output = tokio::time::timeout(LIMIT, command.output()).await.expect("Schemathesis exits").unwrap();
    let output_text = output_text(&output);
    assert!(output.status.success(), "{output_text}");
    // Schemathesis lists operations whose requests were never authenticated.
    for operation in ["GET /v2/access-token", "GET /verify", "POST /oauth/introspect", "POST /session/confirm"] {
        assert!(
            !output_text.contains(&format!("  - {operation}\n")),
            "{operation} was never authenticated: {output_text}"
        );
    }
}
