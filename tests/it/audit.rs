//! Compares every filter and every sort order of the audit with a naive model of the same rows.

use crate::world::{World, client::Client, dice::Dice};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    time::Duration,
};
use tokenward::testing::{
    actions::{AddUser, DisableUser, RemoveOrganizationMember},
    domain::{
        grant::{Request, Usage},
        id::{GrantId, OrganizationId, TokenId},
        time::Time,
    },
    http::{self, UserClaims},
    store::{GrantUsage, Identity, NewUser, TokenUsage, UsageBatch},
};

const DAY: Duration = Duration::from_hours(24);
const SLUGS: [&str; 3] = ["acme", "globex", "hooli"];
const TOKENS: usize = 120;

/// Username, name and organizations: the user administers those after the bar.
const USERS: [(&str, &str, &str); 13] = [
    ("ada", "Ada Lovelace", "| acme globex"),
    ("bob", "Bob O'Brien", "acme globex"),
    ("cyd", "Cyd 100% Charisse", "acme hooli"),
    ("dot", "Dot a_b Under", "acme"),
    ("eve", "Eve axb Plain", "acme globex hooli"),
    ("fay", "Fay back\\slash", "globex | acme"),
    ("gus", "Gus \"quoted\" Grün", "acme hooli"),
    ("hal", "Am\u{e9}lie Hall", "globex hooli"),
    ("a_b", "Ida Underscore", "acme"),
    ("axb", "Kim Latin", "acme globex"),
    ("a.b", "Lee Dot", "hooli | globex"),
    ("zoe", "Zoe Disabled", "acme globex"),
    ("yan", "Yan Gone", "acme hooli"),
];

const DESCRIPTIONS: [&str; 12] = [
    "Deploy bot",
    "deploy  BOT",
    "100% done",
    "100 done",
    "a_b",
    "axb",
    "back\\slash",
    "Caf\u{e9} printer",
    "admin",
    "read_builds",
    "it's 'quoted'",
    "198.51.100.2",
];
const SCOPES: [&str; 6] = ["graphql", "read_builds", "write_builds", "read_artifacts", "read_user", "read_teams"];
const ADDRESSES: [&str; 4] = ["198.51.100.2", "198.51.100.20", "2001:db8::1", "1.2.3.4"];

/// The rows that the test created, filtered naively.
struct Model {
    users: Vec<User>,
    tokens: Vec<Token>,
    now: Time,
}

struct User {
    username: &'static str,
    name: &'static str,
    roles: BTreeMap<&'static str, bool>,
    enabled: bool,
}

struct Token {
    id: String,
    value: String,
    owner: usize,
    description: &'static str,
    scopes: BTreeSet<&'static str>,
    created_at: Time,
    expires_at: Option<Time>,
    revoked: bool,
    /// The organizations with an unremoved grant, and the usage of the grant.
    grants: BTreeMap<&'static str, Usage>,
    overall: Usage,
}

/// One row of a list as the viewer sees it.
struct Row<'model> {
    token: &'model Token,
    owner: &'model User,
    usage: &'model Usage,
    owner_is_admin: bool,
    status: &'static str,
    now: Time,
}

impl Model {
    fn row<'model>(&'model self, token: &'model Token, usage: &'model Usage, owner_is_admin: bool) -> Row<'model> {
        let status = if token.revoked {
            "REVOKED"
        } else if token.expires_at.is_some_and(|expiry| expiry <= self.now) {
            "EXPIRED"
        } else {
            "ACTIVE"
        };
        Row { token, owner: &self.users[token.owner], usage, owner_is_admin, status, now: self.now }
    }

    fn audit(&self, slug: &str) -> Vec<Row<'_>> {
        let grants = self.tokens.iter().filter_map(|token| Some((token, token.grants.get(slug)?)));
        grants
            .filter_map(|(token, usage)| {
                let owner = &self.users[token.owner];
                let admin = *owner.roles.get(slug)?;
                owner.enabled.then(|| self.row(token, usage, admin))
            })
            .collect()
    }

    fn own(&self, owner: usize) -> Vec<Row<'_>> {
        let own = self.tokens.iter().filter(|token| token.owner == owner);
        own.map(|token| {
            let administered = token.grants.keys().any(|slug| self.users[owner].roles[slug]);
            self.row(token, &token.overall, administered)
        })
        .collect()
    }
}

/// A filter and its meaning.
struct Case {
    field: &'static str,
    filter: Value,
    /// The filter replaces the default status filter.
    sets_status: bool,
    means: Box<dyn Fn(&Row<'_>) -> bool>,
}

fn case(field: &'static str, value: impl Into<Value>, means: impl Fn(&Row<'_>) -> bool + 'static) -> Case {
    Case { field, filter: json!({ field: value.into() }), sets_status: field == "status", means: Box::new(means) }
}

fn has(text: &str, part: &str) -> bool {
    text.to_lowercase().contains(&part.to_lowercase())
}

impl Row<'_> {
    fn owner_has(&self, part: &str) -> bool {
        let email = format!("{}@example.test", self.owner.username);
        [self.owner.username, self.owner.name, &email].iter().any(|text| has(text, part))
    }

    fn word(&self, part: &str) -> bool {
        self.owner_has(part) || has(self.token.description, part)
    }

    fn address(&self) -> Option<IpAddr> {
        self.usage.last_request.as_ref().and_then(|request| request.address)
    }

    fn has_address(&self, address: &str) -> bool {
        self.address() == Some(address.parse().unwrap())
    }

    fn has_scope(&self, scope: &str) -> bool {
        self.token.scopes.contains(scope)
    }
}

type Range = (Option<Time>, Option<Time>);

fn range(range: Range) -> Value {
    let (from, to) = range;
    json!({ "from": from.map(Time::to_text), "to": to.map(Time::to_text) })
}

