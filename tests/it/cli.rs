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
use tokenward::{domain::id::TokenId, store::Store};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    process::{Child, Command},
};

/// The output of a command and its exit code.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) said: String,
}

impl Ended {
    /// Asserts success with nothing on standard error, and returns standard output.
    pub(crate) fn done(&self) -> &str {
        assert_eq!((self.code, &*self.said), (0, ""), "{self:?}");
        &self.out
    }

    /// Asserts success without output.
    fn silent(&self) {
        assert_eq!(self.done(), "");
    }

    /// Asserts failure with one line on standard error that contains the reason.
    pub(crate) fn refused(&self, why: &str) {
        assert_eq!((self.code, &*self.out), (1, ""), "{self:?}");
        assert_eq!(self.said.lines().count(), 1, "{self:?}");
        assert!(self.said.starts_with("tokenward: ") && self.said.contains(why), "{self:?} does not contain {why}");
    }

    /// Asserts wrong usage.
    fn misused(&self, why: &str) {
        assert_eq!((self.code, &*self.out), (2, ""), "{self:?}");
        assert!(self.said.contains(why), "{self:?} does not contain {why}");
    }
}

pub(crate) fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tokenward"));
    command.env_clear().stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command
}

/// Returns the program, configured for this database.
pub(crate) fn on(database: &Database) -> Command {
    let mut command = program();
    command.current_dir(database.folder());
    command.args(["--database-url", database.url()]).arg("--data-dir").arg(database.folder().join("data"));
    command
}

pub(crate) async fn ended(command: &mut Command, input: &str) -> Ended {
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    // A program that does not read its input may have exited already.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes()).await;
    let output = child.wait_with_output().await.unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ended { code: output.status.code().unwrap(), out: text(output.stdout), said: text(output.stderr) }
}

/// Returns a command that runs `command` through `runner`.
fn by(mut runner: Command, command: &Command) -> Command {
    let command = command.as_std();
    runner.env_clear().stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    runner.current_dir(command.get_current_dir().unwrap()).arg(command.get_program()).args(command.get_args());
    runner
}

/// Runs one command, written as in a shell without quotes.
async fn run(database: &Database, command: &str) -> Ended {
    ended(on(database).args(command.split_whitespace()), "").await
}

fn is_a_value(text: &str) -> bool {
    text.strip_prefix("twd_")
        .is_some_and(|rest| rest.len() == 38 && rest.bytes().all(|byte| byte.is_ascii_alphanumeric()))
}

both!(
    async fn event_list_shows_the_operator_every_event(database: Database) {
        let done = async |command: &str| run(&database, command).await.done().to_owned();
        done("user add ada --email ada@example.test --name Ada").await;
        done("user add bob --email bob@example.test --name Bob").await;
        for slug in ["acme", "globex"] {
            done(&format!("organization add {slug} --name {slug} --admin ada")).await;
        }
        let value = done("token create --owner ada --organization acme --scope read_builds").await;
        ended(on(&database).args(["token", "revoke"]), value.trim()).await.silent();
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
        assert_eq!(run(&database, "event list --until 1h").await.said, "No event matches.\n");
        run(&database, "event list --user nix").await.refused("The user nix does not exist.");
        run(&database, "event list --organization nix").await.refused("The organization nix does not exist.");
        run(&database, "event list --token nonsense").await.refused("--token: ");
        run(&database, "event list --since yesterday").await.refused("--since: ");
        run(&database, "event list --type nonsense").await.misused("possible values: token_created");
        run(&database, "event list --limit 0").await.misused("--limit");
    }
);

both!(
    async fn command_line_rejects_invisible_names_and_dots(database: Database) {
        run(&database, "user add ada --email ada@example.test --name Ada").await.done();
        for command in [
            "user add bob --email bob@example.test --name \u{2800}",
            "organization add acme --name \u{2800} --admin ada",
            "resource-server add \u{2800}",
        ] {
            run(&database, command).await.refused("no visible character");
        }
        for command in ["user add .. --email bob@example.test --name Bob", "organization add . --name Dot --admin ada"]
        {
            run(&database, command).await.refused("`.` and `..` are not allowed");
        }
    }
);

