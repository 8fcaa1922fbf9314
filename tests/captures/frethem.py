"""A Frethem.K host, a busy proxy and ordinary browsing at a university's border, 27 August 2002.

Expected numbers (README.md has the rest):
  10.1.7.44 probes port 80 of 63 destinations, 04:12:24 to 04:30:12 UTC, 3.5 a minute: 43 never answer
  (5 SYNs of one 5-tuple at 0, 3, 9, 21, 45 s), 19 refuse (RST/ACK), 203.0.113.80 answers, last, at 04:30:12:
  one GET of 117 bytes, IP length 157, no Referer, and 404 text/html with 4,096 bytes. Then it is silent.
  10.1.0.5 is a proxy: 500 destinations, 450 answer, 30 are silent, 20 refuse; 450 requests.
  Four ordinary hosts browse: 36 connections, 144 requests. The capture runs from 04:00 to after 05:00.
"""
from capture_files import NS_PER_MS, NS_PER_S, Dice, Trace, utc, write_pcap
from conversations import Endpoint, TcpSession, http_request, http_response
from packets import ACK, PSH

SEED = 20020827
HOST, ANSWERING = '10.1.7.44', '203.0.113.80'
LAST_PROBE = utc('2002-08-27 04:30:12.114630')
PROBES, REFUSED = 63, 19
CAMPAIGN_NS = 1068 * NS_PER_S  # 62 or 63 in 17.8 minutes are 3.5 a minute, however one counts
SYN_TIMES_S = (0, 3, 9, 21, 45)
URI = '/b.cgi?alt&174642967&000000000000'
REQUEST_BYTES, BODY_BYTES = 117, 4096
AGENT = 'Mozilla/4.76 (Win98)'

PROXY = '10.1.0.5'
PROXY_DESTINATIONS, PROXY_SILENT, PROXY_REFUSED = 500, 30, 20
BROWSERS = ('10.1.3.10', '10.1.3.77', '10.1.4.25', '10.1.6.203')
BROWSER_CONNECTIONS, CONNECTION_REQUESTS = 9, 4
BEGIN, END = utc('2002-08-27 04:00:00'), utc('2002-08-27 05:02:00')
PATHS = ('/', '/index.html', '/images/logo.gif', '/news/2002/08/27/top.html', '/style/main.css',
         '/courses/cs101/notes.html', '/search?q=weather', '/library/hours.html', '/favicon.ico',
         '/~physics/lab3.html')
AGENTS = ('Mozilla/4.0 (compatible; MSIE 6.0; Windows NT 5.1)',
          'Mozilla/5.0 (X11; U; Linux i686; en-US; rv:1.0.0) Gecko/20020530', 'Lynx/2.8.4rel.1')


def outside_host(dice, ip):
    return Endpoint(ip, inside=False, ttl=dice.pick((64, 128, 255)) - dice.between(6, 20),
                    ident=dice.below(60000), window=dice.pick((5840, 16384, 65535)), dont_fragment=True)


def session(trace, dice, client, server, port):
    return TcpSession(trace, client, server, port, 80, dice.below(2**32), dice.below(2**32))


def leave_unanswered(connection, at):
    connection.client(at, 0x02)
    for later_s in SYN_TIMES_S[1:]:
        connection.repeat_syn(at + later_s * NS_PER_S)


def probe_outcomes(dice):
    """Silent and refused in scattered order; the last two before the answer refuse, so that no repeated SYN
    outlasts the campaign."""
    silent = PROBES - 1 - REFUSED
    return dice.shuffled(['silent'] * silent + ['refused'] * (REFUSED - 2)) + ['refused'] * 2


def add_frethem(trace, dice):
    host = Endpoint(HOST, inside=True, ttl=126, window=8760, ident=4711, dont_fragment=True)
    targets = dice.shuffled([f'203.0.113.{n}' for n in range(3, 227, 7) if n != 80]
                            + [f'198.51.100.{n}' for n in range(5, 222, 7)])
    port, step = 1051, CAMPAIGN_NS // (PROBES - 1)
    for number, outcome in enumerate(probe_outcomes(dice)):
        at = LAST_PROBE - CAMPAIGN_NS + number * step
        if number:
            at += dice.between(-900, 900) * NS_PER_MS
        server = outside_host(dice, targets[number])
        connection = session(trace, dice, host, server, port)
        port += dice.between(1, 3)
        if outcome == 'silent':
            leave_unanswered(connection, at)
        else:
            connection.client(at, 0x02)
            connection.refuse(at + dice.between(20, 160) * NS_PER_MS)
    add_answered_probe(trace, dice, host, port)


