//! Where does PostgreSQL come from? One throw-away server for a test process, which ends with that process.
//!
//! The server is kept by a shell that waits for its input to close. The test process holds the other end, so the kernel
//! closes it however the process ends, and the shell stops the server and removes its files.

use super::{
    port,
    shelf::{answer_of, kept, memory},
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

/// Starts a server with its files in `$1`, its programs in `$2`, on the first port of the others that is free. Whatever
/// ends the shell, the server is stopped and its files are removed; the tests may be gone before it says that it is ready.
/// Meanwhile it does what it is told, one word a line.
const KEEPER: &str = r#"
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
obey() {
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
        while read -r order; do
            if obey "$order"; then echo done; else cat "$folder"/log "$folder"/start; fi
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
    /// Its end is the end of the server. A server that was found running has none.
    keeper: Option<Child>,
    answers: Option<BufReader<ChildStdout>>,
    standby: String,
}

/// What is done to a server of one's own.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Order {
    /// All its processes stand still.
    Freeze,
    /// They go on.
    Thaw,
    /// It ends as by a loss of power.
    Crash,
    /// It ends in an orderly way, and throws everybody out.
    Stop,
    /// It starts again, on the same port.
    Start,
    /// A standby of it starts.
    Follow,
}

/// Why there is no server.
#[derive(Clone)]
pub(crate) enum Absence {
    /// The programs are not installed, which is no fault of the test.
    NotInstalled,
    /// They are, and do not run.
    Broken(String),
}

impl Cluster {
    /// The one server of this process, started by whoever asks first. `TEST_POSTGRES` names one that runs
    /// already, by the address of a database in which an administrator may make others.
    pub(crate) fn shared() -> Result<&'static Self, Absence> {
        static SHARED: OnceLock<Result<Cluster, Absence>> = OnceLock::new();
        SHARED.get_or_init(Self::found_or_started).as_ref().map_err(Clone::clone)
    }

    /// A server of one's own, to do bad things to; nothing where PostgreSQL is not installed.
    pub(crate) fn of_its_own() -> Option<Self> {
        programs().map(|programs| Self::start(&programs).unwrap_or_else(|why| panic!("{why}")))
    }

    /// Does something to a server of one's own, and waits until it is done.
    pub(crate) fn obey(&mut self, order: Order) {
        let word = format!("{order:?}").to_lowercase();
        let keeper = self.keeper.as_mut().expect("a server of one's own");
        writeln!(keeper.stdin.as_mut().expect("an input"), "{word}").expect("a keeper that listens");
        let mut answer = String::new();
        self.answers.as_mut().expect("an output").read_line(&mut answer).expect("a keeper that answers");
        assert_eq!(answer.trim(), "done", "{word}");
    }

    /// The address of a database on the standby.
    pub(crate) fn standby_url_of(&self, database: &str) -> String {
        self.url_of(database).replacen(self.port(), &self.standby, 1)
    }

    fn port(&self) -> &str {
        self.url.rsplit_once(':').and_then(|(_, rest)| rest.split('/').next()).expect("a port")
    }

    fn found_or_started() -> Result<Self, Absence> {
        let programs = programs();
        if let Some(url) = setting("TEST_POSTGRES") {
            let psql = programs.map_or_else(|| "psql".into(), |folder| folder.join("psql"));
            return Ok(Self { url, psql, keeper: None, answers: None, standby: String::new() });
        }
        Self::start(&programs.ok_or(Absence::NotInstalled)?).map_err(Absence::Broken)
    }

    /// Starts a server of the programs in that folder.
    fn start(programs: &Path) -> Result<Self, String> {
        let password = Uuid::new_v4().simple().to_string();
        let mut command = as_somebody_harmless(KEEPER, "tokenward-test-keeper")?;
        command.arg(memory()).arg(programs).args((0..4).map(|_| port::free().port().to_string())).current_dir("/");
        for name in ["PGDATA", "PGHOST", "PGPORT", "PGUSER", "PGOPTIONS", "PGSERVICE"] {
            command.env_remove(name);
        }
        let mut keeper = kept(&mut command)
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("no shell for PostgreSQL: {error}"))?;
        let input = keeper.stdin.as_mut().ok_or("the shell for PostgreSQL has no input")?;
        writeln!(input, "{password}").map_err(|error| format!("the shell for PostgreSQL does not listen: {error}"))?;
        let output = keeper.stdout.take().ok_or("the shell for PostgreSQL has no output")?;
        let mut answers = BufReader::new(output);
        let mut heard = Vec::new();
        for line in answers.by_ref().lines().map_while(Result::ok) {
            if let Some((port, standby)) = line.strip_prefix("ready ").and_then(|ports| ports.split_once(' ')) {
                let url = format!("postgres://tokenward:{password}@127.0.0.1:{port}/postgres");
                let (psql, standby) = (programs.join("psql"), standby.to_owned());
                return Ok(Self { url, psql, keeper: Some(keeper), answers: Some(answers), standby });
            }
            heard.push(line);
        }
        Err(format!("PostgreSQL of {} did not start:\n{}", programs.display(), heard.join("\n")))
    }

    /// The address of the database with that name.
    pub(crate) fn url_of(&self, database: &str) -> String {
        let (front, query) = self.url.split_once('?').map_or((&*self.url, None), |(front, query)| (front, Some(query)));
        let server = front.rsplit_once('/').map_or(front, |(server, _)| server);
        query.map_or_else(|| format!("{server}/{database}"), |query| format!("{server}/{database}?{query}"))
    }

    /// Runs statements, each in a transaction of its own, and gives what they print, unaligned and without headings.
    pub(crate) fn run(&self, database: &str, statements: &str) -> Result<String, String> {
        ask(&self.psql, &self.url_of(database), statements)
    }

    /// A conversation with a database: what is asked in it is asked on one connection.
    pub(crate) fn talk(&self, database: &str) -> Talk {
        let mut command = Command::new(&self.psql);
        command.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", &self.url_of(database)]);
        let mut psql = kept(&mut command).stdout(Stdio::piped()).spawn().expect("psql");
        let output = BufReader::new(psql.stdout.take().expect("an output"));
        Talk { psql, output }
    }

    /// Runs statements in the database that is there from the beginning.
    pub(crate) fn administer(&self, statements: &str) -> Result<String, String> {
        let path = self.url.split('?').next().unwrap_or_default();
        self.run(path.rsplit('/').next().unwrap_or("postgres"), statements)
    }
}

