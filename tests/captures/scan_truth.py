"""Scans and what looks like them, each by a host of its own, so that it is known what has to be found.

Not bundled: tests/stories/scan_truth_test.py writes it. `cases()` says who does what; `frames(loss, to_server_only)`
gives all packets in the order of their time.
"""
import dataclasses
import random

import packets as p

SECOND = 10**9
BEGIN = 1_100_000_000 * SECOND
DAY = 86_400 * SECOND
SYN_AT = (0, 3 * SECOND, 9 * SECOND)


@dataclasses.dataclass
class Case:
    """One behaviour. found: 'sweep', 'port-scan', 'distributed', or None for what is no scan."""
    name: str
    found: str | None
    source: str | None       # None: many
    proto: str
    port: int | None         # None: several
    destinations: int
    why: str


class Traffic:
    """Packets of all cases. Contacts are told as what they come to."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.packets = []  # (time, from the initiator, frame)
        self.next_port = {}

    def add(self, at, forward, ip):
        ether = p.ETHERTYPE_IPV6 if ip[0] >> 4 == 6 else p.ETHERTYPE_IPV4
        self.packets.append((at, forward, p.ethernet(ip, ether)))

    def ip(self, src, dst, protocol, payload):
        if ':' in src:
            return p.ipv6(src, dst, protocol, payload)
        return p.ipv4(src, dst, protocol, payload, ident=self.random.randrange(65536))

    def port_of(self, src):
        self.next_port[src] = 1024 + (self.next_port.get(src, 1023) - 1023) % 60000
        return self.next_port[src]

    def tcp(self, at, src, dst, port, outcome):
        """outcome: answered, refused or silent."""
        ends = (src, dst, self.port_of(src), port)
        back = (dst, src, ends[3], ends[2])
        rtt = self.random.randrange(5, 150) * 1_000_000

        def out(time, flags, seq, ack=0, payload=b''):
            self.add(at + time, True, self.ip(src, dst, p.TCP, p.tcp(*ends, flags, seq, ack, payload)))

        def into(time, flags, seq, ack=0, payload=b''):
            self.add(at + time, False, self.ip(dst, src, p.TCP, p.tcp(*back, flags, seq, ack, payload)))
        if outcome == 'silent':
            for later in SYN_AT:
                out(later, p.SYN, 1000)
            return
        out(0, p.SYN, 1000)
        if outcome == 'refused':
            into(rtt, p.RST | p.ACK, 0, 1001)
            return
        into(rtt, p.SYN | p.ACK, 5000, 1001)
        out(rtt + 100_000, p.ACK, 1001, 5001)
        out(rtt + 200_000, p.ACK | p.PSH, 1001, 5001, b'HELO\r\n')
        into(2 * rtt + 200_000, p.ACK | p.PSH, 5001, 1007, b'250 ok\r\n')
        out(2 * rtt + 300_000, p.ACK | p.FIN, 1007, 5009)
        into(3 * rtt + 300_000, p.ACK | p.FIN, 5009, 1008)
        out(3 * rtt + 400_000, p.ACK, 1008, 5010)

    def udp(self, at, src, dst, port, outcome, source_port=None):
        mine = source_port or self.port_of(src)
        self.add(at, True, self.ip(src, dst, p.UDP, p.udp(src, dst, mine, port, b'question')))
        if outcome == 'answered':
            self.add(at + 30_000_000, False, self.ip(dst, src, p.UDP, p.udp(dst, src, port, mine, b'answer')))

    def ping(self, at, src, dst, outcome):
        ident = self.port_of(src)
        self.add(at, True, self.ip(src, dst, p.ICMP, p.icmp(8, 0, ident << 16 | 1, b'abcdefgh')))
        if outcome == 'answered':
            self.add(at + 20_000_000, False, self.ip(dst, src, p.ICMP, p.icmp(0, 0, ident << 16 | 1, b'abcdefgh')))

    def outcomes(self, count, silent, refused):
        """In scattered order, of shares."""
        failed = ['silent'] * round(count * silent) + ['refused'] * round(count * refused)
        mixed = failed + ['answered'] * (count - len(failed))
        self.random.shuffle(mixed)
        return mixed


def host(network, number):
    return f'{network}.{number // 250}.{1 + number % 250}'


def scans(t):
    """What has to be found."""
    for n, outcome in enumerate(t.outcomes(1000, .95, .04)):
        t.tcp(BEGIN + n * SECOND // 100, '10.9.0.1', host('198.18', n), 445, outcome)
    yield Case('fast sweep', 'sweep', '10.9.0.1', 'TCP', 445, 1000, '100 hosts a second, 1 % answer')

    for n, outcome in enumerate(t.outcomes(72, .8, .2)):
        t.tcp(BEGIN + n * 1200 * SECOND, '10.9.0.2', host('198.18', 1000 + n), 22, outcome)
    yield Case('slow sweep', 'sweep', '10.9.0.2', 'TCP', 22, 72, 'a host each 20 minutes for a day')

    for n in range(20):
        t.tcp(BEGIN + n * DAY // 4, '10.9.0.3', host('198.18', 1100 + n), 23, 'silent')
    yield Case('patient sweep', 'sweep', '10.9.0.3', 'TCP', 23, 20, 'a host each 6 hours for 5 days')

    for n, outcome in enumerate(t.outcomes(200, .1, .88)):
        t.tcp(BEGIN + n * SECOND // 5, '10.9.0.4', '198.18.200.1', 1 + n * 7, outcome)
    yield Case('port scan', 'port-scan', '10.9.0.4', 'TCP', None, 1, '200 ports of a host')

    for n in range(60):
        for m in range(2):
            t.tcp(BEGIN + (n * 2 + m) * 20 * SECOND, host('203.0', 500 + n), host('10.77', (n * 2 + m) % 40), 3389,
                  'silent')
    yield Case('distributed scan', 'distributed', None, 'TCP', 3389, 40, '60 sources, two hosts each')

    for n in range(100):
        t.udp(BEGIN + n * SECOND, '10.9.0.6', host('198.18', 1200 + n), 1900, 'silent')
    yield Case('UDP sweep', 'sweep', '10.9.0.6', 'UDP', 1900, 100, 'nobody answers')

    for n, outcome in enumerate(t.outcomes(254, .9, 0)):
        t.ping(BEGIN + n * SECOND // 20, '10.9.0.7', f'198.19.7.{n + 1}', outcome)
    yield Case('ping sweep', 'sweep', '10.9.0.7', 'ICMP', None, 254, 'one host of ten answers')

    for n in range(300):
        t.tcp(BEGIN + n * 2 * SECOND, '10.9.0.8', host('198.18', 1400 + n), 443, 'answered')
    for n, outcome in enumerate(t.outcomes(100, .9, .1)):
        t.tcp(BEGIN + n * 5 * SECOND, '10.9.0.8', host('198.18', 1700 + n), 5900, outcome)
    yield Case('scan behind a NAT', 'sweep', '10.9.0.8', 'TCP', 5900, 100, 'beside 300 web connections that are answered')

    for n in range(150):
        t.tcp(BEGIN + n * 5 * SECOND, '10.9.0.9', host('198.18', 1800 + n), 80, 'answered')
    for n, outcome in enumerate(t.outcomes(400, .7, .3)):
        t.tcp(BEGIN + n * SECOND, '10.9.0.9', host('198.18', 2000 + n), 80, outcome)
    yield Case('scan of the port that others use', 'sweep', '10.9.0.9', 'TCP', 80, 550,
               'one NAT address: 400 failures among 150 answers')

    for n in range(40):
        t.tcp(BEGIN + n * 3 * SECOND, '2001:db8:9::1', f'2001:db8:77::{n + 1:x}', 22, 'silent')
    yield Case('IPv6 sweep', 'sweep', '2001:db8:9::1', 'TCP', 22, 40, 'nobody answers')


def lookalikes(t):
    """What must not be told."""
    for n, outcome in enumerate(t.outcomes(500, .07, .03)):
        t.tcp(BEGIN + n * 2 * SECOND, '10.8.0.1', host('198.20', n), 80, outcome)
    yield Case('web proxy', None, '10.8.0.1', 'TCP', 80, 500, '90 % answered')

    for n, outcome in enumerate(t.outcomes(2000, .05, 0)):
        t.udp(BEGIN + n * SECOND // 2, '10.8.0.2', host('198.21', n), 53, outcome)
    yield Case('resolver', None, '10.8.0.2', 'UDP', 53, 2000, '95 % answered')

    for n, outcome in enumerate(t.outcomes(600, .6, 0)):
        t.udp(BEGIN + n * SECOND, '10.8.0.3', host('198.22', n), t.random.randrange(10000, 65000), outcome, 6881)
    for n, outcome in enumerate(t.outcomes(200, .4, .2)):
        t.tcp(BEGIN + n * 4 * SECOND, '10.8.0.3', host('198.22', 700 + n), t.random.randrange(10000, 65000), outcome)
    yield Case('peer-to-peer', None, '10.8.0.3', 'UDP', None, 800, '60 % fail, each peer at its own port')

    for n in range(500):
        flags = p.SYN | p.ACK if n % 2 else p.RST | p.ACK
        src, dst = '198.23.0.80', host('10.66', n)
        t.add(BEGIN + n * SECOND // 10, True, t.ip(src, dst, p.TCP, p.tcp(src, dst, 80, 1024 + n, flags, 1, 1)))
    yield Case('backscatter', None, '198.23.0.80', 'TCP', 80, 500, 'a flooded server answers forged addresses')

    for n, outcome in enumerate(t.outcomes(300, .1, .05)):
        t.tcp(BEGIN + n * 3 * SECOND, '10.8.0.5', host('198.24', n), 25, outcome)
    yield Case('mail server', None, '10.8.0.5', 'TCP', 25, 300, '85 % answered')

    for n in range(100):
        t.tcp(BEGIN + n * 2 * SECOND, host('10.80', n), '198.25.0.1', 443, 'silent')
    yield Case('server that is down', None, None, 'TCP', 443, 1, '100 clients, one host')

    for round_ in range(30):
        for n in range(10):
            t.udp(BEGIN + round_ * 64 * SECOND + n * SECOND, '10.8.0.7', f'198.26.0.{n + 1}', 123,
                  'silent' if n < 2 else 'answered')
    yield Case('NTP client', None, '10.8.0.7', 'UDP', 123, 10, 'two of ten servers are silent')

    for round_ in range(20):
        for n in range(50):
            t.ping(BEGIN + round_ * 60 * SECOND + n * SECOND, '10.8.0.8', f'198.27.0.{n + 1}',
                   'silent' if n in (7, 23, 41) else 'answered')
    yield Case('monitoring', None, '10.8.0.8', 'ICMP', None, 50, '3 of 50 hosts are down')

    for n, outcome in enumerate(t.outcomes(1000, .12, .08)):
        t.tcp(BEGIN + n * SECOND, '10.8.0.9', host('198.28', n), 443, outcome)
    yield Case('crawler', None, '10.8.0.9', 'TCP', 443, 1000, '20 % fail')

    for round_ in range(50):
        for n in range(3):
            t.tcp(BEGIN + round_ * 120 * SECOND + n * SECOND, '10.8.0.10', f'198.29.0.{n + 1}', 8080, 'silent')
    yield Case('stale bookmarks', None, '10.8.0.10', 'TCP', 8080, 3, 'three dead hosts, again and again')

    for n, outcome in enumerate(t.outcomes(3000, .04, .03)):
        t.tcp(BEGIN + n * SECOND // 50, '10.8.0.12', host('198.31', n), 80, outcome)
    yield Case('busy proxy', None, '10.8.0.12', 'TCP', 80, 3000, '50 connections a second, 93 % answered')

    for n in range(40):
        t.tcp(BEGIN + n * 30 * SECOND, '10.8.0.11', '198.30.0.1', 3000 + n, 'answered' if n % 4 else 'refused')
    yield Case('passive FTP', None, '10.8.0.11', 'TCP', None, 1, '40 ports of a host, 75 % answered')


def everything(seed=1):
    """The cases, and the traffic of all of them."""
    traffic = Traffic(seed)
    cases = [*scans(traffic), *lookalikes(traffic)]
    return cases, traffic


def frames(traffic, loss=0.0, to_server_only=False):
    """(time, frame) in order; loss: share that the capture lacks."""
    dice = random.Random(7)
    kept = sorted((at, frame) for at, forward, frame in traffic.packets if forward or not to_server_only)
    return [packet for packet in kept if dice.random() >= loss]