fn lies_in(time: Option<Time>, (from, to): Range) -> bool {
    if (from, to) == (None, None) {
        return true;
    }
    time.is_some_and(|time| from.is_none_or(|from| time >= from) && to.is_none_or(|to| time < to))
}

fn cases(model: &Model) -> Vec<Case> {
    let mut cases = Vec::new();
    texts(&mut cases);
    values(model, &mut cases);
    times(model, &mut cases);
    for wanted in [true, false] {
        cases.push(case("ownerIsAdmin", wanted, move |row| row.owner_is_admin == wanted));
        cases.push(case("neverExpires", wanted, move |row| row.token.expires_at.is_none() == wanted));
        cases.push(case("neverUsed", wanted, move |row| row.usage.last_used_at.is_none() == wanted));
    }
    for wanted in
        [vec!["ACTIVE"], vec!["EXPIRED"], vec!["REVOKED"], vec!["ACTIVE", "REVOKED"], vec!["REVOKED", "EXPIRED"]]
    {
        cases.push(case("status", wanted.clone(), move |row| wanted.contains(&row.status)));
    }
    for wanted in [vec!["read_builds"], vec!["graphql", "read_builds"], vec!["read_user", "read_user"], vec![]] {
        cases.push(case("scopes", wanted.clone(), move |row| wanted.iter().all(|scope| row.has_scope(scope))));
    }
    for (text, expected) in [
        ("198.51.100.2", "198.51.100.2"),
        ("1.2.3.4", "1.2.3.4"),
        ("::ffff:1.2.3.4", "1.2.3.4"),
        ("2001:DB8:0::1", "2001:db8::1"),
        ("203.0.113.77", "203.0.113.77"),
    ] {
        cases.push(case("ipAddress", text, move |row| row.has_address(expected)));
    }
    cases
}

///
fn texts(cases: &mut Vec<Case>) {
    for part in [
        "bob",
        "BOB",
        "O'Br",
        "%",
        "_",
        "\\",
        "a_b",
        "100%",
        "am\u{e9}lie",
        "AME\u{301}LIE",
        "@example.test",
        "no-such-user",
        "' OR 1=1 --",
        "\"quoted\"",
        "GR\u{dc}N",
        "slash",
        "a b",
    ] {
        let expected = if part == "AME\u{301}LIE" { "am\u{e9}lie" } else { part };
        cases.push(case("owner", part, move |row| row.owner_has(expected)));
    }
    let words: [(&str, &[&str]); 17] = [
        ("deploy", &["deploy"]),
        ("DEPLOY bot", &["deploy", "bot"]),
        ("\"deploy bot\"", &["deploy bot"]),
        ("\"deploy  bot\"", &["deploy  bot"]),
        ("%", &["%"]),
        ("_", &["_"]),
        ("\\", &["\\"]),
        ("a_b", &["a_b"]),
        ("100%", &["100%"]),
        ("cafe\u{301}", &["caf\u{e9}"]),
        ("\"admin\"", &["admin"]),
        ("\"read_builds\"", &["read_builds"]),
        ("'quoted'", &["'quoted'"]),
        ("eve done", &["eve", "done"]),
        ("'; DROP TABLE tokens; --", &["';", "drop", "table", "tokens;", "--"]),
        ("\"198.51.100.2\"", &["198.51.100.2"]),
        ("1.2.3", &["1.2.3"]),
    ];
    for (text, expected) in words {
        cases.push(case("query", text, move |row| expected.iter().all(|word| row.word(word))));
    }
    cases.push(case("query", "read_builds", |row| row.has_scope("read_builds")));
    cases
        .push(case("query", "read_builds read_user", |row| row.has_scope("read_builds") && row.has_scope("read_user")));
    cases.push(case("query", "admin", |row| row.owner_is_admin));
    cases.push(case("query", "admin graphql", |row| row.owner_is_admin && row.has_scope("graphql")));
    cases.push(case("query", "198.51.100.2", |row| row.has_address("198.51.100.2")));
    cases.push(case("query", "::FFFF:102:304 bot", |row| row.has_address("1.2.3.4") && row.word("bot")));
    keyed_words(cases);
    for blank in ["", "   "] {
        for field in ["query", "owner", "token", "ipAddress"] {
            cases.push(case(field, blank, |_| true));
        }
    }
}

/// The words with a key, and words that look like one but are read as text.
fn keyed_words(cases: &mut Vec<Case>) {
    let ago = |row: &Row<'_>, days: u32| {
        let since = row.now.minus(DAY * days);
        row.usage.last_used_at.is_none_or(|at| at < since)
    };
    let expires = |row: &Row<'_>, days: u32| {
        row.token.expires_at.is_some_and(|expiry| expiry >= row.now && expiry < row.now.plus(DAY * days))
    };
    cases.push(case("query", "unused:8d", move |row| ago(row, 8)));
    cases.push(case("query", "unused:2w unused:8d bot", move |row| ago(row, 14) && row.word("bot")));
    cases.push(case("query", "unused:1y", move |row| ago(row, 365)));
    cases.push(case("query", "used:never", |row| row.usage.last_used_at.is_none()));
    cases.push(case("query", "expires:80d", move |row| expires(row, 80)));
    cases.push(case("query", "expires:1y admin", move |row| expires(row, 365) && row.owner_is_admin));
    cases.push(case("query", "expires:never", |row| row.token.expires_at.is_none()));
    cases.push(case("query", "owner:a_b", |row| row.owner_has("a_b")));
    cases.push(case("query", "owner:\"Bob O'B\" deploy", |row| row.owner_has("bob o'b") && row.word("deploy")));
    cases.push(case("query", "owner:e owner:y", |row| row.owner_has("e") && row.owner_has("y")));
    cases.push(case("query", "\"owner:ada\"", |row| row.word("owner:ada")));
    cases.push(case("query", "https://example.com", |row| row.word("https://example.com")));
    for (text, wanted) in [
        ("status:active", &["ACTIVE"][..]),
        ("status:revoked", &["REVOKED"]),
        ("status:expired status:revoked", &["EXPIRED", "REVOKED"]),
        ("status:expired expires:never", &[]),
    ] {
        let case = case("query", text, move |row| wanted.contains(&row.status));
        cases.push(Case { sets_status: true, ..case });
    }
}

