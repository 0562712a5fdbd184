//! Who may do what, to what? One table of every caller, verb and target, committed beside this file. Its authority is the
//! documentation of behaviour, line by line: a change of the table is a change of what people may do.

use crate::world::{
    World,
    client::{Client, Made, Reply},
};
use serde_json::{Value, json};
use std::{collections::BTreeSet, fmt::Write as _};
use tokenward::domain::id::{EventId, GrantId, OrganizationId, TokenId, UserId};

/// What the table covers, as the schema names it. `unauthorized` compares it with the schema.
pub(crate) const COVERED: &[&str] = &[
    "Mutation.createToken",
    "Mutation.updateToken",
    "Mutation.addOrganizationToToken",
    "Mutation.removeOrganizationFromToken",
    "Mutation.revokeToken",
    "Mutation.createOrganization",
    "Mutation.updateOrganization",
    "Mutation.addOrganizationMember",
    "Mutation.updateOrganizationMember",
    "Mutation.removeOrganizationMember",
    "Query.node",
    "Query.nodes",
    "Organization.members",
    "Query.token",
    "Query.organization",
    "Query.viewer",
    "Organization.tokenGrants",
    "Organization.tokenGrant",
    "Organization.auditEvents",
    "Organization.viewerIsAdmin",
    "Token.organizations",
    "Token.grants",
    "Token.events",
    "Token.lastUsedAt",
    "Token.lastRequest",
    "TokenGrant.token",
    "TokenGrant.removedBy",
    "AuditEvent.organizations",
    "AuditEvent.token",
    "AuditEvent.actor",
    "AuditEvent.user",
    "User.email",
    "User.organizations",
    "User.tokens",
];

const TARGETS: [&str; 4] = ["standing", "removed", "revoked", "unknown"];

/// The people of the table: bob owns the tokens, ada administers acme, zed administers initech, eve is a member of acme.
/// All tokens reach acme, and globex, of which bob alone is a member.
struct Stage<'world> {
    callers: Vec<(&'static str, Client<'world>)>,
    bob: Client<'world>,
    ada: Client<'world>,
    acme: String,
    globex: String,
}

impl<'world> Stage<'world> {
    async fn of(world: &'world World) -> Self {
        let bob = world.member("bob", &["acme", "globex", "umbrella"]).await;
        let (ada, zed) = (world.admin("ada", &["acme"]).await, world.admin("zed", &["initech"]).await);
        let eve = world.member("eve", &["acme"]).await;
        let mut through = Vec::new();
        for (person, name, slug) in [(&bob, "script", "acme"), (&bob, "elsewhere", "umbrella"), (&ada, "tool", "acme")]
        {
            through.push(world.holder_of(&person.creates_token(name, &[slug], &["graphql"]).await.value));
        }
        let [reaching, elsewhere, tool] = <[_; 3]>::try_from(through).ok().unwrap();
        let callers = vec![
            ("owner", bob.clone()),
            ("token of owner", reaching),
            ("…, elsewhere", elsewhere),
            ("admin", ada.clone()),
            ("token of admin", tool),
            ("admin elsewhere", zed),
            ("member", eve),
            ("stranger", world.stranger().await),
            ("nobody", world.nobody()),
        ];
        let (acme, globex) = (world.organization_id("acme").await, world.organization_id("globex").await);
        Self { callers, bob, ada, acme, globex }
    }

    /// A token of bob's in that state; of an unknown one there is the id alone.
    async fn target(&self, state: &str) -> Made {
        let made = self.bob.creates_token(state, &["acme", "globex"], &["read_builds"]).await;
        match state {
            "standing" => {}
            "removed" => assert_eq!(self.ada.removes_organization(&made.id, &self.acme, None).await.code(), "OK"),
            "revoked" => assert_eq!(self.bob.revokes(&made.id).await.code(), "OK"),
            _ => return Made { id: TokenId::new(self.bob.world.now()).to_string(), ..made },
        }
        made
    }
}

/// The table as it grows.
struct Table(String);

