//! Scopes: their names, sets of them, and the catalogue that defines them.

use crate::domain::{
    error::{Error, Result},
    text,
};
use serde::Deserialize;
use std::{borrow::Borrow, collections::HashMap, sync::Arc};

/// The maximum number of characters of a scope's name.
const MAX_NAME_LENGTH: usize = 64;
/// The minimum similarity of an unknown name to a name that is suggested instead, from 0 to 1.
const MIN_SIMILARITY: f64 = 0.5;

/// The name of a scope, such as `read_builds`: 1 to 64 of `a-z 0-9 _`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ScopeName(Arc<str>);

impl ScopeName {
    /// Parses a name, whether or not the catalogue contains it.
    pub fn new(text: &str) -> Option<Self> {
        let fits = (1..=MAX_NAME_LENGTH).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
        fits.then(|| Self(text.into()))
    }

    /// Returns the text of the name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for ScopeName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl Borrow<str> for ScopeName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

/// The kind of access that a scope gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Access {
    /// Reading.
    Read,
    /// Creating and changing.
    Write,
    /// Deleting.
    Delete,
    /// The GraphQL API. It implies none of the others.
    GraphQl,
}

impl Access {
    /// All kinds.
    pub const ALL: [Self; 4] = [Self::Read, Self::Write, Self::Delete, Self::GraphQl];

    /// Returns the name in the catalogue file.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Delete => "delete",
            Self::GraphQl => "graphql",
        }
    }
}

/// A scope with its texts for users.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    /// The name.
    pub name: ScopeName,
    /// The title.
    pub title: String,
    /// The description of what it permits.
    pub description: String,
    /// The kind of access.
    pub access: Access,
    /// Whether it was removed from the catalogue: tokens keep it, and it cannot be granted.
    pub retired: bool,
}

/// A set of scopes, in the order of their names.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct ScopeSet(Vec<ScopeName>);

impl ScopeSet {
    /// No scopes.
    pub const EMPTY: Self = Self(Vec::new());

    /// Returns whether the set contains a scope.
    pub fn contains(&self, name: &ScopeName) -> bool {
        self.0.binary_search(name).is_ok()
    }

    /// Returns whether the set contains all of these scopes.
    pub fn contains_all(&self, names: &[ScopeName]) -> bool {
        self.first_missing(names).is_none()
    }

    /// Returns the first of these scopes that the set does not contain.
    pub fn first_missing<'names>(&self, names: &'names [ScopeName]) -> Option<&'names ScopeName> {
        names.iter().find(|name| !self.contains(name))
    }

    /// Iterates over the scopes in the order of their names.
    pub fn iter(&self) -> std::slice::Iter<'_, ScopeName> {
        self.0.iter()
    }

    /// Returns the number of scopes.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns whether the set is empty.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the scopes that `before` does not contain.
    pub fn added_since(&self, before: &Self) -> Vec<ScopeName> {
        self.iter().filter(|name| !before.contains(name)).cloned().collect()
    }

    /// Returns the scopes that only `before` contains.
    pub fn removed_since(&self, before: &Self) -> Vec<ScopeName> {
        before.added_since(self)
    }

    /// Returns the stored form, such as ` read_builds read_user `. The spaces allow a search for a whole name.
    pub fn to_column(&self) -> String {
        self.iter().fold(String::new(), |text, name| {
            let space = if text.is_empty() { " " } else { "" };
            text + space + name.as_str() + " "
        })
    }

    /// Parses the stored form.
    pub fn from_column(text: &str) -> Self {
        text.split_ascii_whitespace().filter_map(ScopeName::new).collect()
    }
}

impl FromIterator<ScopeName> for ScopeSet {
    fn from_iter<Names: IntoIterator<Item = ScopeName>>(names: Names) -> Self {
        let mut names: Vec<_> = names.into_iter().collect();
        names.sort_unstable();
        names.dedup();
        Self(names)
    }
}

