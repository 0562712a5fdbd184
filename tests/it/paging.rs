//! Checks that every list returns the same rows in the same order, in both directions and for every page size.

use crate::world::{
    World,
    client::Client,
    database::{Database, Kind, Stage as _},
    retry::retry,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::time::Duration;
use tokenward::testing::{
    domain::{
        grant::{Request, Usage},
        id::{GrantId, OrganizationId, TokenId},
    },
    store::{GrantUsage, TokenUsage, UsageBatch},
};

const TOKENS: usize = 53;
const ORDERS: [&str; 4] = ["CREATED_AT", "LAST_USED_AT", "OWNER", "EXPIRES_AT"];
const PAGE: &str = "first: $first, after: $after, last: $last, before: $before";
const ROWS: &str = "{ totalCount nodes { id } edges { cursor node { id } }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor } }";

/// A list and its reader.
#[derive(Clone)]
pub(crate) struct List<'world> {
    pub(crate) name: String,
    reader: Client<'world>,
    document: String,
    path: &'static str,
}

/// One page of the response.
#[derive(Debug, PartialEq)]
pub(crate) struct Page {
    pub(crate) ids: Vec<String>,
    pub(crate) cursors: Vec<String>,
    total: usize,
    pub(crate) has_next: bool,
    pub(crate) has_previous: bool,
}

impl<'world> List<'world> {
    fn new(reader: &Client<'world>, path: &'static str, name: &str, field: &str, more: &str) -> Self {
        let list = format!("list: {field}({PAGE}{more}) {ROWS}");
        let inside = match path {
            "/organization/list" => format!("organization(slug: \"acme\") {{ {list} }}"),
            "/viewer/list" => format!("viewer {{ {list} }}"),
            _ => format!("token(id: \"TOKEN\") {{ {list} }}"),
        };
        let document = format!("query($first: Int, $after: String, $last: Int, $before: String) {{ {inside} }}");
        Self { name: format!("{name} {more}"), reader: reader.clone(), document, path }
    }

    fn of_token(reader: &Client<'world>, field: &str, token: &str) -> Self {
        let mut list = Self::new(reader, "/token/list", field, field, "");
        list.document = list.document.replace("TOKEN", token);
        list
    }

    pub(crate) async fn page(&self, arguments: Value) -> Page {
        let reply = retry(async || self.reader.graphql(&self.document, arguments.clone()).await).await;
        assert_eq!(reply.code(), "OK", "{} {arguments}: {}", self.name, reply.text);
        let data = reply.data();
        let page = data.pointer(self.path).unwrap();
        let texts = |pointer: &str, of: &Value| -> Vec<String> {
            let items = of.as_array().unwrap().iter();
            items.map(|item| item.pointer(pointer).unwrap().as_str().unwrap().to_owned()).collect()
        };
        let (ids, cursors) = (texts("/id", &page["nodes"]), texts("/cursor", &page["edges"]));
        assert_eq!(texts("/node/id", &page["edges"]), ids);
        let info = &page["pageInfo"];
        assert_eq!(info["startCursor"], json!(cursors.first()), "{}", self.name);
        assert_eq!(info["endCursor"], json!(cursors.last()), "{}", self.name);
        let total = usize::try_from(page["totalCount"].as_u64().unwrap()).unwrap();
        let flag = |name: &str| info[name].as_bool().unwrap();
        Page { ids, cursors, total, has_next: flag("hasNextPage"), has_previous: flag("hasPreviousPage") }
    }

    /// Reads the list from its beginning to its end.
    async fn forward(&self, size: usize) -> Vec<String> {
        let (mut ids, mut after) = (Vec::new(), Value::Null);
        loop {
            let page = self.page(json!({ "first": size, "after": after })).await;
            assert_eq!(page.has_previous, !after.is_null(), "{} by {size}", self.name);
            ids.extend(page.ids);
            assert_eq!(page.has_next, ids.len() < page.total, "{} by {size} at {}", self.name, ids.len());
            if !page.has_next {
                return ids;
            }
            after = json!(page.cursors.last().unwrap());
        }
    }

    /// Reads the list from its end to its beginning.
    async fn backward(&self, size: usize) -> Vec<String> {
        let (mut ids, mut before) = (Vec::new(), Value::Null);
        loop {
            let page = self.page(json!({ "last": size, "before": before })).await;
            assert_eq!(page.has_next, !before.is_null(), "{} by {size}", self.name);
            ids.splice(0..0, page.ids);
            assert_eq!(page.has_previous, ids.len() < page.total, "{} by {size} at {}", self.name, ids.len());
            if !page.has_previous {
                return ids;
            }
            before = json!(page.cursors.first().unwrap());
        }
    }

