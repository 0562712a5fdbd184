//! Temporary PostgreSQL servers: one is shared by the tests of a process and stops with the process.
//!
//! A shell script supervises the server and waits for its standard input to close. The test process holds the other end, so
//! the kernel closes it however the process ends, and the script stops the server and removes its files.

use super::{
    port,
    temp_files::{bind_to_process, memory, output_of},
};
use std::{
    env,
    ffi::OsStr,
    io::{BufRead, BufReader, Read, Write},
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Stdio},
    sync::OnceLock,
};
use uuid::Uuid;

/// Starts a server with its files in `$1` and its programs in `$2`, on the first free port of the remaining arguments. The
/// server is stopped and its files are removed however the script ends, even if the test process ends before the server is
/// ready. While the server runs, the script executes the commands in its input, one word per line, and prints `done` after each.
const SUPERVISOR: &str = r#"
set -eu
trap '' INT TERM HUP PIPE
umask 077
read -r password
folder=$(mktemp -d "$1/tokenward-postgres.XXXXXX")
programs=$2
shift 2
all() {
    server=$(head -n 1 "$folder/data/postmaster.pid")
    echo "$server" $(ps -o pid= --ppid "$server")
}
end() {
    kill -CONT $(all) 2> "$folder/end"
    "$programs/pg_ctl" -D "$folder/standby" -m immediate stop > "$folder/end" 2>&1
    "$programs/pg_ctl" -D "$folder/data" -m immediate stop > "$folder/end" 2>&1
    rm -rf "$folder"
}
trap 'set +e; end' EXIT
printf '%s\n' "$password" > "$folder/password"
"$programs/initdb" -D "$folder/data" -U tokenward --pwfile="$folder/password" --auth=password \
    -E UTF8 --locale=C --no-sync > "$folder/log" 2>&1 || { cat "$folder/log"; exit 1; }
