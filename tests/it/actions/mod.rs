//! Does every verb do what it says: happy, refused, of unknown ids, twice, and at once?

use crate::world::{
    World,
    again::{Answer, again},
    client::{Client, Reply},
};
use serde_json::{Value, json};
use tokenward::domain::id::{OrganizationId, TokenId};

mod add_organization_member;
mod add_organization_to_token;
mod add_user;
mod create_organization;
mod create_token;
mod delete_organization;
mod delete_user;
mod disable_user;
mod meet_user;
mod organization_members;
mod remove_organization_from_token;
mod remove_organization_member;
mod revoke_token;
mod update_token;

impl Client<'_> {
    /// Calls a mutation by its name.
    pub(crate) async fn does(&self, verb: &str, input: Value) -> Reply {
        self.does_and_sees(verb, input, "__typename").await
    }

    /// Calls a mutation and asks for something of its payload.
    pub(crate) async fn does_and_sees(&self, verb: &str, input: Value, shows: &str) -> Reply {
        self.graphql(&mutation(verb, shows), json!({ "input": input })).await
    }
}

/// The document of a mutation that asks for something of its payload; its input is the variable `input`.
pub(crate) fn mutation(verb: &str, shows: &str) -> String {
    let kind = format!("{}{}Input", verb[..1].to_uppercase(), &verb[1..]);
    format!("mutation($input: {kind}!) {{ {verb}(input: $input) {{ {shows} }} }}")
}

/// Ids that no token has: malformed, of another kind, of nothing.
pub(crate) async fn no_tokens(world: &World) -> [String; 4] {
    let organization = world.organization("elsewhere").await;
    [String::new(), "nonsense".into(), organization, TokenId::new(world.now()).to_string()]
}

/// Ids that no organization has: malformed, of another kind, of nothing.
pub(crate) fn no_organizations(world: &World) -> [String; 4] {
    let token = TokenId::new(world.now()).to_string();
    [String::new(), "nonsense".into(), token, OrganizationId::new(world.now()).to_string()]
}

/// The one answer that all of these are.
pub(crate) fn the_same(replies: &[Reply]) -> &Reply {
    for reply in replies {
        assert_eq!((reply.status, &reply.text), (replies[0].status, &replies[0].text));
    }
    &replies[0]
}

/// How often each code came.
pub(crate) fn tally(replies: &[Reply]) -> Vec<(String, usize)> {
    let mut codes = std::collections::BTreeMap::<_, usize>::new();
    for reply in replies {
        *codes.entry(reply.code()).or_default() += 1;
    }
    codes.into_iter().collect()
}

/// So many at once, each with its number. Whoever is told to come later asks again.
pub(crate) async fn at_once<A: Answer>(many: usize, ask: impl AsyncFn(usize) -> A) -> Vec<A> {
    let ask = &ask;
    let one = |number| (Box::pin(again(async move || ask(number).await)), None);
    let mut all: Vec<_> = (0..many).map(one).collect();
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
