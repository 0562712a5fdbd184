//! Checks that the value of a token is shown once, by querying every field of every type.

use crate::world::{
    PASSWORD, World,
    client::{Client, Reply},
    database::Database,
    schema::{Schema, arguments, base, is_required, name},
};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Builds selections of all fields, and records which fields it selected.
struct QueryBuilder {
    schema: Schema,
    nodes: BTreeSet<String>,
    token: String,
    queried: BTreeSet<String>,
    /// Whether the current selection is below a list that is not paged.
    below_list: bool,
}

impl QueryBuilder {
    fn new(schema: Schema) -> Self {
        let nodes = schema.possible("Node").iter().map(|of| name(of).to_owned()).collect();
        Self { schema, nodes, token: String::new(), queried: BTreeSet::new(), below_list: false }
    }

    /// Returns one field with everything below it, to a depth of this number of nodes; `None` if it is deeper.
    fn field(&mut self, of: &str, field: &Value, deep: usize) -> Option<String> {
        let below = base(&field["type"]);
        // Lists below a list that is not paged cost too much.
        if self.below_list && (below.ends_with("Connection") || name(field) == "tokenGrant") {
            return None;
        }
        let before = self.below_list;
        self.below_list |= is_list(&field["type"]) && !of.ends_with("Connection");
        let selection = self.below(below, deep);
        self.below_list = before;
        let selection = selection?;
        self.queried.insert(format!("{of}.{}", name(field)));
        Some(Self::with_arguments(&self.token, field, &selection))
    }

    fn below(&mut self, below: &str, deep: usize) -> Option<String> {
        Some(match self.schema.kind(below) {
            "OBJECT" if self.nodes.contains(below) => self.selection(below, deep.checked_sub(1)?),
            "OBJECT" => self.selection(below, deep),
            "INTERFACE" => return None,
            _ => String::new(),
        })
    }

    fn with_arguments(token: &str, field: &Value, selection: &str) -> String {
        let mut given = Vec::new();
        for argument in arguments(field) {
            match name(argument) {
                "first" => given.push("first: 2".to_owned()),
                "input" => given.push("input: $input".to_owned()),
                "slug" => given.push("slug: \"acme\"".to_owned()),
                other if is_required(argument) => given.push(format!("{other}: \"{token}\"")),
                _ => {}
            }
        }
        let given = if given.is_empty() { String::new() } else { format!("({})", given.join(", ")) };
        format!("{}{given}{selection}", name(field))
    }

    fn selection(&mut self, of: &str, deep: usize) -> String {
        let fields = self.schema.fields(of).to_vec();
        let fields: Vec<_> = fields.iter().filter_map(|field| self.field(of, field, deep)).collect();
        format!(" {{ __typename {} }}", fields.join(" "))
    }

    fn mutation(&mut self, mutation: &str) -> String {
        let field = self.schema.fields("Mutation").iter().find(|field| name(field) == mutation).unwrap().clone();
        // The response to a mutation has at most 2,000 fields: deeper objects are queried separately.
        let (input, queried) = (base(&field["args"][0]["type"]), self.field("Mutation", &field, 1).unwrap());
        format!("mutation($input: {input}!) {{ {queried} }}")
    }

    /// Returns a document for each root field, and one for each node.
    fn queries(&mut self, nodes: &[String]) -> Vec<String> {
        let mut queries = Vec::new();
        for field in self.schema.fields("Query").to_vec() {
            match self.field("Query", &field, 2) {
                Some(queried) => queries.push(format!("{{ {queried} }}")),
                None => self.queried.extend([format!("Query.{}", name(&field))]),
            }
        }
        let kinds = self.nodes.clone();
        let all: Vec<_> = kinds.iter().map(|of| format!("... on {of}{}", self.selection(of, 1))).collect();
        for id in nodes {
            // Fields of one name and several types cannot be merged: each type has its own document.
            queries.extend(all.iter().map(|kind| format!("{{ node(id: \"{id}\") {{ id {kind} }} }}")));
        }
        queries
    }

    /// Returns all fields of the schema.
    fn all(&self) -> BTreeSet<String> {
        let fields = |of| self.schema.fields(of).iter().map(move |field| format!("{of}.{}", name(field)));
        self.schema.objects().flat_map(fields).collect()
    }
}

fn is_list(of: &Value) -> bool {
    of["kind"] == "LIST" || (of["kind"] == "NON_NULL" && of["ofType"]["kind"] == "LIST")
}

/// Counts the occurrences in a response of the value, and the maximum for any eight characters of it that no hint shows.
fn times(reply: &Reply, value: &str) -> (usize, usize) {
    let headers = reply.headers.values().map(|header| String::from_utf8_lossy(header.as_bytes()));
    let all = headers.collect::<Vec<_>>().join("\n") + "\n" + &reply.text;
    let parts = (8..=30).map(|start| all.matches(&value[start..start + 8]).count());
    (all.matches(value).count(), parts.max().unwrap_or_default())
}

const NODES: &str = "query($id: ID!) { viewer { id } organization(slug: \"acme\") { id }
    token(id: $id) { id grants { nodes { id } } events { nodes { id } } } }";

