//! Loaders, which read data that is not on a row for all rows of a request together. They belong to the request, since callers
//! do not see the same data.

use super::Request;
use crate::{
    app::App,
    domain::{
        error::{Error, Result},
        event::RecordedEvent,
        grant::{Grant, Usage},
        id::{DeliveryId, EventId, GrantId, OrganizationId, SessionId, TokenId, UserId},
        organization::Organization,
        page::{Page, Slice},
        policy::{self, AuthContext, Visibility},
        session::Session,
        time::Time,
        token::Token,
    },
    store::{GrantFilter, UserRecord},
};
use async_graphql::dataloader::Loader;
use std::{
    collections::{BTreeSet, HashMap},
    hash::Hash,
    net::IpAddr,
    sync::Arc,
};

/// The loaders of one request.
pub(super) struct Loaders {
    app: App,
    auth_context: AuthContext,
    at: Time,
}

impl Loaders {
    pub(super) const fn new(app: App, auth_context: AuthContext, at: Time) -> Self {
        Self { app, auth_context, at }
    }
}

/// The usage of a token across all organizations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct UsageOf(pub(super) TokenId);

/// The organizations that a token currently has access to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct OrganizationsOf(pub(super) TokenId);

/// The IP addresses of the most recent requests with a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct AddressesOf(pub(super) TokenId);

/// The notification email about an event that was sent to the viewer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct NotificationOf(pub(super) EventId);

/// The organizations that an event concerns, by the number of the event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct OrganizationsOfEvent(pub(super) i64);

/// A page of the grants of a token.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct GrantsPage(pub(super) TokenId, pub(super) GrantFilter, pub(super) Page);

/// The number of grants of a token.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct GrantsCount(pub(super) TokenId, pub(super) GrantFilter);

/// The organizations that the viewer can see; `None` for all.
pub(super) type VisibleOrganizations = Option<BTreeSet<OrganizationId>>;

/// A page of the events of a token.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct EventsPage(pub(super) TokenId, pub(super) VisibleOrganizations, pub(super) Page);

/// The number of events of a token.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct EventsCount(pub(super) TokenId, pub(super) VisibleOrganizations);

impl Request {
    /// Reads a value, together with all other values of its kind that the request needs in the same round.
    pub(super) async fn load<K>(&self, key: K) -> Result<Option<<Loaders as Loader<K>>::Value>, Arc<Error>>
    where
        K: Send + Sync + Hash + Eq + Clone + 'static,
        Loaders: Loader<K, Error = Arc<Error>>,
    {
        self.loader.load_one(key).await
    }
}

macro_rules! loaders {
    ($($key:ty => $value:ty: |$loaders:ident, $keys:ident| $read:expr;)*) => {$(
        impl Loader<$key> for Loaders {
            type Value = $value;
            type Error = Arc<Error>;

            async fn load(&self, $keys: &[$key]) -> Result<HashMap<$key, $value>, Arc<Error>> {
                let $loaders = self;
                let read: Result<HashMap<$key, $value>> = $read;
                read.map_err(Arc::new)
            }
        }
    )*};
}

