"""ipfixprobe's expected records: tests/functional/outputs/NAME for tests/functional/inputs/*.pcap."""
import csv

from .rows import Row, Terms, end, merge_portless

TERMS = Terms(vlan_in_key=True, idle_timeout='30s', active_timeout='300s')
INPUTS = {'basic': 'mixed', 'bstats': 'bstats', 'http': 'http', 'tls': 'tls', 'vlan': 'vlan'}


def captures(root):
    for output in sorted(root.glob('oracle/CESNET+ipfixprobe/tests/functional/outputs/*')):
        yield root / 'pcap/CESNET+ipfixprobe/tests/functional/inputs' / f'{INPUTS[output.name]}.pcap', output


def rows(output):
    """Heads are type and name: 'ipaddr DST_IP,…', and not always the first line, for the lines are sorted."""
    found = []
    lines = [line for line in csv.reader(output.read_text(encoding='utf-8').splitlines()) if line]
    (heads,) = (line for line in lines if line[0].startswith('ipaddr '))
    at = {head.split()[-1]: column for column, head in enumerate(heads)}
    for line in lines:
        if line is heads:
            continue
        protocol = int(line[at['PROTOCOL']])
        found.append(Row(
            protocol, end(line[at['SRC_IP']], line[at['SRC_PORT']], protocol),
            end(line[at['DST_IP']], line[at['DST_PORT']], protocol),
            (int(line[at['PACKETS']]), int(line[at['PACKETS_REV']])),
            (int(line[at['BYTES']]), int(line[at['BYTES_REV']])), int(line[at['VLAN_ID']]) if 'VLAN_ID' in at else 0))
    return merge_portless(found)
