//! The mutations for members and organizations.

use super::assert_same;
use crate::world::{ISSUER, World, client::Client, database::Database};
use serde_json::{Value, json};
use tokenward::testing::mail::Sent;

const MEMBERS: &str = "query($s: String, $r: OrganizationRole) { organization(slug: \"acme\") { members(search: $s, role: $r) \
                       { totalCount edges { role joinedAt node { username email } } } } }";

fn names(data: &Value) -> Vec<&str> {
    let edges = data["organization"]["members"]["edges"].as_array().expect("edges").iter();
    edges.map(|edge| edge["node"]["username"].as_str().expect("a name")).collect()
}

both!(
    async fn administrator_adds_updates_and_removes_a_member(world: World) {
        let (ada, bob) = (world.admin("ada", &["acme"]).await, world.user("bob").await);
        let acme = world.organization_id("acme").await;
        let add = |user: &str| json!({ "organizationId": acme, "user": user, "role": "MEMBER" });
        let added =
            ada.mutate_selecting("addOrganizationMember", add("bob@example.test"), "member { id username }").await;
        assert_eq!(added.data()["addOrganizationMember"]["member"]["username"], "bob");
        let id = added.data()["addOrganizationMember"]["member"]["id"].clone();
        assert_eq!(ada.mutate("addOrganizationMember", add("bob")).await.code(), "CONFLICT");
        assert_eq!(ada.mutate("addOrganizationMember", add("unknown")).await.code(), "NOT_FOUND");
        let token = bob.create_token("deploy", &["acme"], &["read_builds"]).await;
        let role = |role: &str| json!({ "organizationId": acme, "userId": id, "role": role });
        let mark = world.mark().await;
        assert_eq!(ada.mutate("updateOrganizationMember", role("ADMIN")).await.code(), "OK");
        assert_eq!(ada.mutate("updateOrganizationMember", role("ADMIN")).await.code(), "OK");
        assert_eq!(world.since(&mark).await, (1, 0), "a change without effect records no event");
        let remove = json!({ "organizationId": acme, "userId": id });
        let removed = ada.mutate_selecting("removeOrganizationMember", remove.clone(), "removedUserId").await;
        assert_eq!(removed.data()["removeOrganizationMember"]["removedUserId"], id);
        let script = world.bearer(&token.value);
        assert_eq!(script.verify("organization=acme").await.status, 403);
        let to_bob = |emails: &[Sent]| emails.iter().filter(|sent| sent.recipients == ["bob@example.test"]).count();
        let start = std::time::Instant::now();
        while to_bob(&world.mailbox.sent()) == 0 && start.elapsed().as_secs() < 30 {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        assert_eq!(to_bob(&world.mailbox.sent()), 1, "one email for all tokens");
        assert_eq!(ada.mutate("removeOrganizationMember", remove).await.code(), "NOT_FOUND");
    }
);

both!(
    async fn members_are_listed_searched_and_paged(world: World) {
        let ada = world.admin("ada", &["acme"]).await;
        for name in ["bob", "eve", "a_b", "zoe"] {
            world.member(name, &["acme"]).await;
        }
        let bob = world.bearer(&world.jwt("bob"));
        let all = bob.query(MEMBERS, json!({})).await;
        assert_eq!(names(&all), ["a_b", "ada", "bob", "eve", "root-acme", "zoe"]);
        assert_eq!(all["organization"]["members"]["totalCount"], 6);
        assert_eq!(names(&bob.query(MEMBERS, json!({ "r": "ADMIN" })).await), ["ada", "root-acme"]);
        assert_eq!(names(&bob.query(MEMBERS, json!({ "s": "A_B" })).await), ["a_b"]);
        assert_eq!(names(&ada.query(MEMBERS, json!({ "s": "zoe@example" })).await), ["zoe"]);
        assert_eq!(names(&bob.query(MEMBERS, json!({ "s": "zoe@example" })).await), [""; 0], "hidden email addresses");
        let emails = |data: &Value| {
            let edges = data["organization"]["members"]["edges"].as_array().unwrap().clone();
            edges.iter().filter(|edge| !edge["node"]["email"].is_null()).count()
        };
        assert_eq!(emails(&bob.query(MEMBERS, json!({})).await), 1, "only their own");
        assert_eq!(emails(&ada.query(MEMBERS, json!({})).await), 6);
        let page = "query($after: String) { organization(slug: \"acme\") { members(first: 4, after: $after) \
                    { nodes { username } pageInfo { hasNextPage endCursor } } } }";
        let first = bob.query(page, json!({})).await["organization"]["members"].clone();
        assert_eq!(first["pageInfo"]["hasNextPage"], true);
        let after = json!({ "after": first["pageInfo"]["endCursor"] });
        let second = bob.query(page, after).await["organization"]["members"].clone();
        assert_eq!(second["nodes"], json!([{ "username": "root-acme" }, { "username": "zoe" }]));
        assert_eq!(second["pageInfo"]["hasNextPage"], false);
    }
);

both!(
    async fn administrator_renames_the_organization_and_its_slug_stays(world: World) {
        let ada = world.admin("ada", &["acme"]).await;
        let acme = world.organization_id("acme").await;
        let rename = |name: Value| json!({ "organizationId": acme, "name": name });
        let mark = world.mark().await;
        for name in [json!("Acme & Sons"), json!("Acme & Sons"), Value::Null] {
            let reply = ada.mutate_selecting("updateOrganization", rename(name), "organization { name slug }").await;
            let expected = json!({ "name": "Acme & Sons", "slug": "acme" });
            assert_eq!(reply.data()["updateOrganization"]["organization"], expected);
        }
        assert_eq!(world.since(&mark).await, (1, 0));
        let bad = ada.mutate("updateOrganization", rename(json!(" "))).await;
        assert_eq!((bad.code(), bad.field()), ("INVALID_INPUT".into(), Some("input.name".into())));
    }
);

both!(
    async fn users_create_organizations_if_self_service_is_on(database: Database) {
        let world = World::with(database, &[("organizations.self_service", "true")]).await;
        let ada = world.user("ada").await;
        let input = json!({ "slug": "acme", "name": "Acme" });
        let shows = "organization { slug viewerIsAdmin tokenGrants { totalCount } members { totalCount } auditEvents { totalCount } }";
        let created = ada.mutate_selecting("createOrganization", input.clone(), shows).await;
        let count = |number: u8| json!({ "totalCount": number });
        let expected = json!({
            "slug": "acme", "viewerIsAdmin": true, "tokenGrants": count(0), "members": count(1), "auditEvents": count(2),
        });
        assert_eq!(created.data()["createOrganization"]["organization"], expected);
        assert_eq!(ada.mutate("createOrganization", input).await.code(), "CONFLICT");
        let bad = ada.mutate("createOrganization", json!({ "slug": "Acme", "name": "Acme" })).await;
        assert_eq!((bad.code(), bad.field()), ("INVALID_INPUT".into(), Some("input.slug".into())));
        let token = ada.create_token("script", &["acme"], &["graphql"]).await;
        let script = world.bearer(&token.value);
        assert_eq!(script.mutate("createOrganization", json!({ "slug": "b", "name": "B" })).await.code(), "FORBIDDEN");
    }
);

both!(
    async fn nodes_are_returned_in_the_order_of_their_ids(world: World) {
        let bob = world.member("bob", &["acme"]).await;
        let acme = world.organization_id("acme").await;
        let foreign = world.organization("foreign").await;
        let me = bob.query("{ viewer { id } }", json!({})).await["viewer"]["id"].clone();
        let query = "query($ids: [ID!]!) { nodes(ids: $ids) { id } }";
        let found = bob.query(query, json!({ "ids": [acme, "nonsense", me, foreign, acme] })).await;
        assert_eq!(found["nodes"], json!([{ "id": acme }, null, { "id": me }, null, { "id": acme }]));
        let many = bob.graphql(query, json!({ "ids": vec![acme; 101] })).await;
        assert_eq!((many.code(), many.field()), ("INVALID_INPUT".into(), Some("ids".into())));
    }
);

both!(
    async fn last_administrator_can_neither_be_demoted_nor_leave_and_leaving_sends_no_email(world: World) {
        world.organization("acme").await;
        let root = world.user("root-acme").await;
        let acme = world.organization_id("acme").await;
        let id = root.query("{ viewer { id } }", json!({})).await["viewer"]["id"].clone();
        let demote = json!({ "organizationId": acme, "userId": id, "role": "MEMBER" });
        let leave = json!({ "organizationId": acme, "userId": id });
        let token = root.create_token("deploy", &["acme"], &["read_builds"]).await;
        let mark = world.mark().await;
        let demoted = root.mutate("updateOrganizationMember", demote).await;
        let left = root.mutate("removeOrganizationMember", leave.clone()).await;
        for reply in [&demoted, &left] {
            assert_eq!(reply.code(), "CONFLICT");
            assert!(reply.text.contains("last administrator"), "{}", reply.text);
        }
        assert_eq!(world.since(&mark).await, (0, 0));
        assert_eq!(world.bearer(&token.value).verify("organization=acme").await.status, 200);
        let ada = world.admin("ada", &["acme"]).await;
        let mark = world.mark().await;
        assert_eq!(root.mutate("removeOrganizationMember", leave).await.code(), "OK");
        assert_eq!(world.since(&mark).await, (2, 0), "users who leave get no email");
        assert_eq!(world.bearer(&token.value).verify("organization=acme").await.status, 403);
        let id = ada.query("{ viewer { id } }", json!({})).await["viewer"]["id"].clone();
        let demote = json!({ "organizationId": acme, "userId": id, "role": "MEMBER" });
        assert_eq!(ada.mutate("updateOrganizationMember", demote).await.code(), "CONFLICT");
    }
);

/// Returns a client with a JWT that contains an email address and `email_verified`, or none if that is null.
fn claims<'world>(world: &'world World, subject: &str, email: &str, verified: &Value) -> Client<'world> {
    let now = world.now().seconds();
    let mut claims = json!({
        "iss": ISSUER, "aud": "tokenward", "sub": subject, "iat": now, "exp": now + 3600, "email": email,
        "preferred_username": subject, "name": subject, "email_verified": verified,
    });
    if verified.is_null() {
        claims.as_object_mut().unwrap().remove("email_verified");
    }
    let secret = world.config.jwt.as_ref().unwrap().secret().unwrap().reveal().to_owned();
    let key = jsonwebtoken::EncodingKey::from_secret(secret.as_bytes());
    world.bearer(&jsonwebtoken::encode(&jsonwebtoken::Header::default(), &claims, &key).unwrap())
}

