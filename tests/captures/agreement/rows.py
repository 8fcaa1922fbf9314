"""A row: one flow as an oracle's output tells it, in the terms that all of them share.

README.md says how each oracle's own terms become these.
"""
import dataclasses
import ipaddress

TCP, UDP, SCTP = 6, 17, 132
NUMBERS = {'ICMP': 1, 'IGMP': 2, 'TCP': TCP, 'UDP': UDP, 'ICMPV6': 58, 'ICMPv6': 58, 'IPv6-ICMP': 58, 'SCTP': SCTP,
           'GRE': 47, 'ESP': 50, 'AH': 51, 'OSPF': 89, 'PIM': 103, 'VRRP': 112}


@dataclasses.dataclass(frozen=True)
class Row:
    protocol: int
    source: tuple  # (address, port); port 0 where the protocol has none
    destination: tuple
    packets: tuple  # from the source, to the source
    bytes: tuple  # likewise; IP bytes or those of whole frames, as the oracle's Terms say
    vlan: int = 0

    def key(self):
        return (self.protocol, self.vlan, *sorted((self.source, self.destination)))

    def sorted_counts(self):
        """(packets, bytes) of the lower end, then of the other: the same whoever began."""
        if self.source <= self.destination:
            return self.packets, self.bytes
        return self.packets[::-1], self.bytes[::-1]


@dataclasses.dataclass(frozen=True)
class Terms:
    """What an oracle counts."""
    link_length: str = ''  # bytes are of whole frames: this field of tshark's; else IP bytes
    vlan_in_key: bool = False
    directions: bool = True  # does its output say which end began?
    idle_timeout: str = '24h'  # wide, unless the output was made with these
    active_timeout: str = '1h'


def protocol_number(name):
    return int(name) if name.isdigit() else NUMBERS[name]


def end(address, port, protocol):
    """Ends as all write them: the shortest text of an address, ports only of the protocols that have some."""
    has_port = protocol in (TCP, UDP, SCTP)
    return ipaddress.ip_address(address).compressed, int(port or 0) if has_port else 0


def picket_rows(replay, with_vlan):
    """Flows of one kind: those of ICMP differ by type and code to Picket, to no oracle."""
    rows = []
    for event in replay.of_type('flow'):
        protocol, flow = protocol_number(event['proto']), event['flow']
        rows.append(Row(
            protocol, end(event['src_ip'], event.get('src_port'), protocol),
            end(event['dest_ip'], event.get('dest_port'), protocol),
            (flow['pkts_toserver'], flow['pkts_toclient']), (flow['bytes_toserver'], flow['bytes_toclient']),
            event.get('vlan', [0])[0] if with_vlan else 0))
    return merge_portless(rows)


def merge_portless(rows):
    """Rows of protocols without ports, one a pair of addresses: the first one's direction stays."""
    merged, kept = {}, []
    for row in rows:
        if row.protocol in (TCP, UDP, SCTP):
            kept.append(row)
            continue
        first = merged.setdefault(row.key(), row)
        if first is row:
            continue
        same_way = first.source == row.source
        packets, octets = (row.packets, row.bytes) if same_way else (row.packets[::-1], row.bytes[::-1])
        merged[row.key()] = dataclasses.replace(
            first, packets=tuple(map(sum, zip(first.packets, packets))), bytes=tuple(map(sum, zip(first.bytes, octets))))
    return kept + list(merged.values())
