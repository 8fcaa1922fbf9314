"""Builds packets from fields, bytes out: Ethernet, VLAN tags, IPv4, IPv6, TCP, UDP, ICMP.

Plain functions over bytes, no state but the address cache. Checksums are right unless a caller breaks
them on purpose; frames are padded to the 60 bytes of a wire unless told otherwise, because the padding
after a short IP packet is a thing that every reader of captures must cope with.
"""
import functools
import ipaddress
import struct

ETHERTYPE_IPV4, ETHERTYPE_ARP, ETHERTYPE_IPV6 = 0x0800, 0x0806, 0x86DD
ETHERTYPE_VLAN, ETHERTYPE_QINQ = 0x8100, 0x88A8
ICMP, TCP, UDP, ICMPV6 = 1, 6, 17, 58
IPV6_HOP_BY_HOP, IPV6_FRAGMENT, IPV6_DESTINATION_OPTIONS = 0, 44, 60
FIN, SYN, RST, PSH, ACK = 0x01, 0x02, 0x04, 0x08, 0x10
FRAME_BYTES_MIN = 60  # without the frame check sequence, which captures leave out

INSIDE_MAC, OUTSIDE_MAC = '02:00:5e:00:00:01', '02:00:5e:00:00:02'  # the two routers at the tap


@functools.lru_cache(maxsize=None)
def address(text):
    """The network-order bytes of an IPv4 or IPv6 address."""
    return ipaddress.ip_address(text).packed


@functools.lru_cache(maxsize=None)
def mac(text):
    return bytes.fromhex(text.replace(':', ''))


def checksum(data):
    """The internet checksum of RFC 1071."""
    if len(data) % 2:
        data += b'\0'
    total = sum(struct.unpack(f'!{len(data) // 2}H', data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def pseudo_header(src, dst, protocol, length):
    src, dst = address(src), address(dst)
    if len(src) == 4:
        return src + dst + struct.pack('!BBH', 0, protocol, length)
    return src + dst + struct.pack('!I3xB', length, protocol)


def ethernet(payload, ethertype, src=OUTSIDE_MAC, dst=INSIDE_MAC, tags=(), pad=True):
    """A frame; `tags` are (TPID, VLAN id) from the outermost in."""
    frame = mac(dst) + mac(src)
    for tpid, vlan in tags:
        frame += struct.pack('!HH', tpid, vlan)
    frame += struct.pack('!H', ethertype) + payload
    return frame.ljust(FRAME_BYTES_MIN, b'\0') if pad else frame


def ipv4(src, dst, protocol, payload, ttl=64, ident=0, tos=0, dont_fragment=False,
         more_fragments=False, offset_bytes=0, total_length=None, ihl=5):
    """An IPv4 packet. `total_length` and `ihl` may lie, for malformed ones."""
    flags = (0x4000 if dont_fragment else 0) | (0x2000 if more_fragments else 0) | offset_bytes // 8
    length = 20 + len(payload) if total_length is None else total_length
    head = struct.pack('!BBHHHBBH', 0x40 | ihl, tos, length, ident, flags, ttl, protocol, 0)
    head += address(src) + address(dst)
    return head[:10] + struct.pack('!H', checksum(head)) + head[12:] + payload


def ipv6(src, dst, next_header, payload, hop_limit=64, traffic_class=0, flow_label=0):
    head = struct.pack('!IHBB', 6 << 28 | traffic_class << 20 | flow_label, len(payload),
                       next_header, hop_limit)
    return head + address(src) + address(dst) + payload


def ipv6_options(next_header, payload):
    """A hop-by-hop or destination options header of 8 bytes that holds one PadN."""
    return struct.pack('!BBBB4x', next_header, 0, 1, 4) + payload


def ipv6_fragment(next_header, payload, ident, offset_bytes=0, more_fragments=False):
    return struct.pack('!BBHI', next_header, 0, offset_bytes | int(more_fragments), ident) + payload


def udp(src, dst, src_port, dst_port, payload):
    length = 8 + len(payload)
    head = struct.pack('!HHHH', src_port, dst_port, length, 0)
    total = checksum(pseudo_header(src, dst, UDP, length) + head + payload) or 0xFFFF
    return head[:6] + struct.pack('!H', total) + payload


def tcp(src, dst, src_port, dst_port, flags, seq=0, ack=0, payload=b'', window=65535, options=b''):
    """A TCP segment; `options` must fill whole 32-bit words."""
    head = struct.pack('!HHIIBBHHH', src_port, dst_port, seq & 0xFFFFFFFF, ack & 0xFFFFFFFF,
                       (5 + len(options) // 4) << 4, flags, window, 0, 0) + options
    total = checksum(pseudo_header(src, dst, TCP, len(head) + len(payload)) + head + payload)
    return head[:16] + struct.pack('!H', total) + head[18:] + payload


def maximum_segment_size(size):
    """The TCP option that each SYN carries."""
    return struct.pack('!BBH', 2, 4, size)


def icmp(kind, code, rest, payload=b''):
    """ICMPv4; `rest` is the second 32-bit word (identifier and sequence, or unused)."""
    body = struct.pack('!BBHI', kind, code, 0, rest) + payload
    return body[:2] + struct.pack('!H', checksum(body)) + body[4:]


def icmpv6(src, dst, kind, code, rest, payload=b''):
    body = struct.pack('!BBHI', kind, code, 0, rest) + payload
    total = checksum(pseudo_header(src, dst, ICMPV6, len(body)) + body)
    return body[:2] + struct.pack('!H', total) + body[4:]


def arp(operation, sender_mac, sender, target_mac, target):
    return (struct.pack('!HHBBH', 1, ETHERTYPE_IPV4, 6, 4, operation) + mac(sender_mac)
            + address(sender) + mac(target_mac) + address(target))
