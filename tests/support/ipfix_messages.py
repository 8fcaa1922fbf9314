"""Flows of Picket's JSON as messages of IPFIX (RFC 7011), and what nfcapd makes of them."""
import ipaddress
import pathlib
import signal
import socket
import struct
import subprocess
import time

REVERSE = 29305  # RFC 5103
V4, V6, BOTH_V4, BOTH_V6 = 256, 257, 258, 259
MESSAGE_BYTES_MAX = 1400
DOMAIN = 7


def fields_of(template):
    """(element, length, enterprise), in order."""
    address = [(8, 4), (12, 4)] if template in (V4, BOTH_V4) else [(27, 16), (28, 16)]
    fields = [(*one, 0) for one in address + [(7, 2), (11, 2), (4, 1), (6, 1), (2, 8), (1, 8), (152, 8), (153, 8)]]
    return fields + ([(2, 8, REVERSE), (1, 8, REVERSE)] if template in (BOTH_V4, BOTH_V6) else [])


def template_set():
    body = b''
    for template in (V4, V6, BOTH_V4, BOTH_V6):
        fields = fields_of(template)
        body += struct.pack('!HH', template, len(fields))
        for element, length, enterprise in fields:
            body += struct.pack('!HH', element | (0x8000 if enterprise else 0), length)
            body += struct.pack('!I', enterprise) if enterprise else b''
    return struct.pack('!HH', 2, len(body) + 4) + body


def record(ends, protocol, counts, times):
    addresses, ports = zip(*ends)
    body = b''.join(ipaddress.ip_address(one).packed for one in addresses)
    body += struct.pack('!HHBBQQQQ', *ports, protocol, 0, *counts[0], *times)
    return body + b''.join(struct.pack('!QQ', *back) for back in counts[1:])


def records(flows, both):
    """(template, record) of each flow, or of each of its directions that has packets.
    A flow has ends, protocol, counts (packets and bytes there, and back) and times in ms."""
    for flow in flows:
        six = ':' in flow['ends'][0][0]
        if both:
            yield (BOTH_V6 if six else BOTH_V4), record(flow['ends'], flow['protocol'], flow['counts'], flow['times'])
            continue
        for ends, counts in ((flow['ends'], flow['counts'][0]), (flow['ends'][::-1], flow['counts'][1])):
            if counts[0] > 0:
                yield (V6 if six else V4), record(ends, flow['protocol'], [counts], flow['times'])


def messages(flows, both=False):
    """Whole messages, the first with the templates."""
    sequence, made, sets = 0, [], template_set()
    export = max(flow['times'][1] for flow in flows) // 1000 + 1

    def close(count):
        nonlocal sequence, sets
        made.append(struct.pack('!HHIII', 10, len(sets) + 16, export, sequence, DOMAIN) + sets)
        sequence += count
        sets = b''

    count = 0
    for template, body in records(flows, both):
        one = struct.pack('!HH', template, len(body) + 4) + body
        if len(sets) + len(one) + 16 > MESSAGE_BYTES_MAX:
            close(count)
            count = 0
        sets += one
        count += 1
    close(count)
    return made


def queue_of(port):
    """Bytes that wait at a UDP port, and datagrams that it dropped; None if nobody listens."""
    for line in pathlib.Path('/proc/net/udp').read_text(encoding='ascii').splitlines()[1:]:
        columns = line.split()
        if int(columns[1].split(':')[1], 16) == port:
            return int(columns[4].split(':')[1], 16), int(columns[-1])
    return None


def wait_for(condition, what, seconds=20):
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > until:
            raise TimeoutError(f'{what}: not within {seconds} s')
        time.sleep(0.01)


def end_nfcapd(collector, port, seconds=20):
    """It looks for signals when a datagram has come: one that another of its threads gets does not wake it."""
    collector.send_signal(signal.SIGTERM)
    deadline = time.monotonic() + seconds
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
        while collector.poll() is None and time.monotonic() < deadline:
            time.sleep(0.1)
            out.sendto(b'', ('127.0.0.1', port))
    if collector.poll() is None:
        collector.kill()
        raise OSError('nfcapd does not end')


def collect_with_nfcapd(made, directory):
    """nfcapd receives them over UDP and writes into the directory."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(('127.0.0.1', 0))
        port = probe.getsockname()[1]
    with subprocess.Popen(['nfcapd', '-p', str(port), '-b', '127.0.0.1', '-w', str(directory), '-t', '3600'],
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as collector:
        try:
            wait_for(lambda: queue_of(port) is not None, 'nfcapd does not listen')
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
                for message in made:
                    out.sendto(message, ('127.0.0.1', port))
                    wait_for(lambda: queue_of(port)[0] < 100_000, 'nfcapd does not read')
            wait_for(lambda: queue_of(port)[0] == 0, 'nfcapd does not read')
            if queue_of(port)[1] > 0:
                raise OSError('nfcapd lost datagrams')
        finally:
            end_nfcapd(collector, port)
