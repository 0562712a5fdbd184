//! Checks that errors about an unusable database, file or folder name it, the reason, and the setting to check.

use crate::{
    cli::{CommandOutput, program, run_command},
    world::{
        database::{Database, Kind},
        port, temp_files,
    },
};
use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    time::{Duration, Instant},
};
use url::Url;

async fn migrate(folder: &Path, arguments: &[&str]) -> CommandOutput {
    run_command(program().current_dir(folder).arg("migrate").args(arguments), "").await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unusable_server_is_named_without_its_password() {
    let test = "unusable_paths::unusable_server_is_named_without_its_password";
    let Some(database) = Database::fresh(Kind::Postgres, test) else { return };
    let changed = |change: &dyn Fn(&mut Url)| {
        let mut url = Url::parse(database.url()).unwrap();
        change(&mut url);
        url
    };
    let silent = port::free().port();
    let cases = [
        (changed(&|url| url.set_port(Some(silent)).unwrap()), format!("127.0.0.1:{silent}, "), "Connection refused"),
        (changed(&|url| url.set_path("/nowhere")), "database nowhere, ".into(), "database \"nowhere\" does not exist"),
        (changed(&|url| url.set_username("missing").unwrap()), "role missing, ".into(), "for user \"missing\""),
        (
            changed(&|url| url.set_password(Some("hunter2")).unwrap()),
            "role tokenward, ".into(),
            "authentication failed",
        ),
        // With `sslmode`, since a remote host without it causes a warning.
        (
            changed(&|url| {
                url.set_host(Some("no.host.invalid")).unwrap();
                url.set_query(Some("sslmode=prefer"));
            }),
            "no.host.invalid:".into(),
            "lookup",
        ),
    ];
    for (url, place, why) in cases {
        for command in [&["migrate"][..], &["serve", "--listen", "127.0.0.1:0"], &["user", "disable", "ada"]] {
            let mut program = program();
            let refused = run_command(program.args(command).args(["--database-url", url.as_str()]), "").await;
            // A resolver may time out before it reports an unknown host.
            let late = "there was no answer in time";
            let why = if why == "lookup" && refused.stderr.contains(late) { late } else { why };
            for part in [place.as_str(), why, "Check database.url."] {
                refused.fails_with(part);
            }
            assert!(!refused.stderr.contains(url.password().unwrap()), "{refused:?}");
            assert!(!refused.stderr.contains("at line"), "{refused:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn role_without_privileges_is_reported_quickly() {
    let test = "unusable_paths::role_without_privileges_is_reported_quickly";
    let Some(database) = Database::fresh(Kind::Postgres, test) else { return };
    let role = format!("poor_{}", database.name());
    database.query(&format!("create role {role} login password 'x'"));
    database.query("revoke create on schema public from public");
    let mut url = Url::parse(database.url()).unwrap();
    url.set_username(&role).unwrap();
    url.set_password(Some("x")).unwrap();
    let start = Instant::now();
    let refused = run_command(program().args(["migrate", "--database-url", url.as_str()]), "").await;
    database.query(&format!("drop role {role}"));
    refused.fails_with("The role of database.url lacks a right");
    refused.fails_with("(permission denied for schema public).");
    assert!(start.elapsed() < Duration::from_mins(2), "{:?}", start.elapsed());
}

#[tokio::test]
async fn unusable_file_or_folder_is_named_with_its_settings() {
    let folder = temp_files::folder();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    fs::write(path("text.db"), "This is no database. ".repeat(500)).unwrap();
    let url = format!("sqlite://{}", path("text.db"));
    let below = format!("{}/tokenward.db", path("text.db"));
    for (refused, place, why) in [
        (migrate(folder.path(), &["--database-url", &url]).await, path("text.db"), "file is not a database"),
        (migrate(folder.path(), &["--data-dir", &path("text.db")]).await, below, "not a directory"),
        (migrate(folder.path(), &["--data-dir", "/proc/none"]).await, "/proc/none/tokenward.db".into(), "No such file"),
    ] {
        for part in [place.as_str(), why, "Check data_dir and database.url."] {
            refused.fails_with(part);
        }
    }
    let odd = migrate(folder.path(), &["--data-dir", &path("100% sure?")]).await;
    assert!(odd.code == 0 && folder.path().join("100% sure?/tokenward.db").exists(), "{odd:?}");
    assert_eq!(folder.path().join("100% sure?").metadata().unwrap().permissions().mode() & 0o077, 0);
}
