"""The SoBig.F evening of 22 August 2003 as one border tap saw it, and two variants.

Expected numbers (README.md has the table by address and hour):
  1,751 one-packet UDP flows, ten of the twenty addresses of sobig_f_20.txt -> 192.0.2.7:27015,
  64,787 IP bytes (37 each), 19:09:54 to 22:14:09 UTC, TTL 112, IP ID 39936, TOS 8, payload 'info'.
  24 flows of SoBig's own 8-byte probe, three inside hosts -> UDP 8998 of addresses among those ten.
  50 players with two-way traffic to 192.0.2.7:27015 and 38 queries of their own, all answered.
  14 flows of other kinds, outside SoBig's window of 19:00 to 22:00 UTC.
The forged flows of the variants: `consecutive` counts source ports up by one, in volleys of at most eight
packets 0.4 to 1.2 ms apart; in `reflected` the server answers each with 200 bytes of payload.
"""
from capture_files import NS_PER_MS, NS_PER_S, Dice, Trace, utc, write_pcap
from conversations import Endpoint, TcpSession

SEED = 20030822
VICTIM, GAME_PORT = '192.0.2.7', 27015
FIRST, LAST = utc('2003-08-22 19:09:54.218437'), utc('2003-08-22 22:14:09.604112')
FIRST_SOURCE, FIRST_PORT = '67.73.21.6', 50416
FLOWS_BY_SOURCE = {
    '12.232.104.221': 214, '24.33.66.38': 163, '24.197.143.132': 190, '24.202.91.43': 152,
    '61.38.187.59': 201, '63.250.82.87': 137, '65.95.193.138': 178, '65.177.240.194': 169,
    '67.9.241.67': 185, '67.73.21.6': 162}
FORGED_TTL, FORGED_IDENT, FORGED_TOS = 112, 39936, 8
VOLLEY_PACKETS = 8
REPLY_BYTES = 200

QUERY = b'\xff\xff\xff\xff'
INFO, PING = QUERY + b'info\0', QUERY + b'ping\0'
GETCHALLENGE = QUERY + b'getchallenge\0'
A2S_PLAYER, A2S_RULES = QUERY + b'\x55', QUERY + b'\x56'  # and a challenge of 4 bytes
PLAYERS, PLAYER_ROUNDS = 50, (8, 16)
QUERIES = {'info': 12, 'ping': 10, 'player': 8, 'rules': 8}

SOBIG_PROBE, SOBIG_PORT = bytes.fromhex('5cbf0129ca62ebf1'), 8998
INFECTED = {  # inside host: time of its first probe, how many of the ten it probes
    '10.20.3.14': ('2003-08-22 19:00:02.310', 10),
    '10.20.8.77': ('2003-08-22 19:00:03.870', 10),
    '10.20.11.5': ('2003-08-22 20:31:17.020', 4)}


class Forger:
    """A source address of the flood: every packet bears the marks of the one tool behind them all."""

    def __init__(self, ip):
        self._ip = ip

    def query(self, victim, src_port):
        host = Endpoint(self._ip, inside=False, ttl=FORGED_TTL, tos=FORGED_TOS, ident=FORGED_IDENT)
        return host.udp(victim, src_port, GAME_PORT, INFO)


def scattered_times(dice, count):
    span = LAST - FIRST
    return [FIRST] + sorted(FIRST + at for at in dice.distinct(count - 2, 1, span - 1)) + [LAST]


def volley_times(dice, count):
    """Volleys of VOLLEY_PACKETS, evenly over the evening; the first begins and the last ends the flood."""
    volleys = []
    while count:
        gaps_us = [dice.between(400, 1_200) for _ in range(min(VOLLEY_PACKETS, count) - 1)]
        volleys.append([sum(gaps_us[:packet]) * 1_000 for packet in range(len(gaps_us) + 1)])
        count -= len(volleys[-1])
    step = (LAST - volleys[-1][-1] - FIRST) // (len(volleys) - 1)
    times = [FIRST + number * step + at for number, volley in enumerate(volleys) for at in volley]
    shift = LAST - times[-1]  # what the division left over
    return times[:-len(volleys[-1])] + [at + shift for at in times[-len(volleys[-1]):]]


