//! Compares the permissions of every caller, operation and target with one table that is committed next to this file. A change of
//! the table is a change of what users may do.

use crate::world::{
    PASSWORD, World,
    client::{Client, CreatedToken, Reply},
};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    time::Duration,
};
use tokenward::{
    actions::{DeleteUser, DisableUser},
    domain::id::{EventId, GrantId, OrganizationId, SessionId, TokenId, UserId},
};

/// What the table covers, as the schema names it. `unauthorized` compares the list with the schema.
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
    "Mutation.endSession",
    "Mutation.endSessions",
    "Mutation.changePassword",
    "Mutation.updateProfile",
    "Query.session",
    "User.sessions",
    "User.hasPassword",
    "Session.current",
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
    "Token.recentAddresses",
    "TokenGrant.token",
    "TokenGrant.removedBy",
    "AuditEvent.organizations",
    "AuditEvent.token",
    "AuditEvent.actor",
    "AuditEvent.user",
    "AuditEvent.notificationId",
    "User.email",
    "User.organizations",
    "User.tokens",
];

/// States of bob's tokens, and IDs that no token has.
const TARGETS: [&str; 7] = ["active", "removed", "revoked", "expired", "unknown", "malformed", "wrong kind"];

/// Organizations that a request names: those of the table, one of other users, and IDs that no organization has.
const ORGANIZATIONS: [&str; 6] = ["acme", "globex", "foreign", "unknown", "malformed", "wrong kind"];

/// The users of the table: bob owns the tokens, ada administers acme, zed administers initech, eve is a member of acme. dan, who
/// is disabled, and del, who is deleted, administered acme. All tokens have access to acme and to globex, of which only bob is a
/// member.
struct Stage<'world> {
    callers: Vec<(&'static str, Client<'world>)>,
    bob: Client<'world>,
    ada: Client<'world>,
    acme: String,
    globex: String,
    foreign: String,
}

/// The number of callers that are authenticated; they come first.
const LET_IN: usize = 8;

/// The lifetime of a token that is to expire.
const SOON: Duration = Duration::from_secs(20);

impl<'world> Stage<'world> {
    async fn of(world: &'world World) -> Self {
        let bob = world.member("bob", &["acme", "globex", "umbrella"]).await;
        let (ada, zed) = (world.admin("ada", &["acme"]).await, world.admin("zed", &["initech"]).await);
        let eve = world.member("eve", &["acme"]).await;
        let (dan, del) = (world.admin("dan", &["acme"]).await, world.admin("del", &["acme"]).await);
        let mut through = Vec::new();
        for (person, name, slug) in [
            (&bob, "script", "acme"),
            (&bob, "elsewhere", "umbrella"),
            (&ada, "tool", "acme"),
            (&dan, "tool", "acme"),
            (&del, "tool", "acme"),
        ] {
            through.push(world.bearer(&person.create_token(name, &[slug], &["graphql"]).await.value));
        }
        let [reaching, elsewhere, tool, of_disabled, of_deleted] = <[_; 5]>::try_from(through).ok().unwrap();
        world.operator(DisableUser { username: "dan".into() }).await.unwrap();
        world.operator(DeleteUser { username: "del".into() }).await.unwrap();
        let callers = vec![
            ("owner", bob.clone()),
            ("token of owner", reaching),
            ("…, elsewhere", elsewhere),
            ("admin", ada.clone()),
            ("token of admin", tool),
            ("admin elsewhere", zed),
            ("member", eve),
            ("non-member", world.non_member().await),
            ("anonymous", world.anonymous()),
            ("disabled", dan),
            ("… token", of_disabled),
            ("deleted", del),
            ("… token", of_deleted),
        ];
        let (acme, globex) = (world.organization_id("acme").await, world.organization_id("globex").await);
        let foreign = world.organization("foreign").await;
        Self { callers, bob, ada, acme, globex, foreign }
    }

