//! Checks what a change waits for: not for rows that its caller may not change, and not for changes of other users.

use super::{Stop, Stopping, id_of, within};
use crate::world::{
    World,
    client::Client,
    database::{Database, Kind},
};
use futures_util::future::{join, join_all};
use serde_json::json;
use tokenward::testing::{
    actions::{UpdateOrganization, UpdateOrganizationMember},
    domain::{
        caller::{AuthMethod, Caller},
        organization::{OrganizationRef, Role},
    },
};

///
///
/// Another change holds the locks, so that every change that locks the same rows waits for it. SQLite has no row locks.
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
        // Not later: PostgreSQL ends a transaction that is idle for five seconds.
        let mutations = [
            ("addOrganizationMember", json!({ "organizationId": acme, "user": "bob", "role": "ADMIN" })),
            ("updateOrganizationMember", json!({ "organizationId": acme, "userId": bob.to_string(), "role": "ADMIN" })),
            ("removeOrganizationMember", json!({ "organizationId": acme, "userId": bob.to_string() })),
            ("updateOrganization", json!({ "organizationId": acme, "name": "Changed" })),
        ];
        let clients = [(&eve, "NOT_FOUND"), (&mel, "FORBIDDEN")];
        let all = mutations.iter().flat_map(|mutation| clients.map(|client| (mutation, client)));
        join_all(all.map(async |((name, input), (client, code))| {
            let reply = within("a response", client.mutate(name, input.clone())).await;
            assert_eq!(reply.code(), code, "{name}: {}", reply.text);
        }))
        .await;
        stop.go.cancel();
    };
    let (locked, ()) = join(locking, asking).await;
    assert_eq!(locked.unwrap().1, bob);
}

///
///
/// One change of eve's locks a row that thirty more of her changes wait for. They use two connections and leave the others free.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn waiting_changes_of_one_user_do_not_delay_other_users() {
    let Some(database) = Database::fresh(Kind::Postgres, "held_changes") else { return };
    let world = World::with(database, &[]).await;
    let (bob, eve) = (world.member("bob", &["acme"]).await, world.admin("eve", &["globex"]).await);
    let globex = world.organization_id("globex").await;
    let token = async |client: &Client<'_>, slug| client.create_token("deploy", &[slug], &["read_builds"]).await;
    let (first, second, leaked) = (token(&bob, "acme").await, token(&bob, "acme").await, token(&eve, "globex").await);
    let stop = Stop::default();
    let change = UpdateOrganization { organization: OrganizationRef::from("globex"), name: Some("Held".into()) };
    let caller = Caller { auth_method: AuthMethod::Jwt(id_of(&eve).await), ..Caller::command_line(world.now()) };
    let holding = world.app.change(&caller, Stopping { change, stop: stop.clone() });
    let asking = async {
        within("the change stops", stop.reached.notified()).await;
        let waiting = join_all((0..30).map(|number| {
            eve.mutate("updateOrganization", json!({ "organizationId": globex, "name": format!("Waits {number}") }))
        }));
        let revoking = async {
            assert_eq!(bob.revoke_token(&first.id).await.code(), "OK");
            for value in [&second.value, &leaked.value] {
                assert_eq!(world.bearer(value).delete("/v2/access-token").await.status, 204);
                assert_eq!(world.bearer(value).verify("").await.status, 401);
            }
            stop.go.cancel();
        };
        let (waited, ()) = join(waiting, revoking).await;
        assert!(waited.iter().all(|reply| ["OK", "UNAVAILABLE"].contains(&reply.code().as_str())));
    };
    let (held, ()) = join(holding, asking).await;
    assert_eq!(held.unwrap().name, "Held");
}
