//! Checks that filters, orders and mutations of a `graphql` token see only what the token can see.

use crate::world::{
    World,
    client::{Client, CreatedToken, Reply},
    schema::{Schema, arguments, base, name},
};
use serde_json::{Value, json};
use std::{collections::BTreeSet, time::Duration};
use tokenward::testing::domain::{
    grant::{Request, Usage},
    id::{GrantId, OrganizationId, TokenId},
};
use tokenward::testing::store::{GrantUsage, TokenUsage, UsageBatch};

const TOKEN: &str = "id description hint status createdAt expiresAt owner { username name email } scopes { name }";
const PAGING: [&str; 4] = ["first", "after", "last", "before"];
const ORDERS: [&str; 4] = ["CREATED_AT", "LAST_USED_AT", "OWNER", "EXPIRES_AT"];
const STATUSES: [&str; 3] = ["ACTIVE", "EXPIRED", "REVOKED"];

/// One list: its field in the schema, and a document that reads its rows with all fields that a filter could use.
struct List {
    field: &'static str,
    document: String,
    path: &'static str,
}

impl List {
    fn tokens() -> Self {
        let rows = format!(
            "{TOKEN} lastUsedAt lastRequest {{ ipAddress }} grants(first: 10) {{ nodes {{ status ownerIsAdmin }} }}"
        );
        let document = format!(
            "query($filter: TokenFilter, $orderBy: TokenOrder) {{ viewer {{ list: tokens(first: 40, filter: $filter, \
             orderBy: $orderBy) {{ totalCount nodes {{ {rows} }} }} }} }}"
        );
        Self { field: "User.tokens", document, path: "/viewer/list" }
    }

    fn audit() -> Self {
        let rows = format!("lastUsedAt lastRequest {{ ipAddress }} ownerIsAdmin token {{ {TOKEN} }}");
        let document = format!(
            "query($filter: TokenFilter, $orderBy: TokenOrder) {{ organization(slug: \"acme\") {{ list: \
             tokenGrants(first: 40, filter: $filter, orderBy: $orderBy) {{ totalCount nodes {{ {rows} }} }} }} }}"
        );
        Self { field: "Organization.tokenGrants", document, path: "/organization/list" }
    }

    fn events() -> Self {
        let document = "query($filter: AuditEventFilter) { organization(slug: \"acme\") { list: auditEvents(first: 100, \
                        filter: $filter) { totalCount nodes { id type at tokenId actor { id } user { id } } } } }";
        Self { field: "Organization.auditEvents", document: document.into(), path: "/organization/list" }
    }

    fn members(slug: &str) -> Self {
        let document = format!(
            "query($search: String, $role: OrganizationRole) {{ organization(slug: \"{slug}\") {{ list: members(first: \
             50, search: $search, role: $role) {{ totalCount edges {{ role node {{ id username name email }} }} }} }} }}"
        );
        Self { field: "Organization.members", document, path: "/organization/list" }
    }

    fn grants(token: &str) -> Self {
        let document = format!(
            "query($organizationId: ID, $status: [TokenGrantStatus!]) {{ token(id: \"{token}\") {{ list: grants(first: \
             50, organizationId: $organizationId, status: $status) {{ totalCount nodes {{ id status organization {{ id \
             }} }} }} }} }}"
        );
        Self { field: "Token.grants", document, path: "/token/list" }
    }

    /// Returns the rows that the caller can see, in one form for all lists of tokens.
    async fn rows(&self, caller: &Client<'_>, variables: &Value) -> Result<Vec<Value>, Reply> {
        let reply = caller.graphql(&self.document, variables.clone()).await;
        if reply.code() != "OK" {
            return Err(reply);
        }
        let data = reply.data();
        let list = data.pointer(self.path).unwrap();
        let rows = list["nodes"].as_array().or_else(|| list["edges"].as_array()).unwrap();
        assert_eq!(list["totalCount"], json!(rows.len()), "{} {variables}", self.field);
        Ok(rows.iter().map(one_form).collect())
    }
}

