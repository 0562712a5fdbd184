//! Checks that documents, schema, emails, settings and the console use the terms of docs/architecture.md.

use crate::world::programs::top;
use std::{fs, path::Path};

/// Words that the glossary replaces, matched as whole words. The sources still contain some of them.
const PRIVATE_WORDS: &[&str] = &[
    "door",
    "state",
    "told",
    "whoever",
    "somebody",
    "nobody",
    "standing",
    "keyholder",
    "stranger",
    "sight",
    "tally",
    "lane",
    "dealings",
];
const FILES: &[&str] =
    &["README.md", "CONTRIBUTING.md", "SECURITY.md", "schema.graphql", "openapi.json", "config.example.toml"];
const FOLDERS: &[&str] = &["docs", "src/mail/templates", "src/cli/demo", "console/src"];

/// Returns the replaced words in a text, each with its line.
fn private_words(text: &str) -> Vec<(usize, &str)> {
    let lines = text.lines().enumerate();
    let words =
        lines.flat_map(|(line, text)| text.split(|ch: char| !ch.is_alphanumeric()).map(move |word| (line + 1, word)));
    words.filter(|(_, word)| PRIVATE_WORDS.contains(&word.to_lowercase().as_str())).collect()
}

fn gather(path: &Path, files: &mut Vec<(String, String)>) {
    if path.is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            gather(&entry.unwrap().path(), files);
        }
    } else if path.extension().is_some_and(|ending| ending != "rs")
        && let Ok(text) = fs::read_to_string(path)
    {
        files.push((path.display().to_string(), text));
    }
}

#[test]
fn texts_for_users_contain_no_private_words() {
    let mut files = Vec::new();
    FILES.iter().chain(FOLDERS).for_each(|path| gather(&top(path), &mut files));
    assert!(files.len() > 100, "{} files", files.len());
    let found: Vec<_> = files.iter().map(|(path, text)| (path, private_words(text))).collect();
    let found: Vec<_> = found.into_iter().filter(|(_, words)| !words.is_empty()).collect();
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn private_words_are_found_as_whole_words_only() {
    assert_eq!(private_words("A door.\nOutdoors, understanding, insight; Told"), [(1, "door"), (2, "Told")]);
}
