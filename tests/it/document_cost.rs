//! Checks that the cost of a document bounds its statements, the connections it uses, and the size of its response.

#![expect(clippy::format_collect, reason = "documents of a test, built concisely")]

use crate::world::{
    World,
    client::Client,
    database::{Database, Kind},
    dice::Dice,
};
use async_graphql::{
    Variables,
    parser::{
        parse_schema,
        types::{BaseType, DocumentOperations, FieldDefinition, Type, TypeKind, TypeSystemDefinition},
    },
};
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use std::{collections::HashMap, future::poll_fn, pin::pin, time::Duration};
use tokenward::testing::{
    actions::CreateOrganization,
    domain::{
        caller::{AuthMethod, Caller},
        id::UserId,
    },
    graphql::{self, Request, cost, document},
};

/// The approximate number of fields of a random document.
const MAX_FIELDS: usize = 200;
const MAX_RESPONSE: usize = 4 * 1024 * 1024;
const MAX_RESPONSE_FIELDS: usize = 80_000;
/// The statements that authenticate the caller.
const OWN_STATEMENTS: u64 = 5;

/// Generates random documents that are valid for the schema.
struct Generator {
    fields: HashMap<String, Vec<FieldDefinition>>,
    implementations: HashMap<String, Vec<String>>,
    ids: Vec<String>,
    dice: Dice,
    aliases: usize,
    /// The fragments of the current document, each with its type and selection.
    fragments: Vec<(String, String)>,
    /// The variables of the current document: name, type and value.
    variables: HashMap<String, (&'static str, Value)>,
}

/// A document with the values of its variables.
#[derive(Clone)]
struct Document {
    text: String,
    variables: Value,
}

impl<T: Into<String>> From<T> for Document {
    fn from(text: T) -> Self {
        Self { text: text.into(), variables: json!({}) }
    }
}

/// Selections of introspection, within the limits and beyond.
const INTROSPECTION: &[&str] = &[
    "__schema { types { kind name description } }",
    "__schema { types { name fields { name description } inputFields { name } } }",
    "__schema { types { fields { name args { name type { name } } type { name ofType { name } } } } }",
    "__schema { queryType { fields { name } } directives { name locations args { name defaultValue } } }",
    "__type(name: \"Token\") { name fields { name description type { name kind } } }",
    "__type(name: \"Nothing\") { name }",
    "__schema { types { fields { type { fields { name type { fields { name } } } } } } }",
];

impl Generator {
    fn new(ids: &[String], seed: u64) -> Self {
        let (mut fields, mut implementations) = (HashMap::new(), HashMap::<String, Vec<String>>::new());
        for definition in parse_schema(graphql::sdl()).unwrap().definitions {
            let TypeSystemDefinition::Type(definition) = definition else { continue };
            let name = definition.node.name.node.to_string();
            match definition.node.kind {
                TypeKind::Object(object) => {
                    for interface in object.implements {
                        implementations.entry(interface.node.to_string()).or_default().push(name.clone());
                    }
                    fields.insert(name, object.fields.into_iter().map(|field| field.node).collect());
                }
                TypeKind::Interface(_) => {
                    implementations.entry(name).or_default();
                }
                _ => {}
            }
        }
        let (dice, ids) = (Dice(seed), ids.to_vec());
        Self { fields, implementations, ids, dice, aliases: 0, fragments: Vec::new(), variables: HashMap::new() }
    }

    fn document(&mut self) -> Document {
        self.aliases = 0;
        self.fragments.clear();
        self.variables.clear();
        let mut text = self.selection("Query", 0);
        for _ in 0..self.dice.below(3) {
            self.aliases += 1;
            // A directive comes before the selection.
            let (field, below) = self.dice.one_of(INTROSPECTION).split_once(" {").unwrap();
            let (alias, directive) = (self.aliases, self.directive());
            text = text.replacen("{ ", &format!("{{ a{alias}: {field}{directive} {{{below} "), 1);
        }
        let fragments = self.fragments.iter().enumerate();
        let fragments = fragments.map(|(index, (on, selection))| format!(" fragment F{index} on {on} {selection}"));
        text += &fragments.collect::<String>();
        let definitions = self.variables.iter().map(|(name, (of, _))| format!("${name}: {of} "));
        if !self.variables.is_empty() {
            text = format!("query({}) {text}", definitions.collect::<String>());
        }
        let variables = self.variables.iter().map(|(name, (_, value))| (name.clone(), value.clone()));
        Document { variables: Value::Object(variables.collect()), text }
    }

