//! Checks that no endpoint of any node accepts a token in a request that starts after the end of its access was acknowledged.

use super::races;
use crate::world::{
    World,
    client::{Client, form},
    retry::retry,
};
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use std::{
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    time::Duration,
};
use tokenward::testing::actions::{
    AddOrganizationMember, Credentials, DisableUser, EnableUser, RemoveOrganizationMember, RevokeTokenByValue,
};
use tokenward::testing::domain::{caller::Caller, error::Result, organization::Role, secret::Secret};

const CLIENTS: usize = 64;
const ROUNDS: usize = 12;
const SCOPES: [&str; 2] = ["read_builds", "graphql"];

/// Returns the number of requests after an acknowledgement: 100,000 in long runs.
fn late_requests() -> usize {
    if races() < 10_000 { races() * 3 } else { races() * 10 }
}

/// An endpoint that accepts tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Endpoint {
    Verify,
    Introspect,
    Graphql,
    AccessToken,
}

const ENDPOINTS: [Endpoint; 4] = [Endpoint::Verify, Endpoint::Introspect, Endpoint::Graphql, Endpoint::AccessToken];

/// How a token, or its access to acme, ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    RevokedByOwner,
    RevokedByItself,
    RevokedByResourceServer,
    RevokedByOperator,
    OwnerDisabled,
    OrganizationRemoved,
    OwnerRemoved,
}

const REVOKED: [End; 4] =
    [End::RevokedByOwner, End::RevokedByItself, End::RevokedByResourceServer, End::RevokedByOperator];
const ENDS: [End; 6] = [
    End::OrganizationRemoved,
    End::RevokedByOwner,
    End::OwnerRemoved,
    End::RevokedByItself,
    End::OwnerDisabled,
    End::RevokedByResourceServer,
];

impl End {
    /// Whether the token itself stays valid.
    const fn keeps_the_token_valid(self) -> bool {
        matches!(self, Self::OrganizationRemoved | Self::OwnerRemoved)
    }

    /// Performs the change on this node and returns after the acknowledgement.
    async fn apply(self, node: &World, token: &str, value: &str, api: &Credentials) {
        let user_client = |name| node.bearer(&node.jwt(name));
        match self {
            Self::RevokedByOwner => {
                repeat_until("OK", "CONFLICT", async || user_client("bob").revoke_token(token).await.code()).await;
            }
            Self::RevokedByItself => {
                let end = async || node.bearer(value).delete("/v2/access-token").await.status.as_str().to_owned();
                repeat_until("204", "401", end).await;
            }
            Self::RevokedByResourceServer => {
                let end = async || {
                    let request = node.http.post(node.url("/oauth/revoke"));
                    let request = request.basic_auth(&api.client_id, Some(&api.client_secret));
                    form(request, &[("token", value)]).await.status.as_str().to_owned()
                };
                repeat_until("200", "200", end).await;
            }
            Self::RevokedByOperator => {
                let fingerprint = Secret::parse(node.app.prefix(), value).unwrap().fingerprint();
                let caller = Caller::command_line(node.now());
                node.app.change(&caller, RevokeTokenByValue { fingerprint }).await.unwrap();
            }
            Self::OwnerDisabled => {
                let end = async || outcome(&node.operator(DisableUser { username: "bob".into() }).await);
                repeat_until("OK", "CONFLICT", end).await;
            }
            Self::OrganizationRemoved => {
                let acme = retry(async || node.app.store().organization_by_slug("acme").await).await;
                let (acme, ada) = (acme.unwrap().expect("acme").id.to_string(), user_client("ada"));
                let end = async || ada.remove_organization(token, &acme, None).await.code();
                repeat_until("OK", "CONFLICT", end).await;
            }
            Self::OwnerRemoved => {
                let end = async || {
                    let (organization, user) = ("acme".into(), "bob".into());
                    outcome(&node.operator(RemoveOrganizationMember { organization, user }).await)
                };
                repeat_until("OK", "NOT_FOUND", end).await;
            }
        }
    }

    /// Restores the access of the owner.
    async fn restore_owner(self, node: &World) {
        if self == Self::OwnerDisabled {
            node.operator(EnableUser { username: "bob".into() }).await.unwrap();
        } else if self == Self::OwnerRemoved {
            let (organization, user) = ("acme".into(), "bob".into());
            let add = AddOrganizationMember { organization, user, role: Role::Member };
            node.operator(add).await.map(drop).unwrap();
        }
    }
}

fn outcome<T>(response: &Result<T>) -> String {
    response.as_ref().map_or_else(|error| error.code().as_str(), |_| "OK").to_owned()
}

