//! Tests the commands of the program, on a database alone and next to a running server.

use crate::world::{
    client::{Reply, form, read},
    database::{Database, Kind},
    port,
    temp_files::output_of,
};
use reqwest::Method;
use serde_json::json;
use std::{
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};
use tokenward::testing::{domain::id::TokenId, store::Store};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    process::{Child, Command},
};

/// The output of a command and its exit code.
#[derive(Debug)]
pub(crate) struct CommandOutput {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl CommandOutput {
    /// Asserts success with nothing on standard error, and returns standard output.
    pub(crate) fn succeeds(&self) -> &str {
        assert_eq!((self.code, &*self.stderr), (0, ""), "{self:?}");
        &self.stdout
    }

    /// Asserts success without output.
    fn succeeds_silently(&self) {
        assert_eq!(self.succeeds(), "");
    }

    /// Asserts failure with one line on standard error that contains the reason.
    pub(crate) fn fails_with(&self, message: &str) {
        assert_eq!((self.code, &*self.stdout), (1, ""), "{self:?}");
        assert_eq!(self.stderr.lines().count(), 1, "{self:?}");
        assert!(
            self.stderr.starts_with("tokenward: ") && self.stderr.contains(message),
            "{self:?} does not contain {message}"
        );
    }

    /// Asserts wrong usage.
    fn is_usage_error(&self, message: &str) {
        assert_eq!((self.code, &*self.stdout), (2, ""), "{self:?}");
        assert!(self.stderr.contains(message), "{self:?} does not contain {message}");
    }
}

pub(crate) fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tokenward"));
    command.env_clear().stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command
}

/// Returns the program, configured for this database.
pub(crate) fn program_on(database: &Database) -> Command {
    let mut command = program();
    command.current_dir(database.folder());
    command.args(["--database-url", database.url()]).arg("--data-dir").arg(database.folder().join("data"));
    command
}

