//! The GraphQL schema: conversion of domain types and arguments, and the limits that are checked before execution.

mod argument_size;
mod batching;
mod budget;
mod connection;
pub mod cost;
pub mod document;
mod enums;
mod error;
mod error_messages;
mod event;
mod grant;
mod input;
mod introspection;
mod lexer;
mod loaders;
mod mutation;
mod organization;
mod query;
mod scalar;
mod schema_index;
mod scope;
mod search;
mod session;
mod token;
mod user;
mod validation;

pub use error::code_of;
pub use input::token_filter;
pub use validation::invalid_values;

use crate::{
    app::App,
    domain::{
        caller::Caller,
        cursor::{Detail, ListKey, ListKind},
        error::Result,
        policy::AuthContext,
    },
};
use async_graphql::{Context, EmptySubscription, SDLExportOptions, dataloader::DataLoader};
use batching::Queue;
use budget::Budget;
use loaders::Loaders;
use mutation::Mutation;
use query::Query;
use std::{
    sync::{Arc, LazyLock},
    time::Duration,
};

/// The schema, ready to execute.
pub type Schema = async_graphql::Schema<Query, Mutation, EmptySubscription>;

/// The maximum number of directives on one field.
const MAX_DIRECTIVES: usize = 5;

/// Builds the schema.
pub fn schema() -> Schema {
    Schema::build(Query, Mutation, EmptySubscription)
        .limit_directives(MAX_DIRECTIVES)
        .disable_suggestions()
        .extension(budget::CountFields)
        .register_output_type::<query::Node>()
        .finish()
}

/// Returns the schema in SDL, which is the content of `schema.graphql`.
pub fn sdl() -> &'static str {
    static SDL: LazyLock<String> = LazyLock::new(|| {
        schema().sdl_with_options(SDLExportOptions::new().include_specified_by().prefer_single_line_descriptions())
    });
    &SDL
}

/// The context of one request: the caller, their authorization, and the loaders.
pub struct Request {
    app: App,
    caller: Caller,
    auth_context: AuthContext,
    loader: Arc<DataLoader<Loaders>>,
    queue: Queue,
    budget: Budget,
}

impl Request {
    /// Reads the current authorization of the caller. Fails with `UNAUTHENTICATED` if the user is disabled or deleted.
    pub async fn new(app: &App, caller: Caller) -> Result<Self> {
        let auth_context = app.store().auth_context(&caller).await?;
        let loaders = Loaders::new(app.clone(), auth_context.clone(), caller.at);
        let queue = Queue::default();
        let next_round = queue.clone();
        let loader = DataLoader::new(loaders, move |load| next_round.push(load)).delay(Duration::ZERO);
        Ok(Self { app: app.clone(), caller, auth_context, loader: Arc::new(loader), queue, budget: Budget::default() })
    }

    /// Returns the identity of a list, which its cursors are bound to: its kind, the object it belongs to, and its filter.
    async fn list(&self, kind: ListKind, owner: uuid::Uuid, detail: &(impl Detail + Sync)) -> Result<ListKey> {
        Ok(self.app.store().cursor_key().await?.list(kind, owner, detail))
    }

    /// Executes one operation of this request.
    pub async fn execute(self, schema: &Schema, query: async_graphql::Request) -> async_graphql::Response {
        let (queue, budget) = (self.queue.clone(), self.budget.clone());
        let Some(mut response) = batching::run_batched(queue, budget, schema.execute(query.data(self))).await else {
            return async_graphql::Response::from_errors(vec![error::too_many_fields()]);
        };
        error_messages::replace_messages(&mut response.errors);
        response
    }
}

/// Returns the request that a resolver belongs to.
fn request<'ctx>(ctx: &Context<'ctx>) -> &'ctx Request {
    ctx.data_unchecked()
}