///
fn values(model: &Model, cases: &mut Vec<Case>) {
    let shown = model.audit("acme").into_iter().find(|row| row.status == "ACTIVE").unwrap().token;
    let elsewhere = model.tokens.iter().find(|token| !token.grants.contains_key("acme")).unwrap();
    for token in [shown, elsewhere, model.tokens.iter().find(|token| token.revoked).unwrap()] {
        let (id, value) = (token.id.clone(), token.value.clone());
        let wrong = format!("{}{}", &value[..41], if value.ends_with('0') { '1' } else { '0' });
        for field in ["token", "query"] {
            let id = id.clone();
            cases.push(case(field, value.clone(), move |row| row.token.id == id));
            cases.push(case(field, wrong.clone(), |_| false));
        }
        cases.push(case("query", value[..8].to_owned(), |_| false));
        cases.push(case("token", value[..8].to_owned(), |_| false));
        cases.push(case("token", "' OR ''='", |_| false));
        cases.push(case("query", format!("({value}) deploy"), move |row| row.token.id == id && row.word("deploy")));
    }
}

fn times(model: &Model, cases: &mut Vec<Case>) {
    let ago = |days: u32| model.now.minus(DAY * days);
    let ahead = |days: u32| model.now.plus(DAY * days);
    let exact = model.tokens[40].created_at;
    let next = exact.plus(Duration::from_micros(1));
    for wanted in [
        (Some(ago(30)), None),
        (None, Some(ago(30))),
        (Some(exact), None),
        (Some(exact), Some(next)),
        (None, Some(exact)),
        (Some(ago(1)), Some(ago(9))),
        (None, None),
    ] {
        cases.push(case("createdAt", range(wanted), move |row| lies_in(Some(row.token.created_at), wanted)));
    }
    let used = model.tokens.iter().find_map(|token| token.overall.last_used_at).unwrap();
    let long_ago = Time::parse("1970-01-01T00:00:00Z");
    for wanted in [
        (Some(ago(10)), None),
        (None, Some(ago(10))),
        (Some(used), Some(used.plus(Duration::from_micros(1)))),
        (long_ago, None),
        (None, Some(ahead(9000))),
        (None, None),
    ] {
        cases.push(case("lastUsedAt", range(wanted), move |row| lies_in(row.usage.last_used_at, wanted)));
    }
    for wanted in [Some(ago(5)), Some(ago(20)), Some(used), long_ago, Some(ahead(1))] {
        let since = wanted.unwrap();
        cases.push(case("unusedSince", since.to_text(), move |row| row.usage.last_used_at.is_none_or(|at| at < since)));
    }
    let expiry = model.tokens.iter().find_map(|token| token.expires_at.filter(|expiry| *expiry > model.now)).unwrap();
    for wanted in [
        (Some(model.now), Some(ahead(40))),
        (None, Some(model.now)),
        (Some(expiry), None),
        (None, Some(expiry)),
        (None, Some(ahead(9000))),
        (None, None),
    ] {
        cases.push(case("expiresAt", range(wanted), move |row| lies_in(row.token.expires_at, wanted)));
    }
}

const ORDERS: [&str; 4] = ["CREATED_AT", "LAST_USED_AT", "OWNER", "EXPIRES_AT"];

/// Sorts as the schema describes: ties are broken by ID, in the direction of the order.
fn sorted(mut rows: Vec<Row<'_>>, order: &str, descending: bool) -> Vec<String> {
    let number = |row: &Row<'_>| match order {
        "LAST_USED_AT" => row.usage.last_used_at.map_or(i64::MIN, Time::micros),
        "EXPIRES_AT" => row.token.expires_at.map_or(i64::MAX, Time::micros),
        "CREATED_AT" => row.token.created_at.micros(),
        _ => 0,
    };
    let name = |row: &Row<'_>| if order == "OWNER" { row.owner.username } else { "" };
    rows.sort_by_key(|row| (number(row), name(row), row.token.id.clone()));
    if descending {
        rows.reverse();
    }
    rows.into_iter().map(|row| row.token.id.clone()).collect()
}

/// A list and how it is queried.
enum List<'model> {
    Audit(&'model str),
    Own(usize),
}

const AUDIT: &str = "query($slug: String!, $filter: TokenFilter, $orderBy: TokenOrder, $after: String) {
    organization(slug: $slug) { tokenGrants(first: 100, after: $after, filter: $filter, orderBy: $orderBy) {
        totalCount nodes { id: tokenId } pageInfo { hasNextPage endCursor } } } }";
const OWN: &str = "query($filter: TokenFilter, $orderBy: TokenOrder, $after: String) {
    viewer { tokens(first: 100, after: $after, filter: $filter, orderBy: $orderBy) {
        totalCount nodes { id } pageInfo { hasNextPage endCursor } } } }";

/// Returns the IDs of the whole list, and its reported length.
async fn list_ids(reader: &Client<'_>, list: &List<'_>, filter: &Value, order_by: &Value) -> (Vec<String>, Value) {
    let (mut ids, mut after) = (Vec::new(), Value::Null);
    loop {
        let variables = |slug| json!({ "slug": slug, "filter": filter, "orderBy": order_by, "after": after });
        let page = match list {
            List::Audit(slug) => {
                reader.query(AUDIT, variables(Some(slug))).await["organization"]["tokenGrants"].clone()
            }
            List::Own(_) => reader.query(OWN, variables(None)).await["viewer"]["tokens"].clone(),
        };
        ids.extend(page["nodes"].as_array().unwrap().iter().map(|node| node["id"].as_str().unwrap().to_owned()));
        if page["pageInfo"]["hasNextPage"] != json!(true) {
            return (ids, page["totalCount"].clone());
        }
        after = page["pageInfo"]["endCursor"].clone();
    }
}

