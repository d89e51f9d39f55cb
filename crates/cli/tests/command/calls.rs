//! The command against the services of `showcase-server`, over sockets.

use crate::running::{self, Showcase, farcall, unread};

#[test]
fn services_methods_and_types_are_described_by_reflection() {
    let server = Showcase::start();
    let list = farcall(&["list", "-p", &server.target]);
    assert_eq!(list.code, 0, "{list:?}");
    assert!(
        list.out.lines().any(|line| line == "helloworld.Greeter"),
        "{list:?}"
    );

    let methods = farcall(&["list", "-p", &server.target, "routeguide.RouteGuide"]);
    assert!(
        methods.out.ends_with("routeguide.RouteGuide/RouteChat\n"),
        "{methods:?}"
    );

    let both = farcall(&[
        "describe",
        "-p",
        &server.target,
        "helloworld.Greeter",
        "routeguide.Point",
    ]);
    assert!(
        both.out
            .contains("rpc SayHello(helloworld.HelloRequest) returns (helloworld.HelloReply);"),
        "{both:?}"
    );
    assert!(both.out.contains("  int32 latitude = 1;\n"), "{both:?}");

    let template = farcall(&[
        "describe",
        "-p",
        &server.target,
        "--template",
        "routeguide.Rectangle",
    ]);
    assert!(
        template.out.contains("\"lo\": {\n    \"latitude\": 0"),
        "{template:?}"
    );
}

