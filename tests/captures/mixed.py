"""A little of everything that a parser must name, as a pcap of one link type and a pcapng of several.

Each case is a function that adds its packets to a Case; README.md has the table of cases and numbers.
The pcap has nanoseconds and begins 2024-02-29 23:59:58; the packets are 10.000001 ms apart.
"""
import struct

import packets
from capture_files import (LINKTYPE_ETHERNET, LINKTYPE_LINUX_SLL, LINKTYPE_NULL, LINKTYPE_RAW,
                           LINKTYPE_USER0, PcapngSection, Trace, utc, write_pcap)
from conversations import Endpoint, TcpSession, http_request, http_response
from packets import (ACK, ETHERTYPE_ARP, ETHERTYPE_IPV4, ETHERTYPE_IPV6, ETHERTYPE_QINQ, ETHERTYPE_VLAN,
                     FIN, ICMP, ICMPV6, INSIDE_MAC, IPV6_DESTINATION_OPTIONS, IPV6_FRAGMENT,
                     IPV6_HOP_BY_HOP, OUTSIDE_MAC, PSH, SYN, TCP, UDP, ethernet, ipv4, ipv6)

BEGIN, STEP_NS = utc('2024-02-29 23:59:58.000000007'), 10_000_001
A4, B4 = '192.0.2.10', '198.51.100.20'
A6, B6 = '2001:db8::10', '2001:db8:1::20'
HOST_UNREACHABLE, PORT_UNREACHABLE = 1, 3


class Case:
    """Adds frames at even steps."""

    def __init__(self, trace):
        self._trace, self._count = trace, 0

    def add(self, frame, wire_bytes=None):
        self._trace.add(BEGIN + self._count * STEP_NS, frame, wire_bytes)
        self._count += 1


def frame4(packet, tags=(), pad=True):
    return ethernet(packet, ETHERTYPE_IPV4, tags=tags, pad=pad)


def frame6(packet, tags=()):
    return ethernet(packet, ETHERTYPE_IPV6, tags=tags)


def tcp_exchange(wrap, a, b, port, request, response):
    """Ten frames: handshake, request, acknowledgement, response, acknowledgement, both FINs, last ACK."""
    steps = ((0, SYN, b''), (1, SYN | ACK, b''), (0, ACK, b''), (0, ACK | PSH, request), (1, ACK, b''),
             (1, ACK | PSH, response), (0, ACK, b''), (0, FIN | ACK, b''), (1, FIN | ACK, b''),
             (0, ACK, b''))
    seq = [1000, 2000]
    for side, flags, payload in steps:
        src, dst = (a, b) if side == 0 else (b, a)
        ports = (40000 + port % 1000, port) if side == 0 else (port, 40000 + port % 1000)
        ack = seq[1 - side] if flags & ACK else 0
        yield wrap(src, dst, packets.tcp(src, dst, *ports, flags, seq[side], ack, payload))
        seq[side] += len(payload) + (1 if flags & (SYN | FIN) else 0)


def vlan_tags(case):
    """802.1Q, 802.1ad over 802.1Q with HTTP in it, and a tag inside which there is no IP."""
    for src, dst, ports in ((A4, B4, (5000, 6000)), (B4, A4, (6000, 5000))):
        packet = ipv4(src, dst, UDP, packets.udp(src, dst, *ports, b'one tag'))
        case.add(frame4(packet, [(ETHERTYPE_VLAN, 100)]))
    tags = [(ETHERTYPE_QINQ, 200), (ETHERTYPE_VLAN, 300)]
    for frame in tcp_exchange(lambda s, d, t: frame4(ipv4(s, d, TCP, t), tags), A4, B4, 80,
                              http_request('/two-tags', 'qinq.example'), http_response(200, b'tags')):
        case.add(frame)
    case.add(ethernet(packets.arp(1, INSIDE_MAC, A4, '00:00:00:00:00:00', B4), ETHERTYPE_ARP,
                      tags=[(ETHERTYPE_VLAN, 100)]))


