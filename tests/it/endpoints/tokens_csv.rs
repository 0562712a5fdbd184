//! `POST /organizations/{slug}/tokens.csv`: the audit as a CSV file.

use super::{JSON, disconnect_database, unknown};
use crate::world::{
    World,
    client::{Client, Reply, read},
};
use reqwest::Method;
use serde_json::{Value, json};
use std::time::Duration;
use tokenward::testing::actions::{AddOrganizationMember, AddUser, CreateToken};
use tokenward::testing::{
    domain::{
        caller::{AuthMethod, Caller},
        id::OrganizationId,
        organization::Role,
    },
    store::NewUser,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpSocket,
};

const PATH: &str = "/organizations/acme/tokens.csv";
const HEADER: &str = "Owner,Owner e-mail,Owner id,Token UUID,Description,Last used at,Last request IP,Created at,Scopes,Hint,\
    Expires at,Status,Owner username,Owner is administrator,Granted at,Last method,Last path,Last allowed\r\n";
const BYTE_ORDER_MARK: &str = "\u{feff}";

async fn csv(client: &Client<'_>, path: &str, body: Value) -> Reply {
    read(client.request(Method::POST, path).json(&body)).await
}

/// Returns the cells of each line, without the header.
fn lines(reply: &Reply) -> Vec<Vec<String>> {
    assert_eq!(reply.status, 200, "{}", reply.text);
    let text = reply.text.strip_prefix(BYTE_ORDER_MARK).expect("a byte order mark");
    assert!(text.starts_with(HEADER), "{text}");
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    reader.records().map(|line| line.unwrap().iter().map(ToOwned::to_owned).collect()).collect()
}

both!(
    async fn csv_has_a_line_for_each_token_of_the_audit(world: World) {
        // The day may change during the test.
        let days =
            [0, 24].map(|hours| world.now().plus(Duration::from_hours(hours)).to_text_in_seconds()[..10].to_owned());
        let ada = world.admin("ada", &["acme"]).await;
        let bob = world.member("bob", &["acme", "globex"]).await;
        let unused = bob.create_token("=1+1, \"quoted\"", &["acme"], &["write_builds", "read_builds"]).await;
        let used = bob.create_token("deploy", &["acme", "globex"], &["graphql", "read_builds"]).await;
        bob.create_token("elsewhere", &["globex"], &["read_builds"]).await;
        assert_eq!(world.bearer(&used.value).verify("organization=acme").await.status, 200);
        world.flush().await;
        let reply = csv(&ada, PATH, json!({})).await;
        assert_eq!(reply.header("content-type"), "text/csv; charset=utf-8");
        let names = days.each_ref().map(|day| format!("attachment; filename=\"acme-api-access-tokens-{day}.csv\""));
        assert!(names.iter().any(|name| name == reply.header("content-disposition")), "{:?}", reply.headers);
        assert_eq!(reply.header("cache-control"), "no-store");
        assert_eq!(reply.header("x-content-type-options"), "nosniff");
        assert!(!reply.text.contains(&used.value[4..12]), "{}", reply.text);
        let owner = bob.query("{ viewer { uuid } }", json!({})).await["viewer"]["uuid"].as_str().unwrap().to_owned();
        let found = lines(&reply);
        let [first, second] = found.as_slice() else { panic!("{found:?}") };
        let head = ["bob example", "bob@example.test", &owner];
        assert_eq!((&first[..3], &second[..3]), (&head.map(String::from)[..], &head.map(String::from)[..]));
        assert_eq!((&*first[3], &*first[4], &*first[6]), (&*used.uuid, "deploy", "127.0.0.1"));
        assert_eq!((&*second[3], &*second[4]), (&*unused.uuid, "'=1+1, \"quoted\""));
        assert_eq!((&*first[8], &*second[8]), ("read_builds graphql", "read_builds write_builds"));
        assert_eq!((&*second[5], &*second[6]), ("", ""), "never used");
        let token = "query($id: ID!) { token(id: $id) { hint } }";
        let hint =
            async |id: &str| bob.query(token, json!({ "id": id })).await["token"]["hint"].as_str().unwrap().to_owned();
        assert_eq!((&first[9], &second[9]), (&hint(&used.id).await, &hint(&unused.id).await));
        assert_eq!([&first[10..14], &second[10..14]], [["", "ACTIVE", "bob", "false"]; 2]);
        assert_eq!(first[15..], ["GET", "/verify", "true"]);
        assert_eq!(second[15..], ["", "", ""], "never used");
        for time in [&first[5], &first[7], &second[7], &first[14], &second[14]] {
            assert!(time.len() == 20 && time.ends_with('Z') && days.iter().any(|day| time.starts_with(day)), "{time}");
        }
    }
);