fn one_form(row: &Value) -> Value {
    let mut row = row.clone();
    if let Some(grants) = row["grants"]["nodes"].as_array() {
        let admin = grants.iter().any(|grant| grant["status"] != "REMOVED" && grant["ownerIsAdmin"] == json!(true));
        row["ownerIsAdmin"] = json!(admin);
    }
    for (key, value) in row["token"].as_object().cloned().into_iter().flatten() {
        row[key] = value;
    }
    for (key, value) in row["node"].as_object().cloned().into_iter().flatten() {
        row[key] = value;
    }
    row
}

/// A filter, the name in the schema of what it covers, and the rows that a client would keep.
struct Case {
    covers: &'static str,
    variables: Value,
    /// Whether the filter depends on the usage in all organizations, which a token cannot see in a list of the user's own tokens.
    by_usage: bool,
    keeps: Box<dyn Fn(&Value) -> bool>,
}

fn case(covers: &'static str, variables: Value, keeps: impl Fn(&Value) -> bool + 'static) -> Case {
    Case { covers, variables, by_usage: false, keeps: Box::new(keeps) }
}

impl Case {
    fn by_usage(self) -> Self {
        Self { by_usage: true, ..self }
    }
}

fn text<'row>(row: &'row Value, pointer: &str) -> &'row str {
    row.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

fn owner_has(row: &Value, part: &str) -> bool {
    ["/owner/username", "/owner/name", "/owner/email"].iter().any(|at| text(row, at).contains(part))
}

fn has_scope(row: &Value, scope: &str) -> bool {
    row["scopes"].as_array().unwrap().iter().any(|one| one["name"] == scope)
}