both!(
    async fn migrate_lists_applied_and_check_lists_pending(database: Database) {
        let check = run(&database, "migrate --check").await;
        assert_eq!(check.code, 1, "{check:?}");
        assert!(!check.out.is_empty() && check.out.lines().all(|line| line.starts_with("pending ")), "{check:?}");
        assert_eq!(check.said.lines().count(), 1, "{check:?}");
        assert!(check.said.contains("tokenward migrate"), "{check:?}");
        let applied = run(&database, "migrate").await;
        assert_eq!(applied.done(), check.out.replace("pending ", "applied "));
        run(&database, "migrate --check").await.silent();
        run(&database, "migrate").await.silent();
    }
);

both!(
    /// R-82
    async fn new_database_has_no_users_or_resource_servers(database: Database) {
        run(&database, "migrate").await;
        let store = Store::connect(&database.target()).await.unwrap();
        assert!(!store.has_users().await.unwrap());
        assert!(store.resource_servers().await.unwrap().is_empty());
        assert_eq!(run(&database, "resource-server list").await.out, "");
        for name in ["admin", "root", "tokenward", "demo"] {
            run(&database, &format!("user disable {name}")).await.refused(&format!("The user {name} does not exist."));
        }
    }
);

both!(
    async fn changed_token_prefix_is_refused(database: Database) {
        run(&database, "migrate --token-prefix acme").await;
        let serve = run(&database, "serve --listen 127.0.0.1:0").await;
        assert!(serve.code == 1 && serve.said.ends_with("set token.prefix to acme.\n"), "{serve:?}");
        for command in ["migrate", "user add ada --email a@example.test --name Ada"] {
            run(&database, command).await.refused("set token.prefix to acme");
        }
        assert!(
            run(&database, "user add ada --email a@example.test --name Ada --token-prefix acme")
                .await
                .done()
                .starts_with("user_")
        );
    }
);

both!(
    /// R-61
    async fn user_organization_and_member_commands(database: Database) {
        let add = "user add ada --email ada@example.test --name Ada --subject 1 --issuer https://id.example.test";
        let added = run(&database, add).await;
        assert!(added.done().starts_with("user_") && added.out.lines().count() == 1, "{added:?}");
        run(&database, "user add ada --email other@example.test --name Ada").await.refused("choose another");
        run(&database, "user add cyd --email c@example.test --name Cyd --subject 1 --issuer https://id.example.test")
            .await
            .refused("choose another");
        for name in ["\u{430}da", "Ada", "a/b", "a'--", &"x".repeat(65)] {
            run(&database, &format!("user add {name} --email b@example.test --name B")).await.refused("username: ");
        }
        run(&database, "user add bob --email nonsense --name B").await.refused("--email: ");
        run(&database, "user add bob --email b@example.test --name B --subject 2").await.refused("--issuer");
        run(&database, "user add bob --email b@example.test").await.misused("--name");
        run(&database, "user add bob --email b@example.test --name B --issuer x").await.misused("--subject");
        run(&database, "user add bob --email b@example.test --name B").await.done();

        let added = run(&database, "organization add acme --name Acme --admin ada").await;
        assert!(added.done().starts_with("org_") && added.out.lines().count() == 1, "{added:?}");
        run(&database, "organization add acme --name Acme --admin ada").await.refused("choose another");
        run(&database, "organization add other --name Other --admin eve").await.refused("The user eve does not exist.");
        run(&database, "organization add Other --name Other --admin ada").await.refused("slug: ");
        run(&database, "organization add other --admin ada").await.misused("--name");

        run(&database, "member add acme bob --role member").await.silent();
        run(&database, "member add acme bob --role admin").await.silent();
        run(&database, "member add acme bob --role member").await.silent();
        run(&database, "member add acme bob --role boss").await.misused("boss");
        run(&database, "member add acme eve --role member").await.refused("The user eve does not exist.");
        run(&database, "member add other bob --role member").await.refused("The organization other does not exist.");
        run(&database, "member add acme ada --role member").await.refused("last administrator");
        run(&database, "member remove acme ada").await.refused("last administrator");
        run(&database, "member remove acme bob").await.silent();
        run(&database, "member remove acme bob").await.refused("The member bob does not exist.");
        run(&database, "member remove other bob").await.refused("The organization other does not exist.");

        run(&database, "user disable bob").await.silent();
        run(&database, "user disable bob").await.refused("already disabled");
        run(&database, "user enable bob").await.silent();
        assert_eq!(run(&database, "user enable bob").await.code, 1);
        run(&database, "user enable eve").await.refused("The user eve does not exist.");

        run(&database, "user delete ada").await.refused("acme would have no administrator");
        run(&database, "user delete bob").await.silent();
        run(&database, "user delete bob").await.refused("The user ");
        run(&database, "user enable bob").await.refused("The user bob does not exist.");
        run(&database, "organization delete nix").await.refused("The organization nix does not exist.");
        run(&database, "organization delete acme").await.silent();
        run(&database, "organization delete acme").await.refused("The organization ");
        run(&database, "organization add acme --name Acme --admin ada").await.refused("choose another");
        run(&database, "user delete ada").await.silent();
        run(&database, "user delete").await.misused("USERNAME");
        run(&database, "organization delete").await.misused("SLUG");
    }
);

