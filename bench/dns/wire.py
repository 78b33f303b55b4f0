"""DNS messages, as far as a benchmark needs them: queries are made, replies are read (RFC 1035, 6891, 7871)."""

import struct

A, SOA, AAAA, OPT, RRSIG = 1, 6, 28, 41, 46
ECS = 8
# What every query says that it takes: what the servers send at most anyway.
UDP_SIZE = 1232


def name(text):
    return b"".join(bytes([len(label)]) + label.encode() for label in text.split(".")) + b"\0"


def query(owner, rtype=A, subnet=None, dnssec=False):
    """A query with EDNS, id 0; `subnet` is a network that goes along as client subnet."""
    option = b""
    if subnet:
        octets = subnet.network_address.packed[:(subnet.prefixlen + 7) // 8]
        option = struct.pack(">HHHBB", ECS, 4 + len(octets), 1 if subnet.version == 4 else 2, subnet.prefixlen, 0) + octets
    return (struct.pack(">6H", 0, 0, 1, 0, 0, 1) + name(owner) + struct.pack(">HH", rtype, 1)
            + b"\0" + struct.pack(">HHIH", OPT, UDP_SIZE, 0x8000 if dnssec else 0, len(option)) + option)


def read_name(message, at):
    """The name at an offset, in lower case, and where what follows it begins."""
    labels, after = [], None
    while message[at]:
        if message[at] >= 0xc0:
            after = after or at + 2
            at = struct.unpack_from(">H", message, at)[0] & 0x3fff
        else:
            labels.append(message[at + 1:at + 1 + message[at]].decode().lower())
            at += 1 + message[at]
    return ".".join(labels), after or at + 1


def read_record(message, at):
    owner, at = read_name(message, at)
    rtype, _, ttl, length = struct.unpack_from(">HHIH", message, at)
    at += 10
    data = message[at:at + length]
    if rtype == SOA:
        primary, next_at = read_name(message, at)
        mail, next_at = read_name(message, next_at)
        data = (primary, mail, message[next_at:at + length])
    elif rtype == RRSIG:
        data = length  # every server has signed for itself
    return (owner, rtype, ttl, data), at + length


def substance(message):
    """What a reply says, without its id, the order of its records, and its OPT."""
    _, flags, questions, *counts = struct.unpack_from(">6H", message)
    at, sections = 12, []
    for _ in range(questions):
        at = read_name(message, at)[1] + 4
    for count in counts:
        records = []
        for _ in range(count):
            record, at = read_record(message, at)
            if record[1] != OPT:
                records.append(record)
        sections.append(sorted(records, key=repr))
    # QR, opcode, AA, TC, and the code; not RA, AD, CD.
    return flags & 0xfe0f, sections

