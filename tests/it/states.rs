//! Tests the states of tokens, grants, memberships and scopes, as the API shows them.

use crate::world::World;
use serde_json::{Value, json};
use std::time::Duration;
use tokenward::testing::domain::{id::OrganizationId, time::Time};

const TOKEN: &str =
    "query($id: ID!, $status: [TokenGrantStatus!], $of: ID) { token(id: $id) { status createdAt expiresAt
    revokedAt organizations { slug } grants(status: $status, organizationId: $of) { totalCount nodes { status grantedAt
    removedAt removalReason ownerIsAdmin organization { slug } } } } }";

fn time(at: &Value) -> Time {
    Time::parse(at.as_str().unwrap()).unwrap()
}

both!(
    async fn token_and_grants_show_their_states_and_times(world: World) {
        let (ada, bob) = (world.admin("ada", &["acme"]).await, world.member("bob", &["acme", "globex"]).await);
        let (acme, globex) = (world.organization_id("acme").await, world.organization_id("globex").await);
        let end = world.now().plus(Duration::from_mins(5)).to_text();
        let ends = bob.create_expiring_token("ends", &["acme", "globex"], &["read_builds"], Some(end.clone())).await;
        let over = bob.create_token("over", &["acme", "globex"], &["read_builds"]).await;
        let seen = async |id: &str, more: Value| {
            let mut variables = json!({ "id": id });
            variables.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            bob.query(TOKEN, variables).await["token"].clone()
        };
        let statuses = |token: &Value| -> Vec<String> {
            let nodes = token["grants"]["nodes"].as_array().unwrap().clone();
            assert_eq!(token["grants"]["totalCount"], nodes.len());
            let of = |node: &Value| {
                format!("{} {}", node["organization"]["slug"].as_str().unwrap(), node["status"].as_str().unwrap())
            };
            let mut all: Vec<_> = nodes.iter().map(of).collect();
            all.sort();
            all
        };
        let before = seen(&ends.id, json!({})).await;
        assert_eq!(
            (&before["status"], &before["expiresAt"], &before["revokedAt"]),
            (&json!("ACTIVE"), &json!(end), &json!(null))
        );
        assert_eq!(before["organizations"], json!([{ "slug": "acme" }, { "slug": "globex" }]));
        assert_eq!(statuses(&before), ["acme ACTIVE", "globex ACTIVE"]);
        for grant in before["grants"]["nodes"].as_array().unwrap() {
            assert_eq!((&grant["grantedAt"], &grant["removedAt"]), (&before["createdAt"], &json!(null)));
        }
        world.advance(Duration::from_mins(1));
        assert_eq!(ada.remove_organization(&ends.id, &acme, Some("too wide")).await.code(), "OK");
        let after_removal = seen(&ends.id, json!({})).await;
        assert_eq!(
            (&after_removal["status"], &after_removal["organizations"]),
            (&json!("ACTIVE"), &json!([{ "slug": "globex" }]))
        );
        assert_eq!(statuses(&after_removal), ["acme REMOVED", "globex ACTIVE"]);
        let removed = seen(&ends.id, json!({ "status": ["REMOVED"] })).await;
        assert_eq!(statuses(&removed), ["acme REMOVED"]);
        let grant = &removed["grants"]["nodes"][0];
        assert_eq!(grant["removalReason"], "too wide");
        assert!(time(&grant["removedAt"]) >= time(&grant["grantedAt"]).plus(Duration::from_mins(1)), "{grant}");
        assert_eq!(statuses(&seen(&ends.id, json!({ "of": globex })).await), ["globex ACTIVE"]);
        for nothing in [OrganizationId::new(world.now()).to_string(), "nonsense".into(), ends.id.clone()] {
            assert_eq!(statuses(&seen(&ends.id, json!({ "of": nothing })).await), [""; 0]);
        }

        assert_eq!(bob.revoke_token(&over.id).await.code(), "OK");
        world.advance(Duration::from_mins(5));
        let expired = seen(&ends.id, json!({})).await;
        assert_eq!(
            (&expired["status"], &expired["revokedAt"], &expired["organizations"]),
            (&json!("EXPIRED"), &json!(null), &json!([]))
        );
        assert_eq!(statuses(&expired), ["acme REMOVED", "globex ENDED"]);
        let revoked = seen(&over.id, json!({})).await;
        assert_eq!((&revoked["status"], &revoked["organizations"]), (&json!("REVOKED"), &json!([])));
        assert!(time(&revoked["revokedAt"]) > time(&revoked["createdAt"]), "{revoked}");
        assert_eq!(statuses(&revoked), ["acme ENDED", "globex ENDED"]);
        assert_eq!(statuses(&seen(&ends.id, json!({ "status": ["ENDED", "ACTIVE"] })).await), ["globex ENDED"]);

        // The audit finds an ended grant that was not removed by the ID of its token, and lists it if the filter asks for it.
        let row = "query($id: ID!) { organization(slug: \"globex\") { tokenGrant(tokenId: $id) { status token { status } } } }";
        let root = world.user("root-globex").await;
        for (token, status) in [(&ends, "EXPIRED"), (&over, "REVOKED")] {
            let found = root.query(row, json!({ "id": token.id })).await;
            assert_eq!(
                found["organization"]["tokenGrant"],
                json!({ "status": "ENDED", "token": { "status": status } })
            );
        }
        let list = "query($status: [TokenStatus!]) { organization(slug: \"acme\") { tokenGrants(filter: { status: $status }) { \
                    nodes { tokenId } } } }";
        let listed = ada.query(list, json!({ "status": ["EXPIRED", "REVOKED"] })).await;
        assert_eq!(
            listed["organization"]["tokenGrants"]["nodes"],
            json!([{ "tokenId": over.id }]),
            "a removed grant is not listed"
        );
        let none = ada.query(list, json!({})).await["organization"]["tokenGrants"]["nodes"].clone();
        assert_eq!(none, json!([]), "only active tokens by default");
    }
);

