//! Two machines against each other, driven by any sequence of operations: neither ever finds the other at fault, both keep
//! the accounts that a watch on their wire keeps, and everything that is finished comes to its end.

use super::connection::{application, config};
use crate::{
    input::Input,
    side::{Side, later},
};
use bytes::BytesMut;
use farcall_http2::Role;
use std::time::Instant;

struct Pair {
    sides: [Side; 2],
    /// What each has written and the other has not read.
    wires: [BytesMut; 2],
    now: Instant,
}

pub(super) fn run(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let now = Instant::now();
    let mut pair = Pair {
        sides: [Role::Client, Role::Server].map(|role| Side::new(role, mild(input.u8()), now)),
        wires: Default::default(),
        now,
    };
    for _ in 0..400 {
        if input.is_empty() {
            break;
        }
        let choice = input.u8();
        let who = usize::from(choice >> 7);
        match choice % 8 {
            0 | 1 => pair.write(who, usize::from(input.u16()), usize::from(input.u16())),
            2 | 3 => pair.carry(
                who,
                usize::from(input.u16()),
                if choice & 0x40 == 0 { usize::MAX } else { 1 },
            ),
            4 if choice & 0x20 == 0 => pair.carry_all(),
            4 => {
                later(&mut pair.now, input.u8() % 6);
                pair.sides
                    .iter_mut()
                    .for_each(|side| side.pass_time(pair.now));
            }
            _ => application(&mut pair.sides[who], &mut input, pair.now),
        }
    }
    pair.finish();
}

/// Limits that a peer of ours keeps by itself: large header lists are refused here before they are sent.
fn mild(choice: u8) -> farcall_http2::Config {
    let mut config = config(choice);
    config.keepalive_interval = None; // the wire may stand still for as long as the input says
    config.settings_timeout = std::time::Duration::from_secs(1 << 30);
    let long = std::time::Duration::from_secs(1 << 30);
    (config.header_block_timeout, config.stuck_timeout) = (long, long);
    config.max_ping_strikes = u32::MAX;
    config.max_header_count = 128;
    config
}

impl Pair {
    fn write(&mut self, who: usize, target: usize, len: usize) {
        let octets = self.sides[who].take_output(self.now, target, len);
        self.wires[who].extend_from_slice(&octets);
    }

    fn carry(&mut self, from: usize, len: usize, events: usize) {
        let len = len.min(self.wires[from].len());
        let octets = self.wires[from].split_to(len);
        self.sides[1 - from].feed(self.now, &octets, events);
    }

    /// Until nothing moves any more.
    fn carry_all(&mut self) {
        for _ in 0..100_000 {
            let mut moved = false;
            for who in 0..2 {
                self.sides[who].take_events(self.now, usize::MAX);
                self.write(who, 1 << 20, usize::MAX);
                moved |= !self.wires[who].is_empty();
                self.carry(who, usize::MAX, usize::MAX);
            }
            if !moved {
                return self.hang_up();
            }
        }
        panic!("the two do not come to rest");
    }

    /// An end whose connection is over closes its socket.
    fn hang_up(&mut self) {
        for who in 0..2 {
            if self.sides[who].is_closed() {
                self.sides[1 - who].end_input(self.now);
            }
        }
    }

    fn finish(&mut self) {
        for _ in 0..1000 {
            self.carry_all();
            self.sides
                .iter_mut()
                .for_each(|side| side.release_all(self.now));
            self.carry_all();
            self.sides
                .iter_mut()
                .for_each(|side| side.finish_all(self.now));
            let idle = self.sides.iter_mut().all(|side| !side.has_output());
            if idle
                && self
                    .sides
                    .iter()
                    .all(|side| side.machine.open_streams() == 0)
            {
                break;
            }
        }
        let now = self.now;
        self.sides.iter_mut().for_each(|side| side.release_all(now));
        self.carry_all();
        for side in &self.sides {
            assert_eq!(side.crime(), None, "one finds the other at fault");
            assert_eq!(side.machine.open_streams(), 0, "a stream does not end");
        }
        let [client, server] = self.sides.each_ref().map(|side| side.machine.windows());
        if self.sides.iter().all(|side| !side.is_closed()) {
            assert_eq!((client.send, server.send), (server.receive, client.receive));
            assert_eq!((client.unread, server.unread), (0, 0));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::connection::request;
    use super::*;
    use bytes::Bytes;

    /// The ends of a short conversation and what went over the wire in each direction.
    fn conversation(now: Instant) -> [Vec<u8>; 2] {
        let mut sides = [Role::Client, Role::Server].map(|role| Side::new(role, mild(0), now));
        ask(&mut sides[0], now);
        let mut wires = [Vec::new(), Vec::new()];
        for round in 0..8 {
            for who in 0..2 {
                let octets = sides[who].take_output(now, usize::MAX, usize::MAX);
                wires[who].extend_from_slice(&octets);
                sides[1 - who].feed(now, &octets, usize::MAX);
            }
            if round == 2 {
                for choice in 0..2 {
                    let key = sides[1].pick(choice).expect("a request");
                    sides[1].send_headers(now, key, false);
                    sides[1].send_data(now, key, Bytes::from(vec![b'a'; 300]), false);
                    sides[1].send_headers(now, key, true);
                }
            }
        }
        wires
    }

    fn ask(client: &mut Side, now: Instant) {
        for _ in 0..2 {
            client.open(now, &request(), false);
        }
        for choice in 0..2 {
            let key = client.pick(choice).expect("a stream");
            client.send_data(now, key, Bytes::from(vec![b'q'; 200]), choice == 1);
        }
        client.ping(now, 7);
    }

    #[test]
    fn a_conversation_that_is_cut_at_any_byte_ends_with_everybody_told() {
        let now = Instant::now();
        let [up, down] = conversation(now);
        assert!(up.len() > 500 && down.len() > 700);
        for len in 0..=up.len() {
            let mut server = Side::new(Role::Server, mild(0), now);
            server.feed(now, &up[..len], usize::MAX);
            server.end_input(now);
            server.take_output(now, usize::MAX, usize::MAX);
            assert_eq!(server.crime(), None, "cut after {len}");
        }
        for len in 0..=down.len() {
            let mut client = Side::new(Role::Client, mild(0), now);
            ask(&mut client, now);
            client.take_output(now, usize::MAX, usize::MAX);
            client.feed(now, &down[..len], usize::MAX);
            client.end_input(now);
            client.take_output(now, usize::MAX, usize::MAX);
            assert_eq!(client.crime(), None, "cut after {len}");
        }
    }
}