def ipv6_extensions(case):
    """One UDP flow whose packets carry each header in turn, then fragments, then echo and neighbour."""
    datagram = packets.udp(A6, B6, 5001, 6001, b'extended')
    options, fragment = packets.ipv6_options, packets.ipv6_fragment
    case.add(frame6(ipv6(A6, B6, UDP, datagram)))
    case.add(frame6(ipv6(A6, B6, IPV6_HOP_BY_HOP, options(UDP, datagram))))
    case.add(frame6(ipv6(A6, B6, IPV6_DESTINATION_OPTIONS, options(UDP, datagram))))
    case.add(frame6(ipv6(A6, B6, IPV6_HOP_BY_HOP, options(
        IPV6_DESTINATION_OPTIONS, options(UDP, datagram)))))
    case.add(frame6(ipv6(A6, B6, IPV6_FRAGMENT, fragment(UDP, datagram, 7))))  # atomic: offset 0, no more
    whole = packets.udp(A6, B6, 5002, 6002, bytes(range(256)) * 6)
    case.add(frame6(ipv6(A6, B6, IPV6_FRAGMENT, fragment(UDP, whole[:1024], 8, 0, True))))
    case.add(frame6(ipv6(A6, B6, IPV6_FRAGMENT, fragment(UDP, whole[1024:], 8, 1024))))
    for src, dst, kind in ((A6, B6, 128), (B6, A6, 129)):
        case.add(frame6(ipv6(src, dst, ICMPV6, packets.icmpv6(src, dst, kind, 0, 0x00420001, b'ping6'))))
    target = packets.address(B6)
    case.add(frame6(ipv6(A6, B6, ICMPV6, packets.icmpv6(A6, B6, 135, 0, 0, target), hop_limit=255)))
    for frame in tcp_exchange(lambda s, d, t: frame6(ipv6(s, d, TCP, t)), A6, B6, 80,
                              http_request('/over-ipv6', 'six.example'), http_response(200, b'six')):
        case.add(frame)


def icmp_messages(case):
    """Two echoes both ways, and a UDP flow that gets port unreachable, then host unreachable."""
    for sequence in (1, 2):
        for src, dst, kind in ((A4, B4, 8), (B4, A4, 0)):
            case.add(frame4(ipv4(src, dst, ICMP, packets.icmp(kind, 0, 0x00420000 | sequence, b'ping'))))
    question = ipv4(A4, B4, UDP, packets.udp(A4, B4, 5003, 6003, b'anyone there?'))
    for src, code in ((B4, PORT_UNREACHABLE), ('203.0.113.1', HOST_UNREACHABLE)):
        case.add(frame4(question))
        case.add(frame4(ipv4(src, A4, ICMP, packets.icmp(3, code, 0, question[:28]))))


def ipv4_fragments(case):
    """3,000 bytes of UDP in three fragments, in order; again, last first; one whose first never comes."""
    datagram = packets.udp(A4, B4, 5004, 6004, bytes(3000))
    for ident, order in ((500, (0, 1480, 2960)), (501, (2960, 1480, 0)), (502, (1480,))):
        for offset in order:
            part = datagram[offset:offset + 1480]
            case.add(frame4(ipv4(A4, B4, UDP, part, ident=ident, offset_bytes=offset,
                                 more_fragments=offset + 1480 < len(datagram))))


def not_ip(case):
    """ARP both ways, a spanning tree frame in 802.3 form, LLDP, and a frame shorter than its header."""
    case.add(ethernet(packets.arp(1, INSIDE_MAC, A4, '00:00:00:00:00:00', B4), ETHERTYPE_ARP))
    case.add(ethernet(packets.arp(2, OUTSIDE_MAC, B4, INSIDE_MAC, A4), ETHERTYPE_ARP))
    bridge = b'\x42\x42\x03' + bytes(35)
    case.add(ethernet(bridge, len(bridge), dst='01:80:c2:00:00:00'))
    case.add(ethernet(b'\x02\x07\x04' + bytes(6) + b'\0\0', 0x88CC, dst='01:80:c2:00:00:0e'))
    case.add(packets.mac(INSIDE_MAC) + packets.mac(OUTSIDE_MAC))


