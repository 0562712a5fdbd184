//! Checks that the committed GraphQL schema matches the code.

use std::{fs, path::Path};

#[test]
fn committed_schema_matches_the_code() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema.graphql");
    let committed = fs::read_to_string(&path).unwrap_or_default();
    let current = tokenward::testing::graphql::sdl();
    let differ = |(one, other): (Option<&str>, Option<&str>)| one != other;
    let lines = || committed.lines().map(Some).chain([None]).zip(current.lines().map(Some).chain([None]));
    if let Some(number) = lines().position(differ) {
        let (was, is) = lines().nth(number).unwrap();
        panic!(
            "schema.graphql is not current: line {} is {}, and the code has {}. Refresh it with \
             `cargo run -- schema > schema.graphql`, and look at what changes for clients.",
            number + 1,
            was.unwrap_or("missing"),
            is.unwrap_or("nothing more")
        );
    }
    assert_eq!(committed, current, "only line ends differ");
}

/// Returns the lines that name something without a description above them.
fn undescribed(schema: &str) -> Vec<String> {
    let lines: Vec<_> = schema.lines().collect();
    let opens =
        |line: &str| ["type ", "input ", "enum ", "interface ", "scalar "].iter().any(|kind| line.starts_with(kind));
    let is_description = |line: &str| line.trim_start().starts_with('"') || line.ends_with("\"\"\"");
    let mut inside_text = false;
    let mut undescribed = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        let trimmed = line.trim();
        if trimmed == "\"\"\"" {
            inside_text = !inside_text;
            continue;
        }
        // The type of a field follows after its arguments.
        let names_something = opens(line)
            || (line.starts_with('\t') && !inside_text && !is_description(line) && !trimmed.starts_with(')'));
        let in_schema = lines[..index].iter().rev().find(|above| !above.starts_with('\t')) == Some(&"schema {");
        if names_something && !in_schema && index.checked_sub(1).is_none_or(|above| !is_description(lines[above])) {
            undescribed.push(trimmed.to_owned());
        }
    }
    undescribed
}

/// The library silently omits a description that is in another place than it expects.
#[test]
fn schema_items_have_descriptions() {
    assert_eq!(undescribed(tokenward::testing::graphql::sdl()), [""; 0]);
    let bad = "type A {\n\t\"Described.\"\n\tone(\n\t\t\"Described.\"\n\t\tall: Int\n\t\tnone: Int\n\t): Int\n\ttwo: Int\n}\n\n\"Described.\"\nenum B {\n\tC\n}\n";
    assert_eq!(undescribed(bad), ["type A {", "none: Int", "two: Int", "C"]);
}