    /// Adds a variable of that type and returns its reference.
    fn variable(&mut self, name: &str, of: &'static str, value: Value) -> String {
        self.variables.insert(name.to_owned(), (of, value));
        format!("${name}")
    }

    fn directive(&mut self) -> String {
        match self.dice.below(12) {
            0 => format!(" @include(if: {})", self.variable("yes", "Boolean!", json!(true))),
            1 => format!(" @skip(if: {})", self.variable("no", "Boolean!", json!(false))),
            2 => " @include(if: true) @skip(if: false)".into(),
            3 => " @include(if: false)".into(),
            _ => String::new(),
        }
    }

    /// Returns a selection, plain, in an inline fragment, or as a fragment that is spread once or twice.
    fn selection(&mut self, on: &str, depth: usize) -> String {
        let known: Vec<_> = (0..self.fragments.len()).filter(|index| self.fragments[*index].0 == on).collect();
        match self.dice.below(10) {
            0 => {
                let directive = self.directive();
                format!("{{ __typename ... on {on}{directive} {} }}", self.fields_of(on, depth))
            }
            1 => {
                let directive = self.directive();
                format!("{{ __typename ...{directive} {} }}", self.fields_of(on, depth))
            }
            2 => {
                let selection = self.fields_of(on, depth);
                self.fragments.push((on.to_owned(), selection));
                let (index, directive) = (self.fragments.len() - 1, self.directive());
                format!("{{ __typename ...F{index}{directive} ...F{index} }}")
            }
            3 if !known.is_empty() => format!("{{ __typename ...F{} }}", self.dice.one_of(&known)),
            _ => self.fields_of(on, depth),
        }
    }

    fn fields_of(&mut self, on: &str, depth: usize) -> String {
        if let Some(implementations) = self.implementations.get(on).cloned() {
            let of = self.dice.one_of(&implementations).clone();
            return format!("{{ id ... on {of} {} }}", self.selection(&of, depth));
        }
        let all = self.fields[on].clone();
        let is_object = |field: &FieldDefinition| self.is_object(base(&field.ty.node));
        let (objects, scalars): (Vec<_>, Vec<_>) = all.into_iter().partition(is_object);
        let mut parts = Vec::new();
        for _ in 0..if depth < 12 && self.aliases < MAX_FIELDS { 1 + self.dice.below(2) } else { 0 } {
            if !objects.is_empty() {
                let field = self.dice.one_of(&objects).clone();
                for _ in 0..*self.dice.one_of(&[1, 1, 1, 2, 3, 9]) {
                    parts.push(self.field(&field, depth));
                }
            }
        }
        for _ in 0..=self.dice.below(3) {
            if !scalars.is_empty() {
                let field = self.dice.one_of(&scalars).clone();
                parts.push(self.field(&field, depth));
            }
        }
        if parts.is_empty() {
            parts.push("__typename".into());
        }
        format!("{{ {} }}", parts.join(" "))
    }

    fn field(&mut self, field: &FieldDefinition, depth: usize) -> String {
        self.aliases += 1;
        let alias = self.aliases;
        let mut arguments = Vec::new();
        for argument in &field.arguments {
            let (name, of) = (argument.node.name.node.as_str(), argument.node.ty.node.to_string());
            let value = match (name, of.as_str()) {
                ("first", _) => match *self.dice.one_of(&[1, 2, 7, 50, 100]) {
                    7 => self.variable("seven", "Int", json!(7)),
                    50 => self.variable("fifty", "Int!", json!(50)),
                    first => first.to_string(),
                },
                (_, "ID!") => format!("\"{}\"", self.dice.one_of(&self.ids.clone())),
                (_, "[ID!]!") if self.dice.below(3) == 0 => {
                    let ids = json!(self.ids[..self.ids.len().min(100)]);
                    self.variable("ids", "[ID!]!", ids)
                }
                (_, "[ID!]!") => {
                    let number = 1 + self.dice.below(self.ids.len());
                    format!("[{}]", self.ids[..number].iter().map(|id| format!("\"{id}\",")).collect::<String>())
                }
                (_, "String!") => "\"acme\"".into(),
                _ => continue,
            };
            arguments.push(format!("{name}: {value}"));
        }
        let arguments = if arguments.is_empty() { String::new() } else { format!("({})", arguments.join(", ")) };
        let of = base(&field.ty.node).to_owned();
        let below = if self.is_object(&of) { self.selection(&of, depth + 1) } else { String::new() };
        let directive = self.directive();
        format!("a{alias}: {}{arguments}{directive} {below}", field.name.node)
    }

