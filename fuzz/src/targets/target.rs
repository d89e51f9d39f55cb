//! Targets: the canonical form means the same, and what a scheme reads from it does not depend on which form is read.

use farcall_lb::{
    Target,
    target::{DnsTarget, ip_addresses, unix_abstract_name, unix_path},
};

pub(super) fn run(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let target = match Target::parse(text) {
        Ok(target) => target,
        Err(error) => {
            // Errors go into logs: whatever was typed, they are one line of text.
            assert!(!error.to_string().chars().any(char::is_control), "{error}");
            return;
        }
    };
    let canonical = target.to_string();
    let again = Target::parse(&canonical).unwrap_or_else(|error| panic!("{text:?}: {error}"));
    assert_eq!(again.to_string(), canonical);
    assert_eq!(
        (
            again.scheme(),
            again.authority(),
            again.endpoint(),
            again.query(),
            again.fragment()
        ),
        (
            target.scheme(),
            target.authority(),
            target.endpoint(),
            target.query(),
            target.fragment()
        ),
    );
    assert_eq!(again.default_authority(), target.default_authority());
    authority(&target.default_authority());
    match target.scheme() {
        "dns" => dns(&target, &again),
        "ipv4" | "ipv6" => addresses(&target, &again),
        _ => {
            assert_eq!(unix_path(&target).ok(), unix_path(&again).ok());
            assert_eq!(
                unix_abstract_name(&target).ok(),
                unix_abstract_name(&again).ok()
            );
        }
    }
}

/// It goes into a header.
fn authority(text: &str) {
    assert!(
        !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic()),
        "{text:?}"
    );
}

fn dns(target: &Target, again: &Target) {
    let (parsed, other) = (DnsTarget::parse(target), DnsTarget::parse(again));
    assert_eq!(parsed.is_ok(), other.is_ok());
    if let (Ok(parsed), Ok(other)) = (parsed, other) {
        assert_eq!(
            (parsed.host(), parsed.port(), parsed.server()),
            (other.host(), other.port(), other.server())
        );
        assert!(!parsed.host().is_empty());
        if let Some(address) = parsed.socket_addr() {
            assert_eq!(address.port(), parsed.port());
        }
    }
}

fn addresses(target: &Target, again: &Target) {
    let (parsed, other) = (ip_addresses(target), ip_addresses(again));
    assert_eq!(parsed.is_ok(), other.is_ok());
    if let (Ok(parsed), Ok(other)) = (parsed, other) {
        assert_eq!(parsed, other);
        assert!(!parsed.is_empty());
        assert!(
            parsed
                .iter()
                .all(|address| address.is_ipv6() == (target.scheme() == "ipv6"))
        );
    }
}
