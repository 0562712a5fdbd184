//! Checks that migrations run once when several nodes start, and complete after an interruption.

use crate::{program::Program, world::database::Database};
use std::{
    process::{Command, Output, Stdio},
    time::Duration,
};

fn migrate(database: &Database) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tokenward"));
    command
        .args(["migrate", "--log-level", "warn"])
        .env("TOKENWARD_DATABASE__URL", database.url())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

fn output_of(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

both!(
    ///
    async fn one_of_four_starting_nodes_migrates(database: Database) {
        let nodes: Vec<_> = (0..4).map(|_| migrate(&database).spawn().unwrap()).collect();
        let outputs: Vec<_> = nodes.into_iter().map(|node| node.wait_with_output().unwrap()).collect();
        let all: String = outputs.iter().map(output_of).collect();
        assert!(outputs.iter().all(|output| output.status.success()), "{all}");
        let mut applied: Vec<_> = all.lines().filter(|line| line.starts_with("applied ")).collect();
        let steps = applied.len();
        applied.sort_unstable();
        applied.dedup();
        assert!(steps == applied.len() && steps > 0, "{all}");
        assert!(migrate(&database).arg("--check").output().unwrap().status.success());
    }
);

both!(
    /// F-16
    async fn killed_migration_is_completed(database: Database) {
        for pause in [2, 5, 9, 14, 20, 27, 35] {
            let mut node = migrate(&database).spawn().unwrap();
            std::thread::sleep(Duration::from_millis(pause));
            node.kill().unwrap();
            node.wait().unwrap();
        }
        let output = migrate(&database).output().unwrap();
        assert!(output.status.success(), "{}", output_of(&output));
        let check = migrate(&database).arg("--check").output().unwrap();
        assert!(check.status.success() && check.stdout.is_empty(), "{}", output_of(&check));
    }
);

both!(
    /// F-16
    async fn newer_schema_is_refused(database: Database) {
        let program = Program::over(&database, &[]);
        program.run(&["migrate"]);
        let newer = "insert into seaql_migrations (version, applied_at) values ('m99991231_235959_later', 0)";
        if database.query(newer).is_none() {
            return;
        }
        for command in
            [&["serve"][..], &["migrate"], &["user", "add", "ada", "--email", "ada@example.test", "--name", "ada"]]
        {
            let stderr = program.fails(command);
            assert!(stderr.contains("by a newer Tokenward") && stderr.lines().count() == 1, "{command:?}: {stderr}");
        }
    }
);

/// The migrations of the last schema before the first release.
const UNRELEASED: &str = "update seaql_migrations set version = 'first';
    insert into seaql_migrations (version, applied_at) values ('third', 0), ('m20261130_170000_event_resource_servers', 0)";

both!(
    /// F-16
    async fn schema_from_before_the_first_release_is_refused(database: Database) {
        let program = Program::over(&database, &[]);
        program.run(&["migrate"]);
        if database.query(UNRELEASED).is_none() {
            return;
        }
        for command in [
            &["serve"][..],
            &["migrate"],
            &["migrate", "--check"],
            &["user", "add", "ada", "--email", "ada@example.test", "--name", "ada"],
            &["mail", "list"],
        ] {
            let stderr = program.fails(command);
            let is_explained = ["before the first release", "create a new database", "database.url", "data_dir"]
                .iter()
                .all(|part| stderr.contains(part));
            assert!(is_explained && !stderr.contains("newer"), "{command:?}: {stderr}");
            assert_eq!(stderr.lines().count(), 1, "{command:?}: {stderr}");
        }
    }
);