    /// Returns the ID of a token of bob's in that state, or an ID that no token has.
    async fn target(&self, state: &str) -> String {
        let world = self.bob.world;
        match state {
            "unknown" => return TokenId::new(world.now()).to_string(),
            "malformed" => return "nonsense".into(),
            "wrong kind" => return self.acme.clone(),
            _ => {}
        }
        let made = self.makes(state).await;
        self.comes_to(state, &made).await;
        made.id
    }

    /// Creates a token of bob's; one that is to expire expires soon.
    async fn makes(&self, description: &str) -> CreatedToken {
        let end = description.starts_with("expired").then(|| self.bob.world.now().plus(SOON).to_text());
        self.bob.create_expiring_token(description, &["acme", "globex"], &["read_builds"], end).await
    }

    async fn comes_to(&self, state: &str, made: &CreatedToken) {
        match state {
            "removed" => assert_eq!(self.ada.remove_organization(&made.id, &self.acme, None).await.code(), "OK"),
            "revoked" => assert_eq!(self.bob.revoke_token(&made.id).await.code(), "OK"),
            "expired" => self.bob.world.advance(SOON),
            _ => {}
        }
    }

    /// Returns the ID of an organization that a request names.
    fn organization(&self, name: &str) -> String {
        match name {
            "acme" => self.acme.clone(),
            "globex" => self.globex.clone(),
            "foreign" => self.foreign.clone(),
            "unknown" => OrganizationId::new(self.bob.world.now()).to_string(),
            "malformed" => "nonsense".into(),
            _ => TokenId::new(self.bob.world.now()).to_string(),
        }
    }
}

/// The table so far, and the responses to callers who may not see the target: for one operation and kind of target they are the
/// same, byte for byte, whether the target does not exist or is hidden.
struct Table {
    text: String,
    unseen: BTreeMap<(String, String), (String, String)>,
}

impl Table {
    fn new(callers: &[(&'static str, Client<'_>)]) -> Self {
        let mut table = Self { text: String::new(), unseen: BTreeMap::new() };
        let names = callers.iter().map(|(name, _)| (*name).to_owned()).collect();
        table.row("", "", names);
        table
    }

    fn row(&mut self, verb: &str, target: &str, outcomes: Vec<String>) {
        let mut line = format!("{verb:<39} {target:<12}");
        for outcome in outcomes {
            write!(line, " {outcome:<16}").unwrap();
        }
        self.text += line.trim_end();
        self.text.push('\n');
    }

    /// Compares the responses to one operation for targets that do not exist and targets that are hidden.
    fn unseen(&mut self, question: &str, target: &str, outcome: &str, reply: &Reply) {
        if !["not_found", "null"].contains(&outcome) {
            return;
        }
        let key = (question.to_owned(), outcome.to_owned());
        let (text, first) = self.unseen.entry(key).or_insert_with(|| (reply.text.clone(), target.to_owned()));
        assert_eq!(reply.text, *text, "{question} of {target} and of {first}");
    }
}

/// Returns the outcome in one word: the code of an error, `null`, or the value at that path.
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
    async fn permissions_match_the_table(world: World) {
        let stage = Stage::of(&world).await;
        let mut table = Table::new(&stage.callers);
        let mut seen = BTreeSet::new();
        mutations(&stage, &mut table, &mut seen).await;
        table.text.push('\n');
        settings(&world, &stage, &mut table, &mut seen).await;
        table.text.push('\n');
        accounts(&world, &stage, &mut table, &mut seen).await;
        table.text.push('\n');
        lookups(&world, &stage, &mut table, &mut seen).await;
        assert_eq!(seen, COVERED.iter().map(|name| (*name).to_owned()).collect());
        insta::assert_snapshot!("policy_table", table.text);
    }
);

