//! Pages of lists.

use crate::domain::{
    cursor::{Cursor, ListKey},
    error::{Error, Result},
};

/// The maximum number of rows of a page.
pub const MAX_PAGE_SIZE: u32 = 100;
/// The default number of rows of a page.
pub const DEFAULT_PAGE_SIZE: u32 = 50;

/// The arguments of a Relay connection.
#[derive(Debug, Clone, Default)]
pub struct PageArguments {
    /// The number of rows from the beginning.
    pub first: Option<i32>,
    /// The cursor after which rows are returned.
    pub after: Option<String>,
    /// The number of rows from the end.
    pub last: Option<i32>,
    /// The cursor before which rows are returned.
    pub before: Option<String>,
}

/// A page of a list.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Page {
    /// The maximum number of rows.
    pub limit: u32,
    /// Whether rows are counted from the end of the list.
    pub backward: bool,
    /// The position after which rows are returned.
    pub after: Option<Cursor>,
    /// The position before which rows are returned.
    pub before: Option<Cursor>,
}

impl Page {
    /// Validates the arguments of a client for a list.
    pub fn parse(arguments: &PageArguments, list: &ListKey) -> Result<Self> {
        let cursor = |field: &'static str, text: &Option<String>| {
            match text {
            None => Ok(None),
            Some(text) => Cursor::decode(list, text).map(Some).ok_or_else(|| {
                Error::invalid(
                    field,
                    "The cursor does not belong to this list. Specify a cursor of a page with the same filter and order.",
                )
            }),
        }
        };
        let (limit, backward) = match (arguments.first, arguments.last) {
            (Some(_), Some(_)) => {
                return Err(Error::invalid("last", "Specify either `first` or `last`, not both."));
            }
            (Some(first), None) => (size("first", first)?, false),
            (None, Some(last)) => (size("last", last)?, true),
            (None, None) => (DEFAULT_PAGE_SIZE, false),
        };
        Ok(Self {
            limit,
            backward,
            after: cursor("after", &arguments.after)?,
            before: cursor("before", &arguments.before)?,
        })
    }
}

fn size(field: &'static str, requested: i32) -> Result<u32> {
    u32::try_from(requested)
        .ok()
        .filter(|size| *size <= MAX_PAGE_SIZE)
        .ok_or_else(|| Error::invalid(field, format!("A page has 0 to {MAX_PAGE_SIZE} rows.")))
}

/// The rows of one page, in the order of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slice<T> {
    /// The rows, each with its position.
    pub rows: Vec<(Cursor, T)>,
    /// Whether there are rows after the last one.
    pub has_next: bool,
    /// Whether there are rows before the first one.
    pub has_previous: bool,
}

impl<T> Slice<T> {
    /// Creates it from the rows in the direction of the page, of which there is one more than its limit if others follow.
    pub fn of(page: &Page, mut rows: Vec<(Cursor, T)>) -> Self {
        let limit = usize::try_from(page.limit).unwrap_or(usize::MAX);
        let more = rows.len() > limit;
        rows.truncate(limit);
        if page.backward {
            rows.reverse();
            Self { rows, has_next: page.before.is_some(), has_previous: more }
        } else {
            Self { rows, has_next: more, has_previous: page.after.is_some() }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{cursor::ListKind, mac::MacKey};

    ///
    #[test]
    fn page_has_0_to_100_rows_and_50_by_default() {
        let list = MacKey::parse("a key").list(ListKind::Grants, uuid::Uuid::nil(), &());
        let page = |first, last| Page::parse(&PageArguments { first, last, ..Default::default() }, &list);
        assert_eq!(page(None, None).expect("the default page").limit, 50);
        assert_eq!(page(Some(0), None).expect("an empty page").limit, 0);
        assert_eq!(page(None, Some(100)).map(|page| (page.limit, page.backward)).expect("the last 100"), (100, true));
        for (first, last) in
            [(Some(-1), None), (Some(101), None), (Some(i32::MAX), None), (None, Some(-1)), (Some(1), Some(1))]
        {
            assert_eq!(page(first, last).expect_err("out of bounds").code().as_str(), "INVALID_INPUT");
        }
    }
}