/// Compares a time of the row with a limit: not earlier, or earlier. Times are texts of one format, which sort like times.
fn from(pointer: &'static str, limit: &str) -> impl Fn(&Value) -> bool + 'static {
    let limit = limit.to_owned();
    move |row| text(row, pointer) >= &*limit
}

fn to(pointer: &'static str, limit: &str) -> impl Fn(&Value) -> bool + 'static {
    let limit = limit.to_owned();
    move |row| row.pointer(pointer).is_some_and(Value::is_string) && text(row, pointer) < &*limit
}

fn is(pointer: &'static str, value: impl Into<Value>) -> impl Fn(&Value) -> bool + 'static {
    let value = value.into();
    move |row| row.pointer(pointer) == Some(&value)
}

/// Every filter of tokens.
fn token_cases(fixture: &Fixture<'_>) -> Vec<Case> {
    let all = |mut by: Value| {
        by["status"] = json!(STATUSES);
        json!({ "filter": by })
    };
    let query = |text: &str| all(json!({ "query": text }));
    let (middle, expiry) = (&*fixture.middle, &*fixture.expiry);
    let unused = |row: &Value| row["lastUsedAt"].is_null();
    let admin = |wanted: bool| is("/ownerIsAdmin", wanted);
    let mut cases = vec![
        case("filter.query=TEXT", query("deploy"), |row| {
            owner_has(row, "deploy") || text(row, "/description").contains("deploy")
        }),
        case("filter.query=SCOPE", query("read_builds"), |row| has_scope(row, "read_builds")),
        case("filter.query=ADMINISTRATOR", query("admin"), admin(true)),
        case("filter.query=ADDRESS", query("198.51.100.7"), is("/lastRequest/ipAddress", "198.51.100.7")).by_usage(),
        case("filter.query=UNUSED", query("unused:1d"), unused).by_usage(),
        case("filter.query=USED", query("used:never"), unused).by_usage(),
        case("filter.query=EXPIRES", query("expires:never"), is("/expiresAt", Value::Null)),
        case("filter.query=STATUS", query("status:revoked"), is("/status", "REVOKED")),
        case("filter.query=OWNER", query("owner:ada"), |row| owner_has(row, "ada")),
        case("filter.owner", all(json!({ "owner": "bob@example" })), |row| owner_has(row, "bob@example")),
        case("filter.scopes", all(json!({ "scopes": ["read_user", "read_builds"] })), |row| {
            has_scope(row, "read_user") && has_scope(row, "read_builds")
        }),
        case(
            "filter.ipAddress",
            all(json!({ "ipAddress": "198.51.100.8" })),
            is("/lastRequest/ipAddress", "198.51.100.8"),
        )
        .by_usage(),
        case("filter.ownerIsAdmin", all(json!({ "ownerIsAdmin": true })), admin(true)),
        case("filter.ownerIsAdmin", all(json!({ "ownerIsAdmin": false })), admin(false)),
        case("filter.status", json!({ "filter": { "status": ["EXPIRED", "REVOKED"] } }), |row| {
            row["status"] != "ACTIVE"
        }),
        case("filter.createdAt.from", all(json!({ "createdAt": { "from": middle } })), from("/createdAt", middle)),
        case("filter.createdAt.to", all(json!({ "createdAt": { "to": middle } })), to("/createdAt", middle)),
        case("filter.lastUsedAt.from", all(json!({ "lastUsedAt": { "from": middle } })), from("/lastUsedAt", middle))
            .by_usage(),
        case("filter.lastUsedAt.to", all(json!({ "lastUsedAt": { "to": middle } })), to("/lastUsedAt", middle))
            .by_usage(),
        case("filter.unusedSince", all(json!({ "unusedSince": middle })), {
            let before = to("/lastUsedAt", middle);
            move |row| unused(row) || before(row)
        })
        .by_usage(),
        case("filter.expiresAt.from", all(json!({ "expiresAt": { "from": expiry } })), from("/expiresAt", expiry)),
        case("filter.expiresAt.to", all(json!({ "expiresAt": { "to": expiry } })), to("/expiresAt", expiry)),
        case("filter.neverExpires", all(json!({ "neverExpires": false })), |row| !row["expiresAt"].is_null()),
        case("filter.neverUsed", all(json!({ "neverUsed": false })), move |row| !unused(row)).by_usage(),
    ];
    for token in [&fixture.both, &fixture.visible, &fixture.hidden_admin, &fixture.elsewhere] {
        let hint = format!("{}…{}", &token.value[..8], &token.value[token.value.len() - 4..]);
        cases.push(case("filter.token", all(json!({ "token": token.value })), is("/hint", &*hint)));
        cases.push(case("filter.query=VALUE", query(&token.value), is("/hint", &*hint)));
        cases.push(case("filter.query=VALUE", query(&hint), is("/hint", &*hint)));
    }
    cases
}

fn event_cases(fixture: &Fixture<'_>) -> Vec<Case> {
    let filter = |field: &str, value: Value| json!({ "filter": { field: value } });
    let (middle, token, bob) = (&*fixture.middle, &*fixture.both.id, &*fixture.bob);
    vec![
        case("filter.types", filter("types", json!(["TOKEN_REVOKED"])), is("/type", "TOKEN_REVOKED")),
        case("filter.tokenId", filter("tokenId", json!(token)), is("/tokenId", token)),
        case("filter.actorId", filter("actorId", json!(bob)), is("/actor/id", bob)),
        case("filter.userId", filter("userId", json!(bob)), is("/user/id", bob)),
        case("filter.at.from", filter("at", json!({ "from": middle })), from("/at", middle)),
        case("filter.at.to", filter("at", json!({ "to": middle })), to("/at", middle)),
    ]
}

/// Email addresses can be searched only by administrators of the organization.
fn member_cases(admin: bool) -> Vec<Case> {
    let called = |part: &'static str| {
        let fields: &[&str] = if admin { &["/username", "/name", "/email"] } else { &["/username", "/name"] };
        move |row: &Value| fields.iter().any(|at| text(row, at).contains(part))
    };
    vec![
        case("search", json!({ "search": "bob" }), called("bob")),
        // No name contains this text.
        case("search", json!({ "search": "bob@" }), called("bob@")),
        case("role", json!({ "role": "ADMIN" }), is("/role", "ADMIN")),
    ]
}

fn grant_cases(fixture: &Fixture<'_>) -> Vec<Case> {
    let of = |id: &str| case("organizationId", json!({ "organizationId": id }), is("/organization/id", id));
    let [acme, globex, hooli] = &fixture.organizations;
    vec![
        of(acme),
        of(globex),
        of(hooli),
        case("status", json!({ "status": ["ACTIVE"] }), is("/status", "ACTIVE")),
        case("status", json!({ "status": ["REMOVED"] }), is("/status", "REMOVED")),
    ]
}

/// Returns every way to filter or order a list, as the schema defines it: an argument, each field of an input, the values of an
/// order, the kinds of words of a search.
fn filters_and_orders(schema: &Schema) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for object in schema.objects() {
        for field in schema.fields(object).iter().filter(|field| base(&field["type"]).ends_with("Connection")) {
            for argument in arguments(field).iter().filter(|argument| !PAGING.contains(&name(argument))) {
                let path = format!("{object}.{}.{}", name(field), name(argument));
                leaves(schema, path, base(&argument["type"]), &mut found);
            }
        }
    }
    found
}

fn leaves(schema: &Schema, path: String, of: &str, found: &mut BTreeSet<String>) {
    let values = |of: &str| schema.values(of).iter().map(|value| format!("{path}={}", name(value))).collect::<Vec<_>>();
    match schema.kind(of) {
        "INPUT_OBJECT" => {
            for input in schema.inputs(of) {
                leaves(schema, format!("{path}.{}", name(input)), base(&input["type"]), found);
            }
        }
        "ENUM" if of.ends_with("OrderField") => found.extend(values(of)),
        _ if path.rsplit('.').next() == Some("query") => found.extend(values("SearchWordKind")),
        _ => drop(found.insert(path)),
    }
}

/// Ada administers acme and globex and is a member of hooli; bob administers globex and is a member of acme. Objects of globex
/// alone are hidden from the tokens of these tests.
struct Fixture<'world> {
    ada: Client<'world>,
    /// Ada's token for acme and hooli.
    narrow: Client<'world>,
    /// Ada's token for hooli.
    narrower: Client<'world>,
    organizations: [String; 3],
    bob: String,
    /// Bob's token for acme and globex.
    both: CreatedToken,
    /// Ada's tokens, each named after its access.
    hidden_admin: CreatedToken,
    elsewhere: CreatedToken,
    removed: CreatedToken,
    visible: CreatedToken,
    /// A time with creations, usage and events before and after it.
    middle: String,
    /// The later of two expiries.
    expiry: String,
}