cat >> "$folder/data/postgresql.conf" <<END
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
max_connections = 400
min_wal_size = 32MB
max_wal_size = 256MB
END
start() {
    "$programs/pg_ctl" -D "$folder/$1" -l "$folder/log" -o "-p $2" -w -t 60 start > "$folder/start" 2>&1
}
run_command() {
    case $1 in
        freeze) kill -STOP $(all) ;;
        thaw) kill -CONT $(all) ;;
        crash) "$programs/pg_ctl" -D "$folder/data" -m immediate -w stop > "$folder/stop" ;;
        stop) "$programs/pg_ctl" -D "$folder/data" -m fast -w stop > "$folder/stop" ;;
        start) start data "$port" ;;
        follow)
            PGPASSWORD=$password "$programs/pg_basebackup" -h 127.0.0.1 -p "$port" -U tokenward -D "$folder/standby" \
                -c fast -R > "$folder/follow" 2>&1 && start standby "$next" ;;
    esac
}
while [ $# -gt 1 ]; do
    port=$1 next=$2
    shift
    if start data "$port"; then
        echo "ready $port $next"
        while read -r command; do
            if run_command "$command"; then echo done; else cat "$folder"/log "$folder"/start; fi
        done
        exit 0
    fi
done
cat "$folder/start" "$folder/log"
exit 1
"#;

/// A running server.
pub(crate) struct Cluster {
    url: String,
    psql: PathBuf,
    /// The script that stops the server when it ends. `None` for a server that was running before.
    supervisor: Option<Child>,
    output: Option<BufReader<ChildStdout>>,
    standby: String,
}

/// A command for a dedicated server.
#[derive(Debug, Clone, Copy)]
pub(crate) enum ServerCommand {
    /// Suspends all its processes.
    Freeze,
    /// Resumes its processes.
    Thaw,
    /// Stops it immediately, as a power failure would.
    Crash,
    /// Shuts it down and disconnects all clients.
    Stop,
    /// Starts it again, on the same port.
    Start,
    /// Starts a standby that replicates it.
    Follow,
}

/// Why no server is available.
#[derive(Clone)]
pub(crate) enum Unavailable {
    /// PostgreSQL is not installed, so the test is skipped.
    NotInstalled,
    /// PostgreSQL is installed and does not start; contains the output.
    Broken(String),
}

impl Cluster {
    /// Returns the server that all tests of this process share, and starts it on the first call. `TEST_POSTGRES` selects a
    /// running server instead: the URL of a database whose user can create databases.
    pub(crate) fn shared() -> Result<&'static Self, Unavailable> {
        static SHARED: OnceLock<Result<Cluster, Unavailable>> = OnceLock::new();
        SHARED.get_or_init(Self::found_or_started).as_ref().map_err(Clone::clone)
    }

    /// Starts a dedicated server that a test can crash. `None` if PostgreSQL is not installed.
    pub(crate) fn dedicated() -> Option<Self> {
        programs().map(|programs| Self::start(&programs).unwrap_or_else(|why| panic!("{why}")))
    }

    /// Runs a command on a dedicated server and waits for its end.
    pub(crate) fn execute(&mut self, command: ServerCommand) {
        let word = format!("{command:?}").to_lowercase();
        let supervisor = self.supervisor.as_mut().expect("a dedicated server");
        writeln!(supervisor.stdin.as_mut().expect("its standard input"), "{word}").expect("a running supervisor");
        let mut output = String::new();
        self.output.as_mut().expect("its standard output").read_line(&mut output).expect("a running supervisor");
        assert_eq!(output.trim(), "done", "{word}");
    }

    /// Returns the URL of a database on the standby.
    pub(crate) fn standby_url_of(&self, database: &str) -> String {
        self.url_of(database).replacen(self.port(), &self.standby, 1)
    }

    fn port(&self) -> &str {
        self.url.rsplit_once(':').and_then(|(_, rest)| rest.split('/').next()).expect("a port")
    }

    fn found_or_started() -> Result<Self, Unavailable> {
        let programs = programs();
        if let Some(url) = setting("TEST_POSTGRES") {
            let psql = programs.map_or_else(|| "psql".into(), |folder| folder.join("psql"));
            return Ok(Self { url, psql, supervisor: None, output: None, standby: String::new() });
        }
        Self::start(&programs.ok_or(Unavailable::NotInstalled)?).map_err(Unavailable::Broken)
    }

    /// Starts a server with the programs in a folder. The error contains the output of the script.
    fn start(programs: &Path) -> Result<Self, String> {
        let password = Uuid::new_v4().simple().to_string();
        let mut command = unprivileged_shell(SUPERVISOR, "tokenward-test-supervisor")?;
        command.arg(memory()).arg(programs).args((0..4).map(|_| port::free().port().to_string())).current_dir("/");
        for name in ["PGDATA", "PGHOST", "PGPORT", "PGUSER", "PGOPTIONS", "PGSERVICE"] {
            command.env_remove(name);
        }
        let mut supervisor = bind_to_process(&mut command)
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("failed to start the supervisor of PostgreSQL: {error}"))?;
        let input = supervisor.stdin.as_mut().ok_or("the supervisor of PostgreSQL has no standard input")?;
        writeln!(input, "{password}")
            .map_err(|error| format!("failed to write to the supervisor of PostgreSQL: {error}"))?;
        let output = supervisor.stdout.take().ok_or("the supervisor of PostgreSQL has no standard output")?;
        let mut output = BufReader::new(output);
        let mut printed = Vec::new();
        for line in output.by_ref().lines().map_while(Result::ok) {
            if let Some((port, standby)) = line.strip_prefix("ready ").and_then(|ports| ports.split_once(' ')) {
                let url = format!("postgres://tokenward:{password}@127.0.0.1:{port}/postgres");
                let (psql, standby) = (programs.join("psql"), standby.to_owned());
                return Ok(Self { url, psql, supervisor: Some(supervisor), output: Some(output), standby });
            }
            printed.push(line);
        }
        Err(format!("PostgreSQL of {} did not start:\n{}", programs.display(), printed.join("\n")))
    }

    /// Returns the URL of a database.
    pub(crate) fn url_of(&self, database: &str) -> String {
        let (front, query) = self.url.split_once('?').map_or((&*self.url, None), |(front, query)| (front, Some(query)));
        let server = front.rsplit_once('/').map_or(front, |(server, _)| server);
        query.map_or_else(|| format!("{server}/{database}"), |query| format!("{server}/{database}?{query}"))
    }

    /// Runs statements, each in a separate transaction, and returns the output of `psql`, unaligned and without headings.
    pub(crate) fn run(&self, database: &str, statements: &str) -> Result<String, String> {
        run_psql(&self.psql, &self.url_of(database), statements)
    }

    /// Opens a session with a database: its statements run on one connection.
    pub(crate) fn session(&self, database: &str) -> Session {
        let mut command = Command::new(&self.psql);
        command.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", &self.url_of(database)]);
        let mut psql = bind_to_process(&mut command).stdout(Stdio::piped()).spawn().expect("psql");
        let output = BufReader::new(psql.stdout.take().expect("its standard output"));
        Session { psql, output }
    }

    /// Runs statements in the database that the URL of the server names.
    pub(crate) fn administer(&self, statements: &str) -> Result<String, String> {
        let path = self.url.split('?').next().unwrap_or_default();
        self.run(path.rsplit('/').next().unwrap_or("postgres"), statements)
    }
}