#[test]
fn all_kinds_of_call_take_and_give_json() {
    let server = Showcase::start();
    let call = |method: &str, requests: &[&str]| {
        let mut line = vec!["call", "-p", "--compact", &server.target, method];
        line.extend(requests);
        let done = farcall(&line);
        assert_eq!(done.code, 0, "{done:?}");
        done.out
    };
    let unary = call("helloworld.Greeter/SayHello", &[r#"{"name": "Ada"}"#]);
    assert_eq!(unary, "{\"message\":\"Hello Ada\"}\n");
    let many = call(
        "helloworld.Greeter.SayHelloStreamReply",
        &[r#"{"name": "Ada"}"#],
    );
    assert_eq!(many.lines().count(), 4, "{many}");
    let summary = call(
        "routeguide.RouteGuide/RecordRoute",
        &[r#"{"latitude": 1} {"latitude": 2}"#, "{}"],
    );
    assert_eq!(summary, "{\"pointCount\":3}\n");
    let chat = call(
        "helloworld.Greeter/SayHelloBidiStream",
        &[r#"{"name": "Ada"}"#, r#"{"name": "Bob"}"#],
    );
    assert_eq!(
        chat,
        "{\"message\":\"Hello Ada\"}\n{\"message\":\"Hello Bob\"}\n"
    );
}

#[test]
fn a_stream_from_stdin_is_answered_while_stdin_is_open() {
    let server = Showcase::start();
    let mut talk = running::talk(&[
        "call",
        "-p",
        "--compact",
        &server.target,
        "helloworld.Greeter/SayHelloBidiStream",
    ]);
    for name in ["Ada", "Bob", "Cleo"] {
        // The answer to one comes before the next is written.
        talk.write(&format!("{{\"name\": \"{name}\"}}"));
        assert_eq!(talk.line(), format!("{{\"message\":\"Hello {name}\"}}"));
    }
    assert_eq!(talk.end(), 0);
}

#[test]
fn metadata_and_trailers_are_shown_on_request_beside_the_messages() {
    let server = Showcase::start();
    let done = farcall(&[
        "call",
        "-p",
        "-v",
        "-H",
        "tenant: blue",
        &server.target,
        "helloworld.Greeter/SayHello",
        r#"{"name": "Ada"}"#,
    ]);
    assert_eq!(done.out, "{\n  \"message\": \"Hello Ada\"\n}\n");
    for line in [
        "> tenant: blue",
        "< language: en",
        "< greetings: 1",
        "* OK, 1 response",
    ] {
        assert!(
            done.err.lines().any(|one| one == line),
            "{line} in {done:?}"
        );
    }
}

#[test]
fn a_failed_call_exits_with_its_code_and_shows_its_details() {
    let server = Showcase::start();
    let refused = farcall(&["call", "-p", &server.target, "helloworld.Greeter/SayHello"]);
    assert_eq!(refused.code, 64 + 3, "{refused:?}");
    assert!(
        refused.err.starts_with(
            "error: INVALID_ARGUMENT: nobody to say hello to\n  google.rpc.BadRequest\n"
        ),
        "{refused:?}"
    );
    assert!(refused.err.contains("\"field\": \"name\""), "{refused:?}");
    assert_eq!(refused.out, "");

    let late = farcall(&[
        "call",
        "-p",
        "-t",
        "300ms",
        &server.target,
        "routeguide.RouteGuide/RouteChat",
        r#"{"location": {}}"#,
        "-",
    ]);
    assert_eq!(late.code, 64 + 4, "stdin stays open: {late:?}");
    let closed = farcall(&["call", "-p", "127.0.0.1:1", "a.B/C"]);
    assert_eq!(closed.code, 64 + 14, "{closed:?}");
}

#[test]
fn mistakes_on_this_side_are_told_before_anything_is_sent() {
    let server = Showcase::start();
    let at = server.target.as_str();
    let cases: [(&[&str], i32, &str); 5] = [
        (
            &["call", "-p", at, "helloworld.Greeter/SayHello", "{"],
            1,
            "request 1 is not JSON",
        ),
        (
            &[
                "call",
                "-p",
                at,
                "helloworld.Greeter/SayHello",
                r#"{"age": 3}"#,
            ],
            1,
            "unrecognized field name 'age'",
        ),
        (
            &["call", "-p", at, "helloworld.Greeter/SayHello", "{} {}"],
            1,
            "takes one request",
        ),
        (
            &["call", "-p", at, "helloworld.Greeter/SayHi"],
            1,
            "there is no method of helloworld.Greeter called \"SayHi\"",
        ),
        (
            &["call", "-p", at, "nothing"],
            2,
            "write package.Service/Method",
        ),
    ];
    for (line, code, text) in cases {
        let done = farcall(line);
        assert_eq!(done.code, code, "{done:?}");
        assert!(done.err.contains(text), "{text} in {done:?}");
    }
}

#[test]
fn files_serve_instead_of_reflection() {
    let server = Showcase::start();
    let protos = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/proto");
    let file = format!("{protos}/helloworld.proto");
    let done = farcall(&[
        "call",
        "-p",
        "--proto",
        &file,
        "-I",
        protos,
        &server.target,
        "helloworld.Greeter/SayHello",
        r#"{"name": "Ada"}"#,
    ]);
    assert!(done.out.contains("Hello Ada"), "{done:?}");
    let described = farcall(&["describe", "--proto", &file, "helloworld.Greeter"]);
    assert!(
        described
            .out
            .contains("  // One greeting.\n  rpc SayHello("),
        "comments are there: {described:?}"
    );

    let out = running::scratch();
    let generated = farcall(&["gen", "--out", out.path(), &file]);
    assert_eq!(generated.code, 0, "{generated:?}");
    let set = format!("{}/farcall.descriptor.bin", out.path());
    let listed = farcall(&["list", "--descriptor-set", &set]);
    assert_eq!(listed.out, "helloworld.Greeter\n", "{listed:?}");
}

#[test]
fn health_is_an_answer_and_an_exit_code() {
    let server = Showcase::start();
    let check = |line: &[&str]| farcall(&[&["health", "-p", &server.target], line].concat());
    let whole = check(&[]);
    assert_eq!((whole.code, whole.out.as_str()), (0, "SERVING\n"));
    let unknown = check(&["no.Such"]);
    assert_eq!(unknown.code, 64 + 5, "{unknown:?}");
    server.reporter.set_not_serving("helloworld.Greeter");
    let sick = check(&["helloworld.Greeter"]);
    assert_eq!((sick.code, sick.out.as_str()), (3, "NOT_SERVING\n"));
    let list = check(&["--list"]);
    assert_eq!(
        list.out,
        "(the server): SERVING\nhelloworld.Greeter: NOT_SERVING\n"
    );

    let mut watch = running::talk(&[
        "health",
        "-p",
        "-w",
        "-t",
        "10s",
        &server.target,
        "helloworld.Greeter",
    ]);
    assert_eq!(watch.line(), "NOT_SERVING");
    server.reporter.set_serving("helloworld.Greeter");
    assert_eq!(watch.line(), "SERVING");
}

#[test]
fn tls_is_the_default_and_says_what_is_wrong() {
    let server = Showcase::start_with_tls();
    let pem = |name: &str| {
        format!(
            "{}/../../examples/data/tls/{name}.pem",
            env!("CARGO_MANIFEST_DIR")
        )
    };
    let ca = pem("ca");
    let request = ["helloworld.Greeter/SayHello", r#"{"name": "Ada"}"#];
    let call =
        |options: &[&str]| farcall(&[&["call"], options, &[&server.target], &request].concat());
    let done = call(&["--ca", &ca]);
    assert!(done.out.contains("Hello Ada"), "{done:?}");
    let stranger = call(&[]);
    assert_eq!(stranger.code, 64 + 14, "{stranger:?}");
    assert!(stranger.err.contains("certificate"), "{stranger:?}");

    let plain = Showcase::start();
    let mistaken = farcall(&["list", &plain.target]);
    assert!(
        mistaken.err.contains("hint: is --plaintext missing?"),
        "{mistaken:?}"
    );
}

#[test]
fn compression_is_a_name() {
    let server = Showcase::start();
    for name in ["gzip", "deflate", "snappy", "zstd"] {
        let call = [
            "call",
            "-pv",
            "--compress",
            name,
            &server.target,
            "helloworld.Greeter/SayHello",
            r#"{"name": "Ada"}"#,
        ];
        let done = farcall(&call);
        assert!(done.out.contains("Hello Ada"), "{name}: {done:?}");
        let last = done.err.lines().last();
        assert_eq!(
            last,
            Some("* OK, 1 response, compressed"),
            "{name}: {done:?}"
        );
    }
    let wrong = farcall(&[
        "call",
        "-p",
        "--compress",
        "lz4",
        &server.target,
        "helloworld.Greeter/SayHello",
    ]);
    assert_eq!(wrong.code, 2, "{wrong:?}");
}

#[test]
fn a_server_that_wants_a_certificate_is_shown_with_one_or_hinted_at() {
    let server = Showcase::start_with_mutual_tls();
    let data = format!("{}/../../examples/data/tls", env!("CARGO_MANIFEST_DIR"));
    let pem = |name: &str| format!("{data}/{name}");
    let [ca, cert, key] = [pem("ca.pem"), pem("client.pem"), pem("client.key")];
    let without = farcall(&["list", "--ca", &ca, &server.target]);
    assert!(
        without.err.contains("hint: --cert and --key"),
        "{without:?}"
    );
    let with = ["list", "--ca", &ca, "--cert", &cert, "--key", &key];
    let with = farcall(&[&with[..], &[&server.target]].concat());
    assert!(with.out.contains("helloworld.Greeter"), "{with:?}");
}

#[test]
fn a_reader_that_leaves_is_an_error_and_no_panic() {
    let server = Showcase::start();
    for command in [
        &["list", "-p", &server.target][..],
        &["describe", "-p", &server.target],
        &["health", "-p", &server.target],
        &["health", "-p", "--list", &server.target],
        &["gen", "--help"],
    ] {
        let done = unread(command);
        assert_eq!(done.code, 1, "{command:?}: {done:?}");
        assert!(done.err.starts_with("error: stdout: "), "{done:?}");
    }
}
