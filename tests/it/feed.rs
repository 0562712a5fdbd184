//! The feed of committed events.

use crate::world::World;
use futures_util::future::join_all;
use std::{collections::BTreeSet, time::Duration};
use tokenward::testing::{
    actions::{AddOrganizationMember, AddUser, RemoveOrganizationMember},
    domain::{
        event::{CommittedEvent, EventType},
        organization::Role,
    },
    store::NewUser,
};

fn new_user(username: &str) -> AddUser {
    let email = Some(format!("{username}@example.test"));
    let new = NewUser { username: username.into(), name: username.into(), email, email_verified: true, identity: None };
    AddUser { new }
}

async fn after(world: &World, number: i64, limit: u64) -> Vec<CommittedEvent> {
    world.app.store().events_after(number, limit).await.unwrap()
}

both!(
    async fn feed_returns_every_event_once_in_the_order_of_commits(world: World) {
        let other = world.another_node(&[]).await;
        let start = after(&world, 0, 10_000).await.last().map_or(0, |last| last.event.number);
        let changes = (0..40).map(|number| {
            let node = if number % 2 == 0 { &world } else { &other };
            node.operator(new_user(&format!("user-{number}")))
        });
        let followed = async {
            let (mut seen, mut last) = (Vec::new(), start);
            while seen.len() < 40 {
                let next = after(&world, last, 7).await;
                last = next.last().map_or(last, |last| last.event.number);
                seen.extend(next);
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            seen
        };
        let (changed, followed) = futures_util::future::join(join_all(changes), followed).await;
        assert!(changed.iter().all(Result::is_ok));
        let numbers: Vec<_> = followed.iter().map(|it| it.event.number).collect();
        assert_eq!(numbers, (start + 1..=start + 40).collect::<Vec<_>>(), "no gap, no repetition, in order");
        let users: BTreeSet<_> = followed.iter().filter_map(|it| it.event.user).collect();
        assert_eq!(users.len(), 40);
        assert_eq!(after(&world, start, 10_000).await, followed, "events do not change");
        assert_eq!(after(&world, start + 40, 10).await, []);
    }
);

both!(
    async fn process_knows_the_number_of_its_last_event(world: World) {
        let mut number = world.app.last_event();
        number.mark_unchanged();
        world.operator(new_user("dan")).await.unwrap();
        assert!(number.has_changed().unwrap());
        let last = *number.borrow_and_update();
        assert_eq!(after(&world, last - 1, 10).await.first().map(|it| it.event.kind), Some(EventType::UserCreated));
        assert_eq!(after(&world, last, 10).await, []);
    }
);

both!(
    /// One cause sends one email to one user, and the events that it caused name it.
    async fn end_of_a_membership_causes_the_removals_and_one_email(world: World) {
        world.admin("ada", &["acme"]).await;
        let bob = world.member("bob", &["acme"]).await;
        for name in ["one", "two", "three"] {
            bob.create_token(name, &["acme"], &["read_builds"]).await;
        }
        let start = *world.app.last_event().borrow();
        let mark = world.mark().await;
        world.operator(RemoveOrganizationMember { organization: "acme".into(), user: "bob".into() }).await.unwrap();
        assert_eq!(world.since(&mark).await, (4, 1));
        let events = after(&world, start, 100).await;
        let removals: Vec<_> = events
            .iter()
            .filter(|it| it.event.kind == EventType::TokenOrganizationRemoved && it.event.cause != it.event.id)
            .collect();
        let end = events.iter().find(|it| it.event.kind == EventType::OrganizationMemberRemoved).unwrap();
        assert_eq!((end.event.cause, removals.len()), (end.event.id, 3));
        assert!(removals.iter().all(|it| it.event.cause == end.event.id && it.organizations == end.organizations));
        // A later membership and its end are another cause.
        let add = AddOrganizationMember { organization: "acme".into(), user: "bob".into(), role: Role::Member };
        world.set_member(add).await.unwrap();
        let query = "{ viewer { tokens(first: 5) { nodes { events(first: 9) { nodes { type id causeId } } } } } }";
        let seen = bob.query(query, serde_json::json!({})).await;
        for token in seen["viewer"]["tokens"]["nodes"].as_array().unwrap() {
            let events = token["events"]["nodes"].as_array().unwrap();
            let caused: Vec<_> = events.iter().filter(|event| !event["causeId"].is_null()).collect();
            assert_eq!(caused.len(), 1, "{events:?}");
            assert_eq!(caused[0]["causeId"], serde_json::json!(end.event.id.to_string()));
            assert_eq!(caused[0]["type"], serde_json::json!("TOKEN_ORGANIZATION_REMOVED"));
        }
    }
);