/// Runs a statement in the database with a URL and returns the output of `psql`.
pub(crate) fn query(url: &str, statement: &str) -> Result<String, String> {
    let psql = programs().map_or_else(|| "psql".into(), |folder| folder.join("psql"));
    run_psql(&psql, url, statement)
}

fn run_psql(psql: &Path, url: &str, statements: &str) -> Result<String, String> {
    let output = Command::new(psql)
        .args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", url, "-c", statements])
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("{}: {error}", psql.display()))?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).trim().to_owned())
    }
}

/// A session with a database; dropping it closes the connection, which rolls back an open transaction.
pub(crate) struct Session {
    psql: Child,
    output: BufReader<ChildStdout>,
}

impl Session {
    /// Runs statements and returns their output, unaligned and without headings.
    pub(crate) fn query(&mut self, statements: &str) -> String {
        const END: &str = "-- end of output --";
        let input = self.psql.stdin.as_mut().expect("its standard input");
        writeln!(input, "{statements};\n\\echo '{END}'").expect("psql runs");
        let mut printed = Vec::new();
        for line in self.output.by_ref().lines() {
            let line = line.expect("a line");
            if line == END {
                return printed.join("\n");
            }
            printed.push(line);
        }
        panic!("psql ended: {statements}");
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let _ = self.psql.kill();
        let _ = self.psql.wait();
    }
}