both!(
    async fn member_is_found_by_verified_email_only_and_unverified_ones_receive_emails(world: World) {
        let ada = world.admin("ada", &["acme"]).await;
        let acme = world.organization_id("acme").await;
        let add = async |user: &str| {
            let input = json!({ "organizationId": acme, "user": user, "role": "MEMBER" });
            ada.mutate_selecting("addOrganizationMember", input, "member { username }").await
        };
        let seen = "{ viewer { email } }";
        for (number, unverified) in [json!(false), json!(null), json!("true"), json!(1)].iter().enumerate() {
            let eve = claims(&world, &format!("eve{number}"), "carol@example.test", unverified);
            assert_eq!(eve.query(seen, json!({})).await["viewer"]["email"], "carol@example.test");
        }
        let (claimed, unknown) = (add("carol@example.test").await, add("unknown@example.test").await);
        assert_eq!(assert_same(&[claimed, unknown]).code(), "NOT_FOUND");
        // Unverified claims do not prevent the verified one.
        claims(&world, "carol", "carol@example.test", &json!(true)).query(seen, json!({})).await;
        let added = add("carol@example.test").await;
        assert_eq!(added.data()["addOrganizationMember"]["member"]["username"], "carol", "{}", added.text);
        // An address is found only while it is verified.
        for (verified, code) in [(false, "NOT_FOUND"), (true, "OK"), (false, "NOT_FOUND")] {
            claims(&world, "dora", "dora@example.test", &json!(verified)).query(seen, json!({})).await;
            assert_eq!(add("dora@example.test").await.code(), code);
        }
        assert_eq!(add("eve0").await.code(), "OK");
        let eve = claims(&world, "eve0", "carol@example.test", &json!(false));
        let token = eve.create_token("deploy", &["acme"], &["read_builds"]).await;
        assert_eq!(ada.remove_organization(&token.id, &acme, None).await.code(), "OK");
        assert_eq!(world.emails(1).await[0].recipients, ["carol@example.test"]);
    }
);