impl Table {
    fn new(callers: &[(&'static str, Client<'_>)]) -> Self {
        let mut table = Self(String::new());
        let names = callers.iter().map(|(name, _)| (*name).to_owned()).collect();
        table.row("", "", names);
        table
    }

    fn row(&mut self, verb: &str, target: &str, outcomes: Vec<String>) {
        let mut line = format!("{verb:<39} {target:<12}");
        for outcome in outcomes {
            write!(line, " {outcome:<16}").unwrap();
        }
        self.0 += line.trim_end();
        self.0.push('\n');
    }
}

/// What came of it, in a word: an error's code, `null`, or what is at that path.
fn outcome(reply: &Reply, path: &str) -> String {
    if reply.code() != "OK" {
        return reply.code().to_lowercase();
    }
    let data = reply.data();
    let mut at = &data;
    for part in path.split('.') {
        at = at.get(part).or_else(|| at.get(part.parse::<usize>().ok()?)).unwrap_or(&Value::Null);
    }
    match at {
        Value::Null => "null".into(),
        Value::Array(all) => {
            let names = all.iter().map(|one| ["slug", "description", "type"].iter().find_map(|key| one[key].as_str()));
            format!("[{}]", names.map(|name| name.unwrap_or("value").to_lowercase()).collect::<Vec<_>>().join(" "))
        }
        Value::Object(_) | Value::String(_) => "value".into(),
        other => other.to_string(),
    }
}

both!(
    ///
    async fn who_may_do_what_is_what_the_table_says(world: World) {
        let stage = Stage::of(&world).await;
        let mut table = Table::new(&stage.callers);
        let mut seen = BTreeSet::new();
        mutations(&world, &stage, &mut table, &mut seen).await;
        table.0.push('\n');
        settings(&world, &stage, &mut table, &mut seen).await;
        table.0.push('\n');
        lookups(&world, &stage, &mut table, &mut seen).await;
        assert_eq!(seen, COVERED.iter().map(|name| (*name).to_owned()).collect());
        insta::assert_snapshot!("policy_table", table.0);
    }
);

/// Each cell has a token of its own, since what is allowed changes it.
async fn mutations(world: &World, stage: &Stage<'_>, table: &mut Table, seen: &mut BTreeSet<String>) {
    let (foreign, unknown) = (world.organization("foreign").await, OrganizationId::new(world.now()).to_string());
    for (target, organization) in [("acme", &stage.acme), ("foreign", &foreign), ("unknown", &unknown)] {
        let mut outcomes = Vec::new();
        for (_, caller) in &stage.callers {
            let input = json!({ "description": "new", "organizationIds": [organization], "scopes": ["read_builds"] });
            outcomes.push(done(&caller.does("createToken", input).await));
        }
        table.row("createToken", target, outcomes);
    }
    for verb in ["updateToken", "addOrganizationToToken", "removeOrganizationFromToken", "revokeToken"] {
        for target in TARGETS {
            let mut outcomes = Vec::new();
            for (_, caller) in &stage.callers {
                let token = stage.target(target).await;
                let input = match verb {
                    "updateToken" => json!({ "tokenId": token.id, "description": "changed" }),
                    "revokeToken" => json!({ "tokenId": token.id }),
                    _ => json!({ "tokenId": token.id, "organizationId": stage.acme }),
                };
                outcomes.push(done(&caller.does(verb, input).await));
            }
            table.row(verb, target, outcomes);
        }
    }
    let verbs = ["createToken", "updateToken", "addOrganizationToToken", "removeOrganizationFromToken", "revokeToken"];
    seen.extend(verbs.map(|verb| format!("Mutation.{verb}")));
}

