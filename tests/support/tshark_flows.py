#!/usr/bin/python3
"""The oracle for flows: what tshark sees in a capture, grouped by its own stream numbers.

Bytes are sums of ip.len (IPv6: payload length and 40). Fragments are not reassembled: the first counts in its
stream, the others have no ports and are left out, by name. ICMP is left out, because an error quotes another
packet's headers. Of a tunnel the outermost flow is taken, with --innermost the innermost.

Where it differs from a flow table by design: tshark starts a new stream when a 5-tuple is used again after
FIN or RST or with a new sequence number, and never ends one for being idle; merge_by_tuple() undoes the
former.
"""
import argparse
import json
import subprocess
import sys

FIELDS = ('frame.time_epoch', 'frame.protocols', 'ip.src', 'ip.dst', 'ip.len', 'ip.frag_offset', 'ipv6.src',
          'ipv6.dst', 'ipv6.plen', 'tcp.stream', 'tcp.srcport', 'tcp.dstport', 'tcp.flags', 'udp.stream',
          'udp.srcport', 'udp.dstport')
OPTIONS = ('ip.defragment:FALSE', 'ipv6.defragment:FALSE', 'tcp.desegment_tcp_streams:FALSE',
           'tcp.check_checksum:FALSE', 'udp.check_checksum:FALSE', 'ip.tso_support:FALSE')
PROTOCOL_NUMBERS = {'tcp': 6, 'udp': 17}
SYN, ACK = 0x02, 0x10


class TsharkError(Exception):
    """tshark is absent or could read nothing of the capture."""


def run_tshark(arguments):
    """Returns (output, did tshark report damage?); of a damaged capture what precedes the damage."""
    try:
        done = subprocess.run(['tshark', '-n', *arguments], capture_output=True, check=False)
    except FileNotFoundError as error:
        raise TsharkError('tshark is not installed: apt-get install tshark') from error
    if done.returncode != 0 and not done.stdout:
        raise TsharkError(f'tshark: {done.stderr.decode(errors="replace").strip()}')
    return done.stdout.decode('utf-8', errors='replace'), done.returncode != 0


def packet_rows(capture):
    """One dict a packet: field -> list of its values, from the outermost header in."""
    arguments = ['-r', str(capture), '-T', 'fields', '-E', 'occurrence=a', '-E', 'aggregator=,']
    for option in OPTIONS:
        arguments += ['-o', option]
    for field in FIELDS:
        arguments += ['-e', field]
    output, damaged = run_tshark(arguments)
    rows = [dict(zip(FIELDS, ([value for value in cell.split(',') if value] for cell in line.split('\t')),
                     strict=True)) for line in output.splitlines()]
    return rows, damaged


def nanoseconds(epoch):
    """Of tshark's decimal seconds, without the rounding of a float; None where a packet has no time."""
    if not epoch:
        return None
    seconds, _, fraction = epoch[0].partition('.')
    return int(seconds) * 1_000_000_000 + int(fraction.ljust(9, '0')[:9] or 0)


def chosen_headers(row, innermost):
    """(network, transport, position of each among its kind) of the flow that counts, or None."""
    protocols = row['frame.protocols'][0].split(':') if row['frame.protocols'] else []
    networks, found = {'ip': -1, 'ipv6': -1}, None
    network, seen = None, {'tcp': -1, 'udp': -1}
    for protocol in protocols:
        if protocol in networks:
            networks[protocol] += 1
            network = protocol
        elif protocol in seen and network:
            seen[protocol] += 1
            found = (network, protocol, networks[network], seen[protocol])
            if not innermost:
                break
    return found


def left_out_reason(row):
    protocols = row['frame.protocols'][0].split(':') if row['frame.protocols'] else []
    if 'icmp' in protocols or 'icmpv6' in protocols:
        return 'icmp'
    if any(offset != '0' for offset in row['ip.frag_offset']) or 'ipv6.fraghdr' in protocols:
        return 'fragment'
    return 'other_ip' if 'ip' in protocols or 'ipv6' in protocols else 'not_ip'


