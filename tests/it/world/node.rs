//! Which programs of Node can a test run? Those whose packages are installed, as a lock file says.

use super::{
    programs::{both_of, skip, top},
    shelf::answer_of,
};
use serde_json::Value;
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::Stdio,
    sync::{Mutex, PoisonError},
    time::Duration,
};
use tokio::{io::AsyncWriteExt as _, process::Command};

/// No program of these tests takes so long, on a busy machine either.
const LIMIT: Duration = Duration::from_mins(12);

/// The folder, once its packages are installed; nothing for want of Node, or of somewhere to get the packages from, which
/// is said and is no failure unless `TEST_REQUIRE_NODE` is 1.
pub(crate) fn packages(folder: &'static str, test: &str) -> Option<PathBuf> {
    installed(folder).map_err(|why| skip(test, "TEST_REQUIRE_NODE", &why)).ok()
}

/// The same, with the reason why not. A folder is installed once.
pub(crate) fn installed(folder: &'static str) -> Result<PathBuf, String> {
    static KNOWN: Mutex<BTreeMap<&str, Result<PathBuf, String>>> = Mutex::new(BTreeMap::new());
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    known.entry(folder).or_insert_with(|| install(folder)).clone()
}

fn install(folder: &str) -> Result<PathBuf, String> {
    for program in ["node", "npm", "bash"] {
        answer_of(program, &["--version"]).ok_or_else(|| format!("{program} is not installed"))?;
    }
    let done = std::process::Command::new(top("script/packages")).arg(folder).stdin(Stdio::null()).output().unwrap();
    match done.status.code() {
        Some(0) => Ok(top(folder)),
        Some(3) => Err(format!("the packages of {folder} cannot be installed: {}", both_of(&done))),
        _ => panic!("{folder}: {}", both_of(&done)),
    }
}

/// Runs a script that must end well, and gives what it prints. It is told what it needs by its input: arguments can be
/// read by everybody.
pub(crate) async fn run(script: &Path, told: &Value) -> String {
    let mut node = Command::new("node");
    node.arg(script).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut node = node.spawn().unwrap();
    // A script that does not read its input may be gone already.
    let _ = node.stdin.take().unwrap().write_all(told.to_string().as_bytes()).await;
    let output = tokio::time::timeout(LIMIT, node.wait_with_output()).await.expect("it ends in time").unwrap();
    assert!(output.status.success(), "{}: {}", script.display(), both_of(&output));
    String::from_utf8(output.stdout).unwrap()
}

mod tests {
    use super::*;
    use std::fs;

    const FOLDERS: [&str; 3] = ["console", "tests/clients", "examples/typescript"];

    /// Where `npm` found a package is the matter of whoever installs.
    #[test]
    fn lock_files_have_hashes_and_no_hosts() {
        for folder in FOLDERS {
            let lock = fs::read_to_string(top(folder).join("package-lock.json")).unwrap();
            let lock: Value = serde_json::from_str(&lock).unwrap();
            let packages = lock["packages"].as_object().unwrap();
            for (name, package) in packages.iter().filter(|(name, _)| !name.is_empty()) {
                assert!(package.get("resolved").is_none(), "{folder}: {name} says where it comes from");
                let hash = package["integrity"].as_str().unwrap_or_default();
                assert!(hash.starts_with("sha512-"), "{folder}: {name}");
            }
            assert!(packages.len() > 5, "{folder}");
        }
    }

    #[test]
    fn packages_are_asked_for_by_their_exact_versions() {
        for folder in FOLDERS {
            let package = fs::read_to_string(top(folder).join("package.json")).unwrap();
            let package: Value = serde_json::from_str(&package).unwrap();
            for kind in ["dependencies", "devDependencies"] {
                for (name, version) in package[kind].as_object().into_iter().flatten() {
                    let version = version.as_str().unwrap();
                    assert!(version.starts_with(|first: char| first.is_ascii_digit()), "{folder}: {name} {version}");
                }
            }
        }
    }
}
