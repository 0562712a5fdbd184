//! The cost of a document bounds what it does: its statements, the connections it holds, and the bytes of its response.

#![expect(clippy::format_collect, reason = "documents of a test, written the short way")]

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
use std::{collections::HashMap, time::Duration};
use tokenward::{
    domain::{
        caller::{Caller, Through},
        id::UserId,
    },
    graphql::{self, Request, document, price},
};

/// How many fields a random document has, about.
const MAX_FIELDS: usize = 200;
const MAX_RESPONSE: usize = 4 * 1024 * 1024;
/// Reading who the caller is.
const OWN_STATEMENTS: u64 = 5;

/// Writes documents that the schema takes.
struct Author {
    fields: HashMap<String, Vec<FieldDefinition>>,
    implementations: HashMap<String, Vec<String>>,
    ids: Vec<String>,
    dice: Dice,
    aliases: usize,
}

impl Author {
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
        Self { fields, implementations, ids: ids.to_vec(), dice: Dice(seed), aliases: 0 }
    }

    fn document(&mut self) -> String {
        self.aliases = 0;
        self.selection("Query", 0)
    }

    fn selection(&mut self, on: &str, depth: usize) -> String {
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
        let mut arguments = Vec::new();
        for argument in &field.arguments {
            let (name, of) = (argument.node.name.node.as_str(), argument.node.ty.node.to_string());
            let value = match (name, of.as_str()) {
                ("first", _) => self.dice.one_of(&["1", "2", "7", "50", "100"]).to_string(),
                (_, "ID!") => format!("\"{}\"", self.dice.one_of(&self.ids.clone())),
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
        format!("a{}: {}{arguments} {below}", self.aliases, field.name.node)
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

/// What a document costs; nothing when it is rejected.
fn cost_of(text: &str) -> Option<u64> {
    let document = document::read(text).unwrap_or_else(|error| panic!("{}: {text}", error.message));
    let DocumentOperations::Single(operation) = &document.operations else { panic!("one operation") };
    price::price(&document, &operation.node, &Variables::default()).ok()
}

/// Executes a document as Ada. Returns its statements and the bytes of its data.
async fn executed(world: &World, user: UserId, text: &str) -> (u64, usize) {
    let caller = Caller { at: world.now(), address: None, user_agent: None, through: Through::Jwt(user) };
    let mut bytes = 0;
    let statements = world
        .statements(async {
            let request = Request::new(&world.app, caller).await.unwrap();
            let outcome = request.execute(&graphql::schema(), async_graphql::Request::new(text)).await;
            let refused = outcome.errors.iter().find(|error| {
                let code = error.extensions.as_ref().and_then(|extensions| extensions.get("code")).cloned();
                let code = code.map(|code| code.to_string()).unwrap_or_default();
                !["\"NOT_FOUND\"", "\"FORBIDDEN\""].contains(&code.as_str())
            });
            assert!(refused.is_none(), "{refused:?}: {text}");
            bytes = serde_json::to_vec(&outcome.data).unwrap().len();
        })
        .await;
    (statements, bytes)
}

/// Two organizations with members and tokens; the ids of all that can be looked up by Ada.
async fn populated(world: &World) -> (Client<'_>, UserId, Vec<String>) {
    let ada = world.admin("ada", &["acme", "globex"]).await;
    world.member("bob", &["acme", "globex"]).await;
    for number in 0..12 {
        ada.creates_token(&format!("deploy {number}"), &["acme", "globex"], &["read_builds", "graphql"]).await;
    }
    let all =
        "{ viewer { id organizations(first: 3) { nodes { id members(first: 9) { nodes { id } } tokenGrants(first: 20) { nodes { id token { id } } }
               auditEvents(first: 5) { nodes { id } } } } } }";
    let data = ada.ask(all, json!({})).await;
    let user = UserId::parse(data["viewer"]["id"].as_str().unwrap()).unwrap();
    let mut ids = Vec::new();
    gather(&data, &mut ids);
    (ada, user, ids)
}

fn gather(value: &Value, ids: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            ids.extend(fields.get("id").and_then(Value::as_str).map(ToOwned::to_owned));
            fields.values().for_each(|value| gather(value, ids));
        }
        Value::Array(items) => items.iter().for_each(|item| gather(item, ids)),
        _ => {}
    }
}

/// Documents that ask for as many statements as they can.
fn hungry(ids: &[String]) -> Vec<String> {
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
    async fn a_statement_costs_twenty_whatever_the_document(world: World) {
        let (_, user, ids) = populated(&world).await;
        let mut documents = hungry(&ids);
        let mut author = Author::new(&ids, 7);
        // Those that cost the most of a few hundred, each within the limit.
        let mut random: Vec<_> = std::iter::repeat_with(|| author.document())
            .take(300)
            .filter(|document| document.len() < 60_000)
            .filter_map(|document| cost_of(&document).map(|cost| (cost, document)))
            .collect();
        assert!(random.len() > 50, "{} documents are within the limit", random.len());
        random.sort();
        documents.extend(random.into_iter().rev().take(12).map(|(_, document)| document));
        let mut largest = 0;
        for document in documents {
            let cost = cost_of(&document).unwrap_or_else(|| panic!("too much: {document:.400}"));
            let (statements, bytes) = executed(&world, user, &document).await;
            largest = largest.max(statements);
            assert!(statements <= cost / 20 + OWN_STATEMENTS + 12, "{statements} for {cost}: {document:.400}");
            assert!(bytes <= MAX_RESPONSE, "{bytes} bytes: {document:.400}");
        }
        assert!((300..=520).contains(&largest), "the hungriest document ran {largest} statements");
    }
);

