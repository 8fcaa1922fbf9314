#!/usr/bin/python3
"""One capture, one answer: for any number of workers, live or replayed, from memory, from disk after a kill, or closed.

usage: same_answers_test.py PICKET [unittest arguments]
"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / 'support'))

import picket_program as picket  # noqa: E402

TWENTY = HERE.parent / 'captures' / 'sobig_f_20.txt'
WATCH = {'sobig': TWENTY}
# What each capture is asked.
QUESTIONS = (
    ('flow', 'show', '--limit', '100000'),
    ('flow', 'show', '--sum'),
    ('flow', 'show', '--talkers'),
    ('flow', 'show', '--timeline', '10m'),
    ('flow', 'show', '--by', 'port'),
    ('flow', 'show', '--by', 'rule'),
    ('flow', 'show', '--by', 'source'),
    ('flow', 'show', '--by', 'destination'),
    ('flow', 'show', '--unanswered', '--sum'),
    ('flow', 'show', '--outcome', 'answered', '--sum'),
    ('flow', 'show', '--records', '--sum'),
    ('flow', 'show', '--src', '@sobig', '--sum'),
    ('probe', 'show', '--limit', '100000'),
    ('probe', 'show', '--by', 'source'),
    ('scan', 'show'),
    ('spoof', 'show'),
    ('alert', 'show', '--limit', '100000'),
    ('watch', 'show', 'sobig'),
)
MORE = {
    'sobig.pcap': (
        ('flow', 'show', '--src', '@sobig', '--talkers'),
        ('flow', 'show', '--ips', TWENTY, '--by', 'destination'),
        ('flow', 'show', '--since', '2003-08-22T19:30:00Z', '--until', '2003-08-22T20:00:00Z', '--limit', '100000'),
    ),
    'frethem.pcap': (
        ('flow', 'show', '--uri', '/b.cgi', '--limit', '1000'),
        ('flow', 'show', '--status', '404', '--sum'),
        ('flow', 'show', '--rule', '9000001', '--sum'),
        ('probe', 'show', '10.1.7.44', '203.0.113.80', '--detail'),
        ('scan', 'show', '10.1.7.44'),
    ),
    'long-lived.pcap': (
        ('flow', 'show', '--records', '--limit', '100000'),
    ),
}
# Workers give out the numbers of flows, and a picketd that is started again goes on with its generations of rules.
BY_CHANCE = ('id', 'flow_id', 'generation')


def of_answer(key, value):
    """A scan's alert tells how many had failed when it was told: how fast the capture was read."""
    return value.split(',')[0] if key == 'msg' and 'failed' in value else value


def comparable(answer):
    rows = [{key: of_answer(key, value) for key, value in row.items() if key not in BY_CHANCE}
            for row in answer.get('rows', [])]
    return {'rows': rows, 'sum': answer.get('sum'), 'notes': answer.get('notes'), 'truncated': answer.get('truncated'),
            'coverage': answer['coverage']}


class Closed:
    """A closed archive that is asked many questions: what `picket --archive DIR` starts for each of them."""

    def __init__(self, directory):
        self.folder = tempfile.TemporaryDirectory(prefix='picket-closed-')
        self.socket = os.path.join(self.folder.name, 'control.sock')
        picketd = pathlib.Path(picket.PROGRAM['picket']).with_name('picketd')
        self.process = subprocess.Popen([picketd, '--archive-only', directory, '--control', self.socket, '--quiet'],
                                        stdin=subprocess.DEVNULL)
        picket.wait_until(lambda: os.path.exists(self.socket) or self.process.poll() is not None)

    def ask(self, *arguments):
        done = picket.run('-s', self.socket, *arguments, '-j')
        if done.returncode != picket.DONE:
            raise AssertionError(f'the closed archive, asked {arguments}, ended with {done.returncode}: {done.stderr}')
        return json.loads(done.stdout)

    def stop(self):
        self.process.terminate()
        self.process.wait(timeout=30)
        self.folder.cleanup()


def wait_for_flush(sensor):
    def is_flushed():
        shown = sensor.ask('archive', 'show')
        assert shown['trouble'] is None, shown['trouble']
        return shown['waiting_rows'] == 0 and any(row['rows'] > 0 for row in shown['rows'])
    picket.wait_until(is_flushed, 60)


class SameAnswers(unittest.TestCase):
    maxDiff = 4000

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix='picket-archive-')
        self.addCleanup(self.folder.cleanup)

    def answers(self, whom):
        return {question: comparable(whom.ask(*question)) for question in self.questions}

    def closed(self, directory):
        archive = Closed(directory)
        try:
            return self.answers(archive)
        finally:
            archive.stop()

    def live(self, capture, workers):
        """Of one sensor: from memory, from disk after picketd was killed, and closed."""
        directory = os.path.join(self.folder.name, f'live-{workers}')
        cores = ','.join(map(str, sorted(os.sched_getaffinity(0))[:workers]))
        sensor = picket.Sensor(capture, watch=WATCH, more=f'[archive]\ndirectory = "{directory}"\n'
                                                          f'[dataplane]\nworkers = "{cores}"\n')
        try:
            yield f'live, {workers} workers, memory', self.answers(sensor)
            wait_for_flush(sensor)
            picket.kill_picketd(sensor)
            sensor.wait_for_end_of_file()
            yield f'live, {workers} workers, after a kill', self.answers(sensor)
        finally:
            sensor.stop()
        yield f'live, {workers} workers, closed', self.closed(directory)

    def replayed(self, capture, workers):
        directory = os.path.join(self.folder.name, f'replay-{workers}')
        done = picket.run('replay', picket.BUNDLED / capture, '--workers', workers, '--archive', directory,
                          '--watch', f'sobig={TWENTY}')
        self.assertEqual(done.returncode, picket.DONE, done.stderr)
        yield f'replay, {workers} workers', self.closed(directory)

    def check(self, capture):
        self.questions = QUESTIONS + MORE[capture]
        begin = time.monotonic()
        ways = []
        for workers in range(1, min(3, len(os.sched_getaffinity(0))) + 1):
            ways += self.live(capture, workers)
        for workers in (1, 2, 3):
            ways += self.replayed(capture, workers)
        expected = ways[0][1]
        for way, answers in ways[1:]:
            for question in self.questions:
                with self.subTest(way=way, question=question):
                    self.assertEqual(answers[question], expected[question])
        print(f'{capture}: {len(self.questions)} questions, {len(ways)} ways, {time.monotonic() - begin:.1f} s')

    def test_sobig(self):
        self.check('sobig.pcap')

    def test_frethem(self):
        self.check('frethem.pcap')

    def test_long_lived(self):
        self.check('long-lived.pcap')


if __name__ == '__main__':
    picket.main()