both!(
    async fn membership_shows_role_and_time(world: World) {
        let start = world.now();
        let bob = world.member("bob", &["acme"]).await;
        world.advance(Duration::from_mins(1));
        world.admin("bob", &["globex"]).await;
        let query = "{ viewer { organizations { edges { role node { slug viewerIsAdmin } } } }
            organization(slug: \"globex\") { members { edges { role joinedAt node { username } } } } }";
        let seen = bob.query(query, json!({})).await;
        let edge = |slug: &str, role: &str| json!({ "role": role, "node": { "slug": slug, "viewerIsAdmin": role == "ADMIN" } });
        let expected = json!([edge("acme", "MEMBER"), edge("globex", "ADMIN")]);
        assert_eq!(seen["viewer"]["organizations"]["edges"], expected);
        let members = &seen["organization"]["members"]["edges"];
        let member = |at: usize| (members[at]["node"]["username"].clone(), members[at]["role"].clone());
        assert_eq!([member(0), member(1)], [(json!("bob"), json!("ADMIN")), (json!("root-globex"), json!("ADMIN"))]);
        assert!(time(&members[0]["joinedAt"]) >= start.plus(Duration::from_mins(1)), "{members}");
    }
);

both!(
    async fn scopes_are_those_of_the_catalogue_in_order(world: World) {
        let data =
            world.non_member().await.query("{ scopes { name title description access retired } }", json!({})).await;
        let catalogue = include_str!("../../src/domain/scopes.toml");
        let catalogue_values = |key: &str| -> Vec<Value> {
            let start = format!("{key} = ");
            let values = catalogue.lines().filter_map(|line| line.strip_prefix(&start));
            values.map(|value| serde_json::from_str(value).unwrap()).collect()
        };
        let scopes = data["scopes"].as_array().unwrap();
        let of = |key: &str| -> Vec<Value> { scopes.iter().map(|scope| scope[key].clone()).collect() };
        for key in ["name", "title", "description"] {
            assert_eq!(of(key), catalogue_values(key));
        }
        let access: Vec<_> =
            catalogue_values("access").iter().map(|access| access.as_str().unwrap().to_uppercase()).collect();
        assert_eq!(of("access"), access);
        assert!(!scopes.is_empty() && scopes.iter().all(|scope| scope["retired"] == false), "{scopes:?}");
    }
);
