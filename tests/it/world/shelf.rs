//! Where do the files of a test lie? In memory where there is room, and nowhere any more when the process has ended.

use std::{
    env,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::OnceLock,
};
use tempfile::TempDir;

/// A memory file system with less than this many KiB free would fill up.
const ROOM: u64 = 1024 * 1024;

/// Removes the folder `$1` when its input closes.
const SWEEPER: &str = r#"trap '' INT TERM HUP; cat > /dev/null; rm -rf "$1""#;

/// A memory file system with room for a database server, or the folder for temporary files.
pub(crate) fn memory() -> &'static Path {
    static MEMORY: OnceLock<PathBuf> = OnceLock::new();
    MEMORY.get_or_init(|| {
        let shared = Path::new("/dev/shm");
        let free = answer_of("df", &["-Pk", "/dev/shm"])
            .and_then(|table| table.lines().nth(1)?.split_whitespace().nth(3)?.parse::<u64>().ok());
        if shared.is_dir() && free.is_some_and(|free| free >= ROOM) { shared.to_owned() } else { env::temp_dir() }
    })
}

/// A new folder, gone with the value, or with the process if that is stopped before.
pub(crate) fn folder() -> TempDir {
    static SHELF: OnceLock<(PathBuf, Child)> = OnceLock::new();
    let (shelf, _) = SHELF.get_or_init(|| {
        let shelf = tempfile::Builder::new().prefix("tokenward-test.").tempdir_in(memory()).expect("a folder").keep();
        let mut sweeper = Command::new("sh");
        sweeper.args(["-c", SWEEPER, "tokenward-test-sweeper"]).arg(&shelf).current_dir("/");
        (shelf, kept(&mut sweeper).stdout(Stdio::null()).spawn().expect("a shell"))
    });
    tempfile::tempdir_in(shelf).expect("a folder")
}

/// The command will wait on an input that closes when this process ends, however it ends. It gets a process group of its
/// own: what interrupts the tests in a terminal does not reach it.
pub(crate) fn kept(command: &mut Command) -> &mut Command {
    command.stdin(Stdio::piped()).stderr(Stdio::null()).process_group(0)
}

/// What a program prints, if it is there and succeeds.
pub(crate) fn answer_of(program: &str, arguments: &[&str]) -> Option<String> {
    let answer = Command::new(program).args(arguments).stdin(Stdio::null()).output().ok()?;
    answer.status.success().then(|| String::from_utf8_lossy(&answer.stdout).trim().to_owned())
}

mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn each_folder_is_new_and_empty_and_goes_with_its_value() {
        let (one, other) = (folder(), folder());
        assert_ne!(one.path(), other.path());
        assert_eq!(one.path().read_dir().unwrap().count(), 0);
        assert!(one.path().starts_with(memory()));
        let path = one.path().to_owned();
        drop(one);
        assert!(!path.exists() && other.path().exists());
    }

    #[test]
    fn what_is_left_is_swept_when_the_process_ends() {
        let folder = folder();
        let left = folder.path().join("left");
        fs::create_dir_all(left.join("inside")).unwrap();
        let mut sweeper = Command::new("sh");
        let mut sweeper = kept(sweeper.args(["-c", SWEEPER, "tokenward-test-sweeper"]).arg(&left)).spawn().unwrap();
        assert!(left.exists());
        drop(sweeper.stdin.take());
        assert!(sweeper.wait().unwrap().success());
        assert!(!left.exists());
    }
}