both!(
    async fn token_and_resource_server_commands(database: Database) {
        run(&database, "user add bob --email bob@example.test --name Bob").await;
        run(&database, "user add eve --email eve@example.test --name Eve").await;
        run(&database, "organization add acme --name Acme --admin bob").await;
        let create =
            "token create --owner bob --organization acme --scope read_builds --scope graphql --expires-in 90d";
        let made = run(&database, create).await;
        let value = made.done().strip_suffix('\n').unwrap();
        assert!(is_a_value(value), "{made:?}");
        for (command, why) in [
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
            run(&database, command).await.refused(why);
        }
        let long = "token create --owner bob --organization acme --scope graphql --expires-in 36500d";
        assert!(is_a_value(run(&database, long).await.done().trim_end()));
        run(&database, "token create --owner bob --organization acme").await.misused("--scope");
        let soon = "token create --owner bob --organization acme --scope graphql --expires-in soon";
        run(&database, soon).await.misused("soon");

        let wrong = format!("{}{}", &value[..41], if value.ends_with('0') { '1' } else { '0' });
        for nonsense in ["", "nonsense", &wrong, &format!("{value} {value}"), &"x".repeat(60 * 1024)] {
            ended(on(&database).args(["token", "revoke"]), nonsense).await.refused("This is neither a token value nor");
        }
        ended(on(&database).args(["token", "revoke"]), &format!("{value}\n")).await.silent();
        ended(on(&database).args(["token", "revoke"]), value).await.refused("revoked");
        assert_eq!(run(&database, &format!("token revoke {value}")).await.code, 2);
        let short =
            run(&database, "token create --owner bob --organization acme --scope graphql --expires-in 1s").await;
        tokio::time::sleep(Duration::from_millis(1100)).await;
        ended(on(&database).args(["token", "revoke"]), short.done()).await.refused("expired");

        let added = run(&database, "resource-server add builds-api").await;
        let lines: Vec<_> = added.done().lines().collect();
        let base62 = |line: &str, key: &str| {
            line.strip_prefix(key)
                .is_some_and(|text| text.len() > 10 && text.bytes().all(|byte| byte.is_ascii_alphanumeric()))
        };
        assert!(lines.len() == 2 && base62(lines[0], "client_id=") && base62(lines[1], "client_secret="), "{added:?}");
        run(&database, "resource-server add builds-api").await.refused("choose another");
        let list = run(&database, "resource-server list").await;
        assert!(list.done().contains("builds-api") && list.out.contains("active"), "{list:?}");
        assert!(!list.out.contains(&lines[1]["client_secret=".len()..]), "the secret is shown twice");
        run(&database, "resource-server disable builds-api").await.silent();
        assert_eq!(run(&database, "resource-server disable builds-api").await.code, 1);
        run(&database, "resource-server disable nix").await.refused("The resource server nix does not exist.");
        assert!(run(&database, "resource-server list").await.done().contains("disabled"));

        let limited = "resource-server add acme-api --organization acme --scope read_builds graphql";
        assert_eq!(run(&database, limited).await.done().lines().count(), 2);
        assert!(run(&database, "resource-server list").await.done().contains("  acme; graphql, read_builds\n"));
        let (slug, scope) = ("resource-server add x --organization nix", "resource-server add x --scope read_bulids");
        run(&database, slug).await.refused("The organization nix does not exist.");
        run(&database, scope).await.refused("--scope read_bulids: ");
        assert_eq!(run(&database, "resource-server list").await.done().lines().count(), 3);
    }
);