async fn nodes(client: &Client<'_>, token: &str) -> Vec<String> {
    let data = client.query(NODES, json!({ "id": token })).await;
    let paths = ["/viewer/id", "/organization/id", "/token/id", "/token/grants/nodes/0/id", "/token/events/nodes/0/id"];
    paths.iter().map(|path| data.pointer(path).unwrap().as_str().unwrap().to_owned()).collect()
}

both!(
    ///
    async fn token_value_is_returned_only_on_creation(database: Database) {
        let world = World::with(database, &[("organizations.self_service", "true")]).await;
        let bob = world.admin("bob", &["acme", "globex"]).await;
        let ada = world.admin("ada", &["acme"]).await;
        let (acme, globex) = (world.organization_id("acme").await, world.organization_id("globex").await);
        let cyd = world.user("cyd").await.query("{ viewer { id } }", json!({})).await["viewer"]["id"].clone();
        let mut builder = QueryBuilder::new(Schema::of(&bob).await);

        let input = json!({ "description": "x", "organizationIds": [acme], "scopes": ["graphql", "read_user"] });
        let created = bob.graphql(&builder.mutation("createToken"), json!({ "input": input })).await;
        assert_eq!((&*created.code(), created.header("cache-control")), ("OK", "no-store"), "{}", created.text);
        let text = |path: &str| created.data().pointer(path).unwrap().as_str().unwrap().to_owned();
        let (token, value) = (text("/createToken/token/id"), text("/createToken/value"));
        assert_eq!((value.len(), times(&created, &value)), (42, (1, 1)), "{}", created.text);

        let assert_hidden =
            |reply: &Reply, about: &str| assert_eq!(times(reply, &value), (0, 0), "{about}: {}", reply.text);
        token.clone_into(&mut builder.token);
        let holder = world.bearer(&value);
        let queries = builder.queries(&nodes(&bob, &token).await);
        assert!(queries.len() > 20, "{queries:?}");
        for query in &queries {
            let reply = bob.graphql(query, json!({})).await;
            assert_eq!(reply.code(), "OK", "{query}: {}", reply.text);
            assert_hidden(&reply, query);
            for other in [&ada, &holder] {
                let reply = other.graphql(query, json!({})).await;
                assert_eq!(reply.status, 200, "{query}: {}", reply.text);
                assert_hidden(&reply, query);
            }
        }
        for filter in [json!({ "token": value }), json!({ "query": value })] {
            let page = "query($filter: TokenFilter) { viewer { tokens(filter: $filter) { totalCount nodes { id description hint }
                pageInfo { startCursor endCursor } } } }";
            let reply = bob.graphql(page, json!({ "filter": filter })).await;
            assert_eq!(reply.data()["viewer"]["tokens"]["nodes"][0]["id"], token, "{}", reply.text);
            assert_hidden(&reply, page);
        }
        let api = world.resource_server("api").await;
        assert_hidden(&world.introspect(&api, &value, &[]).await, "introspection");
        assert_hidden(&holder.get("/v2/access-token").await, "REST");
        assert_hidden(&holder.verify("scope=read_user").await, "forward auth");

        for (mutation, input) in [
            ("updateToken", json!({ "tokenId": token, "description": "y" })),
            ("addOrganizationToToken", json!({ "tokenId": token, "organizationId": globex })),
            ("removeOrganizationFromToken", json!({ "tokenId": token, "organizationId": globex })),
            ("revokeToken", json!({ "tokenId": token })),
            ("createOrganization", json!({ "slug": "hooli", "name": "Hooli" })),
            ("updateOrganization", json!({ "organizationId": acme, "name": "Acme" })),
            ("addOrganizationMember", json!({ "organizationId": acme, "user": "cyd", "role": "MEMBER" })),
            ("updateOrganizationMember", json!({ "organizationId": acme, "userId": cyd, "role": "ADMIN" })),
            ("removeOrganizationMember", json!({ "organizationId": acme, "userId": cyd })),
        ] {
            let reply = bob.graphql(&builder.mutation(mutation), json!({ "input": input })).await;
            assert_ne!(reply.data()[mutation], Value::Null, "{mutation}: {}", reply.text);
            assert_hidden(&reply, mutation);
        }
        let browser = world.signed_in("bob").await;
        let other = world.browser(&world.sign_in("bob", PASSWORD).await);
        let session = other.query("{ session { id } }", json!({})).await["session"]["id"].clone();
        for (mutation, input) in [
            ("updateProfile", json!({ "name": "Bob" })),
            ("endSession", json!({ "sessionId": session })),
            ("endSessions", json!({ "keepCurrent": true })),
            ("changePassword", json!({ "newPassword": "another plover gantry ounce" })),
        ] {
            let reply = browser.graphql(&builder.mutation(mutation), json!({ "input": input })).await;
            assert_ne!(reply.data()[mutation], Value::Null, "{mutation}: {}", reply.text);
            assert_hidden(&reply, mutation);
        }
        for query in &queries {
            assert_hidden(&bob.graphql(query, json!({})).await, query);
        }
        let left: Vec<_> = builder.all().difference(&builder.queried).cloned().collect();
        assert_eq!(left, [""; 0], "fields that were not queried");
    }
);