struct Fixture<'world> {
    model: Model,
    admin: Client<'world>,
    owner: Client<'world>,
    owner_index: usize,
}

impl Fixture<'_> {
    async fn compare(&self, list: &List<'_>, filters: &[&Case], order: Option<(&str, bool)>) -> usize {
        let (reader, rows) = match list {
            List::Audit(slug) => (&self.admin, self.model.audit(slug)),
            List::Own(owner) => (&self.owner, self.model.own(*owner)),
        };
        let mut filter = json!({});
        for case in filters {
            filter[case.field] = case.filter[case.field].clone();
        }
        let sets_status = filters.iter().any(|case| case.sets_status);
        let rows: Vec<_> = rows
            .into_iter()
            .filter(|row| sets_status || row.status == "ACTIVE")
            .filter(|row| filters.iter().all(|case| (case.means)(row)))
            .collect();
        let (field, descending) = order.unwrap_or(("CREATED_AT", true));
        let expected = sorted(rows, field, descending);
        let order_by = order.map_or(
            Value::Null,
            |(field, descending)| json!({ "field": field, "direction": if descending { "DESC" } else { "ASC" } }),
        );
        let (found, count) = list_ids(reader, list, &filter, &order_by).await;
        assert_eq!(found, expected, "{filter} ordered by {order_by}");
        assert_eq!(count, json!(expected.len()), "{filter}");
        expected.len()
    }
}

fn client<'world>(world: &'world World, user: &User) -> Client<'world> {
    let email = format!("{}@example.test", user.username);
    let claims = UserClaims { subject: user.username, username: user.username, name: user.name, email: &email };
    let config = world.config.jwt.as_ref().unwrap();
    world.bearer(&http::sign(config, &claims, world.now(), Duration::from_hours(1)).unwrap())
}

async fn users(world: &World) -> Vec<User> {
    let mut users = Vec::new();
    for (username, name, memberships) in USERS {
        let identity = Some(Identity { issuer: crate::world::ISSUER.into(), subject: username.into() });
        let email = Some(format!("{username}@example.test"));
        let new = NewUser { username: username.into(), name: name.into(), email, email_verified: true, identity };
        world.operator(AddUser { new }).await.unwrap();
        let (member, admin) = memberships.split_once('|').unwrap_or((memberships, ""));
        let slugs = |text: &'static str| text.split_whitespace().collect::<Vec<_>>();
        world.member(username, &slugs(member)).await;
        world.admin(username, &slugs(admin)).await;
        let roles = slugs(member).into_iter().map(|slug| (slug, false));
        let roles = roles.chain(slugs(admin).into_iter().map(|slug| (slug, true))).collect();
        users.push(User { username, name, roles, enabled: true });
    }
    users
}

const CREATE: &str =
    "mutation($input: CreateTokenInput!) { createToken(input: $input) { value token { id createdAt } } }";

async fn create_token(world: &World, users: &[User], dice: &mut Dice) -> Token {
    let owner = dice.below(users.len());
    let memberships: Vec<_> = users[owner].roles.keys().copied().collect();
    let mut slugs: BTreeSet<_> = memberships.iter().copied().filter(|_| dice.one_in(2)).collect();
    slugs.insert(memberships[dice.below(memberships.len())]);
    let mut scopes: BTreeSet<_> = SCOPES.into_iter().filter(|_| dice.one_in(3)).collect();
    scopes.insert(SCOPES[dice.below(SCOPES.len())]);
    let description = DESCRIPTIONS[dice.below(DESCRIPTIONS.len())];
    // Few different expiries, so that there are ties.
    let days = [None, None, Some(20), Some(30), Some(100), Some(101)][dice.below(6)];
    let start = Time::parse(&format!("{}T00:00:00Z", &world.now().to_text()[..10])).unwrap();
    let expires_at = days.map(|days| start.plus(DAY * days));
    let mut organizations = Vec::new();
    for slug in &slugs {
        organizations.push(world.organization_id(slug).await);
    }
    let input = json!({
        "description": description, "organizationIds": organizations, "scopes": scopes,
        "expiresAt": expires_at.map(Time::to_text),
    });
    let data = client(world, &users[owner]).query(CREATE, json!({ "input": input })).await;
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let (token, value) = (&data["createToken"]["token"], text(&data["createToken"]["value"]));
    let grants = slugs.into_iter().map(|slug| (slug, Usage::default())).collect();
    let created_at = Time::parse(&text(&token["createdAt"])).unwrap();
    Token {
        id: text(&token["id"]),
        value,
        owner,
        description,
        scopes,
        created_at,
        expires_at,
        revoked: false,
        grants,
        overall: Usage::default(),
    }
}

/// Returns usage whose times coincide for some tokens; the most recent request may be later than the last use.
fn random_usage(dice: &mut Dice, now: Time, unique: u64) -> Usage {
    let last_used_at = (!dice.one_in(4)).then(|| now.minus(DAY * [3, 7, 12, 25][dice.below(4)]));
    let at = now.minus(Duration::from_mins(1 + u64::try_from(dice.below(60)).unwrap()));
    let address = (!dice.one_in(5)).then(|| ADDRESSES[dice.below(ADDRESSES.len())].parse().unwrap());
    let at = at.plus(Duration::from_micros(unique));
    let request = Request {
        at,
        address,
        user_agent: None,
        method: None,
        path: None,
        scope: None,
        allowed: last_used_at.is_some(),
    };
    Usage { last_used_at, last_request: Some(request) }
}

fn add(to: &mut Usage, more: &Usage) {
    let at = |usage: &Usage| usage.last_request.as_ref().map(|request| request.at);
    to.last_used_at = to.last_used_at.max(more.last_used_at);
    if at(more) > at(to) {
        to.last_request.clone_from(&more.last_request);
    }
}

