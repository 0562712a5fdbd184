//! The actions: success, rejection, unknown IDs, repetition and concurrency.

use crate::world::{
    World,
    client::{Client, Reply},
    retry::{Outcome, retry},
};
use serde_json::{Value, json};
use tokenward::testing::domain::id::{OrganizationId, TokenId};

mod add_organization_member;
mod add_organization_to_token;
mod add_user;
mod create_organization;
mod create_token;
mod delete_organization;
mod delete_user;
mod disable_user;
mod expire_tokens;
mod organization_members;
mod provision_user;
mod remove_organization_from_token;
mod remove_organization_member;
mod revoke_token;
mod update_token;

impl Client<'_> {
    /// Calls a mutation by its name.
    pub(crate) async fn mutate(&self, name: &str, input: Value) -> Reply {
        self.mutate_selecting(name, input, "__typename").await
    }

    /// Calls a mutation and selects fields of its payload.
    pub(crate) async fn mutate_selecting(&self, name: &str, input: Value, fields: &str) -> Reply {
        self.graphql(&mutation(name, fields), json!({ "input": input })).await
    }
}

/// Returns the document of a mutation that selects fields of its payload; its input is the variable `input`.
pub(crate) fn mutation(name: &str, fields: &str) -> String {
    let kind = format!("{}{}Input", name[..1].to_uppercase(), &name[1..]);
    format!("mutation($input: {kind}!) {{ {name}(input: $input) {{ {fields} }} }}")
}

/// Returns IDs of no token: malformed, of another type, unknown.
pub(crate) async fn unknown_tokens(world: &World) -> [String; 4] {
    let organization = world.organization("elsewhere").await;
    [String::new(), "nonsense".into(), organization, TokenId::new(world.now()).to_string()]
}

/// Returns IDs of no organization: malformed, of another type, unknown.
pub(crate) fn unknown_organizations(world: &World) -> [String; 4] {
    let token = TokenId::new(world.now()).to_string();
    [String::new(), "nonsense".into(), token, OrganizationId::new(world.now()).to_string()]
}

/// Asserts that all replies are equal, and returns the first.
pub(crate) fn assert_same(replies: &[Reply]) -> &Reply {
    for reply in replies {
        assert_eq!((reply.status, &reply.text), (replies[0].status, &replies[0].text));
    }
    &replies[0]
}

/// Counts the replies of each code.
pub(crate) fn count_codes(replies: &[Reply]) -> Vec<(String, usize)> {
    let mut codes = std::collections::BTreeMap::<_, usize>::new();
    for reply in replies {
        *codes.entry(reply.code()).or_default() += 1;
    }
    codes.into_iter().collect()
}

/// Runs `count` requests concurrently, each with its index. Those that find the service unavailable are retried.
pub(crate) async fn concurrently<A: Outcome>(count: usize, request: impl AsyncFn(usize) -> A) -> Vec<A> {
    let request = &request;
    let one = |number| (Box::pin(retry(async move || request(number).await)), None);
    let mut all: Vec<_> = (0..count).map(one).collect();
    std::future::poll_fn(|context| {
        let mut waits = false;
        for (future, output) in &mut all {
            if output.is_none() {
                match future.as_mut().poll(context) {
                    std::task::Poll::Ready(done) => *output = Some(done),
                    std::task::Poll::Pending => waits = true,
                }
            }
        }
        if waits { std::task::Poll::Pending } else { std::task::Poll::Ready(()) }
    })
    .await;
    all.into_iter().map(|(_, output)| output.expect("it has ended")).collect()
}
