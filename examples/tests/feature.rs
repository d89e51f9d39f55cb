//! Every example of `feature` is started, says what it should, is short, and stands in the list.

use std::{
    fs,
    process::{Command, Output},
};

/// Name, and all that it prints.
const EXPECTED: &[(&str, &str)] = &[
    (
        "call_credentials",
        r#"a token is fetched
Hello, Ada!
Hello, Ada!
UNAUTHENTICATED: no token, no greeting
UNAUTHENTICATED: no token, no greeting
UNAUTHENTICATED: the call credentials need a connection with privacy and integrity, and this one has no security: they are not sent"#,
    ),
    (
        "cancellation",
        r#"the unary handler was dropped
the streaming handler was dropped
the client's own stream says CANCELLED"#,
    ),
    (
        "compression",
        r#"a name of 100000 letters came compressed; the reply was compressed: true
a name of 100000 letters came as it is; the reply was compressed: true"#,
    ),
    (
        "connectivity",
        r#"a new channel: Idle
after connect(): Ready
the watcher has seen Shutdown
nobody there: UNAVAILABLE in TransientFailure"#,
    ),
    (
        "context",
        r#"the server behind the server had less than ten seconds, detached for ever"#,
    ),
    (
        "deadline",
        r#"the server knows the deadline: true
50 ms: DEADLINE_EXCEEDED
the server knows the deadline: true
the server had time enough
5 s: Hello, at last"#,
    ),
    (
        "debugging",
        r#"UNAVAILABLE: no connection to any of 2 addresses
because 127.0.0.1:1 (try 1): connection refused; ADDRESS (try 1): the peer broke a rule (PROTOCOL_ERROR): the peer speaks HTTP/1.1, not HTTP/2 (RFC 9113, section 3.4)
the channel: TransientFailure
crimes of a good server: 0"#,
    ),
    (
        "dual_stack",
        r#"Hello, both!
Hello, only IPv4!"#,
    ),
    (
        "error_details",
        r#"RESOURCE_EXHAUSTED: TOO_MANY_GUESTS of hello.example
again after Some(30s)
INVALID_ARGUMENT: name must not be empty"#,
    ),
    (
        "error_handling",
        r#"plain: "a call made while handling this one failed"
forward: "nobody to say hello to"
an upload that was given up: CANCELLED
what the client is told: "the list of guests is lost""#,
    ),
    (
        "flow_control",
        r#"nobody reads, and the sender waits: true
less than 8 MB are on their way: true
read 2000, sent 2000"#,
    ),
    (
        "graceful_stop",
        r#"Hello, Ada!
the server stops
Hello, Grace!
the open call ended well: true
calls that were cut: 0
later calls: UNAVAILABLE"#,
    ),
    (
        "hedging",
        r#"with hedging all calls took less than a second: true
without all calls took less than a second: false"#,
    ),
    (
        "in_process",
        r#"Hello, neighbour!
limits hold: RESOURCE_EXHAUSTED"#,
    ),
    (
        "interceptor",
        r#"server: SayHello PERMISSION_DENIED
client: SayHello PERMISSION_DENIED
tenants only
server: SayHello OK
client: SayHello OK
Hello, blue!"#,
    ),
    (
        "keepalive",
        r#"the silent client was asked: true, and given up
Hello, Ada, still there!"#,
    ),
    (
        "load_balancing",
        r#"pick_first: {"red": 30}
round_robin: {"blue": 10, "green": 10, "red": 10}"#,
    ),
    (
        "metadata",
        r#"Hello, blue!
served-by: Some("polite")
cost: Some("3")
id-bin: Some(b"\0\xff")
languages: Some("0")"#,
    ),
    (
        "multiplex",
        r#"at (0, 0) there is ""
100 greeted at once
Hello, everybody!"#,
    ),
    (
        "mutual_tls",
        r#"Tls13, and the client has shown 1 certificate(s)
without a certificate: UNAVAILABLE"#,
    ),
    (
        "name_resolving",
        r#"the old one, asked as greeters.example
the new one, asked as greeters.example"#,
    ),
    (
        "proxy",
        r#"Hello, Ada! (forwarded: Some("yes"))
Hello, Grace!
Hello, Barbara!
INVALID_ARGUMENT: nobody to say hello to"#,
    ),
    (
        "retry",
        r#"the server hears of attempt 1
the server hears of attempt 2
the server hears of attempt 3
Hello, in the end, after 3 attempts
the server hears of attempt 1
the server hears of attempt 2
the server hears of attempt 3
the server hears of attempt 4
given up: UNAVAILABLE not yet"#,
    ),
    (
        "service_config",
        r#"SayHello has about 30 s
the others have about 2 s
a large request: RESOURCE_EXHAUSTED
true"#,
    ),
    (
        "tls",
        r#"Hello, Ada, in private!
with the system's authorities: UNAVAILABLE"#,
    ),
    ("unix_abstract", r#"Hello, neighbour!"#),
    (
        "unix_socket",
        r#"Hello, neighbour!
the file is gone: true"#,
    ),
    (
        "wait_for_ready",
        r#"at once: UNAVAILABLE
after 100 ms: DEADLINE_EXCEEDED
Hello, patience!"#,
    ),
];

fn feature(words: &[&str]) -> Output {
    let mut program = Command::new(env!("CARGO_BIN_EXE_feature"));
    program.args(words).output().expect("the program is built")
}

fn names() -> Vec<String> {
    let listed = feature(&[]);
    assert!(listed.status.success());
    let text = String::from_utf8(listed.stdout).unwrap();
    text.lines().map(str::to_owned).collect()
}

fn file(path: &str) -> String {
    let path = format!("{}/{path}", env!("CARGO_MANIFEST_DIR"));
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// How long something has been failing by then is the machine's affair.
fn without_times(said: &str) -> String {
    let mut pieces = said.split(", failing for ");
    let first = pieces.next().unwrap_or_default().to_owned();
    pieces.fold(first, |whole, piece| {
        whole + piece.find([')', ':']).map_or(piece, |end| &piece[end..])
    })
}

#[test]
fn every_example_says_what_it_should() {
    let expected: Vec<_> = EXPECTED.iter().map(|(name, _)| *name).collect();
    assert_eq!(names(), expected);
    let started = EXPECTED.iter().map(|(name, _)| {
        let name = *name;
        std::thread::spawn(move || feature(&[name]))
    });
    for (ran, (name, text)) in started.collect::<Vec<_>>().into_iter().zip(EXPECTED) {
        let ran = ran.join().unwrap();
        let told = String::from_utf8_lossy(&ran.stderr);
        assert!(ran.status.success(), "{name}: {told}");
        let said = without_times(&String::from_utf8_lossy(&ran.stdout));
        assert_eq!(said.trim_end(), *text, "{name}");
    }
}

#[test]
fn a_name_that_does_not_exist_is_a_mistake_of_the_user() {
    let unknown = feature(&["telepathy"]);
    assert_eq!(unknown.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("metadata"));
}

#[test]
fn every_example_has_at_most_sixty_lines_and_stands_in_the_list() {
    let list = file("README.md");
    for name in names() {
        let text = file(&format!("src/bin/feature/{name}.rs"));
        let own = |line: &&str| !line.trim().is_empty() && !line.trim().starts_with("//");
        let lines = text.lines().filter(own).count();
        assert!((10..=60).contains(&lines), "{name}: {lines}");
        assert!(
            list.contains(&format!("| `{name}` |")),
            "{name} is not in the README"
        );
    }
}