    fn is_object(&self, of: &str) -> bool {
        self.fields.contains_key(of) || self.implementations.contains_key(of)
    }
}

fn base(of: &Type) -> &str {
    match &of.base {
        BaseType::Named(name) => name,
        BaseType::List(inner) => base(inner),
    }
}

/// Returns the cost of a document; `None` if it is rejected.
fn cost_of(document: &Document) -> Option<u64> {
    let text = &document.text;
    let parsed = document::read(text).unwrap_or_else(|error| panic!("{}: {text}", error.message));
    let DocumentOperations::Single(operation) = &parsed.operations else { panic!("expected one operation") };
    cost::cost(&parsed, &operation.node, &Variables::from_json(document.variables.clone())).ok()
}

/// Counts the fields and list items of a response, without `__typename`.
fn fields_of(value: &Value) -> usize {
    match value {
        Value::Object(fields) => {
            let fields = fields.iter().filter(|(name, _)| *name != "__typename");
            fields.map(|(_, value)| 1 + fields_of(value)).sum()
        }
        Value::Array(items) => items.iter().map(|item| 1 + fields_of(item)).sum(),
        _ => 0,
    }
}

/// Executes a document as ada and returns the number of its statements and its data. Asserts that it yields to other tasks after
/// each thousand fields.
async fn execute(world: &World, user: UserId, document: &Document) -> (u64, Value) {
    let caller = Caller { at: world.now(), address: None, user_agent: None, auth_method: AuthMethod::Jwt(user) };
    let (text, mut data, mut polls) = (&document.text, Value::Null, 0);
    let statements = world
        .statements(async {
            let request = Request::new(&world.app, caller).await.unwrap();
            let variables = Variables::from_json(document.variables.clone());
            let (schema, query) = (graphql::schema(), async_graphql::Request::new(text).variables(variables));
            let mut work = pin!(request.execute(&schema, query));
            let outcome = poll_fn(|task| {
                polls += 1;
                work.as_mut().poll(task)
            });
            let outcome = outcome.await;
            let unexpected = outcome.errors.iter().find(|error| {
                let code = error.extensions.as_ref().and_then(|extensions| extensions.get("code")).cloned();
                let code = code.map(|code| code.to_string()).unwrap_or_default();
                !["\"NOT_FOUND\"", "\"FORBIDDEN\""].contains(&code.as_str())
            });
            assert!(unexpected.is_none(), "{unexpected:?}: {text}");
            data = outcome.data.into_json().unwrap();
        })
        .await;
    assert!(polls >= fields_of(&data) / 1_000, "{polls} polls for {} fields: {text:.400}", fields_of(&data));
    (statements, data)
}

/// Creates two organizations with members and tokens; returns ada, her ID, and the IDs of all objects that she can look up.
async fn populated(world: &World) -> (Client<'_>, UserId, Vec<String>) {
    let ada = world.admin("ada", &["acme", "globex"]).await;
    world.member("bob", &["acme", "globex"]).await;
    for number in 0..12 {
        ada.create_token(&format!("deploy {number}"), &["acme", "globex"], &["read_builds", "graphql"]).await;
    }
    let all =
        "{ viewer { id organizations(first: 3) { nodes { id members(first: 9) { nodes { id } } tokenGrants(first: 20) { nodes { id token { id } } }
               auditEvents(first: 5) { nodes { id } } } } } }";
    let data = ada.query(all, json!({})).await;
    let user = UserId::parse(data["viewer"]["id"].as_str().unwrap()).unwrap();
    let mut ids = Vec::new();
    collect_ids(&data, &mut ids);
    (ada, user, ids)
}

