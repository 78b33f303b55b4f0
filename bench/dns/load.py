"""dnsperf on core 1, and what it and the kernel tell of a run."""

import os
import re
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from servers import LOAD_CORE, SERVER_CORE, settle

# Sockets, so that there are as many clients; and queries under way in all: enough that neither side waits for the other,
# and few enough for a socket's default buffer.
CLIENTS, OUTSTANDING = 10, 100
# Asked before each measurement and not counted. A server waits for minutes while the others are asked; what it comes back
# to (caches, pages that the kernel had put aside as unused) is the machine's, and costs most who holds most.
WARM_SECONDS = 1
TICKS = os.sysconf("SC_CLK_TCK")
# Queries a second at which latency is compared: well within what each server can do here.
RATE = 40_000


@dataclass
class Run:
    """One server, asked one mode."""
    per_second: float
    # Microseconds of the server's CPU an answer.
    cpu: float
    sent: int
    lost: int
    # Octets of a reply, on average.
    size: float
    # Microseconds; at a fixed rate only.
    p50: float = 0
    p99: float = 0
    # Of the wall time, the share of the server's core that others took: other processes, or other guests of the machine.
    others: float = 0


def core_times(core):
    """Seconds that a core was busy for anyone, stolen time included."""
    for line in Path("/proc/stat").read_text().splitlines():
        if line.startswith(f"cpu{core} "):
            user, nice, system, _idle, _iowait, irq, softirq, steal, *_ = map(int, line.split()[1:])
            return (user + nice + system + irq + softirq + steal) / TICKS
    raise RuntimeError(f"there is no core {core}")


def run(server, file, seconds, rate=None):
    """Asks for `seconds`; as fast as answers come, or at `rate` with latencies. First as long as `WARM_SECONDS`, uncounted."""
    def command(seconds):
        base = ["dnsperf", "-s", "127.0.0.1", "-p", str(server.port), "-B", "-d", str(file), "-l", str(seconds), "-t", "1",
                "-c", str(CLIENTS), "-q", str(OUTSTANDING), "-W"]
        return base + (["-Q", str(rate), "-v"] if rate else [])

    def ask(seconds):
        return subprocess.run(command(seconds), check=True, capture_output=True, text=True, start_new_session=True,
                              preexec_fn=lambda: settle(LOAD_CORE)).stdout

    ask(WARM_SECONDS)
    cpu, core, begun = server.cpu(), core_times(SERVER_CORE), time.monotonic()
    told = ask(seconds)
    cpu, core, wall = server.cpu() - cpu, core_times(SERVER_CORE) - core, time.monotonic() - begun

    def number(what):
        return float(re.search(rf"{what}:?\s+([\d.]+)", told).group(1))

    sent, answered = int(number("Queries sent")), int(number("Queries completed"))
    if not answered:
        raise RuntimeError(f"{server.name} answers nothing:\n{told[-1000:]}")
    found = Run(number("Queries per second"), cpu / answered * 1e6, sent, sent - answered,
                number("Average packet size:.* response"), others=max(0, core - cpu) / wall)
    if rate:
        # "> NOERROR binary input 0.000034"; a lost one has no time.
        times = sorted(float(line.rpartition(" ")[2]) for line in told.splitlines()
                       if line.startswith("> ") and not line.startswith("> T"))
        found.p50, found.p99 = times[len(times) // 2] * 1e6, times[len(times) * 99 // 100] * 1e6
    return found
