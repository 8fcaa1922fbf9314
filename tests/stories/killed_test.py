#!/usr/bin/python3
"""picketd is killed while it writes the archive, at named steps and at random moments under load.

usage: killed_test.py PICKET [unittest arguments]
"""
import json
import os
import pathlib
import random
import sys
import tempfile
import time
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / 'support'))

import many_flows  # noqa: E402
import picket_program as picket  # noqa: E402
import trickle  # noqa: E402

SEED = 11
FLOWS = 600_000
KILLS = 7


def strangers(directory):
    """Files in the directory that its manifest does not name."""
    manifest = json.loads((directory / 'manifest.json').read_text(encoding='utf-8'))
    named = {'manifest.json'} | {file[key] for file in manifest['files'] for key in ('name', 'index') if key in file}
    named |= {file['file'] for key in ('rule_sets', 'watch_lists') for file in manifest[key]}
    return {file.name for file in directory.iterdir()} - named


class Killed(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix='picket-killed-')
        self.addCleanup(folder.cleanup)
        self.archive = pathlib.Path(folder.name, 'archive')
        self.capture = pathlib.Path(folder.name, 'many.pcap')

    def sensor(self, capture, **options):
        return picket.Sensor(capture, more=f'[archive]\ndirectory = "{self.archive}"\n', **options)

    def test_a_run_goes_on_and_tells_the_gap(self):
        """Its first file is written and not synced: nothing of it stays, and the next picketd says so."""
        sensor = self.sensor('sobig.pcap', launcher=('env', 'PICKET_FAULT=flush.rows:1'))
        try:
            first = picket.picketd_of(sensor.process)
            picket.wait_until(lambda: picket.picketd_of(sensor.process) not in (None, first), 40)
            sensor.wait_for_end_of_file()
            picket.wait_until(lambda: sensor.ask('archive', 'show')['gap'])
            self.assertIn('what a killed picketd had not written yet', sensor.read('archive', 'show'))
            self.assertIn('picketd was killed', sensor.read('status'))
        finally:
            sensor.stop()
        self.assertEqual(strangers(self.archive), set())
        self.assertTrue(picket.ask_closed(self.archive, 'archive', 'show')['gap'])

    def test_a_replay_says_that_it_failed(self):
        """What it has left is an archive without rows, or one that is not counted twice."""
        whole = picket.run('replay', picket.BUNDLED / 'sobig.pcap', '-j')
        flows = json.loads(whole.stdout)['flows']
        for fault in ('open.made:1', 'open.locked:1', 'flush.rows:1', 'file.synced:2', 'flush.files:1',
                      'commit.begun:2', 'commit.published:2', 'commit.published:3', 'commit.done:3'):
            with self.subTest(fault=fault):
                directory = self.archive.with_name(fault.replace(':', '-'))
                replay = ('replay', picket.BUNDLED / 'sobig.pcap', '--archive', directory, '-j')
                done = picket.run(*replay, env=os.environ | {'PICKET_FAULT': fault})
                self.assertEqual(done.returncode, picket.UNREACHABLE, done.stderr)
                self.assertIn('picketd', done.stderr)
                again = picket.run(*replay)
                if again.returncode == picket.USAGE:
                    self.assertIn('holds an archive already', again.stderr)
                else:
                    self.assertEqual(again.returncode, picket.DONE, again.stderr)
                rows = picket.ask_closed(directory, 'query', 'SELECT count(*) AS n, count(DISTINCT id) AS d FROM flows')['rows']
                self.assertEqual(rows, [{'n': flows, 'd': flows}])
                if again.returncode == picket.DONE:
                    self.assertEqual(strangers(directory), set())

    def test_a_fault_that_is_none_is_refused(self):
        done = picket.run('replay', picket.BUNDLED / 'sobig.pcap', env=os.environ | {'PICKET_FAULT': 'flush.rows'})
        self.assertEqual(done.returncode, picket.USAGE)
        self.assertIn("'flush.rows' is not NAME:COUNT", done.stderr)

    def test_random_moments_under_load(self):
        """picketd is killed again and again while flows come. What it has told to be closed stays; what is missing
        is what waited to be written, and nothing else; none is archived twice."""
        chance = random.Random(SEED)
        many_flows.write_capture(self.capture, FLOWS)
        paced = trickle.Trickle(self.capture)
        sensor = self.sensor(self.capture, states=trickle.STATES, started=paced.begin)
        manifest = self.archive / 'manifest.json'
        lost, under_load = 0, 0
        try:
            for number in range(KILLS):
                if number == 2:  # from here on something is closed
                    picket.wait_until(lambda: trickle.flows_in(manifest) > 0)
                time.sleep(chance.uniform(0.1, 0.7))
                with paced.standing_still():
                    told = trickle.told_when_drained(sensor)
                    picket.kill_picketd(sensor)
                    closed = trickle.flows_in(manifest)
                self.assertGreaterEqual(closed, told['closed'], 'what was closed stays')
                self.assertLessEqual(closed, told['closed'] + told['waiting'])
                lost += told['closed'] + told['waiting'] - closed
                under_load += told['under_load']
                sensor.wait_for_state(trickle.STATES)
            paced.end()
            sensor.wait_for_end_of_file()
            status = sensor.ask('status')
        finally:
            paced.end()
            sensor.stop()
        rows = picket.ask_closed(self.archive, 'query', 'SELECT count(*) AS n, count(DISTINCT id) AS d, '
                                                 'count(DISTINCT src_ip) AS s FROM parts')['rows'][0]
        self.assertEqual((rows['n'], rows['n']), (rows['d'], rows['s']), 'each once')
        self.assertEqual(rows['n'], FLOWS - lost - trickle.ring_losses(status), 'what waited is missing, and nothing else')
        self.assertGreater(told['closed'], 0)
        self.assertGreaterEqual(under_load, 3, 'the capture was over too soon')
        self.assertEqual(strangers(self.archive), set())
        shown = picket.ask_closed(self.archive, 'archive', 'show')
        self.assertEqual(rows['n'], next(row['rows'] for row in shown['rows'] if row['table'] == 'flows'))
        self.assertTrue(shown['gap'])
        print(f'{rows["n"]} of {FLOWS} flows were archived, {lost} waited at a kill, {under_load} kills while flows came')


if __name__ == '__main__':
    picket.main()