impl<'set> IntoIterator for &'set ScopeSet {
    type Item = &'set ScopeName;
    type IntoIter = std::slice::Iter<'set, ScopeName>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// The scopes that can be granted, in the order in which they are shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Catalogue {
    scopes: Vec<Scope>,
    places: HashMap<ScopeName, usize>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    scope: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: String,
    title: String,
    description: String,
    access: String,
}

impl Catalogue {
    /// Returns the default catalogue.
    pub fn built_in() -> Self {
        built_in()
    }

    /// Parses the catalogue of an operator.
    pub fn from_toml(text: &str) -> Result<Self> {
        let file: File = toml::from_str(text).map_err(|error| {
            let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
            let line = before.matches('\n').count() + 1;
            // Other messages of the library may quote the file, which may be a secret that was configured by mistake.
            let message = Some(error.message()).filter(|message| message.starts_with("missing field"));
            let message =
                message.unwrap_or("each [[scope]] has a name, title, description and access, and nothing else");
            Error::invalid("scope", format!("The catalogue cannot be read at line {line}: {message}."))
        })?;
        if file.scope.is_empty() {
            return Err(Error::invalid("scope", "The catalogue is empty; add at least one [[scope]]."));
        }
        let mut catalogue = Self { scopes: Vec::new(), places: HashMap::new() };
        for (index, entry) in file.scope.into_iter().enumerate() {
            catalogue.add(entry).map_err(|error| error.within(&format!("scope.{index}")))?;
        }
        Ok(catalogue)
    }

    fn add(&mut self, entry: Entry) -> Result<()> {
        let Entry { name, title, description, access } = entry;
        let name = ScopeName::new(&name).ok_or_else(|| {
            Error::invalid("name", format!("{name:?} cannot be a scope; a name has 1 to 64 of a-z, 0-9 and _."))
        })?;
        let access = Access::ALL.into_iter().find(|known| known.as_str() == access).ok_or_else(|| {
            Error::invalid(
                "access",
                format!("The access {access:?} of {name} is unknown; choose read, write, delete or graphql."),
            )
        })?;
        let title = text::plain("title", &title, text::MAX_NAME_LENGTH)?;
        let description = text::plain("description", &description, text::MAX_DESCRIPTION_LENGTH)?;
        if let Some(other) = self.graphql().filter(|_| access == Access::GraphQl) {
            let message = format!("Both {} and {name} give access to GraphQL; only one scope can.", other.name);
            return Err(Error::invalid("access", message));
        }
        if self.places.insert(name.clone(), self.scopes.len()).is_some() {
            return Err(Error::invalid("name", format!("The catalogue contains {name} twice; remove one of them.")));
        }
        self.scopes.push(Scope { name, title, description, access, retired: false });
        Ok(())
    }