const GRANTS: &str = "query($id: ID!) { token(id: $id) { grants(first: 20, status: [ACTIVE]) { nodes { id organization { id slug } } } } }";

/// Writes usage of some of the tokens' organizations, and of some tokens without an organization.
async fn record_usage(world: &World, model: &mut Model, dice: &mut Dice) {
    let now = world.now();
    let (mut tokens, mut grants, mut unique) = (Vec::new(), Vec::new(), 0);
    for token in model.tokens.iter_mut().filter(|token| token.expires_at.is_none_or(|expiry| expiry > now)) {
        let reader = client(world, &model.users[token.owner]);
        let found = reader.query(GRANTS, json!({ "id": token.id })).await;
        let id = TokenId::parse(&token.id).unwrap();
        for grant in found["token"]["grants"]["nodes"].as_array().unwrap() {
            unique += 1;
            let usage = random_usage(dice, now, unique);
            let text = |value: &Value| value.as_str().unwrap().to_owned();
            if dice.one_in(3) {
                continue;
            }
            let slug = text(&grant["organization"]["slug"]);
            add(&mut token.overall, &usage);
            add(token.grants.get_mut(slug.as_str()).unwrap(), &usage);
            grants.push(GrantUsage {
                grant: GrantId::parse(&text(&grant["id"])).unwrap(),
                organization: OrganizationId::parse(&text(&grant["organization"]["id"])).unwrap(),
                token: id,
                usage,
            });
        }
        if dice.one_in(10) {
            unique += 1;
            let usage = Usage { last_used_at: None, ..random_usage(dice, now, 90_000_000 + unique) };
            add(&mut token.overall, &usage);
        }
        if token.overall.last_request.is_some() {
            tokens.push(TokenUsage { token: id, usage: token.overall.clone() });
        }
    }
    world.app.store().maintenance().save_usage(&UsageBatch { tokens, grants }).await.unwrap();
}

/// Removes some organizations, half of them by their administrators; adds some again; revokes some tokens.
async fn remove_and_revoke(world: &World, model: &mut Model, dice: &mut Dice) {
    let now = world.now();
    for token in &mut model.tokens {
        if token.expires_at.is_some_and(|expiry| expiry <= now) {
            continue;
        }
        let owner = client(world, &model.users[token.owner]);
        let slug = *token.grants.keys().next().unwrap();
        let organization = world.organization_id(slug).await;
        if dice.one_in(5) {
            let admin = world.user(&format!("root-{slug}")).await;
            let remover = if dice.one_in(2) { &admin } else { &owner };
            assert_eq!(remover.remove_organization(&token.id, &organization, None).await.code(), "OK");
            let known = token.grants.remove(slug).unwrap();
            if dice.one_in(2) {
                assert_eq!(owner.add_organization(&token.id, &organization).await.code(), "OK");
                token.grants.insert(slug, known);
            }
        }
        if dice.one_in(9) {
            assert_eq!(owner.revoke_token(&token.id).await.code(), "OK");
            token.revoked = true;
        }
    }
}

/// Removes one member from an organization and disables one user.
async fn disable_users(world: &World, model: &mut Model) {
    let remove = RemoveOrganizationMember { organization: "hooli".into(), user: "yan".into() };
    world.operator(remove).await.unwrap();
    world.operator(DisableUser { username: "zoe".into() }).await.unwrap();
    for (index, user) in model.users.iter_mut().enumerate() {
        if user.username == "yan" {
            user.roles.remove("hooli");
            let own = model.tokens.iter_mut().filter(|token| token.owner == index);
            own.for_each(|token| drop(token.grants.remove("hooli")));
        }
        user.enabled = user.username != "zoe";
    }
}

/// Advances the clock to noon of the next day.
fn advance_to_noon(world: &World) {
    let second = u64::try_from(world.now().seconds().rem_euclid(86_400)).unwrap();
    world.advance(DAY.saturating_sub(Duration::from_secs(second)) + DAY / 2);
}

async fn fixture(world: &World) -> Fixture<'_> {
    // Tokens expire at midnight. None may expire while they are created, removed and revoked.
    advance_to_noon(world);
    let mut dice = Dice(7);
    let mut model = Model { users: users(world).await, tokens: Vec::new(), now: world.now() };
    world.admin("aud", &SLUGS).await;
    for _ in 0..TOKENS {
        world.advance(Duration::from_hours(6));
        let token = create_token(world, &model.users, &mut dice).await;
        model.tokens.push(token);
    }
    record_usage(world, &mut model, &mut dice).await;
    remove_and_revoke(world, &mut model, &mut dice).await;
    world.advance(Duration::from_hours(1));
    record_usage(world, &mut model, &mut dice).await;
    disable_users(world, &mut model).await;
    // Noon of a later day: no token expires while the test reads.
    world.advance(DAY * 2);
    advance_to_noon(world);
    model.now = world.now();
    let token_count = |index: &usize| model.tokens.iter().filter(|token| token.owner == *index).count();
    let owner_index =
        (0..model.users.len()).filter(|index| model.users[*index].enabled).max_by_key(token_count).unwrap();
    let owner = client(world, &model.users[owner_index]);
    let admin = world.bearer(&world.jwt("aud"));
    Fixture { model, admin, owner, owner_index }
}

