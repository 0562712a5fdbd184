//! Checks that settings with secrets or paths either work or fail with the reason and without the value.

use crate::{
    cli::{CommandOutput, program, run_command},
    documented_commands::{Running, guide},
    program::Program,
    world::{
        client::form,
        database::{Database, Kind},
        port, temp_files,
    },
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use futures_util::{StreamExt as _, stream};
use std::{
    ffi::OsString,
    fs,
    os::unix::ffi::OsStringExt as _,
    path::Path,
    process::Stdio,
    time::{Duration, Instant},
};
use tokio::process::Command;

/// A part of every secret below.
const SECRET: &str = "hunter2";

/// Settings that may contain a secret, with unusable values.
const MALFORMED: [(&str, &[&str]); 4] = [
    (
        "database.url",
        &[
            "hunter2",
            "mysql://me:hunter2@db/t",
            "postgres://me:hunter2/x@127.0.0.1:1/t",
            "postgres://me:1/hunter2@127.0.0.1:1/t",
            "postgres://me:1#hunter2@127.0.0.1:1/t",
            "postgres://me:1?hunter2@127.0.0.1:1/t",
            "postgres://me:hunter2@127.0.0.1:port/t",
            "postgres://me:hunter2@[::1/t",
            "postgres://me:hunter2%ff@127.0.0.1:1/t",
            "postgres://me@127.0.0.1:1/t?sslmode=hunter2",
            "postgres://me@127.0.0.1:1/t?pasword=hunter2",
            "postgres://me:hunter2@127.0.0.1:1/t?sslmode=verify-full&sslrootcert=/no/such/file",
            // Well-formed, but no server listens there.
            "postgres://me:hunter2@127.0.0.1:1/t",
            "sqlite://x.db?key=hunter2",
        ],
    ),
    (
        "mail.url",
        &[
            "hunter2",
            "http://me:hunter2@mail",
            "smtp://me:hunter2@mail:port",
            "smtp://me:hunter2@mail/path",
            "smtp://me:1#hunter2@mail",
            "smtp://me:1?hunter2@mail",
            "smtp://hunter2@mail",
            "smtps://me:hunter2@mail?tls=none",
            "smtp://me:hunter2@mail?ca=/no/such/hunter2",
            "file://%ffhunter2",
        ],
    ),
    (
        "auth.jwt.secret",
        &[
            "hunter2",
            "-----BEGIN PUBLIC KEY-----hunter2MCowBQYDK2VwAyEA",
            "{\"keys\": [\"hunter2\"], \"pad\": 1234567}",
        ],
    ),
    (
        "auth.jwt.jwks_url",
        &[
            "hunter2",
            "https://me:hunter2@id.example.com/jwks",
            "http://id.example.com/hunter2",
            "https://id.example.com/jwks#hunter2",
            "https://[hunter2/jwks",
        ],
    ),
];

/// How a value is passed to the program: by arguments, the environment, and the configuration file and `_FILE` below the folder.
struct Route {
    arguments: Vec<String>,
    variables: Vec<(String, OsString)>,
    file: Option<String>,
    secret_file: Option<Vec<u8>>,
}

fn variable(key: &str) -> String {
    format!("TOKENWARD_{}", key.replace('.', "__").to_uppercase())
}

/// Splits a key into its table and the key in the table.
fn table(key: &str) -> (&str, &str) {
    key.rsplit_once('.').unwrap()
}

fn routes(key: &str, value: &str) -> Vec<Route> {
    let none = || Route { arguments: Vec::new(), variables: Vec::new(), file: None, secret_file: None };
    let by_variable = |key: &str, value: OsString| Route { variables: vec![(variable(key), value)], ..none() };
    let by_file = |text: String| Route { file: Some(text), ..none() };
    let (group, name) = table(key);
    let quoted = format!("'''{value}'''");
    let mut routes = vec![
        by_variable(key, value.into()),
        by_variable(key, OsString::from_vec([value.as_bytes(), b"\xff"].concat())),
        by_file(format!("[{group}]\n{name} = {quoted}\n")),
        // Files that are not TOML, or not of this shape.
        by_file(format!("[{group}]\n{name} = '{value}\n")),
        by_file(format!("[{group}]\n{name} = {value}\n")),
        by_file(format!("[{group}]\n{name} = {quoted}\n{name} = {quoted}\n")),
        by_file(format!("[{group}]\n{name} = [{quoted}]\n")),
        by_file(format!("[{group}]\n{name} = {{ x = {quoted} }}\n")),
        // Unless it looks like the name of a setting, which is repeated.
        by_file(format!("[{group}]\n'{value}:' = 1\n")),
        by_file(format!("{} = {quoted}\n", group.split('.').next().unwrap())),
        // The secret instead of the path of its file.
        by_variable(&format!("{key}_file"), value.into()),
        by_file(format!("[{group}]\n{name}_file = {quoted}\n")),
    ];
    for content in [value.as_bytes().to_vec(), [value.as_bytes(), b"\xff"].concat()] {
        routes
            .push(Route { secret_file: Some(content.clone()), ..by_variable(&format!("{key}_file"), "secret".into()) });
        let file = format!("[{group}]\n{name}_file = 'secret'\n");
        routes.push(Route { secret_file: Some(content), ..by_file(file) });
    }
    let flag = format!("--{}", key.replace(['.', '_'], "-"));
    for arguments in
        [vec![flag.clone(), value.into()], vec![format!("{flag}={value}")], vec![format!("{flag}x={value}")]]
    {
        routes.push(Route { arguments, ..none() });
    }
    routes
}

async fn attempt(folder: &Path, number: usize, key: &str, route: &Route) -> CommandOutput {
    let place = folder.join(number.to_string());
    fs::create_dir(&place).unwrap();
    let mut program = program();
    program.current_dir(&place).args(["serve", "--listen", "127.0.0.1:0", "--log-level", "trace"]);
    if !key.starts_with("database") {
        // The same database for all, so that it is migrated once.
        program.arg("--database-url").arg(format!("sqlite://{}/tokenward.db", folder.display()));
    }
    if key.starts_with("auth.jwt") {
        let algorithm = if key.ends_with("secret") { "HS256" } else { "RS256" };
        for (name, value) in [("ISSUER", "https://id.example.com"), ("AUDIENCE", "t"), ("ALGORITHMS", algorithm)] {
            program.env(format!("TOKENWARD_AUTH__JWT__{name}"), value);
        }
    }
    if let Some(text) = &route.file {
        fs::write(place.join("tokenward.toml"), text).unwrap();
        program.args(["--config", "tokenward.toml"]);
    }
    if let Some(content) = &route.secret_file {
        fs::write(place.join("secret"), content).unwrap();
    }
    program.args(&route.arguments).envs(route.variables.iter().cloned());
    let output =
        tokio::time::timeout(Duration::from_mins(1), program.output()).await.expect("the program exits").unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    CommandOutput { code: output.status.code().unwrap(), stdout: text(&output.stdout), stderr: text(&output.stderr) }
}

/// Every route of every malformed value, with the most verbose log.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn malformed_secret_setting_is_never_repeated() {
    let folder = temp_files::folder();
    run_command(
        program().args(["migrate", "--database-url"]).arg(format!("sqlite://{}/tokenward.db", folder.path().display())),
        "",
    )
    .await
    .succeeds();
    let mut all = Vec::new();
    for (key, values) in MALFORMED {
        for (at, value) in values.iter().enumerate() {
            // Cases that depend only on the route are tried with the first two values of each setting.
            let routes = routes(key, value);
            let count = if at < 2 { routes.len() } else { 1 };
            all.extend(routes.into_iter().take(count).map(|route| (key, *value, route)));
        }
    }
    let total = all.len();
    let outputs: Vec<_> = stream::iter(all.into_iter().enumerate())
        .map(async |(number, (key, value, route))| {
            let output = attempt(folder.path(), number, key, &route).await;
            (format!("{key} = {value}, {:?} {:?} {:?}", route.arguments, route.variables, route.file), output)
        })
        .buffer_unordered(4)
        .collect()
        .await;
    assert_eq!(outputs.len(), total);
    let is_well = |output: &CommandOutput| {
        let silent = output.stdout.is_empty() && !output.stderr.contains(SECRET);
        matches!(output.code, 1 | 2) && !output.stderr.is_empty() && silent
    };
    let wrong: Vec<_> = outputs.iter().filter(|(_, output)| !is_well(output)).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// An invalid line of `.pgpass` may contain a password.
#[tokio::test]
async fn malformed_pgpass_is_not_logged() {
    let folder = temp_files::folder();
    let file = folder.path().join("pgpass");
    fs::write(&file, "127.0.0.1:1:t:me hunter2\n").unwrap();
    fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let mut serve = program();
    serve.current_dir(&folder).args(["serve", "--database-url", "postgres://me@127.0.0.1:1/t", "--log-level", "trace"]);
    let refused = run_command(serve.env("PGPASSFILE", &file), "").await;
    assert!(refused.code == 1 && !refused.stderr.contains(SECRET), "{refused:?}");
}

///
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn malformed_resource_server_secret_is_neither_returned_nor_logged() {
    let database = Database::fresh(Kind::Sqlite, "settings").unwrap();
    let program = Program::over(&database, &[("log.level", "debug")]);
    let (serving, _) = program.serve().await;
    let http = reqwest::Client::new();
    let basic = |text: &[u8]| format!("Basic {}", STANDARD.encode(text));
    let long = format!("{SECRET}{}", "x".repeat(5000));
    for path in ["/oauth/introspect", "/oauth/revoke"] {
        for credential in [
            SECRET.to_owned(),
            format!("Basic {SECRET}"),
            format!("Basic {SECRET}=!"),
            format!("Basic {long}"),
            format!("Bearer {SECRET}"),
            basic(SECRET.as_bytes()),
            basic(format!("id:{SECRET}").as_bytes()),
            basic(format!("%zz:{SECRET}%ff").as_bytes()),
            basic(&[SECRET.as_bytes(), b":\xff"].concat()),
        ] {
            let request = http.post(program.url(path)).header("Authorization", &credential);
            let reply = form(request, &[("token", "x")]).await;
            let headers = format!("{:?}", reply.headers);
            assert!(!reply.text.contains(SECRET) && !headers.contains(SECRET), "{credential:.60}: {reply:?}");
        }
        let fields = [("token", "x"), ("client_id", "id"), ("client_secret", SECRET), ("client_secret", SECRET)];
        let reply = form(http.post(program.url(path)), &fields).await;
        assert!(!reply.text.contains(SECRET), "{reply:?}");
    }
    drop(serving);
    let logged = program.logged();
    assert!(logged.contains("/oauth/revoke") && !logged.contains(SECRET), "{logged}");
    assert!(!logged.contains(&STANDARD.encode(format!("id:{SECRET}"))), "{logged}");
}

/// Returns the names of the files in a folder, sorted.
fn names(folder: &Path) -> Vec<String> {
    let names = folder.read_dir().unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.collect();
    names.sort();
    names
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn data_dir_may_have_any_name() {
    for name in
        ["a b", "a:b", "file:a", ":memory:", "[a", "a?b", "a#b", "100%25", "ü é", "a'b\"c", "sqlite://x", "a&b=c"]
    {
        let folder = temp_files::folder();
        run_command(program().current_dir(&folder).args(["migrate", &format!("--data-dir={name}")]), "")
            .await
            .succeeds();
        assert!(folder.path().join(name).join("tokenward.db").metadata().unwrap().len() > 0, "{name}");
        assert_eq!(names(folder.path()), [name.split('/').next().unwrap()], "{name}");
    }
}

const ODD: &str = "a b:[?#%41]ü'c";

/// A relative folder whose name has special characters for URLs and shells.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn oddly_named_data_dir_holds_the_database_and_the_emails() {
    let folder = temp_files::folder();
    let command = |line: &str| {
        let mut program = program();
        program.current_dir(&folder).args(line.split(' ')).args(["--data-dir", ODD]);
        program
    };
    let address = port::free();
    let mut serving = command(&format!("serve --listen {address}"));
    let _serving = serving.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let (start, http) = (Instant::now(), reqwest::Client::new());
    while !http.get(format!("http://{address}/readyz")).send().await.is_ok_and(|response| response.status() == 200) {
        assert!(start.elapsed() < Duration::from_mins(1), "the service is not ready");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    for line in [
        "user add ada --email ada@example.test --name Ada",
        "user add bob --email bob@example.test --name Bob",
        "organization add acme --name Acme --admin ada",
        "member add acme bob --role member",
        "token create --owner bob --organization acme --scope read_builds",
        "member remove acme bob",
    ] {
        assert_eq!(run_command(&mut command(line), "").await.code, 0, "{line}");
    }
    let emails = folder.path().join(ODD).join("mail");
    while !emails.is_dir()
        || !names(&emails).iter().any(|name| Path::new(name).extension().is_some_and(|end| end == "eml"))
    {
        assert!(start.elapsed() < Duration::from_mins(2), "no email is written");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(names(folder.path()), [ODD]);
}

#[test]
fn demo_serves_from_oddly_named_data_dir() {
    let folder = temp_files::folder();
    let mut demo = std::process::Command::new(env!("CARGO_BIN_EXE_tokenward"));
    demo.args(["demo", "--listen", &port::free().to_string(), "--data-dir", ODD]).current_dir(&folder).env_clear();
    let mut demo = Running(demo.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap());
    let guide = guide(&mut demo.0);
    assert!(guide.contains("ADMIN_TOKEN='twd_"), "{guide}");
    assert_eq!(names(folder.path()), [ODD]);
    // The command in the guide finds the folder in a shell.
    fs::create_dir_all(folder.path().join(ODD).join("mail")).unwrap();
    fs::write(folder.path().join(ODD).join("mail/x.eml"), "an email").unwrap();
    let line = guide.lines().find(|line| line.contains("/mail/*.eml")).unwrap();
    let read = std::process::Command::new("sh").args(["-c", line]).current_dir(&folder).output().unwrap();
    assert!(!read.stdout.is_empty() && read.stderr.is_empty(), "{line}: {}", String::from_utf8_lossy(&read.stderr));
}

/// SQLite opens no path of more than 512 bytes.
#[tokio::test]
async fn database_that_cannot_be_opened_leaves_no_empty_file() {
    let folder = temp_files::folder();
    let long = format!("{0}/{0}/{0}", "x".repeat(200));
    let refused = run_command(program().current_dir(&folder).args(["migrate", "--data-dir", &long]), "").await;
    refused.fails_with("cannot be used");
    assert!(folder.path().join(&long).is_dir());
    assert_eq!(names(&folder.path().join(&long)), [""; 0]);
}

/// Returns the standard error of `serve` with a database server that does not respond.
async fn served(url: &str) -> String {
    let folder = temp_files::folder();
    let mut serve: Command = program();
    serve.current_dir(&folder).args(["serve", "--listen", "127.0.0.1:0", "--database-url", url]);
    let output = run_command(&mut serve, "").await;
    assert_eq!(output.code, 1, "{output:?}");
    output.stderr
}

/// No server has an address that is reserved for documentation.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn start_warns_of_remote_postgresql_without_sslmode() {
    let warned = |stderr: &str| stderr.contains("sslmode=verify-full") && stderr.contains("WARN");
    let stderr = served("postgres://me:hunter2@192.0.2.1:1/t").await;
    assert!(warned(&stderr) && stderr.contains("192.0.2.1") && !stderr.contains(SECRET), "{stderr}");
    for url in
        ["postgres://me@192.0.2.1:1/t?sslmode=prefer", "postgres://me@127.0.0.1:1/t", "postgres://me@localhost:1/t"]
    {
        let stderr = served(url).await;
        assert!(!warned(&stderr), "{url}: {stderr}");
    }
}
