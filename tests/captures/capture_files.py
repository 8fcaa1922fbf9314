"""Writes pcap and pcapng files from (time in nanoseconds, bytes) records.

Nothing of the clock, the machine or the run goes into a file, so that the same records are the same bytes.
"""
import calendar
import random
import struct

LINKTYPE_NULL, LINKTYPE_ETHERNET, LINKTYPE_RAW = 0, 1, 101
LINKTYPE_LINUX_SLL, LINKTYPE_USER0 = 113, 147
SNAPLEN = 262144
NS_PER_S, NS_PER_MS, NS_PER_US = 1_000_000_000, 1_000_000, 1_000


def utc(text):
    """Nanoseconds since the epoch of 'YYYY-MM-DD HH:MM:SS[.fraction]' in UTC."""
    whole, _, fraction = text.partition('.')
    date, clock = whole.split(' ')
    parts = [int(part) for part in date.split('-') + clock.split(':')]
    return calendar.timegm((*parts, 0, 0, 0)) * NS_PER_S + int(fraction.ljust(9, '0') or 0)


class Dice:
    """Seeded choices that stay the same in every Python: only random() is promised to."""

    def __init__(self, seed):
        self._source = random.Random(seed)

    def below(self, limit):
        return int(self._source.random() * limit)

    def between(self, low, high):
        """An integer of low … high, both included."""
        return low + self.below(high - low + 1)

    def pick(self, items):
        return items[self.below(len(items))]

    def shuffled(self, items):
        items = list(items)
        for last in range(len(items) - 1, 0, -1):
            other = self.below(last + 1)
            items[last], items[other] = items[other], items[last]
        return items

    def distinct(self, count, low, high):
        """`count` different integers of low … high, in no order."""
        seen = {}
        while len(seen) < count:
            seen[self.between(low, high)] = True
        return list(seen)


class Trace:
    """Records in any order; those of equal time stay in the order in which they were added."""

    def __init__(self):
        self._records = []

    def add(self, time_ns, data, wire_bytes=None):
        """`wire_bytes` exceeds the data where the capture cut a packet."""
        self._records.append((time_ns, data, len(data) if wire_bytes is None else wire_bytes))

    def records(self):
        return sorted(self._records, key=lambda record: record[0])


def write_pcap(path, trace, nanoseconds=False, byte_order='<', link_type=LINKTYPE_ETHERNET):
    magic, unit_ns = (0xA1B23C4D, 1) if nanoseconds else (0xA1B2C3D4, NS_PER_US)
    with open(path, 'wb') as out:
        out.write(struct.pack(byte_order + 'IHHiIII', magic, 2, 4, 0, 0, SNAPLEN, link_type))
        for time_ns, data, wire_bytes in trace.records():
            seconds, rest_ns = divmod(time_ns, NS_PER_S)
            out.write(struct.pack(byte_order + 'IIII', seconds, rest_ns // unit_ns, len(data),
                                  wire_bytes) + data)


class PcapngSection:
    """One section of a pcapng file; a file is the bytes of its sections, one after another."""

    def __init__(self, byte_order='<'):
        self._order = byte_order
        self._ticks_per_s = []
        self._offsets_s = []
        self._blocks = b''
        self._add(0x0A0D0D0A, self._pack('IHHq', 0x1A2B3C4D, 1, 0, -1))

    def bytes(self):
        return self._blocks

    def interface(self, link_type, resolution=None, offset_s=0, snaplen=SNAPLEN):
        """Returns the interface's number. `resolution` is the if_tsresol byte; None leaves it to
        the default, microseconds."""
        options = b''
        if resolution is not None:
            options += self._option(9, bytes([resolution]))
        if offset_s:
            options += self._option(14, self._pack('q', offset_s))
        options += self._option(0, b'') if options else b''
        self._add(1, self._pack('HHI', link_type, 0, snaplen) + options)
        power = 6 if resolution is None else resolution & 0x7F
        binary = resolution is not None and resolution & 0x80
        self._ticks_per_s.append(2 ** power if binary else 10 ** power)
        self._offsets_s.append(offset_s)
        return len(self._ticks_per_s) - 1

    def packet(self, interface, time_ns, data, wire_bytes=None):
        """An enhanced packet block."""
        seconds, rest_ns = divmod(time_ns - self._offsets_s[interface] * NS_PER_S, NS_PER_S)
        rate = self._ticks_per_s[interface]
        ticks = seconds * rate + rest_ns * rate // NS_PER_S
        wire_bytes = len(data) if wire_bytes is None else wire_bytes
        self._add(6, self._pack('IIIII', interface, ticks >> 32, ticks & 0xFFFFFFFF, len(data),
                                wire_bytes) + self._padded(data))

    def simple_packet(self, data):
        """A simple packet block: interface 0, no time."""
        self._add(3, self._pack('I', len(data)) + self._padded(data))

    def block(self, kind, body):
        """Any other block, for readers to step over."""
        self._add(kind, self._padded(body))

    def _add(self, kind, body):
        length = self._pack('I', 12 + len(body))
        self._blocks += self._pack('I', kind) + length + body + length

    def _option(self, code, value):
        return self._pack('HH', code, len(value)) + self._padded(value)

    def _pack(self, layout, *values):
        return struct.pack(self._order + layout, *values)

    @staticmethod
    def _padded(data):
        return data + b'\0' * (-len(data) % 4)
