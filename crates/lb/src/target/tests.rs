use super::*;

fn parse(text: &str) -> Target {
    Target::parse(text).expect(text)
}

fn dns(text: &str) -> DnsTarget {
    DnsTarget::parse(&parse(text)).expect(text)
}

fn dns_problem(text: &str) -> TargetProblem {
    let error = match Target::parse(text) {
        Ok(target) => DnsTarget::parse(&target).expect_err(text),
        Err(error) => error,
    };
    assert_eq!(error.target(), text);
    error.problem().clone()
}

fn problem<T: std::fmt::Debug>(result: Result<T, TargetError>) -> TargetProblem {
    result.unwrap_err().problem().clone()
}

#[test]
fn every_form_of_a_target_has_one_canonical_form() {
    let table = [
        ("localhost:50051", "dns:///localhost:50051"),
        ("localhost", "dns:///localhost"),
        ("dns:localhost:50051", "dns:///localhost:50051"),
        ("DNS:///Host", "dns:///Host"),
        ("dns://8.8.8.8/host:1", "dns://8.8.8.8/host:1"),
        ("127.0.0.1:1", "dns:///127.0.0.1:1"),
        ("[::1]:1", "dns:///[::1]:1"),
        ("::1", "dns:///::1"),
        (":8080", "dns:///:8080"),
        ("passthrough:///x:1", "passthrough:///x:1"),
        ("passthrough:x%20y", "passthrough:///x%20y"),
        ("unix:run/a.sock", "unix:run/a.sock"),
        ("unix:/run/a.sock", "unix:///run/a.sock"),
        ("unix:///run/a.sock", "unix:///run/a.sock"),
        ("unix-abstract:name", "unix-abstract:name"),
        ("unix-abstract:a%00b", "unix-abstract:a%00b"),
        ("ipv4:1.2.3.4:5,6.7.8.9", "ipv4:///1.2.3.4:5,6.7.8.9"),
        ("ipv6:[::1]:5,[::2]", "ipv6:///[::1]:5,[::2]"),
        ("dns:///%66oo", "dns:///foo"),
    ];
    for (text, canonical) in table {
        let target = parse(text);
        assert_eq!(target.to_string(), canonical, "{text}");
        assert_eq!(target.as_str(), text);
        let again = parse(canonical);
        assert_eq!(again.to_string(), canonical);
        assert_eq!(again.endpoint(), target.endpoint());
        assert_eq!(again.authority(), target.authority());
    }
}

#[test]
fn schemes_are_case_insensitive() {
    assert_eq!(parse("Unix:///x").scheme(), "unix");
    assert_eq!(parse("PASSTHROUGH:///x").scheme(), "passthrough");
}

#[test]
fn a_dns_target_has_default_port_443_and_an_empty_host_is_localhost() {
    let table = [
        ("host", "host", 443),
        ("host:80", "host", 80),
        ("dns:///host.", "host.", 443),
        ("dns:///", "localhost", 443),
        (":8080", "localhost", 8080),
        ("[::1]", "::1", 443),
        ("[2001:db8::1]:7", "2001:db8::1", 7),
        ("2001:db8::1", "2001:db8::1", 443),
        ("dns:///fe80::1%25eth0", "fe80::1%eth0", 443),
        ("1.2.3.4", "1.2.3.4", 443),
        ("_grpc.some_host:0", "_grpc.some_host", 0),
        ("host:65535", "host", 65535),
    ];
    for (text, host, port) in table {
        let target = dns(text);
        assert_eq!((target.host(), target.port()), (host, port), "{text}");
        assert_eq!(target.server(), None);
    }
}

#[test]
fn a_dns_target_may_name_its_server() {
    assert_eq!(dns("dns://1.1.1.1/h").server(), Some(("1.1.1.1", 53)));
    assert_eq!(dns("dns://[::1]:5353/h").server(), Some(("::1", 5353)));
    assert_eq!(
        dns("dns://ns.example:54/h").server(),
        Some(("ns.example", 54))
    );
}

#[test]
fn an_ip_literal_needs_no_look_up() {
    assert_eq!(
        dns("1.2.3.4:5").socket_addr(),
        Some("1.2.3.4:5".parse().unwrap())
    );
    assert_eq!(
        dns("[::1]").socket_addr(),
        Some("[::1]:443".parse().unwrap())
    );
    assert_eq!(dns("host").socket_addr(), None);
    assert_eq!(dns("[::1]").to_string(), "[::1]:443");
}