/// Returns an environment variable, unless it is empty.
#[expect(clippy::disallowed_methods, reason = "a test has no `Config`")]
pub(crate) fn setting(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

/// Finds the folder with `initdb` and `pg_ctl`: on the `PATH`, otherwise the newest version that Debian installed.
fn programs() -> Option<PathBuf> {
    let path = setting("PATH").unwrap_or_default();
    env::split_paths(&path).find(|folder| contains_server(folder)).or_else(|| newest(Path::new("/usr/lib/postgresql")))
}

fn newest(versions: &Path) -> Option<PathBuf> {
    let folders = versions.read_dir().ok()?.filter_map(|entry| Some(entry.ok()?.path()));
    let version =
        |folder: &PathBuf| folder.file_name().and_then(OsStr::to_str).and_then(|name| name.parse::<u32>().ok());
    let complete = folders.filter(|folder| contains_server(&folder.join("bin")));
    complete.max_by_key(version).map(|folder| folder.join("bin"))
}

fn contains_server(folder: &Path) -> bool {
    ["initdb", "pg_ctl", "postgres", "psql"].iter().all(|program| folder.join(program).is_file())
}

/// Returns a command that runs a shell script, as another user if this is root, since PostgreSQL refuses to run as root.
fn unprivileged_shell(script: &str, name: &str) -> Result<Command, String> {
    if output_of("id", &["-u"]).as_deref() != Some("0") {
        let mut command = Command::new("sh");
        command.args(["-c", script, name]);
        return Ok(command);
    }
    let user = ["postgres", "daemon"].into_iter().find(|user| output_of("id", &["-u", user]).is_some());
    let user = user.ok_or("PostgreSQL does not run as root, and there is no user postgres or daemon")?;
    let (program, arguments) = if output_of("setpriv", &["--version"]).is_some() {
        let group = output_of("id", &["-g", user]).ok_or("a user without a group")?;
        let (user, group) = (format!("--reuid={user}"), format!("--regid={group}"));
        ("setpriv", vec![user, group, "--clear-groups".into(), "sh".into(), "-c".into(), script.into()])
    } else if output_of("runuser", &["--version"]).is_some() {
        ("runuser", ["-u", user, "--", "sh", "-c", script].map(str::to_owned).to_vec())
    } else {
        ("su", ["-s", "/bin/sh", "-c", script, user].map(str::to_owned).to_vec())
    };
    let mut command = Command::new(program);
    command.args(arguments).arg(name);
    Ok(command)
}

mod tests {
    use super::*;
    use std::{fs, os::unix::fs::PermissionsExt};

    #[test]
    fn newest_complete_version_is_found() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(newest(folder.path()), None);
        for (version, programs) in [
            ("9", &["initdb", "pg_ctl", "postgres", "psql"][..]),
            ("15", &["initdb", "pg_ctl", "postgres", "psql"]),
            ("17", &["psql"]),
        ] {
            let bin = folder.path().join(version).join("bin");
            fs::create_dir_all(&bin).unwrap();
            for program in programs {
                fs::write(bin.join(program), "").unwrap();
            }
        }
        assert_eq!(newest(folder.path()), Some(folder.path().join("15/bin")));
        assert_eq!(newest(Path::new("/no/such/folder")), None);
    }

    #[test]
    fn database_url_keeps_the_options_of_the_server() {
        let at = |url: &str| {
            let (url, psql, standby) = (url.to_owned(), "psql".into(), String::new());
            Cluster { url, psql, supervisor: None, output: None, standby }.url_of("mine")
        };
        assert_eq!(at("postgres://ada:secret@db:5433/postgres"), "postgres://ada:secret@db:5433/mine");
        assert_eq!(at("postgres://db/postgres?sslmode=disable"), "postgres://db/mine?sslmode=disable");
    }

    #[test]
    fn failed_start_is_reported_with_its_output() {
        let folder = tempfile::Builder::new().permissions(fs::Permissions::from_mode(0o755)).tempdir().unwrap();
        let initdb = folder.path().join("initdb");
        fs::write(&initdb, "#!/bin/sh\necho there is no room\nexit 1\n").unwrap();
        fs::set_permissions(&initdb, fs::Permissions::from_mode(0o755)).unwrap();
        let why = Cluster::start(folder.path()).err().unwrap();
        assert!(why.contains("did not start") && why.contains("there is no room"), "{why}");
    }

    #[test]
    fn server_stops_with_its_supervisor_and_leaves_no_files() {
        // Other tests report that PostgreSQL is not installed.
        let Some(programs) = programs() else { return };
        let mut cluster = Cluster::start(&programs).unwrap();
        let data = cluster.administer("show data_directory").unwrap();
        assert_eq!(cluster.administer("show fsync").unwrap(), "on");
        assert_eq!(cluster.administer("show max_connections").unwrap(), "400");
        assert!(data.starts_with(&*memory().to_string_lossy()), "{data}");

        let mut supervisor = cluster.supervisor.take().unwrap();
        drop(supervisor.stdin.take());
        assert!(supervisor.wait().unwrap().success());
        assert!(cluster.administer("select 1").is_err());
        assert!(!Path::new(&data).exists());
    }
}
