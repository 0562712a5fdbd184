//! Node scripts of the tests, whose packages are installed from a lock file.

use super::{
    programs::{output_text, skip, top},
    temp_files::output_of,
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

/// No script takes this long, even on a busy machine.
const TIMEOUT: Duration = Duration::from_mins(12);

/// Installs the packages of a folder and returns its path. If Node or the packages are not available, reports that the test is
/// skipped and returns `None`, or panics if `TEST_REQUIRE_NODE` is 1.
pub(crate) fn packages(folder: &'static str, test: &str) -> Option<PathBuf> {
    installed(folder).map_err(|why| skip(test, "TEST_REQUIRE_NODE", &why)).ok()
}

/// Installs the packages of a folder once and returns its path, or why they cannot be installed.
pub(crate) fn installed(folder: &'static str) -> Result<PathBuf, String> {
    static KNOWN: Mutex<BTreeMap<&str, Result<PathBuf, String>>> = Mutex::new(BTreeMap::new());
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    known.entry(folder).or_insert_with(|| install(folder)).clone()
}

fn install(folder: &str) -> Result<PathBuf, String> {
    for program in ["node", "npm", "bash"] {
        output_of(program, &["--version"]).ok_or_else(|| format!("{program} is not installed"))?;
    }
    let done = std::process::Command::new(top("script/packages")).arg(folder).stdin(Stdio::null()).output().unwrap();
    match done.status.code() {
        Some(0) => Ok(top(folder)),
        Some(3) => Err(format!("the packages of {folder} cannot be installed: {}", output_text(&done))),
        _ => panic!("{folder}: {}", output_text(&done)),
    }
}

/// Runs a script and returns its output; panics if it fails. Its parameters are sent to its standard input, since all users of
/// a machine can read the arguments of a process.
pub(crate) async fn run(script: &Path, input: &Value) -> String {
    let mut node = Command::new("node");
    node.arg(script).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut node = node.spawn().unwrap();
    // A script that does not read its input may have ended.
    let _ = node.stdin.take().unwrap().write_all(input.to_string().as_bytes()).await;
    let output = tokio::time::timeout(TIMEOUT, node.wait_with_output()).await.expect("it ends in time").unwrap();
    assert!(output.status.success(), "{}: {}", script.display(), output_text(&output));
    String::from_utf8(output.stdout).unwrap()
}

mod tests {
    use super::*;
    use std::fs;

    const FOLDERS: [&str; 3] = ["console", "tests/clients", "examples/typescript"];

    /// The registry is a setting of the machine on which `npm` installs the packages.
    #[test]
    fn lock_files_have_hashes_and_no_hosts() {
        for folder in FOLDERS {
            let lock = fs::read_to_string(top(folder).join("package-lock.json")).unwrap();
            let lock: Value = serde_json::from_str(&lock).unwrap();
            let packages = lock["packages"].as_object().unwrap();
            for (name, package) in packages.iter().filter(|(name, _)| !name.is_empty()) {
                assert!(package.get("resolved").is_none(), "{folder}: {name} names its registry");
                let hash = package["integrity"].as_str().unwrap_or_default();
                assert!(hash.starts_with("sha512-"), "{folder}: {name}");
            }
            assert!(packages.len() > 5, "{folder}");
        }
    }

    #[test]
    fn packages_have_exact_versions() {
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
