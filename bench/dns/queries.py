"""What is asked: a file of queries for each mode, the same octets for every server.

| mode | what it stands for |
|---|---|
| static | any of 1,000 names, which all exist |
| geo | the steered name for one client network: a busy resolver |
| geo-random | the same for 100,000 networks at random: nothing is in any cache |
| nxdomain | 200,000 names that do not exist: a flood |
| dnssec | static, of the signed zone, DO set |
| mixed | 60 % static, 25 % geo-random, 10 % nxdomain, 5 % for a type that the name does not have |

Every query has EDNS, as resolvers' have. dnsperf goes round its file; the order in it is random, and seeded.
"""

import ipaddress
import random
import struct

from wire import AAAA, query
from world import NAMES

MODES = ["static", "geo", "geo-random", "nxdomain", "dnssec", "mixed"]
# What a server does not have: the floor answers nothing, so one size of query is as good as another; NSD has no geo; gdnsd a signed zone. PowerDNS signs as it answers and caches it, which measures
# the cache.
WITHOUT = {"floor": {"geo", "dnssec", "mixed"}, "gdnsd": {"dnssec"}, "nsd": {"geo", "geo-random", "mixed"}, "pdns": {"dnssec"},
           "knot": set(), "fairway": set()}
# The registries' blocks: of them, four networks in five are IPv4.
V6_BLOCKS = ["2400::/12", "2600::/12", "2800::/12", "2a00::/12", "2c00::/12"]


def network(rng):
    """A client's network, as resolvers tell it: a /24 or a /48."""
    if rng.random() < 0.8:
        return ipaddress.ip_network((rng.randrange(1 << 16, 224 << 16) << 8, 24))
    block = ipaddress.ip_network(rng.choice(V6_BLOCKS))
    return ipaddress.ip_network((int(block.network_address) | rng.getrandbits(36) << 80, 48))


def missing(rng):
    return query(f"x{rng.getrandbits(40):x}.bench.test")


def of(mode, rng):
    """The queries of a mode."""
    if mode == "geo":
        return [query("www.geo.test", subnet=ipaddress.ip_network("193.99.144.0/24"))]
    if mode == "geo-random":
        return [query("www.geo.test", subnet=network(rng)) for _ in range(100_000)]
    if mode == "nxdomain":
        return [missing(rng) for _ in range(200_000)]
    if mode == "dnssec":
        return [query(f"{name}.signed.test", dnssec=True) for name in rng.sample(NAMES, len(NAMES))]
    static = [query(f"{name}.bench.test") for name in rng.sample(NAMES, len(NAMES))]
    if mode == "static":
        return static
    mixed = [query(f"{rng.choice(NAMES)}.bench.test") for _ in range(60_000)]
    mixed += [query("www.geo.test", subnet=network(rng)) for _ in range(25_000)]
    mixed += [missing(rng) for _ in range(10_000)]
    mixed += [query(f"{rng.choice(NAMES)}.bench.test", AAAA) for _ in range(5_000)]
    rng.shuffle(mixed)
    return mixed


def write(folder):
    """A file for each mode, as `dnsperf -B` reads it; gives the queries by mode."""
    folder.mkdir(parents=True)
    asked = {mode: of(mode, random.Random(mode)) for mode in MODES}
    for mode, queries in asked.items():
        (folder / mode).write_bytes(b"".join(struct.pack(">H", len(q)) + q for q in queries))
    return asked
