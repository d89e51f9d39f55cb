//! The attacks on a client, by servers that are not what they seem.

mod floods;
mod goaway;
mod greetings;
mod responses;
pub(crate) mod tls;

use crate::{
    hpack::{Block, message},
    raw::Raw,
    wire::Wire,
};
use std::{future::Future, io, pin::Pin, time::Duration};
use tokio::net::TcpStream;

pub(crate) use floods::within_windows;

/// What a server does with the first connection that it gets. What it returns says what the client had to say to it.
pub(crate) type Script = fn(TcpStream) -> Pin<Box<dyn Future<Output = io::Result<Raw>>>>;

/// What a call of the client's must come to.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Expect {
    Ok,
    /// This code, and a message that contains this.
    Status(&'static str, &'static str),
    /// The call may be served on another connection, or end like this.
    OkOr(&'static str, &'static str),
}

impl Expect {
    pub(crate) fn is_met(self, said: &str) -> bool {
        let status = |code: &str, text: &str| said.starts_with(code) && said.contains(text);
        match self {
            Expect::Ok => said == "OK",
            Expect::Status(code, text) => status(code, text),
            Expect::OkOr(code, text) => said == "OK" || status(code, text),
        }
    }
}

/// What the client does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Does {
    /// Unary calls at once, one for each expectation.
    Calls,
    /// One call with a stream of responses.
    Stream,
    /// The same, but the client reads nothing for a while.
    Hold,
}

/// One attack on a client.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) class: &'static str,
    pub(crate) script: Script,
    pub(crate) does: Does,
    pub(crate) expect: Vec<Expect>,
    pub(crate) tls: bool,
    /// MiB that configured limits let a server take, beyond which 32 more are allowed.
    pub(crate) limit_mib: u64,
}

impl Case {
    fn new(
        name: &'static str,
        class: &'static str,
        script: Script,
        expect: impl Into<Vec<Expect>>,
    ) -> Case {
        Case {
            name,
            class,
            script,
            does: Does::Calls,
            expect: expect.into(),
            tls: false,
            limit_mib: 0,
        }
    }

    fn stream(mut self) -> Case {
        self.does = Does::Stream;
        self
    }

    fn hold(mut self) -> Case {
        self.does = Does::Hold;
        self
    }

    fn tls(mut self) -> Case {
        self.tls = true;
        self
    }

    fn limit_mib(mut self, mib: u64) -> Case {
        self.limit_mib = mib;
        self
    }
}

/// All of them, in the order of the table.
pub(crate) fn all() -> Vec<Case> {
    let mut cases = greetings::cases();
    cases.extend(floods::cases());
    cases.extend(goaway::cases());
    cases.extend(responses::cases());
    cases.extend(tls::cases());
    cases
}

const SOON: Duration = Duration::from_secs(2);

/// An honest greeting; returns when so many calls have come in whole.
async fn greeted(io: TcpStream, calls: usize) -> Raw {
    let mut raw = Raw::server(io);
    raw.out.settings(&[]);
    raw.until(SOON, |seen| seen.closed || seen.ended.len() >= calls)
        .await;
    raw
}

/// The header list of a response.
fn head() -> Block {
    let block = Block::default().index(8); // :status 200
    block.field("content-type", "application/grpc")
}

fn trailers(status: &str) -> Block {
    Block::default().field("grpc-status", status)
}

/// A good response, of an empty message.
fn answer(wire: &mut Wire, id: u32) {
    wire.headers(id, &head().0, false);
    wire.data(id, &message(0, b""), false);
    wire.headers(id, &trailers("0").0, true);
}

/// An honest server, until the client goes.
pub(crate) async fn honest(mut raw: Raw) {
    raw.out.settings(&[]);
    let mut answered = 0;
    loop {
        raw.until(Duration::from_secs(60), |seen| seen.ended.len() > answered)
            .await;
        if raw.seen.closed {
            return;
        }
        while answered < raw.seen.ended.len() {
            answer(&mut raw.out, raw.seen.ended[answered]);
            answered += 1;
        }
    }
}
