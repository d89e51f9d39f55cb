//! Micro-benchmarks of the machines, without sockets:
//!
//! ```text
//! cargo run --profile perf -p farcall-micro --bin machines [hpack|frames|pair|calls]
//! ```
//!
//! The best of many rounds, in nanoseconds. They show where time goes on a quiet machine; what must not grow is counted in
//! instructions by `cargo xtask perf`.

mod calls;
mod frames;
mod hpack;
mod pair;

use farcall_micro::Error;

type Benchmark = fn() -> Result<(), Error>;

fn main() -> Result<(), Error> {
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    let all: [(&str, Benchmark); 4] = [
        ("hpack", hpack::run),
        ("frames", frames::run),
        ("pair", pair::run),
        ("calls", calls::run),
    ];
    if let Some(unknown) = wanted
        .iter()
        .find(|name| all.iter().all(|(known, _)| known != name))
    {
        return Err(format!("there is no {unknown}: hpack, frames, pair or calls").into());
    }
    for (name, run) in all {
        if wanted.is_empty() || wanted.iter().any(|wanted| wanted == name) {
            println!("== {name}");
            run()?;
        }
    }
    Ok(())
}