pub(crate) async fn run_command(command: &mut Command, input: &str) -> CommandOutput {
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    // A program that does not read its input may have exited already.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes()).await;
    let output = child.wait_with_output().await.unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    CommandOutput { code: output.status.code().unwrap(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// Returns a command that runs `command` through `runner`.
fn run_by(mut runner: Command, command: &Command) -> Command {
    let command = command.as_std();
    runner.env_clear().stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    runner.current_dir(command.get_current_dir().unwrap()).arg(command.get_program()).args(command.get_args());
    runner
}

/// Runs one command, written as in a shell without quotes.
async fn run(database: &Database, command: &str) -> CommandOutput {
    run_command(program_on(database).args(command.split_whitespace()), "").await
}

fn is_token_value(text: &str) -> bool {
    text.strip_prefix("twd_")
        .is_some_and(|rest| rest.len() == 38 && rest.bytes().all(|byte| byte.is_ascii_alphanumeric()))
}

both!(
    async fn event_list_shows_the_operator_every_event(database: Database) {
        let done = async |command: &str| run(&database, command).await.succeeds().to_owned();
        done("user add ada --email ada@example.test --name Ada").await;
        done("user add bob --email bob@example.test --name Bob").await;
        for slug in ["acme", "globex"] {
            done(&format!("organization add {slug} --name {slug} --admin ada")).await;
        }
        let value = done("token create --owner ada --organization acme --scope read_builds").await;
        run_command(program_on(&database).args(["token", "revoke"]), value.trim()).await.succeeds_silently();
        done("resource-server add builds-api").await;
        done("user delete bob").await;
        done("organization delete globex").await;
        let events = async |options: &str| -> Vec<serde_json::Value> {
            let lines = done(&format!("event list --json {options}")).await;
            lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
        };
        let types = |events: &[serde_json::Value]| {
            events.iter().map(|event| event["type"].as_str().unwrap().to_lowercase()).collect::<Vec<_>>().join(" ")
        };
        let all = events("").await;
        let expected = "organization_deleted organization_member_removed user_deleted resource_server_added token_revoked \
                        token_created organization_member_added organization_created organization_member_added \
                        organization_created user_created user_created";
        assert_eq!(types(&all), expected);
        // Events without an organization are listed as well; this one names its resource server.
        let server = &all[3];
        assert_eq!((&server["organizations"], &server["reason"]), (&json!([]), &json!(null)));
        assert_eq!((&server["resourceServerName"], &server["via"]), (&json!("builds-api"), &json!("COMMAND_LINE")));
        assert_eq!(all[5]["scopesAdded"], json!(["read_builds"]), "{}", all[5]);
        assert_eq!(all[5]["user"]["username"], "ada");
        assert_eq!(all[5]["organizations"][0]["slug"], "acme");

        let token = all[5]["tokenId"].as_str().unwrap();
        assert_eq!(types(&events(&format!("--token {token}")).await), "token_revoked token_created");
        let some = "--type USER_CREATED --type user_deleted --limit 2";
        assert_eq!(types(&events(some).await), "user_deleted user_created");
        // Deleted users and organizations can be selected as well.
        let globex = "organization_deleted organization_member_removed organization_member_added organization_created";
        assert_eq!(types(&events("--organization globex").await), globex);
        let bob = all[2]["user"]["id"].as_str().unwrap();
        let placeholder = all[2]["user"]["username"].as_str().unwrap();
        for user in [bob, placeholder] {
            assert_eq!(types(&events(&format!("--user {user}")).await), "user_deleted user_created");
        }
        let last = all[0]["at"].as_str().unwrap();
        assert_eq!(
            types(&events(&format!("--since {last}")).await),
            "organization_deleted organization_member_removed"
        );
        assert_eq!(events(&format!("--until {last}")).await.len(), all.len() - 2);
        assert_eq!(events("--since 1h").await.len(), all.len());
        assert_eq!(events("--until 1h").await.len(), 0);

        let table = done("event list --type resource_server_added").await;
        assert_eq!(table.lines().count(), 2);
        assert!(table.starts_with("TIME ") && table.contains(" builds-api "), "{table}");
        assert_eq!(run(&database, "event list --until 1h").await.stderr, "No event matches.\n");
        run(&database, "event list --user nix").await.fails_with("The user nix does not exist.");
        run(&database, "event list --organization nix").await.fails_with("The organization nix does not exist.");
        run(&database, "event list --token nonsense").await.fails_with("--token: ");
        run(&database, "event list --since yesterday").await.fails_with("--since: ");
        run(&database, "event list --type nonsense").await.is_usage_error("possible values: token_created");
        run(&database, "event list --limit 0").await.is_usage_error("--limit");
    }
);

both!(
    async fn command_line_rejects_invisible_names_and_dots(database: Database) {
        run(&database, "user add ada --email ada@example.test --name Ada").await.succeeds();
        for command in [
            "user add bob --email bob@example.test --name \u{2800}",
            "organization add acme --name \u{2800} --admin ada",
            "resource-server add \u{2800}",
        ] {
            run(&database, command).await.fails_with("no visible character");
        }
        for command in ["user add .. --email bob@example.test --name Bob", "organization add . --name Dot --admin ada"]
        {
            run(&database, command).await.fails_with("`.` and `..` are not allowed");
        }
    }
);

both!(
    async fn migrate_lists_applied_and_check_lists_pending(database: Database) {
        let check = run(&database, "migrate --check").await;
        assert_eq!(check.code, 1, "{check:?}");
        assert!(!check.stdout.is_empty() && check.stdout.lines().all(|line| line.starts_with("pending ")), "{check:?}");
        assert_eq!(check.stderr.lines().count(), 1, "{check:?}");
        assert!(check.stderr.contains("tokenward migrate"), "{check:?}");
        let applied = run(&database, "migrate").await;
        assert_eq!(applied.succeeds(), check.stdout.replace("pending ", "applied "));
        run(&database, "migrate --check").await.succeeds_silently();
        run(&database, "migrate").await.succeeds_silently();
    }
);

both!(
    /// R-82
    async fn new_database_has_no_users_or_resource_servers(database: Database) {
        run(&database, "migrate").await;
        let store = Store::connect(&database.target()).await.unwrap();
        assert!(!store.has_users().await.unwrap());
        assert!(store.resource_servers().await.unwrap().is_empty());
        assert_eq!(run(&database, "resource-server list").await.stdout, "");
        for name in ["admin", "root", "tokenward", "demo"] {
            run(&database, &format!("user disable {name}"))
                .await
                .fails_with(&format!("The user {name} does not exist."));
        }
    }
);

both!(
    async fn changed_token_prefix_is_refused(database: Database) {
        run(&database, "migrate --token-prefix acme").await;
        let serve = run(&database, "serve --listen 127.0.0.1:0").await;
        assert!(serve.code == 1 && serve.stderr.ends_with("set token.prefix to acme.\n"), "{serve:?}");
        for command in ["migrate", "user add ada --email a@example.test --name Ada"] {
            run(&database, command).await.fails_with("set token.prefix to acme");
        }
        assert!(
            run(&database, "user add ada --email a@example.test --name Ada --token-prefix acme")
                .await
                .succeeds()
                .starts_with("user_")
        );
    }
);

both!(
    /// R-61
    async fn user_organization_and_member_commands(database: Database) {
        let add = "user add ada --email ada@example.test --name Ada --subject 1 --issuer https://id.example.test";
        let added = run(&database, add).await;
        assert!(added.succeeds().starts_with("user_") && added.stdout.lines().count() == 1, "{added:?}");
        run(&database, "user add ada --email other@example.test --name Ada").await.fails_with("choose another");
        run(&database, "user add cyd --email c@example.test --name Cyd --subject 1 --issuer https://id.example.test")
            .await
            .fails_with("choose another");
        for name in ["\u{430}da", "Ada", "a/b", "a'--", &"x".repeat(65)] {
            run(&database, &format!("user add {name} --email b@example.test --name B")).await.fails_with("username: ");
        }
        run(&database, "user add bob --email nonsense --name B").await.fails_with("--email: ");
        run(&database, "user add bob --email b@example.test --name B --subject 2").await.fails_with("--issuer");
        run(&database, "user add bob --email b@example.test").await.is_usage_error("--name");
        run(&database, "user add bob --email b@example.test --name B --issuer x").await.is_usage_error("--subject");
        run(&database, "user add bob --email b@example.test --name B").await.succeeds();

        let added = run(&database, "organization add acme --name Acme --admin ada").await;
        assert!(added.succeeds().starts_with("org_") && added.stdout.lines().count() == 1, "{added:?}");
        run(&database, "organization add acme --name Acme --admin ada").await.fails_with("choose another");
        run(&database, "organization add other --name Other --admin eve")
            .await
            .fails_with("The user eve does not exist.");
        run(&database, "organization add Other --name Other --admin ada").await.fails_with("slug: ");
        run(&database, "organization add other --admin ada").await.is_usage_error("--name");

        run(&database, "member add acme bob --role member").await.succeeds_silently();
        run(&database, "member add acme bob --role admin").await.succeeds_silently();
        run(&database, "member add acme bob --role member").await.succeeds_silently();
        run(&database, "member add acme bob --role boss").await.is_usage_error("boss");
        run(&database, "member add acme eve --role member").await.fails_with("The user eve does not exist.");
        run(&database, "member add other bob --role member").await.fails_with("The organization other does not exist.");
        run(&database, "member add acme ada --role member").await.fails_with("last administrator");
        run(&database, "member remove acme ada").await.fails_with("last administrator");
        run(&database, "member remove acme bob").await.succeeds_silently();
        run(&database, "member remove acme bob").await.fails_with("The member bob does not exist.");
        run(&database, "member remove other bob").await.fails_with("The organization other does not exist.");

        run(&database, "user disable bob").await.succeeds_silently();
        run(&database, "user disable bob").await.fails_with("already disabled");
        run(&database, "user enable bob").await.succeeds_silently();
        assert_eq!(run(&database, "user enable bob").await.code, 1);
        run(&database, "user enable eve").await.fails_with("The user eve does not exist.");

        run(&database, "user delete ada").await.fails_with("acme would have no administrator");
        run(&database, "user delete bob").await.succeeds_silently();
        run(&database, "user delete bob").await.fails_with("The user ");
        run(&database, "user enable bob").await.fails_with("The user bob does not exist.");
        run(&database, "organization delete nix").await.fails_with("The organization nix does not exist.");
        run(&database, "organization delete acme").await.succeeds_silently();
        run(&database, "organization delete acme").await.fails_with("The organization ");
        run(&database, "organization add acme --name Acme --admin ada").await.fails_with("choose another");
        run(&database, "user delete ada").await.succeeds_silently();
        run(&database, "user delete").await.is_usage_error("USERNAME");
        run(&database, "organization delete").await.is_usage_error("SLUG");
    }
);

both!(
    async fn token_and_resource_server_commands(database: Database) {
        run(&database, "user add bob --email bob@example.test --name Bob").await;
        run(&database, "user add eve --email eve@example.test --name Eve").await;
        run(&database, "organization add acme --name Acme --admin bob").await;
        let create =
            "token create --owner bob --organization acme --scope read_builds --scope graphql --expires-in 90d";
        let created = run(&database, create).await;
        let value = created.succeeds().strip_suffix('\n').unwrap();
        assert!(is_token_value(value), "{created:?}");
        for (command, message) in [
            (
                "token create --owner bob --organization acme --scope read_bulids",
                "tokenward: --scope read_bulids: The catalogue does not contain this scope. Did you mean read_builds?",
            ),
            ("token create --owner eve --organization acme --scope graphql", "member add"),
            ("token create --owner nix --organization acme --scope graphql", "The user nix does not exist."),
            ("token create --owner bob --organization nix --scope graphql", "The organization nix does not exist."),
            (
                "token create --owner bob --organization acme --scope graphql --expires-in 0d",
                "tokenward: --expires-in: ",
            ),
            ("token create --owner bob --organization acme --scope graphql --expires-in 999999999d", "at most 36500d"),
            ("token create --owner bob --organization acme --scope graphql --expires-in 36501d", "at most 36500d"),
        ] {
            run(&database, command).await.fails_with(message);
        }
        let long = "token create --owner bob --organization acme --scope graphql --expires-in 36500d";
        assert!(is_token_value(run(&database, long).await.succeeds().trim_end()));
        run(&database, "token create --owner bob --organization acme").await.is_usage_error("--scope");
        let soon = "token create --owner bob --organization acme --scope graphql --expires-in soon";
        run(&database, soon).await.is_usage_error("soon");

        let wrong = format!("{}{}", &value[..41], if value.ends_with('0') { '1' } else { '0' });
        for nonsense in ["", "nonsense", &wrong, &format!("{value} {value}"), &"x".repeat(60 * 1024)] {
            run_command(program_on(&database).args(["token", "revoke"]), nonsense)
                .await
                .fails_with("This is neither a token value nor");
        }
        run_command(program_on(&database).args(["token", "revoke"]), &format!("{value}\n")).await.succeeds_silently();
        run_command(program_on(&database).args(["token", "revoke"]), value).await.fails_with("revoked");
        assert_eq!(run(&database, &format!("token revoke {value}")).await.code, 2);
        let short =
            run(&database, "token create --owner bob --organization acme --scope graphql --expires-in 1s").await;
        tokio::time::sleep(Duration::from_millis(1100)).await;
        run_command(program_on(&database).args(["token", "revoke"]), short.succeeds()).await.fails_with("expired");

        let added = run(&database, "resource-server add builds-api").await;
        let lines: Vec<_> = added.succeeds().lines().collect();
        let base62 = |line: &str, key: &str| {
            line.strip_prefix(key)
                .is_some_and(|text| text.len() > 10 && text.bytes().all(|byte| byte.is_ascii_alphanumeric()))
        };
        assert!(lines.len() == 2 && base62(lines[0], "client_id=") && base62(lines[1], "client_secret="), "{added:?}");
        run(&database, "resource-server add builds-api").await.fails_with("choose another");
        let list = run(&database, "resource-server list").await;
        assert!(list.succeeds().contains("builds-api") && list.stdout.contains("active"), "{list:?}");
        assert!(!list.stdout.contains(&lines[1]["client_secret=".len()..]), "the secret is shown twice");
        run(&database, "resource-server disable builds-api").await.succeeds_silently();
        assert_eq!(run(&database, "resource-server disable builds-api").await.code, 1);
        run(&database, "resource-server disable nix").await.fails_with("The resource server nix does not exist.");
        assert!(run(&database, "resource-server list").await.succeeds().contains("disabled"));

        let limited = "resource-server add acme-api --organization acme --scope read_builds graphql";
        assert_eq!(run(&database, limited).await.succeeds().lines().count(), 2);
        assert!(run(&database, "resource-server list").await.succeeds().contains("  acme; graphql, read_builds\n"));
        let (slug, scope) = ("resource-server add x --organization nix", "resource-server add x --scope read_bulids");
        run(&database, slug).await.fails_with("The organization nix does not exist.");
        run(&database, scope).await.fails_with("--scope read_bulids: ");
        assert_eq!(run(&database, "resource-server list").await.succeeds().lines().count(), 3);
    }
);

/// A secret whose output is lost, for any reason, is not shown again.
#[tokio::test]
async fn lost_secret_is_a_failure_that_names_what_was_created() {
    let database = Database::fresh(Kind::Sqlite, "cli").unwrap();
    run(&database, "user add bob --email bob@example.test --name Bob").await.succeeds();
    run(&database, "organization add acme --name Acme --admin bob").await.succeeds();
    let lost = async |destination: &str, words: &str| {
        let mut command = program_on(&database);
        command.args(words.split_whitespace());
        let output = match destination {
            "closed" => {
                let mut shell = Command::new("sh");
                shell.args(["-c", "exec \"$@\" >&-", "sh"]);
                run_command(&mut run_by(shell, &command), "").await
            }
            "without a reader" => {
                let (reader, writer) = std::io::pipe().unwrap();
                drop(reader);
                run_command(command.stdout(writer), "").await
            }
            file => run_command(command.stdout(std::fs::OpenOptions::new().write(true).open(file).unwrap()), "").await,
        };
        assert_eq!((output.code, output.stderr.lines().count()), (1, 1), "{destination}: {words}: {output:?}");
        assert!(
            output.stderr.contains("is lost") && !output.stderr.contains("twd_"),
            "{destination}: {words}: {output:?}"
        );
        output.stderr
    };
    for (number, destination) in ["closed", "without a reader", "/dev/full", "/dev/null"].into_iter().enumerate() {
        let stderr = lost(destination, "token create --owner bob --organization acme --scope read_builds").await;
        let id = stderr.split(|ch: char| !ch.is_ascii_alphanumeric() && ch != '_');
        let id = id.into_iter().find(|word| word.starts_with("token_")).expect("the message contains the token ID");
        run_command(program_on(&database).args(["token", "revoke"]), id).await.succeeds_silently();
        run_command(program_on(&database).args(["token", "revoke"]), id).await.fails_with("revoked");
        let stderr = lost(destination, &format!("resource-server add api-{number}")).await;
        let disable = format!("resource-server disable api-{number}");
        assert!(stderr.contains(&format!("tokenward {disable}")), "{stderr}");
        run(&database, &disable).await.succeeds_silently();
        let stderr = lost(destination, "user invite bob").await;
        assert!(stderr.contains("tokenward user invite bob"), "{stderr}");
        let add = format!("user add eve-{number} --email eve-{number}@example.test --name Eve --invite");
        assert!(lost(destination, &add).await.contains(&format!("tokenward user invite eve-{number}")));
    }
    let unknown = "token_00000000000000000000000000";
    run_command(program_on(&database).args(["token", "revoke"]), unknown).await.fails_with("The token ");
    run(&database, "user invite bob").await.succeeds();
}

both!(
    async fn pending_emails_are_listed_and_retried(database: Database) {
        run(&database, "migrate").await;
        let none = run(&database, "mail list").await;
        assert_eq!((none.code, &*none.stdout), (0, ""), "{none:?}");
        for command in [
            "user add ada --email ada@example.test --name Ada",
            "user add bob --email bob@example.test --name Bob",
            "organization add acme --name Acme --admin ada",
            "member add acme bob --role member",
            "token create --owner bob --organization acme --scope graphql",
            "member remove acme bob",
        ] {
            run(&database, command).await.succeeds();
        }
        let list = run(&database, "mail list").await;
        let line = list.succeeds().lines().find(|line| line.contains("bob@example.test")).unwrap().to_owned();
        let id = line.split_whitespace().next().unwrap();
        for retry in [format!("mail retry {id}"), "mail retry --all".to_owned()] {
            let queued = run(&database, &retry).await;
            assert_eq!((queued.code, &*queued.stdout), (0, ""), "{queued:?}");
            assert_eq!(queued.stderr, "Queued, to be sent by the running server or the next one: 1\n");
        }
        for wrong in ["nonsense", "mail_01h455vb4pex5vsknk084sn02q"] {
            run(&database, &format!("mail retry {wrong}"))
                .await
                .fails_with(&format!("This email does not exist: {wrong}."));
        }
        run(&database, "mail retry").await.is_usage_error("--all");
    }
);

#[tokio::test]
async fn schema_is_printed_without_a_database() {
    let printed = run_command(program().arg("schema"), "").await;
    assert_eq!(printed.succeeds(), tokenward::testing::graphql::sdl());
}

#[tokio::test]
async fn each_command_has_help_with_an_example() {
    let mut pending = vec![Vec::<String>::new()];
    let mut count = 0;
    while let Some(path) = pending.pop() {
        let help = run_command(program().args(&path).arg("--help"), "").await;
        let commands = help.succeeds().split_once("\nCommands:\n").map(|(_, rest)| rest.split("\n\n").next().unwrap());
        if let Some(commands) = commands {
            // Names are indented by two spaces; the lines that continue a description are indented further.
            let names =
                commands.lines().filter_map(|line| line.strip_prefix("  ").filter(|line| !line.starts_with(' ')));
            for name in names.filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help") {
                pending.push(path.iter().cloned().chain([name.to_owned()]).collect());
            }
            continue;
        }
        count += 1;
        assert!(help.stdout.contains("Example:\n  "), "{path:?} has no example: {}", help.stdout);
        let command = format!("tokenward {}", path.join(" "));
        assert!(help.stdout.contains(&command), "the example of {path:?} shows another command");
    }
    assert!(count >= 15, "found only {count} commands");
}

#[tokio::test]
async fn help_omits_settings_that_a_command_does_not_use() {
    for command in ["schema", "openapi", "completions"] {
        let help = run_command(program().args([command, "--help"]), "").await;
        assert!(!help.succeeds().contains("--database-url") && !help.stdout.contains("Settings"), "{}", help.stdout);
        assert!(help.stdout.contains(&format!("Usage: tokenward {command}")), "{}", help.stdout);
    }
    assert!(
        run_command(program().args(["completions", "--help"]), "").await.succeeds().contains("[possible values: bash")
    );
    // The demo has its own data: it takes neither a database nor a configuration file.
    let demo = run_command(program().args(["demo", "--help"]), "").await;
    assert!(demo.succeeds().contains("--data-dir <DIR>") && demo.stdout.contains("--listen <ADDR>"), "{}", demo.stdout);
    assert!(!demo.stdout.contains("--database-url") && !demo.stdout.contains("--config"), "{}", demo.stdout);
    assert!(run_command(program().args(["migrate", "--help"]), "").await.succeeds().contains("--database-url"));
}

#[tokio::test]
async fn closed_output_pipe_is_no_failure() {
    for arguments in [&["schema"][..], &["openapi"], &["completions", "zsh"], &["migrate"]] {
        let folder = crate::world::temp_files::folder();
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = program();
        let child = command.current_dir(&folder).args(arguments).stdout(writer).spawn().unwrap();
        // `command` holds a copy of the writer as well.
        drop(command);
        let output = child.wait_with_output().await.unwrap();
        assert_eq!((output.status.code(), &*output.stderr), (Some(0), &b""[..]), "{arguments:?}");
    }
    if let Ok(full) = std::fs::OpenOptions::new().write(true).open("/dev/full") {
        let mut command = program();
        let output = run_command(command.arg("schema").stdout(full), "").await;
        assert!(output.code == 1 && output.stderr.contains("standard output"), "{output:?}");
    }
}

#[tokio::test]
async fn wrong_usage_exits_with_2_and_suggests_a_correction() {
    run_command(program().arg("sevre"), "").await.is_usage_error("serve");
    run_command(program().args(["user", "add"]), "").await.is_usage_error("USERNAME");
    run_command(program().args(["serve", "--listne", "x"]), "").await.is_usage_error("--listen");
    run_command(&mut program(), "").await.is_usage_error("Usage");
}

#[tokio::test]
async fn unknown_setting_is_named_with_a_suggestion() {
    let folder = crate::world::temp_files::folder();
    let file = folder.path().join("tokenward.toml");
    std::fs::write(&file, "[database]\nurll = \"sqlite://x.db\"\n").unwrap();
    let mut command = program();
    let refused = run_command(command.current_dir(&folder).args(["migrate", "--config"]).arg(&file), "").await;
    refused.fails_with("tokenward: There is no setting database.urll");
    refused.fails_with("Did you mean database.url?");
    let mut command = program();
    let refused =
        run_command(command.current_dir(&folder).env("TOKENWARD_DATABSE__URL", "sqlite://x.db").arg("migrate"), "")
            .await;
    refused.fails_with("tokenward: There is no setting TOKENWARD_DATABSE__URL");
    refused.fails_with("Did you mean TOKENWARD_DATABASE__URL?");
    for (variable, value) in [("TOKENWARD_AUTH__JWT__SECRET", "short"), ("TOKENWARD_LISTEN", "8080")] {
        let mut command = program();
        let settings = [("AUTH__JWT__ISSUER", "x"), ("AUTH__JWT__AUDIENCE", "x"), ("AUTH__JWT__ALGORITHMS", "HS256")];
        command.envs(settings.map(|(key, value)| (format!("TOKENWARD_{key}"), value)));
        command.env("TOKENWARD_AUTH__JWT__SECRET", "0123456789012345678901234567890123456789").env(variable, value);
        let refused = run_command(command.current_dir(&folder).arg("migrate"), "").await;
        let key = variable["TOKENWARD_".len()..].to_lowercase().replace("__", ".");
        refused.fails_with(&format!("tokenward: {key} is "));
        assert_eq!(refused.stderr.matches(&key).count(), 1, "{refused:?}");
    }
    assert_eq!(folder.path().read_dir().unwrap().count(), 1, "no file is created before the refusal");
}

#[tokio::test]
async fn no_config_file_is_read_by_default() {
    let folder = crate::world::temp_files::folder();
    for name in ["tokenward.toml", "config.toml", "Tokenward.toml", ".tokenward.toml"] {
        std::fs::write(folder.path().join(name), "nonsense = [").unwrap();
    }
    let mut command = program();
    run_command(command.current_dir(&folder).arg("migrate"), "").await.succeeds();
    let mut command = program();
    let command = command.current_dir(&folder).args(["migrate", "--config", "tokenward.toml"]);
    assert_eq!(run_command(command, "").await.code, 1);
}

/// A server started from the real binary.
struct Server<'database> {
    database: &'database Database,
    child: Child,
    address: String,
    http: reqwest::Client,
}

impl<'database> Server<'database> {
    async fn start(database: &'database Database) -> Self {
        Self::start_with(database, program_on(database)).await
    }

    /// Starts the server with a prepared command, to which `serve` and its address are added.
    async fn start_with(database: &'database Database, mut command: Command) -> Self {
        let address = port::free().to_string();
        let child = command.args(["serve", "--listen", &address]).stderr(Stdio::null()).spawn().unwrap();
        let http = reqwest::Client::builder().timeout(Duration::from_secs(10)).build().unwrap();
        let server = Self { database, child, address, http };
        let start = Instant::now();
        while !server.http.get(server.url("/readyz")).send().await.is_ok_and(|response| response.status() == 200) {
            assert!(start.elapsed() < Duration::from_mins(1), "the server is not ready after a minute");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        server
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    async fn command(&self, command: &str) -> CommandOutput {
        run(self.database, command).await
    }

    async fn verify(&self, value: &str, parameters: &str) -> Reply {
        read(self.http.request(Method::GET, self.url(&format!("/verify?{parameters}"))).bearer_auth(value)).await
    }

    /// Stops the server with SIGTERM and returns its exit code.
    async fn stop(self) -> i32 {
        self.stop_by("-TERM").await
    }

    async fn signal(&self, signal: &str) {
        let id = self.child.id().unwrap().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().await.unwrap().success());
    }

    async fn stop_by(mut self, signal: &str) -> i32 {
        self.signal(signal).await;
        let status = tokio::time::timeout(Duration::from_mins(1), self.child.wait()).await.expect("the server exits");
        let mut printed = String::new();
        self.child.stdout.take().unwrap().read_to_string(&mut printed).await.unwrap();
        assert_eq!(printed, "", "a server writes to standard error only");
        status.unwrap().code().expect("the server exits by itself")
    }
}

/// Adds bob, a member of acme and globex, which ada administers, and returns the value of one of his tokens.
async fn create_token(server: &Server<'_>) -> String {
    for command in [
        "user add ada --email ada@example.test --name Ada",
        "user add bob --email bob@example.test --name Bob",
        "organization add acme --name Acme --admin ada",
        "organization add globex --name Globex --admin ada",
        "member add acme bob --role member",
        "member add globex bob --role member",
    ] {
        assert_eq!(server.command(command).await.code, 0, "{command}");
    }
    let create =
        "token create --owner bob --organization acme --organization globex --scope read_builds --scope graphql";
    server.command(create).await.succeeds().trim_end().to_owned()
}

both!(
    async fn commands_take_effect_on_a_running_server(database: Database) {
        let server = Server::start(&database).await;
        let value = create_token(&server).await;
        let acme = "organization=acme&scope=read_builds";
        assert_eq!(server.verify(&value, acme).await.status, 200);
        server.command("member remove acme bob").await.succeeds_silently();
        assert_eq!(server.verify(&value, acme).await.status, 403);
        assert_eq!(server.verify(&value, "organization=globex").await.status, 200);
        server.command("member add acme bob --role member").await.succeeds_silently();
        assert_eq!(server.verify(&value, acme).await.status, 403, "rejoining restores no grants");
        server.command("user disable bob").await.succeeds_silently();
        assert_eq!(server.verify(&value, "organization=globex").await.status, 401);
        server.command("user enable bob").await.succeeds_silently();
        assert_eq!(server.verify(&value, "organization=globex").await.status, 200);
        server.command("organization delete acme").await.succeeds_silently();
        assert_eq!(server.verify(&value, acme).await.status, 403);

        let api = server.command("resource-server add api").await;
        let credential = |key: &str| api.succeeds().lines().find_map(|line| line.strip_prefix(key)).unwrap().to_owned();
        let (id, secret) = (credential("client_id="), credential("client_secret="));
        let introspect = async || {
            let request = server.http.post(server.url("/oauth/introspect")).basic_auth(&id, Some(&secret));
            form(request, &[("token", &value)]).await
        };
        assert_eq!(introspect().await.json()["active"], json!(true));
        let revoked = run_command(program_on(&database).args(["token", "revoke"]), &value).await;
        revoked.succeeds_silently();
        assert_eq!(introspect().await.json(), json!({ "active": false }));
        assert_eq!(server.verify(&value, "").await.status, 401);
        server.command("resource-server disable api").await.succeeds_silently();
        assert_eq!(introspect().await.status, 401);
        assert_eq!(server.stop().await, 0);
    }
);

both!(
    async fn server_writes_usage_on_sigterm(database: Database) {
        let server = Server::start(&database).await;
        writes_usage_at_shutdown(server, "-TERM").await;
    }
);

/// SIGHUP is sent when a terminal is closed, SIGQUIT by some supervisors.
#[tokio::test]
async fn hangup_and_quit_signals_let_a_server_write_usage() {
    for signal in ["-HUP", "-QUIT", "-INT"] {
        let database = Database::fresh(Kind::Sqlite, "cli").unwrap();
        // The environment of the tests may ignore the signal.
        let mut env = Command::new("env");
        env.arg("--default-signal");
        let server = Server::start_with(&database, run_by(env, &program_on(&database))).await;
        writes_usage_at_shutdown(server, signal).await;
    }
}

#[tokio::test]
async fn hangup_that_is_ignored_at_the_start_stays_ignored() {
    let database = Database::fresh(Kind::Sqlite, "cli").unwrap();
    let mut shell = Command::new("sh");
    shell.args(["-c", "trap '' HUP; exec \"$@\"", "sh"]);
    let server = Server::start_with(&database, run_by(shell, &program_on(&database))).await;
    server.signal("-HUP").await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(read(server.http.get(server.url("/readyz"))).await.status, 200);
    assert_eq!(server.stop().await, 0);
}

async fn writes_usage_at_shutdown(server: Server<'_>, signal: &str) {
    let database = server.database;
    let value = create_token(&server).await;
    let first = server.verify(&value, "").await;
    let token = TokenId::from_uuid(first.header("x-token-id").parse().unwrap());
    // The first usage is written soon, later usage only after a while.
    let start = Instant::now();
    let mut before = None;
    while before.is_none() {
        assert!(start.elapsed() < Duration::from_secs(20), "the first usage is not written");
        tokio::time::sleep(Duration::from_millis(100)).await;
        before = last_used_at(database, token).await;
    }
    assert_eq!(server.verify(&value, "").await.status, 200);
    let start = Instant::now();
    assert_eq!(server.stop_by(signal).await, 0, "{signal}");
    assert!(
        last_used_at(database, token).await > before,
        "usage was lost, {:?} after the shutdown began",
        start.elapsed()
    );
}

async fn last_used_at(database: &Database, token: TokenId) -> Option<tokenward::testing::domain::time::Time> {
    let store = Store::connect(&database.target()).await.unwrap();
    let usage = store.usage_of(&[token]).await.unwrap();
    store.close().await;
    usage.get(&token)?.last_used_at
}

/// All files below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = folder.read_dir().unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

both!(
    async fn data_files_are_readable_only_by_their_owner(database: Database) {
        let server = Server::start(&database).await;
        let value = create_token(&server).await;
        // A removal by another user writes an email.
        server.command("member remove acme bob").await.succeeds_silently();
        assert_eq!(server.verify(&value, "").await.status, 200);
        let data = database.folder().join("data");
        let start = Instant::now();
        let has_email = || {
            data.join("mail").is_dir()
                && files(&data.join("mail")).iter().any(|path| path.extension().is_some_and(|end| end == "eml"))
        };
        while !has_email() && start.elapsed() < Duration::from_secs(30) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert!(has_email(), "no email was written");
        let mut found = files(database.folder());
        found.extend([data.clone(), data.join("mail")]);
        assert_eq!(found.iter().any(|path| path.ends_with("tokenward.db-wal")), database.kind() == Kind::Sqlite);
        for path in found {
            let mode = path.metadata().unwrap().permissions().mode() & 0o777;
            assert_eq!(mode & 0o077, 0, "{} has mode {mode:o}", path.display());
        }
        assert_eq!(server.stop().await, 0);
    }
);

#[tokio::test]
async fn openapi_prints_the_committed_document() {
    assert_eq!(run_command(program().arg("openapi"), "").await.succeeds(), include_str!("../../openapi.json"));
}

#[tokio::test]
async fn completions_support_five_shells() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = run_command(program().args(["completions", shell]), "").await;
        assert!(script.succeeds().contains("tokenward") && script.stdout.contains("resource-server"), "{script:?}");
    }
    run_command(program().args(["completions", "csh"]), "")
        .await
        .is_usage_error("possible values: bash, elvish, fish, powershell, zsh");
}

#[tokio::test]
async fn bash_completes_commands_and_flags() {
    if output_of("bash", &["--version"]).is_none() {
        eprintln!("skipped bash_completes_commands_and_flags: bash is not installed");
        return;
    }
    // What bash does when a user presses the Tab key.
    let script = r#"
        source <("$0" completions bash)
        of=$(complete -p tokenward | sed 's/.* -F \([^ ]*\).*/\1/')
        pressed() {
            COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
            "$of" tokenward "${@: -1}" "${@: -2:1}"
            echo "$*: ${COMPREPLY[*]}"
        }
        pressed tokenward us
        pressed tokenward user dis
        pressed tokenward token create --sco
        pressed tokenward completions z
        pressed tokenward nothing
    "#;
    let mut bash = Command::new("bash");
    bash.args(["--norc", "-c", script, env!("CARGO_BIN_EXE_tokenward")]);
    bash.stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    assert_eq!(
        run_command(&mut bash, "").await.succeeds(),
        "tokenward us: user\ntokenward user dis: disable\ntokenward token create --sco: --scope --scopes-file\n\
         tokenward completions z: zsh\ntokenward nothing: \n"
    );
}