/// Each cell has its own token, since an allowed operation changes it.
async fn mutations(stage: &Stage<'_>, table: &mut Table, seen: &mut BTreeSet<String>) {
    for organization in ORGANIZATIONS {
        let id = stage.organization(organization);
        let input = json!({ "description": "new", "organizationIds": [id], "scopes": ["read_builds"] });
        row_of(stage, table, ("createToken", organization), async |_| input.clone()).await;
    }
    for verb in ["updateToken", "revokeToken"] {
        for target in TARGETS {
            row_of(stage, table, (verb, target), async |_| match verb {
                "updateToken" => json!({ "tokenId": stage.target(target).await, "description": "changed" }),
                _ => json!({ "tokenId": stage.target(target).await }),
            })
            .await;
        }
    }
    for verb in ["addOrganizationToToken", "removeOrganizationFromToken"] {
        for target in TARGETS {
            row_of(
                stage,
                table,
                (verb, target),
                async |_| json!({ "tokenId": stage.target(target).await, "organizationId": stage.acme }),
            )
            .await;
        }
        for organization in &ORGANIZATIONS[1..] {
            let id = stage.organization(organization);
            row_of(
                stage,
                table,
                (verb, &format!("… {organization}")),
                async |_| json!({ "tokenId": stage.target("active").await, "organizationId": id }),
            )
            .await;
        }
    }
    let verbs = ["createToken", "updateToken", "addOrganizationToToken", "removeOrganizationFromToken", "revokeToken"];
    seen.extend(verbs.map(|verb| format!("Mutation.{verb}")));
}

/// Runs one operation on one target as every caller. The input is created for each cell, by its number; an unauthenticated caller
/// gets the input of the cell before, since it changes nothing.
async fn row_of(
    stage: &Stage<'_>,
    table: &mut Table,
    (verb, target): (&str, &str),
    input: impl AsyncFn(usize) -> Value,
) {
    let (mut outcomes, mut given) = (Vec::new(), Value::Null);
    for (number, (name, caller)) in stage.callers.iter().enumerate() {
        if number <= LET_IN {
            given = input(number).await;
        }
        let reply = caller.mutate(verb, given.clone()).await;
        let outcome = done(&reply);
        assert!(number < LET_IN || outcome == "unauthenticated", "{name}: {}", reply.text);
        // Responses are compared for each argument separately.
        let argument = if target.starts_with('…') { "second" } else { "first" };
        table.unseen(&format!("{verb}, {argument} argument, by {number} {name}"), target, &outcome, &reply);
        outcomes.push(outcome);
    }
    table.row(verb, target, outcomes);
}

/// Organizations and their members; each cell has its own user.
async fn settings(world: &World, stage: &Stage<'_>, table: &mut Table, seen: &mut BTreeSet<String>) {
    row_of(stage, table, ("createOrganization", ""), async |_| json!({ "slug": "new", "name": "New" })).await;
    for organization in ORGANIZATIONS {
        let id = stage.organization(organization);
        let name = |verb: &str, number: usize| format!("{verb}-{}-{number}", organization.replace(' ', "-"));
        row_of(
            stage,
            table,
            ("updateOrganization", organization),
            async |_| json!({ "organizationId": id, "name": "Renamed" }),
        )
        .await;
        row_of(stage, table, ("addOrganizationMember", organization), async |number| {
            let name = name("add", number);
            world.user(&name).await;
            json!({ "organizationId": id, "user": name, "role": "MEMBER" })
        })
        .await;
        for (verb, role) in [("updateOrganizationMember", json!("ADMIN")), ("removeOrganizationMember", Value::Null)] {
            row_of(stage, table, (verb, organization), async |number| {
                let name = name(&verb[..6], number);
                world.user(&name).await;
                if ["acme", "globex", "foreign"].contains(&organization) {
                    world.member(&name, &[organization]).await;
                }
                member(&id, &id_of(world, &name).await, &role)
            })
            .await;
        }
    }
    // Users who are not a member of acme, and users who do not exist.
    for verb in ["addOrganizationMember", "updateOrganizationMember", "removeOrganizationMember"] {
        for target in ["no member", "no user", "malformed", "wrong kind"] {
            let user = match target {
                "no member" => id_of(world, "zed").await,
                "no user" => UserId::new(world.now()).to_string(),
                "malformed" => "nonsense".into(),
                _ => stage.acme.clone(),
            };
            let input = match verb {
                "addOrganizationMember" if target == "no member" => continue,
                "addOrganizationMember" => json!({ "organizationId": stage.acme, "user": user, "role": "MEMBER" }),
                "updateOrganizationMember" => member(&stage.acme, &user, &json!("ADMIN")),
                _ => member(&stage.acme, &user, &Value::Null),
            };
            row_of(stage, table, (verb, &format!("… {target}")), async |_| input.clone()).await;
        }
    }
    let verbs = ["createOrganization", "updateOrganization", "addOrganizationMember", "updateOrganizationMember"];
    seen.extend(verbs.iter().chain(&["removeOrganizationMember"]).map(|verb| format!("Mutation.{verb}")));
}