both!(
    async fn csv_shows_status_and_denied_request_and_its_name_shows_a_filter(world: World) {
        let ada = world.admin("ada", &["acme"]).await;
        let token = ada.create_token("deploy", &["acme"], &["read_builds"]).await;
        assert_eq!(world.bearer(&token.value).verify("organization=acme&scope=write_builds").await.status, 403);
        world.flush().await;
        assert_eq!(ada.revoke_token(&token.id).await.code(), "OK");
        let reply = csv(&ada, PATH, json!({ "filter": { "status": ["REVOKED"] } })).await;
        assert!(reply.header("content-disposition").contains("acme-api-access-tokens-filtered-"), "{reply:?}");
        let found = lines(&reply);
        assert_eq!(found[0][11..14], ["REVOKED", "ada", "true"]);
        assert_eq!((&*found[0][5], &found[0][15..]), ("", &["GET", "/verify", "false"].map(String::from)[..]));
        for filter in [json!({}), Value::Null, json!({ "query": "  " })] {
            let reply = csv(&ada, PATH, json!({ "filter": filter })).await;
            assert!(!reply.header("content-disposition").contains("filtered"), "{filter}: {reply:?}");
        }
    }
);

both!(
    async fn byte_order_mark_is_written_unless_bom_is_0(world: World) {
        let ada = world.admin("ada", &["acme"]).await;
        for (query, mark) in
            [("", BYTE_ORDER_MARK), ("?bom=1", BYTE_ORDER_MARK), ("?x=1", BYTE_ORDER_MARK), ("?bom=0", "")]
        {
            let reply = csv(&ada, &format!("{PATH}{query}"), json!({})).await;
            assert_eq!(reply.text, format!("{mark}{HEADER}"), "{query}");
        }
        for query in ["?bom=no", "?bom=", "?bom=0&bom=1"] {
            assert_eq!(csv(&ada, &format!("{PATH}{query}"), json!({})).await.status, 400, "{query}");
        }
    }
);