    /// Iterates over the scopes in the order in which they are shown.
    pub fn iter(&self) -> std::slice::Iter<'_, Scope> {
        self.scopes.iter()
    }

    /// Returns the scope with a name.
    pub fn get(&self, name: &str) -> Option<&Scope> {
        self.scopes.get(*self.places.get(name)?)
    }

    /// Returns the index of a scope in the catalogue. `None` if it is retired.
    pub fn order_of(&self, name: &ScopeName) -> Option<usize> {
        self.places.get(name).copied()
    }

    /// Returns the scope with a name, or a description of a retired scope.
    pub fn describe(&self, name: &ScopeName) -> Scope {
        self.get(name.as_str()).cloned().unwrap_or_else(|| Scope {
            name: name.clone(),
            title: name.to_string(),
            description: "This scope was removed from the catalogue. Tokens keep it, and it cannot be granted.".into(),
            access: Access::Read,
            retired: true,
        })
    }

    /// Validates the scopes of a new token: at least one, and all of them in the catalogue.
    pub fn grantable(&self, field: &str, names: &[String]) -> Result<ScopeSet> {
        self.grantable_to_holder(field, names, &ScopeSet::default())
    }

    /// Validates the new scopes of a token. It may keep retired scopes that it has already.
    pub fn grantable_to_holder(&self, field: &str, names: &[String], held: &ScopeSet) -> Result<ScopeSet> {
        if names.is_empty() {
            return Err(Error::invalid(
                field.to_owned(),
                "A token has at least one scope; choose one from the catalogue.",
            ));
        }
        let grantable = |(index, name): (usize, &String)| {
            let kept = ScopeName::new(name).filter(|name| held.contains(name));
            kept.map_or_else(|| self.lookup(&format!("{field}.{index}"), name), Ok)
        };
        names.iter().enumerate().map(grantable).collect()
    }

    /// Validates the name of a scope. The error suggests the most similar name.
    pub fn lookup(&self, field: &str, name: &str) -> Result<ScopeName> {
        self.get(name).map(|scope| scope.name.clone()).ok_or_else(|| {
            let message = match self.nearest(name) {
                Some(near) => format!("The catalogue does not contain this scope. Did you mean {near}?"),
                None => "The catalogue does not contain this scope; choose one that it contains.".into(),
            };
            Error::invalid(field.to_owned(), message)
        })
    }

    fn nearest(&self, wrong: &str) -> Option<&ScopeName> {
        if wrong.len() > 2 * MAX_NAME_LENGTH {
            return None;
        }
        let wrong = wrong.to_lowercase();
        let likeness = |name: &ScopeName| strsim::normalized_damerau_levenshtein(&wrong, name.as_str());
        let alike = self
            .iter()
            .map(|scope| (likeness(&scope.name), &scope.name))
            .filter(|(likeness, _)| *likeness >= MIN_SIMILARITY);
        // Of two that are equally similar, the one that is shown first.
        alike.rev().max_by(|one, other| one.0.total_cmp(&other.0)).map(|(_, name)| name)
    }

    /// Returns the scopes of a set in the order of the catalogue, with retired ones at the end.
    pub fn sorted(&self, set: &ScopeSet) -> Vec<ScopeName> {
        let mut names: Vec<_> = set.iter().cloned().collect();
        names.sort_by_key(|name| self.order_of(name).unwrap_or(usize::MAX));
        names
    }

    /// Returns the scope that gives access to GraphQL, if the catalogue has one.
    pub fn graphql(&self) -> Option<&Scope> {
        self.iter().find(|scope| scope.access == Access::GraphQl)
    }

    /// Returns whether a set contains the scope that gives access to GraphQL.
    pub fn is_graphql(&self, set: &ScopeSet) -> bool {
        self.graphql().is_some_and(|scope| set.contains(&scope.name))
    }
}

#[expect(clippy::expect_used, reason = "the text is a constant and tested")]
fn built_in() -> Catalogue {
    Catalogue::from_toml(include_str!("scopes.toml")).expect("the built-in catalogue")
}

