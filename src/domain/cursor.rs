//! Cursors: the position of a row in a list, as a text for clients.
//!
//! A cursor contains the values that the list is sorted by. It is authenticated with a key of the database and of the
//! list, so that only the service creates cursors, and a cursor is valid for one list, filter and order only.

use crate::domain::{
    event::EventType,
    filter::{EventFilter, TimeRange, TokenFilter, TokenOrder, TokenOrderField},
    id::{OrganizationId, TokenId, UserId},
    mac::MacKey,
    organization::Role,
    scope::ScopeName,
    secret::Fingerprint,
    state::{GrantStatus, TokenStatus},
    time::Time,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::Mac as _;
use std::{collections::BTreeSet, net::IpAddr, time::Duration};
use uuid::Uuid;

/// The first byte of every cursor: the version of its layout.
const VERSION: u8 = 1;
const MAX_CURSOR_CHARS: usize = 400;
const TAG_BYTES: usize = 16;

impl MacKey {
    /// Returns the list with a kind, the ID of the object that it belongs to, and the filter that determines its rows.
    pub fn list(&self, kind: ListKind, id: Uuid, detail: &impl Detail) -> ListKey {
        let mut fields = Fields::default();
        fields.add(kind.name()).add(&id).add(&kind.order()).add(detail);
        ListKey { key: self.derived(&fields.0), sorted_by: kind.sorted_by() }
    }
}

/// The kinds of paginated lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListKind {
    /// The organizations of a user.
    Organizations,
    /// The sessions of a user.
    Sessions,
    /// The tokens of a user.
    Tokens(TokenOrder),
    /// The tokens that have access to an organization.
    Audit(TokenOrder),
    /// The events of an organization.
    Events,
    /// The members of an organization.
    Members,
    /// The grants of a token.
    Grants,
    /// The events of a token.
    TokenEvents,
}

impl ListKind {
    const fn name(self) -> &'static str {
        match self {
            Self::Organizations => "organizations",
            Self::Sessions => "sessions",
            Self::Tokens(_) => "tokens",
            Self::Audit(_) => "audit",
            Self::Events => "events",
            Self::Members => "members",
            Self::Grants => "grants",
            Self::TokenEvents => "token events",
        }
    }

    const fn order(self) -> Option<TokenOrder> {
        match self {
            Self::Tokens(order) | Self::Audit(order) => Some(order),
            _ => None,
        }
    }

    const fn sorted_by(self) -> KeyType {
        match self {
            Self::Organizations | Self::Sessions | Self::Grants => KeyType::Id,
            Self::Events | Self::TokenEvents => KeyType::Number,
            Self::Members => KeyType::Text,
            Self::Tokens(order) | Self::Audit(order) => match order.field {
                TokenOrderField::CreatedAt => KeyType::Id,
                TokenOrderField::LastUsedAt | TokenOrderField::ExpiresAt => KeyType::Number,
                TokenOrderField::Owner => KeyType::Text,
            },
        }
    }
}

/// A list: its key, and the type of the values that it is sorted by.
#[derive(Clone, PartialEq, Eq)]
pub struct ListKey {
    key: MacKey,
    sorted_by: KeyType,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum KeyType {
    Id,
    Number,
    Text,
}

/// The value that a row is sorted by before its ID.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum SortKey {
    /// The list is sorted by the ID only.
    Id,
    /// A number, such as a time.
    Number(i64),
    /// A text, such as a username.
    Text(String),
}

impl SortKey {
    const fn kind(&self) -> KeyType {
        match self {
            Self::Id => KeyType::Id,
            Self::Number(_) => KeyType::Number,
            Self::Text(_) => KeyType::Text,
        }
    }
}

/// The position of a row in a list.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Cursor {
    /// The value that the list is sorted by.
    pub key: SortKey,
    /// The ID, which breaks ties.
    pub id: Uuid,
}