both!(
    /// each filter, many pairs of them, and each order in both directions.
    async fn filters_and_orders_match_the_model(world: World) {
        let fixture = fixture(&world).await;
        let all = fixture.model.audit("acme").len();
        assert!(
            all > 50 && fixture.model.own(fixture.owner_index).len() > 8,
            "the fixture is too small for a meaningful comparison"
        );
        let lists = [List::Audit("acme"), List::Audit("globex"), List::Audit("hooli"), List::Own(fixture.owner_index)];
        let orders: Vec<_> = ORDERS.iter().flat_map(|field| [(*field, true), (*field, false)]).collect();
        for list in &lists {
            fixture.compare(list, &[], None).await;
            for order in &orders {
                fixture.compare(list, &[], Some(*order)).await;
            }
        }
        let cases = cases(&fixture.model);
        let active = fixture.compare(&lists[0], &[], None).await;
        let mut selective = BTreeSet::new();
        for (index, case) in cases.iter().enumerate() {
            let found = fixture.compare(&lists[0], &[case], Some(orders[index % 8])).await;
            if found > 0 && found != active {
                selective.insert(case.field);
            }
            fixture.compare(&lists[3], &[case], Some(orders[(index + 3) % 8])).await;
        }
        assert_eq!(selective.len(), 13, "some filters match nothing or everything; the others: {selective:?}");
        let pairs = (0..cases.len()).flat_map(|one| (0..one).map(move |other| (one, other)));
        let different = pairs.filter(|(one, other)| cases[*one].field != cases[*other].field);
        for (number, (one, other)) in different.step_by(23).enumerate() {
            fixture.compare(&lists[number % 4], &[&cases[one], &cases[other]], Some(orders[number % 8])).await;
        }
    }
);

/// Queries the audit of acme with an invalid filter.
async fn rejected(reader: &Client<'_>, filter: Value) -> (String, Option<String>, String) {
    let reply = reader.graphql(AUDIT, json!({ "slug": "acme", "filter": filter })).await;
    assert!(reply.status.as_u16() < 500, "{}", reply.text);
    assert_eq!(reply.json()["data"]["organization"]["tokenGrants"], Value::Null, "{}", reply.text);
    let message = reply.json()["errors"][0]["message"].as_str().unwrap_or_default().to_owned();
    (reply.code(), reply.field(), message)
}

both!(
    async fn unknown_scope_names_its_index_and_the_nearest_scope(world: World) {
        let ada = world.admin("ada", &["acme"]).await;
        let (code, field, message) = rejected(&ada, json!({ "scopes": ["graphql", "read_bulids"] })).await;
        assert_eq!((&*code, field.as_deref()), ("INVALID_INPUT", Some("filter.scopes.1")));
        assert!(message.ends_with("Did you mean read_builds?"), "{message}");
        for unknown in ["", "Read_builds'; --", "%", "no_such_scope_at_all_anywhere"] {
            let (code, field, _) = rejected(&ada, json!({ "scopes": [unknown] })).await;
            assert_eq!((&*code, field.as_deref()), ("INVALID_INPUT", Some("filter.scopes.0")), "{unknown}");
        }
    }
);

both!(
    async fn invalid_search_word_names_the_field_and_is_not_repeated(world: World) {
        let ada = world.admin("ada", &["acme"]).await;
        for (query, hint) in [
            ("unusd:90d", "Did you mean unused:?"),
            ("hunter2pass:x", "The filters are unused:, used:, expires:, status:, owner:."),
            ("status:hunter2pass", "The filter status: needs active, expired or revoked."),
        ] {
            let (code, field, message) = rejected(&ada, json!({ "query": query })).await;
            assert_eq!((&*code, field.as_deref()), ("INVALID_INPUT", Some("filter.query")), "{query}");
            assert!(message.contains(hint) && !message.contains("hunter2"), "{message}");
        }
    }
);

both!(
    async fn search_that_contradicts_the_filter_finds_nothing(world: World) {
        let ada = world.admin("ada", &["acme"]).await;
        ada.create_token("deploy", &["acme"], &["graphql"]).await;
        let of_audit =
            "query($f: TokenFilter) { organization(slug: \"acme\") { page: tokenGrants(filter: $f) { totalCount } } }";
        let of_own = "query($f: TokenFilter) { viewer { page: tokens(filter: $f) { totalCount } } }";
        for (query, field) in
            [("admin", "ownerIsAdmin"), ("used:never", "neverUsed"), ("expires:never", "neverExpires")]
        {
            for (wanted, count) in [(true, 1), (false, 0)] {
                for (document, place) in [(of_audit, "organization"), (of_own, "viewer")] {
                    let found = ada.query(document, json!({ "f": { "query": query, field: wanted } })).await;
                    assert_eq!(found[place]["page"]["totalCount"], count, "{query}, {field}: {wanted}");
                }
            }
        }
    }
);

both!(
    /// administrators and owners get the same result.
    async fn search_returns_its_parsed_words_in_order(world: World) {
        let ada = world.admin("ada", &["acme"]).await;
        let token = ada.create_token("deploy", &["acme"], &["graphql"]).await;
        let (of_audit, of_own) = (
            "query($f: TokenFilter) { organization(slug: \"acme\") { page: tokenGrants(filter: $f) { totalCount search { text kind } } } }",
            "query($f: TokenFilter) { viewer { page: tokens(filter: $f) { totalCount search { text kind } } } }",
        );
        let hint = format!("{}…{}", &token.value[..8], &token.value[38..]);
        let query = format!("owner:Ada  graphql unused:90d \"de ploy\" {} deploy", token.value);
        let expected = json!([
            { "text": "owner:Ada", "kind": "OWNER" }, { "text": "graphql", "kind": "SCOPE" },
            { "text": "unused:90d", "kind": "UNUSED" }, { "text": "\"de ploy\"", "kind": "TEXT" },
            { "text": hint, "kind": "VALUE" }, { "text": "deploy", "kind": "TEXT" },
        ]);
        for (document, place) in [(of_audit, "organization"), (of_own, "viewer")] {
            let reply = ada.graphql(document, json!({ "f": { "query": query } })).await;
            assert_eq!(reply.data()[place]["page"], json!({ "totalCount": 0, "search": expected }), "{}", reply.text);
            assert!(!reply.text.contains(&token.value[8..20]), "{}", reply.text);
            let by_hint = ada.query(document, json!({ "f": { "query": hint } })).await;
            let one = json!({ "totalCount": 1, "search": [{ "text": hint, "kind": "VALUE" }] });
            assert_eq!(by_hint[place]["page"], one);
            let other = ada.query(document, json!({ "f": { "query": "twd_0000…0000" } })).await;
            assert_eq!(other[place]["page"]["totalCount"], 0);
            for none in [Value::Null, json!({}), json!({ "query": " " })] {
                let data = ada.query(document, json!({ "f": none })).await;
                assert_eq!(data[place]["page"], json!({ "totalCount": 1, "search": [] }));
            }
        }
        let grants = "query($id: ID!) { token(id: $id) { grants { search { text } } } }";
        assert_eq!(ada.query(grants, json!({ "id": token.id })).await["token"]["grants"]["search"], json!([]));
    }
);

