//! Programs that tests run: from the `PATH`, the folders of Debian, or `PyPI` (installed by `script/pypi`).

use super::cluster::setting;
use std::{
    collections::BTreeMap,
    env,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    sync::{Mutex, PoisonError},
};

/// The folders of Debian, some of which may be missing from the `PATH` of a user.
const FOLDERS: [&str; 3] = ["/usr/bin", "/usr/sbin", "/usr/local/sbin"];

/// Returns the path of a file in the repository.
pub(crate) fn top(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Reports which test is skipped and why, past the output capture of the test harness; panics if the environment variable
/// `required` is 1.
pub(crate) fn skip(test: &str, required: &str, why: &str) {
    assert_ne!(setting(required).as_deref(), Some("1"), "{test} cannot run: {why}");
    let _ = writeln!(std::io::stderr(), "skipped {test}: {why}");
}

/// Returns the standard output and standard error of a program.
pub(crate) fn output_text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// Finds the first of these programs that is installed.
pub(crate) fn found(names: &[&str]) -> Result<PathBuf, String> {
    let path = setting("PATH").unwrap_or_default();
    let folders = env::split_paths(&path).chain(FOLDERS.map(PathBuf::from));
    let mut files = folders.flat_map(|folder| names.iter().map(move |name| folder.join(name)));
    files.find(|file| file.is_file()).ok_or_else(|| format!("{} is not installed", names.join(" or ")))
}

/// Installs the programs in a list of `script/pypi` once and returns their folder, or why they cannot be installed.
pub(crate) fn from_pypi(list: &'static str) -> Result<PathBuf, String> {
    static KNOWN: Mutex<BTreeMap<&str, Result<PathBuf, String>>> = Mutex::new(BTreeMap::new());
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    let install = || match Command::new(top("script/pypi")).arg(list).stdin(Stdio::null()).output() {
        Ok(done) => match done.status.code() {
            Some(0) => Ok(top("target/pypi").join(list).join("bin")),
            Some(3) => Err(format!("{list} cannot be installed: {}", output_text(&done))),
            _ => panic!("script/pypi {list}: {}", output_text(&done)),
        },
        Err(why) => Err(why.to_string()),
    };
    known.entry(list).or_insert_with(install).clone()
}

mod tests {
    use super::*;
    use std::fs;

    ///
    #[test]
    fn pypi_packages_have_exact_versions_and_hashes() {
        for list in ["gateways", "schemathesis"] {
            let text = fs::read_to_string(top("script").join(list).with_extension("txt")).unwrap();
            let text = text.replace("\\\n", " ");
            let packages: Vec<_> = text.lines().filter(|line| !line.starts_with('#')).collect();
            for package in &packages {
                let mut words = package.split_whitespace();
                let name = words.next().unwrap_or_default();
                assert!(name.contains("=="), "{list}: {package}");
                let hashes: Vec<_> = words.collect();
                assert!(hashes.iter().all(|hash| hash.starts_with("--hash=sha256:")), "{list}: {package}");
                assert!(!hashes.is_empty(), "{list}: {package}");
            }
            assert!(packages.len() > 2, "{list}");
        }
    }
}