#[test]
fn errors_name_what_is_wrong() {
    let port = |p: &str| TargetProblem::BadPort { port: p.into() };
    let host = |h: &str| TargetProblem::BadHost { host: h.into() };
    let brackets = |t: &str| TargetProblem::BadBrackets { text: t.into() };
    let table = [
        ("", TargetProblem::Empty),
        ("host:http", port("http")),
        ("host:65536", port("65536")),
        ("host:+1", port("+1")),
        (
            "host:",
            TargetProblem::MissingPort {
                text: "host:".into(),
            },
        ),
        ("a:b:1", host("a:b:1")),
        ("a..b", host("a..b")),
        ("a/b:1", host("a/b")),
        ("[::1", brackets("[::1")),
        ("[::1]x", brackets("[::1]x")),
        ("[host]:1", brackets("[host]:1")),
        (
            "a b",
            TargetProblem::ForbiddenCharacter {
                character: ' ',
                offset: 1,
            },
        ),
        (
            "dns:///a%2",
            TargetProblem::BadPercentEncoding { offset: 8 },
        ),
        (
            "dns:///a%zz",
            TargetProblem::BadPercentEncoding { offset: 8 },
        ),
        ("dns:///%ff", TargetProblem::NotUtf8),
        (
            "http://h",
            TargetProblem::UnknownScheme {
                scheme: "http".into(),
            },
        ),
        (
            "dns:///h?x",
            TargetProblem::QueryNotAllowed {
                scheme: "dns".into(),
            },
        ),
    ];
    for (text, expected) in table {
        assert_eq!(dns_problem(text), expected, "{text}");
    }
}

#[test]
fn lists_of_addresses_keep_their_order_and_their_family() {
    assert_eq!(
        ip_addresses(&parse("ipv4:1.2.3.4:5,6.7.8.9")).unwrap(),
        ["1.2.3.4:5".parse().unwrap(), "6.7.8.9:443".parse().unwrap()]
    );
    assert_eq!(
        ip_addresses(&parse("ipv6:::1")).unwrap(),
        ["[::1]:443".parse().unwrap()]
    );
    let bad = |text: &str| problem(ip_addresses(&parse(text)));
    let not = |family, text: &str| TargetProblem::NotAnAddress {
        family,
        text: text.into(),
    };
    assert_eq!(bad("ipv4:[::1]:1"), not("IPv4", "[::1]:1"));
    assert_eq!(bad("ipv6:1.2.3.4:1"), not("IPv6", "1.2.3.4:1"));
    assert_eq!(bad("ipv4:1.2.3.4,,"), not("IPv4", ""));
    assert_eq!(
        bad("ipv4:"),
        TargetProblem::EmptyEndpoint {
            scheme: "ipv4".into()
        }
    );
    assert!(matches!(
        bad("ipv4://1.2.3.4/1.2.3.4"),
        TargetProblem::AuthorityNotAllowed { .. }
    ));
}

#[test]
fn unix_targets_are_paths() {
    let path = |text: &str| unix_path(&parse(text)).unwrap();
    assert_eq!(path("unix:a/b").to_str(), Some("a/b"));
    assert_eq!(path("unix:///a/b").to_str(), Some("/a/b"));
    assert_eq!(path("unix:/a%20b").to_str(), Some("/a b"));
    assert_eq!(
        unix_abstract_name(&parse("unix-abstract:a%00b")).unwrap(),
        b"a\0b"
    );
    assert!(matches!(
        problem(unix_path(&parse("unix://host/a"))),
        TargetProblem::AuthorityNotAllowed { .. }
    ));
    let long = format!("unix:{}", "x".repeat(108));
    assert_eq!(
        problem(unix_path(&parse(&long))),
        TargetProblem::PathTooLong {
            length: 108,
            limit: 107
        }
    );
    assert!(matches!(
        problem(unix_path(&parse("unix:///"))),
        TargetProblem::EmptyEndpoint { .. }
    ));
}

#[cfg(unix)]
#[test]
fn a_unix_path_may_be_any_bytes() {
    use std::os::unix::ffi::OsStrExt;
    let target = parse("unix:///tmp/%ff");
    assert_eq!(
        unix_path(&target).unwrap().as_os_str().as_bytes(),
        b"/tmp/\xff"
    );
    assert_eq!(target.endpoint(), "tmp/%FF");
    assert_eq!(parse(&target.to_string()).path_bytes(), b"/tmp/\xff");
}

