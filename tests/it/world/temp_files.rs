//! Temporary folders of the tests, in memory if the machine has room; they are deleted when the process ends.

use std::{
    env,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::OnceLock,
};
use tempfile::TempDir;

/// Free space in KiB that a memory file system needs.
const MIN_FREE: u64 = 1024 * 1024;

/// A script that removes the folder `$1` when its standard input closes.
const CLEANUP: &str = r#"trap '' INT TERM HUP; cat > /dev/null; rm -rf "$1""#;

/// Returns a memory file system with room for a database server, otherwise the folder for temporary files.
pub(crate) fn memory() -> &'static Path {
    static MEMORY: OnceLock<PathBuf> = OnceLock::new();
    MEMORY.get_or_init(|| {
        let shared = Path::new("/dev/shm");
        let free = output_of("df", &["-Pk", "/dev/shm"])
            .and_then(|table| table.lines().nth(1)?.split_whitespace().nth(3)?.parse::<u64>().ok());
        if shared.is_dir() && free.is_some_and(|free| free >= MIN_FREE) { shared.to_owned() } else { env::temp_dir() }
    })
}

/// Creates a folder that is deleted with the returned value, or when the process ends.
pub(crate) fn folder() -> TempDir {
    static PARENT: OnceLock<(PathBuf, Child)> = OnceLock::new();
    let (parent, _) = PARENT.get_or_init(|| {
        let parent = tempfile::Builder::new().prefix("tokenward-test.").tempdir_in(memory()).expect("a folder").keep();
        let mut cleanup = Command::new("sh");
        cleanup.args(["-c", CLEANUP, "tokenward-test-cleanup"]).arg(&parent).current_dir("/");
        (parent, bind_to_process(&mut cleanup).stdout(Stdio::null()).spawn().expect("a shell"))
    });
    tempfile::tempdir_in(parent).expect("a folder")
}

/// Connects the standard input of a command to this process, so that it closes however this process ends. The command gets a
/// separate process group, so that Ctrl+C in a terminal does not interrupt it.
pub(crate) fn bind_to_process(command: &mut Command) -> &mut Command {
    command.stdin(Stdio::piped()).stderr(Stdio::null()).process_group(0)
}

/// Returns the output of a program, or `None` if it is missing or fails.
pub(crate) fn output_of(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn folder_is_new_and_deleted_with_its_value() {
        let (one, other) = (folder(), folder());
        assert_ne!(one.path(), other.path());
        assert_eq!(one.path().read_dir().unwrap().count(), 0);
        assert!(one.path().starts_with(memory()));
        let path = one.path().to_owned();
        drop(one);
        assert!(!path.exists() && other.path().exists());
    }

    #[test]
    fn cleanup_deletes_the_folder_when_its_input_closes() {
        let folder = folder();
        let left = folder.path().join("left");
        fs::create_dir_all(left.join("inside")).unwrap();
        let mut cleanup = Command::new("sh");
        let mut cleanup =
            bind_to_process(cleanup.args(["-c", CLEANUP, "tokenward-test-cleanup"]).arg(&left)).spawn().unwrap();
        assert!(left.exists());
        drop(cleanup.stdin.take());
        assert!(cleanup.wait().unwrap().success());
        assert!(!left.exists());
    }
}