fn collect_ids(value: &Value, ids: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            ids.extend(fields.get("id").and_then(Value::as_str).map(ToOwned::to_owned));
            fields.values().for_each(|value| collect_ids(value, ids));
        }
        Value::Array(items) => items.iter().for_each(|item| collect_ids(item, ids)),
        _ => {}
    }
}

/// Creates a hundred organizations of ada's and tokens with access to all of them; returns the IDs of the tokens.
async fn with_a_hundred_organizations(world: &World, ada: &Client<'_>, tokens: usize) -> Vec<String> {
    let slugs: Vec<_> = (0..100).map(|number| format!("organization-{number}")).collect();
    for slug in &slugs {
        let name = format!("Organization with a long name {slug}");
        let add = CreateOrganization { slug: slug.clone(), name, admin: "ada".into() };
        world.operator(add).await.unwrap();
    }
    let slugs: Vec<_> = slugs.iter().map(String::as_str).collect();
    let mut ids = Vec::new();
    for number in 0..tokens {
        ids.push(ada.create_token(&format!("everywhere {number}"), &slugs, &["read_builds", "graphql"]).await.id);
    }
    ids
}

/// Returns documents that cause as many statements as possible.
fn expensive(ids: &[String]) -> Vec<String> {
    let organization = ids.iter().find(|id| id.starts_with("org_")).unwrap();
    let token = ids.iter().find(|id| id.starts_with("token_")).unwrap();
    let aliased = |number: usize, field: &dyn Fn(usize) -> String| {
        (0..number).map(|index| format!("a{index}: {} ", field(index))).collect::<String>()
    };
    let counts = aliased(30, &|index| format!("members(first: {}) {{ totalCount }}", index + 1));
    let lookups = aliased(30, &|_| format!("tokenGrant(tokenId: \"{token}\") {{ owner: ownerIsAdmin }}"));
    let pages = aliased(20, &|index| format!("grants(first: {}) {{ totalCount nodes {{ id }} }}", index + 1));
    let events = aliased(20, &|index| format!("events(first: {}) {{ totalCount nodes {{ id }} }}", index + 1));
    let events = events.replace(": events", "e: events");
    vec![
        format!("{{ nodes(ids: [\"{organization}\", \"{organization}\"]) {{ ... on Organization {{ {counts} }} }} }}"),
        format!("{{ {} }}", aliased(4, &|_| format!("organization(slug: \"acme\") {{ {counts} }}"))),
        format!("{{ {} }}", aliased(14, &|_| format!("organization(slug: \"acme\") {{ {lookups} }}"))),
        format!("{{ {} }}", aliased(3, &|_| format!("token(id: \"{token}\") {{ {pages} {events} }}"))),
        format!("{{ {} }}", aliased(30, &|_| "organization(slug: \"acme\") { id }".into())),
        format!("{{ viewer {{ {} }} }}", aliased(30, &|_| "hasPassword sessions(first: 1) { totalCount }".into())),
    ]
}

both!(
    ///
    async fn cost_bounds_the_number_of_statements(world: World) {
        let (ada, user, mut ids) = populated(&world).await;
        ids.extend(with_a_hundred_organizations(&world, &ada, 3).await);
        let mut documents: Vec<Document> = expensive(&ids).into_iter().map(Document::from).collect();
        let mut generator = Generator::new(&ids, 7);
        // The most expensive of two thousand that are within the limit.
        let mut random: Vec<_> = std::iter::repeat_with(|| generator.document())
            .take(2_000)
            .filter(|document| document.text.len() < 60_000)
            .filter_map(|document| cost_of(&document).map(|cost| (cost, document)))
            .collect();
        assert!(random.len() > 50, "{} documents are within the limit", random.len());
        random.sort_by_key(|(cost, _)| *cost);
        random.reverse();
        // Each construct that could be counted wrongly occurs among them.
        for construct in ["__schema", "fragment F0", "... on ", "@include(if: $yes)", "$ids", "organizations"] {
            let number = random.iter().filter(|(_, document)| document.text.contains(construct)).count();
            assert!(number >= 3, "{number} documents with {construct}");
            let kept = random.iter().filter(|(_, document)| document.text.contains(construct)).take(3);
            documents.extend(kept.map(|(_, document)| document.clone()));
        }
        documents.extend(random.into_iter().take(12).map(|(_, document)| document));
        let mut largest = 0;
        for document in documents {
            let text = &document.text;
            let cost = cost_of(&document).unwrap_or_else(|| panic!("too expensive: {text:.400}"));
            let (statements, data) = execute(&world, user, &document).await;
            largest = largest.max(statements);
            assert!(statements <= cost / 20 + OWN_STATEMENTS + 12, "{statements} for {cost}: {text:.400}");
            let (bytes, fields) = (data.to_string().len(), fields_of(&data));
            assert!(
                bytes <= MAX_RESPONSE && fields <= MAX_RESPONSE_FIELDS,
                "{bytes} bytes, {fields} fields: {text:.400}"
            );
        }
        assert!((300..=520).contains(&largest), "the most expensive document ran {largest} statements");
    }
);

