#!/usr/bin/python3
"""Rewrites a capture so that its TCP payload comes in other segments: the bytes and their order stay.

usage: resegment.py [--segment N] [--reverse] [--duplicate] IN OUT

--segment N    payload in segments of N bytes; SYN stays with the first piece, PSH and FIN with the last
--reverse      of every three consecutive data segments of a direction, with no packet of the other direction
               between them, the last comes first
--duplicate    every data segment comes twice

Addresses, ports, acknowledgements and windows stay; lengths, IP IDs, sequence numbers and checksums follow. Pieces
are nanoseconds apart, and time never runs back where it did not. Left as they are: packets that the snap length cut,
fragments, tunnels, IPv6 with extension headers, everything but TCP with payload. IN is a pcap file of Ethernet (with
VLAN tags), raw IP, BSD loopback or Linux cooked packets, also compressed; another kind of file goes through editcap.
OUT is a pcap file with nanoseconds.
"""
import argparse
import gzip
import pathlib
import struct
import subprocess
import sys
import tempfile

MAGICS = {0xa1b2c3d4: 1000, 0xa1b23c4d: 1}  # nanoseconds of a fraction's unit
NULL, ETHERNET, RAW, COOKED, COOKED2 = (0,), (1,), (12, 14, 101, 228, 229), (113,), (276,)
IPV4, IPV6, TAGS = 0x0800, 0x86dd, (0x8100, 0x88a8, 0x9100)
TCP = 6
FIN, SYN, RST, PSH = 1, 2, 4, 8
GROUP = 3


class NotACapture(Exception):
    """The file is no capture that this can rewrite, and why."""


def open_bytes(path):
    data = pathlib.Path(path).read_bytes()
    return gzip.decompress(data) if data[:2] == b'\x1f\x8b' else data


def read_capture(path):
    """(link type, [(nanoseconds, length on the wire, bytes)])"""
    data = open_bytes(path)
    for order in '<>':
        magic = struct.unpack_from(order + 'I', data)[0] if len(data) >= 24 else 0
        if magic in MAGICS:
            return read_records(data, order, MAGICS[magic])
    with tempfile.NamedTemporaryFile(suffix='.pcap') as file:
        try:
            done = subprocess.run(['editcap', '-F', 'nsecpcap', str(path), file.name], capture_output=True, text=True,
                                  check=False)
        except FileNotFoundError as error:
            raise NotACapture('editcap is not installed: apt-get install tshark') from error
        if done.returncode != 0:
            raise NotACapture(f'{path}: {done.stderr.strip()}')
        return read_records(open_bytes(file.name), '<', 1)


def read_records(data, order, unit):
    records, at = [], 24
    link_type = struct.unpack_from(order + 'I', data, 20)[0] & 0xffff
    while at + 16 <= len(data):
        seconds, fraction, captured, length = struct.unpack_from(order + 'IIII', data, at)
        at += 16
        if at + captured > len(data):
            break
        records.append((seconds * 1_000_000_000 + fraction * unit, length, data[at:at + captured]))
        at += captured
    return link_type, records


def write_capture(path, link_type, records):
    with open(path, 'wb') as file:
        file.write(struct.pack('<IHHiIII', 0xa1b23c4d, 2, 4, 0, 0, 262144, link_type))
        for time_ns, length, data in records:
            file.write(struct.pack('<IIII', *divmod(time_ns, 1_000_000_000), len(data), length) + data)


def ip_offset(link_type, data):
    """Where the IP packet begins, or None."""
    if link_type in RAW:
        return 0
    if link_type in NULL:
        return 4
    if link_type in COOKED:
        return 16 if data[14:16] in (b'\x08\x00', b'\x86\xdd') else None
    if link_type in COOKED2:
        return 20 if data[0:2] in (b'\x08\x00', b'\x86\xdd') else None
    if link_type not in ETHERNET:
        return None
    at = 12
    while at + 4 <= len(data) and int.from_bytes(data[at:at + 2], 'big') in TAGS:
        at += 4
    return at + 2 if data[at:at + 2] in (b'\x08\x00', b'\x86\xdd') else None