    /// Returns the code and the field of an error.
    async fn error_of(&self, arguments: Value) -> (String, Option<String>) {
        let reply = self.reader.graphql(&self.document, arguments.clone()).await;
        assert!(reply.status.as_u16() < 500, "{} {arguments}: {}", self.name, reply.text);
        let data = reply.data();
        let rows = data.pointer(self.path).unwrap_or(&Value::Null);
        assert!(rows.is_null(), "{} {arguments}: {}", self.name, reply.text);
        (reply.code(), reply.field())
    }
}

/// Three owners create tokens for acme with ties in every order; from one token acme is removed and added again five times.
pub(crate) async fn lists(world: &World) -> Vec<List<'_>> {
    let ada = world.admin("ada", &["acme"]).await;
    let mut owners = Vec::new();
    for name in ["bob", "cyd", "dot"] {
        owners.push(world.member(name, &["acme"]).await);
    }
    let bob = world.member("bob", &["acme", "globex", "hooli", "initech", "umbrella", "zorg"]).await;
    let organization = world.organization_id("acme").await;
    let mut tokens = Vec::new();
    for number in 0..TOKENS {
        let days = [None, Some(10), Some(20)][number / 2 % 3];
        let end = days.map(|days| format!("2099-01-{days}T00:00:00Z"));
        let owner = if number < 30 { 0 } else { number % 3 };
        tokens.push(owners[owner].create_expiring_token("x", &["acme"], &["read_user"], end).await.id);
    }
    for _ in 0..5 {
        assert_eq!(bob.remove_organization(&tokens[0], &organization, None).await.code(), "OK");
        assert_eq!(bob.add_organization(&tokens[0], &organization).await.code(), "OK");
    }
    record_usage(world, &ada, &organization).await;
    let mut lists = Vec::new();
    for order in ORDERS
        .iter()
        .flat_map(|field| ["ASC", "DESC"].map(|direction| format!("{{field: {field}, direction: {direction}}}")))
    {
        let order = format!(", orderBy: {order}");
        lists.push(List::new(&ada, "/organization/list", "the audit", "tokenGrants", &order));
        lists.push(List::new(&bob, "/viewer/list", "own tokens", "tokens", &order));
    }
    lists.push(List::new(&ada, "/organization/list", "the audit", "tokenGrants", ", filter: {neverUsed: true}"));
    lists.push(List::new(&bob, "/viewer/list", "organizations", "organizations", ""));
    lists.push(List::new(&ada, "/organization/list", "events", "auditEvents", ""));
    lists.push(List::of_token(&bob, "grants", &tokens[0]));
    lists.push(List::of_token(&bob, "events", &tokens[0]));
    lists
}

/// Records usage of two of three tokens, at few different times.
async fn record_usage(world: &World, admin: &Client<'_>, organization: &str) {
    let query = "{ organization(slug: \"acme\") { tokenGrants(first: 100) { nodes { id tokenId } } } }";
    let found = admin.query(query, json!({})).await;
    let (mut tokens, mut grants) = (Vec::new(), Vec::new());
    for (number, row) in found["organization"]["tokenGrants"]["nodes"].as_array().unwrap().iter().enumerate() {
        if number % 3 == 0 {
            continue;
        }
        let at = world.now().minus(Duration::from_hours(u64::try_from(number % 4).unwrap()));
        let at = tokenward::testing::domain::time::Time::from_micros(at.micros() / 3_600_000_000 * 3_600_000_000);
        let request =
            Request { at, address: None, user_agent: None, method: None, path: None, scope: None, allowed: true };
        let usage = Usage { last_used_at: Some(at), last_request: Some(request) };
        let token = TokenId::parse(row["tokenId"].as_str().unwrap()).unwrap();
        tokens.push(TokenUsage { token, usage: usage.clone() });
        let grant = GrantId::parse(row["id"].as_str().unwrap()).unwrap();
        let organization = OrganizationId::parse(organization).unwrap();
        grants.push(GrantUsage { grant, organization, token, usage });
    }
    world.app.store().maintenance().save_usage(&UsageBatch { tokens, grants }).await.unwrap();
}

both!(
    ///
    async fn lists_are_the_same_in_both_directions_for_any_page_size(world: World) {
        for list in lists(&world).await {
            let whole = list.page(json!({ "first": 100 })).await;
            let length = whole.ids.len();
            assert!(length > 5 && length == whole.total, "{} has {length} of {}", list.name, whole.total);
            assert_eq!((whole.has_next, whole.has_previous), (false, false));
            let mut different = whole.ids.clone();
            different.sort_unstable();
            different.dedup();
            assert_eq!(different.len(), length, "{} contains a row twice", list.name);
            let small = if length < 20 { vec![1, 2] } else { vec![4] };
            for size in small.into_iter().chain([length / 2, length - 1, length, length + 1]) {
                assert_eq!(list.forward(size).await, whole.ids, "{} forward by {size}", list.name);
                assert_eq!(list.backward(size).await, whole.ids, "{} backward by {size}", list.name);
            }
        }
    }
);