async fn fixture(world: &World) -> Fixture<'_> {
    world.admin("ada", &["acme", "globex"]).await;
    world.member("ada", &["hooli"]).await;
    world.member("bob", &["acme"]).await;
    let bob = world.admin("bob", &["globex"]).await;
    world.member("bob", &["hooli"]).await;
    let ada = world.user("ada").await;
    let narrow = ada.create_token("script", &["acme", "hooli"], &["graphql"]).await;
    let narrower = ada.create_token("one", &["hooli"], &["graphql"]).await;
    let removed = ada.create_token("removed", &["acme", "hooli"], &["read_user"]).await;
    let visible = ada.create_token("deploy", &["acme"], &["read_user", "read_builds"]).await;
    let soon = world.now().plus(Duration::from_secs(30)).to_text();
    ada.create_expiring_token("deploy soon", &["acme", "hooli"], &["read_builds"], Some(soon)).await;
    let both = bob.create_token("deploy both", &["acme", "globex"], &["read_builds"]).await;
    world.advance(Duration::from_mins(2));
    world.expire_tokens().await;
    let middle = world.now().to_text();
    world.advance(Duration::from_mins(2));
    world.expire_tokens().await;
    let expiry = world.now().plus(Duration::from_hours(48)).to_text();
    let hidden_admin = ada.create_token("two", &["hooli", "globex"], &["read_user", "read_builds"]).await;
    let elsewhere = ada.create_expiring_token("elsewhere", &["globex"], &["read_builds"], Some(expiry.clone())).await;
    ada.create_expiring_token("last", &["acme", "hooli"], &["read_user"], Some(expiry.clone())).await;
    let over = ada.create_token("over", &["acme", "hooli"], &["read_builds"]).await;
    let hidden_usage = bob.create_token("hidden use", &["acme", "globex"], &["read_user", "read_builds"]).await;
    let organizations = [
        world.organization_id("acme").await,
        world.organization_id("globex").await,
        world.organization_id("hooli").await,
    ];
    assert_eq!(ada.remove_organization(&removed.id, &organizations[0], None).await.code(), "OK");
    assert_eq!(ada.revoke_token(&over.id).await.code(), "OK");
    let earlier = Duration::from_mins(3);
    for (owner, token, slug, address, ago) in [
        (&bob, &both, "acme", "198.51.100.7", Duration::ZERO),
        (&bob, &hidden_usage, "globex", "198.51.100.8", Duration::ZERO),
        (&ada, &visible, "acme", "198.51.100.8", earlier),
        (&ada, &hidden_admin, "globex", "198.51.100.7", earlier),
    ] {
        record_usage(owner, token, slug, address, ago).await;
    }
    let found = bob.query("{ viewer { id } }", json!({})).await;
    Fixture {
        narrow: world.bearer(&narrow.value),
        narrower: world.bearer(&narrower.value),
        ada,
        organizations,
        bob: text(&found, "/viewer/id").to_owned(),
        both,
        hidden_admin,
        elsewhere,
        removed,
        visible,
        middle,
        expiry,
    }
}

