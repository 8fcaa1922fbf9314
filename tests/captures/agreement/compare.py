"""Compares the rows of an oracle with Picket's flows, and puts each that is not the same into a class.

split      the same packets and bytes of a 5-tuple, in another number of flows
direction  the same, but the other end began
bytes      the same packets, other bytes
packets    the 5-tuple is there, with other packets
missing    only the oracle has the 5-tuple
surplus    only Picket has it (counted beside the oracle's rows, not among them)
"""
import collections

CLASSES = ('split', 'direction', 'bytes', 'packets', 'missing', 'surplus')


class Outcome:
    """rows: of the oracle; equal: of these; others: class -> rows; examples: class -> some of them."""

    def __init__(self):
        self.rows, self.equal = 0, 0
        self.others, self.examples = collections.Counter(), collections.defaultdict(list)

    def add(self, kind, theirs, ours):
        self.others[kind] += len(theirs) or len(ours)
        self.examples[kind].append((theirs, ours))


def grouped(rows):
    groups = collections.defaultdict(list)
    for row in rows:
        groups[row.key()].append(row)
    return groups


def totals(rows, rests):
    """(packets, bytes) of the lower end, then of the other, of rows of one key; rests makes IP bytes frames' bytes."""
    packets, octets = [0, 0], [0, 0]
    for row in rows:
        for at, (more_packets, more_bytes) in enumerate(zip(*row.sorted_counts())):
            packets[at] += more_packets
            octets[at] += more_bytes
    if rests is not None and rows:
        protocol, _, low, high = rows[0].key()
        octets[0] += rests[(protocol, low, high)]
        octets[1] += rests[(protocol, high, low)] if low != high else 0
    return packets, octets


def kind_of(theirs, ours, rests, directions):
    """The class of the rows of one key, or None where they are the same."""
    (their_packets, their_bytes), (our_packets, our_bytes) = totals(theirs, None), totals(ours, rests)
    low, high = theirs[0].key()[2:]
    if low == high or not directions:
        their_packets, our_packets, their_bytes, our_bytes = (
            [sum(both)] for both in (their_packets, our_packets, their_bytes, our_bytes))
    if their_packets != our_packets:
        return 'packets'
    if their_bytes != our_bytes:
        return 'bytes'
    parts = [collections.Counter(row.sorted_counts()[0] for row in rows) for rows in (theirs, ours)]
    if parts[0] != parts[1]:
        return 'split'
    starts = [collections.Counter(row.source for row in rows) for rows in (theirs, ours)]
    return 'direction' if directions and starts[0] != starts[1] else None


def compare(theirs, ours, rests, directions=True):
    """Rows of rows.Row; rests of link_bytes, or None where the oracle counts IP bytes."""
    outcome, their_groups, our_groups = Outcome(), grouped(theirs), grouped(ours)
    for key, rows in their_groups.items():
        outcome.rows += len(rows)
        kind = kind_of(rows, our_groups[key], rests, directions) if key in our_groups else 'missing'
        if kind is None:
            outcome.equal += len(rows)
        else:
            outcome.add(kind, rows, our_groups.get(key, []))
    for key in our_groups.keys() - their_groups.keys():
        outcome.add('surplus', [], our_groups[key])
    return outcome


def compare_values(theirs, ours):
    """Likewise of rows without a key: there or not."""
    outcome, their_counts, our_counts = Outcome(), collections.Counter(theirs), collections.Counter(ours)
    outcome.rows, outcome.equal = len(theirs), (their_counts & our_counts).total()
    for kind, rest in (('missing', their_counts - our_counts), ('surplus', our_counts - their_counts)):
        for value in rest.elements():
            outcome.add(kind, [value] if kind == 'missing' else [], [value] if kind == 'surplus' else [])
    return outcome
