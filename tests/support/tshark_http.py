#!/usr/bin/python3
"""The oracle for HTTP: each request and each response that tshark finds in a capture, one row each.

tshark reassembles, so that a request split over segments is a row at the segment that completes it, and
several in one segment are a row each. It knows only the methods of its own list, and takes HTTP on an odd
port only where its heuristics see it.
"""
import argparse
import json
import sys

from tshark_flows import TsharkError, nanoseconds, run_tshark

# http.file_data would repeat the bodies; only these layers are printed.
LAYERS = 'frame ip ipv6 tcp http'


def joined_pairs(pairs):
    """Keeps every value of a repeated key, as a list under that key: one http layer a message."""
    whole = {}
    for key, value in pairs:
        whole.setdefault(key, []).append(value)
    return whole


def first(layer, key):
    values = layer.get(key)
    return values[0] if values else None


def start_line(layer, key):
    """tshark keeps the fields of the start line in a subtree that is named by the line itself."""
    for values in layer.values():
        for value in values:
            if isinstance(value, dict) and key in value:
                return value[key][0]
    return first(layer, key)


def message_row(layer):
    method = start_line(layer, 'http.request.method')
    if method is not None:
        return {'kind': 'request', 'method': method, 'uri': start_line(layer, 'http.request.uri'),
                'version': start_line(layer, 'http.request.version'), 'host': first(layer, 'http.host'),
                'user_agent': first(layer, 'http.user_agent'), 'referer': first(layer, 'http.referer')}
    status = start_line(layer, 'http.response.code')
    if status is None:
        return None
    length = first(layer, 'http.content_length_header')
    return {'kind': 'response', 'status': int(status), 'content_type': first(layer, 'http.content_type'),
            'content_length': int(length) if length and length.isdigit() else None}


def packet_end(layers, which, innermost):
    """(address, port) of the outermost or innermost header."""
    at = -1 if innermost else 0
    networks = [name for name in ('ip', 'ipv6') if name in layers]
    if not networks:
        return None, None
    network = networks[0]
    if innermost and len(networks) > 1:
        protocols = first(layers['frame'][0], 'frame.protocols').split(':')
        network = next(name for name in reversed(protocols) if name in networks)
    return layers[network][at][f'{network}.{which}'][0], int(layers['tcp'][at][f'tcp.{which}port'][0])


def http_rows(capture, innermost=False, options=()):
    """Rows {frame, time_ns, stream, src_ip, src_port, dest_ip, dest_port, kind, …} in capture order. Requests
    have method, uri, version, host, user_agent, referer; responses status, content_type, content_length.
    `options` are preferences of tshark: name:value."""
    preferences = [part for option in options for part in ('-o', option)]
    output, _ = run_tshark([*preferences, '-r', str(capture), '-Y', 'http && tcp', '-T', 'json', '-J', LAYERS])
    rows = []
    for packet in json.loads(output or '[]', strict=False, object_pairs_hook=joined_pairs):
        layers = packet['_source'][0]['layers'][0]
        (src_ip, src_port), (dest_ip, dest_port) = (packet_end(layers, which, innermost) for which in ('src', 'dst'))
        place = {'frame': int(first(layers['frame'][0], 'frame.number')),
                 'time_ns': nanoseconds(layers['frame'][0].get('frame.time_epoch')),
                 'stream': int(first(layers['tcp'][0], 'tcp.stream')), 'src_ip': src_ip, 'src_port': src_port,
                 'dest_ip': dest_ip, 'dest_port': dest_port}
        for layer in layers['http']:
            row = message_row(layer) if isinstance(layer, dict) else None
            if row:
                rows.append({**place, **row})
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('capture')
    options = parser.parse_args()
    try:
        rows = http_rows(options.capture)
    except TsharkError as error:
        print(f'tshark_http.py: {options.capture}: {error}', file=sys.stderr)
        return 3
    for row in rows:
        print(json.dumps(row))
    return 0


if __name__ == '__main__':
    sys.exit(main())
