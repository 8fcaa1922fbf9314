#!/usr/bin/python3
"""Rewrites a capture so that packets come twice, as a span port shows them that copies where a packet comes in and
where it goes out: the copy is 1 microsecond to 5 milliseconds late, in another VLAN, and behind a router.

usage: copies.py IN OUT

Copied is what can be told from a second packet of the same kind: IPv4 with an identification, within 5 ms; without one
(identification 0, IPv6) TCP segments with payload, SYN or FIN and datagrams with payload, within 0.9 ms. Left alone are
tunnels, whose innermost packet decides, packets that the snap length cut, and what is no IP. IN and OUT are as for
resegment.py.
"""
import argparse
import heapq
import random
import sys

import resegment

TCP, UDP, ICMP, ICMPV6, IPV6_FRAGMENT = 6, 17, 1, 58, 44
TUNNEL_PORTS = {2152, 4789, 8472, 4790, 6081, 1701}
SYN_OR_FIN = 3
VLAN = 77
LATE_NS = {'identified': 5_000_000, 'carrying': 900_000}
SEED = 12


def transport_kind(protocol, data, identified):
    """'identified', 'carrying' or None of the bytes from the transport header on, without Ethernet padding."""
    if protocol == TCP and len(data) >= 20:
        payload = len(data) - (data[12] >> 4) * 4
        return 'identified' if identified else 'carrying' if payload > 0 or data[13] & SYN_OR_FIN else None
    if protocol == UDP and len(data) >= 8:
        if int.from_bytes(data[2:4], 'big') in TUNNEL_PORTS:
            return None
        return 'identified' if identified else 'carrying' if len(data) > 8 else None
    return 'identified' if identified and protocol in (ICMP, ICMPV6) and len(data) >= 8 else None


def kind_of(data):
    """How the IP packet can be told from others."""
    if data[0] >> 4 == 4:
        header, total = (data[0] & 15) * 4, int.from_bytes(data[2:4], 'big')
        if header < 20 or not header <= total <= len(data):
            return None
        if int.from_bytes(data[6:8], 'big') & 0x3fff:
            return 'identified' if data[9] in (TCP, UDP, ICMP) else None
        return transport_kind(data[9], data[header:total], data[4:6] != b'\0\0')
    total = 40 + int.from_bytes(data[4:6], 'big')
    if data[0] >> 4 != 6 or len(data) < total:
        return None
    if data[6] == IPV6_FRAGMENT and total >= 48 and data[42:44] not in (b'\0\0', b'\0\6'):
        return 'identified' if data[40] in (TCP, UDP, ICMPV6) else None
    return transport_kind(data[6], data[40:total], False)


def copy_of(link_type, data, at):
    """The frame one hop on, and with a tag where the link has tags."""
    packet = bytearray(data[at:])
    if packet[0] >> 4 == 4 and packet[8] > 1:
        packet[8] -= 1
        packet[10:12] = b'\0\0'
        packet[10:12] = resegment.checksum(packet[:(packet[0] & 15) * 4]).to_bytes(2, 'big')
    elif packet[0] >> 4 == 6 and packet[7] > 1:
        packet[7] -= 1
    link = data[:at]
    if link_type in resegment.ETHERNET:
        link = link[:12] + b'\x81\x00' + VLAN.to_bytes(2, 'big') + link[12:]
    return link + bytes(packet)


def with_copies(link_type, records):
    """(new records, number of copies). Originals keep their order; a copy comes when its time has come."""
    chance, waiting, packets, copies = random.Random(SEED), [], [], 0
    before_ns = 0
    for number, (time_ns, length, data) in enumerate(records):
        # Where time jumps back nothing waits for it to come again.
        while waiting and (waiting[0][0] <= time_ns or time_ns < before_ns):
            packets.append(heapq.heappop(waiting)[2])
        before_ns = time_ns
        packets.append((time_ns, length, data))
        at = resegment.ip_offset(link_type, data)
        kind = kind_of(data[at:]) if at is not None and len(data) == length and len(data) >= at + 20 else None
        if kind is not None:
            late_ns = time_ns + chance.randrange(1000, LATE_NS[kind])
            copy = copy_of(link_type, data, at)
            heapq.heappush(waiting, (late_ns, number, (late_ns, len(copy), copy)))
            copies += 1
    packets += [heapq.heappop(waiting)[2] for _ in range(len(waiting))]
    return packets, copies


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n', 1)[0])
    parser.add_argument('source', metavar='IN')
    parser.add_argument('target', metavar='OUT')
    options = parser.parse_args()
    try:
        link_type, records = resegment.read_capture(options.source)
    except (resegment.NotACapture, OSError) as error:
        print(f'copies.py: {error}', file=sys.stderr)
        return 4
    packets, copies = with_copies(link_type, records)
    resegment.write_capture(options.target, link_type, packets)
    print(f'{len(records)} packets, {copies} copies')
    return 0


if __name__ == '__main__':
    sys.exit(main())