/// Records one allowed request of a token in one organization.
async fn record_usage(owner: &Client<'_>, token: &CreatedToken, slug: &str, address: &str, ago: Duration) {
    let document = "query($id: ID!) { token(id: $id) { grants(first: 9) { nodes { id organization { id slug } } } } }";
    let found = owner.query(document, json!({ "id": token.id })).await;
    let grants = found["token"]["grants"]["nodes"].as_array().unwrap();
    let grant = grants.iter().find(|grant| grant["organization"]["slug"] == slug).unwrap();
    let at = owner.world.now().minus(ago);
    let request = Request {
        at,
        address: Some(address.parse().unwrap()),
        user_agent: None,
        method: None,
        path: None,
        scope: None,
        allowed: true,
    };
    let usage = Usage { last_used_at: Some(at), last_request: Some(request) };
    let token = TokenId::parse(&token.id).unwrap();
    let seen = GrantUsage {
        grant: GrantId::parse(text(grant, "/id")).unwrap(),
        organization: OrganizationId::parse(text(grant, "/organization/id")).unwrap(),
        token,
        usage: usage.clone(),
    };
    let batch = UsageBatch { tokens: vec![TokenUsage { token, usage }], grants: vec![seen] };
    owner.world.app.store().maintenance().save_usage(&batch).await.unwrap();
}

/// The filters that were compared, and those that select some rows but not all.
#[derive(Default)]
struct Covered {
    all: BTreeSet<String>,
    selective: BTreeSet<String>,
}

/// Returns the IDs of the rows; a row without an ID is compared as a whole.
fn ids(rows: &[Value]) -> Vec<&Value> {
    rows.iter().map(|row| row.get("id").filter(|id| id.is_string()).unwrap_or(row)).collect()
}

