//! IDs: UUIDv7 in one type for each kind, with the `TypeID` text of GraphQL and the command line.

use crate::domain::time::Time;
use uuid::Uuid;

/// The alphabet of `TypeID`s: Crockford's base 32 in lowercase.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $kind:literal,)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Uuid);

        impl $name {
            /// The part of the text before the underscore.
            pub const KIND: &'static str = $kind;

            /// Generates an ID. IDs sort by this time.
            pub fn new(at: Time) -> Self {
                Self(version_7(at))
            }

            /// Wraps the UUID of the store or of a REST client.
            pub const fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// Returns the UUID, for REST, headers and the store.
            pub const fn uuid(self) -> Uuid {
                self.0
            }

            /// Parses the text of an ID of this kind. Returns `None` for any other text.
            pub fn parse(text: &str) -> Option<Self> {
                let rest = text.strip_prefix(Self::KIND)?.strip_prefix('_')?;
                decode(rest).map(Self)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "{}_{}", Self::KIND, encode(self.0))
            }
        }
    )*};
}

ids! {
    /// The ID of a user.
    UserId = "user",
    /// The ID of an organization.
    OrganizationId = "org",
    /// The ID of a token.
    TokenId = "token",
    /// The ID of a grant.
    GrantId = "grant",
    /// The ID of an event.
    EventId = "event",
    /// The ID of a delivery.
    DeliveryId = "mail",
    /// The ID of a resource server.
    ResourceServerId = "server",
    /// The ID of a session.
    SessionId = "session",
}

/// Generates a UUIDv7 that sorts by `at` to the microsecond (RFC 9562, section 6.2, method 3). The rest is random.
fn version_7(at: Time) -> Uuid {
    let micros = u128::try_from(at.micros()).unwrap_or_default();
    let fraction = (micros % 1_000) * 4_096 / 1_000;
    let random = Uuid::new_v4().as_u128() & ((1 << 62) - 1);
    Uuid::from_u128((micros / 1_000) << 80 | 0x7 << 76 | fraction << 64 | 0b10 << 62 | random)
}

fn encode(uuid: Uuid) -> String {
    let number = uuid.as_u128();
    (0..26)
        .rev()
        .filter_map(|place| ALPHABET.get(usize::try_from((number >> (place * 5)) & 31).unwrap_or_default()))
        .map(|&byte| char::from(byte))
        .collect()
}

fn decode(text: &str) -> Option<Uuid> {
    // 26 characters hold 130 bits: only three bits of the first are used.
    if text.len() != 26 || text.as_bytes().first().is_none_or(|&first| first > b'7') {
        return None;
    }
    text.bytes()
        .try_fold(0_u128, |number, byte| {
            let value = ALPHABET.iter().position(|&other| other == byte)?;
            Some(number << 5 | u128::try_from(value).ok()?)
        })
        .map(Uuid::from_u128)
}

/// The ID of any GraphQL node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NodeId {
    /// A user.
    User(UserId),
    /// An organization.
    Organization(OrganizationId),
    /// A token.
    Token(TokenId),
    /// A grant.
    Grant(GrantId),
    /// An event.
    Event(EventId),
    /// A session.
    Session(SessionId),
}

impl NodeId {
    /// Parses the ID of any node. Returns `None` for a malformed text.
    pub fn parse(text: &str) -> Option<Self> {
        match text.split_once('_')?.0 {
            UserId::KIND => UserId::parse(text).map(Self::User),
            OrganizationId::KIND => OrganizationId::parse(text).map(Self::Organization),
            TokenId::KIND => TokenId::parse(text).map(Self::Token),
            GrantId::KIND => GrantId::parse(text).map(Self::Grant),
            EventId::KIND => EventId::parse(text).map(Self::Event),
            SessionId::KIND => SessionId::parse(text).map(Self::Session),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn id_text_follows_typeid_specification() {
        // The example of the TypeID specification.
        let uuid = Uuid::parse_str("01890a5d-ac96-774b-bcce-b302099a8057").expect("a uuid");
        assert_eq!(encode(uuid), "01h455vb4pex5vsknk084sn02q");
        assert_eq!(decode("01h455vb4pex5vsknk084sn02q"), Some(uuid));
        assert_eq!(decode("81h455vb4pex5vsknk084sn02q"), None);
    }

    #[test]
    fn ids_sort_by_creation_time() {
        let at = Time::from_micros(1_795_426_200_000_000);
        let ids: Vec<_> = (0..5000).map(|step| TokenId::new(at.plus(std::time::Duration::from_micros(step)))).collect();
        assert!(ids.is_sorted());
        assert!(ids.iter().all(|id| id.uuid().get_version_num() == 7));
        let texts: Vec<_> = ids.iter().map(ToString::to_string).collect();
        assert!(texts.is_sorted());
    }

    proptest! {
        #[test]
        fn id_survives_conversion_to_text(number: u128) {
            let id = UserId::from_uuid(Uuid::from_u128(number));
            prop_assert_eq!(UserId::parse(&id.to_string()), Some(id));
            prop_assert_eq!(TokenId::parse(&id.to_string()), None);
        }

        #[test]
        fn id_parser_accepts_any_text_without_panic(text: String) {
            let _ = NodeId::parse(&text);
        }
    }
}
