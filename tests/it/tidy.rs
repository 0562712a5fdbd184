//! Checks the structure of the code: layers, libraries, purity of the domain, and how a change is made.
//!
//! Every rule is a function from sources to violations, so that the tests below can run it on bad samples.

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use quote::ToTokens;
use std::{
    fs,
    path::{Path, PathBuf},
};
use syn::{Attribute, Item};

/// From left to right: a module may use the modules to its left, and modules of one layer may not use each other.
const LAYERS: &[&[&str]] = &[
    &["domain"],
    &["config"],
    &["telemetry"],
    &["store", "mail", "outbound"],
    &["verify"],
    &["app"],
    &["actions"],
    &["graphql", "jobs"],
    &["http"],
    &["cli"],
    &["main"],
];

/// The files that name all modules.
const ROOTS: &[&str] = &["src/lib.rs", "src/testing.rs"];

/// A library, and the prefixes of the paths that may name it.
const LIBRARIES: &[(&str, &[&str])] = &[
    ("sea_orm", &["src/store/", "src/store.rs", "migration/"]),
    ("async_graphql", &["src/graphql/", "src/graphql.rs", "src/http/graphql"]),
    ("axum", &["src/http/", "src/http.rs"]),
    ("lettre", &["src/mail/", "src/mail.rs"]),
    ("jsonwebtoken", &["src/http/identity/"]),
    ("prometheus_client", &["src/telemetry/metrics.rs"]),
];

/// Libraries that the tests may not name either: tests use the service from outside, without direct access to the database.
const KEPT_FROM_TESTS: &[&str] = &["sea_orm"];

/// Names that files in `domain` may not use. Clocks that are read by a method are in `CLOCKS`.
const IMPURE: &[&str] = &["async", "await", "tokio", "SystemTime", "Instant"];

/// Types whose `now` reads the clock of the machine.
const CLOCKS: &[&str] = &["Utc", "Local"];

/// Methods of `Tx` that begin or end a change.
const CHANGE_METHODS: &[&str] = &["begin", "commit", "rollback", "finish_no_op"];

/// Names that do not describe the content of a module.
const VAGUE: &[&str] = &["utils", "helpers", "common", "types"];

/// One Rust file, by its path relative to the repository, with `/` between the components.
struct Source {
    path: String,
    text: String,
    file: syn::File,
}

impl Source {
    fn new(path: &str, text: &str) -> Self {
        let file = syn::parse_file(text).unwrap_or_else(|error| panic!("{path} is not Rust: {error}"));
        Self { path: path.to_owned(), text: text.to_owned(), file }
    }

    fn is_below(&self, folder: &str) -> bool {
        self.path.starts_with(folder)
    }

    /// Returns `http`, `graphql` for `src/http/graphql.rs`; an empty list for `src/lib.rs` and for files outside `src`.
    fn module(&self) -> Vec<String> {
        let Some(inner) = self.path.strip_prefix("src/").and_then(|path| path.strip_suffix(".rs")) else {
            return Vec::new();
        };
        let mut parts: Vec<_> = inner.split('/').map(str::to_owned).collect();
        if parts.last().is_some_and(|last| last == "mod") || inner == "lib" {
            parts.pop();
        }
        parts
    }

    fn tokens(&self) -> Vec<TokenTree> {
        self.file.to_token_stream().into_iter().collect()
    }

    fn violation(&self, line: usize, what: &str) -> String {
        format!("{}:{line}: {what}", self.path)
    }
}

// Reading the sources.

fn repository() -> Vec<Source> {
    let top = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut sources = Vec::new();
    for folder in ["src", "migration/src", "tests"] {
        collect(top, &top.join(folder), &mut sources);
    }
    sources.sort_by(|one, other| one.path.cmp(&other.path));
    sources
}

