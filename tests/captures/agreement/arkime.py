"""Arkime's expected sessions: tests/pcap/NAME.test (JSON) for tests/pcap/NAME.pcap."""
import json

from .rows import Row, Terms, end, merge_portless

TERMS = Terms(link_length='frame.len')


def captures(root):
    for output in sorted(root.glob('oracle/arkime+arkime/tests/pcap/*.test')):
        yield root / 'pcap/arkime+arkime/tests/pcap' / f'{output.stem}.pcap', output


def rows(output):
    """Sessions of other protocols than IP, like ARP and LLDP, have protocol 0 and no flow. What Arkime saves of a
    session at its end may have no packet any more; such a part is no flow either."""
    found = []
    for session in json.loads(output.read_text(encoding='utf-8'))['sessions3']:
        body = session['body']
        protocol = body['ipProtocol']
        if protocol == 0 or body['network']['packets'] == 0:
            continue
        sides = [body[side] for side in ('source', 'destination')]
        found.append(Row(
            protocol, *(end(side['ip'], side.get('port'), protocol) for side in sides),
            tuple(side.get('packets', 0) for side in sides), tuple(side.get('bytes', 0) for side in sides)))
    return merge_portless(found)
