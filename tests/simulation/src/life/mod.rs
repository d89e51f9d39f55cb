//! Random but repeatable lives of an HTTP/2 connection, over a simulated network.
//!
//! A script's seed chooses two configurations and a network; its steps are opens, messages, half-closes, trailers, resets, slow
//! readers, stalls, drains and faults. After each step the events are compared with what was sent, and the accounts with what went
//! over the wire; at the end all streams have ended once, all windows add up and nothing is left over.

mod events;
mod faults;
mod invariants;
mod operate;
mod plan;
mod reader;
mod settle;
mod world;

use crate::script::Script;
pub use world::Tally;
use world::World;

/// Lives through a script. `loud`: tells what happens.
///
/// # Panics
/// Something does not hold that must.
pub fn live(script: &Script, loud: bool) -> Tally {
    let mut world = World::new(script.seed, loud);
    world.begin();
    for step in &script.steps {
        if loud {
            println!("{step}");
        }
        operate::perform(&mut world, *step);
    }
    settle::finish(&mut world);
    world.tally
}