class Segment:
    """A TCP packet in parts: link header, IP header, TCP header, payload."""

    def __init__(self, link, ip_header, tcp_header, payload):
        self.link, self.ip, self.tcp, self.payload = link, ip_header, tcp_header, payload
        self.version = ip_header[0] >> 4

    @staticmethod
    def of(link_type, length, data):
        """The segment, or None where the packet is to stay as it is."""
        at = ip_offset(link_type, data)
        if at is None or length != len(data) or len(data) < at + 40:
            return None
        if data[at] >> 4 == 4:
            header, end = (data[at] & 15) * 4, at + int.from_bytes(data[at + 2:at + 4], 'big')
            whole = header >= 20 and data[at + 9] == TCP and int.from_bytes(data[at + 6:at + 8], 'big') & 0x3fff == 0
        else:
            header, end = 40, at + 40 + int.from_bytes(data[at + 4:at + 6], 'big')
            whole = data[at] >> 4 == 6 and data[at + 6] == TCP
        tcp = at + header
        if not whole or end > len(data) or tcp + 20 > end:
            return None
        payload = tcp + (data[tcp + 12] >> 4) * 4
        if payload < tcp + 20 or payload > end:
            return None
        return Segment(data[:at], data[at:tcp], data[tcp:payload], data[payload:end])

    @property
    def flags(self):
        return self.tcp[13]

    def ends(self):
        """(source, destination): addresses and ports."""
        addresses = self.ip[12:20] if self.version == 4 else self.ip[8:40]
        half = len(addresses) // 2
        return addresses[:half] + self.tcp[:2], addresses[half:] + self.tcp[2:4]

    def piece(self, start, stop, number):
        """The segment with payload[start:stop] of this one's, as its piece `number`."""
        tcp = bytearray(self.tcp)
        sequence = int.from_bytes(tcp[4:8], 'big') + start + (1 if start and self.flags & SYN else 0)
        tcp[4:8] = (sequence & 0xffffffff).to_bytes(4, 'big')
        if start:
            tcp[13] &= ~SYN
        if stop < len(self.payload):
            tcp[13] &= ~(FIN | PSH)
        ip = bytearray(self.ip)
        if self.version == 4:
            ip[4:6] = (int.from_bytes(ip[4:6], 'big') + number & 0xffff).to_bytes(2, 'big')
        return Segment(self.link, bytes(ip), bytes(tcp), self.payload[start:stop])

    def frame(self):
        """The bytes, with lengths and checksums."""
        ip, tcp = bytearray(self.ip), bytearray(self.tcp)
        length = len(tcp) + len(self.payload)
        if self.version == 4:
            ip[2:4] = (len(ip) + length).to_bytes(2, 'big')
            ip[10:12] = b'\0\0'
            ip[10:12] = checksum(ip).to_bytes(2, 'big')
            pseudo = bytes(ip[12:20]) + struct.pack('>HH', TCP, length)
        else:
            ip[4:6] = length.to_bytes(2, 'big')
            pseudo = bytes(ip[8:40]) + struct.pack('>II', length, TCP)
        tcp[16:18] = b'\0\0'
        tcp[16:18] = checksum(pseudo + tcp + self.payload).to_bytes(2, 'big')
        return self.link + bytes(ip) + bytes(tcp) + self.payload


def checksum(data):
    """RFC 1071: 0xffff less the words, modulo 0xffff."""
    if len(data) % 2:
        data = bytes(data) + b'\0'
    rest = int.from_bytes(data, 'big') % 0xffff
    return 0xffff - rest if rest or not any(data) else 0


def pieces(segment, size):
    if not size or len(segment.payload) <= size:
        return [segment]
    starts = range(0, len(segment.payload), size)
    return [segment.piece(start, min(start + size, len(segment.payload)), at) for at, start in enumerate(starts)]


class Reversal:
    """Reverses groups of three in the list of packets, in place."""

    def __init__(self, packets):
        self.packets, self.groups = packets, {}

    def see(self, at):
        segment = self.packets[at][2]
        source, destination = segment.ends()
        self.close((destination, source))
        if not segment.payload or segment.flags & (SYN | FIN | RST):
            self.close((source, destination))
            return
        group = self.groups.setdefault((source, destination), [])
        group.append(at)
        if len(group) == GROUP:
            self.close((source, destination))

    def close(self, direction):
        group = self.groups.pop(direction, [])
        contents = [self.packets[at][1:] for at in group]
        for at, content in zip(group, reversed(contents)):
            self.packets[at] = (self.packets[at][0], *content)

    def finish(self):
        for direction in list(self.groups):
            self.close(direction)


def resegment(link_type, records, size=0, reverse=False, duplicate=False):
    """New records. Within: (nanoseconds, length, segment or None, bytes or None)."""
    packets = []
    for time_ns, length, data in records:
        segment = Segment.of(link_type, length, data)
        if segment is None or not segment.payload:
            packets.append((time_ns, length, segment, data))
            continue
        parts = pieces(segment, size)
        whole = data if len(parts) == 1 else None
        packets += [(time_ns, 0, part, whole) for part in parts for _ in range(2 if duplicate else 1)]
    if reverse:
        reversal = Reversal(packets)
        for at, packet in enumerate(packets):
            if packet[2] is not None:
                reversal.see(at)
        reversal.finish()
    return spread(packets)


def spread(packets):
    """As records: packets of one time follow each other by a nanosecond, so that their order is told."""
    records, before, last = [], None, None
    for time_ns, length, segment, data in packets:
        frame = data if data is not None else segment.frame()
        now = time_ns if before is None or time_ns < before else max(time_ns, last + (time_ns == before))
        records.append((now, length or len(frame), frame))
        before, last = time_ns, now
    return records


def rewrite(source, target, **how):
    link_type, records = read_capture(source)
    write_capture(target, link_type, resegment(link_type, records, **how))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--segment', type=int, default=0, metavar='N')
    parser.add_argument('--reverse', action='store_true')
    parser.add_argument('--duplicate', action='store_true')
    parser.add_argument('source', metavar='IN')
    parser.add_argument('target', metavar='OUT')
    options = parser.parse_args()
    try:
        rewrite(options.source, options.target, size=options.segment, reverse=options.reverse,
                duplicate=options.duplicate)
    except (NotACapture, OSError) as error:
        print(f'resegment.py: {error}', file=sys.stderr)
        return 4
    return 0


if __name__ == '__main__':
    sys.exit(main())