both!(
    ///
    async fn rows_between_two_cursors_are_the_same_in_both_directions(world: World) {
        for list in lists(&world).await {
            let whole = list.page(json!({ "first": 100 })).await;
            let (after, before) = (&whole.cursors[1], &whole.cursors[whole.ids.len() - 2]);
            let between = &whole.ids[2..whole.ids.len() - 2];
            for size in ["first", "last"] {
                let page = list.page(json!({ size: 100, "after": after, "before": before })).await;
                assert_eq!(page.ids, between, "{} {size}", list.name);
                let page = list.page(json!({ size: 1, "after": after, "before": before })).await;
                let one = if size == "first" { between.first() } else { between.last() };
                assert_eq!(page.ids.first(), one, "{} {size}", list.name);
                let none = list.page(json!({ size: 100, "after": before, "before": after })).await;
                assert_eq!(none.ids.len(), 0, "{} {size}", list.name);
            }
        }
    }
);

both!(
    ///
    async fn page_size_is_0_to_100_and_defaults_to_50(world: World) {
        let lists = lists(&world).await;
        assert!(lists[0].page(json!({})).await.has_next, "no list is longer than the default page");
        for list in lists {
            let whole = list.page(json!({ "first": 100 })).await;
            let usual = list.page(json!({})).await;
            assert_eq!(usual.ids, whole.ids[..whole.ids.len().min(50)], "{}", list.name);
            assert_eq!(usual.has_next, whole.ids.len() > 50, "{}", list.name);
            for size in ["first", "last"] {
                let none = list.page(json!({ size: 0 })).await;
                assert_eq!((none.ids.len(), none.total), (0, whole.total), "{}", list.name);
                assert_eq!((none.has_next, none.has_previous), (size == "first", size == "last"), "{}", list.name);
                for wrong in [-1, 101, i32::MAX, i32::MIN] {
                    let (code, field) = list.error_of(json!({ size: wrong })).await;
                    assert_eq!((&*code, field.as_deref()), ("INVALID_INPUT", Some(size)), "{} {wrong}", list.name);
                }
                for wrong in [json!(2_147_483_648_i64), json!(-2_147_483_649_i64), json!(1e30), json!("1"), json!(1.5)]
                {
                    let (code, _) = list.error_of(json!({ size: wrong })).await;
                    assert_eq!(code, "INVALID_INPUT", "{} {wrong}", list.name);
                }
            }
            let (code, field) = list.error_of(json!({ "first": 1, "last": 1 })).await;
            assert_eq!((&*code, field.as_deref()), ("INVALID_INPUT", Some("last")), "{}", list.name);
        }
    }
);

/// Returns the cursor with each of its bits flipped, in the text and in the decoded bytes.
fn damaged(cursor: &str) -> Vec<String> {
    let flip = |bytes: &[u8], place: usize| {
        let mut bytes = bytes.to_vec();
        bytes[place / 8] ^= 1 << (place % 8);
        bytes
    };
    let text = (0..cursor.len() * 8).filter_map(|place| String::from_utf8(flip(cursor.as_bytes(), place)).ok());
    let inside = URL_SAFE_NO_PAD.decode(cursor).unwrap();
    let bytes = (0..inside.len() * 8).map(|place| URL_SAFE_NO_PAD.encode(flip(&inside, place)));
    text.chain(bytes).collect()
}

both!(
    ///
    async fn cursor_with_a_flipped_bit_is_rejected(world: World) {
        // One list for each kind of key: a number, a name, and only an ID.
        let lists = lists(&world).await;
        for (index, name) in [(4, "LAST_USED_AT"), (8, "OWNER"), (17, "organizations")] {
            let list = &lists[index];
            assert!(list.name.contains(name), "{}", list.name);
            let cursor = &list.page(json!({ "first": 2 })).await.cursors[1];
            for (number, damaged) in damaged(cursor).into_iter().enumerate() {
                let field = if number % 2 == 0 { "after" } else { "before" };
                let (code, named) = list.error_of(json!({ field: damaged })).await;
                assert_eq!((&*code, named.as_deref()), ("INVALID_INPUT", Some(field)), "{name} {damaged}");
            }
        }
    }
);