/// Changes of users to their own account; bob signs in again for each cell.
async fn accounts(world: &World, stage: &Stage<'_>, table: &mut Table, seen: &mut BTreeSet<String>) {
    world.set_password("bob").await;
    for target in ["of bob", "unknown", "malformed", "wrong kind"] {
        row_of(stage, table, ("endSession", target), async |_| {
            let id = match target {
                "of bob" => session_of_bob(world).await,
                "unknown" => SessionId::new(world.now()).to_string(),
                "malformed" => "nonsense".into(),
                _ => stage.acme.clone(),
            };
            json!({ "sessionId": id })
        })
        .await;
    }
    row_of(stage, table, ("endSessions", ""), async |_| json!({})).await;
    row_of(stage, table, ("changePassword", ""), async |_| json!({ "newPassword": "another plover gantry ounce" }))
        .await;
    row_of(stage, table, ("updateProfile", ""), async |_| json!({ "name": "Another" })).await;
    let verbs = ["endSession", "endSessions", "changePassword", "updateProfile"];
    seen.extend(verbs.map(|verb| format!("Mutation.{verb}")));
}

async fn session_of_bob(world: &World) -> String {
    let bob = world.browser(&world.sign_in("bob", PASSWORD).await);
    bob.query("{ session { id } }", json!({})).await["session"]["id"].as_str().unwrap().to_owned()
}

fn member(organization: &str, user: &str, role: &Value) -> Value {
    let mut input = json!({ "organizationId": organization, "userId": user });
    if !role.is_null() {
        input["role"] = role.clone();
    }
    input
}

async fn id_of(world: &World, username: &str) -> String {
    let viewer = world.user(username).await.query("{ viewer { id } }", json!({})).await;
    viewer["viewer"]["id"].as_str().unwrap().to_owned()
}

fn done(reply: &Reply) -> String {
    if reply.code() == "OK" { "done".into() } else { reply.code().to_lowercase() }
}

/// A query, the fields that it covers, and the path of its result.
struct Ask {
    label: &'static str,
    covers: &'static [&'static str],
    query: &'static str,
    at: &'static str,
}

const fn ask(label: &'static str, covers: &'static [&'static str], query: &'static str, at: &'static str) -> Ask {
    Ask { label, covers, query, at }
}

/// Queries about a token: `$id` is its ID, `$grant` the ID of its grant to acme, `$event` of its creation, `$beyond` of the
/// removal of globex.
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
        "Token.recentAddresses",
        &["Token.recentAddresses"],
        "token(id: $id) { recentAddresses }",
        "token.recentAddresses",
    ),
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
    ask(
        "AuditEvent.notificationId",
        &["AuditEvent.notificationId"],
        "node(id: $event) { ... on AuditEvent { notificationId } }",
        "node.notificationId",
    ),
];