loaders! {
    UserId => UserRecord: |loaders, ids| loaders.app.store().users(ids).await;
    OrganizationId => Organization: |loaders, ids| loaders.app.store().organizations(ids).await;
    TokenId => (Token, Visibility): |loaders, ids| loaders.app.store().visible_tokens(&loaders.auth_context, ids).await;
    GrantId => Grant: |loaders, ids| {
        let grants = loaders.app.store().grants(ids).await;
        grants.map(|mut grants| {
            grants.retain(|_, grant| policy::can_see_grant(&loaders.auth_context, grant.owner, grant.organization));
            grants
        })
    };
    SessionId => Session: |loaders, ids| {
        let sessions = loaders.app.store().sessions(ids, loaders.at).await;
        sessions.map(|mut sessions| {
            sessions.retain(|_, session| policy::can_see_session(&loaders.auth_context, session.user));
            sessions
        })
    };
    EventId => RecordedEvent: |loaders, ids| loaders.app.store().events(ids).await;
    UsageOf => Usage: |loaders, keys| {
        let ids: Vec<_> = keys.iter().map(|key| key.0).collect();
        loaders.app.store().usage_of(&ids).await.map(|found| keyed(found, UsageOf))
    };
    OrganizationsOf => BTreeSet<OrganizationId>: |loaders, keys| {
        let ids: Vec<_> = keys.iter().map(|key| key.0).collect();
        loaders.app.store().organizations_of_tokens(&ids, loaders.at).await.map(|found| keyed(found, OrganizationsOf))
    };
    AddressesOf => Vec<IpAddr>: |loaders, keys| {
        let ids: Vec<_> = keys.iter().map(|key| key.0).collect();
        loaders.app.store().recent_addresses(&ids, loaders.at).await.map(|found| keyed(found, AddressesOf))
    };
    NotificationOf => DeliveryId: |loaders, keys| async {
        let (viewer, ids) = (policy::viewer(&loaders.auth_context)?, keys.iter().map(|key| key.0).collect::<Vec<_>>());
        Ok(keyed(loaders.app.store().notifications_to(&viewer, &ids).await?, NotificationOf))
    }.await;
    OrganizationsOfEvent => BTreeSet<OrganizationId>: |loaders, keys| {
        let numbers: Vec<_> = keys.iter().map(|key| key.0).collect();
        loaders.app.store().event_organizations(&numbers).await.map(|found| keyed(found, OrganizationsOfEvent))
    };
    GrantsPage => Arc<Slice<Grant>>: |loaders, keys| async {
        let mut found = HashMap::new();
        for ((filter, page), tokens) in grouped(keys, |key| ((key.1.clone(), key.2.clone()), key.0)) {
            let read = loaders.app.store().grants_of(&tokens, &filter, &page, loaders.at).await?;
            found.extend(keyed(read, |token| GrantsPage(token, filter.clone(), page.clone())));
        }
        Ok(shared(found))
    }.await;
    GrantsCount => u64: |loaders, keys| async {
        let mut found = HashMap::new();
        for (filter, tokens) in grouped(keys, |key| (key.1.clone(), key.0)) {
            let read = loaders.app.store().count_grants_of(&tokens, &filter, loaders.at).await?;
            found.extend(keyed(read, |token| GrantsCount(token, filter.clone())));
        }
        Ok(found)
    }.await;
    EventsPage => Arc<Slice<RecordedEvent>>: |loaders, keys| async {
        let mut found = HashMap::new();
        for ((visible, page), tokens) in grouped(keys, |key| ((key.1.clone(), key.2.clone()), key.0)) {
            let read = loaders.app.store().events_of(&tokens, visible.as_ref(), &page).await?;
            found.extend(keyed(read, |token| EventsPage(token, visible.clone(), page.clone())));
        }
        Ok(shared(found))
    }.await;
    EventsCount => u64: |loaders, keys| async {
        let mut found = HashMap::new();
        for (visible, tokens) in grouped(keys, |key| (key.1.clone(), key.0)) {
            let read = loaders.app.store().count_events_of(&tokens, visible.as_ref()).await?;
            found.extend(keyed(read, |token| EventsCount(token, visible.clone())));
        }
        Ok(found)
    }.await;
}

fn keyed<I, K: Eq + Hash, V>(found: HashMap<I, V>, key: impl Fn(I) -> K) -> HashMap<K, V> {
    found.into_iter().map(|(id, value)| (key(id), value)).collect()
}

fn shared<K: Eq + Hash, V>(found: HashMap<K, V>) -> HashMap<K, Arc<V>> {
    found.into_iter().map(|(key, value)| (key, Arc::new(value))).collect()
}

/// Groups keys by everything but the token, so that one statement reads each group.
fn grouped<K, A: Eq + Hash>(keys: &[K], group_and_token: impl Fn(&K) -> (A, TokenId)) -> HashMap<A, Vec<TokenId>> {
    let mut groups = HashMap::<_, Vec<_>>::new();
    for (group, token) in keys.iter().map(group_and_token) {
        groups.entry(group).or_default().push(token);
    }
    groups
}
