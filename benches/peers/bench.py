#!/usr/bin/env python3
"""Runs load against peers and prints tables. See README.md."""

import argparse
import json
import os
import re
import resource
import shlex
import shutil
import signal
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
TARGET = Path(os.environ.get("CARGO_TARGET_DIR") or Path(tempfile.gettempdir()) / "peers-target").resolve()
TICKS = os.sysconf("SC_CLK_TCK")
PACKAGES = ["tonic", "volo", "connectrpc", "grpc-rs", "pajamax", "floor"]
PEERS = [*PACKAGES, "grpc-go"]
BUILDS = {"build": ["--release"], "build-alloc": ["--features", "load/count-alloc"]}
KB, MB = 1024, 1024 * 1024

# Commands: {bin} is the folder of the built peers, {port} and {addr} are filled in for each run.
SERVERS = {p: "{bin}/%s-server --port {port}" % p for p in PEERS if p != "grpc-rs"}
CLIENTS = {p: "{bin}/%s-client --addr {addr}" % p for p in PEERS if p != "pajamax"}
SERVERS["grpcio"] = "{python} {here}/grpcio/peer.py server --port {port}"
CLIENTS["grpcio"] = "{python} {here}/grpcio/peer.py client --addr {addr}"
GO_IS_BUILT = (TARGET / "release/grpc-go-client").exists()
DEFAULT_PEERS = ",".join(PEERS if GO_IS_BUILT else PACKAGES)
UNARY_ONLY = {"pajamax"}
TLS = {"tonic", "grpc-go"}  # the peers of the kit that know --tls
NO_ALLOC_COUNTS = {"grpc-go", "grpcio"}

# Name: mode, connections, streams on each, request bytes, response bytes.
SCENARIOS = {
    "unary-latency/0B": ("unary", 1, 1, 0, 0),
    "unary-latency/1KiB": ("unary", 1, 1, KB, KB),
    "unary-throughput/1x100/0B": ("unary", 1, 100, 0, 0),
    "unary-throughput/1x100/1KiB": ("unary", 1, 100, KB, KB),
    "unary-throughput/8x32/0B": ("unary", 8, 32, 0, 0),
    "unary-throughput/8x32/1KiB": ("unary", 8, 32, KB, KB),
    "unary-64KiB": ("unary", 1, 10, 64 * KB, 64 * KB),
    "stream-pingpong/1x1": ("stream-pingpong", 1, 1, 0, 0),
    "stream-pingpong/1x100": ("stream-pingpong", 1, 100, 0, 0),
    "server-stream/16B": ("server-stream", 1, 1, 0, 16),
    "server-stream/64KiB": ("server-stream", 1, 1, 0, 64 * KB),
    "server-stream/1MiB": ("server-stream", 1, 1, 0, MB),
    "many-conns": ("unary", 500, 1, 0, 0),
    "connect": ("connect", 4, 1, 0, 0),
}
# Name: connections, streams on each, bytes both ways.
H2LOAD = {
    "h2load/1x1/0B": (1, 1, 0),
    "h2load/1x100/0B": (1, 100, 0),
    "h2load/8x32/0B": (8, 32, 0),
    "h2load/1x100/1KiB": (1, 100, KB),
    "h2load/connect": (1000, 1, 0),
}
OTHERS = ["memory", "alloc", "counts", "interop"]


# --- The protocol, as far as the driver itself speaks it ---


def varint(n):
    out = bytearray()
    while n > 0x7F:
        out.append(n & 0x7F | 0x80)
        n >>= 7
    return bytes(out) + bytes([n])


def grpc_request(size):
    """A framed SimpleRequest that sends `size` bytes and asks for as many."""
    body = b"\x12" + varint(size) + bytes(size) if size else b""
    message = (b"\x10" + varint(size) if size else b"") + b"\x1a" + varint(len(body)) + body
    return b"\0" + struct.pack(">I", len(message)) + message


def frame(kind, flags, stream, payload=b""):
    return (
        struct.pack(">I", len(payload))[1:]
        + bytes([kind, flags])
        + struct.pack(">I", stream)
        + payload
    )