def add_flood(trace, dice, victim, consecutive, reflected):
    sources = [ip for ip, flows in FLOWS_BY_SOURCE.items() for _ in range(flows)]
    sources.remove(FIRST_SOURCE)
    sources = [FIRST_SOURCE] + dice.shuffled(sources)
    if consecutive:
        ports = [FIRST_PORT + number for number in range(len(sources))]
        times = volley_times(dice, len(sources))
    else:
        ports = dice.distinct(len(sources), 1025, 64999)
        ports = [FIRST_PORT] + [port for port in ports if port != FIRST_PORT][:len(sources) - 1]
        times = scattered_times(dice, len(sources))
    for at, ip, port in zip(times, sources, ports, strict=False):
        trace.add(at, Forger(ip).query(victim, port))
        if reflected:
            body = (INFO_REPLY_HEAD + b'de_dust2 ' * 32)[:REPLY_BYTES]
            trace.add(at + 700_000, victim.udp(Endpoint(ip, inside=False), GAME_PORT, port, body))


INFO_REPLY_HEAD = QUERY + b'm192.0.2.7:27015\0The Bunker\0de_dust2\0cstrike\0Counter-Strike\0'
SINGLE_REPLIES = {'info': INFO_REPLY_HEAD + bytes([14, 20, 46]), 'ping': QUERY + b'j\0',
                  'player': QUERY + b'D\x01\x00Gordon\0' + bytes(8),
                  'rules': QUERY + b'E\x01\x00mp_timelimit\x0030\x00'}


def query_payload(dice, kind):
    if kind in ('info', 'ping'):
        return INFO if kind == 'info' else PING
    challenge = bytes(dice.below(256) for _ in range(4))
    return (A2S_PLAYER if kind == 'player' else A2S_RULES) + challenge


def add_players(trace, dice, victim):
    """Players ask, join and play; those whose turn it is also send one query of each listed kind."""
    kinds = [kind for kind, count in QUERIES.items() for _ in range(count)]
    begin, end = utc('2003-08-22 18:20:00'), utc('2003-08-22 23:10:00')
    for number in range(PLAYERS):
        net = '198.51.100' if number % 2 else '203.0.113'
        player = Endpoint(f'{net}.{20 + number * 4}', inside=False, ident=dice.below(65536),
                          ttl=dice.pick((64, 128, 255)) - dice.between(7, 19))
        port = 27005 if number % 3 else dice.between(1025, 64999)
        at = begin + (end - begin) * number // PLAYERS + dice.below(60 * NS_PER_S)
        if number < len(kinds):
            ask_port = dice.between(30000, 60000)
            trace.add(at, player.udp(victim, ask_port, GAME_PORT, query_payload(dice, kinds[number])))
            trace.add(at + 400_000, victim.udp(player, GAME_PORT, ask_port,
                                               SINGLE_REPLIES[kinds[number]]))
            at += 2 * NS_PER_S
        play(trace, dice, victim, player, port, at)


def play(trace, dice, victim, player, port, at):
    """One session below every idle and active timeout: rounds of 3 to 6 s, one packet each way."""
    challenge = str(dice.between(10**8, 10**9)).encode()
    trace.add(at, player.udp(victim, port, GAME_PORT, GETCHALLENGE))
    trace.add(at + 350_000, victim.udp(player, GAME_PORT, port,
                                       QUERY + b'A00000000 ' + challenge + b' 2\n\0'))
    for _ in range(dice.between(*PLAYER_ROUNDS)):
        at += dice.between(3_000, 6_000) * NS_PER_MS
        move = bytes(dice.below(256) for _ in range(dice.between(30, 70)))
        world = bytes(dice.below(256) for _ in range(dice.between(60, 220)))
        trace.add(at, player.udp(victim, port, GAME_PORT, b'\x01\0\0\0' + move))
        trace.add(at + 600_000, victim.udp(player, GAME_PORT, port, b'\x02\0\0\0' + world))


