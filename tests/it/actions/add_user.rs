//! Adding users at the command line.

use crate::world::{ISSUER, World};
use serde_json::json;
use tokenward::testing::{
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
    async fn added_user_is_recognized_by_subject(world: World) {
        let mark = world.mark().await;
        let added = world.operator(named("builder", Some("bob"))).await.unwrap();
        assert_eq!(world.since(&mark).await, (1, 0));
        let viewer = world.user("bob").await.query("{ viewer { uuid username } }", json!({})).await;
        assert_eq!(viewer["viewer"], json!({ "uuid": added.id.uuid(), "username": "bob" }));
    }
);

both!(
    async fn username_and_subject_are_unique(world: World) {
        world.operator(named("bob", Some("one"))).await.unwrap();
        let mark = world.mark().await;
        for again in [named("bob", None), named("bob", Some("two")), named("other", Some("one"))] {
            assert_eq!(world.operator(again).await.unwrap_err().code(), Code::Conflict);
        }
        assert_eq!(world.since(&mark).await, (0, 0));
        // Users without a subject do not conflict.
        world.operator(named("ada", None)).await.unwrap();
        world.operator(named("eve", None)).await.unwrap();
    }
);

both!(
    async fn concurrent_additions_create_one_user(world: World) {
        let mark = world.mark().await;
        let added = super::concurrently(10, async |_| world.operator(named("bob", None)).await).await;
        assert_eq!(added.iter().filter(|one| one.is_ok()).count(), 1);
        assert!(added.iter().filter_map(|one| one.as_ref().err()).all(|error| error.code() == Code::Conflict));
        assert_eq!(world.since(&mark).await, (1, 0));
    }
);