/// Repeats a request until it returns `done`. On a busy database a request may fail although its change was made; the next
/// response is then `already`.
async fn repeat_until(done: &str, already: &str, mut end: impl AsyncFnMut() -> String) {
    let mut attempts = 0;
    let response = retry(async || {
        attempts += 1;
        end().await
    });
    let response = response.await;
    assert!(response == done || attempts > 1 && response == already, "{response} at attempt {attempts}");
}

impl Endpoint {
    /// Whether this endpoint accepts a token for acme.
    async fn accepts(self, node: &World, value: &str, api: &Credentials) -> bool {
        let holder: Client<'_> = node.bearer(value);
        match self {
            Self::Verify => holder.verify("organization=acme").await.status == 200,
            Self::Introspect => {
                let reply = node.introspect(api, value, &[("organization", "acme")]).await;
                reply.status == 200 && reply.json()["active"] == true
            }
            Self::Graphql => {
                let query = json!({ "query": "{ organization(slug: \"acme\") { id } }" });
                let reply = crate::world::client::read(holder.request(Method::POST, "/graphql").json(&query)).await;
                reply.status == 200 && reply.data()["organization"] != Value::Null
            }
            Self::AccessToken => holder.get("/v2/access-token").await.status == 200,
        }
    }
}

both!(
    ///
    async fn revoked_token_is_rejected_by_every_endpoint_of_both_nodes(world: World) {
        let other = world.another_node(&[]).await;
        let (bob, api) = (world.member("bob", &["acme"]).await, world.resource_server("api").await);
        for number in 0..races() / 10 {
            let token = bob.create_token("deploy", &["acme"], &SCOPES).await;
            let (node, end) = ([&world, &other][number / 4 % 2], REVOKED[number % 4]);
            assert!(ENDPOINTS[number % 4].accepts(node, &token.value, &api).await, "{number}");
            end.apply(node, &token.id, &token.value, &api).await;
            let (token, api) = (&token, &api);
            let uses = [&world, &other].into_iter().flat_map(|node| {
                ENDPOINTS
                    .into_iter()
                    .map(move |endpoint| async move { (endpoint, endpoint.accepts(node, &token.value, api).await) })
            });
            let accepted: Vec<_> = join_all(uses).await.into_iter().filter(|(_, accepted)| *accepted).collect();
            assert_eq!(accepted, [], "{end:?}");
        }
    }
);

both!(
    ///
    async fn no_request_after_the_acknowledgement_is_accepted(world: World) {
        let other = world.another_node(&[]).await;
        world.admin("ada", &["acme"]).await;
        let (bob, api) = (world.member("bob", &["acme"]).await, world.resource_server("api").await);
        let wanted = late_requests();
        let each = wanted.div_ceil(CLIENTS * ROUNDS);
        let (late, accepted_late) = (AtomicUsize::new(0), AtomicUsize::new(0));
        for round in 0..ROUNDS {
            let end = ENDS[round % ENDS.len()];
            let token = bob.create_token("deploy", &["acme"], &SCOPES).await;
            let (acknowledged, accepted_early) = (AtomicBool::new(false), AtomicUsize::new(0));
            let clients = (0..CLIENTS).map(async |client| {
                let node = [&world, &other][client % 2];
                let endpoints = if end.keeps_the_token_valid() { &ENDPOINTS[..3] } else { &ENDPOINTS[..] };
                let (mut turn, mut rest) = (client / 2, each);
                while rest > 0 {
                    let is_late = acknowledged.load(Ordering::SeqCst);
                    let accepted = endpoints[turn % endpoints.len()].accepts(node, &token.value, &api).await;
                    turn += 1;
                    if is_late {
                        rest -= 1;
                        late.fetch_add(1, Ordering::SeqCst);
                        accepted_late.fetch_add(usize::from(accepted), Ordering::SeqCst);
                    } else {
                        accepted_early.fetch_add(usize::from(accepted), Ordering::SeqCst);
                        // Leaves time for the change on a slow machine too.
                        tokio::time::sleep(Duration::from_millis(200)).await;
                    }
                }
            });
            let ending = async {
                while accepted_early.load(Ordering::SeqCst) < CLIENTS {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
                end.apply([&other, &world][round / ENDS.len() % 2], &token.id, &token.value, &api).await;
                acknowledged.store(true, Ordering::SeqCst);
            };
            Box::pin(futures_util::future::join(join_all(clients), ending)).await;
            assert_eq!(accepted_late.load(Ordering::SeqCst), 0, "{end:?}");
            end.restore_owner(&world).await;
        }
        assert!(late.load(Ordering::SeqCst) >= wanted);
    }
);
