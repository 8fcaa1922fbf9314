"""Endpoints that talk: UDP datagrams and TCP sessions over IPv4 as frames at a tap between two routers."""
import packets
from packets import ACK, FIN, PSH, RST, SYN

MSS = 1460


class Endpoint:
    """A host as the tap sees it: address, side of the tap, and the marks its stack leaves on packets."""

    def __init__(self, ip, inside, ttl=64, tos=0, window=65535, ident=1, dont_fragment=False):
        self.ip, self.inside, self.ttl, self.tos, self.window = ip, inside, ttl, tos, window
        self.dont_fragment = dont_fragment
        self._ident = ident

    def frame(self, peer, protocol, segment):
        """The frame of one IPv4 packet to `peer`; the IP ID rises by one a packet."""
        packet = packets.ipv4(self.ip, peer.ip, protocol, segment, ttl=self.ttl, tos=self.tos,
                              ident=self._ident & 0xFFFF, dont_fragment=self.dont_fragment)
        self._ident += 1
        macs = packets.OUTSIDE_MAC, packets.INSIDE_MAC
        src, dst = reversed(macs) if self.inside else macs
        return packets.ethernet(packet, packets.ETHERTYPE_IPV4, src, dst)

    def udp(self, peer, src_port, dst_port, payload):
        return self.frame(peer, packets.UDP,
                          packets.udp(self.ip, peer.ip, src_port, dst_port, payload))


class TcpSession:
    """One TCP connection; every call adds one packet to the trace and keeps both sequence numbers."""

    def __init__(self, trace, client, server, client_port, server_port, client_isn, server_isn):
        self._trace = trace
        self._hosts = (client, server)
        self._ports = (client_port, server_port)
        self._next = [client_isn, server_isn]
        self._started = [False, False]

    def client(self, time_ns, flags, payload=b''):
        self._send(0, time_ns, flags, payload)

    def server(self, time_ns, flags, payload=b''):
        self._send(1, time_ns, flags, payload)

    def repeat_syn(self, time_ns):
        """The client's SYN again, as after a time without an answer."""
        self._next[0] -= 1
        self._send(0, time_ns, SYN, b'')

    def open(self, time_ns, rtt_ns):
        """Handshake of three packets; returns when the client may send."""
        self.client(time_ns, SYN)
        self.server(time_ns + rtt_ns, SYN | ACK)
        self.client(time_ns + rtt_ns + 100_000, ACK)
        return time_ns + rtt_ns + 200_000

    def refuse(self, time_ns):
        self.server(time_ns, RST | ACK)

    def answer(self, time_ns, data, gap_ns=120_000):
        """The server's data in full segments, an acknowledgement for every other; returns when done."""
        pieces = [data[at:at + MSS] for at in range(0, len(data), MSS)]
        for number, piece in enumerate(pieces):
            last = number == len(pieces) - 1
            self.server(time_ns, ACK | (PSH if last else 0), piece)
            time_ns += gap_ns
            if number % 2 or last:
                self.client(time_ns, ACK)
                time_ns += gap_ns
        return time_ns

    def close(self, time_ns, rtt_ns):
        """The server ends: FIN, ACK, FIN, ACK; returns the time of the last."""
        self.server(time_ns, FIN | ACK)
        self.client(time_ns + 150_000, ACK)
        self.client(time_ns + 300_000, FIN | ACK)
        self.server(time_ns + 300_000 + rtt_ns, ACK)
        return time_ns + 300_000 + rtt_ns

    def _send(self, side, time_ns, flags, payload):
        host, peer = self._hosts[side], self._hosts[1 - side]
        segment = packets.tcp(
            host.ip, peer.ip, self._ports[side], self._ports[1 - side], flags, self._next[side],
            self._next[1 - side] if flags & ACK else 0, payload, host.window,
            packets.maximum_segment_size(MSS) if flags & SYN else b'')
        self._trace.add(time_ns, host.frame(peer, packets.TCP, segment))
        self._next[side] += len(payload) + (1 if flags & (SYN | FIN) else 0)


def http_request(uri, host=None, agent=None, referer=None, method='GET', version='HTTP/1.1',
                 more=()):
    lines = [f'{method} {uri} {version}']
    lines += [f'{name}: {value}' for name, value in
              (('Host', host), ('User-Agent', agent), ('Referer', referer), *more) if value]
    return ('\r\n'.join(lines) + '\r\n\r\n').encode('latin-1')


def http_response(status, body=b'', kind='text/html'):
    reason = {200: 'OK', 302: 'Found', 304: 'Not Modified', 404: 'Not Found', 501: 'Not Implemented'}
    head = f'HTTP/1.1 {status} {reason[status]}\r\nServer: Apache/1.3.26\r\n'
    if status != 304:
        head += f'Content-Type: {kind}\r\nContent-Length: {len(body)}\r\n'
    return (head + '\r\n').encode('latin-1') + body