def add_answered_probe(trace, dice, host, port):
    connection = session(trace, dice, host, outside_host(dice, ANSWERING), port)
    request = http_request(URI, ANSWERING, AGENT, more=(('Accept', '*/*'),))
    assert len(request) == REQUEST_BYTES, len(request)
    at = connection.open(LAST_PROBE, 81 * NS_PER_MS)
    connection.client(at, ACK | PSH, request)
    page = b'<html><head><title>404 Not Found</title></head><body><h1>Not Found</h1>\r\n'
    line = b'<p>The requested URL /b.cgi was not found on this server.</p>\r\n'
    body = (page + line * 80)[:BODY_BYTES]
    at = connection.answer(at + 83 * NS_PER_MS, http_response(404, body))
    connection.close(at + 2 * NS_PER_MS, 81 * NS_PER_MS)


def exchange(connection, dice, at, uri, host, agent, referer):
    """One request and its response; returns when the response has been acknowledged."""
    connection.client(at, ACK | PSH, http_request(uri, host, agent, referer,
                                                  more=(('Accept', '*/*'),)))
    status = dice.pick((200, 200, 200, 200, 200, 304, 304, 404))
    body = b'' if status == 304 else (b'<p>ordinary page</p>\r\n' * 40)[:dice.between(200, 800)]
    return connection.answer(at + dice.between(20, 120) * NS_PER_MS, http_response(status, body))


def proxy_outcomes(dice):
    """Failures in scattered order, never three in a row, never among the first ten."""
    failures = ['silent'] * PROXY_SILENT + ['refused'] * PROXY_REFUSED
    good = ['answered'] * (PROXY_DESTINATIONS - len(failures) - 10)
    while True:
        order = ['answered'] * 10 + dice.shuffled(good + failures)
        if all('answered' in order[at:at + 3] for at in range(len(order) - 2)):
            return order


def add_proxy(trace, dice):
    proxy = Endpoint(PROXY, inside=True, ttl=63, window=5840, ident=900, dont_fragment=True)
    step = (END - BEGIN - 120 * NS_PER_S) // PROXY_DESTINATIONS
    for number, outcome in enumerate(proxy_outcomes(dice)):
        at = BEGIN + number * step + dice.below(step // 2)
        ip = f'198.18.{number // 200}.{1 + number % 200}'
        connection = session(trace, dice, proxy, outside_host(dice, ip), 32768 + number * 7)
        if outcome == 'silent':
            leave_unanswered(connection, at)
        elif outcome == 'refused':
            connection.client(at, 0x02)
            connection.refuse(at + 40 * NS_PER_MS)
        else:
            rtt = dice.between(15, 140) * NS_PER_MS
            site = f'www{number}.example.net'
            referer = f'http://{site}/' if dice.below(2) else None
            at = exchange(connection, dice, connection.open(at, rtt), dice.pick(PATHS), site,
                          dice.pick(AGENTS), referer)
            connection.close(at, rtt)


def add_browsing(trace, dice):
    """Connections that are kept for several requests, all of them answered."""
    for ip in BROWSERS:
        host = Endpoint(ip, inside=True, ttl=127, window=64240, ident=dice.below(60000),
                        dont_fragment=True)
        port = 1100
        for number in range(BROWSER_CONNECTIONS):
            at = BEGIN + (END - BEGIN) * number // BROWSER_CONNECTIONS + dice.below(240 * NS_PER_S)
            site = dice.between(10, 17)
            connection = session(trace, dice, host, outside_host(dice, f'198.19.0.{site}'), port)
            port += dice.between(1, 9)
            rtt = dice.between(10, 90) * NS_PER_MS
            at, referer = connection.open(at, rtt), None
            for _ in range(CONNECTION_REQUESTS):
                uri, name = dice.pick(PATHS), f'site{site}.example.org'
                at = exchange(connection, dice, at, uri, name, AGENTS[0], referer)
                at, referer = at + dice.between(300, 6_000) * NS_PER_MS, f'http://{name}{uri}'
            connection.close(at, rtt)


def write(path):
    trace, dice = Trace(), Dice(SEED)
    add_frethem(trace, dice)
    add_proxy(trace, dice)
    add_browsing(trace, dice)
    write_pcap(path, trace)
