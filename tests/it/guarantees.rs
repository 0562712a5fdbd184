//! Checks that docs/guarantees.md names exactly the files that prove each requirement.

use crate::world::programs::top;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

/// The files that prove a requirement, by its ID.
type Proofs = BTreeMap<String, BTreeSet<String>>;

const FOLDERS: &[&str] = &["src", "tests", "migration", "console/src", "console/e2e", "script"];

/// Returns the IDs `R-00` and `F-00` in a text, where they are whole words.
fn ids(text: &str) -> BTreeSet<String> {
    let words = text.split(|ch: char| !ch.is_ascii_alphanumeric() && ch != '-');
    let is_id = |word: &&str| {
        let digits = word.strip_prefix("R-").or_else(|| word.strip_prefix("F-"));
        digits.is_some_and(|digits| digits.len() == 2 && digits.bytes().all(|digit| digit.is_ascii_digit()))
    };
    words.filter(is_id).map(ToOwned::to_owned).collect()
}

fn collect(folder: &Path, proofs: &mut Proofs) {
    for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        let name = entry.strip_prefix(top("")).unwrap().to_str().unwrap().replace('\\', "/");
        if entry.is_dir() {
            if !entry.ends_with("node_modules") {
                collect(&entry, proofs);
            }
        } else if let Ok(text) = fs::read_to_string(&entry)
            && !name.ends_with("guarantees.rs")
        {
            for id in ids(&text) {
                proofs.entry(id).or_default().insert(name.clone());
            }
        }
    }
}

/// Returns the rows of the document: ID, requirement, and files in backticks or `open`.
fn documented(text: &str) -> Vec<(String, BTreeSet<String>)> {
    let rows = text.lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |"));
    rows.filter_map(|row| {
        let [id, _, proof] = row.split(" | ").collect::<Vec<_>>()[..] else { return None };
        if !ids(id).contains(id) {
            return None;
        }
        let files = proof.split('`').skip(1).step_by(2).map(ToOwned::to_owned).collect::<BTreeSet<_>>();
        assert!(proof == "open" || !files.is_empty(), "{id} must name its proof or `open`");
        Some((id.to_owned(), files))
    })
    .collect()
}

#[test]
fn requirements_are_proved_by_the_named_files() {
    let mut proofs = Proofs::new();
    for folder in FOLDERS {
        collect(&top(folder), &mut proofs);
    }
    let rows = documented(&fs::read_to_string(top("docs/guarantees.md")).unwrap());
    assert!(rows.len() > 90, "{} rows", rows.len());
    for (id, files) in rows {
        assert_eq!(proofs.remove(&id).unwrap_or_default(), files, "{id}: in the sources and in docs/guarantees.md");
    }
    assert_eq!(proofs, Proofs::new(), "IDs that docs/guarantees.md does not describe, or describes twice");
}

#[test]
fn ids_are_whole_words() {
    assert_eq!(ids("/// R-08, F-14; XR-08 R-081 r-08 sha512-R-09x"), ["F-14", "R-08"].map(String::from).into());
    let rows = documented("| R-01 | A. | `a.rs`, `b.rs` |\n| F-02 | B. | open |\n| P1 | c | d |\n");
    assert_eq!(rows.len(), 2);
    assert_eq!(rows[0].1, ["a.rs", "b.rs"].map(String::from).into());
}