impl Cursor {
    /// Returns the text for clients.
    pub fn encode(&self, list: &ListKey) -> String {
        let mut bytes = vec![VERSION];
        bytes.extend(self.id.as_bytes());
        match &self.key {
            SortKey::Id => bytes.push(0),
            SortKey::Number(number) => {
                bytes.push(1);
                bytes.extend(number.to_be_bytes());
            }
            SortKey::Text(text) => {
                bytes.push(2);
                bytes.extend(text.as_bytes());
            }
        }
        let tag = list.key.mac(&bytes).finalize().into_bytes();
        bytes.extend(tag.iter().take(TAG_BYTES));
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Parses a cursor of this list. Returns `None` for any other text.
    pub fn decode(list: &ListKey, text: &str) -> Option<Self> {
        if text.len() > MAX_CURSOR_CHARS {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (bytes, tag) = bytes.split_at_checked(bytes.len().checked_sub(TAG_BYTES)?)?;
        list.key.mac(bytes).verify_truncated_left(tag).ok()?;
        let (&version, rest) = bytes.split_first()?;
        let (id, rest) = rest.split_at_checked(16)?;
        let (&kind, rest) = rest.split_first()?;
        let key = match (version, kind) {
            (VERSION, 0) if rest.is_empty() => SortKey::Id,
            (VERSION, 1) => SortKey::Number(i64::from_be_bytes(rest.try_into().ok()?)),
            (VERSION, 2) => SortKey::Text(String::from_utf8(rest.to_vec()).ok()?),
            _ => return None,
        };
        (key.kind() == list.sorted_by).then_some(Self { key, id: Uuid::from_slice(id).ok()? })
    }
}

/// The fields that distinguish a list from every other. Each value is written with its length, so that different filters
/// have different bytes.
#[derive(Default)]
pub struct Fields(Vec<u8>);

impl Fields {
    /// Writes another field.
    pub fn add(&mut self, field: &(impl Detail + ?Sized)) -> &mut Self {
        field.write(self);
        self
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len());
        self.0.extend(bytes);
    }

    fn number(&mut self, number: usize) {
        self.0.extend((number as u64).to_be_bytes());
    }
}

/// A value that determines the rows of a list or their order.
pub trait Detail {
    /// Writes the complete value.
    fn write(&self, to: &mut Fields);
}

macro_rules! details {
    ($($of:ty: |$value:ident| $bytes:expr;)*) => {$(
        impl Detail for $of {
            fn write(&self, to: &mut Fields) {
                let $value = self;
                to.bytes($bytes);
            }
        }
    )*};
}

details! {
    str: |text| text.as_bytes();
    String: |text| text.as_bytes();
    bool: |flag| &[u8::from(*flag)];
    Uuid: |id| id.as_bytes();
    TokenId: |id| id.uuid().as_bytes();
    UserId: |id| id.uuid().as_bytes();
    OrganizationId: |id| id.uuid().as_bytes();
    Fingerprint: |fingerprint| fingerprint.as_bytes();
    ScopeName: |scope| scope.as_str().as_bytes();
    IpAddr: |address| address.to_string().as_bytes();
    Time: |time| &time.micros().to_be_bytes();
    Duration: |span| &span.as_micros().to_be_bytes();
    EventType: |kind| kind.as_str().as_bytes();
    Role: |role| role.as_str().as_bytes();
    TokenStatus: |status| status.as_str().as_bytes();
    GrantStatus: |status| match status {
        GrantStatus::Active => b"active",
        GrantStatus::Ended => b"ended",
        GrantStatus::Removed => b"removed",
    };
    TokenOrderField: |field| match field {
        TokenOrderField::CreatedAt => b"created_at",
        TokenOrderField::LastUsedAt => b"last_used_at",
        TokenOrderField::Owner => b"owner",
        TokenOrderField::ExpiresAt => b"expires_at",
    };
}

impl Detail for () {
    fn write(&self, _: &mut Fields) {}
}

impl<T: Detail> Detail for Option<T> {
    fn write(&self, to: &mut Fields) {
        to.number(self.iter().len());
        if let Some(one) = self {
            one.write(to);
        }
    }
}

impl<T: Detail> Detail for Vec<T> {
    fn write(&self, to: &mut Fields) {
        to.number(self.len());
        for one in self {
            one.write(to);
        }
    }
}

impl<T: Detail> Detail for BTreeSet<T> {
    fn write(&self, to: &mut Fields) {
        to.number(self.len());
        for one in self {
            one.write(to);
        }
    }
}

// The patterns name every field, so that a new one does not compile until it is written here.

impl Detail for TimeRange {
    fn write(&self, fields: &mut Fields) {
        let Self { from, to } = self;
        fields.add(from).add(to);
    }
}

impl Detail for TokenOrder {
    fn write(&self, to: &mut Fields) {
        let Self { field, descending } = self;
        to.add(field).add(descending);
    }
}

impl Detail for TokenFilter {
    fn write(&self, to: &mut Fields) {
        let Self {
            owner,
            words,
            values,
            hints,
            scopes,
            addresses,
            owner_is_admin,
            status,
            created_at,
            last_used_at,
            unused_since,
            unused_for,
            expires_at,
            expires_within,
            never_expires,
            never_used,
        } = self;
        to.add(owner).add(words).add(values).add(hints).add(scopes).add(addresses).add(owner_is_admin).add(status);
        to.add(created_at).add(last_used_at).add(unused_since).add(unused_for).add(expires_at).add(expires_within);
        to.add(never_expires).add(never_used);
    }
}

impl Detail for EventFilter {
    fn write(&self, to: &mut Fields) {
        let Self { types, token, actor, user, at } = self;
        to.add(types).add(token).add(actor).add(user).add(at);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const BY_ID: ListKind = ListKind::Grants;
    const BY_NUMBER: ListKind = ListKind::Events;
    const BY_TEXT: ListKind = ListKind::Members;

    fn mac_key() -> MacKey {
        MacKey::parse("7")
    }

    fn list(kind: ListKind) -> ListKey {
        mac_key().list(kind, Uuid::nil(), &())
    }

    /// A sort key, and a list that is sorted by such keys.
    fn keys() -> impl Strategy<Value = (SortKey, ListKind)> {
        prop_oneof![
            Just((SortKey::Id, BY_ID)),
            any::<i64>().prop_map(|number| (SortKey::Number(number), BY_NUMBER)),
            "[a-z0-9._-]{1,64}".prop_map(|text| (SortKey::Text(text), BY_TEXT)),
        ]
    }

    proptest! {
        ///
        #[test]
        fn cursor_is_valid_for_its_list_only((key, kind) in keys(), id: u128) {
            let cursor = Cursor { key, id: Uuid::from_u128(id) };
            let text = cursor.encode(&list(kind));
            prop_assert_eq!(Cursor::decode(&list(kind), &text), Some(cursor));
            prop_assert_eq!(Cursor::decode(&mac_key().list(kind, Uuid::max(), &()), &text), None);
            prop_assert_eq!(Cursor::decode(&mac_key().list(kind, Uuid::nil(), &true), &text), None);
            for other in [BY_ID, BY_NUMBER, BY_TEXT, ListKind::Sessions].into_iter().filter(|other| *other != kind) {
                prop_assert_eq!(Cursor::decode(&list(other), &text), None);
            }
        }

        ///
        #[test]
        fn cursor_of_another_database_is_rejected((key, kind) in keys(), id: u128) {
            let text = Cursor { key, id: Uuid::from_u128(id) }.encode(&list(kind));
            prop_assert_eq!(Cursor::decode(&MacKey::parse("8").list(kind, Uuid::nil(), &()), &text), None);
        }

        ///
        #[test]
        fn damaged_or_truncated_cursor_is_rejected((key, kind) in keys(), id: u128) {
            let text = Cursor { key, id: Uuid::from_u128(id) }.encode(&list(kind));
            for place in 0..text.len() * 8 {
                let mut bytes = text.clone().into_bytes();
                bytes[place / 8] ^= 1 << (place % 8);
                if let Ok(damaged) = String::from_utf8(bytes) {
                    prop_assert_eq!(Cursor::decode(&list(kind), &damaged), None);
                }
            }
            for length in 0..text.len() {
                prop_assert_eq!(Cursor::decode(&list(kind), &text[..length]), None);
            }
        }

        /// even the service itself cannot use a key of one type in a list of another.
        #[test]
        fn key_of_another_type_is_rejected_with_a_valid_tag((key, kind) in keys(), id: u128) {
            for other in [BY_ID, BY_NUMBER, BY_TEXT].into_iter().filter(|other| *other != kind) {
                let text = Cursor { key: key.clone(), id: Uuid::from_u128(id) }.encode(&list(other));
                prop_assert_eq!(Cursor::decode(&list(other), &text), None);
            }
        }

        ///
        #[test]
        fn cursor_parser_accepts_any_text_without_panic(text: String) {
            prop_assert_eq!(Cursor::decode(&list(BY_ID), &text), None);
        }
    }

    ///
    #[test]
    fn cursor_of_another_version_is_rejected() {
        let text = Cursor { key: SortKey::Id, id: Uuid::max() }.encode(&list(BY_ID));
        let mut bytes = URL_SAFE_NO_PAD.decode(text).expect("a cursor");
        bytes.truncate(bytes.len() - TAG_BYTES);
        bytes[0] = VERSION + 1;
        let tag = list(BY_ID).key.mac(&bytes).finalize().into_bytes();
        bytes.extend(&tag[..TAG_BYTES]);
        assert_eq!(Cursor::decode(&list(BY_ID), &URL_SAFE_NO_PAD.encode(bytes)), None);
    }

    /// Each filter differs from the others in one field only.
    #[test]
    fn filters_that_differ_in_any_field_are_different_lists() {
        let none = TokenFilter::default;
        let text = || vec!["a".to_owned()];
        let time = Time::from_micros(1);
        let from = TimeRange { from: Some(time), to: None };
        let to = TimeRange { from: None, to: Some(time) };
        let span = Some(Duration::from_hours(24));
        let filters = [
            none(),
            TokenFilter { owner: text(), ..none() },
            TokenFilter { owner: vec!["a".into(), "a".into()], ..none() },
            TokenFilter { owner: vec!["aa".into()], ..none() },
            TokenFilter { words: text(), ..none() },
            TokenFilter { values: vec![None], ..none() },
            TokenFilter { values: vec![Some(Fingerprint::from_bytes([1; 32]))], ..none() },
            TokenFilter { values: vec![Some(Fingerprint::from_bytes([2; 32]))], ..none() },
            TokenFilter { hints: text(), ..none() },
            TokenFilter { scopes: ScopeName::new("read_builds").into_iter().collect(), ..none() },
            TokenFilter { addresses: vec!["192.0.2.1".parse().expect("an address")], ..none() },
            TokenFilter { owner_is_admin: Some(true), ..none() },
            TokenFilter { owner_is_admin: Some(false), ..none() },
            TokenFilter { status: Some(Vec::new()), ..none() },
            TokenFilter { status: Some(vec![TokenStatus::Revoked]), ..none() },
            TokenFilter { created_at: from, ..none() },
            TokenFilter { created_at: to, ..none() },
            TokenFilter { last_used_at: from, ..none() },
            TokenFilter { unused_since: Some(time), ..none() },
            TokenFilter { unused_for: span, ..none() },
            TokenFilter { expires_at: from, ..none() },
            TokenFilter { expires_within: span, ..none() },
            TokenFilter { never_expires: Some(true), ..none() },
            TokenFilter { never_used: Some(true), ..none() },
        ];
        let mut keys = BTreeSet::new();
        for order in [TokenOrder::default(), TokenOrder { descending: false, ..TokenOrder::default() }] {
            for kind in [ListKind::Tokens(order), ListKind::Audit(order)] {
                keys.extend(filters.iter().map(|filter| mac_key().list(kind, Uuid::nil(), filter).key.hash(b"")));
            }
        }
        assert_eq!(keys.len(), filters.len() * 4);
    }
}