impl Covered {
    /// Compares one list of one caller with the rows that the caller itself would filter out of the rows that it can see.
    async fn compare(&mut self, caller: &Client<'_>, list: &List, (all, cases): (&Value, Vec<Case>)) {
        let mut rows = list.rows(caller, all).await.unwrap_or_else(|reply| panic!("{}: {}", list.field, reply.text));
        let through_token = caller.credential.as_ref().is_some_and(|credential| credential.starts_with("twd_"));
        for case in cases {
            let label = format!("{}.{}", list.field, case.covers);
            self.all.insert(label.clone());
            let found = list.rows(caller, &case.variables).await;
            if case.by_usage && through_token && list.field == "User.tokens" {
                let reply = found.expect_err(&label);
                assert_eq!(reply.code(), "FORBIDDEN", "{label}");
                self.selective.insert(label);
                continue;
            }
            let mut found = found.unwrap_or_else(|reply| panic!("{label}: {}", reply.text));
            let kept = |rows: &[Value]| rows.iter().filter(|row| (case.keeps)(row)).cloned().collect::<Vec<_>>();
            // The acting token is used meanwhile, and its usage is written a moment later.
            for _ in 0..20 {
                if ids(&found) == ids(&kept(&rows)) {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(500)).await;
                rows = list.rows(caller, all).await.unwrap_or_else(|reply| panic!("{}: {}", list.field, reply.text));
                found =
                    list.rows(caller, &case.variables).await.unwrap_or_else(|reply| panic!("{label}: {}", reply.text));
            }
            let kept = kept(&rows);
            assert_eq!(ids(&found), ids(&kept), "{label} {}", case.variables);
            if !kept.is_empty() && kept.len() < rows.len() {
                self.selective.insert(label);
            }
        }
    }

    /// Compares the orders of a list of tokens with an order by the values that the rows show.
    async fn compare_orders(&mut self, caller: &Client<'_>, list: &List) {
        let through_token = caller.credential.as_ref().is_some_and(|credential| credential.starts_with("twd_"));
        for (field, direction) in ORDERS.iter().flat_map(|field| [(*field, "ASC"), (*field, "DESC")]) {
            let labels = [format!("{}.orderBy.field={field}", list.field), format!("{}.orderBy.direction", list.field)];
            self.all.extend(labels.clone());
            self.selective.extend(labels);
            let variables = json!({ "orderBy": { "field": field, "direction": direction } });
            let found = list.rows(caller, &variables).await;
            if field == "LAST_USED_AT" && through_token && list.field == "User.tokens" {
                assert_eq!(found.expect_err("usage in all organizations").code(), "FORBIDDEN");
                continue;
            }
            let found = found.unwrap_or_else(|reply| panic!("{field}: {}", reply.text));
            let mut sorted = found.clone();
            sorted.sort_by_key(|row| {
                let key = match field {
                    "LAST_USED_AT" => text(row, "/lastUsedAt"),
                    "OWNER" => text(row, "/owner/username"),
                    "EXPIRES_AT" => row["expiresAt"].as_str().unwrap_or("never"),
                    _ => text(row, "/createdAt"),
                };
                (key.to_owned(), text(row, "/id").to_owned())
            });
            if direction == "DESC" {
                sorted.reverse();
            }
            assert_eq!(found, sorted, "{} {field} {direction}", list.field);
        }
    }
}