/// Collects every Rust file below a folder; a missing folder has none.
fn collect(top: &Path, folder: &Path, into: &mut Vec<Source>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for path in entries.map(|entry| entry.expect("an opened folder is readable").path()) {
        if path.is_dir() {
            collect(top, &path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            into.push(Source::new(&name_below(top, &path), &text));
        }
    }
}

fn name_below(top: &Path, path: &Path) -> String {
    let below: PathBuf = path.strip_prefix(top).expect("the path is below the repository").into();
    below.iter().map(|part| part.to_string_lossy()).collect::<Vec<_>>().join("/")
}

// Walking tokens. Macro bodies and groups are tokens too, so that nothing is missed inside them.

fn is_ident(tree: Option<&TokenTree>, name: &str) -> bool {
    matches!(tree, Some(TokenTree::Ident(ident)) if ident == name)
}

fn is_punct(tree: Option<&TokenTree>, sign: char) -> bool {
    matches!(tree, Some(TokenTree::Punct(punct)) if punct.as_char() == sign)
}

fn is_path_sign(trees: &[TokenTree]) -> bool {
    is_punct(trees.first(), ':') && is_punct(trees.get(1), ':')
}

fn line_of(tree: &TokenTree) -> usize {
    tree.span().start().line
}

fn inside(tree: &TokenTree) -> Vec<TokenTree> {
    match tree {
        TokenTree::Group(group) => group.stream().into_iter().collect(),
        _ => Vec::new(),
    }
}

/// Calls `see` for every position of a token stream and of the groups in it, with the tokens before it and the tokens from it on.
fn walk(trees: &[TokenTree], see: &mut dyn FnMut(&[TokenTree], &[TokenTree])) {
    for at in 0..trees.len() {
        let (before, here) = trees.split_at(at);
        see(before, here);
        walk(&inside(&here[0]), see);
    }
}

// Layers.

/// One use of a path from the crate root: the first name of the path.
struct PathUse {
    name: String,
    line: usize,
    is_macro: bool,
}

/// Returns every path of a file that starts at the crate root, outside its `#[cfg(test)]` modules.
fn path_uses(source: &Source) -> Vec<PathUse> {
    let roots: &[&str] = if source.path == "src/main.rs" { &["crate", "tokenward"] } else { &["crate"] };
    let mut found = Vec::new();
    collect_paths(&source.file.items, &source.module(), roots, &mut found);
    found
}

fn collect_paths(items: &[Item], module: &[String], roots: &[&str], found: &mut Vec<PathUse>) {
    for item in items {
        match item {
            Item::Mod(inner) if for_tests_only(&inner.attrs) => {}
            Item::Mod(inner) if inner.content.is_some() => {
                let module: Vec<_> = module.iter().cloned().chain([inner.ident.to_string()]).collect();
                collect_paths(inner.content.as_ref().map_or(&[], |(_, items)| items), &module, roots, found);
            }
            _ => {
                let trees: Vec<_> = item.to_token_stream().into_iter().collect();
                walk(&trees, &mut |before, here| found.extend(paths_at(before, here, module, roots)));
            }
        }
    }
}

fn for_tests_only(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let text = attribute.meta.to_token_stream().to_string().replace(' ', "");
        text == "cfg(test)" || text.starts_with("cfg(all(test,")
    })
}

fn paths_at(before: &[TokenTree], here: &[TokenTree], module: &[String], roots: &[&str]) -> Vec<PathUse> {
    let continues = before.len() >= 2 && is_path_sign(&before[before.len() - 2..]);
    let Some(TokenTree::Ident(first)) = here.first() else { return Vec::new() };
    let first = first.to_string();
    let taken_whole = roots.contains(&first.as_str()) && is_ident(before.last(), "use");
    if continues || !(taken_whole || is_path_sign(&here[1..])) {
        return Vec::new();
    }
    match first.as_str() {
        root if roots.contains(&root) => heads(&[], here.get(3..).unwrap_or_default(), &here[0]),
        "super" | "self" => heads(module, here, &here[0]),
        _ => Vec::new(),
    }
}