both!(
    async fn every_mutation_runs_at_most_the_statements_that_it_costs(world: World) {
        let (ada, user, _) = populated(&world).await;
        let token = ada.creates_token("deploy", &["acme", "globex"], &["read_builds"]).await.id;
        let (acme, globex) = (world.organization_id("acme").await, world.organization_id("globex").await);
        let initech = world.organization("initech").await;
        world.admin("ada", &["initech"]).await;
        let bob = world.member("bob", &["acme"]).await.ask("{ viewer { id } }", json!({})).await;
        let bob = bob["viewer"]["id"].as_str().unwrap().to_owned();
        let mut unseen: Vec<_> =
            Author::new(&[], 1).fields["Mutation"].iter().map(|field| field.name.node.to_string()).collect();
        // By a password alone, or where the operator allows it.
        unseen.retain(|name| !["changePassword", "endSession", "createOrganization"].contains(&name.as_str()));
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
            let mutation = format!("mutation {{ {name}(input: {{ {input} }}) {{ {selection} }} }}");
            let cost = cost_of(&mutation).unwrap();
            let (statements, _) = executed(&world, user, &mutation).await;
            assert!(statements <= cost / 20 + OWN_STATEMENTS, "{statements} for {cost}: {mutation}");
            unseen.retain(|one| one != name);
        }
        assert_eq!(unseen, [""; 0], "a mutation without a case");
    }
);

both!(
    async fn introspection_and_long_texts_return_at_most_four_mebibytes(world: World) {
        let ada = world.admin("ada", &["acme"]).await;
        let text = "🔑".repeat(255);
        for _ in 0..10 {
            ada.creates_token(&text, &["acme"], &["read_builds"]).await;
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
        // Within the cost limit, and too long.
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
    async fn a_mutation_that_selects_too_much_is_not_run(world: World) {
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
        let tokens = ada.ask("{ viewer { tokens { totalCount } } }", json!({})).await;
        assert_eq!(tokens["viewer"]["tokens"]["totalCount"], 0);
    }
);

/// A table that only the reads need is locked.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn revocations_and_removals_do_not_wait_behind_reads() {
    let test = concat!(module_path!(), "::revocations_and_removals_do_not_wait_behind_reads");
    let Some(database) = Database::fresh(Kind::Postgres, test) else { return };
    let mut talk = database.talk();
    let world = <World as crate::world::database::Stage>::on(database).await;
    let ada = world.admin("ada", &["acme"]).await;
    let acme = world.organization_id("acme").await;
    let tokens = join_all((0..5).map(|_| ada.creates_token("deploy", &["acme"], &["read_builds"]))).await;
    talk.ask("begin; lock table sessions in access exclusive mode");
    // Each waits for a connection or for the lock, until its time is over.
    let query = "{ viewer { sessions { totalCount } } }";
    let searches = join_all((0..40).map(|_| ada.graphql(query, json!({}))));
    let changes = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        let holder = world.holder_of(&tokens[0].value);
        let ended = holder.request(Method::DELETE, "/v2/access-token").send().await.unwrap();
        assert_eq!(ended.status(), 204);
        assert_eq!(ada.revokes(&tokens[1].id).await.code(), "OK");
        let removed = ada.removes_organization(&tokens[2].id, &acme, None).await;
        assert_eq!(removed.code(), "OK", "{}", removed.text);
    };
    let (hung, ()) = tokio::join!(searches, changes);
    assert!(hung.iter().all(|reply| reply.code() == "UNAVAILABLE"));
}

/// Large requests, each alone with all its statements, leave connections to others.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_request_holds_at_most_two_connections() {
    let test = concat!(module_path!(), "::one_request_holds_at_most_two_connections");
    let Some(database) = Database::fresh(Kind::Postgres, test) else { return };
    let mut talk = database.talk();
    let world = <World as crate::world::database::Stage>::on(database).await;
    let ada = world.admin("ada", &["acme"]).await;
    talk.ask("begin; lock table events in access exclusive mode");
    let pages = (0..30).map(|index| format!("a{index}: auditEvents(first: {}) {{ nodes {{ id }} }} ", index + 1));
    let query = format!("{{ organization(slug: \"acme\") {{ {} }} }}", pages.collect::<String>());
    let waiting = async {
        let mut most = 0;
        for _ in 0..20 {
            tokio::time::sleep(Duration::from_millis(50)).await;
            let count = talk.ask(
                "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()",
            );
            most = most.max(count.trim().parse::<u32>().unwrap());
        }
        talk.ask("rollback");
        most
    };
    let (_, most) = tokio::join!(ada.graphql(&query, json!({})), waiting);
    assert!((1..=2).contains(&most), "{most} connections");
}
