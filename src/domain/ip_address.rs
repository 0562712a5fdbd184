//! Parsing of IP addresses, as clients, proxies and filters write them.

use crate::domain::error::{Error, Result};
use std::net::{IpAddr, SocketAddr};

/// Returns the canonical form of an address: an IPv4-mapped IPv6 address becomes an IPv4 address.
pub fn canonical(address: IpAddr) -> IpAddr {
    address.to_canonical()
}

/// Parses an address of a proxy header: alone, in brackets, or with a port.
pub fn parse_hop(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    let with_port = || text.parse().map(|address: SocketAddr| address.ip());
    bare.parse().or_else(|_| with_port()).ok().map(canonical)
}

/// Parses a complete address in any of its spellings.
pub fn parse_address(field: &str, text: &str) -> Result<IpAddr> {
    text.parse().map(canonical).map_err(|_| {
        let message =
            "This is not an IP address; write a complete one, such as 198.51.100.2 or 2001:db8::1, without spaces.";
        Error::invalid(field.to_owned(), message)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    ///
    #[test]
    fn address_spellings_are_equal() {
        let address = |text: &str| parse_address("ipAddress", text).expect("an address").to_string();
        assert_eq!(address("1.2.3.4"), "1.2.3.4");
        assert_eq!(address("::ffff:1.2.3.4"), "1.2.3.4");
        assert_eq!(address("::FFFF:102:304"), "1.2.3.4");
        assert_eq!(address("2001:DB8:0::1"), "2001:db8::1");
    }

    ///
    #[test]
    fn malformed_address_is_rejected_as_a_filter() {
        for text in [
            "",
            "1.2.3",
            " 1.2.3.4",
            "1.2.3.4 ",
            "01.2.3.4",
            "1.2.3.4/32",
            "1.2.3.4:80",
            "[::1]",
            "::1%eth0",
            "localhost",
            "1.2.3.4\0",
        ] {
            match parse_address("filter.ipAddress", text).expect_err("no address") {
                Error::Invalid { field, message } => {
                    assert!(field == "filter.ipAddress" && message.contains("write a complete one"));
                }
                other => panic!("{other:?}"),
            }
        }
    }

    ///
    #[test]
    fn hop_is_read_with_port_and_brackets() {
        for (text, address) in [
            ("198.51.100.7", "198.51.100.7"),
            ("198.51.100.7:51234", "198.51.100.7"),
            ("\t2001:DB8::7 ", "2001:db8::7"),
            ("[2001:db8::7]", "2001:db8::7"),
            ("[2001:db8::7]:51234", "2001:db8::7"),
            ("[::ffff:198.51.100.7]:1", "198.51.100.7"),
        ] {
            assert_eq!(parse_hop(text).expect("an address").to_string(), address, "{text}");
        }
        for text in
            ["", "unknown", "_hidden", "198.51.100.7:", "198.51.100.7:99999", "[2001:db8::7", "[]", "a.example:80"]
        {
            assert_eq!(parse_hop(text), None, "{text}");
        }
    }

    proptest! {
        ///
        #[test]
        fn address_survives_conversion_to_text(address: IpAddr) {
            prop_assert_eq!(parse_address("ipAddress", &address.to_string()).ok(), Some(canonical(address)));
        }
    }
}