/// Returns the layers that a path leads to, followed from a module: `super::{super::a::B, super::c}` has two.
fn heads(from: &[String], path: &[TokenTree], origin: &TokenTree) -> Vec<PathUse> {
    let rest = path.get(3..).unwrap_or_default();
    match path.first() {
        Some(TokenTree::Ident(step)) if step == "super" => {
            heads(from.split_last().map_or(&[], |(_, up)| up), rest, &path[0])
        }
        Some(TokenTree::Ident(step)) if step == "self" && is_path_sign(&path[1..]) => heads(from, rest, &path[0]),
        Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace => {
            let trees: Vec<_> = group.stream().into_iter().collect();
            trees
                .split(|tree| is_punct(Some(tree), ','))
                .filter(|part| !part.is_empty())
                .flat_map(|part| heads(from, part, &part[0]))
                .collect()
        }
        // A path below a module of the same layer stays in the layer.
        _ if !from.is_empty() => vec![PathUse { name: from[0].clone(), line: line_of(origin), is_macro: false }],
        Some(TokenTree::Ident(name)) => {
            vec![PathUse { name: name.to_string(), line: line_of(&path[0]), is_macro: is_punct(path.get(1), '!') }]
        }
        // `use crate::*`, `use crate as it`
        _ => vec![PathUse { name: "*".to_owned(), line: line_of(origin), is_macro: false }],
    }
}

fn layer_of(module: &str) -> Option<usize> {
    LAYERS.iter().position(|names| names.contains(&module))
}

fn layers(sources: &[Source]) -> Vec<String> {
    let test_only = test_modules(sources);
    let mut violations = Vec::new();
    for source in sources.iter().filter(|source| source.is_below("src/") && !ROOTS.contains(&&*source.path)) {
        let module = source.module();
        if test_only.iter().any(|test_only| module.starts_with(test_only)) {
            continue;
        }
        let Some(own) = layer_of(&module[0]) else {
            violations.push(source.violation(1, &format!("`{}` belongs to no layer", module[0])));
            continue;
        };
        for path_use in path_uses(source).iter().filter(|path_use| path_use.name != module[0] && !path_use.is_macro) {
            match layer_of(&path_use.name) {
                Some(other) if other < own => {}
                Some(other) if other == own => violations.push(source.violation(
                    path_use.line,
                    &format!("`{}` and `{}` are in the same layer", module[0], path_use.name),
                )),
                Some(_) => violations.push(
                    source.violation(path_use.line, &format!("`{}` is to the right of `{}`", path_use.name, module[0])),
                ),
                None => violations
                    .push(source.violation(path_use.line, &format!("`{}` belongs to no layer", path_use.name))),
            }
        }
    }
    violations
}

/// Modules in separate files that are declared with `#[cfg(test)] mod name;`.
fn test_modules(sources: &[Source]) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for source in sources.iter().filter(|source| source.is_below("src/")) {
        for item in &source.file.items {
            if let Item::Mod(inner) = item
                && inner.content.is_none()
                && for_tests_only(&inner.attrs)
            {
                found.push(source.module().into_iter().chain([inner.ident.to_string()]).collect());
            }
        }
    }
    found
}

// Libraries.

fn libraries(sources: &[Source]) -> Vec<String> {
    let mut violations = Vec::new();
    for source in sources {
        for (library, places) in LIBRARIES {
            let free = source.is_below("tests/") && !KEPT_FROM_TESTS.contains(library);
            if free || places.iter().any(|place| source.is_below(place)) {
                continue;
            }
            walk(&source.tokens(), &mut |_, here| {
                if let TokenTree::Ident(ident) = &here[0]
                    && belongs_to(&ident.to_string(), library)
                {
                    violations.push(source.violation(line_of(&here[0]), &format!("only {places:?} name `{library}`")));
                }
            });
        }
    }
    violations
}

/// `sea_orm_migration` counts as `sea_orm`.
fn belongs_to(name: &str, library: &str) -> bool {
    name.strip_prefix(library).is_some_and(|rest| rest.is_empty() || rest.starts_with('_'))
}

// Domain.

