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
use tokenward::testing::{
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
struct Fixture<'world> {
    callers: Vec<(&'static str, Client<'world>)>,
    bob: Client<'world>,
    ada: Client<'world>,
    acme: String,
    globex: String,
    foreign: String,
}

/// The number of callers that are authenticated; they come first.
const AUTHENTICATED: usize = 8;

/// The lifetime of a token that is to expire.
const LIFETIME: Duration = Duration::from_secs(20);

impl<'world> Fixture<'world> {
    async fn new(world: &'world World) -> Self {
        let bob = world.member("bob", &["acme", "globex", "umbrella"]).await;
        let (ada, zed) = (world.admin("ada", &["acme"]).await, world.admin("zed", &["initech"]).await);
        let eve = world.member("eve", &["acme"]).await;
        let (dan, del) = (world.admin("dan", &["acme"]).await, world.admin("del", &["acme"]).await);
        let mut tokens = Vec::new();
        for (user, name, slug) in [
            (&bob, "script", "acme"),
            (&bob, "elsewhere", "umbrella"),
            (&ada, "tool", "acme"),
            (&dan, "tool", "acme"),
            (&del, "tool", "acme"),
        ] {
            tokens.push(world.bearer(&user.create_token(name, &[slug], &["graphql"]).await.value));
        }
        let [with_access, elsewhere, tool, of_disabled, of_deleted] = <[_; 5]>::try_from(tokens).ok().unwrap();
        world.operator(DisableUser { username: "dan".into() }).await.unwrap();
        world.operator(DeleteUser { username: "del".into() }).await.unwrap();
        let callers = vec![
            ("owner", bob.clone()),
            ("token of owner", with_access),
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
        let token = self.create_token(state).await;
        self.bring_to_state(state, &token).await;
        token.id
    }

    /// Creates a token of bob's; one that is to expire expires soon.
    async fn create_token(&self, description: &str) -> CreatedToken {
        let expiry = description.starts_with("expired").then(|| self.bob.world.now().plus(LIFETIME).to_text());
        self.bob.create_expiring_token(description, &["acme", "globex"], &["read_builds"], expiry).await
    }

    async fn bring_to_state(&self, state: &str, token: &CreatedToken) {
        match state {
            "removed" => assert_eq!(self.ada.remove_organization(&token.id, &self.acme, None).await.code(), "OK"),
            "revoked" => assert_eq!(self.bob.revoke_token(&token.id).await.code(), "OK"),
            "expired" => {
                self.bob.world.advance(LIFETIME);
                self.bob.world.expire_tokens().await;
            }
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
    hidden: BTreeMap<(String, String), (String, String)>,
}

impl Table {
    fn new(callers: &[(&'static str, Client<'_>)]) -> Self {
        let mut table = Self { text: String::new(), hidden: BTreeMap::new() };
        let names = callers.iter().map(|(name, _)| (*name).to_owned()).collect();
        table.row("", "", names);
        table
    }

    fn row(&mut self, operation: &str, target: &str, outcomes: Vec<String>) {
        let mut line = format!("{operation:<39} {target:<12}");
        for outcome in outcomes {
            write!(line, " {outcome:<16}").unwrap();
        }
        self.text += line.trim_end();
        self.text.push('\n');
    }

    /// Compares the responses to one operation for targets that do not exist and targets that are hidden.
    fn hidden(&mut self, query: &str, target: &str, outcome: &str, reply: &Reply) {
        if !["not_found", "null"].contains(&outcome) {
            return;
        }
        let key = (query.to_owned(), outcome.to_owned());
        let (text, first) = self.hidden.entry(key).or_insert_with(|| (reply.text.clone(), target.to_owned()));
        assert_eq!(reply.text, *text, "{query} of {target} and of {first}");
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
        let fixture = Fixture::new(&world).await;
        let mut table = Table::new(&fixture.callers);
        let mut seen = BTreeSet::new();
        mutations(&fixture, &mut table, &mut seen).await;
        table.text.push('\n');
        settings(&world, &fixture, &mut table, &mut seen).await;
        table.text.push('\n');
        accounts(&world, &fixture, &mut table, &mut seen).await;
        table.text.push('\n');
        lookups(&world, &fixture, &mut table, &mut seen).await;
        assert_eq!(seen, COVERED.iter().map(|name| (*name).to_owned()).collect());
        insta::assert_snapshot!("policy_table", table.text);
    }
);

/// Each cell has its own token, since an allowed operation changes it.
async fn mutations(fixture: &Fixture<'_>, table: &mut Table, seen: &mut BTreeSet<String>) {
    for organization in ORGANIZATIONS {
        let id = fixture.organization(organization);
        let input = json!({ "description": "new", "organizationIds": [id], "scopes": ["read_builds"] });
        operation_row(fixture, table, ("createToken", organization), async |_| input.clone()).await;
    }
    for operation in ["updateToken", "revokeToken"] {
        for target in TARGETS {
            operation_row(fixture, table, (operation, target), async |_| match operation {
                "updateToken" => json!({ "tokenId": fixture.target(target).await, "description": "changed" }),
                _ => json!({ "tokenId": fixture.target(target).await }),
            })
            .await;
        }
    }
    for operation in ["addOrganizationToToken", "removeOrganizationFromToken"] {
        for target in TARGETS {
            operation_row(
                fixture,
                table,
                (operation, target),
                async |_| json!({ "tokenId": fixture.target(target).await, "organizationId": fixture.acme }),
            )
            .await;
        }
        for organization in &ORGANIZATIONS[1..] {
            let id = fixture.organization(organization);
            operation_row(
                fixture,
                table,
                (operation, &format!("… {organization}")),
                async |_| json!({ "tokenId": fixture.target("active").await, "organizationId": id }),
            )
            .await;
        }
    }
    let operations =
        ["createToken", "updateToken", "addOrganizationToToken", "removeOrganizationFromToken", "revokeToken"];
    seen.extend(operations.map(|operation| format!("Mutation.{operation}")));
}

/// Runs one operation on one target as every caller. The input is created for each cell, by its number; an unauthenticated caller
/// gets the input of the cell before, since it changes nothing.
async fn operation_row(
    fixture: &Fixture<'_>,
    table: &mut Table,
    (operation, target): (&str, &str),
    input: impl AsyncFn(usize) -> Value,
) {
    let (mut outcomes, mut given) = (Vec::new(), Value::Null);
    for (number, (name, caller)) in fixture.callers.iter().enumerate() {
        if number <= AUTHENTICATED {
            given = input(number).await;
        }
        let reply = caller.mutate(operation, given.clone()).await;
        let outcome = result_code(&reply);
        assert!(number < AUTHENTICATED || outcome == "unauthenticated", "{name}: {}", reply.text);
        // Responses are compared for each argument separately.
        let argument = if target.starts_with('…') { "second" } else { "first" };
        table.hidden(&format!("{operation}, {argument} argument, by {number} {name}"), target, &outcome, &reply);
        outcomes.push(outcome);
    }
    table.row(operation, target, outcomes);
}

/// Organizations and their members; each cell has its own user.
async fn settings(world: &World, fixture: &Fixture<'_>, table: &mut Table, seen: &mut BTreeSet<String>) {
    operation_row(fixture, table, ("createOrganization", ""), async |_| json!({ "slug": "new", "name": "New" })).await;
    for organization in ORGANIZATIONS {
        let id = fixture.organization(organization);
        let name = |operation: &str, number: usize| format!("{operation}-{}-{number}", organization.replace(' ', "-"));
        operation_row(
            fixture,
            table,
            ("updateOrganization", organization),
            async |_| json!({ "organizationId": id, "name": "Renamed" }),
        )
        .await;
        operation_row(fixture, table, ("addOrganizationMember", organization), async |number| {
            let name = name("add", number);
            world.user(&name).await;
            json!({ "organizationId": id, "user": name, "role": "MEMBER" })
        })
        .await;
        for (operation, role) in
            [("updateOrganizationMember", json!("ADMIN")), ("removeOrganizationMember", Value::Null)]
        {
            operation_row(fixture, table, (operation, organization), async |number| {
                let name = name(&operation[..6], number);
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
    for operation in ["addOrganizationMember", "updateOrganizationMember", "removeOrganizationMember"] {
        for target in ["no member", "no user", "malformed", "wrong kind"] {
            let user = match target {
                "no member" => id_of(world, "zed").await,
                "no user" => UserId::new(world.now()).to_string(),
                "malformed" => "nonsense".into(),
                _ => fixture.acme.clone(),
            };
            let input = match operation {
                "addOrganizationMember" if target == "no member" => continue,
                "addOrganizationMember" => json!({ "organizationId": fixture.acme, "user": user, "role": "MEMBER" }),
                "updateOrganizationMember" => member(&fixture.acme, &user, &json!("ADMIN")),
                _ => member(&fixture.acme, &user, &Value::Null),
            };
            operation_row(fixture, table, (operation, &format!("… {target}")), async |_| input.clone()).await;
        }
    }
    let operations = ["createOrganization", "updateOrganization", "addOrganizationMember", "updateOrganizationMember"];
    seen.extend(
        operations.iter().chain(&["removeOrganizationMember"]).map(|operation| format!("Mutation.{operation}")),
    );
}

/// Changes of users to their own account; bob signs in again for each cell.
async fn accounts(world: &World, fixture: &Fixture<'_>, table: &mut Table, seen: &mut BTreeSet<String>) {
    world.set_password("bob").await;
    for target in ["of bob", "unknown", "malformed", "wrong kind"] {
        operation_row(fixture, table, ("endSession", target), async |_| {
            let id = match target {
                "of bob" => session_of_bob(world).await,
                "unknown" => SessionId::new(world.now()).to_string(),
                "malformed" => "nonsense".into(),
                _ => fixture.acme.clone(),
            };
            json!({ "sessionId": id })
        })
        .await;
    }
    operation_row(fixture, table, ("endSessions", ""), async |_| json!({})).await;
    operation_row(
        fixture,
        table,
        ("changePassword", ""),
        async |_| json!({ "newPassword": "another plover gantry ounce" }),
    )
    .await;
    operation_row(fixture, table, ("updateProfile", ""), async |_| json!({ "name": "Another" })).await;
    let operations = ["endSession", "endSessions", "changePassword", "updateProfile"];
    seen.extend(operations.map(|operation| format!("Mutation.{operation}")));
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

fn result_code(reply: &Reply) -> String {
    if reply.code() == "OK" { "done".into() } else { reply.code().to_lowercase() }
}

/// A query, the fields that it covers, and the path of its result.
struct Query {
    label: &'static str,
    covers: &'static [&'static str],
    document: &'static str,
    at: &'static str,
}

const fn query(
    label: &'static str,
    covers: &'static [&'static str],
    document: &'static str,
    at: &'static str,
) -> Query {
    Query { label, covers, document, at }
}

/// Queries about a token: `$id` is its ID, `$grant` the ID of its grant to acme, `$event` of its creation, `$beyond` of the
/// removal of globex.
const TOKEN_QUERIES: &[Query] = &[
    query("token", &["Query.token"], "token(id: $id) { id }", "token"),
    query("node(token)", &["Query.node"], "node(id: $id) { id }", "node"),
    query("node(grant)", &["Query.node"], "node(id: $grant) { id }", "node"),
    query("node(event)", &["Query.node"], "node(id: $event) { id }", "node"),
    query("node(event of globex)", &["Query.node"], "node(id: $beyond) { id }", "node"),
    query(
        "Organization.tokenGrants",
        &["Query.organization", "Organization.tokenGrants"],
        "organization(slug: \"acme\") { tokenGrants(filter: { query: $words }) { nodes { token { description } } } }",
        "organization.tokenGrants.nodes",
    ),
    query(
        "Organization.tokenGrant",
        &["Organization.tokenGrant"],
        "organization(slug: \"acme\") { tokenGrant(tokenId: $id) { id } }",
        "organization.tokenGrant",
    ),
    query(
        "Organization.auditEvents",
        &["Organization.auditEvents"],
        "organization(slug: \"acme\") { auditEvents(filter: { tokenId: $id, types: [TOKEN_CREATED] }) { totalCount } }",
        "organization.auditEvents.totalCount",
    ),
    query(
        "Token.organizations",
        &["Token.organizations"],
        "token(id: $id) { organizations { slug } }",
        "token.organizations",
    ),
    query("Token.grants", &["Token.grants"], "token(id: $id) { grants { totalCount } }", "token.grants.totalCount"),
    query("Token.events", &["Token.events"], "token(id: $id) { events { totalCount } }", "token.events.totalCount"),
    query("Token.lastUsedAt", &["Token.lastUsedAt"], "token(id: $id) { lastUsedAt }", "token.lastUsedAt"),
    query("Token.lastRequest", &["Token.lastRequest"], "token(id: $id) { lastRequest { at } }", "token.lastRequest"),
    query(
        "Token.recentAddresses",
        &["Token.recentAddresses"],
        "token(id: $id) { recentAddresses }",
        "token.recentAddresses",
    ),
    query(
        "TokenGrant.token",
        &["TokenGrant.token"],
        "node(id: $grant) { ... on TokenGrant { token { id } } }",
        "node.token",
    ),
    query(
        "TokenGrant.removedBy",
        &["TokenGrant.removedBy"],
        "node(id: $grant) { ... on TokenGrant { removedBy { id } } }",
        "node.removedBy",
    ),
    query(
        "AuditEvent.organizations",
        &["AuditEvent.organizations"],
        "node(id: $event) { ... on AuditEvent { organizations { slug } } }",
        "node.organizations",
    ),
    query(
        "AuditEvent.token",
        &["AuditEvent.token"],
        "node(id: $event) { ... on AuditEvent { token { id } } }",
        "node.token",
    ),
    query(
        "AuditEvent.actor",
        &["AuditEvent.actor"],
        "node(id: $event) { ... on AuditEvent { actor { id } } }",
        "node.actor",
    ),
    query(
        "AuditEvent.user",
        &["AuditEvent.user"],
        "node(id: $event) { ... on AuditEvent { user { id } } }",
        "node.user",
    ),
    query(
        "AuditEvent.notificationId",
        &["AuditEvent.notificationId"],
        "node(id: $event) { ... on AuditEvent { notificationId } }",
        "node.notificationId",
    ),
];

/// Queries about users and organizations: `$id` is their ID.
const OTHER_QUERIES: &[(&str, Query)] = &[
    ("bob", query("node(user)", &["Query.node"], "node(id: $id) { id }", "node")),
    ("eve", query("node(user)", &["Query.node"], "node(id: $id) { id }", "node")),
    ("zed", query("node(user)", &["Query.node"], "node(id: $id) { id }", "node")),
    ("no user", query("node(user)", &["Query.node"], "node(id: $id) { id }", "node")),
    ("bob", query("User.email", &["User.email"], "node(id: $id) { ... on User { email } }", "node.email")),
    ("eve", query("User.email", &["User.email"], "node(id: $id) { ... on User { email } }", "node.email")),
    (
        "bob",
        query(
            "User.organizations",
            &["User.organizations"],
            "node(id: $id) { ... on User { organizations { nodes { slug } } } }",
            "node.organizations",
        ),
    ),
    (
        "bob",
        query(
            "User.tokens",
            &["User.tokens"],
            "node(id: $id) { ... on User { tokens { totalCount } } }",
            "node.tokens",
        ),
    ),
    (
        "bob",
        query(
            "User.sessions",
            &["User.sessions"],
            "node(id: $id) { ... on User { sessions { nodes { id } } } }",
            "node.sessions",
        ),
    ),
    (
        "bob",
        query(
            "User.hasPassword",
            &["User.hasPassword"],
            "node(id: $id) { ... on User { hasPassword } }",
            "node.hasPassword",
        ),
    ),
    ("of bob", query("node(session)", &["Query.node"], "node(id: $id) { id }", "node")),
    (
        "of bob",
        query("Session.current", &["Session.current"], "node(id: $id) { ... on Session { current } }", "node.current"),
    ),
    ("", query("session", &["Query.session"], "session { id }", "session")),
    ("acme", query("node(organization)", &["Query.node"], "node(id: $id) { id }", "node")),
    ("globex", query("node(organization)", &["Query.node"], "node(id: $id) { id }", "node")),
    ("no org", query("node(organization)", &["Query.node"], "node(id: $id) { id }", "node")),
    ("acme", query("nodes", &["Query.nodes"], "nodes(ids: [$id]) { id }", "nodes.0")),
    ("globex", query("nodes", &["Query.nodes"], "nodes(ids: [$id]) { id }", "nodes.0")),
    ("malformed", query("nodes", &["Query.nodes"], "nodes(ids: [$id]) { id }", "nodes.0")),
    (
        "acme",
        query(
            "Organization.members",
            &["Organization.members"],
            "node(id: $id) { ... on Organization { members(search: \"zed\") { totalCount } } }",
            "node.members",
        ),
    ),
    ("acme", query("organization", &["Query.organization"], "organization(slug: \"acme\") { id }", "organization")),
    ("globex", query("organization", &["Query.organization"], "organization(slug: \"globex\") { id }", "organization")),
    ("no org", query("organization", &["Query.organization"], "organization(slug: \"none\") { id }", "organization")),
    (
        "malformed",
        query("organization", &["Query.organization"], "organization(slug: \"Ac me\") { id }", "organization"),
    ),
    (
        "acme",
        query(
            "Organization.viewerIsAdmin",
            &["Organization.viewerIsAdmin"],
            "organization(slug: \"acme\") { viewerIsAdmin }",
            "organization.viewerIsAdmin",
        ),
    ),
    ("", query("viewer", &["Query.viewer"], "viewer { id }", "viewer")),
    ("", query("viewer.email", &["User.email"], "viewer { email }", "viewer.email")),
    (
        "",
        query(
            "viewer.organizations (number)",
            &["User.organizations"],
            "viewer { organizations { totalCount } }",
            "viewer.organizations.totalCount",
        ),
    ),
    (
        "",
        query(
            "viewer.tokens of this table",
            &["User.tokens"],
            "viewer { tokens(filter: { query: \"of-this-table\", status: [ACTIVE, EXPIRED, REVOKED] }) { totalCount } }",
            "viewer.tokens.totalCount",
        ),
    ),
];

async fn lookups(world: &World, fixture: &Fixture<'_>, table: &mut Table, seen: &mut BTreeSet<String>) {
    let mut targets = Vec::new();
    for target in TARGETS {
        targets.push((target, used_token(world, fixture, target).await));
    }
    world.flush().await;
    for query in TOKEN_QUERIES {
        for (target, variables) in &targets {
            row(fixture, table, (query, target), variables).await;
        }
        seen.extend(query.covers.iter().map(|name| (*name).to_owned()));
    }
    table.text.push('\n');
    for (target, query) in OTHER_QUERIES {
        let id = match *target {
            "no org" => fixture.organization("unknown"),
            "bob" | "eve" | "zed" => id_of(world, target).await,
            "no user" => UserId::new(world.now()).to_string(),
            "of bob" => session_of_bob(world).await,
            name => fixture.organization(name),
        };
        row(fixture, table, (query, target), &json!({ "id": id })).await;
        seen.extend(query.covers.iter().map(|name| (*name).to_owned()));
    }
}

/// Returns the IDs of a used token in that state, of its grant and of its first event.
async fn used_token(world: &World, fixture: &Fixture<'_>, target: &str) -> Value {
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
    let token = fixture.create_token(&words).await;
    let script = world.bearer(&token.value);
    for slug in ["acme", "globex"] {
        assert_eq!(script.verify(&format!("scope=read_builds&organization={slug}")).await.status, 200);
    }
    assert_eq!(fixture.bob.remove_organization(&token.id, &fixture.globex, None).await.code(), "OK");
    assert_eq!(fixture.bob.add_organization(&token.id, &fixture.globex).await.code(), "OK");
    let query = "query($id: ID!, $acme: ID!) { token(id: $id) { grants(organizationId: $acme) { nodes { id } } \
                 events { nodes { id } } } }";
    let ids = fixture.bob.query(query, json!({ "id": token.id, "acme": fixture.acme })).await;
    let id_at = |path: &str| ids["token"].pointer(path).unwrap().clone();
    fixture.bring_to_state(target, &token).await;
    json!({
        "id": token.id, "grant": id_at("/grants/nodes/0/id"), "event": id_at("/events/nodes/2/id"),
        "beyond": id_at("/events/nodes/1/id"), "words": words,
    })
}

async fn row(fixture: &Fixture<'_>, table: &mut Table, (query, target): (&Query, &str), variables: &Value) {
    let kinds = [("$id", "ID!"), ("$grant", "ID!"), ("$event", "ID!"), ("$beyond", "ID!"), ("$words", "String!")];
    let declared: Vec<_> = kinds
        .iter()
        .filter(|(name, _)| query.document.contains(name))
        .map(|(name, kind)| format!("{name}: {kind}"))
        .collect();
    let head = if declared.is_empty() { String::new() } else { format!("query({})", declared.join(", ")) };
    let document = format!("{head} {{ {} }}", query.document);
    let mut outcomes = Vec::new();
    for (number, (_, caller)) in fixture.callers.iter().enumerate() {
        let mut used = variables.clone();
        used.as_object_mut().unwrap().retain(|name, _| query.document.contains(&format!("${name}")));
        let reply = caller.graphql(&document, used).await;
        let outcome = outcome(&reply, query.at);
        // Below a visible object a field may be null for other reasons.
        if query.covers.iter().all(|field| field.starts_with("Query.")) {
            table.hidden(&format!("{} by {number}", query.label), target, &outcome, &reply);
        }
        outcomes.push(outcome);
    }
    table.row(query.label, target, outcomes);
}
