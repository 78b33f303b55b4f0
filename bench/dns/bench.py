#!/usr/bin/env python3
"""`make bench-dns`: Fairway's DNS beside gdnsd, Knot, NSD and PowerDNS, on one machine, in turn.

**What is compared.** The same zones, the same geo database and policy (`world.py`), the same queries, octet by octet
(`queries.py`), and the same replies (`compare.py`), over UDP on loopback. Every server has one worker, on core 0; dnsperf is on
core 1. All are started before the first round and stay until the last, so that none is fresher than another.

**What is measured.** First *CPU µs a query*: user and system time of all the server's threads and processes, by the answers
that dnsperf had. It says what a query costs and not how fast this dnsperf is, and other work on the machine hardly moves it;
queries/s is told beside it, and is as often dnsperf's limit as the server's. All that Fairway does besides counts (its control
loop, its listeners for HTTP); a peer's kernel share, about 4 µs, is in everyone's figure. Then latency at a fixed rate, where
nobody is near their limit.

**Rounds in turn.** A round asks every server a mode, one after the other, then the next mode. What changes on the machine
over minutes reaches all of them, and ratios are taken within a round.

**`fairway + swap`** is the same node while its snapshot is swapped every second (`servers.Swap` says how).

Everything that is started is ended, whatever happens. Environment: `QUICK=1` for one short round, some two minutes;
`BINARY=path` for another `fairway` than the release build.
"""

import os
import shutil
import signal
import sys
import tempfile
import time
from contextlib import nullcontext
from pathlib import Path

import geo
import queries
import report
from compare import Different, same
from load import RATE, run
from servers import LOAD_CORE, Server, Swap
from wire import query, substance
from world import FLOOR, ROOT, SERVERS, World

QUICK = bool(os.environ.get("QUICK"))
ROUNDS, FAST_SECONDS, PACED_SECONDS = (1, 1.5, 1) if QUICK else (3, 4, 3)
OUT = ROOT / "target/bench"
SWAPPED = "fairway + swap"


def say(text):
    print(f"bench-dns: {text}", file=sys.stderr, flush=True)


def start(world, modes_of):
    """All servers by name, started together and waited for."""
    servers = []
    try:
        for name, (port, command) in world.commands().items():
            servers.append(Server(name, port, command, world.folder / f"{name}.log"))
        for server in servers:
            # That which takes longest to be there: the geo database read, the zone signed.
            server.wait(query("h0000.bench.test"), lambda reply: reply[3] & 15 == 0)
            if "geo" in modes_of[server.name]:
                server.wait(query("www.geo.test"), lambda reply: len(substance(reply)[1][0]) == 1)
            if "dnssec" in modes_of[server.name]:
                server.wait(query("h0000.signed.test", dnssec=True), lambda reply: len(substance(reply)[1][0]) == 2)
    except BaseException:
        stop(servers)
        raise
    return {server.name: server for server in servers}


def stop(servers):
    for server in servers:
        server.stop()


def contenders(mode, modes_of):
    """Who takes part in a mode, in turn."""
    names = [name for name in SERVERS if mode in modes_of[name]]
    return names + ([SWAPPED] if "fairway" in names and mode in ("static", "geo-random", "mixed") else [])


def check(name, mode, measured, size):
    """That what was timed is what was compared: a server that cuts its replies under load, as one does that limits their rate,
    would be quick at nothing."""
    if size and abs(measured.size - size) > 3:
        raise Different(f"{name}'s replies to {mode} have {measured.size:.0f} octets under load and {size:.0f} without; does it "
                        "limit the rate of its replies?")


def rounds(servers, modes_of, files, data, sizes):
    """Runs by mode and server; `sizes` are those of replies before."""
    runs = {mode: {name: [] for name in contenders(mode, modes_of)} for mode in queries.MODES}
    for turn in range(ROUNDS):
        for mode, of in runs.items():
            say(f"round {turn + 1} of {ROUNDS}, {mode}")
            # Another is first in each round: a place in the order is no advantage.
            in_turn = list(of.items())
            for name, pairs in in_turn[turn % len(of):] + in_turn[:turn % len(of)]:
                server, file = servers[name.partition(" ")[0]], files / mode
                with Swap(data) if name == SWAPPED else nullcontext() as swap:
                    fast, paced = run(server, file, FAST_SECONDS), run(server, file, PACED_SECONDS, RATE)
                if swap and swap.swaps < FAST_SECONDS + PACED_SECONDS - 2:
                    raise RuntimeError(f"only {swap.swaps} snapshots were swapped")
                for measured in (fast, paced):
                    check(name, mode, measured, sizes[mode].get(server.name))
                pairs.append((fast, paced))
    return runs


def main():
    if os.cpu_count() < 2:
        sys.exit("bench-dns: two cores are needed, one for the server and one for dnsperf")
    os.sched_setaffinity(0, {LOAD_CORE})
    begun = time.monotonic()
    database = OUT / "country.mmdb"
    geo.convert(geo.SOURCE, database)
    folder = Path(tempfile.mkdtemp(prefix="bench-dns-"))
    servers = {}
    try:
        world = World(folder / "world", database, sign=True)
        asked = queries.write(folder / "queries")
        modes_of = {name: [m for m in queries.MODES if m not in queries.WITHOUT[name]] for name in SERVERS}
        notes = []
        if not world.can_sign:
            modes_of["fairway"].remove("dnssec")
            notes.append("Fairway is not in the mode dnssec: this build has no `fairway dnssec`.")
        servers = start(world, modes_of)
        sizes = {mode: same([servers[n] for n in SERVERS if mode in modes_of[n] and n != FLOOR], mode, asked[mode])
                 for mode in queries.MODES}
        say("every server says the same; now they are timed")
        runs = rounds(servers, modes_of, folder / "queries", folder / "world/fairway/data", sizes)
    finally:
        stop(servers.values())
        shutil.rmtree(folder, ignore_errors=True)
    minutes = (time.monotonic() - begun) / 60
    lines = [
        f"{report.machine()}. {report.versions()}.",
        f"{ROUNDS} rounds of {FAST_SECONDS} s as fast as answers come and {PACED_SECONDS} s at {RATE:,} queries/s; "
        f"median (least–most); ratios to gdnsd, where it takes part, within each round. {minutes:.1f} minutes.",
        f"Others took {report.quiet(runs)}.",
        *notes,
        *report.tables(runs, queries.MODES, sizes, "gdnsd"),
    ]
    text = "\n".join(lines) + "\n"
    print(text)
    (OUT / "dns.md").write_text(text)


if __name__ == "__main__":
    # Ctrl-C and a kill both end by way of every `finally`.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, _: sys.exit(128 + number))
    try:
        main()
    except Different as different:
        sys.exit(f"bench-dns: the servers do not say the same, so no figure means anything: {different}")
