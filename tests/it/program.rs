//! Runs the real program as a child process with its own folder and port; dropping the value stops it.

use crate::world::{database::Database, port};
use std::{
    fs::File,
    net::{SocketAddr, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};
use tokenward::testing::config::Config;

/// The secret of the JWTs that the program accepts.
pub(crate) const JWT_SECRET: &str = "a secret that only this child process uses";

/// The program with its settings.
pub(crate) struct Program {
    settings: Vec<(String, String)>,
    pub(crate) listen: SocketAddr,
    log: PathBuf,
    /// The ID of the serving process.
    process: AtomicU32,
    /// A command that runs the program, with its first arguments.
    before: Vec<String>,
}

impl Program {
    /// Returns the program for this database, with a free port and a log file in the folder of the database.
    pub(crate) fn over(database: &Database, more: &[(&str, &str)]) -> Self {
        let listen = port::free();
        let folder = database.folder().to_str().unwrap();
        let mut settings = vec![
            ("listen", listen.to_string()),
            ("data_dir", folder.to_owned()),
            ("database.url", database.url().to_owned()),
            ("auth.jwt.issuer", crate::world::ISSUER.to_owned()),
            ("auth.jwt.audience", "tokenward".to_owned()),
            ("auth.jwt.algorithms", "HS256".to_owned()),
            ("auth.jwt.secret", JWT_SECRET.to_owned()),
            // Tests create objects as fast as they can.
            ("token.max_per_user", "1000000".to_owned()),
            ("token.max_changes_per_minute", "1000000".to_owned()),
        ];
        settings.extend(more.iter().map(|(key, value)| (*key, (*value).to_owned())));
        let settings = settings.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
        Self { settings, listen, log: database.folder().join("log"), process: AtomicU32::default(), before: Vec::new() }
    }

    /// Runs the program through another command, which gets it and its arguments.
    pub(crate) fn run_by(self, before: Vec<String>) -> Self {
        Self { before, ..self }
    }

    /// Runs the program in a terminal, by `script` of util-linux, which writes the output of the terminal to this file.
    pub(crate) fn in_terminal(self, shown: &Path) -> Self {
        let script = "exec script --quiet --flush --return --log-out \"$SHOWN\" --command \"$0 $1\"";
        let script = format!("SHOWN='{}'; {script}", shown.display());
        self.run_by(vec!["sh".to_owned(), "-c".to_owned(), script])
    }

    /// Returns the settings as the service reads them.
    pub(crate) fn config(&self) -> Config {
        let flags: Vec<_> = self.settings.iter().map(|(key, value)| (key.as_str(), value.clone())).collect();
        Config::load(None, [], &flags).unwrap()
    }

    fn command(&self) -> Command {
        let program = env!("CARGO_BIN_EXE_tokenward");
        let mut command = match self.before.split_first() {
            Some((first, rest)) => {
                let mut command = Command::new(first);
                command.args(rest).arg(program);
                command
            }
            None => Command::new(program),
        };
        for (key, value) in &self.settings {
            command.env(format!("TOKENWARD_{}", key.to_uppercase().replace('.', "__")), value);
        }
        command.stdin(Stdio::null());
        command
    }

    /// Runs a command that must succeed, and returns its standard output.
    pub(crate) fn run(&self, arguments: &[&str]) -> String {
        self.attempt(arguments).unwrap_or_else(|stderr| panic!("{arguments:?}: {stderr}"))
    }

    /// Runs a command that must fail, and returns its standard error.
    pub(crate) fn fails(&self, arguments: &[&str]) -> String {
        self.attempt(arguments).unwrap_err()
    }

    /// Runs a command. Returns its standard output, or its standard error if it failed.
    pub(crate) fn attempt(&self, arguments: &[&str]) -> Result<String, String> {
        let output = self.command().args(arguments).output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        if output.status.success() {
            return Ok(String::from_utf8(output.stdout).unwrap().trim().to_owned());
        }
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {stderr}");
        Err(stderr)
    }

    /// Creates an organization with these users; the first one is its administrator.
    pub(crate) fn add_organization(&self, slug: &str, usernames: &[&str]) {
        for (number, username) in usernames.iter().enumerate() {
            let email = format!("{username}@example.test");
            self.run(&["user", "add", username, "--email", &email, "--name", username, "--subject", username]);
            if number == 0 {
                self.run(&["organization", "add", slug, "--name", slug, "--admin", username]);
            } else {
                self.run(&["member", "add", slug, username, "--role", "member"]);
            }
        }
    }

    /// Returns a JWT of this user.
    pub(crate) fn jwt(&self, username: &str) -> String {
        let email = format!("{username}@example.test");
        let claims =
            tokenward::testing::http::UserClaims { subject: username, username, name: username, email: &email };
        let config = self.config();
        let now = tokenward::testing::app::Clock::machine().now();
        tokenward::testing::http::sign(config.jwt.as_ref().unwrap(), &claims, now, Duration::from_hours(1)).unwrap()
    }

    /// Starts `serve`, waits until it is ready, and returns how long that took.
    pub(crate) async fn serve(&self) -> (Serving, Duration) {
        self.serve_by(self.command().arg("serve")).await
    }

    /// Starts `serve` with its standard error redirected.
    pub(crate) async fn serve_logging_to(&self, log: impl Into<Stdio>) -> Serving {
        self.serve_with(self.command().arg("serve"), log).await.0
    }

    /// Starts `serve` with a limit of open files.
    pub(crate) async fn serve_with_files(&self, max: u32) -> Serving {
        let mut shell = Command::new("sh");
        let script = format!("ulimit -n {max} && exec \"$0\" serve");
        shell.args(["-c", &script, env!("CARGO_BIN_EXE_tokenward")]).stdin(Stdio::null());
        shell.envs(self.command().get_envs().filter_map(|(name, value)| Some((name, value?))));
        self.serve_by(&mut shell).await.0
    }

    async fn serve_by(&self, command: &mut Command) -> (Serving, Duration) {
        self.serve_with(command, File::options().create(true).append(true).open(&self.log).unwrap()).await
    }

    async fn serve_with(&self, command: &mut Command, log: impl Into<Stdio>) -> (Serving, Duration) {
        let start = Instant::now();
        let child = command.stdout(Stdio::null()).stderr(log).spawn().unwrap();
        self.process.store(child.id(), Ordering::Relaxed);
        let mut serving = Serving(child);
        let ready = format!("http://{}/readyz", self.listen);
        let http = reqwest::Client::new();
        loop {
            if http.get(&ready).send().await.is_ok_and(|response| response.status() == 200) {
                return (serving, start.elapsed());
            }
            assert!(serving.0.try_wait().unwrap().is_none(), "the process exited: {}", self.logged());
            assert!(start.elapsed() < Duration::from_secs(20), "the service is not ready: {}", self.logged());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Returns the URL of a path.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.listen)
    }

    /// Returns the log so far.
    pub(crate) fn logged(&self) -> String {
        let start = Instant::now();
        let read = || std::fs::read(&self.log).unwrap_or_default();
        // The thread that writes the log may sleep for a moment before the last lines.
        let (mut log, mut same) = (read(), 0);
        while same < 5 {
            assert!(start.elapsed() < Duration::from_secs(30), "the log is not written");
            std::thread::sleep(Duration::from_millis(5));
            let now = read();
            same = if now == log && !self.has_lines_to_write() { same + 1 } else { 0 };
            log = now;
        }
        String::from_utf8_lossy(&log).into_owned()
    }

    /// Returns whether the thread that writes the log is running. It sleeps once all lines are written.
    fn has_lines_to_write(&self) -> bool {
        let threads = format!("/proc/{}/task", self.process.load(Ordering::Relaxed));
        let stats = std::fs::read_dir(threads).into_iter().flatten().flatten().map(|thread| thread.path().join("stat"));
        stats.filter_map(|stat| std::fs::read_to_string(stat).ok()).any(|stat| {
            let state = stat.split_once(" (log) ").map(|(_, state)| state);
            state.is_some_and(|state| state.starts_with(['R', 'D']))
        })
    }

    pub(crate) fn log(&self) -> &Path {
        &self.log
    }

    /// Returns whether the program accepts connections.
    pub(crate) fn listens(&self) -> bool {
        TcpStream::connect(self.listen).is_ok()
    }
}

/// A serving process, which is killed when the value is dropped.
pub(crate) struct Serving(Child);

impl Serving {
    /// Returns the path of a file or folder below `/proc/<id>`.
    pub(crate) fn about(&self, name: &str) -> PathBuf {
        Path::new("/proc").join(self.0.id().to_string()).join(name)
    }

    /// Returns the peak memory of the process, in MiB.
    pub(crate) fn peak(&self) -> u64 {
        let status = std::fs::read_to_string(self.about("status")).unwrap();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        peak.split_whitespace().next().unwrap().parse::<u64>().unwrap() / 1024
    }

    /// Returns whether the process runs.
    pub(crate) fn is_running(&mut self) -> bool {
        self.0.try_wait().unwrap().is_none()
    }

    /// Kills the process, as a loss of power would.
    pub(crate) fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }

    /// Sends SIGTERM.
    pub(crate) fn terminate(&self) {
        let id = self.0.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
    }

    /// Waits until the process exits.
    pub(crate) async fn exit_status(&mut self, limit: Duration) -> ExitStatus {
        let start = Instant::now();
        loop {
            if let Some(status) = self.0.try_wait().unwrap() {
                return status;
            }
            assert!(start.elapsed() < limit, "the process still runs after {limit:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
