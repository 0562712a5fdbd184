//! Keyset pagination of lists, and the conditions that token lists share.

use super::{all, one};
use crate::domain::{
    cursor::{Cursor, SortKey},
    error::Result,
    filter::TimeRange,
    page::{Page, Slice},
};
use sea_orm::{
    Condition, ConnectionTrait, ExprTrait as _, FromQueryResult, Order,
    sea_query::{Expr, Func, IntoColumnRef, Query, SelectStatement, WindowStatement},
};
use std::{collections::HashMap, hash::Hash};
use uuid::Uuid;

/// The column by which a list is ordered before the ID, with its type: a cursor is compared only with a column of its
/// type.
#[derive(Clone, Copy)]
pub(super) enum SortColumn<K> {
    /// No column.
    Id,
    /// A column of numbers or times.
    Number(K),
    /// A column of texts.
    Text(K),
}

impl<K: Copy> SortColumn<K> {
    const fn column(self) -> Option<K> {
        match self {
            Self::Id => None,
            Self::Number(column) | Self::Text(column) => Some(column),
        }
    }
}

/// The order of a list: an optional column first, then the ID.
pub(super) struct SortOrder<K, I> {
    pub(super) key: SortColumn<K>,
    /// Breaks ties; `None` if the key is unique.
    pub(super) id: Option<I>,
    pub(super) descending: bool,
}

/// Limits a query to one page plus one row, in the direction of the page.
pub(super) fn paginate<K: IntoColumnRef + Copy, I: IntoColumnRef + Copy>(
    mut select: SelectStatement,
    order: &SortOrder<K, I>,
    page: &Page,
) -> SelectStatement {
    select.cond_where(between(order, page));
    let direction = direction(order, page);
    if let Some(key) = order.key.column() {
        select.order_by(key, direction.clone());
    }
    if let Some(id) = order.id {
        select.order_by(id, direction);
    }
    select.limit(u64::from(page.limit) + 1).take()
}

/// Selects the same page for each of many parents, in one statement.
pub(super) fn paginate_each<K: IntoColumnRef + Copy, I: IntoColumnRef + Copy>(
    mut select: SelectStatement,
    parent: (&'static str, &'static str),
    order: &SortOrder<K, I>,
    page: &Page,
) -> SelectStatement {
    select.cond_where(between(order, page));
    let direction = direction(order, page);
    let mut window = WindowStatement::partition_by(parent);
    if let Some(key) = order.key.column() {
        window.order_by(key, direction.clone());
    }
    if let Some(id) = order.id {
        window.order_by(id, direction);
    }
    select.expr_window_as(Func::cust("ROW_NUMBER"), window.take(), "place");
    Query::select()
        .expr(Expr::cust("*"))
        .from_subquery(select, "each")
        .and_where(Expr::col("place").lte(i64::from(page.limit) + 1))
        .order_by("place", Order::Asc)
        .take()
}

/// Groups the rows of [`paginate_each`] by parent.
pub(super) fn slices<R, P: Eq + Hash, T>(
    rows: Vec<R>,
    page: &Page,
    parent: impl Fn(&R) -> Option<P>,
    to_item: impl Fn(R) -> (Cursor, T),
) -> HashMap<P, Slice<T>> {
    let mut found = HashMap::<P, Vec<_>>::new();
    for row in rows {
        if let Some(parent) = parent(&row) {
            found.entry(parent).or_default().push(to_item(row));
        }
    }
    found.into_iter().map(|(parent, rows)| (parent, Slice::of(page, rows))).collect()
}

fn direction<K, I>(order: &SortOrder<K, I>, page: &Page) -> Order {
    if order.descending == page.backward { Order::Asc } else { Order::Desc }
}