fn impurities(sources: &[Source]) -> Vec<String> {
    let mut violations = Vec::new();
    for source in sources.iter().filter(|source| source.is_below("src/domain/") || source.path == "src/domain.rs") {
        walk(&source.tokens(), &mut |_, here| {
            let TokenTree::Ident(ident) = &here[0] else { return };
            let name = ident.to_string();
            let reads_clock =
                CLOCKS.contains(&name.as_str()) && is_path_sign(&here[1..]) && is_ident(here.get(3), "now");
            if reads_clock || IMPURE.contains(&name.as_str()) {
                violations.push(source.violation(line_of(&here[0]), &format!("`domain` is pure, without `{name}`")));
            }
        });
    }
    violations
}

// Changes.

fn change_methods(sources: &[Source]) -> Vec<String> {
    let mut violations = Vec::new();
    let outside = |source: &&Source| {
        source.is_below("src/")
            && !source.is_below("src/store/")
            && !["src/app/change.rs", "src/store.rs"].contains(&&*source.path)
    };
    for source in sources.iter().filter(outside) {
        walk(&source.tokens(), &mut |_, here| {
            let named = is_ident(here.first(), "Tx") && is_path_sign(&here[1..]);
            let called = is_punct(here.first(), '.') && is_call(&here[1..]);
            let method = here.get(if named { 3 } else { 1 });
            if let Some(TokenTree::Ident(method)) = method
                && (named && CHANGE_METHODS.contains(&&*method.to_string())
                    || called && CHANGE_METHODS[1..].contains(&&*method.to_string()))
            {
                violations.push(
                    source.violation(line_of(&here[0]), &format!("only `app/change.rs` may `{method}` a change")),
                );
            }
        });
    }
    violations
}

/// `name(…)` or `name::<T>(…)`.
fn is_call(trees: &[TokenTree]) -> bool {
    let opens = |tree: Option<&TokenTree>| matches!(tree, Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Parenthesis);
    opens(trees.get(1)) || is_path_sign(trees.get(1..).unwrap_or_default()) && is_punct(trees.get(3), '<')
}

fn actions(sources: &[Source]) -> Vec<String> {
    let mut violations = Vec::new();
    let actions_of_files =
        sources.iter().filter(|source| source.is_below("src/actions/") && !source.path.ends_with("/mod.rs"));
    for source in actions_of_files {
        let (mut asks_policy, mut records_event) = (false, false);
        walk(&source.tokens(), &mut |_, here| {
            asks_policy |= is_ident(here.first(), "policy");
            records_event |= is_punct(here.first(), '.') && is_ident(here.get(1), "record") && is_call(&here[1..]);
        });
        if !asks_policy {
            violations.push(source.violation(1, "an action must ask `policy`"));
        }
        if !records_event {
            violations.push(source.violation(1, "an action must call `.record(…)`"));
        }
    }
    violations
}

// Names and first lines.

fn first_lines(sources: &[Source]) -> Vec<String> {
    sources
        .iter()
        .filter(|source| {
            let first = source.text.lines().next().unwrap_or_default();
            first.strip_prefix("//!").is_none_or(|rest| rest.trim().is_empty())
        })
        .map(|source| source.violation(1, "the first line describes the file after `//!`"))
        .collect()
}

fn vague_names(sources: &[Source]) -> Vec<String> {
    let mut violations = Vec::new();
    for source in sources {
        let parts = source.path.trim_end_matches(".rs").split('/');
        for name in parts.filter(|part| VAGUE.contains(part)) {
            violations.push(source.violation(1, &format!("a module may not be named `{name}`")));
        }
        walk(&source.tokens(), &mut |_, here| {
            if let (true, Some(TokenTree::Ident(name))) = (is_ident(here.first(), "mod"), here.get(1))
                && VAGUE.contains(&&*name.to_string())
            {
                violations.push(source.violation(line_of(&here[0]), &format!("a module may not be named `{name}`")));
            }
        });
    }
    violations
}

// The repository follows the rules.

#[track_caller]
fn check(rule: fn(&[Source]) -> Vec<String>) {
    let violations = rule(&repository());
    assert!(violations.is_empty(), "\n{}\n", violations.join("\n"));
}

#[test]
fn modules_use_only_layers_to_their_left() {
    check(layers);
}