def malformed(case):
    """Headers that end early or lie; each is one packet."""
    datagram = packets.udp(A4, B4, 5005, 6005, b'malformed')
    segment = packets.tcp(A4, B4, 5006, 6006, ACK, 1, 1, b'malformed')
    good = ipv4(A4, B4, UDP, datagram)
    case.add(frame4(good[:12], pad=False))                                   # IPv4 header cut short
    case.add(frame4(ipv4(A4, B4, UDP, datagram, ihl=4)))                     # header length below 20
    case.add(frame4(ipv4(A4, B4, UDP, datagram, total_length=19)))           # total length below header
    case.add(frame4(ipv4(A4, B4, UDP, datagram, total_length=1400)))         # longer than the frame
    case.add(frame4(ipv4(A4, B4, UDP, datagram, ihl=15), pad=False))         # header reaches past the end
    case.add(frame4(b'\x55' + good[1:]))                                     # version 5
    case.add(frame4(ipv4(A4, B4, TCP, segment[:10])))                        # TCP header cut short
    offset_four = segment[:12] + b'\x40' + segment[13:]
    case.add(frame4(ipv4(A4, B4, TCP, offset_four)))                         # TCP data offset below 5
    case.add(frame4(ipv4(A4, B4, UDP, datagram[:4])))                        # UDP header cut short
    case.add(frame4(ipv4(A4, B4, ICMP, b'\x08\0')))                          # ICMP header cut short
    case.add(ethernet(ipv6(A6, B6, UDP, datagram)[:30], ETHERTYPE_IPV6, pad=False))  # IPv6 cut short
    endless = packets.ipv6_options(IPV6_DESTINATION_OPTIONS, b'')
    case.add(frame6(ipv6(A6, B6, IPV6_DESTINATION_OPTIONS, endless)))  # chain without an end
    case.add(ethernet(b'\0\x64', ETHERTYPE_VLAN, pad=False))                 # VLAN tag cut short
    whole = frame4(ipv4(A4, B4, UDP, packets.udp(A4, B4, 5007, 6007, bytes(400))))
    case.add(whole[:96], len(whole))  # cut by the snap length: not an error


def odd_requests(case):
    """HTTP on odd ports, an unknown method, no version, and what only looks like HTTP."""
    ok = http_response(200, b'fine')
    for port, request, response in (
            (8123, http_request('/odd-port', 'odd.example:8123'), ok),
            (31337, http_request('/odder', 'odd.example', method='POST'), ok),
            (80, http_request('/pot', 'tea.example', method='BREW'), http_response(501)),
            (8080, b'GET /no-version\r\n', b'<p>HTTP/0.9 has no status line</p>'),
            (2222, b'SSH-2.0-OpenSSH_9.2\r\n', b'SSH-2.0-OpenSSH_9.2\r\n')):
        for frame in tcp_exchange(lambda s, d, t: frame4(ipv4(s, d, TCP, t)), '192.0.2.11', B4, port,
                                  request, response):
            case.add(frame)


CASES = (vlan_tags, ipv6_extensions, icmp_messages, ipv4_fragments, not_ip, malformed, odd_requests)


def write(path):
    trace = Trace()
    case = Case(trace)
    for fill in CASES:
        fill(case)
    write_pcap(path, trace, nanoseconds=True)


def pcapng_packets():
    """The same eight datagrams for every interface: (payload number, bytes of the IP packet)."""
    for number in range(8):
        src, dst, ports = (A4, B4, (7000, 7001)) if number % 2 == 0 else (B4, A4, (7001, 7000))
        yield number, ipv4(src, dst, UDP, packets.udp(src, dst, *ports, b'packet %d' % number))


def linux_sll(packet):
    return struct.pack('!HHH8sH', 0, 1, 6, packets.mac(INSIDE_MAC) + b'\0\0', ETHERTYPE_IPV4) + packet


def section(byte_order, begin_ns):
    """One section: five interfaces that differ in link type and clock, 8 packets round robin over four of
    them, one simple packet, two packets of a link type that nobody decodes, and blocks to step over."""
    part = PcapngSection(byte_order)
    wraps = (
        (part.interface(LINKTYPE_ETHERNET), frame4),                                   # microseconds
        (part.interface(LINKTYPE_RAW, resolution=9), lambda packet: packet),           # nanoseconds
        (part.interface(LINKTYPE_LINUX_SLL, resolution=0x80 | 20), linux_sll),         # 2^-20 s
        (part.interface(LINKTYPE_NULL, resolution=6, offset_s=1_000_000_000),          # time is an offset
         lambda packet: struct.pack(byte_order + 'I', 2) + packet))
    unknown = part.interface(LINKTYPE_USER0)
    part.block(4, b'\0' * 4)  # name resolution, empty
    for number, packet in pcapng_packets():
        interface, wrap = wraps[number % len(wraps)]
        part.packet(interface, begin_ns + number * STEP_NS, wrap(packet))
    part.simple_packet(frame4(ipv4(A4, B4, UDP, packets.udp(A4, B4, 7000, 7001, b'simple'))))
    for number in (8, 9):
        part.packet(unknown, begin_ns + number * STEP_NS, b'nobody knows')
    part.block(0x0BADF00D, b'a block of the future')
    return part.bytes()


def write_pcapng(path):
    second_ns = 1_000_000_000
    path.write_bytes(section('<', BEGIN) + section('>', BEGIN + second_ns))
