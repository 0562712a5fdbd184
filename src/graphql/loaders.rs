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
        list::{Page, Slice},
        organization::Organization,
        policy::{self, AuthContext, TokenViewer},
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
    standing: AuthContext,
    at: Time,
}

impl Loaders {
    pub(super) const fn new(app: App, standing: AuthContext, at: Time) -> Self {
        Self { app, standing, at }
    }
}

/// The usage of a token across all organizations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct UseOf(pub(super) TokenId);

/// The organizations that a token currently has access to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct ReachOf(pub(super) TokenId);

/// The IP addresses of the most recent requests with a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct AddressesOf(pub(super) TokenId);

/// The notification email about an event that was sent to the viewer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct NoticeOf(pub(super) EventId);

/// The organizations that an event concerns, by the number of the event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct ConcernedBy(pub(super) i64);

/// A page of the grants of a token.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct GrantsPage(pub(super) TokenId, pub(super) GrantFilter, pub(super) Page);

/// The number of grants of a token.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct GrantsCount(pub(super) TokenId, pub(super) GrantFilter);

/// The organizations that the viewer can see; `None` for all.
pub(super) type Only = Option<BTreeSet<OrganizationId>>;

/// A page of the events of a token.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct EventsPage(pub(super) TokenId, pub(super) Only, pub(super) Page);

/// The number of events of a token.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct EventsCount(pub(super) TokenId, pub(super) Only);

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

macro_rules! loads {
    ($($key:ty => $value:ty: |$loads:ident, $keys:ident| $read:expr;)*) => {$(
        impl Loader<$key> for Loaders {
            type Value = $value;
            type Error = Arc<Error>;

            async fn load(&self, $keys: &[$key]) -> Result<HashMap<$key, $value>, Arc<Error>> {
                let $loads = self;
                let read: Result<HashMap<$key, $value>> = $read;
                read.map_err(Arc::new)
            }
        }
    )*};
}

loads! {
    UserId => UserRecord: |loads, ids| loads.app.store().users(ids).await;
    OrganizationId => Organization: |loads, ids| loads.app.store().organizations(ids).await;
    TokenId => (Token, TokenViewer): |loads, ids| loads.app.store().visible_tokens(&loads.standing, ids).await;
    GrantId => Grant: |loads, ids| {
        let grants = loads.app.store().grants(ids).await;
        grants.map(|mut grants| {
            grants.retain(|_, grant| policy::can_see_grant(&loads.standing, grant.owner, grant.organization));
            grants
        })
    };
    SessionId => Session: |loads, ids| {
        let sessions = loads.app.store().sessions(ids, loads.at).await;
        sessions.map(|mut sessions| {
            sessions.retain(|_, session| policy::can_see_session(&loads.standing, session.user));
            sessions
        })
    };
    EventId => RecordedEvent: |loads, ids| loads.app.store().events(ids).await;
    UseOf => Usage: |loads, keys| {
        let ids: Vec<_> = keys.iter().map(|key| key.0).collect();
        loads.app.store().usage_of(&ids).await.map(|found| keyed(found, UseOf))
    };
    ReachOf => BTreeSet<OrganizationId>: |loads, keys| {
        let ids: Vec<_> = keys.iter().map(|key| key.0).collect();
        loads.app.store().audit_query(&ids, loads.at).await.map(|found| keyed(found, ReachOf))
    };
    AddressesOf => Vec<IpAddr>: |loads, keys| {
        let ids: Vec<_> = keys.iter().map(|key| key.0).collect();
        loads.app.store().recent_addresses(&ids, loads.at).await.map(|found| keyed(found, AddressesOf))
    };
    NoticeOf => DeliveryId: |loads, keys| async {
        let (myself, ids) = (policy::viewer(&loads.standing)?, keys.iter().map(|key| key.0).collect::<Vec<_>>());
        Ok(keyed(loads.app.store().notifications_to(&myself, &ids).await?, NoticeOf))
    }.await;
    ConcernedBy => BTreeSet<OrganizationId>: |loads, keys| {
        let numbers: Vec<_> = keys.iter().map(|key| key.0).collect();
        loads.app.store().concerned(&numbers).await.map(|found| keyed(found, ConcernedBy))
    };
    GrantsPage => Arc<Slice<Grant>>: |loads, keys| async {
        let mut found = HashMap::new();
        for ((which, page), tokens) in grouped(keys, |key| ((key.1.clone(), key.2.clone()), key.0)) {
            let read = loads.app.store().grants_of(&tokens, &which, &page, loads.at).await?;
            found.extend(keyed(read, |token| GrantsPage(token, which.clone(), page.clone())));
        }
        Ok(shared(found))
    }.await;
    GrantsCount => u64: |loads, keys| async {
        let mut found = HashMap::new();
        for (which, tokens) in grouped(keys, |key| (key.1.clone(), key.0)) {
            let read = loads.app.store().count_grants_of(&tokens, &which, loads.at).await?;
            found.extend(keyed(read, |token| GrantsCount(token, which.clone())));
        }
        Ok(found)
    }.await;
    EventsPage => Arc<Slice<RecordedEvent>>: |loads, keys| async {
        let mut found = HashMap::new();
        for ((only, page), tokens) in grouped(keys, |key| ((key.1.clone(), key.2.clone()), key.0)) {
            let read = loads.app.store().events_of(&tokens, only.as_ref(), &page).await?;
            found.extend(keyed(read, |token| EventsPage(token, only.clone(), page.clone())));
        }
        Ok(shared(found))
    }.await;
    EventsCount => u64: |loads, keys| async {
        let mut found = HashMap::new();
        for (only, tokens) in grouped(keys, |key| (key.1.clone(), key.0)) {
            let read = loads.app.store().count_events_of(&tokens, only.as_ref()).await?;
            found.extend(keyed(read, |token| EventsCount(token, only.clone())));
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
fn grouped<K, A: Eq + Hash>(keys: &[K], ask_and_token: impl Fn(&K) -> (A, TokenId)) -> HashMap<A, Vec<TokenId>> {
    let mut asked = HashMap::<_, Vec<_>>::new();
    for (ask, token) in keys.iter().map(ask_and_token) {
        asked.entry(ask).or_default().push(token);
    }
    asked
}