def packet_of(row, innermost):
    """The packet as a flow table sees it, or None where it has no addresses, ports and length in full."""
    if left_out_reason(row) == 'icmp':
        return None
    headers = chosen_headers(row, innermost)
    if not headers:
        return None
    network, transport, network_at, transport_at = headers
    length_field, constant = ('ip.len', 0) if network == 'ip' else ('ipv6.plen', 40)
    try:
        return {
            'stream': (transport, int(row[f'{transport}.stream'][transport_at])),
            'ends': tuple((row[f'{network}.{ip}'][network_at], int(row[f'{transport}.{port}'][transport_at]))
                          for ip, port in (('src', 'srcport'), ('dst', 'dstport'))),
            'bytes': int(row[length_field][network_at]) + constant,
            'flags': int(row['tcp.flags'][transport_at], 16) if transport == 'tcp' else 0,
            'time_ns': nanoseconds(row['frame.time_epoch'])}
    except IndexError:
        return None


def new_flow(packet):
    """The initiator sent the first packet, except that a SYN-ACK's receiver did before we looked."""
    transport, stream = packet['stream']
    client, server = packet['ends']
    if packet['flags'] & (SYN | ACK) == SYN | ACK:
        client, server = server, client
    return {'proto': PROTOCOL_NUMBERS[transport], 'streams': [stream], 'src_ip': client[0],
            'src_port': client[1], 'dest_ip': server[0], 'dest_port': server[1], 'pkts_toserver': 0,
            'pkts_toclient': 0, 'bytes_toserver': 0, 'bytes_toclient': 0, 'first_ns': None, 'last_ns': None}


def widen(flow, first_ns, last_ns):
    for key, value, choose in (('first_ns', first_ns, min), ('last_ns', last_ns, max)):
        if value is not None:
            flow[key] = value if flow[key] is None else choose(flow[key], value)


def flows_of(capture, innermost=False):
    """The flows of a capture, in order of their first packets, and the packets that are in none:
    {capture, packets, damaged, flows: […], left_out: {reason: packets}}."""
    rows, damaged = packet_rows(capture)
    flows, left_out = {}, {}
    for row in rows:
        packet = packet_of(row, innermost)
        if packet is None:
            reason = left_out_reason(row)
            left_out[reason] = left_out.get(reason, 0) + 1
            continue
        if packet['stream'] not in flows:
            flows[packet['stream']] = new_flow(packet)
        flow = flows[packet['stream']]
        to_server = packet['ends'][0] == (flow['src_ip'], flow['src_port'])
        side = 'toserver' if to_server else 'toclient'
        flow[f'pkts_{side}'] += 1
        flow[f'bytes_{side}'] += packet['bytes']
        widen(flow, packet['time_ns'], packet['time_ns'])
    return {'capture': str(capture), 'packets': len(rows), 'damaged': damaged, 'flows': list(flows.values()),
            'left_out': left_out}


def merge_by_tuple(flows):
    """Streams of one 5-tuple, either way round, as one flow; the first one's direction stays."""
    merged = {}
    for flow in flows:
        ends = (flow['src_ip'], flow['src_port']), (flow['dest_ip'], flow['dest_port'])
        key = (flow['proto'], *sorted(ends))
        if key not in merged:
            merged[key] = dict(flow, streams=list(flow['streams']))
            continue
        whole = merged[key]
        same_way = (whole['src_ip'], whole['src_port']) == ends[0]
        whole['streams'] += flow['streams']
        for kind in ('pkts', 'bytes'):
            for side, other in (('toserver', 'toclient'), ('toclient', 'toserver')):
                whole[f'{kind}_{side}'] += flow[f'{kind}_{side if same_way else other}']
        widen(whole, flow['first_ns'], flow['last_ns'])
    return list(merged.values())


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('capture')
    parser.add_argument('--innermost', action='store_true', help="of a tunnel's packets take the inner flow")
    parser.add_argument('--by-tuple', action='store_true', help='merge the streams of one 5-tuple')
    options = parser.parse_args()
    try:
        answer = flows_of(options.capture, options.innermost)
    except TsharkError as error:
        print(f'tshark_flows.py: {options.capture}: {error}', file=sys.stderr)
        return 3
    if options.by_tuple:
        answer['flows'] = merge_by_tuple(answer['flows'])
    json.dump(answer, sys.stdout, indent=1)
    print()
    return 0


if __name__ == '__main__':
    sys.exit(main())
