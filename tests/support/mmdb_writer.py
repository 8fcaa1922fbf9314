"""Writes small MaxMind DB files (format 2.0), for tests: no database comes with Picket.

https://maxmind.github.io/MaxMind-DB/ ; 32-bit records of an IPv6 tree, in which IPv4 networks lie under ::/96.
"""
import ipaddress
import struct

MARKER = b'\xab\xcd\xefMaxMind.com'
MAP, STRING, UINT16, UINT32, UINT64, ARRAY = 7, 2, 5, 6, 9, 11


def control(kind, size):
    assert size < 285
    more = b'' if size < 29 else bytes([size - 29])
    size = min(size, 29)
    if kind < 8:
        return bytes([kind << 5 | size]) + more
    return bytes([size, kind - 7]) + more


def encode(value):
    if isinstance(value, str):
        data = value.encode()
        return control(STRING, len(data)) + data
    if isinstance(value, dict):
        return control(MAP, len(value)) + b''.join(encode(key) + encode(item) for key, item in value.items())
    if isinstance(value, list):
        return control(ARRAY, len(value)) + b''.join(map(encode, value))
    kind, number = value  # (UINT16, 2)
    data = number.to_bytes((number.bit_length() + 7) // 8, 'big')
    return control(kind, len(data)) + data


def bits_of(network):
    network = ipaddress.ip_network(network)
    number, length = int(network.network_address), network.prefixlen
    if network.version == 4:
        length += 96
    return [number >> (127 - i) & 1 for i in range(length)]


def write(path, kind, networks):
    """networks: network -> map of strings, maps and (UINT32, n)."""
    tree = [[None, None]]
    values, data = [], b''
    for network, value in networks.items():
        values.append(len(data))
        data += encode(value)
        node = 0
        bits = bits_of(network)
        for depth, bit in enumerate(bits):
            if depth + 1 == len(bits):
                tree[node][bit] = ('data', values[-1])
            elif tree[node][bit] is None:
                tree.append([None, None])
                tree[node][bit] = len(tree) - 1
                node = len(tree) - 1
            else:
                node = tree[node][bit]
                assert isinstance(node, int), 'networks must not overlap'

    def record(target):
        if target is None:
            return len(tree)
        return target if isinstance(target, int) else len(tree) + 16 + target[1]

    nodes = b''.join(struct.pack('>II', record(left), record(right)) for left, right in tree)
    metadata = encode({
        'node_count': (UINT32, len(tree)), 'record_size': (UINT16, 32), 'ip_version': (UINT16, 6),
        'database_type': kind, 'languages': ['en'], 'binary_format_major_version': (UINT16, 2),
        'binary_format_minor_version': (UINT16, 0), 'build_epoch': (UINT64, 1_061_553_600),
        'description': {'en': 'a test'}})
    path.write_bytes(nodes + bytes(16) + data + MARKER + metadata)


def system(number, organisation):
    return {'autonomous_system_number': (UINT32, number), 'autonomous_system_organization': organisation}


def country(code):
    return {'country': {'iso_code': code}}
