//! Which thing is meant: UUIDv7 in a type of its own for each kind, and the `TypeID` text that GraphQL and the command line show.

use crate::domain::time::Time;
use uuid::Uuid;

/// The alphabet of `TypeID`s: Crockford's base 32 in lower case.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $kind:literal,)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Uuid);

        impl $name {
            /// The word before the underscore in its text.
            pub const KIND: &'static str = $kind;

            /// A new one; those made later sort later.
            pub fn new(at: Time) -> Self {
                Self(version_7(at))
            }

            /// From what the store or a REST client holds.
            pub const fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// As REST, headers and the store hold it.
            pub const fn uuid(self) -> Uuid {
                self.0
            }

            /// Reads the text of this kind, and of no other.
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
    /// Somebody who owns tokens or administers organizations.
    UserId = "user",
    /// An organization whose data a token may reach.
    OrganizationId = "org",
    /// One access token.
    TokenId = "token",
    /// One period in which a token has access to one organization.
    GrantId = "grant",
    /// One thing that happened.
    EventId = "event",
    /// One letter on its way to somebody.
    DeliveryId = "mail",
    /// An API that may introspect tokens.
    ResourceServerId = "server",
    /// One sign-in of a browser.
    SessionId = "session",
}

/// A UUIDv7 whose order is that of `at` to the microsecond: RFC 9562, section 6.2, method 3; the rest is random.
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
        .map(|&letter| char::from(letter))
        .collect()
}

fn decode(text: &str) -> Option<Uuid> {
    // 26 letters hold 130 bits: the first may use three of its five.
    if text.len() != 26 || text.as_bytes().first().is_none_or(|&first| first > b'7') {
        return None;
    }
    text.bytes()
        .try_fold(0_u128, |number, letter| {
            let value = ALPHABET.iter().position(|&known| known == letter)?;
            Some(number << 5 | u128::try_from(value).ok()?)
        })
        .map(Uuid::from_u128)
}

/// Any id that GraphQL knows as a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NodeId {
    /// A user.
    User(UserId),
    /// An organization.
    Organization(OrganizationId),
    /// A token.
    Token(TokenId),
    /// A period of access.
    Grant(GrantId),
    /// An event.
    Event(EventId),
    /// A session.
    Session(SessionId),
}

impl NodeId {
    /// Reads the id of any node; nothing for what is malformed.
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
    fn the_text_of_an_id_is_that_of_the_typeid_specification() {
        // The example of the TypeID specification.
        let uuid = Uuid::parse_str("01890a5d-ac96-774b-bcce-b302099a8057").expect("a uuid");
        assert_eq!(encode(uuid), "01h455vb4pex5vsknk084sn02q");
        assert_eq!(decode("01h455vb4pex5vsknk084sn02q"), Some(uuid));
        assert_eq!(decode("81h455vb4pex5vsknk084sn02q"), None);
    }

    #[test]
    fn the_order_of_ids_is_the_order_of_their_making() {
        let at = Time::from_micros(1_795_426_200_000_000);
        let ids: Vec<_> = (0..5000).map(|step| TokenId::new(at.plus(std::time::Duration::from_micros(step)))).collect();
        assert!(ids.is_sorted());
        assert!(ids.iter().all(|id| id.uuid().get_version_num() == 7));
        let texts: Vec<_> = ids.iter().map(ToString::to_string).collect();
        assert!(texts.is_sorted());
    }

    proptest! {
        #[test]
        fn every_id_is_read_back_from_its_text(number: u128) {
            let id = UserId::from_uuid(Uuid::from_u128(number));
            prop_assert_eq!(UserId::parse(&id.to_string()), Some(id));
            prop_assert_eq!(TokenId::parse(&id.to_string()), None);
        }

        #[test]
        fn no_text_upsets_the_reader(text: String) {
            let _ = NodeId::parse(&text);
        }
    }
}
