"""nfstream's expected flows: tests/results/NAME (CSV) for tests/pcaps/NAME. They name no addresses."""
import csv

from .rows import Terms

TERMS = Terms(link_length='frame.len', directions=False)


def captures(root):
    for output in sorted(root.glob('oracle/nfstream+nfstream/tests/results/*')):
        yield root / 'pcap/nfstream+nfstream/tests/pcaps' / output.name, output


def rows(output):
    """(packets, bytes) a flow, both directions together."""
    with open(output, encoding='utf-8', newline='') as lines:
        return [(int(line['bidirectional_packets']), int(line['bidirectional_bytes'])) for line in csv.DictReader(lines)]
