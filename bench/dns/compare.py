"""That every server says the same, before anything is timed: a comparison of servers that do different work is none.

Of each mode some hundred replies are compared record by record with the first server's that has the mode: flags, code, owner
names, types, TTLs, data, sections. Signatures differ, since each server has signed for itself; their length may not. What is
left is how well names are compressed: the mean size of each server's replies is in the report.
"""

from wire import substance

SAMPLE = 500
# The TC bit, in a header's third octet.
TRUNCATED = 0x02


class Different(Exception):
    """Two servers do not say the same."""


def replies(server, mode, queries):
    """Server's replies to a sample of the mode's queries; fails when one does not come."""
    step = max(1, len(queries) // SAMPLE)
    found = []
    for query in queries[::step]:
        reply = server.ask(query) or server.ask(query)
        if reply is None or reply[2] & TRUNCATED:
            how = "does not answer" if reply is None else "truncates"
            raise Different(f"{server.name} {how} {mode}, {query.hex()}; does it limit the rate of its replies?")
        found.append((query, reply))
    return found


def same(servers, mode, queries):
    """Compares; gives the mean size of a reply by server."""
    expected, sizes, first = None, {}, None
    for server in servers:
        found = replies(server, mode, queries)
        sizes[server.name] = sum(len(reply) for _, reply in found) / len(found)
        said = [substance(reply) for _, reply in found]
        if expected is None:
            expected, first = said, server
        for (query, _), a, b in zip(found, expected, said):
            if a != b:
                raise Different(f"{mode}: to {query.hex()}\n  {first.name} says {a}\n  {server.name} says {b}")
    return sizes
