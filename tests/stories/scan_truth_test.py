#!/usr/bin/python3
"""Scan detection against a truth that is known: all scans are found, and nothing else.

usage: scan_truth_test.py PICKET [unittest arguments]; scan_truth_test.py PICKET --renew writes the table of
docs/detection.md.
"""
import datetime
import json
import pathlib
import re
import struct
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / 'support'))
sys.path.insert(0, str(HERE.parent / 'captures'))

import picket_program as picket  # noqa: E402
import scan_truth  # noqa: E402

PAGE = picket.ROOT / 'docs' / 'detection.md'
TABLE = re.compile(r'(?<=<!-- scan truth -->\n).*?(?=<!-- end -->)', re.DOTALL)
MAGIC_NS = 0xA1B23C4D


def write_pcap(path, frames):
    with open(path, 'wb') as file:
        file.write(struct.pack('<IHHiIII', MAGIC_NS, 2, 4, 0, 0, 65535, 1))
        for at, frame in frames:
            file.write(struct.pack('<IIII', *divmod(at, 10**9), len(frame), len(frame)) + frame)


def found_in(frames, workers=1):
    """Rows of `scan show`."""
    with tempfile.TemporaryDirectory(prefix='picket-truth-') as folder:
        capture, archive = pathlib.Path(folder, 'truth.pcap'), pathlib.Path(folder, 'archive')
        write_pcap(capture, frames)
        done = picket.run('replay', capture, '--workers', workers, '--archive', archive, '-q')
        assert done.returncode == picket.DONE, done.stderr
        done = picket.run('--archive', archive, 'scan', 'show', '--limit', '1000', '-j')
        assert done.returncode == picket.DONE, done.stderr
        return json.loads(done.stdout)['rows']


def row_of(case, rows):
    """The row that tells of the case, None if there is none."""
    for row in rows:
        if row['kind'] != case.found or row['proto'] != case.proto:
            continue
        if row['source'] == case.source and (case.port is None or row['port'] == case.port):
            return row
    return None


def seconds(text):
    return datetime.datetime.fromisoformat(text.replace('Z', '+00:00')).timestamp()


def span(value):
    for unit, size in (('d', 86400), ('h', 3600), ('min', 60)):
        if value >= size:
            return f'{value / size:.1f} {unit}'
    return f'{value:.1f} s'


def table(cases, rows):
    lines = ['| who | truth | told | after | destinations |', '|---|---|---|---|---|']
    for case in cases:
        row = row_of(case, rows) if case.found else None
        told = row['kind'] if row else 'nothing'
        after = span(seconds(row['flagged']) - seconds(row['first'])) if row else ''
        lines.append(f"| {case.name}: {case.why} | {case.found or 'no scan'} | {told} | {after} | "
                     f"{row['destinations'] if row else ''} |")
    return '\n'.join(lines) + '\n'


class Truth(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.cases, cls.traffic = scan_truth.everything()
        cls.rows = found_in(scan_truth.frames(cls.traffic))

    def judge(self, rows, exact=True):
        told = []
        for case in self.cases:
            if not case.found:
                continue
            row = row_of(case, rows)
            self.assertIsNotNone(row, f'{case.name} was not found')
            told.append(row)
            if exact:
                self.assertEqual(row['destinations'], case.destinations, case.name)
        others = [row for row in rows if row not in told]
        self.assertEqual(others, [], 'what is no scan')

    def test_all_found_and_none_false(self):
        self.judge(self.rows)

    def test_the_distributed_one_has_all_of_its_sources(self):
        (row,) = [row for row in self.rows if row['kind'] == 'distributed']
        self.assertEqual((row['sources'], row['destinations']), (60, 40))

    def test_seeds(self):
        for seed in range(2, 12):
            _, traffic = scan_truth.everything(seed)
            with self.subTest(seed=seed):
                self.judge(found_in(scan_truth.frames(traffic)))

    def test_two_percent_loss(self):
        self.judge(found_in(scan_truth.frames(self.traffic, loss=0.02)), exact=False)

    def test_workers_do_not_matter(self):
        self.assertEqual(found_in(scan_truth.frames(self.traffic), workers=3), self.rows)

    def test_running_picket_tells_the_same(self):
        for workers in ('0', '0-1'):
            with tempfile.TemporaryDirectory(prefix='picket-truth-') as folder:
                capture = pathlib.Path(folder, 'truth.pcap')
                write_pcap(capture, scan_truth.frames(self.traffic))
                sensor = picket.Sensor(capture, more=f'[dataplane]\nworkers = "{workers}"\n')
                self.addCleanup(sensor.stop)
                self.assertEqual(sensor.ask('scan', 'show', '--limit', '1000')['rows'], self.rows, f'cores {workers}')
                alerts = sensor.ask('alert', 'show', '--limit', '1000')['rows']
                self.assertEqual(len(alerts), len(self.rows), 'each is an alert, and nothing else is')

    def test_a_tap_of_one_direction_says_so(self):
        rows = found_in(scan_truth.frames(self.traffic, to_server_only=True))
        self.assertTrue(rows and all(row['one_way'] for row in rows))

    def test_the_page_has_this_table(self):
        self.assertIn(table(self.cases, self.rows), PAGE.read_text(encoding='utf-8'), f'renew {PAGE.name}')


if __name__ == '__main__':
    if len(sys.argv) > 2 and sys.argv[2] == '--renew':
        picket.PROGRAM['picket'] = sys.argv[1]
        all_cases, all_traffic = scan_truth.everything()
        text = table(all_cases, found_in(scan_truth.frames(all_traffic)))
        PAGE.write_text(TABLE.sub(lambda _: text, PAGE.read_text(encoding='utf-8')), encoding='utf-8')
    else:
        picket.main()