/// Organizations and their members; each cell has a person of its own.
async fn settings(world: &World, stage: &Stage<'_>, table: &mut Table, seen: &mut BTreeSet<String>) {
    let (foreign, unknown) = (world.organization_id("foreign").await, OrganizationId::new(world.now()).to_string());
    let mut outcomes = Vec::new();
    for (_, caller) in &stage.callers {
        outcomes.push(done(&caller.does("createOrganization", json!({ "slug": "new", "name": "New" })).await));
    }
    table.row("createOrganization", "", outcomes);
    let verbs = ["updateOrganization", "addOrganizationMember", "updateOrganizationMember", "removeOrganizationMember"];
    for verb in verbs {
        for (target, organization) in [("acme", &stage.acme), ("foreign", &foreign), ("unknown", &unknown)] {
            let mut outcomes = Vec::new();
            for (index, (_, caller)) in stage.callers.iter().enumerate() {
                let name = format!("{}-{target}-{index}", verb.to_lowercase());
                let newcomer = world.person(&name).await;
                let id = newcomer.ask("{ viewer { id } }", json!({})).await["viewer"]["id"].clone();
                if !verb.starts_with("add") && target != "unknown" {
                    world.member(&name, &[target]).await;
                }
                let input = match verb {
                    "updateOrganization" => json!({ "organizationId": organization, "name": name }),
                    "addOrganizationMember" => {
                        json!({ "organizationId": organization, "user": name, "role": "MEMBER" })
                    }
                    "updateOrganizationMember" => {
                        json!({ "organizationId": organization, "userId": id, "role": "ADMIN" })
                    }
                    _ => json!({ "organizationId": organization, "userId": id }),
                };
                outcomes.push(done(&caller.does(verb, input).await));
            }
            table.row(verb, target, outcomes);
        }
    }
    seen.insert("Mutation.createOrganization".into());
    seen.extend(verbs.map(|verb| format!("Mutation.{verb}")));
}

fn done(reply: &Reply) -> String {
    if reply.code() == "OK" { "done".into() } else { reply.code().to_lowercase() }
}

/// A question, what it covers, and where its answer stands.
struct Ask {
    label: &'static str,
    covers: &'static [&'static str],
    query: &'static str,
    at: &'static str,
}