/// What the database at this address answers to a statement.
pub(crate) fn asked(url: &str, statement: &str) -> Result<String, String> {
    let psql = programs().map_or_else(|| "psql".into(), |folder| folder.join("psql"));
    ask(&psql, url, statement)
}

fn ask(psql: &Path, url: &str, statements: &str) -> Result<String, String> {
    let answer = Command::new(psql)
        .args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", url, "-c", statements])
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("{}: {error}", psql.display()))?;
    if answer.status.success() {
        Ok(String::from_utf8_lossy(&answer.stdout).trim().to_owned())
    } else {
        Err(String::from_utf8_lossy(&answer.stderr).trim().to_owned())
    }
}

/// A conversation with a database, which ends with this value; a transaction that it left open is undone.
pub(crate) struct Talk {
    psql: Child,
    output: BufReader<ChildStdout>,
}

impl Talk {
    /// Runs statements and gives what they print, unaligned and without headings.
    pub(crate) fn ask(&mut self, statements: &str) -> String {
        const END: &str = "-- that is all --";
        let input = self.psql.stdin.as_mut().expect("an input");
        writeln!(input, "{statements};\n\\echo '{END}'").expect("psql listens");
        let mut heard = Vec::new();
        for line in self.output.by_ref().lines() {
            let line = line.expect("a line");
            if line == END {
                return heard.join("\n");
            }
            heard.push(line);
        }
        panic!("psql ended: {statements}");
    }
}

impl Drop for Talk {
    fn drop(&mut self) {
        let _ = self.psql.kill();
        let _ = self.psql.wait();
    }
}