/// Selects rows after the one cursor and before the other.
fn between<K: IntoColumnRef + Copy, I: IntoColumnRef + Copy>(order: &SortOrder<K, I>, page: &Page) -> Condition {
    // After means greater if the list ascends.
    let after = |cursor: &Cursor| beyond(order, cursor, !order.descending);
    let before = |cursor: &Cursor| beyond(order, cursor, order.descending);
    Condition::all().add_option(page.after.as_ref().map(after)).add_option(page.before.as_ref().map(before))
}

fn beyond<K: IntoColumnRef + Copy, I: IntoColumnRef + Copy>(
    order: &SortOrder<K, I>,
    cursor: &Cursor,
    greater: bool,
) -> Expr {
    let keys = match (order.key, &cursor.key) {
        (SortColumn::Id, SortKey::Id) => None,
        (SortColumn::Number(column), SortKey::Number(number)) => Some((Expr::col(column), Expr::value(*number))),
        (SortColumn::Text(column), SortKey::Text(text)) => Some((Expr::col(column), Expr::value(text.clone()))),
        // A cursor of another list matches no row.
        _ => return Expr::value(false),
    };
    let ids = order.id.map(|id| (Expr::col(id), Expr::value(cursor.id)));
    let (left, right) = match (keys, ids) {
        (Some((key, value)), Some((id, same))) => (Expr::tuple([key, id]), Expr::tuple([value, same])),
        (Some(one), None) | (None, Some(one)) => one,
        (None, None) => return Expr::value(true),
    };
    if greater { left.gt(right) } else { left.lt(right) }
}

/// Reads one page.
pub(super) async fn page_of<R: FromQueryResult, T>(
    connection: &impl ConnectionTrait,
    select: &SelectStatement,
    page: &Page,
    to_item: impl Fn(R) -> (Cursor, T),
) -> Result<Slice<T>> {
    let rows = all::<R>(connection, select).await?;
    Ok(Slice::of(page, rows.into_iter().map(to_item).collect()))
}

#[derive(FromQueryResult)]
struct Count {
    count: i64,
}

/// Counts the rows of a query.
pub(super) async fn count(connection: &impl ConnectionTrait, select: SelectStatement) -> Result<u64> {
    let counting = Query::select().expr_as(Expr::cust("COUNT(*)"), "count").from_subquery(select, "rows").take();
    let row = one::<Count>(connection, &counting).await?;
    Ok(row.map_or(0, |row| u64::try_from(row.count).unwrap_or_default()))
}

/// Counts the rows of a query for each of many parents.
pub(super) async fn count_each<P: Eq + Hash>(
    connection: &impl ConnectionTrait,
    select: SelectStatement,
    parent: &'static str,
    id: impl Fn(Uuid) -> P,
) -> Result<HashMap<P, u64>> {
    #[derive(FromQueryResult)]
    struct Row {
        parent: Uuid,
        count: i64,
    }
    let counting = Query::select()
        .expr_as(Expr::col(parent), "parent")
        .expr_as(Expr::cust("COUNT(*)"), "count")
        .from_subquery(select, "each")
        .group_by_col(parent)
        .take();
    let rows = all::<Row>(connection, &counting).await?;
    Ok(rows.into_iter().map(|row| (id(row.parent), u64::try_from(row.count).unwrap_or_default())).collect())
}

/// Selects rows whose column lies in the range. The value for never lies in no range.
pub(super) fn within<C: IntoColumnRef + Copy>(column: C, range: TimeRange, never: Option<i64>) -> Condition {
    if range == TimeRange::default() {
        return Condition::all();
    }
    Condition::all()
        .add_option(range.from.map(|from| Expr::col(column).gte(from)))
        .add_option(range.to.map(|to| Expr::col(column).lt(to)))
        .add_option(never.map(|never| Expr::col(column).ne(never)))
}

/// Tests two columns for equality, in a join or a condition.
pub(super) fn same(left: (&'static str, &'static str), right: (&'static str, &'static str)) -> Expr {
    Expr::col(left).equals(right)
}
