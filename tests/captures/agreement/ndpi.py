"""nDPI's example outputs: tests/cfgs/default/result/NAME.out for tests/cfgs/default/pcap/NAME."""
import re

from .rows import Row, Terms, end, merge_portless, protocol_number

TERMS = Terms(link_length='frame.len')
# "1  UDP 10.0.0.1:51812 <-> 10.0.0.2:3544 [proto: …]…[10 pkts/930 bytes <-> 4 pkts/374 bytes]…"
LINE = re.compile(r'\t\d+\t(?P<proto>\S+) (?P<a>\S+):(?P<a_port>\d+) <?-> (?P<b>\S+):(?P<b_port>\d+) .*?'
                  r'\[(?P<a_packets>\d+) pkts/(?P<a_bytes>\d+) bytes <?-> '
                  r'(?P<b_packets>\d+) pkts/(?P<b_bytes>\d+) bytes\]')


def captures(root):
    for output in sorted(root.glob('oracle/ntop+nDPI/tests/cfgs/default/result/*.out')):
        yield root / 'pcap/ntop+nDPI/tests/cfgs/default/pcap' / output.stem, output


def rows(output):
    found = []
    for line in output.read_text(encoding='utf-8').splitlines():
        match = LINE.match(line)
        if match:
            protocol = protocol_number(match['proto'])
            found.append(Row(
                protocol, *(end(match[side].strip('[]'), match[f'{side}_port'], protocol) for side in 'ab'),
                *(tuple(int(match[f'{side}_{what}']) for side in 'ab') for what in ('packets', 'bytes'))))
    return merge_portless(found)