const fn ask(label: &'static str, covers: &'static [&'static str], query: &'static str, at: &'static str) -> Ask {
    Ask { label, covers, query, at }
}

/// About a token: `$id` is its id, `$grant` that of its grant with acme, `$event` that of its creation, `$beyond` that of
/// its loss of globex.
const OF_TOKENS: &[Ask] = &[
    ask("token", &["Query.token"], "token(id: $id) { id }", "token"),
    ask("node(token)", &["Query.node"], "node(id: $id) { id }", "node"),
    ask("node(grant)", &["Query.node"], "node(id: $grant) { id }", "node"),
    ask("node(event)", &["Query.node"], "node(id: $event) { id }", "node"),
    ask("node(event of globex)", &["Query.node"], "node(id: $beyond) { id }", "node"),
    ask(
        "Organization.tokenGrants",
        &["Query.organization", "Organization.tokenGrants"],
        "organization(slug: \"acme\") { tokenGrants(filter: { query: $words }) { nodes { token { description } } } }",
        "organization.tokenGrants.nodes",
    ),
    ask(
        "Organization.tokenGrant",
        &["Organization.tokenGrant"],
        "organization(slug: \"acme\") { tokenGrant(tokenId: $id) { id } }",
        "organization.tokenGrant",
    ),
    ask(
        "Organization.auditEvents",
        &["Organization.auditEvents"],
        "organization(slug: \"acme\") { auditEvents(filter: { tokenId: $id, types: [TOKEN_CREATED] }) { totalCount } }",
        "organization.auditEvents.totalCount",
    ),
    ask(
        "Token.organizations",
        &["Token.organizations"],
        "token(id: $id) { organizations { slug } }",
        "token.organizations",
    ),
    ask("Token.grants", &["Token.grants"], "token(id: $id) { grants { totalCount } }", "token.grants.totalCount"),
    ask("Token.events", &["Token.events"], "token(id: $id) { events { totalCount } }", "token.events.totalCount"),
    ask("Token.lastUsedAt", &["Token.lastUsedAt"], "token(id: $id) { lastUsedAt }", "token.lastUsedAt"),
    ask("Token.lastRequest", &["Token.lastRequest"], "token(id: $id) { lastRequest { at } }", "token.lastRequest"),
    ask(
        "TokenGrant.token",
        &["TokenGrant.token"],
        "node(id: $grant) { ... on TokenGrant { token { id } } }",
        "node.token",
    ),
    ask(
        "TokenGrant.removedBy",
        &["TokenGrant.removedBy"],
        "node(id: $grant) { ... on TokenGrant { removedBy { id } } }",
        "node.removedBy",
    ),
    ask(
        "AuditEvent.organizations",
        &["AuditEvent.organizations"],
        "node(id: $event) { ... on AuditEvent { organizations { slug } } }",
        "node.organizations",
    ),
    ask(
        "AuditEvent.token",
        &["AuditEvent.token"],
        "node(id: $event) { ... on AuditEvent { token { id } } }",
        "node.token",
    ),
    ask(
        "AuditEvent.actor",
        &["AuditEvent.actor"],
        "node(id: $event) { ... on AuditEvent { actor { id } } }",
        "node.actor",
    ),
    ask("AuditEvent.user", &["AuditEvent.user"], "node(id: $event) { ... on AuditEvent { user { id } } }", "node.user"),
];

/// About people and organizations: `$id` is theirs.
const OF_OTHERS: &[(&str, Ask)] = &[
    ("bob", ask("node(user)", &["Query.node"], "node(id: $id) { id }", "node")),
    ("eve", ask("node(user)", &["Query.node"], "node(id: $id) { id }", "node")),
    ("zed", ask("node(user)", &["Query.node"], "node(id: $id) { id }", "node")),
    ("no user", ask("node(user)", &["Query.node"], "node(id: $id) { id }", "node")),
    ("bob", ask("User.email", &["User.email"], "node(id: $id) { ... on User { email } }", "node.email")),
    ("eve", ask("User.email", &["User.email"], "node(id: $id) { ... on User { email } }", "node.email")),
    (
        "bob",
        ask(
            "User.organizations",
            &["User.organizations"],
            "node(id: $id) { ... on User { organizations { nodes { slug } } } }",
            "node.organizations",
        ),
    ),
    (
        "bob",
        ask("User.tokens", &["User.tokens"], "node(id: $id) { ... on User { tokens { totalCount } } }", "node.tokens"),
    ),
    ("acme", ask("node(organization)", &["Query.node"], "node(id: $id) { id }", "node")),
    ("globex", ask("node(organization)", &["Query.node"], "node(id: $id) { id }", "node")),
    ("no org", ask("node(organization)", &["Query.node"], "node(id: $id) { id }", "node")),
    ("acme", ask("nodes", &["Query.nodes"], "nodes(ids: [$id]) { id }", "nodes.0")),
    ("globex", ask("nodes", &["Query.nodes"], "nodes(ids: [$id]) { id }", "nodes.0")),
    (
        "acme",
        ask(
            "Organization.members",
            &["Organization.members"],
            "node(id: $id) { ... on Organization { members(search: \"zed\") { totalCount } } }",
            "node.members",
        ),
    ),
    ("acme", ask("organization", &["Query.organization"], "organization(slug: \"acme\") { id }", "organization")),
    ("globex", ask("organization", &["Query.organization"], "organization(slug: \"globex\") { id }", "organization")),
    ("no org", ask("organization", &["Query.organization"], "organization(slug: \"none\") { id }", "organization")),
    (
        "acme",
        ask(
            "Organization.viewerIsAdmin",
            &["Organization.viewerIsAdmin"],
            "organization(slug: \"acme\") { viewerIsAdmin }",
            "organization.viewerIsAdmin",
        ),
    ),
    ("", ask("viewer", &["Query.viewer"], "viewer { id }", "viewer")),
    ("", ask("viewer.email", &["User.email"], "viewer { email }", "viewer.email")),
    (
        "",
        ask(
            "viewer.organizations (number)",
            &["User.organizations"],
            "viewer { organizations { totalCount } }",
            "viewer.organizations.totalCount",
        ),
    ),
    (
        "",
        ask(
            "viewer.tokens of this table",
            &["User.tokens"],
            "viewer { tokens(filter: { query: \"of-this-table\", status: [ACTIVE, EXPIRED, REVOKED] }) { totalCount } }",
            "viewer.tokens.totalCount",
        ),
    ),
];

async fn lookups(world: &World, stage: &Stage<'_>, table: &mut Table, seen: &mut BTreeSet<String>) {
    let mut targets = Vec::new();
    for target in TARGETS {
        targets.push((target, known(world, stage, target).await));
    }
    world.flush().await;
    for ask in OF_TOKENS {
        for (target, variables) in &targets {
            row(stage, table, (ask, target), variables).await;
        }
        seen.extend(ask.covers.iter().map(|name| (*name).to_owned()));
    }
    table.0.push('\n');
    for (target, ask) in OF_OTHERS {
        let id = match *target {
            "acme" => stage.acme.clone(),
            "globex" => stage.globex.clone(),
            "no org" => OrganizationId::new(world.now()).to_string(),
            "bob" | "eve" | "zed" => {
                let viewer = world.person(target).await.ask("{ viewer { id } }", json!({})).await;
                viewer["viewer"]["id"].as_str().unwrap().to_owned()
            }
            _ => UserId::new(world.now()).to_string(),
        };
        row(stage, table, (ask, target), &json!({ "id": id })).await;
        seen.extend(ask.covers.iter().map(|name| (*name).to_owned()));
    }
}

/// A token in that state that was used, with the ids of its grant and its first event.
async fn known(world: &World, stage: &Stage<'_>, target: &str) -> Value {
    let (at, words) = (world.now(), format!("{target} of-this-table"));
    if target == "unknown" {
        let (token, grant, event) = (TokenId::new(at), GrantId::new(at), EventId::new(at));
        let ids = [token.to_string(), grant.to_string(), event.to_string()];
        return json!({ "id": ids[0], "grant": ids[1], "event": ids[2], "beyond": ids[2], "words": words });
    }
    let made = stage.bob.creates_token(&words, &["acme", "globex"], &["read_builds"]).await;
    let script = world.holder_of(&made.value);
    for slug in ["acme", "globex"] {
        assert_eq!(script.verify(&format!("scope=read_builds&organization={slug}")).await.status, 200);
    }
    assert_eq!(stage.bob.removes_organization(&made.id, &stage.globex, None).await.code(), "OK");
    assert_eq!(stage.bob.adds_organization(&made.id, &stage.globex).await.code(), "OK");
    let query = "query($id: ID!, $acme: ID!) { token(id: $id) { grants(organizationId: $acme) { nodes { id } } \
                 events { nodes { id } } } }";
    let ids = stage.bob.ask(query, json!({ "id": made.id, "acme": stage.acme })).await;
    let id_at = |path: &str| ids["token"].pointer(path).unwrap().clone();
    match target {
        "removed" => assert_eq!(stage.ada.removes_organization(&made.id, &stage.acme, None).await.code(), "OK"),
        "revoked" => assert_eq!(stage.bob.revokes(&made.id).await.code(), "OK"),
        _ => {}
    }
    json!({
        "id": made.id, "grant": id_at("/grants/nodes/0/id"), "event": id_at("/events/nodes/2/id"),
        "beyond": id_at("/events/nodes/1/id"), "words": words,
    })
}

async fn row(stage: &Stage<'_>, table: &mut Table, (ask, target): (&Ask, &str), variables: &Value) {
    let kinds = [("$id", "ID!"), ("$grant", "ID!"), ("$event", "ID!"), ("$beyond", "ID!"), ("$words", "String!")];
    let declared: Vec<_> = kinds
        .iter()
        .filter(|(name, _)| ask.query.contains(name))
        .map(|(name, kind)| format!("{name}: {kind}"))
        .collect();
    let head = if declared.is_empty() { String::new() } else { format!("query({})", declared.join(", ")) };
    let query = format!("{head} {{ {} }}", ask.query);
    let mut outcomes = Vec::new();
    for (_, caller) in &stage.callers {
        let mut used = variables.clone();
        used.as_object_mut().unwrap().retain(|name, _| ask.query.contains(&format!("${name}")));
        outcomes.push(outcome(&caller.graphql(&query, used).await, ask.at));
    }
    table.row(ask.label, target, outcomes);
}
