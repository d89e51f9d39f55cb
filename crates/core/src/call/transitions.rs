//! The call machines as tables: every state that can be reached, every input in it, and what follows. The tables are
//! committed, so that a changed rule is a visible diff; `UPDATE=1 cargo test -p farcall-core transitions` writes them anew.

use super::{
    Progress, ReceiveOptions, Shape,
    client::ResponseMachine,
    server::RequestMachine,
    testing::{flagged, headers, message},
};
use crate::{snapshot::assert_committed, status::Status};
use bytes::Bytes;
use farcall_http2::Reason;
use std::fmt::Write;

type Input<M> = (&'static str, fn(&mut M));

const GRPC: (&str, &str) = ("content-type", "application/grpc");

/// Of a client.
const RESPONSE: &[Input<ResponseMachine>] = &[
    ("headers", |m| {
        m.on_headers(&headers(&[(":status", "200"), GRPC]), false)
    }),
    ("headers, unknown encoding", |m| {
        m.on_headers(
            &headers(&[(":status", "200"), GRPC, ("grpc-encoding", "lzma")]),
            false,
        );
    }),
    ("headers, foreign", |m| {
        m.on_headers(&headers(&[(":status", "503")]), false)
    }),
    ("headers, foreign, with status 7", |m| {
        m.on_headers(&headers(&[(":status", "200"), ("grpc-status", "7")]), false);
    }),
    ("trailers only, status 0", |m| {
        m.on_headers(
            &headers(&[(":status", "200"), GRPC, ("grpc-status", "0")]),
            true,
        )
    }),
    ("trailers only, status 5", |m| {
        m.on_headers(
            &headers(&[(":status", "200"), GRPC, ("grpc-status", "5")]),
            true,
        )
    }),
    ("headers, foreign, END_STREAM", |m| {
        m.on_headers(&headers(&[(":status", "503")]), true)
    }),
    ("data: a message", |m| m.on_data(message(b"hi"), false)),
    ("data: a prefix and a part", |m| {
        m.on_data(message(b"hi").slice(..6), false)
    }),
    ("data: the rest", |m| {
        m.on_data(Bytes::from_static(b"i"), false)
    }),
    ("data: flag 2", |m| m.on_data(flagged(2, b"hi"), false)),
    ("data: empty, END_STREAM", |m| m.on_data(Bytes::new(), true)),
    ("trailers, status 0", |m| {
        m.on_trailers(&headers(&[("grpc-status", "0")]))
    }),
    ("trailers, status 5", |m| {
        m.on_trailers(&headers(&[("grpc-status", "5")]))
    }),
    ("trailers, no status", |m| m.on_trailers(&headers(&[]))),
    ("trailers, status x", |m| {
        m.on_trailers(&headers(&[("grpc-status", "x")]))
    }),
    ("reset CANCEL", |m| m.on_reset(Reason::CANCEL, false)),
    ("reset CANCEL, deadline passed", |m| {
        m.on_reset(Reason::CANCEL, true)
    }),
    ("reset REFUSED_STREAM", |m| {
        m.on_reset(Reason::REFUSED_STREAM, false)
    }),
    ("failure UNAVAILABLE", |m| {
        m.on_failure(Status::unavailable("lost"))
    }),
];

/// Of a server.
const REQUEST: &[Input<RequestMachine>] = &[
    ("data: a message", |m| m.on_data(message(b"hi"), false)),
    ("data: a message, END_STREAM", |m| {
        m.on_data(message(b"hi"), true)
    }),
    ("data: a prefix and a part", |m| {
        m.on_data(message(b"hi").slice(..6), false)
    }),
    ("data: the rest", |m| {
        m.on_data(Bytes::from_static(b"i"), false)
    }),
    ("data: flag 2", |m| m.on_data(flagged(2, b"hi"), false)),
    ("END_STREAM", RequestMachine::on_end),
    ("reset CANCEL", |m| m.on_reset(Reason::CANCEL)),
    ("reset INTERNAL_ERROR", |m| {
        m.on_reset(Reason::INTERNAL_ERROR)
    }),
    ("failure DEADLINE_EXCEEDED", |m| {
        m.on_failure(Status::deadline_exceeded("late"))
    }),
];

/// What a machine says after an input: messages, and where it stands.
fn answer(mut poll: impl FnMut() -> Progress) -> String {
    let mut text = String::new();
    loop {
        match poll() {
            Progress::Message(message) => write!(text, "message of {}, ", message.len()).unwrap(),
            Progress::Pending { missing } => {
                write!(text, "pending, {missing} missing").unwrap();
                break;
            }
            Progress::Done { status, .. } => {
                write!(text, "done {}: {}", status.code(), status.message()).unwrap();
                break;
            }
        }
    }
    text
}

/// All states, breadth first, with what each input leads to. A state is named by the
/// shortest way to it.
fn table<M: std::fmt::Debug>(
    new: impl Fn() -> M,
    inputs: &[Input<M>],
    apply: impl Fn(&mut M) -> String,
) -> String {
    let (mut ways, mut seen) = (vec![Vec::new()], vec![state(&new())]);
    let (mut at, mut text) = (0, String::new());
    while at < ways.len() {
        let way: Vec<usize> = ways[at].clone();
        let name: Vec<&str> = way.iter().map(|&input| inputs[input].0).collect();
        writeln!(
            text,
            "state {at}: {}",
            if name.is_empty() {
                "fresh".to_owned()
            } else {
                name.join(" / ")
            }
        )
        .unwrap();
        for (number, (name, input)) in inputs.iter().enumerate() {
            let mut machine = new();
            for &earlier in &way {
                inputs[earlier].1(&mut machine);
                apply(&mut machine);
            }
            input(&mut machine);
            let answer = apply(&mut machine);
            let next = state(&machine);
            let to = seen
                .iter()
                .position(|known| *known == next)
                .unwrap_or_else(|| {
                    seen.push(next);
                    ways.push([&way[..], &[number]].concat());
                    seen.len() - 1
                });
            writeln!(text, "  {name:<32} -> {to:>2}  {answer}").unwrap();
        }
        at += 1;
        assert!(at < 100, "too many states:\n{text}");
    }
    text
}

/// What tells states apart: everything that a machine holds, but for numbers (how much of a message is there); and one that is
/// done is like any other that is.
fn state(machine: &impl std::fmt::Debug) -> String {
    let debug = format!("{machine:?}");
    if debug.contains("Reached(") {
        "done".to_owned()
    } else {
        debug.chars().filter(char::is_ascii_alphabetic).collect()
    }
}

fn client(shape: Shape) -> String {
    table(
        || ResponseMachine::new(shape, &ReceiveOptions::default()),
        RESPONSE,
        |machine| {
            let text = answer(|| machine.poll());
            let reset = machine.must_reset();
            text + &reset.map_or(String::new(), |reason| format!(", reset {reason}"))
        },
    )
}

fn server(shape: Shape) -> String {
    table(
        || RequestMachine::new(shape, 4 << 20, None),
        REQUEST,
        |machine| answer(|| machine.poll()),
    )
}

#[test]
fn the_tables_of_the_clients_machine_are_the_committed_ones() {
    assert_committed("src/call/transitions/client_one.txt", &client(Shape::One));
    assert_committed("src/call/transitions/client_many.txt", &client(Shape::Many));
}

#[test]
fn the_tables_of_the_servers_machine_are_the_committed_ones() {
    assert_committed("src/call/transitions/server_one.txt", &server(Shape::One));
    assert_committed("src/call/transitions/server_many.txt", &server(Shape::Many));
}