both!(
    async fn cost_bounds_the_statements_of_every_mutation(world: World) {
        let (ada, user, _) = populated(&world).await;
        let token = ada.create_token("deploy", &["acme", "globex"], &["read_builds"]).await.id;
        let (acme, globex) = (world.organization_id("acme").await, world.organization_id("globex").await);
        let initech = world.organization("initech").await;
        world.admin("ada", &["initech"]).await;
        let bob = world.member("bob", &["acme"]).await.query("{ viewer { id } }", json!({})).await;
        let bob = bob["viewer"]["id"].as_str().unwrap().to_owned();
        let mut untested: Vec<_> =
            Generator::new(&[], 1).fields["Mutation"].iter().map(|field| field.name.node.to_string()).collect();
        // These need a session, or a setting of the operator.
        untested.retain(|name| !["changePassword", "endSession", "createOrganization"].contains(&name.as_str()));
        for (name, input, selection) in [
            (
                "createToken",
                format!("description: \"x\", organizationIds: [\"{acme}\", \"{globex}\"], scopes: [\"read_builds\"]"),
                "value token { id }",
            ),
            (
                "updateToken",
                format!("tokenId: \"{token}\", description: \"y\", scopes: [\"read_builds\", \"read_user\"]"),
                "token { id }",
            ),
            (
                "addOrganizationToToken",
                format!("tokenId: \"{token}\", organizationId: \"{initech}\""),
                "grant { id } token { id organizations { id } }",
            ),
            (
                "removeOrganizationFromToken",
                format!("tokenId: \"{token}\", organizationId: \"{acme}\", reason: \"old\""),
                "grant { id } organization { id }",
            ),
            ("revokeToken", format!("tokenId: \"{token}\""), "token { id }"),
            ("updateOrganization", format!("organizationId: \"{acme}\", name: \"Acme 2\""), "organization { id }"),
            (
                "addOrganizationMember",
                format!("organizationId: \"{initech}\", user: \"bob\", role: MEMBER"),
                "organization { id }",
            ),
            (
                "updateOrganizationMember",
                format!("organizationId: \"{acme}\", userId: \"{bob}\", role: ADMIN"),
                "organization { id }",
            ),
            (
                "removeOrganizationMember",
                format!("organizationId: \"{acme}\", userId: \"{bob}\""),
                "organization { id }",
            ),
            ("updateProfile", "name: \"Ada 2\"".into(), "user { id }"),
            ("endSessions", "keepCurrent: true".into(), "__typename"),
        ] {
            let mutation = Document::from(format!("mutation {{ {name}(input: {{ {input} }}) {{ {selection} }} }}"));
            let cost = cost_of(&mutation).unwrap();
            let (statements, _) = execute(&world, user, &mutation).await;
            assert!(statements <= cost / 20 + OWN_STATEMENTS, "{statements} for {cost}: {}", mutation.text);
            untested.retain(|one| one != name);
        }
        assert_eq!(untested, [""; 0], "a mutation without a case");
    }
);