/// Queries about users and organizations: `$id` is their ID.
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
    (
        "bob",
        ask(
            "User.sessions",
            &["User.sessions"],
            "node(id: $id) { ... on User { sessions { nodes { id } } } }",
            "node.sessions",
        ),
    ),
    (
        "bob",
        ask(
            "User.hasPassword",
            &["User.hasPassword"],
            "node(id: $id) { ... on User { hasPassword } }",
            "node.hasPassword",
        ),
    ),
    ("of bob", ask("node(session)", &["Query.node"], "node(id: $id) { id }", "node")),
    (
        "of bob",
        ask("Session.current", &["Session.current"], "node(id: $id) { ... on Session { current } }", "node.current"),
    ),
    ("", ask("session", &["Query.session"], "session { id }", "session")),
    ("acme", ask("node(organization)", &["Query.node"], "node(id: $id) { id }", "node")),
    ("globex", ask("node(organization)", &["Query.node"], "node(id: $id) { id }", "node")),
    ("no org", ask("node(organization)", &["Query.node"], "node(id: $id) { id }", "node")),
    ("acme", ask("nodes", &["Query.nodes"], "nodes(ids: [$id]) { id }", "nodes.0")),
    ("globex", ask("nodes", &["Query.nodes"], "nodes(ids: [$id]) { id }", "nodes.0")),
    ("malformed", ask("nodes", &["Query.nodes"], "nodes(ids: [$id]) { id }", "nodes.0")),
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
    ("malformed", ask("organization", &["Query.organization"], "organization(slug: \"Ac me\") { id }", "organization")),
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
    table.text.push('\n');
    for (target, ask) in OF_OTHERS {
        let id = match *target {
            "no org" => stage.organization("unknown"),
            "bob" | "eve" | "zed" => id_of(world, target).await,
            "no user" => UserId::new(world.now()).to_string(),
            "of bob" => session_of_bob(world).await,
            name => stage.organization(name),
        };
        row(stage, table, (ask, target), &json!({ "id": id })).await;
        seen.extend(ask.covers.iter().map(|name| (*name).to_owned()));
    }
}

/// Returns the IDs of a used token in that state, of its grant and of its first event.
async fn known(world: &World, stage: &Stage<'_>, target: &str) -> Value {
    let (at, words) = (world.now(), format!("{target} of-this-table"));
    let none = |[token, grant, event]: [String; 3]| json!({ "id": token, "grant": grant, "event": event, "beyond": event, "words": words });
    match target {
        "unknown" => {
            return none([TokenId::new(at).to_string(), GrantId::new(at).to_string(), EventId::new(at).to_string()]);
        }
        "malformed" => return none(["token_nonsense".into(), "grant_".into(), "\u{e9}".into()]),
        // An existing ID of another kind could be resolved by mistake.
        "wrong kind" => {
            return none([GrantId::new(at).to_string(), EventId::new(at).to_string(), TokenId::new(at).to_string()]);
        }
        _ => {}
    }
    let made = stage.makes(&words).await;
    let script = world.bearer(&made.value);
    for slug in ["acme", "globex"] {
        assert_eq!(script.verify(&format!("scope=read_builds&organization={slug}")).await.status, 200);
    }
    assert_eq!(stage.bob.remove_organization(&made.id, &stage.globex, None).await.code(), "OK");
    assert_eq!(stage.bob.add_organization(&made.id, &stage.globex).await.code(), "OK");
    let query = "query($id: ID!, $acme: ID!) { token(id: $id) { grants(organizationId: $acme) { nodes { id } } \
                 events { nodes { id } } } }";
    let ids = stage.bob.query(query, json!({ "id": made.id, "acme": stage.acme })).await;
    let id_at = |path: &str| ids["token"].pointer(path).unwrap().clone();
    stage.comes_to(target, &made).await;
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
    for (number, (_, caller)) in stage.callers.iter().enumerate() {
        let mut used = variables.clone();
        used.as_object_mut().unwrap().retain(|name, _| ask.query.contains(&format!("${name}")));
        let reply = caller.graphql(&query, used).await;
        let outcome = outcome(&reply, ask.at);
        // Below a visible object a field may be null for other reasons.
        if ask.covers.iter().all(|field| field.starts_with("Query.")) {
            table.unseen(&format!("{} by {number}", ask.label), target, &outcome, &reply);
        }
        outcomes.push(outcome);
    }
    table.row(ask.label, target, outcomes);
}