/// A secret whose output is lost, for any reason, is not shown again.
#[tokio::test]
async fn lost_secret_is_a_failure_that_names_what_was_created() {
    let database = Database::fresh(Kind::Sqlite, "cli").unwrap();
    run(&database, "user add bob --email bob@example.test --name Bob").await.done();
    run(&database, "organization add acme --name Acme --admin bob").await.done();
    let lost = async |way: &str, words: &str| {
        let mut command = on(&database);
        command.args(words.split_whitespace());
        let ended = match way {
            "closed" => {
                let mut shell = Command::new("sh");
                shell.args(["-c", "exec \"$@\" >&-", "sh"]);
                ended(&mut by(shell, &command), "").await
            }
            "without a reader" => {
                let (reader, writer) = std::io::pipe().unwrap();
                drop(reader);
                ended(command.stdout(writer), "").await
            }
            file => ended(command.stdout(std::fs::OpenOptions::new().write(true).open(file).unwrap()), "").await,
        };
        assert_eq!((ended.code, ended.said.lines().count()), (1, 1), "{way}: {words}: {ended:?}");
        assert!(ended.said.contains("is lost") && !ended.said.contains("twd_"), "{way}: {words}: {ended:?}");
        ended.said
    };
    for (number, way) in ["closed", "without a reader", "/dev/full", "/dev/null"].into_iter().enumerate() {
        let said = lost(way, "token create --owner bob --organization acme --scope read_builds").await;
        let id = said.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
        let id = id.into_iter().find(|word| word.starts_with("token_")).expect("the message contains the token ID");
        ended(on(&database).args(["token", "revoke"]), id).await.silent();
        ended(on(&database).args(["token", "revoke"]), id).await.refused("revoked");
        let said = lost(way, &format!("resource-server add api-{number}")).await;
        let disable = format!("resource-server disable api-{number}");
        assert!(said.contains(&format!("tokenward {disable}")), "{said}");
        run(&database, &disable).await.silent();
        let said = lost(way, "user invite bob").await;
        assert!(said.contains("tokenward user invite bob"), "{said}");
        let add = format!("user add eve-{number} --email eve-{number}@example.test --name Eve --invite");
        assert!(lost(way, &add).await.contains(&format!("tokenward user invite eve-{number}")));
    }
    let nobody = "token_00000000000000000000000000";
    ended(on(&database).args(["token", "revoke"]), nobody).await.refused("The token ");
    run(&database, "user invite bob").await.done();
}

