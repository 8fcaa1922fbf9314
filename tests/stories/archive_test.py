#!/usr/bin/python3
"""A replay keeps an archive that answers without it, and is not read twice.

usage: archive_test.py PICKET [unittest arguments]
"""
import os
import pathlib
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / 'support'))

import picket_program as picket  # noqa: E402

TWENTY = HERE.parent / 'captures' / 'sobig_f_20.txt'


class Acknowledged(unittest.TestCase):
    def test_alerts_stay_acknowledged(self):
        with tempfile.TemporaryDirectory(prefix='picket-archive-') as folder:
            directory = os.path.join(folder, 'archive')
            sensor = picket.Sensor('sobig.pcap', watch={'sobig': TWENTY}, more=f'[archive]\ndirectory = "{directory}"\n')
            try:
                # Scans are told when they have been looked into.
                picket.wait_until(lambda: 3 == sum('sweep' in row['msg'] for row in sensor.ask(
                    'alert', 'show', '--limit', '1000')['rows']))
                alerts = sensor.ask('alert', 'show', '--limit', '1000')['rows']
                self.assertEqual({row['acknowledged'] for row in alerts}, {None})
                self.assertEqual([row['new'] for row in alerts], [row['count'] for row in alerts])
                answer = sensor.ask('alert', 'ack', '--ips', TWENTY, '--dport', '27015')
                self.assertEqual((answer['alerts'], answer['acknowledged'], answer['trouble']), (4, 4, None))
                self.assertEqual(sensor.ask('alert', 'ack', '--ips', TWENTY, '--dport', '27015')['acknowledged'], 0)
                rows = sensor.ask('alert', 'show', '--limit', '1000')['rows']
                known = [row for row in rows if row['acknowledged']]
                self.assertEqual((len(known), {row['new'] for row in known}, len(rows)), (4, {0}, len(alerts)))
                left = sensor.ask('alert', 'show', '--unacknowledged', '--limit', '1000')['rows']
                self.assertEqual(len(left), len(alerts) - 4)
                self.assertRegex(sensor.read('alert', 'show', '--limit', '1000'), r'ACK')
            finally:
                sensor.stop()
            rows = picket.ask_closed(directory, 'alert', 'show', '--limit', '1000')['rows']
            self.assertEqual(sum(1 for row in rows if row['acknowledged']), 4)
            done = picket.run('--archive', directory, 'alert', 'ack')
            self.assertEqual(done.returncode, picket.USAGE, done.stderr)


class ReplayKeepsAnArchive(unittest.TestCase):
    def test_and_refuses_to_count_twice(self):
        with tempfile.TemporaryDirectory(prefix='picket-archive-') as folder:
            directory = os.path.join(folder, 'archive')
            arguments = ('replay', picket.BUNDLED / 'sobig.pcap', '--watch', f'sobig={TWENTY}', '--archive', directory)
            first = picket.run(*arguments)
            self.assertEqual(first.returncode, picket.DONE, first.stderr)
            answer = picket.ask_closed(directory, 'flow', 'show', '--src', '@sobig', '--sum')
            self.assertEqual((answer['sum']['flows'], answer['sum']['bytes']), (1751, 64787))
            self.assertEqual(answer['coverage'], {'lost': 0, 'seconds_blind': 0, 'folded': 0})
            text = picket.run('--archive', directory, 'flow', 'show', '--src', '@sobig', '--sum').stdout
            self.assertIn('flows 1,751', text)
            self.assertIn(f'next: picket --archive {directory} flow show', text)
            rows = picket.ask_closed(directory, 'query', "SELECT count(*) AS n, sum(bytes_toserver) AS b FROM flows "
                                                  "WHERE dest_port = 27015 AND pkts_toclient = 0")['rows']
            self.assertEqual(rows, [{'n': 1751, 'b': 64787}])
            again = picket.run(*arguments)
            self.assertEqual(again.returncode, picket.USAGE)
            self.assertIn('holds an archive already', again.stderr)

    def test_what_is_no_archive(self):
        done = picket.run('--archive', '/nonexistent', 'flow', 'show')
        self.assertEqual(done.returncode, picket.UNREACHABLE)
        self.assertIn('cannot be used as an archive', done.stderr)
        done = picket.run('--archive', '/nonexistent', 'rule', 'check', '/dev/null')
        self.assertEqual(done.returncode, picket.USAGE)


if __name__ == '__main__':
    picket.main()