both!(
    async fn filter_and_its_errors_equal_those_of_the_audit(world: World) {
        let ada = world.admin("ada", &["acme"]).await;
        let one = ada.create_token("one", &["acme"], &["graphql"]).await;
        let two = ada.create_token("two", &["acme"], &["read_builds"]).await;
        assert_eq!(ada.revoke_token(&two.id).await.code(), "OK");
        for (filter, expected) in [
            (Value::Null, vec!["one"]),
            (json!({}), vec!["one"]),
            (json!({ "query": "graphql unused:1d" }), vec!["one"]),
            (json!({ "query": "graphql used:never status:revoked" }), vec![]),
            (json!({ "status": ["REVOKED", "ACTIVE"] }), vec!["two", "one"]),
            (json!({ "status": "REVOKED", "ownerIsAdmin": true }), vec!["two"]),
            (json!({ "token": one.value }), vec!["one"]),
            (json!({ "query": one.value[..20] }), vec![]),
            (json!({ "createdAt": { "to": "2020-01-01T00:00:00Z" } }), vec![]),
        ] {
            let reply = csv(&ada, PATH, json!({ "filter": filter })).await;
            let found: Vec<_> = lines(&reply).into_iter().map(|line| line[4].clone()).collect();
            assert_eq!(found, expected, "{filter}");
        }
        let graphql =
            "query($f: TokenFilter) { organization(slug: \"acme\") { tokenGrants(filter: $f) { totalCount } } }";
        for (filter, field) in [
            (json!({ "query": "unusd:90d" }), "filter.query"),
            (json!({ "scopes": ["graphql", "read_bulids"] }), "filter.scopes.1"),
            (json!({ "scopes": [7] }), "filter.scopes.0"),
            (json!({ "ipAddress": "1.2.3" }), "filter.ipAddress"),
            (json!({ "owner": "a\u{200B}b" }), "filter.owner"),
            (json!({ "status": ["GONE"] }), "filter.status.0"),
            (json!({ "createdAt": { "from": "yesterday" } }), "filter.createdAt.from"),
            (json!({ "neverUsed": "yes" }), "filter.neverUsed"),
            (json!({ "no such field": 1 }), "filter"),
            (json!([]), "filter"),
            (json!("x"), "filter"),
        ] {
            let reply = csv(&ada, PATH, json!({ "filter": filter })).await;
            assert_eq!((reply.status.as_u16(), reply.header("content-type")), (422, JSON), "{filter}");
            assert_eq!(reply.json()["field"], field, "{filter}: {}", reply.text);
            let same = ada.graphql(graphql, json!({ "f": filter })).await;
            assert_eq!(same.json()["errors"][0]["message"], reply.json()["message"], "{filter}");
            assert_eq!(same.field().as_deref(), Some(field), "{filter}");
        }
    }
);

both!(
    /// R-37
    async fn administrators_get_the_csv_members_403_and_others_404(world: World) {
        let (ada, eve) = (world.admin("ada", &["acme", "globex"]).await, world.member("eve", &["acme"]).await);
        let token = async |owner: &Client<'_>, slug: &str, scope: &str| {
            world.bearer(&owner.create_token(scope, &[slug], &[scope]).await.value)
        };
        let granted = token(&ada, "acme", "graphql").await;
        let (elsewhere, narrow) = (token(&ada, "globex", "graphql").await, token(&ada, "acme", "read_builds").await);
        let of_member = token(&eve, "acme", "graphql").await;
        for client in [&ada, &granted] {
            assert_eq!(lines(&csv(client, PATH, json!({})).await).len(), 3);
        }
        let reply = async |client: &Client<'_>, path: &str| {
            let reply = csv(client, path, json!({ "filter": { "query": "wrong:" } })).await;
            (reply.status.as_u16(), reply.text)
        };
        let forbidden = r#"{"message":"Only an administrator of the organization may do this."}"#;
        for client in [&eve, &of_member] {
            assert_eq!(reply(client, PATH).await, (403, forbidden.to_owned()));
        }
        let none = (404, r#"{"message":"No organization found"}"#.to_owned());
        for client in [&world.non_member().await, &elsewhere] {
            assert_eq!(reply(client, PATH).await, none);
        }
        for slug in ["unknown", "UNKNOWN", "a'b", "%00", "%ff", "%F0%9F%92%A5"] {
            assert_eq!(reply(&ada, &format!("/organizations/{slug}/tokens.csv")).await, none, "{slug}");
        }
        let narrow = csv(&narrow, PATH, json!({})).await;
        assert_eq!(narrow.status, 403);
        assert!(narrow.header("www-authenticate").contains("scope=\"graphql\""), "{narrow:?}");
        for client in [world.anonymous(), world.bearer(&unknown())] {
            assert_eq!(csv(&client, PATH, json!({})).await.status, 401);
        }
    }
);