impl<'catalogue> IntoIterator for &'catalogue Catalogue {
    type Item = &'catalogue Scope;
    type IntoIter = std::slice::Iter<'catalogue, Scope>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn set(names: &[&str]) -> ScopeSet {
        names.iter().map(|name| ScopeName::new(name).expect("a name")).collect()
    }

    fn texts(names: &[&str]) -> Vec<String> {
        names.iter().map(ToString::to_string).collect()
    }

    fn entry(name: &str, access: &str) -> String {
        format!("[[scope]]\nname = \"{name}\"\ntitle = \"T\"\ndescription = \"D\"\naccess = \"{access}\"\n")
    }

    fn rejection<T: std::fmt::Debug>(result: Result<T>) -> (String, String) {
        match result.expect_err("an error") {
            Error::Invalid { field, message } => (field.into(), message),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn built_in_catalogue_is_valid() {
        let catalogue = Catalogue::built_in();
        assert_eq!(catalogue.iter().count(), 15);
        assert_eq!(catalogue.iter().next().map(|scope| scope.name.as_str()), Some("read_agents"));
        assert_eq!(catalogue.get("write_teams"), None);
        let artifacts = catalogue.get("write_artifacts").expect("a scope");
        assert_eq!((artifacts.title.as_str(), artifacts.access), ("Write Artifacts", Access::Write));
        assert!(catalogue.is_graphql(&set(&["read_user", "graphql"])));
        assert!(!catalogue.is_graphql(&set(&["read_user", "write_builds"])));
    }

    #[test]
    fn invalid_catalogue_is_rejected_with_its_location() {
        let read = |text: &str| rejection(Catalogue::from_toml(text));
        assert_eq!(read("").0, "scope");
        assert_eq!(read("# nothing\n").1, "The catalogue is empty; add at least one [[scope]].");
        let twice = read(&[entry("a", "read"), entry("b", "read"), entry("a", "write")].concat());
        assert_eq!(twice, ("scope.2.name".into(), "The catalogue contains a twice; remove one of them.".into()));
        let access = read(&entry("a", "admin"));
        assert_eq!(
            access,
            (
                "scope.0.access".into(),
                "The access \"admin\" of a is unknown; choose read, write, delete or graphql.".into()
            )
        );
        let graphql = read(&[entry("a", "graphql"), entry("b", "graphql")].concat());
        assert_eq!(
            graphql,
            ("scope.1.access".into(), "Both a and b give access to GraphQL; only one scope can.".into())
        );
        assert_eq!(read(&entry("Read", "read")).0, "scope.0.name");
        assert_eq!(read(&entry("a", "read").replace("\"T\"", "\" \"")).0, "scope.0.title");
        assert_eq!(read(&entry("a", "read").replace("\"D\"", "\"\\u202E\"")).0, "scope.0.description");
        for (wrong, line) in [
            (entry("a", "read").replace("access", "acces"), "line 5"),
            (entry("a", "read").replace("title = \"T\"\n", ""), "line 1"),
            (format!("{}[[scope]\n", entry("a", "read")), "line 6"),
            ("[[scopes]]\n".into(), "line 1"),
        ] {
            let (field, message) = read(&wrong);
            assert!(field == "scope" && message.contains(line), "{message}");
        }
    }

    #[test]
    fn retired_scope_is_described_by_its_name() {
        let catalogue = Catalogue::from_toml(&entry("read_user", "read")).expect("a catalogue");
        let retired = ScopeName::new("graphql").expect("a name");
        let scope = catalogue.describe(&retired);
        assert_eq!((scope.title.as_str(), scope.access, scope.retired), ("graphql", Access::Read, true));
        assert!(!catalogue.is_graphql(&set(&["graphql"])));
        assert!(!catalogue.describe(&ScopeName::new("read_user").expect("a name")).retired);
    }

    #[test]
    fn retired_scope_can_be_kept_but_not_granted() {
        let catalogue = Catalogue::from_toml(&entry("read_user", "read")).expect("a catalogue");
        let names = texts(&["read_user", "graphql"]);
        assert_eq!(rejection(catalogue.grantable("scopes", &names)).0, "scopes.1");
        let held = set(&["graphql"]);
        assert_eq!(
            catalogue.grantable_to_holder("scopes", &names, &held).expect("scopes"),
            set(&["graphql", "read_user"])
        );
        assert!(catalogue.grantable_to_holder("scopes", &texts(&["write_user"]), &held).is_err());
        assert!(catalogue.grantable_to_holder("scopes", &[], &held).is_err());
    }

    #[test]
    fn scopes_of_a_new_token_are_validated() {
        let catalogue = Catalogue::built_in();
        let grantable = |names: &[&str]| catalogue.grantable("input.scopes", &texts(names));
        assert_eq!(grantable(&["read_user", "graphql", "read_user"]).expect("scopes"), set(&["graphql", "read_user"]));
        assert_eq!(rejection(grantable(&[])).0, "input.scopes");
        let (field, message) = rejection(grantable(&["graphql", "read_build"]));
        assert_eq!(field, "input.scopes.1");
        assert_eq!(message, "The catalogue does not contain this scope. Did you mean read_builds?");
    }

    ///
    #[test]
    fn unknown_scope_error_suggests_the_nearest_name() {
        let catalogue = Catalogue::built_in();
        let message = |name: &str| rejection(catalogue.lookup("scopes.0", name)).1;
        for (wrong, near) in [
            ("Read_Builds", "read_builds"),
            ("read-artifacts", "read_artifacts"),
            ("artifacts", "read_artifacts"),
            ("graphq", "graphql"),
            ("raed_user", "read_user"),
        ] {
            assert!(message(wrong).ends_with(&format!("Did you mean {near}?")), "{wrong}: {}", message(wrong));
        }
        for unrelated in ["", "%", "'; drop table token; --", "x", &"read_builds".repeat(6000)] {
            assert_eq!(message(unrelated), "The catalogue does not contain this scope; choose one that it contains.");
        }
        assert_eq!(catalogue.lookup("scopes.0", "graphql").expect("a scope").as_str(), "graphql");
    }

    #[test]
    fn scopes_are_sorted_by_catalogue_with_retired_ones_last() {
        let catalogue = Catalogue::built_in();
        let names = catalogue.sorted(&set(&["a_retired", "graphql", "b_retired", "read_user", "read_agents"]));
        let names: Vec<_> = names.iter().map(ScopeName::as_str).collect();
        assert_eq!(names, ["read_agents", "read_user", "graphql", "a_retired", "b_retired"]);
        let ordered: Vec<_> = catalogue.iter().filter_map(|scope| catalogue.order_of(&scope.name)).collect();
        assert_eq!(ordered, (0..15).collect::<Vec<_>>());
    }

    #[test]
    fn sets_differ_by_added_and_removed_scopes() {
        let (before, after) = (set(&["a", "b", "c"]), set(&["b", "d"]));
        let names = |names: Vec<ScopeName>| names.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(names(after.added_since(&before)), ["d"]);
        assert_eq!(names(after.removed_since(&before)), ["a", "c"]);
        assert_eq!(after.added_since(&after), []);
    }

    #[test]
    fn missing_scope_is_found() {
        let requested: Vec<_> = set(&["a", "b"]).iter().cloned().collect();
        assert!(set(&["a", "b", "c"]).contains_all(&requested));
        assert_eq!(set(&["a"]).first_missing(&requested).map(ScopeName::as_str), Some("b"));
        assert!(set(&[]).contains_all(&[]));
    }

    #[test]
    fn column_can_be_searched_for_a_whole_name() {
        assert_eq!(set(&["read_user", "graphql"]).to_column(), " graphql read_user ");
        assert_eq!(set(&[]).to_column(), "");
        assert!(!set(&["read_build_logs"]).to_column().contains(" read_build "));
        assert_eq!(ScopeSet::from_column(" graphql read_user "), set(&["graphql", "read_user"]));
        assert_eq!(ScopeSet::from_column(""), set(&[]));
    }

    proptest! {
        #[test]
        fn name_has_1_to_64_lowercase_characters_digits_and_underscores(text in "[a-z0-9_]{0,70}|\\PC{0,10}") {
            let fits = (1..=64).contains(&text.chars().count())
                && text.chars().all(|ch| matches!(ch, 'a'..='z' | '0'..='9' | '_'));
            let name = ScopeName::new(&text);
            prop_assert_eq!(name.is_some(), fits);
            if let Some(name) = name {
                prop_assert_eq!(name.as_str(), text.as_str());
                prop_assert_eq!(name.to_string(), text);
            }
        }

        #[test]
        fn set_survives_conversion_to_a_column(names in proptest::collection::vec("[a-z0-9_]{1,64}", 0..12)) {
            let set: ScopeSet = names.iter().filter_map(|name| ScopeName::new(name)).collect();
            let column = set.to_column();
            prop_assert_eq!(ScopeSet::from_column(&column), set.clone());
            let whole = |name: &String| column.contains(&format!(" {name} "));
            prop_assert!(names.iter().all(whole));
            prop_assert!(set.iter().is_sorted() && set.len() <= names.len());
            prop_assert_eq!(set.is_empty(), names.is_empty());
        }

        #[test]
        fn catalogue_parser_accepts_any_text_without_panic(text: String, name: String) {
            let _ = Catalogue::from_toml(&text);
            let _ = Catalogue::built_in().lookup("scopes.0", &name);
        }
    }
}