def add_infected(trace, dice):
    """Each sends from one socket, so that each destination is a flow; nothing answers."""
    for ip, (text, count) in INFECTED.items():
        host = Endpoint(ip, inside=True, ttl=126, ident=dice.below(60000))
        at, port = utc(text), dice.between(1030, 4999)
        for target in list(FLOWS_BY_SOURCE)[:count]:
            trace.add(at, host.udp(Endpoint(target, inside=False), port, SOBIG_PORT, SOBIG_PROBE))
            at += dice.between(900, 2_100) * NS_PER_MS


def dns_message(ident, answer):
    name = b'\x03www\x07example\x03com\0' + b'\0\1\0\1'
    counts = b'\0\1\0\1\0\0\0\0' if answer else b'\0\1\0\0\0\0\0\0'
    head = ident.to_bytes(2, 'big') + (b'\x81\x80' if answer else b'\1\0') + counts
    record = b'\xc0\x0c\0\1\0\1\0\0\x0e\x10\0\4' + bytes([192, 0, 2, 80]) if answer else b''
    return head + name + record


def add_others(trace, dice):
    """DNS, NTP and mail before and after SoBig's window: 7 DNS, 5 NTP, 2 SMTP flows."""
    resolver, clock = Endpoint('198.18.0.53', False, ttl=55), Endpoint('198.18.0.123', False, ttl=53)
    for text in ('17:41:10', '17:55:02', '18:22:31', '18:47:45', '22:31:08', '22:52:40', '23:04:13'):
        host, port = Endpoint(f'10.20.1.{dice.between(2, 250)}', True, ttl=126), dice.between(1030, 4999)
        at, ident = utc(f'2003-08-22 {text}.1'), dice.below(65536)
        trace.add(at, host.udp(resolver, port, 53, dns_message(ident, False)))
        trace.add(at + 21_000_000, resolver.udp(host, 53, port, dns_message(ident, True)))
    for ip, text in zip((*INFECTED, '10.20.1.9', '10.20.1.10'),
                        ('18:59:51', '18:59:54', '18:59:57', '22:25:00', '23:00:00'), strict=True):
        host, at = Endpoint(ip, True, ttl=126), utc(f'2003-08-22 {text}.25')
        trace.add(at, host.udp(clock, 123, 123, b'\x1b' + bytes(47)))
        trace.add(at + 30_000_000, clock.udp(host, 123, 123, b'\x1c\2' + bytes(46)))
    for text in ('18:05:00', '22:40:00'):
        add_mail(trace, dice, utc(f'2003-08-22 {text}.5'))


def add_mail(trace, dice, at):
    client = Endpoint('10.20.1.25', True, ttl=63, ident=dice.below(60000), dont_fragment=True)
    server = Endpoint('198.18.0.25', False, ttl=51, ident=dice.below(60000), dont_fragment=True)
    session = TcpSession(trace, client, server, dice.between(32768, 60999), 25,
                         dice.below(2**32), dice.below(2**32))
    at = session.open(at, 20 * NS_PER_MS)
    at = session.answer(at + 5 * NS_PER_MS, b'220 mail.example.com ESMTP\r\n')
    session.client(at, 0x18, b'QUIT\r\n')
    at = session.answer(at + 20 * NS_PER_MS, b'221 bye\r\n')
    session.close(at, 20 * NS_PER_MS)


def write(path, consecutive=False, reflected=False):
    trace, dice = Trace(), Dice(SEED)
    victim = Endpoint(VICTIM, inside=True, ttl=63, dont_fragment=True)
    add_players(trace, dice, victim)
    add_infected(trace, dice)
    add_others(trace, dice)
    add_flood(trace, dice, victim, consecutive, reflected)
    write_pcap(path, trace)


def write_consecutive(path):
    write(path, consecutive=True)


def write_reflected(path):
    write(path, reflected=True)
