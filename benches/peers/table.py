#!/usr/bin/env python3
"""Makes one table from the samples of bench.py: `bench.py --out FILE …` writes FILE's name with .json; `table.py THAT.json`.

Medians of the rounds; CPU is µs of server / client for each call or message; the last columns are the last peer's
figure ÷ tonic's and ÷ the floor's.
"""

import json
import statistics
import sys

PEERS = ["tonic", "connectrpc", "pajamax", "grpc-go", "floor", "farcall"]
NAMES = {"farcall": "Farcall"}
WITH_LATENCY = ("unary-latency", "unary-throughput/8x32", "many-conns")
MEMORY = {
    "server KiB/idle connection": "idle connection, server KiB",
    "client KiB/idle connection": "idle connection, client KiB",
    "server KiB/open stream": "open idle stream, server KiB",
}


def short(value):
    if value >= 1e6:
        return f"{value / 1e6:.2f} M"
    if value >= 1e4:
        return f"{value / 1e3:.0f} k"
    if value >= 1e3:
        return f"{value / 1e3:.1f} k"
    return f"{value:.3g}"


def plain(value):
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"


def medians(samples, keys):
    """None: the peer has no part in it."""
    if not samples or any(key not in samples[0] for key in keys):
        return None
    return [statistics.median(sample[key] for sample in samples) for key in keys]


def row(title, scenario, keys, write):
    found = [medians(scenario["samples"].get(peer), keys) for peer in PEERS]
    if not found[-1]:
        return
    cells = [" / ".join(map(write, values)) if values else "–" for values in found]
    for reference in (found[0], found[PEERS.index("floor")]):
        ratios = [ours / theirs for ours, theirs in zip(found[-1], reference or []) if theirs]
        cells.append(" / ".join(f"{ratio:.3g}" for ratio in ratios) or "–")
    print(f"| {title} | " + " | ".join(cells) + " |")


def main():
    scenarios = json.loads(open(sys.argv[1]).read())
    names = [NAMES.get(peer, peer) for peer in PEERS]
    print("| scenario | " + " | ".join(names) + " | ÷ tonic | ÷ floor |")
    print("|---" * (len(names) + 3) + "|")
    for name, scenario in scenarios.items():
        if name == "memory":
            for key, title in MEMORY.items():
                row(title, scenario, [key], plain)
            continue
        what = "messages/s" if "stream" in name else "calls/s"
        row(f"{name}, {what}", scenario, ["qps"], short)
        if name.startswith(WITH_LATENCY):
            row(f"{name}, p50 / p99 µs", scenario, ["p50", "p99"], plain)
        if name.startswith("h2load"):
            row(f"{name}, server CPU µs", scenario, ["server µs"], plain)
        else:
            row(f"{name}, CPU µs", scenario, ["server µs", "client µs"], plain)


if __name__ == "__main__":
    main()
