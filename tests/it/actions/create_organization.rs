//! Adding organizations at the command line.

use crate::world::World;
use serde_json::json;
use tokenward::testing::{
    actions::CreateOrganization,
    domain::{
        caller::{AuthMethod, Caller},
        error::Code,
    },
};

fn acme(admin: &str) -> CreateOrganization {
    let (slug, name) = ("acme".into(), "Acme & Sons".into());
    CreateOrganization { slug, name, admin: admin.into() }
}

both!(
    async fn organization_is_created_with_its_first_administrator(world: World) {
        let ada = world.user("ada").await;
        let mark = world.mark().await;
        world.operator(acme("ada")).await.unwrap();
        assert_eq!(world.since(&mark).await, (2, 0));
        let query =
            "{ organization(slug: \"acme\") { name viewerIsAdmin auditEvents { nodes { type user { username } } } } }";
        let expected = json!({
            "name": "Acme & Sons", "viewerIsAdmin": true,
            "auditEvents": { "nodes": [
                { "type": "ORGANIZATION_MEMBER_ADDED", "user": { "username": "ada" } },
                { "type": "ORGANIZATION_CREATED", "user": null },
            ] },
        });
        assert_eq!(ada.query(query, json!({})).await["organization"], expected);
    }
);

both!(
    async fn slug_is_unique_and_administrator_must_exist(world: World) {
        world.organization("acme").await;
        let bob = world.user("bob").await;
        let mark = world.mark().await;
        assert_eq!(world.operator(acme("bob")).await.unwrap_err().code(), Code::Conflict);
        let unknown = CreateOrganization { slug: "globex".into(), ..acme("unknown") };
        assert_eq!(world.operator(unknown).await.unwrap_err().code(), Code::NotFound);
        assert_eq!(world.since(&mark).await, (0, 0));
        let query = "{ acme: organization(slug: \"acme\") { id } globex: organization(slug: \"globex\") { id } }";
        assert_eq!(bob.query(query, json!({})).await, json!({ "acme": null, "globex": null }));
    }
);

both!(
    async fn only_the_command_line_can_add_organizations(world: World) {
        world.user("ada").await;
        let identity =
            tokenward::testing::store::Identity { issuer: crate::world::ISSUER.into(), subject: "ada".into() };
        let (ada, _) = world.app.store().user_of(&identity).await.unwrap().unwrap();
        let mark = world.mark().await;
        for through in [AuthMethod::Jwt(ada.id), AuthMethod::Anonymous] {
            let caller = Caller { auth_method: through, ..Caller::command_line(world.now()) };
            assert_eq!(world.app.change(&caller, acme("ada")).await.unwrap_err().code(), Code::Forbidden);
        }
        assert_eq!(world.since(&mark).await, (0, 0));
    }
);
