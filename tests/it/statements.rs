//! Checks that a page of a hundred rows runs as many statements as a page of two.

use crate::world::{World, client::Client};
use serde_json::{Value, json};
use tokenward::testing::{
    domain::caller::{AuthMethod, Caller},
    graphql::{self, Request},
};

const AUDIT: &str = "query($first: Int!) { organization(slug: \"acme\") { page: tokenGrants(first: $first) { nodes {
    token { owner { username } recentAddresses scopes { name } organizations { slug }
        grants(first: 2) { totalCount nodes { id organization { slug } removedBy { username } } } }
    organization { slug } lastRequest { at } } } } }";
const OWN: &str = "query($first: Int!) { viewer { page: tokens(first: $first) { nodes {
    lastUsedAt lastRequest { at } recentAddresses organizations { slug }
    events(first: 2) { totalCount nodes { type notificationId actor { username } } } } } } }";
const EVENTS: &str = "query($first: Int!) { organization(slug: \"acme\") { page: auditEvents(first: $first) { nodes {
    type notificationId actor { username } user { username } token { description owner { username } } organizations { slug } } } } }";

/// Returns the number of statements of a query, and the number of rows.
async fn cost(world: &World, client: &Client<'_>, query: &str, first: usize) -> (u64, usize) {
    let viewer = client.query("{ viewer { id } }", json!({})).await;
    let user = tokenward::testing::domain::id::UserId::parse(viewer["viewer"]["id"].as_str().unwrap()).unwrap();
    let caller = Caller { at: world.now(), address: None, user_agent: None, auth_method: AuthMethod::Jwt(user) };
    let request = Request::new(&world.app, caller).await.unwrap();
    let variables = async_graphql::Variables::from_json(json!({ "first": first }));
    let document = async_graphql::Request::new(query).variables(variables);
    let mut data = Value::Null;
    let statements = world
        .statements(async {
            let outcome = request.execute(&graphql::schema(), document).await;
            assert_eq!(outcome.errors, [], "{query}");
            data = outcome.data.into_json().unwrap();
        })
        .await;
    let rows = data.pointer("/organization/page").or(data.pointer("/viewer/page")).unwrap();
    (statements, rows["nodes"].as_array().unwrap().len())
}

both!(
    async fn page_size_does_not_change_the_number_of_statements(world: World) {
        let ada = world.admin("ada", &["acme", "globex"]).await;
        let mut owners = Vec::new();
        for name in ["bob", "cyd", "dot"] {
            owners.push(world.member(name, &["acme", "globex"]).await);
        }
        let acme = world.organization_id("acme").await;
        for number in 0..150 {
            let owner = if number % 3 == 1 { &owners[number % 2] } else { &ada };
            let token = owner.create_token("x", &["acme", "globex"], &["read_user", "read_builds"]).await;
            // Twice, so that an older grant was removed.
            for _ in 0..if number > 147 { 2 } else { 0 } {
                assert_eq!(ada.remove_organization(&token.id, &acme, None).await.code(), "OK");
                assert_eq!(owner.add_organization(&token.id, &acme).await.code(), "OK");
            }
        }
        for (query, max) in [(AUDIT, 16), (OWN, 12), (EVENTS, 13)] {
            let (few, rows) = cost(&world, &ada, query, 2).await;
            assert_eq!(rows, 2, "{query}");
            let (many, rows) = cost(&world, &ada, query, 100).await;
            assert_eq!((rows, many), (100, few), "{query}");
            // Statements of data loaders must be counted; otherwise the count would end with the organization and the page.
            assert!((4..=max).contains(&many), "{many} statements: {query}");
        }
    }
);