/// Returns cursors that a client without the key could construct from one: truncated, with a key of another type or another
/// version, each with several checksums, and in the format of earlier releases.
fn forged(cursor: &str) -> Vec<String> {
    let whole = URL_SAFE_NO_PAD.decode(cursor).unwrap();
    let (inside, tag) = whole.split_at(whole.len() - 16);
    let (version, id) = (inside[0], &inside[1..17]);
    let number = [&[1_u8][..], &7_i64.to_be_bytes()].concat();
    let keys = [vec![0_u8], number, vec![2, b'b'], vec![2], vec![1], vec![3], vec![2, 0xff, 0], inside[17..].to_vec()];
    let mut forged: Vec<_> = (0..cursor.len()).map(|length| cursor[..length].to_owned()).collect();
    for key in keys {
        for version in [version, version + 1] {
            let body = [&[version], id, &key].concat();
            let sum = Sha256::digest(&body);
            for tag in [tag, &sum[..16], &sum[..8], &sum[..], &[0; 16], &[]] {
                forged.push(URL_SAFE_NO_PAD.encode([&body, tag].concat()));
            }
        }
        let earlier = [id, &key].concat();
        forged.push(URL_SAFE_NO_PAD.encode([&earlier[..], &Sha256::digest(&earlier)[..8]].concat()));
    }
    forged.retain(|one| one != cursor);
    forged
}

both!(
    ///
    async fn forged_cursor_is_invalid_input_for_keys_of_every_type(world: World) {
        let lists = lists(&world).await;
        for (index, name) in [(4, "LAST_USED_AT"), (8, "OWNER"), (17, "organizations"), (18, "events")] {
            let list = &lists[index];
            assert!(list.name.contains(name), "{}", list.name);
            let cursor = &list.page(json!({ "first": 2 })).await.cursors[1];
            for (number, forged) in forged(cursor).into_iter().enumerate() {
                let field = if number % 2 == 0 { "after" } else { "before" };
                let (code, named) = list.error_of(json!({ field: forged })).await;
                assert_eq!((&*code, named.as_deref()), ("INVALID_INPUT", Some(field)), "{name} {forged}");
            }
        }
    }
);

both!(
    /// the key is generated once per database.
    async fn cursor_is_valid_on_every_node_of_its_database_only(world: World) {
        let bob = world.member("bob", &["acme", "globex"]).await;
        let list =
            |reader: &Client<'_>| List::new(reader, "/viewer/list", "organizations", "organizations", "").document;
        let first = bob.query(&list(&bob), json!({ "first": 1 })).await;
        let cursor = first["viewer"]["list"]["pageInfo"]["endCursor"].clone();
        let beside = world.another_node(&[]).await;
        let there = beside.bearer(bob.credential.as_ref().unwrap());
        let next = there.query(&list(&there), json!({ "first": 1, "after": cursor })).await;
        assert_eq!(
            next["viewer"]["list"],
            bob.query(&list(&bob), json!({ "first": 1, "after": cursor })).await["viewer"]["list"]
        );
        assert_eq!(next["viewer"]["list"]["nodes"].as_array().unwrap().len(), 1);
        let key = world.app.store().cursor_key().await.unwrap();
        assert_eq!(beside.app.store().cursor_key().await.unwrap(), key);
        let other = Database::fresh(Kind::Sqlite, "another").unwrap();
        let other = World::on(other).await;
        assert_ne!(other.app.store().cursor_key().await.unwrap(), key);
    }
);

both!(
    ///
    async fn cursor_of_another_list_is_rejected(world: World) {
        let lists = lists(&world).await;
        let mut cursors = Vec::new();
        for list in &lists {
            cursors.push(list.page(json!({ "first": 1 })).await.cursors[0].clone());
        }
        // The same lists for other readers and of another organization.
        let globex = world.admin("eve", &["acme", "globex"]).await;
        globex.create_token("x", &["globex", "acme"], &["read_user"]).await;
        let own =
            List::new(&globex, "/viewer/list", "tokens", "tokens", ", orderBy: {field: CREATED_AT, direction: ASC}");
        cursors.push(own.page(json!({})).await.cursors[0].clone());
        let mut theirs = List::new(&globex, "/organization/list", "audit", "tokenGrants", "");
        theirs.document = theirs.document.replace("acme", "globex");
        cursors.push(theirs.page(json!({})).await.cursors[0].clone());
        for nonsense in
            ["", " ", "null", "0", "AAAA", "' OR '1'='1", "'; DROP TABLE tokens; --", "a\0b", "\u{202e}", "%", "MQ=="]
        {
            cursors.push(nonsense.to_owned());
        }
        cursors.push(URL_SAFE_NO_PAD.encode("1 OR 1=1; DROP TABLE grants; --"));
        cursors.push(URL_SAFE_NO_PAD.encode([0; 33]));
        cursors.push("A".repeat(60 * 1024));
        for (index, list) in lists.iter().enumerate() {
            for (other, cursor) in cursors.iter().enumerate().filter(|(other, _)| *other != index) {
                for field in ["after", "before"] {
                    let (code, named) = list.error_of(json!({ field: cursor })).await;
                    assert_eq!((&*code, named.as_deref()), ("INVALID_INPUT", Some(field)), "{} {other}", list.name);
                }
            }
        }
    }
);
