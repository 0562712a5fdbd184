//! Counts the events and emails that a part of a test causes, without access to the database.
//!
//! Event numbers have no gaps, so that the numbers between two marks are all events. A mark uses an organization that exists
//! for this purpose; its administrator and member make changes that send emails. Since emails are sent in the order of their
//! commits, every email that was committed before the first email of a mark has been sent when the second has.

use super::{World, client::Client};
use std::time::{Duration, Instant};
use tokenward::testing::{
    domain::{
        caller::{AuthMethod, Caller},
        event::EventType,
        filter::EventFilter,
        page::Page,
        policy,
    },
    store::Identity,
};

const FENCE: &str = "fence";

/// A position in the history of a service.
pub(crate) struct Mark {
    first: i64,
    last: i64,
    emails: usize,
}

impl World {
    /// Creates a mark at this moment.
    pub(crate) async fn mark(&self) -> Mark {
        let fence = self.member(FENCE, &[FENCE]).await;
        let (root, id) = (self.user("root-fence").await, self.organization_id(FENCE).await);
        let token = fence.create_token(FENCE, &[FENCE], &["read_builds"]).await;
        for is_first in [true, false] {
            let before = self.fence_emails();
            assert_eq!(root.remove_organization(&token.id, &id, None).await.code(), "OK");
            let start = Instant::now();
            while self.fence_emails() == before {
                assert!(start.elapsed() < Duration::from_secs(30), "the email of a mark was not sent");
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            if is_first {
                assert_eq!(fence.add_organization(&token.id, &id).await.code(), "OK");
            }
        }
        let numbers = self.fence_event_numbers().await;
        Mark { first: numbers[3], last: numbers[0], emails: self.mailbox.sent().len() - self.fence_emails() }
    }

    /// Returns the numbers of events and emails since a mark.
    pub(crate) async fn since(&self, mark: &Mark) -> (i64, usize) {
        let now = self.mark().await;
        (now.first - mark.last - 1, now.emails - mark.emails)
    }

    fn fence_emails(&self) -> usize {
        self.mailbox.sent().iter().filter(|sent| sent.recipients == ["fence@example.test"]).count()
    }

    /// Returns the numbers of the last four events of the organization of the marks, newest first.
    async fn fence_event_numbers(&self) -> Vec<i64> {
        let (store, at) = (self.app.store(), self.now());
        let identity = Identity { issuer: super::ISSUER.into(), subject: "root-fence".into() };
        let (root, _) = store.user_of(&identity).await.unwrap().unwrap();
        let caller = Caller { auth_method: AuthMethod::Jwt(root.id), ..Caller::command_line(at) };
        let organization = store.organization_by_slug(FENCE).await.unwrap().unwrap().id;
        let admin = policy::org_admin(&store.auth_context(&caller).await.unwrap(), organization).unwrap();
        let page = Page { limit: 4, backward: false, after: None, before: None };
        let events = store.events_in(&admin, &EventFilter::default(), &page).await.unwrap();
        let kinds: Vec<_> = events.rows.iter().map(|(_, event)| event.kind).collect();
        assert_eq!(
            kinds,
            [
                EventType::TokenOrganizationRemoved,
                EventType::TokenOrganizationAdded,
                EventType::TokenOrganizationRemoved,
                EventType::TokenCreated,
            ]
        );
        events.rows.iter().map(|(_, event)| event.number).collect()
    }
}

impl Client<'_> {
    /// Returns the types of the events of a token of this user, oldest first.
    pub(crate) async fn event_types_of(&self, token: &str) -> Vec<String> {
        let query = "query($id: ID!) { token(id: $id) { events(last: 100) { nodes { type } } } }";
        let data = self.query(query, serde_json::json!({ "id": token })).await;
        let nodes = data["token"]["events"]["nodes"].as_array().expect("events").clone();
        nodes.iter().rev().map(|node| node["type"].as_str().expect("a type").to_owned()).collect()
    }
}
