"""What frames have beyond their IP packets, by flow and direction: Picket counts IP bytes, others whole frames.

tshark lists the headers of each packet from the outermost in. The rest of the frame is noted for the ends of every
IP header in it, so that it is there for the outer flow and for the inner one. Headers that an ICMP error quotes are
no packet. Later fragments have the ports of their first. A packet that claims to be longer than its frame is in no flow of Picket's, and has no rest.
"""
import collections

import tshark_flows

from .rows import NUMBERS, SCTP, TCP, UDP, end

FIELDS = ('frame.len', 'frame.cap_len', 'frame.protocols', 'ip.src', 'ip.dst', 'ip.len', 'ip.id', 'ip.frag_offset',
          'ip.flags.mf', 'ip.proto', 'ipv6.src', 'ipv6.dst', 'ipv6.plen', 'ipv6.nxt', 'ipv6.fraghdr.ident',
          'tcp.srcport', 'tcp.dstport', 'udp.srcport', 'udp.dstport', 'sctp.srcport', 'sctp.dstport')
ETHERNET = 14  # bytes of its header
TRANSPORTS = {'tcp': TCP, 'udp': UDP, 'sctp': SCTP}
TUNNELS, EXTENSIONS = {'ip': 4, 'ipv6': 41}, (0, 43, 60)  # behind extension headers of IPv6 tshark names no protocol
ENDS = {'icmp': 1, 'icmpv6': NUMBERS['ICMPV6'], 'igmp': 2}


def packet_rows(capture):
    arguments = ['-r', str(capture), '-T', 'fields', '-E', 'occurrence=a', '-E', 'aggregator=,']
    arguments += [part for option in tshark_flows.OPTIONS for part in ('-o', option)]
    output, _ = tshark_flows.run_tshark([*arguments, *(part for field in FIELDS for part in ('-e', field))])
    for line in output.splitlines():
        yield dict(zip(FIELDS, (cell.split(',') if cell else [] for cell in line.split('\t')), strict=True))


def headers(packet):
    """(protocol, source address, destination address, ports or None, IP bytes, fragment or None) of each IP header."""
    seen, current = collections.Counter(), None
    for name in packet['frame.protocols'][0].split(':'):
        if name in ('ip', 'ipv6'):
            if current:
                protocol = TUNNELS[name] if current[0] in EXTENSIONS else current[0]
                yield (protocol, *current[1:])
            current = network_header(packet, name, seen[name])
            if current is None:
                return
        elif name in TRANSPORTS and current:
            ports = [packet[f'{name}.{port}'][seen[name]:seen[name] + 1] for port in ('srcport', 'dstport')]
            if all(ports):
                yield (TRANSPORTS[name], *current[1:3], (ports[0][0], ports[1][0]), *current[4:])
                current = None
        elif name in ENDS and current:
            yield (ENDS[name], *current[1:])
            return
        seen[name] += 1
    if current:
        yield current


def network_header(packet, name, at):
    try:
        addresses = packet[f'{name}.src'][at], packet[f'{name}.dst'][at]
        if name == 'ip':
            fragment = packet['ip.id'][at] if packet['ip.frag_offset'][at] != '0' or (
                packet['ip.flags.mf'][at] in ('1', 'True')) else None
            return int(packet['ip.proto'][at]), *addresses, None, int(packet['ip.len'][at]), fragment
        fragment = packet['ipv6.fraghdr.ident'][0] if packet['ipv6.fraghdr.ident'] else None
        return int(packet['ipv6.nxt'][at]), *addresses, None, int(packet['ipv6.plen'][at]) + 40, fragment
    except IndexError:
        return None


def link_rests(capture, length_field):
    """(protocol, source end, destination end) -> bytes of frames beyond the IP packets from that source."""
    rests, later, ports_of = collections.Counter(), [], {}
    for packet in packet_rows(capture):
        length = int(packet[length_field][0])
        for protocol, source, destination, ports, ip_bytes, fragment in headers(packet):
            if ip_bytes > length - (ETHERNET if packet['frame.protocols'][0].startswith('eth') else 0):
                continue
            if ports and fragment:
                ports_of[(source, destination, fragment)] = (protocol, ports)
            if fragment and not ports:
                later.append((protocol, source, destination, fragment, length - ip_bytes))
                continue
            ends = zip((source, destination), ports or ('0', '0'))
            rests[(protocol, *(end(*one, protocol) for one in ends))] += length - ip_bytes
    for protocol, source, destination, fragment, rest in later:
        protocol, ports = ports_of.get((source, destination, fragment), (protocol, ('0', '0')))
        ends = zip((source, destination), ports)
        rests[(protocol, *(end(*one, protocol) for one in ends))] += rest
    return rests