both!(
    async fn pending_emails_are_listed_and_retried(database: Database) {
        run(&database, "migrate").await;
        let none = run(&database, "mail list").await;
        assert_eq!((none.code, &*none.out), (0, ""), "{none:?}");
        for command in [
            "user add ada --email ada@example.test --name Ada",
            "user add bob --email bob@example.test --name Bob",
            "organization add acme --name Acme --admin ada",
            "member add acme bob --role member",
            "token create --owner bob --organization acme --scope graphql",
            "member remove acme bob",
        ] {
            run(&database, command).await.done();
        }
        let list = run(&database, "mail list").await;
        let line = list.done().lines().find(|line| line.contains("bob@example.test")).unwrap().to_owned();
        let id = line.split_whitespace().next().unwrap();
        for retry in [format!("mail retry {id}"), "mail retry --all".to_owned()] {
            let queued = run(&database, &retry).await;
            assert_eq!((queued.code, &*queued.out), (0, ""), "{queued:?}");
            assert_eq!(queued.said, "Queued, to be sent by the running server or the next one: 1\n");
        }
        for wrong in ["nonsense", "mail_01h455vb4pex5vsknk084sn02q"] {
            run(&database, &format!("mail retry {wrong}"))
                .await
                .refused(&format!("This email does not exist: {wrong}."));
        }
        run(&database, "mail retry").await.misused("--all");
    }
);

#[tokio::test]
async fn schema_is_printed_without_a_database() {
    let printed = ended(program().arg("schema"), "").await;
    assert_eq!(printed.done(), tokenward::graphql::sdl());
}

#[tokio::test]
async fn each_command_has_help_with_an_example() {
    let mut left = vec![Vec::<String>::new()];
    let mut seen = 0;
    while let Some(path) = left.pop() {
        let help = ended(program().args(&path).arg("--help"), "").await;
        let commands = help.done().split_once("\nCommands:\n").map(|(_, rest)| rest.split("\n\n").next().unwrap());
        if let Some(commands) = commands {
            // Names are indented by two spaces; the lines that continue a description are indented further.
            let names =
                commands.lines().filter_map(|line| line.strip_prefix("  ").filter(|line| !line.starts_with(' ')));
            for name in names.filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help") {
                left.push(path.iter().cloned().chain([name.to_owned()]).collect());
            }
            continue;
        }
        seen += 1;
        assert!(help.out.contains("Example:\n  "), "{path:?} has no example: {}", help.out);
        let command = format!("tokenward {}", path.join(" "));
        assert!(help.out.contains(&command), "the example of {path:?} shows another command");
    }
    assert!(seen >= 15, "found only {seen} commands");
}

#[tokio::test]
async fn help_omits_settings_that_a_command_does_not_use() {
    for command in ["schema", "openapi", "completions"] {
        let help = ended(program().args([command, "--help"]), "").await;
        assert!(!help.done().contains("--database-url") && !help.out.contains("Settings"), "{}", help.out);
        assert!(help.out.contains(&format!("Usage: tokenward {command}")), "{}", help.out);
    }
    assert!(ended(program().args(["completions", "--help"]), "").await.done().contains("[possible values: bash"));
    // The demo has its own data: it takes neither a database nor a configuration file.
    let demo = ended(program().args(["demo", "--help"]), "").await;
    assert!(demo.done().contains("--data-dir <DIR>") && demo.out.contains("--listen <ADDR>"), "{}", demo.out);
    assert!(!demo.out.contains("--database-url") && !demo.out.contains("--config"), "{}", demo.out);
    assert!(ended(program().args(["migrate", "--help"]), "").await.done().contains("--database-url"));
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
        let ended = ended(command.arg("schema").stdout(full), "").await;
        assert!(ended.code == 1 && ended.said.contains("standard output"), "{ended:?}");
    }
}

#[tokio::test]
async fn wrong_usage_exits_with_2_and_suggests_a_correction() {
    ended(program().arg("sevre"), "").await.misused("serve");
    ended(program().args(["user", "add"]), "").await.misused("USERNAME");
    ended(program().args(["serve", "--listne", "x"]), "").await.misused("--listen");
    ended(&mut program(), "").await.misused("Usage");
}

