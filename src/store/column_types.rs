//! Conversions between the types of the domain and database columns.

use crate::domain::{
    event::{EventSource, EventType, FieldChange},
    id::{DeliveryId, EventId, GrantId, OrganizationId, ResourceServerId, SessionId, TokenId, UserId},
    network::KnownNetworks,
    organization::Role,
    password::PasswordHash,
    scope::{ScopeName, ScopeSet},
    secret::Fingerprint,
    time::Time,
};
use sea_orm::{
    ColIdx, ColumnType, DbErr, QueryResult, TryFromU64, TryGetError, TryGetable, Value,
    sea_query::{ArrayType, Nullable, ValueType, ValueTypeErr},
};
use uuid::Uuid;

macro_rules! columns {
    ($($type:ty as $raw:ty: |$value:ident| $to:expr, |$stored:ident| $from:expr;)*) => {$(
        impl From<$type> for Value {
            fn from($value: $type) -> Self {
                let raw: $raw = $to;
                raw.into()
            }
        }

        impl TryGetable for $type {
            fn try_get_by<I: ColIdx>(row: &QueryResult, index: I) -> Result<Self, TryGetError> {
                let $stored = <$raw as TryGetable>::try_get_by(row, index)?;
                let value: Option<$type> = $from;
                value.ok_or_else(|| TryGetError::DbErr(DbErr::Type(concat!("not a ", stringify!($type)).into())))
            }
        }

        impl ValueType for $type {
            fn try_from(value: Value) -> Result<Self, ValueTypeErr> {
                let $stored = <$raw as ValueType>::try_from(value)?;
                let value: Option<$type> = $from;
                value.ok_or(ValueTypeErr)
            }

            fn type_name() -> String {
                stringify!($type).into()
            }

            fn array_type() -> ArrayType {
                <$raw as ValueType>::array_type()
            }

            fn column_type() -> ColumnType {
                <$raw as ValueType>::column_type()
            }
        }

        impl Nullable for $type {
            fn null() -> Value {
                <$raw as Nullable>::null()
            }
        }

        impl TryFromU64 for $type {
            fn try_from_u64(_: u64) -> Result<Self, DbErr> {
                // No table has a key that the database generates.
                Err(DbErr::ConvertFromU64(stringify!($type)))
            }
        }
    )*};
}

columns! {
    UserId as Uuid: |id| id.uuid(), |stored| Some(UserId::from_uuid(stored));
    OrganizationId as Uuid: |id| id.uuid(), |stored| Some(OrganizationId::from_uuid(stored));
    TokenId as Uuid: |id| id.uuid(), |stored| Some(TokenId::from_uuid(stored));
    GrantId as Uuid: |id| id.uuid(), |stored| Some(GrantId::from_uuid(stored));
    EventId as Uuid: |id| id.uuid(), |stored| Some(EventId::from_uuid(stored));
    DeliveryId as Uuid: |id| id.uuid(), |stored| Some(DeliveryId::from_uuid(stored));
    ResourceServerId as Uuid: |id| id.uuid(), |stored| Some(ResourceServerId::from_uuid(stored));
    SessionId as Uuid: |id| id.uuid(), |stored| Some(SessionId::from_uuid(stored));
    PasswordHash as String: |hash| hash.as_text().to_owned(), |stored| Some(PasswordHash::from_text(stored));
    KnownNetworks as String: |networks| networks.to_text(), |stored| Some(KnownNetworks::from_text(&stored));
    Time as i64: |time| time.micros(), |stored| Some(Time::from_micros(stored));
    Expiry as i64: |expiry| expiry.number(),
        |stored| Some(Expiry((stored != i64::MAX).then_some(Time::from_micros(stored))));
    LastUse as i64: |last| last.number(),
        |stored| Some(LastUse((stored != 0).then_some(Time::from_micros(stored))));
    Fingerprint as Vec<u8>: |fingerprint| fingerprint.as_bytes().to_vec(),
        |stored| stored.try_into().ok().map(Fingerprint::from_bytes);
    ScopeName as String: |name| name.as_str().to_owned(), |stored| ScopeName::new(&stored);
    ScopeSet as String: |set| set.to_column(), |stored| Some(ScopeSet::from_column(&stored));
    Role as String: |role| role_text(role).to_owned(), |stored| role_of(&stored);
    EventType as String: |kind| kind.as_str().to_owned(),
        |stored| EventType::ALL.iter().copied().find(|kind| kind.as_str() == stored);
    EventSource as String: |via| via.as_str().to_owned(),
        |stored| EventSource::ALL.into_iter().find(|via| via.as_str() == stored);
    DeliveryKind as String: |kind| kind.as_str().to_owned(),
        |stored| DeliveryKind::ALL.into_iter().find(|kind| kind.as_str() == stored);
    FieldChanges as String: |all| serde_json::to_string(&all.0).unwrap_or_default(),
        |stored| serde_json::from_str(&stored).ok().map(FieldChanges);
}

/// The expiry of a token. `None` (never) is stored as `i64::MAX` and sorts after every time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expiry(pub(crate) Option<Time>);

impl Expiry {
    /// Returns the stored form, by which rows are sorted.
    pub(super) fn number(self) -> i64 {
        self.0.map_or(i64::MAX, Time::micros)
    }
}

/// The kind of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliveryKind {
    /// An email to a user.
    Email,
}

impl DeliveryKind {
    const ALL: [Self; 1] = [Self::Email];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Email => "email",
        }
    }
}

/// The field changes of an event, stored as JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldChanges(pub(crate) Vec<FieldChange>);

/// The last use of a token or grant. `None` (never) is stored as 0 and sorts before every use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct LastUse(pub(crate) Option<Time>);

impl LastUse {
    /// Returns the stored form, by which rows are sorted.
    pub(super) fn number(self) -> i64 {
        self.0.map_or(0, Time::micros)
    }
}

const fn role_text(role: Role) -> &'static str {
    match role {
        Role::Admin => "admin",
        Role::Member => "member",
    }
}

fn role_of(text: &str) -> Option<Role> {
    [Role::Admin, Role::Member].into_iter().find(|role| role_text(*role) == text)
}