both!(
    /// every filter and order of the schema, compared with the rows that the same caller can see.
    async fn filters_and_orders_use_only_visible_data(world: World) {
        let fixture = fixture(&world).await;
        let mut covered = Covered::default();
        let any_status = json!({ "filter": { "status": STATUSES } });
        for caller in [&fixture.narrow, &fixture.narrower, &fixture.ada] {
            covered.compare(caller, &List::tokens(), (&any_status, token_cases(&fixture))).await;
            covered.compare_orders(caller, &List::tokens()).await;
            covered.compare(caller, &List::members("hooli"), (&json!({}), member_cases(false))).await;
            for token in [&fixture.hidden_admin, &fixture.removed] {
                covered.compare(caller, &List::grants(&token.id), (&json!({}), grant_cases(&fixture))).await;
            }
        }
        for caller in [&fixture.narrow, &fixture.ada] {
            covered.compare(caller, &List::audit(), (&any_status, token_cases(&fixture))).await;
            covered.compare_orders(caller, &List::audit()).await;
            covered.compare(caller, &List::events(), (&json!({}), event_cases(&fixture))).await;
            covered.compare(caller, &List::members("acme"), (&json!({}), member_cases(true))).await;
        }
        let schema = Schema::of(&fixture.ada).await;
        assert_eq!(
            covered.all,
            filters_and_orders(&schema),
            "a filter or order without a case, or a case without a filter or order"
        );
        let idle: Vec<_> = covered.all.difference(&covered.selective).collect();
        let of_one_owner = ["User.tokens.filter.owner", "User.tokens.filter.query=OWNER"];
        assert_eq!(idle, of_one_owner, "cases that keep no row or all rows");
    }
);

both!(
    async fn new_filter_in_the_schema_needs_a_case(world: World) {
        let ada = world.admin("ada", &["acme"]).await;
        let mut schema = Schema::of(&ada).await;
        let known = filters_and_orders(&schema);
        schema.add_input("TokenFilter", "secretColour", "String");
        let new: Vec<_> = filters_and_orders(&schema).difference(&known).cloned().collect();
        assert_eq!(new, ["Organization.tokenGrants.filter.secretColour", "User.tokens.filter.secretColour"]);
    }
);

both!(
    /// also after the organization of the acting token was removed from the token.
    async fn token_acts_only_on_tokens_it_can_see(world: World) {
        let fixture = fixture(&world).await;
        let [acme, globex, hooli] = &fixture.organizations;
        let unknown = TokenId::new(world.now()).to_string();
        let schema = Schema::of(&fixture.ada).await;
        let taking_a_token = schema.fields("Mutation").iter().filter(|mutation| {
            let input = base(&arguments(mutation)[0]["type"]);
            schema.inputs(input).iter().any(|field| name(field) == "tokenId")
        });
        let mut mutations = 0;
        for mutation_name in taking_a_token.map(name) {
            mutations += 1;
            for hidden in [&fixture.elsewhere.id, &fixture.both.id] {
                let organizations =
                    if mutation_name.contains("Organization") { vec![acme, globex, hooli] } else { vec![acme] };
                for organization in organizations {
                    let input = |token: &String| match mutation_name {
                        "updateToken" => json!({ "tokenId": token, "description": "changed" }),
                        "revokeToken" => json!({ "tokenId": token }),
                        _ => json!({ "tokenId": token, "organizationId": organization }),
                    };
                    let mark = world.mark().await;
                    // In organizations where the caller is only a member, bob's token is like an unknown one.
                    let acted = fixture.narrower.mutate(mutation_name, input(hidden)).await;
                    let none = fixture.narrower.mutate(mutation_name, input(&unknown)).await;
                    assert_eq!(acted.text, none.text, "{mutation_name}");
                    assert!(["NOT_FOUND", "FORBIDDEN"].contains(&&*acted.code()), "{mutation_name}: {}", acted.text);
                    assert_eq!(world.since(&mark).await, (0, 0), "{mutation_name}");
                }
            }
        }
        assert_eq!(mutations, 4);
        assert_eq!(fixture.narrow.revoke_token(&fixture.elsewhere.id).await.code(), "NOT_FOUND");
        assert_eq!(fixture.narrower.revoke_token(&fixture.visible.id).await.code(), "NOT_FOUND");
        assert_eq!(
            fixture.narrow.revoke_token(&fixture.both.id).await.code(),
            "FORBIDDEN",
            "an administrator can see it"
        );
        // A removed grant does not make the token visible.
        assert_eq!(fixture.ada.remove_organization(&fixture.removed.id, hooli, None).await.code(), "OK");
        assert_eq!(fixture.narrow.revoke_token(&fixture.removed.id).await.code(), "NOT_FOUND");
        assert_eq!(fixture.narrow.revoke_token(&fixture.visible.id).await.code(), "OK");
    }
);

