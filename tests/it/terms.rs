//! Checks that documents, schema, emails, settings and the console use the terms of docs/architecture.md.

use crate::world::programs::top;
use std::{fs, path::Path};

/// Words that the glossary replaces, matched as whole words. In identifiers, underscores separate words.
const PRIVATE_WORDS: &[&str] = &[
    "door",
    "doors",
    "letter",
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
const FOLDERS: &[&str] = &["docs", "src", "tests/it", "migration", "benches", "console/src"];
/// Where a word is not of the dialect: the name of a column, of a Unix user, and the words of this file.
const EXCEPTIONS: &[(&str, &str)] = &[("tests/it/pooler.rs", "nobody")];

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
    } else if !path.ends_with("tests/it/terms.rs")
        && let Ok(text) = fs::read_to_string(path)
    {
        files.push((path.display().to_string(), text));
    }
}

#[test]
fn sources_and_texts_contain_no_private_words() {
    let mut files = Vec::new();
    FILES.iter().chain(FOLDERS).for_each(|path| gather(&top(path), &mut files));
    assert!(files.len() > 100, "{} files", files.len());
    // In texts, a letter is a character; in sources it was an email.
    let is_exception = |path: &str, word: &str| {
        word == "letter" && Path::new(path).extension().is_none_or(|extension| extension != "rs")
            || EXCEPTIONS.iter().any(|(file, exception)| path.ends_with(file) && word == *exception)
    };
    let mut found = Vec::new();
    for (path, text) in &files {
        let words = private_words(text).into_iter().filter(|(_, word)| !is_exception(path, word));
        found.extend(words.map(|(line, word)| format!("{path}:{line}: {word}")));
    }
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn private_words_are_found_as_whole_words_only() {
    assert_eq!(private_words("A door.\nOutdoors, understanding, insight; Told"), [(1, "door"), (2, "Told")]);
}
