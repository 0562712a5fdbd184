//! Pages as Relay knows them.

use super::error::fail;
use crate::domain::{
    cursor::{Cursor, List},
    error::Result,
    list::{PageArguments, Slice},
};
use async_graphql::{Result as Answer, SimpleObject};
use futures_util::future::BoxFuture;
use std::sync::Arc;

/// How the whole list is counted, when somebody asks.
#[derive(Clone)]
pub(super) struct Count(Arc<dyn Fn() -> BoxFuture<'static, Result<u64>> + Send + Sync>);

impl Count {
    pub(super) fn by<F>(counting: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<u64>> + Send + 'static,
    {
        Self(Arc::new(move || Box::pin(counting())))
    }

    pub(super) async fn ask(&self) -> Answer<i32> {
        let count = (self.0)().await.map_err(fail)?;
        Ok(i32::try_from(count).unwrap_or(i32::MAX))
    }
}

/// A page of any list, before its rows are given their GraphQL type.
pub(super) struct Rows<T> {
    pub(super) slice: Slice<T>,
    pub(super) list: List,
    pub(super) count: Count,
}

impl<T> Rows<T> {
    pub(super) fn page_info(&self) -> PageInfo {
        let cursor = |row: Option<&(Cursor, T)>| row.map(|(cursor, _)| cursor.encode(&self.list));
        PageInfo {
            has_next_page: self.slice.has_next,
            has_previous_page: self.slice.has_previous,
            start_cursor: cursor(self.slice.rows.first()),
            end_cursor: cursor(self.slice.rows.last()),
        }
    }
}

/// Where a page stands in its list.
#[derive(SimpleObject)]
pub(super) struct PageInfo {
    /// There are rows behind the last of these.
    has_next_page: bool,
    /// There are rows ahead of the first of these.
    has_previous_page: bool,
    /// The cursor of the first row.
    start_cursor: Option<String>,
    /// The cursor of the last row.
    end_cursor: Option<String>,
}

pub(super) fn page(
    first: Option<i32>,
    after: Option<String>,
    last: Option<i32>,
    before: Option<String>,
) -> PageArguments {
    PageArguments { first, after, last, before }
}

/// A connection and its edges: `$rows` are of `$item`, and `$node` tells how one becomes a `$type`. A searched one has the
/// words of the search beside its rows.
macro_rules! connection {
    ($connection:ident, $edge:ident, searched $item:ty => $type:ty, $node:expr) => {
        $crate::graphql::connection::connection! {
            @ $connection, $edge, $item => $type, $node; $crate::graphql::search::SearchWord;
            /// What the search (`filter.query`) was understood as, word by word. Empty without one.
            async fn search(&self) -> &[$crate::graphql::search::SearchWord] {
                &self.1
            }
        }
    };
    ($connection:ident, $edge:ident, $item:ty => $type:ty, $node:expr $(, $(#[$doc:meta])* $extra:ident: $extra_type:ty = $of:expr)*) => {
        $crate::graphql::connection::connection! {
            @ $connection, $edge, $item => $type, $node $(, $(#[$doc])* $extra: $extra_type = $of)*;;
        }
    };
    (@ $connection:ident, $edge:ident, $item:ty => $type:ty, $node:expr $(, $(#[$doc:meta])* $extra:ident: $extra_type:ty = $of:expr)*; $($word:ty)?; $($more:tt)*) => {
        pub(super) struct $connection(
            pub(super) $crate::graphql::connection::Rows<$item>,
            $(pub(super) Vec<$word>)?
        );

        /// A page of a list.
        #[async_graphql::Object]
        impl $connection {
            /// The rows, each with its place in the list.
            async fn edges(&self) -> Vec<$edge> {
                let rows = self.0.slice.rows.iter();
                rows.map(|(cursor, item)| $edge { cursor: cursor.encode(&self.0.list), item: item.clone() }).collect()
            }

            /// The rows alone.
            async fn nodes(&self) -> Vec<$type> {
                self.0.slice.rows.iter().map(|(_, item)| ($node)(item)).collect()
            }

            /// Where this page stands in the list.
            async fn page_info(&self) -> $crate::graphql::connection::PageInfo {
                self.0.page_info()
            }

            /// How many rows the whole list has.
            async fn total_count(&self) -> async_graphql::Result<i32> {
                self.0.count.ask().await
            }

            $($more)*
        }

        pub(super) struct $edge {
            cursor: String,
            item: $item,
        }

        /// A row and its place in the list.
        #[async_graphql::Object]
        impl $edge {
            /// Its place: give it back as `after` or `before`.
            async fn cursor(&self) -> &str {
                &self.cursor
            }

            /// The row.
            async fn node(&self) -> $type {
                ($node)(&self.item)
            }

            $(
                $(#[$doc])*
                async fn $extra(&self) -> $extra_type {
                    ($of)(&self.item)
                }
            )*
        }
    };
}
pub(super) use connection;