both!(
    async fn introspection_and_long_texts_return_at_most_four_mebibytes(world: World) {
        let ada = world.admin("ada", &["acme"]).await;
        let text = "🔑".repeat(255);
        for _ in 0..10 {
            ada.create_token(&text, &["acme"], &["read_builds"]).await;
        }
        let aliases =
            |number: usize, field: &str| (0..number).map(|index| format!("a{index}: {field} ")).collect::<String>();
        // Nested lists of introspection are rejected by their cost.
        let lists = format!(
            "{{ __schema {{ types {{ {} }} }} }}",
            aliases(30, &format!("fields {{ {} }}", aliases(30, "description")))
        );
        let reply = ada.graphql(&lists, json!({})).await;
        assert_eq!(reply.code(), "TOO_COMPLEX", "{}", reply.text);
        // Within the cost limit, but too long.
        let long = aliases(30, "description").replace(':', &format!("{}:", "a".repeat(120)));
        let document = |number| {
            let pages = aliases(number, "viewer { tokens(first: 10) { nodes { ...F } } }");
            format!("{{ {pages} }} fragment F on Token {{ {long} }}")
        };
        let fits = ada.graphql(&document(5), json!({})).await;
        assert_eq!((fits.code(), fits.text.len() > 1_000_000), ("OK".into(), true));
        let reply = ada.graphql(&document(29), json!({})).await;
        assert_eq!((reply.code(), reply.status.as_u16()), ("TOO_COMPLEX".into(), 200), "{}", reply.text.len());
        assert!(reply.text.len() < 1_000 && reply.json().get("data").is_none(), "{}", reply.text);
        assert!(reply.json()["extensions"]["cost"]["requested"].as_u64().is_some_and(|cost| cost < 10_000));
    }
);

both!(
    async fn plain_list_with_more_items_than_it_costs_is_bounded(world: World) {
        let (ada, user, _) = populated(&world).await;
        let token = with_a_hundred_organizations(&world, &ada, 1).await.remove(0);
        let aliases =
            |number: usize, field: &str| (0..number).map(|index| format!("a{index}: {field} ")).collect::<String>();
        // Lists of 100 organizations; each item counts too.
        let document = |lists: usize, fields: usize| {
            let list = format!("organizations {{ {} }}", aliases(fields, "viewerIsAdmin"));
            Document::from(format!("{{ token(id: \"{token}\") {{ {} }} }}", aliases(lists, &list)))
        };
        let (fits, too_large) = (document(29, 26), document(30, 26));
        let (statements, data) = execute(&world, user, &fits).await;
        assert_eq!(fields_of(&data), 1 + 29 * (1 + 100 * (1 + 26)));
        assert!(statements < 20, "{statements} statements");
        let reply = ada.graphql(&fits.text, json!({})).await;
        assert_eq!(reply.code(), "OK", "{:.200}", reply.text);
        let reply = ada.graphql(&too_large.text, json!({})).await;
        assert_eq!((reply.code(), reply.status.as_u16()), ("TOO_COMPLEX".into(), 200), "{:.200}", reply.text);
        assert!(reply.json().get("data").is_none(), "{:.200}", reply.text);
        assert_eq!(reply.json()["errors"][0]["extensions"]["limit"], MAX_RESPONSE_FIELDS);
        // Clients see the cost that a plain list always had.
        assert_eq!(reply.json()["extensions"]["cost"]["requested"], 1 + 30 * (1 + 26 * 10));
    }
);

both!(
    async fn large_variable_that_is_used_often_is_rejected(world: World) {
        let ada = world.admin("ada", &["acme"]).await;
        let document = |uses: usize| format!("query($a: ID!) {{ nodes(ids: [{}]) {{ id }} }}", "$a,".repeat(uses));
        // 1,023 copies of 4,035 bytes and 64 for each value are nearly 4 MiB, and the library takes them.
        let (large, larger) = (json!({ "a": "x".repeat(4_035) }), json!({ "a": "x".repeat(4_036) }));
        let reply = ada.graphql(&document(1_023), large).await;
        assert_eq!(
            (reply.code(), reply.json()["errors"][0]["extensions"]["field"].clone()),
            ("INVALID_INPUT".into(), json!("ids"))
        );
        let reply = ada.graphql(&document(1_023), larger).await;
        assert_eq!(reply.code(), "TOO_COMPLEX", "{:.200}", reply.text);
        let error = reply.json()["errors"][0].clone();
        assert_eq!(error["extensions"]["limit"], 4 * 1024 * 1024);
        assert!(error["message"].as_str().unwrap().contains("variable"), "{error}");
        assert_eq!(reply.json()["extensions"]["cost"]["requested"], 101);
        // Twelve gigabytes, in 45 KB.
        let items = json!({ "a": vec![1; 12_000] });
        let lists = document(7_000).replace("$a: ID!", "$a: [ID!]!");
        assert_eq!(ada.graphql(&lists, items).await.code(), "TOO_COMPLEX");
    }
);