def text(s):
    return bytes([len(s)]) + s.encode()


CALL_HEADERS = (
    b"\x83\x86\x01"
    + text("localhost")
    + b"\x04"
    + text("/grpc.testing.BenchmarkService/StreamingCall")
    + b"\x0f\x10"
    + text("application/grpc")
    + b"\x00"
    + text("te")
    + text("trailers")
)
HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY = 1, 3, 4, 6, 7


class Connection:
    """A client connection that can open calls and leave them alone."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.file = self.socket.makefile("rb")
        self.socket.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(SETTINGS, 0, 0))

    def open_calls(self, n):
        self.socket.sendall(b"".join(frame(HEADERS, 4, 1 + 2 * i, CALL_HEADERS) for i in range(n)))

    def sync(self, ping=True):
        """Waits until the server has seen everything so far."""
        if ping:
            self.socket.sendall(frame(PING, 0, 0, bytes(8)))
        while True:
            head = self.file.read(9)
            if len(head) < 9:
                raise OSError("the server closed the connection")
            self.file.read(int.from_bytes(head[:3], "big"))
            kind, flags = head[3], head[4]
            if kind in (RST_STREAM, GOAWAY):
                raise OSError("the server refused a stream")
            if kind == SETTINGS and not flags & 1:
                self.socket.sendall(frame(SETTINGS, 1, 0))
                if not ping:
                    return
            if kind == PING and flags & 1:
                return


# --- Processes ---


def cpu_s(pid):
    """What utime and stime of /proc/PID/stat tell, in nanoseconds instead of ticks."""
    return time.clock_gettime(~pid << 3 | 2)


def status_kb(pid, key):
    return int(re.search(rf"^{key}:\s+(\d+)", Path(f"/proc/{pid}/status").read_text(), re.M)[1])


def machine_s():
    """CPU seconds of all processes, and those that the hypervisor took."""
    user, nice, system, _, _, _, _, steal = map(int, Path("/proc/stat").read_text().split()[1:9])
    return (user + nice + system) / TICKS, steal / TICKS


class Noise:
    """CPU use by others, in cores."""

    def __init__(self):
        self.start, self.before = time.time(), machine_s()

    def cores(self, own_s):
        busy, steal = (b - a for a, b in zip(self.before, machine_s()))
        return max(0, busy - own_s + steal) / (time.time() - self.start)


def wait_for_quiet(args):
    deadline = time.time() + args.quiet_wait_s
    while time.time() < deadline:
        noise = Noise()
        time.sleep(0.3)
        if noise.cores(0) < args.max_noise:
            return


def free_port():
    # Below the ephemeral ports, which client connections in TIME_WAIT may hold.
    for port in range(20000 + os.getpid() % 5000, 30000):
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", port))
                return port
            except OSError:
                pass
    sys.exit("no free port")


def command(args, template, cpus, wrap=(), **values):
    values |= {"bin": TARGET / args.bin, "here": shlex.quote(str(HERE))}
    values |= {"python": os.environ.get("PEERS_PYTHON", sys.executable)}
    # Only these names are filled in, so that other braces can be used.
    filled = re.sub(r"\{(\w+)\}", lambda m: str(values.get(m[1], m[0])), template)
    how = ["nice", "-n", str(args.nice)] + (["taskset", "-c", cpus] if cpus else [])
    return [*how, *wrap, *shlex.split(filled)]


class Server:
    def __init__(self, args, name, wrap=()):
        self.port = free_port()
        argv = command(args, args.servers[name], args.server_cpus, wrap, port=self.port)
        if args.threads != 1:
            argv += ["--threads", str(args.threads)]
        if args.tls:
            argv += ["--tls"]
        env = os.environ | {"RUST_BACKTRACE": "0"}
        self.process = subprocess.Popen(argv, env=env, stdout=subprocess.PIPE, text=True)
        self.pid = self.process.pid
        deadline = time.time() + 20
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
                break
            except OSError:
                if time.time() > deadline or self.process.poll() is not None:
                    self.stop()
                    raise RuntimeError(f"{name}'s server did not start")
                time.sleep(0.02)
        time.sleep(0.1)

    def stop(self, how=signal.SIGKILL):
        self.process.send_signal(how)
        return self.process.communicate()[0]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


def run_process(argv, timeout):
    """Returns the output and the CPU time of a process."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    env = os.environ | {"RUST_BACKTRACE": "0"}
    done = subprocess.run(argv, env=env, timeout=timeout, capture_output=True, text=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise RuntimeError((done.stderr.strip().splitlines() or ["no message"])[0][:200])
    return done.stdout, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def client_argv(args, name, port, scenario, secs, warmup_s, wrap=()):
    mode, conns, streams, req, resp = scenario
    argv = command(args, args.clients[name], args.client_cpus, wrap, addr=f"127.0.0.1:{port}")
    flags = {"mode": mode, "conns": conns, "streams": streams, "req-size": req, "resp-size": resp}
    flags |= {"warmup-s": warmup_s, "secs": secs}
    if args.client_threads != 1:
        flags["threads"] = args.client_threads
    argv += [x for k, v in flags.items() for x in (f"--{k}", str(v))]
    return argv + (["--tls"] if args.tls else [])


# --- What can be run ---


def run_pair(args, server_name, client_name, scenario):
    with Server(args, server_name) as server:
        argv = client_argv(args, client_name, server.port, scenario, args.secs, args.warmup_s)
        noise, before = Noise(), cpu_s(server.pid)
        out, client_cpu = run_process(argv, args.secs + args.warmup_s + 20)
        server_cpu = cpu_s(server.pid) - before
        r = json.loads(out.splitlines()[-1])
        total = r.get("total") or r["rpcs"] * (1 + args.warmup_s / args.secs)
        return {
            "qps": r["qps"],
            "p50": r["p50"],
            "p90": r["p90"],
            "p99": r["p99"],
            "p99.9": r["p999"],
            "server µs": server_cpu * 1e6 / total,
            "client µs": r["cpu_us"],
            "server MiB": status_kb(server.pid, "VmHWM") / KB,
            "MiB/s": r["qps"] * (scenario[3] + scenario[4]) / MB,
            "noise": noise.cores(server_cpu + client_cpu),
        }


def run_h2load(args, server_name, scenario):
    conns, streams, size = scenario
    with Server(args, server_name) as server, tempfile.NamedTemporaryFile() as body:
        body.write(grpc_request(size))
        body.flush()
        how = ["-n", str(conns)] if conns == 1000 else ["-D", str(max(1, round(args.secs)))]
        url = f"http://127.0.0.1:{server.port}/grpc.testing.BenchmarkService/UnaryCall"
        argv = command(args, "h2load -w 30 -W 30", args.client_cpus)
        argv += ["-c", str(conns), "-m", str(streams), *how, "-d", body.name, url]
        argv += ["-H", "content-type: application/grpc", "-H", "te: trailers"]
        noise, before = Noise(), cpu_s(server.pid)
        out, client_cpu = run_process(argv, args.secs + 30)
        server_cpu = cpu_s(server.pid) - before
        done, failed = (int(re.search(rf"(\d+) {w}", out)[1]) for w in ("succeeded", "failed"))
        data = int(re.search(r"\((\d+)\) data", out)[1])
        if not done or failed > conns * streams or data < done * (5 + size):
            raise RuntimeError(f"{done} calls, {failed} failed, {data} bytes of data")
        return {
            "qps": float(re.search(r"([\d.]+) req/s", out)[1]),
            "server µs": server_cpu * 1e6 / done,
            "h2load µs": client_cpu * 1e6 / done,
            "server MiB": status_kb(server.pid, "VmHWM") / KB,
            "noise": noise.cores(server_cpu + client_cpu),
        }


def run_memory(args, server_name, client_name):
    def rss(server):
        time.sleep(0.5)
        return status_kb(server.pid, "VmRSS")

    row = {}
    with Server(args, server_name) as server:
        before = rss(server)
        conns = [Connection(server.port) for _ in range(1000)]
        for c in conns:
            c.sync(ping=False)
        row["server KiB/idle connection"] = (rss(server) - before) / 1000
    if server_name not in UNARY_ONLY:
        with Server(args, server_name) as server:
            conns = [Connection(server.port) for _ in range(100)]
            for c in conns:
                c.sync(ping=False)
            before = rss(server)
            for c in conns:
                c.open_calls(100)
            for c in conns:
                c.sync()
            row["server KiB/open stream"] = (rss(server) - before) / 10000
    if client_name:
        with Server(args, server_name) as server:
            argv = client_argv(args, client_name, server.port, ("idle", 500, 1, 0, 0), 0.2, 2)
            r = json.loads(run_process(argv, 30)[0])
            row["client KiB/idle connection"] = (r["rss_kb"] - r["rss_before_kb"]) / 500
    return row


def run_alloc(args, server_name, client_name, scenario):
    """Allocations per call; needs build-alloc."""

    def counts(server):
        os.kill(server.pid, signal.SIGUSR1)
        return json.loads(server.process.stdout.readline())

    row = {}
    with Server(args, server_name) as server:
        before = counts(server)
        argv = client_argv(args, client_name, server.port, scenario, args.secs, args.warmup_s)
        r = json.loads(run_process(argv, args.secs + args.warmup_s + 20)[0])
        after = counts(server)
        row["server allocs"] = (after["allocs"] - before["allocs"]) / r["total"]
        row["server bytes"] = (after["alloc_bytes"] - before["alloc_bytes"]) / r["total"]
        row["client allocs"], row["client bytes"] = r["allocs"], r["alloc_bytes"]
    return row


def run_counts(args, server_name, client_name, scenario):
    """User-mode instructions and system calls per call, of the server and of the client."""

    def instructions(path):
        return int(re.search(r"^(?:summary|totals): (\d+)", path.read_text(), re.M)[1])

    def valgrind(out):
        # Callgrind does not survive the signals that preempt goroutines.
        return [
            "env",
            "GODEBUG=asyncpreemptoff=1",
            "valgrind",
            "-q",
            "--log-file=/dev/null",
            "--tool=callgrind",
            f"--callgrind-out-file={out}",
        ]

    def strace(out):
        return ["strace", "-f", "-c", "-U", "calls,name", "-o", str(out)]

    def calls(path):
        rows = [line.split() for line in path.read_text().splitlines()]
        return {r[1]: int(r[0]) for r in rows if len(r) == 2 and r[0].isdigit() and r[1] != "total"}

    row = {}
    with tempfile.TemporaryDirectory() as tmp:
        out = Path(tmp) / "out"
        for side in ["server", "client"]:
            found = []
            # The difference of a short and a long run leaves out what starting costs.
            for tool, secs in [(valgrind, 2), (valgrind, 8), (strace, args.secs)]:
                wrap = {side: tool(out)}
                with Server(args, server_name, wrap.get("server", ())) as server:
                    argv = client_argv(
                        args, client_name, server.port, scenario, secs, 0.5, wrap.get("client", ())
                    )
                    r = json.loads(run_process(argv, 120)[0])
                    if side == "server":
                        children = (
                            Path(f"/proc/{server.pid}/task/{server.pid}/children")
                            .read_text()
                            .split()
                        )
                        os.kill(int(children[0]) if tool is strace else server.pid, signal.SIGTERM)
                        server.process.wait()
                found.append((calls(out) if tool is strace else instructions(out), r["total"]))
            (few, n1), (many, n2), (syscalls, n) = found
            row[f"{side} instructions"] = (many - few) / (n2 - n1)
            per_call = {k: v / n for k, v in syscalls.items() if v / n > 0.002}
            row[f"{side} syscalls"] = sum(per_call.values())
            row[f"{side} by name"] = " ".join(
                f"{k}:{v:.3f}" for k, v in sorted(per_call.items(), key=lambda x: -x[1])
            )
    return row


def run_interop(args, server_name):
    """Which clients can do which calls with a server."""
    row = {}
    for client in args.clients:
        if client == "floor":
            continue
        done = []
        for mode in ["unary", "stream-pingpong", "server-stream"]:
            with Server(args, server_name) as server:
                argv = client_argv(args, client, server.port, (mode, 1, 2, 100, 100), 0.3, 0.3)
                try:
                    if json.loads(run_process(argv, 10)[0])["rpcs"]:
                        done.append(mode.replace("stream-", "").replace("-stream", ""))
                except (RuntimeError, subprocess.TimeoutExpired):
                    pass
        row[client] = " ".join(done) or "nothing"
    return row


# --- Tables ---


def measure(args, what):
    """Runs `what` again while others use the machine; returns the quietest result."""
    best = None
    for _ in range(1 + args.retries):
        wait_for_quiet(args)
        row = what()
        if best is None or row.get("noise", 0) < best.get("noise", 0):
            best = row
        if best.get("noise", 0) <= args.max_noise:
            break
    return best


def cell(value):
    if isinstance(value, str):
        return value
    if value is None:
        return "—"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def print_table(title, rows, ratios, file):
    columns = list(dict.fromkeys(k for r in rows.values() if isinstance(r, dict) for k in r))
    reference = rows.get("tonic")
    ratios = [k for k in ratios if k in columns] if isinstance(reference, dict) else []
    lines = [
        f"\n### {title}\n",
        "| peer | " + " | ".join(columns + [f"{k} ÷ tonic" for k in ratios]) + " |",
    ]
    lines.append("|---" * (1 + len(columns) + len(ratios)) + "|")
    for name, row in rows.items():
        if isinstance(row, str):
            lines.append(f"| {name} | {row} |")
            continue
        over = [row[k] / reference[k] if row.get(k) and reference.get(k) else None for k in ratios]
        lines.append(
            f"| {name} | " + " | ".join(map(cell, [row.get(c) for c in columns] + over)) + " |"
        )
    for out in [sys.stdout, file]:
        if out:
            print("\n".join(lines), file=out, flush=True)


def run_one(args, scenario, peer):
    """One row; None: the peer has no part in the scenario."""
    server, _, client = peer.partition("/")
    client = client or server
    both = [
        name for name, known in [(server, args.servers), (client, args.clients)] if name in known
    ]
    # A peer with one side only meets tonic.
    server = server if server in args.servers else "tonic"
    client = client if client in args.clients else "tonic"
    if args.tls and (scenario in H2LOAD or scenario == "memory" or {server, client} & set(PEERS) - TLS):
        return None
    mode = SCENARIOS.get(args.of if scenario in ("alloc", "counts") else scenario, ["unary"])[0]
    if server in UNARY_ONLY and mode not in ("unary", "connect"):
        return None
    if scenario == "alloc" and NO_ALLOC_COUNTS & {server, client}:
        return None
    if scenario in ("alloc", "counts"):
        run = run_alloc if scenario == "alloc" else run_counts
        return run(args, server, client, SCENARIOS[args.of])
    if scenario in SCENARIOS:
        return measure(args, lambda: run_pair(args, server, client, SCENARIOS[scenario]))
    if peer not in args.servers or peer == "floor":
        return None
    if scenario in H2LOAD:
        return measure(args, lambda: run_h2load(args, server, H2LOAD[scenario]))
    if scenario == "interop":
        return run_interop(args, server)
    return run_memory(args, server, client if len(both) == 2 else None)


def run_scenario(args, scenario, raw):
    samples, failures = {}, {}
    peers = args.servers if scenario == "interop" else args.peers.split(",")
    for _ in range(1 if scenario in OTHERS else args.rounds):
        for peer in peers:
            if peer in failures:
                continue
            try:
                row = run_one(args, scenario, peer)
                if row:
                    samples.setdefault(peer, []).append(row)
            except (RuntimeError, OSError, subprocess.TimeoutExpired) as e:
                row = failures[peer] = f"failed: {e}"
            print(f"{scenario} {peer}: {row}", file=sys.stderr, flush=True)
    rows = {}
    for peer, found in samples.items():
        row = rows[peer] = {}
        found = [f for f in found if f.get("noise", 0) <= args.max_noise] or found
        for k, v in found[0].items():
            row[k] = v if isinstance(v, str) else statistics.median(f[k] for f in found)
        if len(found) > 1 and "qps" in row:
            qps = [f["qps"] for f in found]
            row["qps spread %"] = (max(qps) - min(qps)) / row["qps"] * 100
    raw[scenario] = {"samples": samples, "failures": failures}
    return rows | failures


def build(how, peers):
    env = os.environ | {"CARGO_TARGET_DIR": str(TARGET)}
    for package in PACKAGES:
        if package in peers:
            # One by one: in a build of all, each would get the features of all.
            argv = ["cargo", "build", *BUILDS[how], "--locked", "-p", f"peer-{package}"]
            subprocess.run(argv, cwd=HERE, env=env, check=True)
    if how != "build" or "grpc-go" not in peers:
        return
    if not shutil.which("go"):
        return print("SKIPPED: there is no go here, so grpc-go IS NOT BUILT", file=sys.stderr)
    for argv in [["generate"], ["build", "-o", f"{TARGET}/release/", "./..."]]:
        subprocess.run(["go", *argv], cwd=HERE / "grpc-go", check=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "scenarios",
        nargs="*",
        help="names or their beginnings; without any: all that measure speed or memory; or: build, build-alloc, list",
    )
    parser.add_argument(
        "--peers",
        help=f"comma-separated; SERVER/CLIENT mixes two (default: {DEFAULT_PEERS}); build: all",
    )
    parser.add_argument(
        "--server", action="append", default=[], help="'name=command {port}': one more server"
    )
    parser.add_argument(
        "--client", action="append", default=[], help="'name=command {addr}': one more client"
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--secs", type=float, default=5)
    parser.add_argument("--warmup-s", type=float, default=1)
    parser.add_argument("--threads", type=int, default=1, help="of the server; 0: no workers")
    parser.add_argument("--client-threads", type=int, default=1, help="of the client, likewise")
    parser.add_argument(
        "--tls", action="store_true", help="pass --tls to servers and clients; no h2load, no memory"
    )
    parser.add_argument("--server-cpus", default="0", help="for taskset; empty: not pinned")
    parser.add_argument("--client-cpus", default="1", help="for taskset; empty: not pinned")
    parser.add_argument("--nice", type=int, default=0, help="below 0 against noise, as root")
    parser.add_argument(
        "--max-noise", type=float, default=0.1, help="cores that others may use during a run"
    )
    parser.add_argument("--retries", type=int, default=2, help="of a run with more noise")
    parser.add_argument(
        "--quiet-wait-s", type=float, default=30, help="the longest wait for others before a run"
    )
    parser.add_argument(
        "--of",
        default="unary-throughput/1x100/0B",
        help="the scenario that alloc and counts look at",
    )
    parser.add_argument(
        "--out", help="a file for the tables; the samples go to the same name with .json"
    )
    args = parser.parse_args()

    args.servers = SERVERS | dict(s.split("=", 1) for s in args.server)
    args.clients = CLIENTS | dict(c.split("=", 1) for c in args.client)
    names = [*SCENARIOS, *H2LOAD, *OTHERS]
    if args.scenarios == ["list"]:
        return print("\n".join(names))
    if args.scenarios and args.scenarios[0] in BUILDS:
        return build(args.scenarios[0], args.peers.split(",") if args.peers else PEERS)
    args.peers = args.peers or DEFAULT_PEERS
    usual = [*SCENARIOS, *H2LOAD, "memory"]
    chosen = [n for n in names if n.startswith(tuple(args.scenarios))] if args.scenarios else usual
    # A run that is stopped takes its server with it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    raw, file = {}, open(args.out, "w") if args.out else None
    for scenario in chosen:
        args.bin = "debug" if scenario == "alloc" else "release"
        rows = run_scenario(args, scenario, raw)
        print_table(scenario, rows, ["qps", "server µs", "client µs"], file)
        if args.out:
            Path(args.out).with_suffix(".json").write_text(json.dumps(raw, indent=1))


if __name__ == "__main__":
    main()