/// What stands in the environment under that name, unless it is empty.
#[expect(clippy::disallowed_methods, reason = "a test has no `Config`")]
pub(crate) fn setting(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

/// The folder that holds `initdb` and `pg_ctl`: on the path, or else where Debian keeps its newest version.
fn programs() -> Option<PathBuf> {
    let path = setting("PATH").unwrap_or_default();
    env::split_paths(&path).find(|folder| holds_a_server(folder)).or_else(|| newest(Path::new("/usr/lib/postgresql")))
}

fn newest(versions: &Path) -> Option<PathBuf> {
    let folders = versions.read_dir().ok()?.filter_map(|entry| Some(entry.ok()?.path()));
    let version =
        |folder: &PathBuf| folder.file_name().and_then(OsStr::to_str).and_then(|name| name.parse::<u32>().ok());
    let complete = folders.filter(|folder| holds_a_server(&folder.join("bin")));
    complete.max_by_key(version).map(|folder| folder.join("bin"))
}

fn holds_a_server(folder: &Path) -> bool {
    ["initdb", "pg_ctl", "postgres", "psql"].iter().all(|program| folder.join(program).is_file())
}

/// A command that runs a shell script. PostgreSQL refuses to run as root, who becomes somebody else for it.
fn as_somebody_harmless(script: &str, name: &str) -> Result<Command, String> {
    if answer_of("id", &["-u"]).as_deref() != Some("0") {
        let mut command = Command::new("sh");
        command.args(["-c", script, name]);
        return Ok(command);
    }
    let somebody = ["postgres", "nobody"].into_iter().find(|user| answer_of("id", &["-u", user]).is_some());
    let somebody = somebody.ok_or("PostgreSQL does not run as root, and there is no user postgres or nobody")?;
    let (program, arguments) = if answer_of("setpriv", &["--version"]).is_some() {
        let group = answer_of("id", &["-g", somebody]).ok_or("a user without a group")?;
        let user = format!("--reuid={somebody}");
        (
            "setpriv",
            vec![user, format!("--regid={group}"), "--clear-groups".into(), "sh".into(), "-c".into(), script.into()],
        )
    } else if answer_of("runuser", &["--version"]).is_some() {
        ("runuser", ["-u", somebody, "--", "sh", "-c", script].map(str::to_owned).to_vec())
    } else {
        ("su", ["-s", "/bin/sh", "-c", script, somebody].map(str::to_owned).to_vec())
    };
    let mut command = Command::new(program);
    command.args(arguments).arg(name);
    Ok(command)
}

mod tests {
    use super::*;
    use std::{fs, os::unix::fs::PermissionsExt};

    #[test]
    fn the_newest_version_is_found_and_an_incomplete_one_is_not() {
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
    fn the_address_of_a_database_keeps_what_the_server_needs() {
        let at = |url: &str| {
            let (url, psql, standby) = (url.to_owned(), "psql".into(), String::new());
            Cluster { url, psql, keeper: None, answers: None, standby }.url_of("mine")
        };
        assert_eq!(at("postgres://ada:secret@db:5433/postgres"), "postgres://ada:secret@db:5433/mine");
        assert_eq!(at("postgres://db/postgres?sslmode=disable"), "postgres://db/mine?sslmode=disable");
    }

    #[test]
    fn programs_that_do_not_run_are_reported_with_what_they_said() {
        let folder = tempfile::Builder::new().permissions(fs::Permissions::from_mode(0o755)).tempdir().unwrap();
        let initdb = folder.path().join("initdb");
        fs::write(&initdb, "#!/bin/sh\necho there is no room\nexit 1\n").unwrap();
        fs::set_permissions(&initdb, fs::Permissions::from_mode(0o755)).unwrap();
        let why = Cluster::start(folder.path()).err().unwrap();
        assert!(why.contains("did not start") && why.contains("there is no room"), "{why}");
    }

    #[test]
    fn a_server_ends_with_its_keeper_and_leaves_nothing() {
        // Its own test says that it was skipped.
        let Some(programs) = programs() else { return };
        let mut cluster = Cluster::start(&programs).unwrap();
        let data = cluster.administer("show data_directory").unwrap();
        assert_eq!(cluster.administer("show fsync").unwrap(), "on");
        assert_eq!(cluster.administer("show max_connections").unwrap(), "400");
        assert!(data.starts_with(&*memory().to_string_lossy()), "{data}");

        let mut keeper = cluster.keeper.take().unwrap();
        drop(keeper.stdin.take());
        assert!(keeper.wait().unwrap().success());
        assert!(cluster.administer("select 1").is_err());
        assert!(!Path::new(&data).exists());
    }
}
