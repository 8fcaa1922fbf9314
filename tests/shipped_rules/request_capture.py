"""Requests as a capture: each on a connection of its own from an address of its own, to one server."""
import ipaddress
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'captures'))

from capture_files import NS_PER_MS, Trace, utc, write_pcap  # noqa: E402
from conversations import Endpoint, TcpSession  # noqa: E402
from packets import ACK, PSH  # noqa: E402

SERVER = '203.0.113.80'
CLIENTS = int(ipaddress.ip_address('10.0.0.1'))
BEGIN = utc('2024-03-05 10:00:00')


def client_address(number):
    """Of the request with this number."""
    return str(ipaddress.ip_address(CLIENTS + number))


def write(path, requests):
    """`requests` are lists of pieces, each sent as one segment."""
    trace = Trace()
    server = Endpoint(SERVER, inside=False, dont_fragment=True)
    for number, pieces in enumerate(requests):
        client = Endpoint(client_address(number), inside=True, dont_fragment=True)
        session = TcpSession(trace, client, server, 40000, 80, 1000, 2000)
        at = session.open(BEGIN + number * NS_PER_MS, NS_PER_MS // 4)
        for piece in pieces:
            session.client(at, ACK | PSH, piece)
            at += NS_PER_MS // 100
        session.refuse(at)
    write_pcap(path, trace)
