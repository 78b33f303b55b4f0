#!/usr/bin/env python3
"""One geo database that every server reads: `geo.py OUT` writes it.

What `make setup` fetches names the country of every allocated address, flat: `{"country_code": "DE"}`. gdnsd, Knot and
PowerDNS look where MaxMind's own databases have it, under `country.iso_code` and `continent.code`. So the values are written
anew in that layout and the search tree is kept as it is, record by record: the same prefixes, the same depth, nothing
gained or lost for anyone. A country's continent is that of the geo room's table, read from its source so that there is one
table; what it does not have keeps its country alone.
"""

import re
import struct
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "node_modules/@ip-location-db/geo-whois-asn-country-mmdb/geo-whois-asn-country.mmdb"
CONTINENTS = ROOT / "geo/src/continents.rs"
MARK = b"\xab\xcd\xefMaxMind.com"
# The format's types (MaxMind DB file format 2.0).
POINTER, TEXT, U16, U32, MAP, U64, ARRAY = 1, 2, 5, 6, 7, 9, 11


def read(data, at):
    """The value at an offset of a data section, and where the next begins. Of the types, those that our source has."""
    control = data[at]
    kind, size, at = control >> 5, control & 31, at + 1
    if kind == 0:
        kind, at = 7 + data[at], at + 1
    if kind == POINTER:
        length = (control >> 3 & 3) + 1
        high = (control & 7) if length < 4 else 0
        target = int.from_bytes(bytes([high]) + data[at:at + length], "big") + (0, 2048, 526336, 0)[length - 1]
        return read(data, target)[0], at + length
    if size > 28:
        extra = size - 28
        size, at = (29, 285, 65821)[extra - 1] + int.from_bytes(data[at:at + extra], "big"), at + extra
    if kind == TEXT:
        return data[at:at + size].decode(), at + size
    if kind in (U16, U32, U64):
        return int.from_bytes(data[at:at + size], "big"), at + size
    if kind == MAP:
        found = {}
        for _ in range(size):
            key, at = read(data, at)
            found[key], at = read(data, at)
        return found, at
    if kind == ARRAY:
        found = []
        for _ in range(size):
            value, at = read(data, at)
            found.append(value)
        return found, at
    raise ValueError(f"a value of type {kind} at {at}: the source has changed its layout")


def written(value, kind=U32):
    """A value in the format: a text, a number of `kind`, a map or a list, each shorter than 29."""
    def head(kind, size):
        return bytes([kind << 5 | size]) if kind < 8 else bytes([size, kind - 7])
    if isinstance(value, dict):
        return head(MAP, len(value)) + b"".join(written(k) + written(v) for k, v in value.items())
    if isinstance(value, list):
        return head(ARRAY, len(value)) + b"".join(map(written, value))
    if isinstance(value, int):
        octets = value.to_bytes((value.bit_length() + 7) // 8, "big")
        return head(kind, len(octets)) + octets
    octets = value.encode()
    return head(TEXT, len(octets)) + octets


def continents():
    """Continent codes by country code."""
    table = re.findall(r'Continent::(\w\w),\s*"([A-Z \\\n]+)"', CONTINENTS.read_text())
    found = {country: name.upper() for name, codes in table for country in codes.replace("\\", " ").split()}
    if len(found) < 240:
        raise ValueError(f"{CONTINENTS}: only {len(found)} countries found in it")
    return found


def convert(source, out):
    """Writes `source` in MaxMind's layout to `out`."""
    octets = source.read_bytes()
    meta, _ = read(octets[octets.rindex(MARK) + len(MARK):], 0)
    nodes = meta["node_count"]
    if meta["record_size"] != 24:
        raise ValueError(f"{source}: records of {meta['record_size']} bits")
    tree, data = octets[:nodes * 6], octets[nodes * 6 + 16:]
    continent_of, places, section = continents(), {}, bytearray()
    moved = bytearray(tree)
    for at in range(0, len(tree), 3):
        record = tree[at] << 16 | tree[at + 1] << 8 | tree[at + 2]
        if record <= nodes:  # another node, or nothing known
            continue
        if record not in places:
            country = read(data, record - nodes - 16)[0]["country_code"]
            value = {"country": {"iso_code": country}}
            if country in continent_of:
                value = {"continent": {"code": continent_of[country]}} | value
            places[record] = struct.pack(">I", nodes + 16 + len(section))[1:]
            section += written(value)
        moved[at:at + 3] = places[record]
    about = {
        "binary_format_major_version": (2, U16), "binary_format_minor_version": (0, U16),
        "build_epoch": (meta["build_epoch"], U64), "database_type": ("Bench-Country", None),
        "description": ({"en": "countries, for a benchmark"}, None), "ip_version": (6, U16),
        "languages": (["en"], None), "node_count": (nodes, U32), "record_size": (24, U16),
    }
    tail = bytes([MAP << 5 | len(about)]) + b"".join(written(k) + written(*v) for k, v in about.items())
    out.parent.mkdir(parents=True, exist_ok=True)
    # Another run may be reading the old one.
    fresh = out.with_suffix(".new")
    fresh.write_bytes(bytes(moved) + bytes(16) + bytes(section) + MARK + tail)
    fresh.replace(out)


if __name__ == "__main__":
    convert(SOURCE, Path(sys.argv[1]))
