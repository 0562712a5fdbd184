//! The GraphQL schema: how the domain is told to clients, and which limits hold before anything runs.

mod argument_size;
mod batching;
mod budget;
mod connection;
pub mod cost;
pub mod document;
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

pub use error::{error_of, outcome_of};
pub use input::token_filter;
pub use validation::misfits;

use crate::{
    app::App,
    domain::{
        caller::Caller,
        cursor::{Detail, List, ListKind},
        error::Result,
        policy::Standing,
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

/// The most directives on one field.
const MOST_DIRECTIVES: usize = 5;

/// Builds the schema.
pub fn schema() -> Schema {
    Schema::build(Query, Mutation, EmptySubscription)
        .limit_directives(MOST_DIRECTIVES)
        .disable_suggestions()
        .extension(budget::CountFields)
        .register_output_type::<query::Node>()
        .finish()
}

/// The schema as text, as `schema.graphql` holds it.
pub fn sdl() -> &'static str {
    static SDL: LazyLock<String> = LazyLock::new(|| {
        schema().sdl_with_options(SDLExportOptions::new().include_specified_by().prefer_single_line_descriptions())
    });
    &SDL
}

/// One request, as resolvers know it: who asks, and what they may see.
pub struct Request {
    app: App,
    caller: Caller,
    standing: Standing,
    loader: Arc<DataLoader<Loaders>>,
    queue: Queue,
    budget: Budget,
}

impl Request {
    /// Reads what the caller is at this moment. `UNAUTHENTICATED` for whoever is disabled or gone.
    pub async fn new(app: &App, caller: Caller) -> Result<Self> {
        let standing = app.store().standing(&caller).await?;
        let loads = Loaders::new(app.clone(), standing.clone(), caller.at);
        let queue = Queue::default();
        let rounds = queue.clone();
        let loader = DataLoader::new(loads, move |load| rounds.push(load)).delay(Duration::ZERO);
        Ok(Self { app: app.clone(), caller, standing, loader: Arc::new(loader), queue, budget: Budget::default() })
    }

    /// A list that is read in pages: its kind, whose it is, and what else decides its rows.
    async fn list(&self, kind: ListKind, of: uuid::Uuid, detail: &(impl Detail + Sync)) -> Result<List> {
        Ok(self.app.store().cursor_key().await?.list(kind, of, detail))
    }

    /// Executes one operation of this request.
    pub async fn execute(self, schema: &Schema, query: async_graphql::Request) -> async_graphql::Response {
        let (queue, budget) = (self.queue.clone(), self.budget.clone());
        let Some(mut response) = batching::in_rounds(queue, budget, schema.execute(query.data(self))).await else {
            return async_graphql::Response::from_errors(vec![error::too_many_fields()]);
        };
        error_messages::reword(&mut response.errors);
        response
    }
}

/// The request that a resolver works for.
fn request<'ctx>(ctx: &Context<'ctx>) -> &'ctx Request {
    ctx.data_unchecked()
}
