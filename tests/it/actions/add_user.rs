//! Adding a person at the command line.

use crate::world::{ISSUER, World};
use serde_json::json;
use tokenward::{
    actions::AddUser,
    domain::error::Code,
    store::{Identity, NewUser},
};

fn named(username: &str, subject: Option<&str>) -> AddUser {
    let identity = subject.map(|subject| Identity { issuer: ISSUER.into(), subject: subject.into() });
    let (username, name) = (username.into(), "Bob Builder".into());
    let new = NewUser { username, name, email: None, email_verified: false, identity };
    AddUser { new }
}

both!(
    async fn a_person_who_was_added_with_a_subject_is_whoever_signs_in_with_it(world: World) {
        let mark = world.mark().await;
        let added = world.operator(named("builder", Some("bob"))).await.unwrap();
        assert_eq!(world.since(&mark).await, (1, 0));
        let viewer = world.person("bob").await.ask("{ viewer { uuid username } }", json!({})).await;
        assert_eq!(viewer["viewer"], json!({ "uuid": added.id.uuid(), "username": "bob" }));
    }
);

both!(
    async fn a_username_and_a_subject_are_taken_once(world: World) {
        world.operator(named("bob", Some("one"))).await.unwrap();
        let mark = world.mark().await;
        for again in [named("bob", None), named("bob", Some("two")), named("other", Some("one"))] {
            assert_eq!(world.operator(again).await.unwrap_err().code(), Code::Conflict);
        }
        assert_eq!(world.since(&mark).await, (0, 0));
        // People without a subject do not stand in each other's way.
        world.operator(named("ada", None)).await.unwrap();
        world.operator(named("eve", None)).await.unwrap();
    }
);

both!(
    async fn of_many_who_add_the_same_name_at_once_one_succeeds(world: World) {
        let mark = world.mark().await;
        let added = super::at_once(10, async |_| world.operator(named("bob", None)).await).await;
        assert_eq!(added.iter().filter(|one| one.is_ok()).count(), 1);
        assert!(added.iter().filter_map(|one| one.as_ref().err()).all(|error| error.code() == Code::Conflict));
        assert_eq!(world.since(&mark).await, (1, 0));
    }
);
