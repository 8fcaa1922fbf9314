"""Story 15: one host asks for Frethem's page in every guise, each on a connection of its own.

Expected numbers: 22 connections, 22 requests, all answered 404. A rule for the normalised URI
`/b.cgi?alt&` hits 14 of them; one for a bare `/b.cgi` also hits the 3 of the adware and `/b.cgix`, 18 in all.
Neither may hit the other 4.
"""
from capture_files import NS_PER_MS, NS_PER_S, Dice, Trace, utc, write_pcap
from conversations import Endpoint, TcpSession, http_request, http_response
from packets import ACK, PSH

SEED = 15
CLIENT, SERVER, SERVER_NAME = '10.1.7.44', '203.0.113.80', 'www.example.com'
BEGIN = utc('2002-08-28 10:00:00')
QUERY = '?alt&1&000000000000'
PLAIN = '/b.cgi' + QUERY

# name, raw request target, where the request is cut (offsets into its bytes), does `/b.cgi?alt&` match?
CASES = (
    ('plain', PLAIN, (), True),
    ('percent', '/%62.cgi' + QUERY, (), True),
    ('percent, upper-case hex', '/b%2Ecgi' + QUERY, (), True),
    ('all of it percent', '/%62%2e%63%67%69' + QUERY, (), True),
    ('double slash', '//b.cgi' + QUERY, (), True),
    ('dot-dot segment', '/x/../b.cgi' + QUERY, (), True),
    ('dot segment', '/./b.cgi' + QUERY, (), True),
    ('absolute form', 'http://www.example.com/b.cgi' + QUERY, (), True),
    ('absolute form with port and percent', 'http://www.example.com:80/%62.cgi' + QUERY, (), True),
    ('split in the method', PLAIN, (2,), True),
    ('split in the URI', PLAIN, (7,), True),
    ('split in the header', PLAIN, (60,), True),
    ('split in method, URI and header', PLAIN, (1, 9, 70), True),
    ('one byte a segment', PLAIN, 'each', True),
    ('adware', '/b.cgi?bk=123', (), False),
    ('adware', '/b.cgi?bk=4567', (), False),
    ('adware, split in the URI', '/b.cgi?bk=89', (9,), False),
    ('longer name', '/b.cgix' + QUERY, (), False),
    ('other name', '/xb.cgi' + QUERY, (), False),
    ('other extension', '/b.cg' + QUERY, (), False),
    ('only in the query', '/a.html?next=b.cgi', (), False),
    ('split, and other', '/c.cgi' + QUERY, (6,), False),
)


def pieces(request, cuts):
    if cuts == 'each':
        return [request[at:at + 1] for at in range(len(request))]
    bounds = [0, *cuts, len(request)]
    return [request[low:high] for low, high in zip(bounds, bounds[1:])]


def write(path):
    trace, dice = Trace(), Dice(SEED)
    client = Endpoint(CLIENT, inside=True, ttl=126, window=8760, ident=100, dont_fragment=True)
    server = Endpoint(SERVER, inside=False, ttl=49, window=5840, ident=7000, dont_fragment=True)
    at, rtt = BEGIN, 30 * NS_PER_MS
    for number, (_, uri, cuts, _) in enumerate(CASES):
        session = TcpSession(trace, client, server, 2000 + number, 80,
                             dice.below(2**32), dice.below(2**32))
        at = session.open(at, rtt)
        for piece in pieces(http_request(uri, SERVER_NAME, 'Mozilla/4.76 (Win98)'), cuts):
            session.client(at, ACK | PSH, piece)
            at += 5 * NS_PER_MS
        at = session.answer(at + rtt, http_response(404, b'<h1>Not Found</h1>\r\n' * 8))
        at = session.close(at, rtt) + 2 * NS_PER_S
    write_pcap(path, trace)
