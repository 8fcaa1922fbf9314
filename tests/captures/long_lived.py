"""One TCP flow that outlives the active timeout, and UDP packets either side of the idle timeout.

Expected numbers, with active_timeout 120 s and idle_timeout 15 s:
  TCP 10.1.2.3:40000 -> 203.0.113.9:5222: one flow, 10 minutes, 487 packets, 25,248 IP bytes;
  UDP 10.1.2.3:40001 -> 203.0.113.9:5353: two flows of one 5-tuple: 3 packets at 0, 14 and 28.9 s, then 2
  packets at 44.1 and 50 s, because only the third gap, 15.2 s, is above 15 s; with wide timeouts one of 5.
"""
from capture_files import NS_PER_MS, NS_PER_S, Trace, utc, write_pcap
from conversations import Endpoint, TcpSession
from packets import ACK, PSH

BEGIN = utc('2003-08-24 12:00:00.5')
ROUNDS, ROUND_NS = 120, 5 * NS_PER_S
PING, PONG = b'<ping seq="%04d"/>', b'<pong seq="%04d" status="ok"/>'
UDP_TIMES_MS = (0, 14_000, 28_900, 44_100, 50_000)
UDP_PAYLOAD_BYTES = 32


def write(path):
    trace = Trace()
    client = Endpoint('10.1.2.3', inside=True, ttl=63, ident=1000, dont_fragment=True)
    server = Endpoint('203.0.113.9', inside=False, ttl=50, ident=9000, dont_fragment=True)
    session = TcpSession(trace, client, server, 40000, 5222, 0xFFFFFC00, 77)  # wraps on its way
    at, rtt = BEGIN, 40 * NS_PER_MS
    session.open(at, rtt)
    for number in range(ROUNDS):
        at += ROUND_NS
        session.client(at, ACK | PSH, PING % number)
        session.server(at + rtt, ACK)
        session.server(at + rtt + NS_PER_MS, ACK | PSH, PONG % number)
        session.client(at + rtt + 2 * NS_PER_MS, ACK)
    session.close(at + NS_PER_S, rtt)
    for at_ms in UDP_TIMES_MS:
        trace.add(BEGIN + 60 * NS_PER_S + at_ms * NS_PER_MS,
                  client.udp(server, 40001, 5353, bytes(UDP_PAYLOAD_BYTES)))
    write_pcap(path, trace)
