//! What the network and the clock do to a connection.

use super::{operate::set_stalled, world::World};
use crate::script::Kind;
use farcall_testkit::sim::Side;
use std::time::Duration;

/// No two jumps come closer together: a peer is given up after 20 s.
const BETWEEN_JUMPS: Duration = Duration::from_secs(15);

pub(crate) fn perform(world: &mut World, kind: Kind) {
    match kind {
        Kind::Lose => {
            world.tell(Side::Client, "the connection is lost");
            world.tally.losses += 1;
            world.pair.lose_connection();
        }
        Kind::Cut => {
            let side = world.rng.pick(&Side::BOTH);
            let bytes = match world.rng.range(0..3) {
                0 => world.rng.range(0..40),
                1 => world.rng.range(0..3000),
                _ => world.rng.range(0..100_000),
            };
            world.tell(side, format_args!("is cut off, {bytes} bytes still arrive"));
            world.tally.cuts += 1;
            world.pair.cut(side, bytes);
        }
        Kind::HalfOpen => {
            let side = world.rng.pick(&Side::BOTH);
            world.tell(side, "speaks to nobody");
            world.tally.half_opens += 1;
            world.half_open = true;
            world.pair.half_open(side);
        }
        Kind::Partition => {
            world.tally.partitions += 1;
            for side in Side::BOTH
                .into_iter()
                .filter(|side| world.stalled[*side as usize].is_none())
                .collect::<Vec<_>>()
            {
                set_stalled(world, side, true);
            }
        }
        Kind::Jump => {
            let now = world.pair.now();
            if world.jumped.is_some_and(|at| now - at < BETWEEN_JUMPS) {
                return;
            }
            let by = Duration::from_millis(world.rng.range(1..8000) as u64);
            world.tell(Side::Client, format_args!("the clock jumps by {by:?}"));
            world.tally.jumps += 1;
            world.pair.jump(by);
            world.jumped = Some(world.pair.now());
        }
        other => unreachable!("{other:?} is no fault"),
    }
}

/// Whoever waits on a half-open connection is told at last, by the system or by itself.
pub(crate) fn give_up(world: &mut World) {
    if world.half_open {
        let silence = Duration::from_millis(world.rng.range(0..60_000) as u64);
        world.run_for(silence);
        world.pair.lose_connection();
    }
}
