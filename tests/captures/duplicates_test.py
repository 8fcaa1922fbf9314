#!/usr/bin/python3
"""A capture with copies of its packets: left out of flows, it is the original again; counted, the copies are told.

usage: duplicates_test.py PICKET [unittest arguments]

Every published capture is rewritten by ../support/copies.py, large ones left out. Where it has copies of its own, of
whose copies no more than the bound are told, requests alone are compared.
"""
import collections
import concurrent.futures
import pathlib
import re
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / 'support')]

import capinfos_agreement as capinfos  # noqa: E402
import copies as copying  # noqa: E402
import picket_program as picket  # noqa: E402
import resegment  # noqa: E402

PARALLEL = 2
PACKETS_MAX = 20_000
RULES = ('--rules', HERE / 'agreement' / 'requests.rules')
# Each with other workers and another NIC: what is recognised must not depend on them.
WAYS = (('1', 'two-tuple'), ('2', 'none'), ('3', 'symmetric'), ('4', 'two-tuple'))


def lines_of(replay):
    """Events without what the position of a packet in the file decides."""
    return sorted(re.sub(r'"flow_id":\d+,', '', line) for line in replay.lines
                  if re.search(r'"event_type":"(flow|http|alert)"', line))


def requests_of(replay):
    return collections.Counter((event['src_ip'], event['src_port'], event['http'].get('http_method'),
                                event['http'].get('url'), event['http'].get('status'))
                               for event in replay.of_type('http'))


def others(replay):
    """Packets of outcomes but copies."""
    return sum(count for name, count in replay.report['audit']['outcomes'].items() if name != 'duplicate')


class Case:
    """One capture, with its copies and without."""

    def __init__(self, path, folder, way):
        self.path, self.folder, self.way, self.has_own = path, folder, way, False
        link_type, records = resegment.read_capture(path)
        self.rewritten = pathlib.Path(folder, 'rewritten.pcap')
        plain = pathlib.Path(folder, 'plain.pcap')
        packets, self.copies = copying.with_copies(link_type, records)
        resegment.write_capture(self.rewritten, link_type, packets)
        resegment.write_capture(plain, link_type, records)  # the same unit of time and link type
        self.plain = plain

    def replay(self, capture, duplicates, way=WAYS[0]):
        config = pathlib.Path(self.folder, f'{duplicates}.toml')
        config.write_text(f'[flow]\nduplicates = "{duplicates}"\n', encoding='utf-8')
        replay = picket.Replay(capture, '--config', config, '--workers', way[0], '--rss', way[1], *RULES, events=True,
                               timeout=300)
        if replay.status != picket.DONE or not replay.report['audit']['balanced']:
            raise AssertionError(f'{self.path}: status {replay.status}: {replay.errors} {replay.report}')
        if replay.report['link']['displaced'] != 0:
            raise AssertionError(f'{self.path}: the window was too small: {replay.report["link"]}')
        return replay

    def faults(self):
        dropped, counted = self.replay(self.plain, 'drop'), self.replay(self.plain, 'count')
        found = []
        self.has_own = counted.report['link']['duplicates'] != 0
        twice = self.replay(self.rewritten, 'count', self.way)
        if requests_of(twice) != requests_of(counted):
            found.append('counted copies have changed a request')
        if self.has_own:
            return found
        if lines_of(dropped) != lines_of(self.replay(self.rewritten, 'drop', self.way)):
            found.append('dropped copies have changed an event')
        told = twice.report['link']['duplicates']
        if told + others(twice) - others(counted) != self.copies:
            found.append(f'{told} of {self.copies} copies were told')
        if twice.report['audit']['in_flows'] - counted.report['audit']['in_flows'] != told:
            found.append(f'in flows: {twice.report["audit"]} for {counted.report["audit"]}, {told} copies')
        of_flows = sum(event['flow'].get('duplicates', 0) for event in twice.of_type('flow'))
        if of_flows != told:
            found.append(f'flows have {of_flows} copies of {told}')
        return found


class Copies(unittest.TestCase):
    def test_copies_are_told_and_tell_nothing_else(self):
        totals = collections.Counter()

        def check(job):
            number, path = job
            with tempfile.TemporaryDirectory(prefix='picket-copies-') as folder:
                try:
                    _, records = resegment.read_capture(path)
                except resegment.NotACapture:
                    return []
                if len(records) > PACKETS_MAX:
                    return []
                case = Case(path, folder, WAYS[number % len(WAYS)])
                faults = [f'{path}: {fault}' for fault in case.faults()]
                totals.update({'captures': 1, 'with their own': case.has_own, 'copies': case.copies})
                return faults

        paths = capinfos.captures_below(picket.captures_of_others() / 'pcap')
        with concurrent.futures.ThreadPoolExecutor(PARALLEL) as pool:
            wrong = [fault for faults in pool.map(check, enumerate(paths)) for fault in faults]
        print(dict(totals), file=sys.stderr)
        self.assertEqual(wrong, [], '\n' + '\n'.join(wrong))
        self.assertGreater(totals['captures'] - totals['with their own'], 100)
        self.assertGreater(totals['copies'], 50_000)


if __name__ == '__main__':
    picket.main(needs_captures=True)
