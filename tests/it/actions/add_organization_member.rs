//! Adding members to an organization and changing their roles.

use super::concurrently;
use crate::world::World;
use serde_json::json;
use tokenward::testing::{
    actions::AddOrganizationMember,
    domain::{error::Code, organization::Role},
};

fn add(username: &str, role: Role) -> AddOrganizationMember {
    AddOrganizationMember { organization: "acme".into(), user: username.into(), role }
}

both!(
    async fn member_is_added_and_promoted(world: World) {
        let acme = world.organization("acme").await;
        let bob = world.user("bob").await;
        let query = "query($id: ID!) { node(id: $id) { ... on Organization { viewerIsAdmin } } }";
        let mark = world.mark().await;
        for (role, admin) in [(Role::Member, false), (Role::Member, false), (Role::Admin, true), (Role::Admin, true)] {
            world.set_member(add("bob", role)).await.unwrap();
            assert_eq!(bob.query(query, json!({ "id": acme })).await["node"], json!({ "viewerIsAdmin": admin }));
        }
        assert_eq!(world.since(&mark).await, (2, 0), "a change without effect records no event");
        let audit = "{ organization(slug: \"acme\") { auditEvents(first: 2) { nodes { type user { username } } } } }";
        let event = |kind| json!({ "type": kind, "user": { "username": "bob" } });
        let expected = json!([event("ORGANIZATION_MEMBER_UPDATED"), event("ORGANIZATION_MEMBER_ADDED")]);
        assert_eq!(bob.query(audit, json!({})).await["organization"]["auditEvents"]["nodes"], expected);
    }
);

both!(
    async fn unknown_user_or_organization_is_not_found(world: World) {
        world.organization("acme").await;
        world.user("bob").await;
        let mark = world.mark().await;
        assert_eq!(world.set_member(add("unknown", Role::Member)).await.unwrap_err().code(), Code::NotFound);
        let unknown = AddOrganizationMember { organization: "unknown".into(), ..add("bob", Role::Member) };
        assert_eq!(world.set_member(unknown).await.unwrap_err().code(), Code::NotFound);
        assert_eq!(world.since(&mark).await, (0, 0));
    }
);

both!(
    async fn last_administrator_cannot_be_demoted(world: World) {
        world.organization("acme").await;
        let mark = world.mark().await;
        assert_eq!(world.set_member(add("root-acme", Role::Member)).await.unwrap_err().code(), Code::Conflict);
        assert_eq!(world.since(&mark).await, (0, 0));
        world.admin("ada", &["acme"]).await;
        world.set_member(add("root-acme", Role::Member)).await.unwrap();
        assert_eq!(world.set_member(add("ada", Role::Member)).await.unwrap_err().code(), Code::Conflict);
    }
);

both!(
    async fn concurrent_demotions_leave_one_administrator(world: World) {
        for _ in 0..5 {
            world.admin("ada", &["acme"]).await;
            world.set_member(add("root-acme", Role::Admin)).await.unwrap();
            let admins = ["ada", "root-acme"];
            let demoted = concurrently(2, async |one| world.set_member(add(admins[one], Role::Member)).await).await;
            assert_eq!(demoted.iter().filter(|one| one.is_ok()).count(), 1, "{demoted:?}");
        }
    }
);

both!(
    async fn concurrent_additions_record_one_event(world: World) {
        world.organization("acme").await;
        world.user("bob").await;
        let mark = world.mark().await;
        for joined in concurrently(10, async |_| world.set_member(add("bob", Role::Member)).await).await {
            joined.unwrap();
        }
        assert_eq!(world.since(&mark).await, (1, 0));
    }
);