both!(
    async fn status_filter_and_status_word_must_both_match(world: World) {
        let ada = world.admin("ada", &["acme"]).await;
        let (_, gone) = (
            ada.create_token("kept", &["acme"], &["read_user"]).await,
            ada.create_token("gone", &["acme"], &["read_user"]).await,
        );
        assert_eq!(ada.revoke_token(&gone.id).await.code(), "OK");
        for (status, query, count) in [
            (json!(["ACTIVE", "REVOKED"]), "", 2),
            (json!(["ACTIVE", "REVOKED"]), "status:revoked", 1),
            (json!(["ACTIVE"]), "status:revoked", 0),
            (json!([]), "status:revoked", 1),
            (Value::Null, "status:revoked status:active", 2),
        ] {
            let filter = json!({ "status": status, "query": query });
            assert_eq!(list_ids(&ada, &List::Audit("acme"), &filter, &Value::Null).await.0.len(), count, "{filter}");
            assert_eq!(list_ids(&ada, &List::Own(0), &filter, &Value::Null).await.0.len(), count, "{filter}");
        }
    }
);

both!(
    async fn relative_search_keeps_its_time_across_pages(world: World) {
        let ada = world.admin("ada", &["acme"]).await;
        for _ in 0..3 {
            ada.create_token("x", &["acme"], &["read_user"]).await;
        }
        let query = "query($a: String) { organization(slug: \"acme\") { page: tokenGrants(first: 2, after: $a, \
                     filter: { query: \"unused:1d\" }) { nodes { tokenId } pageInfo { endCursor } } } }";
        let first = ada.query(query, json!({})).await["organization"]["page"].clone();
        world.advance(Duration::from_mins(7));
        let next =
            ada.query(query, json!({ "a": first["pageInfo"]["endCursor"] })).await["organization"]["page"].clone();
        assert_eq!(first["nodes"].as_array().map(Vec::len), Some(2));
        assert_eq!(next["nodes"].as_array().map(Vec::len), Some(1));
    }
);

both!(
    ///
    async fn malformed_ip_address_names_its_field(world: World) {
        let ada = world.admin("ada", &["acme"]).await;
        for malformed in ["1.2.3", " 1.2.3.4", "1.2.3.4 ", "1.2.3.4/24", "1.2.3.4:80", "' OR 1=1 --", "::1%eth0", "x"] {
            let (code, field, _) = rejected(&ada, json!({ "ipAddress": malformed })).await;
            assert_eq!((&*code, field.as_deref()), ("INVALID_INPUT", Some("filter.ipAddress")), "{malformed}");
        }
    }
);

both!(
    ///
    async fn sql_in_enums_and_times_is_rejected(world: World) {
        let ada = world.admin("ada", &["acme"]).await;
        for filter in [
            json!({ "status": ["ACTIVE' OR '1'='1"] }),
            json!({ "unusedSince": "2026-01-01' OR '1'='1" }),
            json!({ "createdAt": { "from": "'; DROP TABLE tokens; --" } }),
            json!({ "neverUsed": "1 OR 1=1" }),
        ] {
            assert_eq!(rejected(&ada, filter).await.0, "INVALID_INPUT");
        }
        for order in
            [json!({ "field": "OWNER; --", "direction": "ASC" }), json!({ "field": "OWNER", "direction": "X" })]
        {
            let reply = ada.graphql(AUDIT, json!({ "slug": "acme", "orderBy": order })).await;
            assert_eq!(reply.code(), "INVALID_INPUT");
        }
        let lookup = "query($slug: String!) { organization(slug: $slug) { id } }";
        let found = ada.query(lookup, json!({ "slug": "acme' OR '1'='1" })).await;
        assert_eq!(found["organization"], Value::Null);
    }
);

const USAGE: &str = "query($slug: String!) { organization(slug: $slug) { tokenGrants { nodes { lastUsedAt lastRequest { path allowed } } } } }";

/// Returns the usage of the only token in the audit of an organization.
async fn usage_in(reader: &Client<'_>, slug: &str) -> Value {
    reader.query(USAGE, json!({ "slug": slug })).await["organization"]["tokenGrants"]["nodes"][0].clone()
}

both!(
    async fn usage_in_one_organization_is_hidden_from_others(world: World) {
        let ada = world.admin("ada", &["acme", "globex"]).await;
        let token =
            world.member("bob", &["acme", "globex"]).await.create_token("x", &["acme", "globex"], &["graphql"]).await;
        let holder = world.bearer(&token.value);
        assert_eq!(holder.verify("organization=acme").await.status, 200);
        let acme = world.wait_for_usage(async || usage_in(&ada, "acme").await).await;
        assert_eq!(acme["lastRequest"], json!({ "path": "/verify", "allowed": true }));
        assert_ne!(acme["lastUsedAt"], Value::Null);
        assert_eq!(usage_in(&ada, "globex").await, json!({ "lastUsedAt": null, "lastRequest": null }));
        for (slug, found) in [("acme", 0), ("globex", 1)] {
            let unused = list_ids(&ada, &List::Audit(slug), &json!({ "neverUsed": true }), &Value::Null).await;
            assert_eq!(unused.0.len(), found, "{slug}");
            let here = list_ids(&ada, &List::Audit(slug), &json!({ "ipAddress": "127.0.0.1" }), &Value::Null).await;
            assert_eq!(here.0.len(), 1 - found, "{slug}");
        }
    }
);