both!(
    ///
    async fn mutation_payloads_show_a_token_only_what_it_can_see(world: World) {
        let fixture = fixture(&world).await;
        let [_, globex, hooli] = &fixture.organizations;
        let token = "token { id status organizations { slug } lastUsedAt lastRequest { ipAddress } recentAddresses \
                     grants(first: 10) { totalCount nodes { organization { id slug } } } \
                     events(first: 5) { totalCount nodes { organizations { id slug } } } }";
        let removed = format!("grant {{ status organization {{ slug }} {token} }} organization {{ slug }}");
        let input = json!({ "tokenId": fixture.hidden_admin.id });
        let with = json!({ "tokenId": fixture.removed.id, "organizationId": hooli });
        for (mutation_name, input, shows) in
            [("revokeToken", input, token), ("removeOrganizationFromToken", with, removed.as_str())]
        {
            let reply = fixture.narrow.mutate_selecting(mutation_name, input, shows).await;
            assert_eq!(reply.code(), "OK", "{mutation_name}: {}", reply.text);
            assert!(!reply.text.contains("globex") && !reply.text.contains(globex), "{mutation_name}: {}", reply.text);
            assert!(!reply.text.contains("198.51.100"), "{mutation_name}: {}", reply.text);
        }
    }
);

both!(
    /// whether the token was revoked, expired or removed elsewhere later is not shown.
    async fn repeated_removal_reveals_no_hidden_state(world: World) {
        let ada = world.admin("ada", &["acme"]).await;
        let bob = world.member("bob", &["acme", "globex"]).await;
        let tool = world.bearer(&ada.create_token("tool", &["acme"], &["graphql"]).await.value);
        let (acme, globex) = (world.organization_id("acme").await, world.organization_id("globex").await);
        let mut tokens = Vec::new();
        for later in ["active", "revoked", "expired", "removed elsewhere", "revoked by value"] {
            let expiry = world.now().plus(Duration::from_mins(1)).to_text();
            let token = bob.create_expiring_token(later, &["acme", "globex"], &["read_builds"], Some(expiry)).await;
            assert_eq!(ada.remove_organization(&token.id, &acme, None).await.code(), "OK");
            tokens.push(token);
        }
        assert_eq!(bob.revoke_token(&tokens[1].id).await.code(), "OK");
        assert_eq!(bob.remove_organization(&tokens[3].id, &globex, None).await.code(), "OK");
        assert_eq!(world.bearer(&tokens[4].value).delete("/v2/access-token").await.status, 204);
        let mut replies = Vec::new();
        for token in [&tokens[0], &tokens[1], &tokens[3], &tokens[4]] {
            replies.push(ada.remove_organization(&token.id, &acme, None).await);
            replies.push(tool.remove_organization(&token.id, &acme, None).await);
        }
        world.advance(Duration::from_mins(2));
        world.expire_tokens().await;
        for token in &tokens {
            replies.push(ada.remove_organization(&token.id, &acme, None).await);
        }
        assert_eq!(replies[0].code(), "CONFLICT");
        assert!(replies[0].text.contains("removed from this token already"), "{}", replies[0].text);
        for reply in &replies {
            assert_eq!(reply.text, replies[0].text);
        }
        // States that the audit shows are named.
        let token = bob.create_token("visible", &["acme"], &["read_builds"]).await;
        assert_eq!(bob.revoke_token(&token.id).await.code(), "OK");
        let reply = ada.remove_organization(&token.id, &acme, None).await;
        assert!(reply.code() == "CONFLICT" && reply.text.contains("has been revoked"), "{}", reply.text);
    }
);