#[test]
fn libraries_are_named_only_in_their_folders() {
    check(libraries);
}

#[test]
fn domain_is_pure() {
    check(impurities);
}

#[test]
fn only_app_begins_and_commits_changes() {
    check(change_methods);
}

#[test]
fn actions_ask_policy_and_record_an_event() {
    check(actions);
}

#[test]
fn files_begin_with_a_description() {
    check(first_lines);
}

#[test]
fn modules_have_descriptive_names() {
    check(vague_names);
}

#[test]
fn repository_files_are_found() {
    let paths: Vec<_> = repository().into_iter().map(|source| source.path).collect();
    for path in ["src/lib.rs", "src/domain/policy.rs", "migration/src/lib.rs", "tests/it/tidy.rs"] {
        assert!(paths.contains(&path.to_owned()), "{path} is not among {paths:?}");
    }
}

#[test]
fn missing_folder_has_no_files() {
    let mut sources = Vec::new();
    collect(Path::new("/"), Path::new("/no/such/folder"), &mut sources);
    assert!(sources.is_empty());
}

// The rules detect violations.

/// Returns the violations that a rule finds in files given as path and text.
fn violations_in(rule: fn(&[Source]) -> Vec<String>, files: &[(&str, &str)]) -> Vec<String> {
    rule(&files.iter().map(|(path, text)| Source::new(path, text)).collect::<Vec<_>>())
}

#[track_caller]
fn refuses(rule: fn(&[Source]) -> Vec<String>, path: &str, text: &str) {
    let violations = violations_in(rule, &[(path, text)]);
    assert_eq!(violations.len(), 1, "{path}: {text}\n{violations:?}");
}

#[track_caller]
fn accepts(rule: fn(&[Source]) -> Vec<String>, path: &str, text: &str) {
    let violations = violations_in(rule, &[(path, text)]);
    assert!(violations.is_empty(), "{path}: {text}\n{violations:?}");
}

#[test]
fn path_to_the_right_is_detected_anywhere() {
    refuses(layers, "src/domain/token.rs", "use crate::store::Store;");
    refuses(layers, "src/domain/token.rs", "use crate::{domain::id::TokenId, store::{Store, tx::Tx}};");
    refuses(layers, "src/domain/token.rs", "pub(crate) use crate::store as place;");
    refuses(layers, "src/config.rs", "fn open() { crate::app::open(); }");
    refuses(layers, "src/config.rs", "fn open(app: &crate::app::App) {}");
    refuses(layers, "src/config.rs", "fn open() { tracing::info!(\"{}\", crate::app::NAME); }");
    refuses(layers, "src/config.rs", "macro_rules! open { () => { $crate::app::open() } }");
    refuses(layers, "src/verify/cache.rs", "impl From<crate::graphql::Answer> for Verdict {}");
    refuses(layers, "src/http/mod.rs", "mod inner { fn run() { crate::cli::run() } }");
    refuses(layers, "src/http/mod.rs", "fn f() { use crate::cli::run; }");
}

#[test]
fn relative_path_to_the_right_is_detected() {
    refuses(layers, "src/config.rs", "use super::app::App;");
    refuses(layers, "src/store/tokens.rs", "use super::super::app::App;");
    refuses(layers, "src/store/tokens.rs", "use super::{tx::Tx, super::app::App};");
    refuses(layers, "src/store/mod.rs", "mod inner { use super::super::app::App; }");
    accepts(layers, "src/store/tokens.rs", "use super::{app::App, tx::Tx};");
    accepts(layers, "src/store/tokens.rs", "use self::app::App; fn f() { self.app::<u8>() }");
}

#[test]
fn modules_of_one_layer_are_separate() {
    refuses(layers, "src/mail/mod.rs", "use crate::store::Store;");
    refuses(layers, "src/store/outbox.rs", "use crate::mail::Mailer;");
    refuses(layers, "src/jobs/mod.rs", "use crate::graphql::Loaders;");
    refuses(layers, "src/graphql/mod.rs", "use crate::jobs::Wake;");
}

