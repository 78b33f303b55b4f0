"""One world in six dialects: the zones, the geo policy, and each server's configuration.

**The zones.** `bench.test` is static, 1,000 names with an A record each. `geo.test` has one name, `www`, which is steered.
`signed.test` is `bench.test` again, signed with one ECDSA P-256 key (algorithm 13) and NSEC. TTLs, SOA and NS are the same
everywhere, so that replies are of the same records; `compare.py` sees to it before anything is timed.

**The policy.** Twelve datacenters with one address each: one a continent, and six countries that have their own. Where the
continent is not known, or has no datacenter, `na` answers. No health checks: every datacenter is up.

**What is set alike.** One UDP worker each. No response-rate limiting: that would measure the limiter's tables. No query log,
no statistics beyond what cannot be left out. Everything else is as each server's package has it, caches of PowerDNS included.
"""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import geo

ROOT = Path(__file__).resolve().parents[2]
FAIRWAY = Path(os.environ.get("BINARY", ROOT / "target/release/fairway"))
NAMES = [f"h{n:04}" for n in range(1000)]
TTL = 60
# By datacenter: its address. The first is the default.
DATACENTERS = {dc: f"198.51.100.{n + 1}" for n, dc in enumerate(
    ["na", "af", "as", "eu", "oc", "sa", "us", "br", "de", "gb", "in", "jp"])}
CONTINENTS = {"AF": "af", "AS": "as", "EU": "eu", "NA": "na", "OC": "oc", "SA": "sa"}
# By country: its continent, and its datacenter.
COUNTRIES = {"US": ("NA", "us"), "BR": ("SA", "br"), "DE": ("EU", "de"), "GB": ("EU", "gb"), "IN": ("AS", "in"),
             "JP": ("AS", "jp")}
FLOOR = "floor"
SERVERS = [FLOOR, "gdnsd", "knot", "nsd", "pdns", "fairway"]


def free_port():
    """One that nobody has for UDP or TCP. It may be taken before its server binds it; the server says so then, and ends."""
    with socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
        tcp.bind(("127.0.0.1", 0))
        udp.bind(tcp.getsockname())
        return tcp.getsockname()[1]


def soa_and_ns(origin):
    return (f"$ORIGIN {origin}.\n$TTL {TTL}\n"
            f"@ IN SOA ns1.{origin}. hostmaster.{origin}. 2026010101 3600 600 604800 {TTL}\n"
            f"@ IN NS ns1.{origin}.\nns1 IN A 192.0.2.1\n")


def static(origin):
    """A master file of 1,000 names."""
    return soa_and_ns(origin) + "".join(f"{name} IN A 192.0.2.{n % 250 + 1}\n" for n, name in enumerate(NAMES))


