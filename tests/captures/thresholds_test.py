#!/usr/bin/python3
"""Thresholds of rules in replay, against a count of the packets that tshark sees: the same for any number of
workers, because hits are counted in the order of their time.

usage: thresholds_test.py PICKET [unittest arguments]
"""
import collections
import itertools
import pathlib
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / 'support'))

import picket_program as picket  # noqa: E402
import tshark_flows  # noqa: E402

SOBIG = picket.BUNDLED / 'sobig.pcap'
TYPES = ('limit', 'threshold', 'both', 'detection_filter')
TRACKS = ('by_src', 'by_dst', 'by_both', 'by_rule')
SETTINGS = ((1, 60), (3, 60), (4, 900), (40, 600))  # count, seconds


def probes():
    """(time in nanoseconds, source, destination) of the packets that the rules below match."""
    arguments = ['-r', str(SOBIG), '-Y', 'udp.dstport == 27015 and udp contains "info"', '-T', 'fields',
                 '-e', 'frame.time_epoch', '-e', 'ip.src', '-e', 'ip.dst']
    for line in tshark_flows.run_tshark(arguments)[0].splitlines():
        time, source, destination = line.split('\t')
        seconds, fraction = time.split('.')
        yield int(seconds) * 10**9 + int(fraction.ljust(9, '0')), source, destination


def alerts(packets, kind, track, count, seconds, snort):
    """How many of the packets alert, by the words of docs/rules.md."""
    states = {}
    total = 0
    for time, source, destination in packets:
        key = {'by_src': source, 'by_dst': destination, 'by_both': tuple(sorted((source, destination))),
               'by_rule': None}[track]
        state = states.setdefault(key, {'end': 0, 'last': 0, 'hits': 0, 'before': 0})
        window = seconds * 10**9
        if time >= state['end']:
            state['before'] = state['hits'] if time - state['last'] <= window else 0
            state['end'], state['hits'] = time + window, 0
        state['last'] = time
        state['hits'] += 1
        if kind == 'limit':
            total += state['hits'] <= count
        elif kind == 'both':
            total += state['hits'] == count
        elif kind == 'detection_filter':
            total += state['hits'] > count or (snort and state['before'] > count)
        elif state['hits'] == count:
            total += 1
            state['hits'] = 0
            if snort:
                state['end'] = time + window
    return total


class Thresholds(unittest.TestCase):
    def test_agree_with_a_count_for_any_number_of_workers(self):
        packets = sorted(probes())
        cases = list(enumerate(itertools.product(TYPES, TRACKS, SETTINGS), start=1))
        lines = []
        for sid, (kind, track, (count, seconds)) in cases:
            limit = f'track {track}, count {count}, seconds {seconds}'
            option = f'detection_filter:{limit}' if kind == TYPES[3] else f'threshold:type {kind}, {limit}'
            lines.append(f'alert udp any any -> any 27015 (content:"info"; {option}; sid:{sid};)')
        with tempfile.NamedTemporaryFile('w', suffix='.rules') as rules:
            rules.write('\n'.join(lines) + '\n')
            rules.flush()
            for dialect in ('suricata', 'snort3'):
                expected = collections.Counter(
                    {str(sid): alerts(packets, kind, track, count, seconds, dialect == 'snort3')
                     for sid, (kind, track, (count, seconds)) in cases})
                for workers in (1, 2, 3):
                    with self.subTest(dialect=dialect, workers=workers):
                        replay = picket.Replay(SOBIG, '--rules', rules.name, '--dialect', dialect, '--workers', workers)
                        self.assertEqual(replay.status, picket.DONE, replay.errors)
                        self.assertEqual(replay.report['rules']['rejected'], 0)
                        self.assertEqual(replay.report['alerts_by_rule'], +expected)


if __name__ == '__main__':
    picket.main()