#[test]
fn paths_to_the_left_and_within_a_module_are_accepted() {
    accepts(layers, "src/app.rs", "use crate::{domain::caller::Caller, store::{Store, tx::Tx}, verify::Verifier};");
    accepts(layers, "src/store/tokens.rs", "use crate::store::tx::Tx; use crate::domain::{id::TokenId, page::Page};");
    accepts(layers, "src/main.rs", "//! Starts it.\nfn main() { tokenward::cli::run() }");
    accepts(layers, "src/http/graphql.rs", "use crate::graphql::Schema; use http::crate_name;");
    accepts(layers, "src/http/mod.rs", "use other::store::cli; fn f() { other::crate_::cli::run() }");
    accepts(layers, "src/domain/id.rs", "crate::ids! { TokenId }");
    accepts(layers, "src/lib.rs", "pub mod cli; pub use crate::cli::run;");
}

#[test]
fn modules_without_a_layer_are_rejected() {
    refuses(layers, "src/service.rs", "pub struct Service;");
    refuses(layers, "src/service/mod.rs", "use crate::domain::id::TokenId;");
    refuses(layers, "src/store/mod.rs", "use crate::Anything;");
    refuses(layers, "src/store/mod.rs", "use crate::*;");
    refuses(layers, "src/store/mod.rs", "use crate as it;");
    refuses(layers, "src/store/mod.rs", "use crate::{self as it};");
    refuses(layers, "src/main.rs", "use tokenward::Anything;");
}

#[test]
fn only_test_modules_may_use_layers_to_the_right() {
    accepts(layers, "src/domain/token.rs", "#[cfg(test)] mod tests { use crate::store::Store; }");
    accepts(layers, "src/domain/token.rs", "#[cfg(all(test, unix))] mod tests { use crate::store::Store; }");
    refuses(layers, "src/domain/token.rs", "#[cfg(not(test))] mod real { use crate::store::Store; }");
    refuses(layers, "src/domain/token.rs", "mod tests { use crate::store::Store; }");
    let child = ("src/domain/token/tests.rs", "use crate::store::Store;");
    assert_eq!(violations_in(layers, &[("src/domain/token.rs", "#[cfg(test)] mod tests;"), child]).len(), 0);
    assert_eq!(violations_in(layers, &[("src/domain/token.rs", "mod tests;"), child]).len(), 1);
}

#[test]
fn violation_names_file_and_line() {
    let violations = violations_in(
        layers,
        &[("src/config.rs", "//! What is set.\n\nuse crate::{\n    domain::id,\n    app::App,\n};\n")],
    );
    assert_eq!(violations, ["src/config.rs:5: `app` is to the right of `config`"]);
}

#[test]
fn misplaced_library_is_detected() {
    for (library, place, elsewhere) in [
        ("sea_orm", "src/store/tokens.rs", "src/verify/mod.rs"),
        ("sea_orm_migration", "migration/src/lib.rs", "src/cli/migrate.rs"),
        ("sea_orm", "migration/src/columns.rs", "tests/it/world/mod.rs"),
        ("async_graphql", "src/graphql/token.rs", "src/domain/token.rs"),
        ("async_graphql", "src/http/graphql.rs", "src/http/mod.rs"),
        ("async_graphql", "src/http/graphql/front.rs", "src/http/verify.rs"),
        ("axum", "src/http/verify.rs", "src/graphql/mod.rs"),
        ("lettre", "src/mail/mod.rs", "src/jobs/deliver_mail.rs"),
        ("jsonwebtoken", "src/http/identity/jwk_set.rs", "src/http/authenticate.rs"),
        ("jsonwebtoken", "tests/it/world/mod.rs", "src/config.rs"),
    ] {
        let text = format!("use {library}::Thing;");
        accepts(libraries, place, &text);
        refuses(libraries, elsewhere, &text);
        refuses(libraries, elsewhere, &format!("fn f() {{ outer!({{ {library}::run() }}) }}"));
        accepts(
            libraries,
            elsewhere,
            &format!("/// Not `{library}`.\nconst NAME: &str = \"{library}\"; struct My{library};"),
        );
    }
}