both!(
    async fn unwritten_usage_survives_a_removal(world: World) {
        let ada = world.admin("ada", &["acme"]).await;
        let bob = world.member("bob", &["acme"]).await;
        let acme = world.organization_id("acme").await;
        let tokens = bob.create_token("x", &["acme"], &["graphql"]).await;
        assert_eq!(world.bearer(&tokens.value).verify("organization=acme").await.status, 200);
        // This usually takes less than two seconds: the usage is not written before the second removal.
        for _ in 0..2 {
            assert_eq!(ada.remove_organization(&tokens.id, &acme, None).await.code(), "OK");
            assert_eq!(bob.add_organization(&tokens.id, &acme).await.code(), "OK");
        }
        let used = world.wait_for_usage(async || usage_in(&ada, "acme").await).await;
        assert_eq!(used["lastRequest"], json!({ "path": "/verify", "allowed": true }));
        assert_ne!(used["lastUsedAt"], Value::Null);
    }
);

both!(
    async fn written_usage_survives_a_removal(world: World) {
        let ada = world.admin("ada", &["acme"]).await;
        let bob = world.member("bob", &["acme"]).await;
        let token = bob.create_token("x", &["acme"], &["graphql"]).await;
        let acme = world.organization_id("acme").await;
        assert_eq!(world.bearer(&token.value).verify("organization=acme").await.status, 200);
        let used = world.wait_for_usage(async || usage_in(&ada, "acme").await).await;
        for _ in 0..2 {
            assert_eq!(ada.remove_organization(&token.id, &acme, None).await.code(), "OK");
            assert_eq!(bob.add_organization(&token.id, &acme).await.code(), "OK");
            assert_eq!(usage_in(&ada, "acme").await, used, "a removal must not make a token look unused");
        }
        let unused = list_ids(&ada, &List::Audit("acme"), &json!({ "neverUsed": true }), &Value::Null).await;
        assert_eq!(unused.0.len(), 0);
        assert_eq!(world.bearer(&token.value).verify("organization=acme&scope=read_user").await.status, 403);
        let later = world.wait_for_usage(async || {
            let found = usage_in(&ada, "acme").await;
            if found["lastRequest"]["allowed"] == false { found } else { json!({ "lastRequest": null }) }
        });
        assert_eq!(later.await["lastUsedAt"], used["lastUsedAt"]);
    }
);

both!(
    async fn request_without_organization_counts_for_every_active_grant(world: World) {
        let ada = world.admin("ada", &["acme", "globex", "hooli"]).await;
        let bob = world.member("bob", &["acme", "globex", "hooli"]).await;
        let token = bob.create_token("x", &["acme", "globex", "hooli"], &["read_user"]).await;
        let hooli = world.organization_id("hooli").await;
        assert_eq!(bob.remove_organization(&token.id, &hooli, None).await.code(), "OK");
        assert_eq!(world.bearer(&token.value).get("/v2/access-token").await.status, 200);
        for slug in ["acme", "globex"] {
            let found = world.wait_for_usage(async || usage_in(&ada, slug).await).await;
            assert_eq!(found["lastRequest"], json!({ "path": "/v2/access-token", "allowed": true }), "{slug}");
        }
        assert_eq!(bob.add_organization(&token.id, &hooli).await.code(), "OK");
        assert_eq!(usage_in(&ada, "hooli").await["lastRequest"], Value::Null, "the token had no access at that time");
    }
);

both!(
    async fn graphql_request_counts_for_every_active_grant(world: World) {
        let ada = world.admin("ada", &["acme", "globex", "hooli"]).await;
        let bob = world.member("bob", &["acme", "globex", "hooli"]).await;
        let (may, lacks) = (
            bob.create_token("may", &["acme", "globex"], &["graphql"]).await,
            bob.create_token("lacks", &["hooli"], &["read_user"]).await,
        );
        let query = "{ viewer { username } }";
        assert_eq!(world.bearer(&may.value).graphql(query, json!({})).await.code(), "OK");
        assert_eq!(world.bearer(&lacks.value).graphql(query, json!({})).await.status, 403);
        for (slug, allowed) in [("acme", true), ("globex", true), ("hooli", false)] {
            let found = world.wait_for_usage(async || usage_in(&ada, slug).await).await;
            assert_eq!(found["lastRequest"], json!({ "path": "/graphql", "allowed": allowed }), "{slug}");
            assert_eq!(found["lastUsedAt"].is_string(), allowed, "{slug}");
        }
        let request = "query($id: ID!) { token(id: $id) { lastRequest { method scope } } }";
        let seen = bob.query(request, json!({ "id": may.id })).await;
        assert_eq!(seen["token"]["lastRequest"], json!({ "method": "POST", "scope": "graphql" }));
    }
);

both!(
    async fn check_of_an_ungranted_organization_counts_for_the_token_only(world: World) {
        let ada = world.admin("ada", &["acme", "globex"]).await;
        let bob = world.member("bob", &["acme", "globex"]).await;
        let token = bob.create_token("x", &["acme"], &["read_user"]).await;
        assert_eq!(world.bearer(&token.value).verify("organization=globex").await.status, 403);
        let query = "query($id: ID!) { token(id: $id) { lastUsedAt lastRequest { path allowed } } }";
        let own =
            world.wait_for_usage(async || bob.query(query, json!({ "id": token.id })).await["token"].clone()).await;
        assert_eq!(own, json!({ "lastUsedAt": null, "lastRequest": { "path": "/verify", "allowed": false } }));
        assert_eq!(usage_in(&ada, "acme").await, json!({ "lastUsedAt": null, "lastRequest": null }));
    }
);