both!(
    async fn mutation_that_selects_too_much_is_not_run(world: World) {
        let ada = world.admin("ada", &["acme"]).await;
        let acme = world.organization_id("acme").await;
        let selection =
            (0..30).map(|index| format!("g{index}: grants(first: 20) {{ nodes {{ id status grantedAt }} }} "));
        let mutation = format!(
            "mutation {{ createToken(input: {{ description: \"x\", organizationIds: [\"{acme}\"], scopes: [\"read_builds\"] }}) \
             {{ value token {{ {} }} }} }}",
            selection.collect::<String>()
        );
        let reply = ada.graphql(&mutation, json!({})).await;
        assert_eq!(
            (reply.code(), reply.json()["errors"][0]["extensions"]["limit"].clone()),
            ("TOO_COMPLEX".into(), json!(2_000))
        );
        let tokens = ada.query("{ viewer { tokens { totalCount } } }", json!({})).await;
        assert_eq!(tokens["viewer"]["tokens"]["totalCount"], 0);
    }
);

/// Locks a table that only the reads use.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn revocations_and_removals_do_not_wait_behind_reads() {
    let test = concat!(module_path!(), "::revocations_and_removals_do_not_wait_behind_reads");
    let Some(database) = Database::fresh(Kind::Postgres, test) else { return };
    let mut session = database.session();
    let world = <World as crate::world::database::Stage>::on(database).await;
    let ada = world.admin("ada", &["acme"]).await;
    let acme = world.organization_id("acme").await;
    let tokens = join_all((0..5).map(|_| ada.create_token("deploy", &["acme"], &["read_builds"]))).await;
    session.query("begin; lock table sessions in access exclusive mode");
    // Each waits for a connection or for the lock until it times out.
    let query = "{ viewer { sessions { totalCount } } }";
    let searches = join_all((0..40).map(|_| ada.graphql(query, json!({}))));
    let changes = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        let holder = world.bearer(&tokens[0].value);
        let revoked = holder.request(Method::DELETE, "/v2/access-token").send().await.unwrap();
        assert_eq!(revoked.status(), 204);
        assert_eq!(ada.revoke_token(&tokens[1].id).await.code(), "OK");
        let removed = ada.remove_organization(&tokens[2].id, &acme, None).await;
        assert_eq!(removed.code(), "OK", "{}", removed.text);
    };
    let (hung, ()) = tokio::join!(searches, changes);
    assert!(hung.iter().all(|reply| reply.code() == "UNAVAILABLE"));
}

/// Large requests, each with all its statements at once, leave connections to others.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_request_holds_at_most_two_connections() {
    let test = concat!(module_path!(), "::one_request_holds_at_most_two_connections");
    let Some(database) = Database::fresh(Kind::Postgres, test) else { return };
    let mut session = database.session();
    let world = <World as crate::world::database::Stage>::on(database).await;
    let ada = world.admin("ada", &["acme"]).await;
    session.query("begin; lock table events in access exclusive mode");
    let pages = (0..30).map(|index| format!("a{index}: auditEvents(first: {}) {{ nodes {{ id }} }} ", index + 1));
    let query = format!("{{ organization(slug: \"acme\") {{ {} }} }}", pages.collect::<String>());
    let waiting = async {
        let mut max = 0;
        for _ in 0..20 {
            tokio::time::sleep(Duration::from_millis(50)).await;
            let count = session.query(
                "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()",
            );
            max = max.max(count.trim().parse::<u32>().unwrap());
        }
        session.query("rollback");
        max
    };
    let (_, max) = tokio::join!(ada.graphql(&query, json!({})), waiting);
    assert!((1..=2).contains(&max), "{max} connections");
}
