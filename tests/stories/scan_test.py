#!/usr/bin/python3
"""Who scans? Stories 10 and 13 (when it stopped).

usage: scan_test.py PICKET [unittest arguments]; the numbers are those of tests/captures/README.md.
"""
import datetime
import pathlib
import sys
import time
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / 'support'))

import picket_program as picket  # noqa: E402

HOST, PROXY = '10.1.7.44', '10.1.0.5'
INFECTED = {'10.20.3.14': 10, '10.20.8.77': 10, '10.20.11.5': 4}  # inside hosts, and how many they try


def when(text):
    return datetime.datetime.strptime(text, '%Y-%m-%dT%H:%M:%S.%fZ')


class Frethem(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.sensor = picket.Sensor('frethem.pcap')

    @classmethod
    def tearDownClass(cls):
        cls.sensor.stop()

    def test_the_host_is_found_and_the_proxy_is_not(self):
        answer = self.sensor.ask('scan', 'show')
        (row,) = answer['rows']
        self.assertEqual((row['source'], row['kind'], row['proto'], row['port']), (HOST, 'sweep', 'TCP', 80))
        self.assertEqual((row['destinations'], row['flows'], row['failures']), (63, 63, 62), 'repeated SYNs are no flows')
        self.assertEqual(row['outcomes'], {'no-reply': 43, 'refused': 19, 'answered': 1})
        self.assertEqual(answer['coverage'], {'lost': 0, 'seconds_blind': 0, 'folded': 0})
        self.assertEqual(self.sensor.ask('scan', 'show', PROXY)['rows'], [])

    def test_it_is_flagged_within_ninety_seconds(self):
        (row,) = self.sensor.ask('scan', 'show', HOST)['rows']
        self.assertEqual(row['flagged'], '2002-08-27T04:13:15.497049Z', 'the fourth first contact decides')
        # Its third SYN comes 9 s later, and tells that it fails.
        known = when(row['flagged']) + datetime.timedelta(seconds=9)
        self.assertLessEqual(known - when(row['first']), datetime.timedelta(seconds=90))

    def test_it_stopped_after_its_first_answer(self):
        (row,) = self.sensor.ask('scan', 'show', HOST)['rows']
        self.assertEqual((row['last'][:19], row['state']),
                         ('2002-08-27T04:30:12', 'stopped after its first answered probe'))

    def test_as_people_read_it(self):
        said = picket.run('-s', self.sensor.socket, 'scan', 'show').stdout.splitlines()
        self.assertEqual(said[:3], [f'{HOST}   sweep of port 80/TCP   stopped after its first answered probe',
                                    '  2002-08-27 04:12:24 → 04:30:12Z   flagged 04:13:15',
                                    '  63 destinations   43 no-reply   19 refused   1 answered'])

    def test_it_is_one_alert(self):
        alerts, deadline = [], time.monotonic() + 5
        while not alerts and time.monotonic() < deadline:  # told within a second of being found
            alerts = [row for row in self.sensor.ask('alert', 'show')['rows'] if row['sid'] == 0]
        self.assertEqual([(row['source'], row['destination'], row['count']) for row in alerts], [(HOST, None, 1)])

    def test_filters(self):
        for arguments, rows in ((('--src', HOST), 1), (('--src', PROXY), 0), (('--port', '80'), 1), (('--port', '81'), 0),
                                (('--proto', 'udp'), 0), (('--until', '2002-08-27T04:00:00Z'), 0)):
            self.assertEqual(len(self.sensor.ask('scan', 'show', *arguments)['rows']), rows, arguments)
        self.assertEqual(picket.run('-s', self.sensor.socket, 'scan', 'show', '--status', '404').returncode, picket.USAGE)


class Replayed(unittest.TestCase):
    def test_any_number_of_workers_finds_the_same(self):
        for capture, scanners in (('frethem.pcap', 1), ('sobig.pcap', len(INFECTED)), ('frethem-evasions.pcap', 0)):
            for workers in (1, 3):
                replay = picket.Replay(picket.BUNDLED / capture, '--workers', workers)
                self.assertEqual(replay.report['scanners'], scanners, (capture, workers))


class Sobig(unittest.TestCase):
    def test_the_infected_hosts_sweep_the_list(self):
        sensor = picket.Sensor('sobig.pcap')
        self.addCleanup(sensor.stop)
        rows = sensor.ask('scan', 'show')['rows']
        self.assertEqual({row['source']: row['destinations'] for row in rows}, INFECTED)
        self.assertEqual({(row['kind'], row['proto'], row['port']) for row in rows}, {('sweep', 'UDP', 8998)})


if __name__ == '__main__':
    picket.main()
