"""The tables. Every figure is the median of the rounds, with the least and the most where they say something."""

import os
import platform
import statistics
import subprocess
from pathlib import Path

VERSIONS = {"gdnsd": ["gdnsd"], "knot": ["knot"], "nsd": ["nsd"], "pdns": ["pdns-server"], "dnsperf": ["dnsperf"]}


def median(values):
    return statistics.median(values)


def spread(values, digits=2):
    """`4.12 (4.05–4.31)`."""
    if len(values) == 1:
        return f"{values[0]:.{digits}f}"
    return f"{median(values):.{digits}f} ({min(values):.{digits}f}–{max(values):.{digits}f})"


def tables(runs, modes, sizes, base):
    """`runs`: by mode and server, the pairs of runs (as fast as it goes, at the fixed rate), one a round."""
    lines = []
    for mode in modes:
        of = runs[mode]
        # The ratio is taken round by round, so that what disturbs a round disturbs both sides of it.
        first = of.get(base) or next(iter(of.values()))
        lines += ["", f"**{mode}**", "",
                  "| server | CPU µs a query | ratio | queries/s | CPU µs at rate | p50 µs | p99 µs | ratio | lost | octets |",
                  "|---|---|---|---|---|---|---|---|---|---|"]
        for server, pairs in of.items():
            fast, paced = [p[0] for p in pairs], [p[1] for p in pairs]
            ratio = spread([f.cpu / b[0].cpu for f, b in zip(fast, first)])
            tail = spread([p.p99 / b[1].p99 for p, b in zip(paced, first)])
            lost = sum(r.lost for r in fast + paced) / sum(r.sent for r in fast + paced)
            size = sizes[mode].get(server.partition(" ")[0], 0)
            lines.append(
                f"| {server} | {spread([f.cpu for f in fast])} | {ratio} | {median([f.per_second for f in fast]):,.0f} | "
                f"{median([p.cpu for p in paced]):.2f} | {median([p.p50 for p in paced]):.0f} | "
                f"{spread([p.p99 for p in paced], 0)} | {tail} | {lost:.2%} | {size:.0f} |")
        if mode == "dnssec":
            base_of = runs["static"]
            signed = [f"{server} " + spread([p[0].cpu / b[0].cpu for p, b in zip(pairs, base_of[server])])
                      for server, pairs in of.items()]
            lines += ["", f"CPU a signed answer to an unsigned one's (static): {', '.join(signed)}."]
    return lines


def machine():
    model = next((line.partition(":")[2].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
                  if line.startswith("model name")), "a processor")
    return f"{model}, {os.cpu_count()} cores, {platform.system()} {platform.release()}"


def versions():
    found = []
    for name, package in VERSIONS.items():
        said = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", *package], capture_output=True, text=True).stdout
        found.append(f"{name} {said or '?'}")
    commit = subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True, text=True,
                            cwd=Path(__file__).parent).stdout.strip()
    ours = f"fairway {commit or '?'}" if "BINARY" not in os.environ else f"fairway as in {os.environ['BINARY']}"
    return ", ".join([ours, *found])


def quiet(runs):
    """What else the server's core did, over all runs."""
    others = [run.others for of in runs.values() for pairs in of.values() for pair in pairs for run in pair]
    return f"{median(others):.0%} of the server's core in the median run, {max(others):.0%} in the worst"
