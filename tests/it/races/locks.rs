//! Whose rows does a caller lock? None, unless they may make the change.

use super::{Stop, Stopping, id_of, within};
use crate::world::{
    World,
    database::{Database, Kind},
};
use futures_util::future::{join, join_all};
use serde_json::json;
use tokenward::{
    actions::UpdateOrganizationMember,
    domain::organization::{OrganizationRef, Role},
};

///
///
/// The rows are locked by another change: who wants to lock them as well waits for it. SQLite has no rows to lock.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn caller_without_authorization_waits_for_no_row_of_others() {
    let Some(database) = Database::fresh(Kind::Postgres, "locks") else { return };
    let world = World::with(database, &[]).await;
    world.admin("ada", &["acme"]).await;
    let (bob, mel) = (world.member("bob", &["acme"]).await, world.member("mel", &["acme"]).await);
    let eve = world.admin("eve", &["globex"]).await;
    let (acme, bob) = (world.organization_id("acme").await, id_of(&bob).await);
    id_of(&mel).await;
    let stop = Stop::default();
    let change =
        UpdateOrganizationMember { organization: OrganizationRef::from("acme"), user: bob.into(), role: Role::Admin };
    let locking = world.operator(Stopping { change, stop: stop.clone() });
    let asking = async {
        within("the change stops", stop.reached.notified()).await;
        // At once: PostgreSQL ends a transaction that is idle for five seconds.
        let asked = [
            ("addOrganizationMember", json!({ "organizationId": acme, "user": "bob", "role": "ADMIN" })),
            ("updateOrganizationMember", json!({ "organizationId": acme, "userId": bob.to_string(), "role": "ADMIN" })),
            ("removeOrganizationMember", json!({ "organizationId": acme, "userId": bob.to_string() })),
            ("updateOrganization", json!({ "organizationId": acme, "name": "Changed" })),
        ];
        let clients = [(&eve, "NOT_FOUND"), (&mel, "FORBIDDEN")];
        let all = asked.iter().flat_map(|ask| clients.map(|client| (ask, client)));
        join_all(all.map(async |((verb, input), (client, code))| {
            let reply = within("an answer", client.does(verb, input.clone())).await;
            assert_eq!(reply.code(), code, "{verb}: {}", reply.text);
        }))
        .await;
        stop.go.cancel();
    };
    let (locked, ()) = join(locking, asking).await;
    assert_eq!(locked.unwrap().1, bob);
}