#[tokio::test]
async fn unknown_setting_is_named_with_a_suggestion() {
    let folder = crate::world::temp_files::folder();
    let file = folder.path().join("tokenward.toml");
    std::fs::write(&file, "[database]\nurll = \"sqlite://x.db\"\n").unwrap();
    let mut command = program();
    let refused = ended(command.current_dir(&folder).args(["migrate", "--config"]).arg(&file), "").await;
    refused.refused("tokenward: There is no setting database.urll");
    refused.refused("Did you mean database.url?");
    let mut command = program();
    let refused =
        ended(command.current_dir(&folder).env("TOKENWARD_DATABSE__URL", "sqlite://x.db").arg("migrate"), "").await;
    refused.refused("tokenward: There is no setting TOKENWARD_DATABSE__URL");
    refused.refused("Did you mean TOKENWARD_DATABASE__URL?");
    for (variable, value) in [("TOKENWARD_AUTH__JWT__SECRET", "short"), ("TOKENWARD_LISTEN", "8080")] {
        let mut command = program();
        let settings = [("AUTH__JWT__ISSUER", "x"), ("AUTH__JWT__AUDIENCE", "x"), ("AUTH__JWT__ALGORITHMS", "HS256")];
        command.envs(settings.map(|(key, value)| (format!("TOKENWARD_{key}"), value)));
        command.env("TOKENWARD_AUTH__JWT__SECRET", "0123456789012345678901234567890123456789").env(variable, value);
        let refused = ended(command.current_dir(&folder).arg("migrate"), "").await;
        let key = variable["TOKENWARD_".len()..].to_lowercase().replace("__", ".");
        refused.refused(&format!("tokenward: {key} is "));
        assert_eq!(refused.said.matches(&key).count(), 1, "{refused:?}");
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
    ended(command.current_dir(&folder).arg("migrate"), "").await.done();
    let mut command = program();
    let asked = command.current_dir(&folder).args(["migrate", "--config", "tokenward.toml"]);
    assert_eq!(ended(asked, "").await.code, 1);
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
        Self::started(database, on(database)).await
    }

    /// Starts the server with a prepared command, to which `serve` and its address are added.
    async fn started(database: &'database Database, mut command: Command) -> Self {
        let address = port::free().to_string();
        let child = command.args(["serve", "--listen", &address]).stderr(Stdio::null()).spawn().unwrap();
        let http = reqwest::Client::builder().timeout(Duration::from_secs(10)).build().unwrap();
        let server = Self { database, child, address, http };
        let start = Instant::now();
        while !server.http.get(server.url("/readyz")).send().await.is_ok_and(|answer| answer.status() == 200) {
            assert!(start.elapsed() < Duration::from_mins(1), "the server is not ready after a minute");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        server
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    async fn command(&self, command: &str) -> Ended {
        run(self.database, command).await
    }

    async fn verify(&self, value: &str, question: &str) -> Reply {
        read(self.http.request(Method::GET, self.url(&format!("/verify?{question}"))).bearer_auth(value)).await
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
async fn a_token(server: &Server<'_>) -> String {
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
    server.command(create).await.done().trim_end().to_owned()
}

both!(
    async fn commands_take_effect_on_a_running_server(database: Database) {
        let server = Server::start(&database).await;
        let value = a_token(&server).await;
        let acme = "organization=acme&scope=read_builds";
        assert_eq!(server.verify(&value, acme).await.status, 200);
        server.command("member remove acme bob").await.silent();
        assert_eq!(server.verify(&value, acme).await.status, 403);
        assert_eq!(server.verify(&value, "organization=globex").await.status, 200);
        server.command("member add acme bob --role member").await.silent();
        assert_eq!(server.verify(&value, acme).await.status, 403, "rejoining restores no grants");
        server.command("user disable bob").await.silent();
        assert_eq!(server.verify(&value, "organization=globex").await.status, 401);
        server.command("user enable bob").await.silent();
        assert_eq!(server.verify(&value, "organization=globex").await.status, 200);
        server.command("organization delete acme").await.silent();
        assert_eq!(server.verify(&value, acme).await.status, 403);

        let api = server.command("resource-server add api").await;
        let credential = |key: &str| api.done().lines().find_map(|line| line.strip_prefix(key)).unwrap().to_owned();
        let (id, secret) = (credential("client_id="), credential("client_secret="));
        let introspect = async || {
            let request = server.http.post(server.url("/oauth/introspect")).basic_auth(&id, Some(&secret));
            form(request, &[("token", &value)]).await
        };
        assert_eq!(introspect().await.json()["active"], json!(true));
        let revoked = ended(on(&database).args(["token", "revoke"]), &value).await;
        revoked.silent();
        assert_eq!(introspect().await.json(), json!({ "active": false }));
        assert_eq!(server.verify(&value, "").await.status, 401);
        server.command("resource-server disable api").await.silent();
        assert_eq!(introspect().await.status, 401);
        assert_eq!(server.stop().await, 0);
    }
);

both!(
    async fn server_writes_usage_on_sigterm(database: Database) {
        let server = Server::start(&database).await;
        writes_use_before_its_end(server, "-TERM").await;
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
        let server = Server::started(&database, by(env, &on(&database))).await;
        writes_use_before_its_end(server, signal).await;
    }
}

#[tokio::test]
async fn hangup_that_is_ignored_at_the_start_stays_ignored() {
    let database = Database::fresh(Kind::Sqlite, "cli").unwrap();
    let mut shell = Command::new("sh");
    shell.args(["-c", "trap '' HUP; exec \"$@\"", "sh"]);
    let server = Server::started(&database, by(shell, &on(&database))).await;
    server.signal("-HUP").await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(read(server.http.get(server.url("/readyz"))).await.status, 200);
    assert_eq!(server.stop().await, 0);
}

async fn writes_use_before_its_end(server: Server<'_>, signal: &str) {
    let database = server.database;
    let value = a_token(&server).await;
    let first = server.verify(&value, "").await;
    let token = TokenId::from_uuid(first.header("x-token-id").parse().unwrap());
    // The first usage is written soon, later usage only after a while.
    let start = Instant::now();
    let mut before = None;
    while before.is_none() {
        assert!(start.elapsed() < Duration::from_secs(20), "the first usage is not written");
        tokio::time::sleep(Duration::from_millis(100)).await;
        before = used(database, token).await;
    }
    assert_eq!(server.verify(&value, "").await.status, 200);
    let start = Instant::now();
    assert_eq!(server.stop_by(signal).await, 0, "{signal}");
    assert!(used(database, token).await > before, "usage was lost, {:?} after the shutdown began", start.elapsed());
}

async fn used(database: &Database, token: TokenId) -> Option<tokenward::domain::time::Time> {
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
        let value = a_token(&server).await;
        // A removal by another user writes an email.
        server.command("member remove acme bob").await.silent();
        assert_eq!(server.verify(&value, "").await.status, 200);
        let data = database.folder().join("data");
        let start = Instant::now();
        let letters = || {
            data.join("mail").is_dir()
                && files(&data.join("mail")).iter().any(|path| path.extension().is_some_and(|end| end == "eml"))
        };
        while !letters() && start.elapsed() < Duration::from_secs(30) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert!(letters(), "no email was written");
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
    assert_eq!(ended(program().arg("openapi"), "").await.done(), include_str!("../../openapi.json"));
}

#[tokio::test]
async fn completions_support_five_shells() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = ended(program().args(["completions", shell]), "").await;
        assert!(script.done().contains("tokenward") && script.out.contains("resource-server"), "{script:?}");
    }
    ended(program().args(["completions", "csh"]), "")
        .await
        .misused("possible values: bash, elvish, fish, powershell, zsh");
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
        ended(&mut bash, "").await.done(),
        "tokenward us: user\ntokenward user dis: disable\ntokenward token create --sco: --scope --scopes-file\n\
         tokenward completions z: zsh\ntokenward nothing: \n"
    );
}
