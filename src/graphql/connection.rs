//! Connections as specified by Relay.

use super::error::to_graphql_error;
use crate::domain::{
    cursor::{Cursor, ListKey},
    error::Result,
    page::{PageArguments, Slice},
};
use async_graphql::{Result as FieldResult, SimpleObject};
use futures_util::future::BoxFuture;
use std::sync::Arc;

/// Counts the items of the whole list, only when `totalCount` is selected.
#[derive(Clone)]
pub(super) struct Count(Arc<dyn Fn() -> BoxFuture<'static, Result<u64>> + Send + Sync>);

impl Count {
    pub(super) fn new<F>(count: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<u64>> + Send + 'static,
    {
        Self(Arc::new(move || Box::pin(count())))
    }

    pub(super) async fn get(&self) -> FieldResult<i32> {
        let count = (self.0)().await.map_err(to_graphql_error)?;
        Ok(i32::try_from(count).unwrap_or(i32::MAX))
    }
}

/// A page of a list, before its rows are converted to their GraphQL type.
pub(super) struct ConnectionPage<T> {
    pub(super) slice: Slice<T>,
    pub(super) list: ListKey,
    pub(super) count: Count,
}

impl<T> ConnectionPage<T> {
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

/// Information about a page of a connection.
#[derive(SimpleObject)]
pub(super) struct PageInfo {
    /// Whether there are more items after this page.
    has_next_page: bool,
    /// Whether there are more items before this page.
    has_previous_page: bool,
    /// The cursor of the first item of the page.
    start_cursor: Option<String>,
    /// The cursor of the last item of the page.
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

/// Defines a connection and its edges. `$node` converts a row of type `$item` to `$type`; `$one` and `$many` are the singular
/// and the plural in descriptions. A `searched` connection also contains the interpreted words of the search.
macro_rules! connection {
    ($connection:ident, $edge:ident, $many:literal, $one:literal, searched $item:ty => $type:ty, $node:expr) => {
        $crate::graphql::connection::connection! {
            @ $connection, $edge, $many, $one, $item => $type, $node; $crate::graphql::search::SearchWord;
            /// How each word of `filter.query` was interpreted. Empty without a query.
            async fn search(&self) -> &[$crate::graphql::search::SearchWord] {
                &self.1
            }
        }
    };
    ($connection:ident, $edge:ident, $many:literal, $one:literal, $item:ty => $type:ty, $node:expr $(, $(#[$doc:meta])* $extra:ident: $extra_type:ty = $of:expr)*) => {
        $crate::graphql::connection::connection! {
            @ $connection, $edge, $many, $one, $item => $type, $node $(, $(#[$doc])* $extra: $extra_type = $of)*;;
        }
    };
    (@ $connection:ident, $edge:ident, $many:literal, $one:literal, $item:ty => $type:ty, $node:expr $(, $(#[$doc:meta])* $extra:ident: $extra_type:ty = $of:expr)*; $($word:ty)?; $($more:tt)*) => {
        pub(super) struct $connection(
            pub(super) $crate::graphql::connection::ConnectionPage<$item>,
            $(pub(super) Vec<$word>)?
        );

        #[doc = concat!("A paginated list of ", $many, ".")]
        #[async_graphql::Object]
        impl $connection {
            /// The edges of the page.
            async fn edges(&self) -> Vec<$edge> {
                let rows = self.0.slice.rows.iter();
                rows.map(|(cursor, item)| $edge { cursor: cursor.encode(&self.0.list), item: item.clone() }).collect()
            }

            #[doc = concat!("The ", $many, " of the page.")]
            async fn nodes(&self) -> Vec<$type> {
                self.0.slice.rows.iter().map(|(_, item)| ($node)(item)).collect()
            }

            /// Information about the page.
            async fn page_info(&self) -> $crate::graphql::connection::PageInfo {
                self.0.page_info()
            }

            #[doc = concat!("The total number of ", $many, " in the list.")]
            async fn total_count(&self) -> async_graphql::Result<i32> {
                self.0.count.get().await
            }

            $($more)*
        }

        pub(super) struct $edge {
            cursor: String,
            item: $item,
        }

        #[doc = concat!("An edge of a `", stringify!($connection), "`.")]
        #[async_graphql::Object]
        impl $edge {
            /// The cursor of the item, for use as `after` or `before`.
            async fn cursor(&self) -> &str {
                &self.cursor
            }

            #[doc = concat!("The ", $one, ".")]
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
