//! Checks that a mutation whose client disconnects ends as if the client had stayed.

use super::{Stop, Stopping, id_of, until, within};
use crate::{
    actions::mutation,
    world::{World, client::Client},
};
use serde_json::json;
use std::time::{Duration, Instant};
use tokenward::testing::{
    actions::UpdateToken,
    domain::{
        caller::{AuthMethod, Caller},
        id::TokenId,
    },
};
use tokio::{io::AsyncWriteExt as _, net::TcpStream};

/// Waiting for a lock takes little longer than this before it times out.
const LOCK_TIMEOUT: Duration = Duration::from_millis(1_500);

/// The operations that end a token or its access, with the last event of the token's history and the status of `/verify`
/// afterwards.
const ENDS: [(&str, &str, u16); 4] = [
    ("revokeToken", "TOKEN_REVOKED", 401),
    ("DELETE", "TOKEN_REVOKED", 401),
    ("removeOrganizationFromToken", "TOKEN_ORGANIZATION_REMOVED", 403),
    ("removeOrganizationMember", "TOKEN_ORGANIZATION_REMOVED", 403),
];

/// Returns the bytes of a request that ends a token or its access.
async fn request(action: &str, admin: &Client<'_>, owner: &Client<'_>, token: &str, value: &str) -> String {
    let acme = admin.world.organization_id("acme").await;
    let (credential, input) = match action {
        "DELETE" => {
            return format!("DELETE /v2/access-token HTTP/1.1\r\nHost: t\r\nAuthorization: Bearer {value}\r\n\r\n");
        }
        "revokeToken" => (&owner.credential, json!({ "tokenId": token })),
        "removeOrganizationFromToken" => (&admin.credential, json!({ "tokenId": token, "organizationId": acme })),
        _ => (&admin.credential, json!({ "organizationId": acme, "userId": id_of(owner).await.to_string() })),
    };
    let body = json!({ "query": mutation(action, "__typename"), "variables": { "input": input } }).to_string();
    format!(
        "POST /graphql HTTP/1.1\r\nHost: t\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        credential.as_ref().unwrap(),
        body.len()
    )
}

both!(
    ///
    async fn mutation_completes_after_its_client_disconnects(world: World) {
        // No other client uses this node, so that its tasks are those of the client that disconnects.
        let node = world.another_node(&[]).await;
        let ada = world.admin("ada", &["acme"]).await;
        let bob_id = id_of(&world.member("bob", &["acme"]).await).await;
        for (action, event, status) in ENDS {
            let mut attempts = 0;
            loop {
                let bob = world.member("bob", &["acme"]).await;
                let token = bob.create_token("deploy", &["acme"], &["read_builds"]).await;
                let request = request(action, &ada, &bob, &token.id, &token.value).await;
                let (stop, emails) = (Stop::default(), world.mailbox.sent().len() + node.mailbox.sent().len());
                let change = UpdateToken {
                    token: TokenId::parse(&token.id).unwrap(),
                    description: Some("held".into()),
                    scopes: None,
                    expires_at: None,
                };
                let caller = Caller { auth_method: AuthMethod::Jwt(bob_id), ..Caller::command_line(world.now()) };
                let holding = world.app.change(&caller, Stopping { change, stop: stop.clone() });
                let leaving = async {
                    within("the change that holds the token", stop.reached.notified()).await;
                    let (held, idle) = (Instant::now(), node.app.tasks().len());
                    let mut client = TcpStream::connect(node.config.listen).await.unwrap();
                    client.write_all(request.as_bytes()).await.unwrap();
                    until("the mutation waits", || node.app.tasks().len() == idle + 2).await;
                    drop(client);
                    until("the connection closes", || node.app.tasks().len() == idle + 1).await;
                    stop.go.cancel();
                    until("the mutation ends", || node.app.tasks().len() == idle).await;
                    held.elapsed()
                };
                let (held, took) = futures_util::future::join(holding, leaving).await;
                held.unwrap();
                attempts += 1;
                // A change that waits too long for a lock is abandoned, with or without its client.
                if took > LOCK_TIMEOUT && attempts < 10 {
                    continue;
                }
                assert_eq!(bob.event_types_of(&token.id).await, ["TOKEN_CREATED", "TOKEN_UPDATED", event], "{action}");
                for node in [&world, &node] {
                    let reply = node.bearer(&token.value).verify("organization=acme").await;
                    assert_eq!(reply.status.as_u16(), status, "{action}");
                }
                if status == 403 {
                    let sent = || world.mailbox.sent().len() + node.mailbox.sent().len();
                    until("the email is sent", || sent() > emails).await;
                }
                break;
            }
        }
    }
);