class World:
    """The files of all servers under one folder, which is empty at first."""

    def __init__(self, folder, geo, sign):
        self.folder, self.geo = folder, geo
        # A build from before `fairway dnssec` can still be measured in all other modes.
        self.can_sign = sign and subprocess.run([FAIRWAY, "dnssec", "--help"], capture_output=True).returncode == 0
        self.zones = folder / "zones"
        self.zones.mkdir(parents=True)
        for origin in ("bench.test", "signed.test"):
            (self.zones / origin).write_text(static(origin))
        (self.zones / "geo.test").write_text(soa_and_ns("geo.test"))

    def commands(self, servers=SERVERS):
        """By server: its port, and the command that runs it in the foreground."""
        ports = {server: free_port() for server in servers}
        return {server: (port, getattr(self, server)(port)) for server, port in ports.items()}

    def home(self, server, *below):
        home = self.folder.joinpath(server, *below)
        home.mkdir(parents=True, exist_ok=True)
        return home

    def floor(self, port):
        """No name server: what the kernel takes for one datagram each way (`floor.c`)."""
        program = self.home(FLOOR) / "floor"
        subprocess.run(["cc", "-O2", "-o", program, Path(__file__).with_name("floor.c")], check=True)
        return [str(program), str(port)]

    def gdnsd(self, port):
        """Its geoip plugin works out a list of datacenters for every network at start, and merges equal neighbours."""
        home, zones = self.home("gdnsd"), self.home("gdnsd", "zones")
        tree = {continent: {"default": dc} for continent, dc in CONTINENTS.items()}
        for country, (continent, dc) in COUNTRIES.items():
            tree[continent][country] = dc
        places = "\n".join(f"{continent} => {{ " + ", ".join(f"{k} => [{v}]" for k, v in of.items()) + " }"
                           for continent, of in tree.items())
        addresses = ", ".join(f"{dc} => {address}" for dc, address in DATACENTERS.items())
        (home / "config").write_text(f"""
options => {{ listen => [127.0.0.1:{port}], udp_threads => 1, tcp_threads => 1,
              run_dir => {self.home("gdnsd", "run")}, state_dir => {self.home("gdnsd", "state")} }}
plugins => {{ geoip => {{
  maps => {{ world => {{ geoip2_db => {self.geo}, datacenters => [{", ".join(DATACENTERS)}],
    map => {{ default => [na]
{places} }} }} }}
  resources => {{ www => {{ map => world, service_types => up, dcmap => {{ {addresses} }} }} }}
}} }}
""")
        for origin in ("bench.test", "geo.test"):
            (zones / origin).write_text((self.zones / origin).read_text())
        with open(zones / "geo.test", "a") as zone:
            zone.write(f"www {TTL} DYNA geoip!www\n")
        return ["gdnsd", "-c", str(home), "start"]

    def knot(self, port):
        """mod-geoip looks the database up for each query."""
        home = self.home("knot")
        rules = [("*;*", "na"), *((f"{c};*", dc) for c, dc in CONTINENTS.items()),
                 *((f"{c};{country}", dc) for country, (c, dc) in COUNTRIES.items())]
        (home / "geo.conf").write_text("www.geo.test:\n" + "".join(
            f'  - geo: "{rule}"\n    A: {DATACENTERS[dc]}\n' for rule, dc in rules))
        for origin in ("bench.test", "geo.test", "signed.test"):
            (home / f"{origin}.zone").write_text((self.zones / origin).read_text())
        # Without a record of its own, a name that only the module answers is none of the zone.
        with open(home / "geo.test.zone", "a") as zone:
            zone.write(f"www IN A {DATACENTERS['na']}\n")
        (home / "knot.conf").write_text(f"""
server:
    rundir: "{home}"
    listen: 127.0.0.1@{port}
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
    edns-client-subnet: on
log:
  - target: stderr
    any: warning
database:
    storage: "{self.home("knot", "db")}"
mod-geoip:
  - id: world
    config-file: "{home}/geo.conf"
    ttl: {TTL}
    mode: geodb
    geodb-file: "{self.geo}"
    geodb-key: [ continent/code, country/iso_code ]
policy:
  - id: p256
    algorithm: ecdsap256sha256
    single-type-signing: on
template:
  - id: default
    storage: "{home}"
    file: "%s.zone"
    zonefile-sync: -1
    zonefile-load: difference-no-serial
    journal-content: all
zone:
  - domain: bench.test
  - domain: geo.test
    module: mod-geoip/world
  - domain: signed.test
    dnssec-signing: on
    dnssec-policy: p256
""")
        return ["knotd", "-c", str(home / "knot.conf")]

    def nsd(self, port):
        """It has no geo."""
        home = self.home("nsd")
        key = subprocess.run(["ldns-keygen", "-a", "ECDSAP256SHA256", "-k", "-r", "/dev/urandom", "signed.test"],
                             cwd=home, check=True, capture_output=True, text=True).stdout.strip()
        # The same names and signatures as Knot's: its DNSKEY and their order are all that differs.
        (home / "signed.in").write_text((self.zones / "signed.test").read_text())
        subprocess.run(["ldns-signzone", "-o", "signed.test", "-f", "signed.test", "signed.in", key], cwd=home,
                       check=True, capture_output=True)
        (home / "nsd.conf").write_text(f"""
server:
    ip-address: 127.0.0.1@{port}
    server-count: 1
    username: ""
    zonesdir: "{home}"
    database: ""
    zonelistfile: "{home}/zone.list"
    pidfile: "{home}/nsd.pid"
    xfrdfile: "{home}/xfrd.state"
    xfrdir: "{home}"
    rrl-ratelimit: 0
    rrl-whitelist-ratelimit: 0
    minimal-responses: yes
remote-control:
    control-enable: no
zone:
    name: bench.test
    zonefile: "{self.zones}/bench.test"
zone:
    name: signed.test
    zonefile: "{home}/signed.test"
""")
        return ["nsd", "-d", "-c", str(home / "nsd.conf")]

    def pdns(self, port):
        """Static names from the bind backend, the geo name from the geoip backend; its packet cache is on, as packaged."""
        home = self.home("pdns")
        tried = ["%cc.cc.geo.test", "%cn.cn.geo.test", "any.geo.test"]
        names = {f"{country.lower()}.cc": dc for country, (_, dc) in COUNTRIES.items()}
        names |= {f"{continent.lower()}.cn": dc for continent, dc in CONTINENTS.items()} | {"any": "na"}
        (home / "geo.yaml").write_text(f"""domains:
- domain: geo.test
  ttl: {TTL}
  records:
    geo.test:
      - soa: ns1.geo.test. hostmaster.geo.test. 2026010101 3600 600 604800 {TTL}
      - ns: ns1.geo.test.
    ns1.geo.test:
      - a: 192.0.2.1
""" + "".join(f"    {name}.geo.test:\n      - a: {DATACENTERS[dc]}\n" for name, dc in names.items())
            + f"  services:\n    www.geo.test: {tried}\n")
        (home / "named.conf").write_text(f'zone "bench.test" {{ type master; file "{self.zones}/bench.test"; }};\n')
        (home / "pdns.conf").write_text(f"""launch=bind,geoip
bind-config={home}/named.conf
geoip-zones-file={home}/geo.yaml
geoip-database-files=mmdb:{self.geo}
edns-subnet-processing=yes
local-address=127.0.0.1
local-port={port}
receiver-threads=1
distributor-threads=1
socket-dir={home}
daemon=no
guardian=no
loglevel=3
log-dns-queries=no
version-string=anonymous
zone-cache-refresh-interval=0
""")
        return ["pdns_server", f"--config-dir={home}"]

    def fairway(self, port):
        """A whole node, with its control loop, its HTTP listeners and all that it counts; only the store is none that answers
        (`store.url`): the engine is a process of its own and would take core 0 from the one that is measured."""
        home, policies = self.home("fairway"), self.home("fairway", "policies")
        for origin in ("bench.test", "geo.test"):
            (policies / f"{origin}.zone").write_text((self.zones / origin).read_text())
        pathways = "".join(f'\n[[pathway]]\nid = "{dc}"\nurl = "https://{dc}.example.net/"\naddresses = ["{address}"]\n'
                           for dc, address in DATACENTERS.items())
        # Else what is fresh, as everything is in a node's first minute, is told for half as long.
        ttl = f'ttl = "{TTL}s"\nttl_min = "{TTL}s"\n'
        # A later step moves its datacenter before what an earlier one put first: countries after continents.
        where = [("continent", c, dc) for c, dc in CONTINENTS.items() if dc != "na"]
        where += [("country", c, dc) for c, (_, dc) in COUNTRIES.items()]
        steps = "".join(f'\n[[step]]\ndo = "prefer"\ntiers = [["{dc}"]]\nwhen = {{ {kind} = ["{code}"] }}\n'
                        for kind, code, dc in where)
        (policies / "www.policy.toml").write_text(
            f'names = ["www.geo.test"]\n{ttl}{pathways}\n[[step]]\ndo = "healthy"\n{steps}')
        # What `swap` forces up and down: a service of its own, so that every snapshot answers the questions alike.
        (policies / "spare.policy.toml").write_text(f'{ttl}{pathways}\n[[step]]\ndo = "healthy"\n')
        (home / "fairway.toml").write_text(f"""data_dir = "{home}/data"
policies = "{policies}"
log = "warn"
[dns]
listen = ["127.0.0.1:{port}"]
[http]
public = "127.0.0.1:0"
admin = "127.0.0.1:0"
[geo]
databases = ["{self.geo}"]
[store]
url = "http://127.0.0.1:1"
""")
        if self.can_sign:
            (policies / "signed.test.zone").write_text((self.zones / "signed.test").read_text())
            subprocess.run([FAIRWAY, "dnssec", "init", "signed.test", "--config", home / "fairway.toml"], check=True,
                           capture_output=True)
        return [str(FAIRWAY), "run", "--config", str(home / "fairway.toml")]


if __name__ == "__main__":
    # `world.py FOLDER SERVER…`: the files of these alone, for tests and for who wants to look. Prints, as JSON, how to run each
    # and what the policy says.
    folder = Path(sys.argv[1])
    geo.convert(geo.SOURCE, folder / "country.mmdb")
    print(json.dumps({
        "database": str(folder / "country.mmdb"),
        "default": next(iter(DATACENTERS.values())),
        "continents": {continent: DATACENTERS[dc] for continent, dc in CONTINENTS.items()},
        "countries": {country: DATACENTERS[dc] for country, (_, dc) in COUNTRIES.items()},
        "servers": {server: {"port": port, "command": command} for server, (port, command)
                    in World(folder, folder / "country.mmdb", sign=False).commands(sys.argv[2:]).items()},
    }))