#[test]
fn vsock_targets_are_two_numbers() {
    assert_eq!(vsock_address(&parse("vsock:2:50051")).unwrap(), (2, 50051));
    let largest = parse("vsock:4294967295:4294967295");
    assert_eq!(vsock_address(&largest).unwrap(), (u32::MAX, u32::MAX));
    for bad in [
        "vsock:",
        "vsock:2",
        "vsock:2:",
        "vsock::1",
        "vsock:a:1",
        "vsock:+2:1",
    ] {
        assert!(vsock_address(&parse(bad)).is_err(), "{bad}");
    }
    for bad in [
        "vsock:4294967296:1",
        "vsock:2:1:1",
        "vsock://x/2:1",
        "vsock:2:1?a",
    ] {
        assert!(vsock_address(&parse(bad)).is_err(), "{bad}");
    }
}

#[test]
fn the_default_authority_follows_the_target() {
    let table = [
        ("host:1", "host:1"),
        ("dns:///[::1]:1", "[::1]:1"),
        ("dns://8.8.8.8/host", "host"),
        (":1", "localhost:1"),
        ("dns:///", "localhost"),
        ("unix:///a", "localhost"),
        ("unix-abstract:a", "localhost"),
        ("vsock:2:1", "localhost"),
        ("passthrough:///a%2Fb%20c", "a%2Fb%20c"),
        ("passthrough:///%C3%A9", "%C3%A9"),
        ("ipv4:1.2.3.4,5.6.7.8:9", "1.2.3.4:443"),
    ];
    for (text, authority) in table {
        assert_eq!(parse(text).default_authority(), authority, "{text}");
    }
}

#[test]
fn a_custom_scheme_and_another_default_scheme_can_be_known() {
    let known = |scheme: &str| matches!(scheme, "consul" | "passthrough");
    let target = Target::parse_with("consul://dc1/svc?tag=a#f", "passthrough", known).unwrap();
    assert_eq!(target.authority(), "dc1");
    assert_eq!(target.endpoint(), "svc");
    assert_eq!(
        (target.query(), target.fragment()),
        (Some("tag=a"), Some("f"))
    );
    assert_eq!(target.to_string(), "consul://dc1/svc?tag=a#f");
    let target = Target::parse_with("dns:///x", "passthrough", known).unwrap();
    assert_eq!(target.endpoint(), "dns:///x");
    let unknown = Target::parse_with("x", "dns", known).unwrap_err();
    assert!(
        matches!(unknown.problem(), TargetProblem::UnknownScheme { scheme } if scheme == "dns")
    );
}

#[test]
fn no_text_makes_the_parser_panic_and_what_it_accepts_stays_itself() {
    const PIECES: [&str; 24] = [
        "dns",
        "unix",
        "ipv6",
        ":",
        "/",
        "//",
        "///",
        "[",
        "]",
        "::1",
        "%",
        "%41",
        "%25",
        "?",
        "#",
        "@",
        "é",
        "1.2.3.4",
        "443",
        ",",
        "a",
        "-",
        ".",
        "passthrough",
    ];
    let mut rng = fastrand::Rng::with_seed(7);
    let mut accepted = 0;
    for _ in 0..20_000 {
        let text: String = (0..rng.usize(1..7))
            .map(|_| PIECES[rng.usize(..PIECES.len())])
            .collect();
        let Ok(target) = Target::parse(&text) else {
            continue;
        };
        accepted += 1;
        target.default_authority();
        let canonical = target.to_string();
        let again = Target::parse(&canonical).unwrap_or_else(|e| panic!("{text}: {e}"));
        assert_eq!(again.to_string(), canonical, "{text}");
        assert_eq!(again.endpoint(), target.endpoint(), "{text}");
        let _ = DnsTarget::parse(&target);
        let _ = unix_path(&target);
    }
    assert!(accepted > 1000);
}

#[test]
fn a_list_without_a_scheme_is_told_how_lists_are_written() {
    let error = |text: &str| dns_problem(text).to_string();
    for list in ["127.0.0.1:1,127.0.0.1:2", "a,b"] {
        assert!(error(list).contains("ipv4:10.0.0.1:443,"), "{list}");
    }
    assert!(!error("a..b").contains("ipv4:"));
}