#[test]
fn impure_domain_is_detected() {
    refuses(impurities, "src/domain/token.rs", "async fn f() {}");
    refuses(impurities, "src/domain/token.rs", "use tokio::sync::Mutex;");
    refuses(impurities, "src/domain/token.rs", "fn f() { chrono::Utc::now(); }");
    refuses(impurities, "src/domain/token.rs", "use std::time::{Duration, Instant};");
    refuses(impurities, "src/domain/token.rs", "fn f() { assert!(std::time::SystemTime::now() > x) }");
    accepts(impurities, "src/domain/time.rs", "use chrono::{DateTime, Utc}; fn f(now: DateTime<Utc>) { g::now() }");
    accepts(impurities, "src/store/mod.rs", "async fn f() { tokio::time::Instant::now(); }");
}

#[test]
fn change_begun_or_ended_outside_app_is_detected() {
    let begin = "async fn f() { let tx = Tx::begin(store).await; }";
    refuses(change_methods, "src/actions/create_token.rs", begin);
    refuses(change_methods, "src/jobs/sweep.rs", "async fn f() { store::tx::Tx::commit(tx).await }");
    for method in ["commit", "rollback", "finish_no_op"] {
        refuses(change_methods, "src/cli/user.rs", &format!("async fn f() {{ tx.{method}().await }}"));
        refuses(change_methods, "src/cli/user.rs", &format!("async fn f() {{ run!(tx.{method}::<u8>()) }}"));
        accepts(change_methods, "src/app/change.rs", &format!("async fn f() {{ tx.{method}().await }}"));
        accepts(change_methods, "src/store/tx.rs", &format!("async fn f() {{ self.{method}().await }}"));
    }
    accepts(change_methods, "src/app/change.rs", begin);
    accepts(change_methods, "src/http/mod.rs", "fn f() { git.commit; span.begin(); finish_no_op(); Tx::new(); }");
}

#[test]
fn action_without_policy_or_event_is_detected() {
    let whole = "use crate::domain::policy; async fn f() { policy::token_creator(s)?; tx.record(event); }";
    accepts(actions, "src/actions/create_token.rs", whole);
    refuses(actions, "src/actions/create_token.rs", "async fn f() { tx.record(event); }");
    refuses(
        actions,
        "src/actions/create_token.rs",
        "async fn f() { policy::token_creator(s)?; record(event); tx.record }",
    );
    assert_eq!(
        violations_in(
            actions,
            &[("src/actions/create_token.rs", "/// Asks policy, calls tx.record(event).\nfn f() {}")]
        )
        .len(),
        2
    );
    accepts(actions, "src/actions/mod.rs", "pub mod create_token;");
    accepts(actions, "src/app.rs", "fn f() {}");
}

#[test]
fn file_without_a_description_is_detected() {
    refuses(first_lines, "src/a.rs", "fn f() {}");
    refuses(first_lines, "src/a.rs", "\n//! Late.\n");
    refuses(first_lines, "src/a.rs", "//!\n//! Late.\n");
    refuses(first_lines, "src/a.rs", "// Not a document.\n");
    refuses(first_lines, "src/a.rs", "");
    accepts(first_lines, "src/a.rs", "//! What a is.\n");
}

#[test]
fn vague_module_name_is_detected() {
    for name in VAGUE {
        refuses(vague_names, &format!("src/{name}.rs"), "");
        refuses(vague_names, &format!("tests/it/{name}/mod.rs"), "");
        refuses(vague_names, "src/a.rs", &format!("mod {name};"));
        refuses(vague_names, "src/a.rs", &format!("mod outer {{ pub(crate) mod {name} {{}} }}"));
        accepts(vague_names, &format!("src/my_{name}.rs"), &format!("mod the_{name}; fn {name}() {{}}"));
    }
}

#[test]
fn layers_name_each_module_once() {
    let mut names = LAYERS.concat();
    names.sort_unstable();
    let all = names.len();
    names.dedup();
    assert_eq!(names.len(), all);
    let _: TokenStream = names.join(" ").parse().expect("the names are tokens");
}
