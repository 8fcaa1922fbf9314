#!/usr/bin/python3
"""Picket's flows and requests are the rows of the outputs that other tools publish beside their captures.

usage: flow_agreement_test.py PICKET [unittest arguments]
       flow_agreement_test.py PICKET --renew    (writes the table of differences; new rows need a reason)

Terms and sources: agreement/README.md. Known differences: agreement/flow_differences.tsv.
"""
import collections
import concurrent.futures
import pathlib
import shutil
import sys
import tempfile
import unittest
import urllib.parse

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / 'support')]

import picket_program as picket  # noqa: E402
from agreement import arkime, compare, ipfixprobe, link_bytes, ndpi, nfstream, rows, zeek  # noqa: E402
from agreement.differences import Differences  # noqa: E402

PARALLEL = 2
SOURCES = {'nDPI': ndpi, 'Arkime': arkime, 'ipfixprobe': ipfixprobe, 'nfstream': nfstream, 'Zeek': zeek}
TABLE = HERE / 'agreement' / 'flow_differences.tsv'
CONFIG = """[flow]
idle_timeout = "{terms.idle_timeout}"
tcp_idle_timeout = "{terms.idle_timeout}"
syn_timeout = "{terms.idle_timeout}"
active_timeout = "{terms.active_timeout}"
vlan_in_key = {vlan_in_key}
"""


def replay_of(capture, terms=rows.Terms()):
    with tempfile.NamedTemporaryFile('w', suffix='.toml', encoding='utf-8') as config:
        config.write(CONFIG.format(terms=terms, vlan_in_key=str(terms.vlan_in_key).lower()))
        config.flush()
        replay = picket.Replay(capture, '--config', config.name, events=True)
    if replay.status not in (picket.DONE, picket.DAMAGED):
        raise AssertionError(f'{capture}: status {replay.status}: {replay.errors}')
    return replay


def compare_flows(source, capture, output):
    ours = rows.picket_rows(replay_of(capture, source.TERMS), source.TERMS.vlan_in_key)
    rests = link_bytes.link_rests(capture, source.TERMS.link_length) if source.TERMS.link_length else None
    if source.TERMS.directions:
        return compare.compare(source.rows(output), ours, rests)
    values = []
    for group in compare.grouped(ours).values():
        for at, row in enumerate(group):
            rest = compare.totals([row], rests if at == 0 else None)
            values.append((sum(rest[0]), sum(rest[1])))
    return compare.compare_values(source.rows(output), values)


def compare_requests(capture, output):
    """Zeek logs URIs without their percent-encoding, other bytes as \\xHH."""
    ours = []
    for event in replay_of(capture).of_type('http'):
        http = event['http']
        if 'http_method' not in http:  # an answer whose request was not seen
            continue
        ours.append(((event['src_ip'], event['src_port']), (event['dest_ip'], event['dest_port']), http['http_method'],
                     http.get('hostname', ''), zeek_text(http['url']), http.get('status', 0)))
    return compare.compare_values(zeek.rows(output), ours)


def zeek_text(uri):
    octets = urllib.parse.unquote_to_bytes(uri)
    return ''.join(chr(octet) if 0x20 <= octet < 0x7f else f'\\x{octet:02x}' for octet in octets)


def compare_one(job):
    name, capture, output = job
    if SOURCES[name] is zeek:
        return compare_requests(capture, output)
    return compare_flows(SOURCES[name], capture, output)


class Agreement:
    """Everything compared: outcomes by (source, capture)."""

    def __init__(self):
        root = picket.captures_of_others()
        jobs = [(name, *pair) for name, source in SOURCES.items() for pair in source.captures(root)]
        with concurrent.futures.ThreadPoolExecutor(PARALLEL) as pool:
            outcomes = pool.map(compare_one, jobs)
            self.outcomes = {(name, capture.name): outcome
                             for (name, capture, _), outcome in zip(jobs, outcomes, strict=True)}
        self.found = {(*key, kind): (number,) for key, outcome in self.outcomes.items()
                      for kind, number in outcome.others.items()}

    def example(self, key):
        return self.outcomes[key[:2]].examples[key[2]][:2]

    def sums(self):
        """source -> Counter of captures, rows, equal and the classes."""
        sums = collections.defaultdict(collections.Counter)
        for (name, _), outcome in self.outcomes.items():
            sums[name] += collections.Counter(captures=1, rows=outcome.rows, equal=outcome.equal) + outcome.others
        return sums


class Flows(unittest.TestCase):
    def test_the_rows_of_the_oracles(self):
        agreement = Agreement()
        self.assertGreater(sum(outcome.rows for outcome in agreement.outcomes.values()), 3500)
        for name, counts in agreement.sums().items():
            print(f'{name}: {counts["rows"]} rows, {counts["equal"]} equal, '
                  f'{counts["rows"] - counts["equal"]} not, {counts["surplus"]} surplus', file=sys.stderr)
        wrong = Differences(TABLE, numbers=1).complaints(agreement.found)
        self.assertEqual(wrong, [], '\n' + '\n'.join(wrong + [
            f'{key}: {agreement.example(key)}' for key in agreement.found
            if any(complaint.startswith(f'{key}') for complaint in wrong)]))


def main():
    if not shutil.which('tshark'):
        print('SKIPPED: nothing was checked, because tshark is not installed: apt-get install tshark')
        sys.exit(picket.SKIPPED)
    if sys.argv[-1] != '--renew':
        picket.main(needs_captures=True)
    picket.PROGRAM['picket'] = sys.argv[1]
    agreement, table = Agreement(), Differences(TABLE, numbers=1)
    TABLE.write_text(table.renewed(agreement.found), encoding='utf-8')
    for key, counts in agreement.found.items():
        print(*key, *counts, agreement.example(key))


if __name__ == '__main__':
    main()
