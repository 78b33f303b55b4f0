"""The servers' processes: started on core 0, watched, and ended whatever happens.

Each is a session of its own, so that what it forks counts as its own (NSD answers from a child) and is ended with it, and so
that Ctrl-C ends them in our order and not in the terminal's. Should this process be killed, the kernel ends them.
"""

import ctypes
import json
import os
import signal
import socket
import subprocess
import threading
import time
import urllib.request
from pathlib import Path

from world import ROOT

SERVER_CORE, LOAD_CORE = 0, 1
CPUCLOCK_SCHED = 2
LIBC = ctypes.CDLL(None)
PR_SET_PDEATHSIG = 1
# All servers and dnsperf alike go before whatever else the machine does, where that is allowed.
NICE = -15
# Seconds, for what takes a few: to read the geo database, to sign a zone, to stop.
PATIENCE = 60


def settle(core):
    """For a process that is about to become a server, or dnsperf: its core, its priority, and its end with ours."""
    os.sched_setaffinity(0, {core})
    try:
        os.setpriority(os.PRIO_PROCESS, 0, NICE)
        # Where the kernel groups by session, that holds within its session only, and this for the session.
        Path("/proc/self/autogroup").write_text(str(NICE))
    except OSError:  # only root may: then a quiet machine is needed all the more. Or there are no such groups
        pass
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


class Server:
    """One running server."""

    def __init__(self, name, port, command, log):
        self.name, self.port, self.log = name, port, log
        with open(log, "wb") as out:
            self.process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                                            start_new_session=True, preexec_fn=lambda: settle(SERVER_CORE))

    def ask(self, query, patience=0.5):
        """The reply, or None."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            udp.settimeout(patience)
            udp.connect(("127.0.0.1", self.port))
            try:
                udp.send(query)
                return udp.recv(65535)
            except OSError:  # nobody listens yet, or nothing came
                return None

    def wait(self, query, good):
        """Waits until the reply to `query` is `good`."""
        until, reply = time.monotonic() + PATIENCE, None
        while time.monotonic() < until:
            if self.process.poll() is not None:
                raise RuntimeError(f"{self.name} ended:\n{Path(self.log).read_text()[-2000:]}")
            reply = self.ask(query)
            if reply and good(reply):
                return
            time.sleep(0.05)
        raise RuntimeError(f"{self.name} does not answer as it should: {reply!r}\n{Path(self.log).read_text()[-2000:]}")

    def cpu(self):
        """Seconds of CPU that all of its processes have used with all their threads, user and system.

        By each process's CPU clock (`clock_getcpuclockid(3)`): what `/proc/PID/stat` has as utime and stime, but in nanoseconds
        and not in hundredths of a second, which a run of one second would feel.
        """
        total = 0
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                session = int(stat.read_text().rpartition(")")[2].split()[3])
                if session == self.process.pid:
                    total += time.clock_gettime(~int(stat.parent.name) << 3 | CPUCLOCK_SCHED)
            except OSError:  # it has just ended
                continue
        return total

    def stop(self):
        for sign, patience in ((signal.SIGTERM, 10), (signal.SIGKILL, 10)):
            try:
                os.killpg(self.process.pid, sign)
                self.process.wait(patience)
            except (ProcessLookupError, subprocess.TimeoutExpired):
                pass


class Swap:
    """Makes a node swap its snapshot every second, as long as the `with` lasts.

    By the node's own means: an override is given, and a second later cleared, over the admin API; each makes the control loop
    compile the next snapshot and swap it in before it answers. It forces a pathway of a service that nobody asks for, so that
    what is answered stays the same. What the API calls cost is the node's CPU too, and counted.
    """

    def __init__(self, data):
        admin = json.loads((data / "listening.json").read_text())["admin"]
        self.url, self.over, self.swaps, self.failed = f"http://{admin}/api/v1/overrides", threading.Event(), 0, None

    def __enter__(self):
        self.thread = threading.Thread(target=self.run)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()
        if self.failed:
            raise RuntimeError("a snapshot could not be swapped") from self.failed

    def call(self, method, path="", body=None):
        data = json.dumps(body).encode() if body else None
        request = urllib.request.Request(self.url + path, data, {"content-type": "application/json"}, method=method)
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=5) as response:
            self.swaps += 1
            return json.load(response)

    def run(self):
        wish = {"service": "spare", "pathway": "na", "force": "drained", "author": "bench", "reason": "a swap"}
        forced = None
        try:
            while not self.over.wait(1) or forced is not None:
                if forced is None:
                    forced = self.call("POST", body=wish)["override"]["id"]
                else:
                    self.call("DELETE", f"/{forced}?author=bench")
                    forced = None
        except (OSError, KeyError, ValueError) as failed:
            self.failed = failed