both!(
    /// R-18, R-19
    async fn invalid_request_is_rejected_as_elsewhere(world: World) {
        let ada = world.admin("ada", &["acme"]).await;
        for name in ["GET", "PUT", "DELETE", "HEAD", "OPTIONS"] {
            let reply = read(world.anonymous().request(name.parse().unwrap(), PATH)).await;
            assert_eq!((reply.status.as_u16(), reply.header("allow")), (405, "POST"), "{name}");
        }
        let send = async |kind: &str, body: String| {
            let request = ada.request(Method::POST, PATH).header("content-type", kind);
            read(request.body(body)).await.status.as_u16()
        };
        for (kind, body, status) in [
            ("application/json", "{}".to_owned(), 200),
            ("application/json; charset=utf-8", "{\"filter\":null}".into(), 200),
            ("text/plain", "{}".into(), 415),
            ("application/x-www-form-urlencoded", "filter=".into(), 415),
            ("application/json", String::new(), 400),
            ("application/json", "[]".into(), 400),
            ("application/json", "{\"filer\":{}}".into(), 400),
            ("application/json", "{".into(), 400),
            ("application/json", "[".repeat(1000), 400),
            ("application/json", format!("{{\"filter\":\"{}\"}}", "x".repeat(65 * 1024)), 413),
        ] {
            assert_eq!(send(kind, body.clone()).await, status, "{kind} {}", body.len());
        }
        disconnect_database(&world).await;
        let reply = csv(&ada, PATH, json!({})).await;
        assert_eq!((reply.status.as_u16(), reply.header("retry-after")), (503, "1"));
    }
);

/// Creates tokens of one user with long lines in the CSV.
async fn many(world: &World, number: usize) {
    let name = "\u{1F4A5}".repeat(90);
    let new = NewUser { username: "many".into(), name, email: None, email_verified: false, identity: None };
    let owner = world.operator(AddUser { new }).await.unwrap().id;
    world.organization("acme").await;
    let add = AddOrganizationMember { organization: "acme".into(), user: "many".into(), role: Role::Member };
    world.set_member(add).await.unwrap();
    let acme = OrganizationId::parse(&world.organization_id("acme").await).unwrap();
    for _ in 0..number {
        let caller = Caller { auth_method: AuthMethod::Jwt(owner), ..Caller::command_line(world.now()) };
        let input = CreateToken {
            description: "\u{1F4A5}".repeat(250),
            organizations: vec![acme],
            scopes: world.app.catalogue().grantable("scopes", &["read_builds".to_owned()]).unwrap(),
            expires_at: None,
            owner: None,
        };
        world.app.change(&caller, input).await.unwrap();
    }
}

/// Counts the complete lines of a CSV.
fn complete_lines(response: &[u8]) -> usize {
    String::from_utf8_lossy(response).matches(",,,\r\n").count()
}

both!(
    /// R-38
    async fn csv_of_many_pages_is_complete_and_a_truncated_one_is_detectable(world: World) {
        let number = 450;
        many(&world, number).await;
        let ada = world.admin("ada", &["acme"]).await;
        let reply = csv(&ada, PATH, json!({})).await;
        let uuids: std::collections::BTreeSet<_> = lines(&reply).into_iter().map(|line| line[3].clone()).collect();
        assert_eq!(uuids.len(), number);

        // A client reads the beginning, and its user is no longer an administrator when it reads the rest.
        let socket = TcpSocket::new_v4().unwrap();
        // Smaller than the CSV, and large enough that it is not read in tiny pieces.
        socket.set_recv_buffer_size(64 * 1024).unwrap();
        let mut stream = socket.connect(world.config.listen).await.unwrap();
        let jwt = ada.credential.as_deref().unwrap();
        let head = format!("POST {PATH} HTTP/1.1\r\nHost: t\r\nAuthorization: Bearer {jwt}\r\n");
        let head = head + "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut response = vec![0; 2048];
        stream.read_exact(&mut response).await.unwrap();
        assert!(response.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&response));
        let add = AddOrganizationMember { organization: "acme".into(), user: "ada".into(), role: Role::Member };
        world.set_member(add).await.unwrap();
        // The final chunk of a complete response is missing, however the connection ends.
        let _ = tokio::time::timeout(Duration::from_mins(1), stream.read_to_end(&mut response))
            .await
            .expect("the end of the connection");
        assert!(!response.ends_with(b"\r\n0\r\n\r\n"));
        assert!((1..number).contains(&complete_lines(&response)), "{} lines", complete_lines(&response));
        assert_eq!(csv(&ada, PATH, json!({})).await.status, 403);
    }
);
