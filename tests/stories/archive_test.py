#!/usr/bin/python3
"""Questions about last month: the same answers from memory, from disk after a kill, and from a closed archive.

usage: archive_test.py PICKET [unittest arguments]
"""
import json
import os
import pathlib
import signal
import sys
import tempfile
import time
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / 'support'))

import picket_program as picket  # noqa: E402

TWENTY = HERE.parent / 'captures' / 'sobig_f_20.txt'
QUESTIONS = (
    ('flow', 'show', '--limit', '100000'),
    ('flow', 'show', '--sum'),
    ('flow', 'show', '--src', '@sobig', '--sum'),
    ('flow', 'show', '--src', '@sobig', '--talkers'),
    ('flow', 'show', '--timeline', '10m'),
    ('flow', 'show', '--by', 'port'),
    ('flow', 'show', '--unanswered', '--sum'),
    ('flow', 'show', '--outcome', 'answered', '--sum'),
    ('flow', 'show', '--ips', TWENTY, '--by', 'destination'),
    ('flow', 'show', '--since', '2003-08-22T19:30:00Z', '--until', '2003-08-22T20:00:00Z', '--limit', '100000'),
    ('flow', 'show', '--records', '--sum'),
    ('watch', 'show', 'sobig'),
    ('alert', 'show'),
    ('spoof', 'show'),
)
WEB_QUESTIONS = (
    ('flow', 'show', '--limit', '100000'),
    ('flow', 'show', '--uri', '/b.cgi', '--limit', '1000'),
    ('flow', 'show', '--status', '404', '--sum'),
    ('flow', 'show', '--by', 'rule'),
    ('flow', 'show', '--rule', '9000001', '--sum'),
    ('alert', 'show'),
    ('probe', 'show', '--limit', '100000'),
    ('probe', 'show', '--by', 'source'),
    ('scan', 'show'),
    ('scan', 'show', '10.1.7.44'),
)


def without_generation(answer):
    """Rows, sum and notes: what may not depend on where flows lie. Generations of a restarted picketd go on."""
    rows = [{key: value for key, value in row.items() if key not in ('generation', 'flow_id')}
            for row in answer.get('rows', [])]
    return {'rows': rows, 'sum': answer.get('sum'), 'notes': answer.get('notes'), 'truncated': answer.get('truncated')}


def ask_closed(directory, *arguments):
    done = picket.run('--archive', directory, *arguments, '-j')
    if done.returncode != picket.DONE:
        raise AssertionError(f'picket --archive {arguments} ended with {done.returncode}: {done.stderr}')
    return json.loads(done.stdout)


def picketd_of(process):
    """The process id of its picketd, None if there is none."""
    children = pathlib.Path(f'/proc/{process.pid}/task/{process.pid}/children').read_text(encoding='utf-8')
    for child in children.split():
        if pathlib.Path(f'/proc/{child}/comm').read_text(encoding='utf-8').strip() == 'picketd':
            return int(child)
    return None


class OneAnswer(unittest.TestCase):
    maxDiff = 4000

    def check(self, capture, questions, watch):
        with tempfile.TemporaryDirectory(prefix='picket-archive-') as folder:
            directory = os.path.join(folder, 'archive')
            sensor = picket.Sensor(capture, watch=watch, more=f'[archive]\ndirectory = "{directory}"\n')
            try:
                in_memory = {question: without_generation(sensor.ask(*question)) for question in questions}
                self.wait_for_flush(sensor)
                self.kill_picketd(sensor)
                for question in questions:
                    self.assertEqual(without_generation(sensor.ask(*question)), in_memory[question], question)
            finally:
                sensor.stop()
            for question in questions:
                self.assertEqual(without_generation(ask_closed(directory, *question)), in_memory[question], question)

    def wait_for_flush(self, sensor):
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            shown = sensor.ask('archive', 'show')
            if shown['waiting'] == 0 and any(row['rows'] > 0 for row in shown['rows']):
                self.assertIsNone(shown['trouble'])
                return
            time.sleep(0.2)
        self.fail('nothing was flushed')

    def kill_picketd(self, sensor):
        before = picketd_of(sensor.process)
        os.kill(before, signal.SIGKILL)
        deadline = time.monotonic() + 60
        while picketd_of(sensor.process) in (None, before) and time.monotonic() < deadline:
            time.sleep(0.05)
        sensor.wait_for_end_of_file()

    def test_sobig(self):
        self.check('sobig.pcap', QUESTIONS, {'sobig': TWENTY})

    def test_frethem(self):
        self.check('frethem.pcap', WEB_QUESTIONS, {})

    def test_long_lived(self):
        self.check('long-lived.pcap', (('flow', 'show', '--limit', '1000'), ('flow', 'show', '--records', '--sum')), {})


class AnyNumberOfWorkers(unittest.TestCase):
    """Who worked, and how many of them, is in no answer. Ids of flows are given out by workers."""
    maxDiff = 4000

    def check(self, capture, questions, *options):
        answers = []
        for workers in (1, 2, 3):
            with tempfile.TemporaryDirectory(prefix='picket-archive-') as folder:
                directory = os.path.join(folder, 'archive')
                done = picket.run('replay', picket.BUNDLED / capture, '--workers', workers, '--archive', directory,
                                  *options)
                self.assertEqual(done.returncode, picket.DONE, done.stderr)
                answers.append({question: self.comparable(ask_closed(directory, *question))
                                for question in questions})
        for question in questions:
            for other in answers[1:]:
                self.assertEqual(answers[0][question], other[question], question)

    @staticmethod
    def comparable(answer):
        kept = without_generation(answer)
        for row in kept['rows']:
            row.pop('id', None)
        kept['rows'].sort(key=lambda row: json.dumps(row, sort_keys=True))
        return kept | {'coverage': answer['coverage']}

    def test_sobig(self):
        self.check('sobig.pcap', QUESTIONS, '--watch', f'sobig={TWENTY}')

    def test_frethem(self):
        self.check('frethem.pcap', WEB_QUESTIONS)

    def test_long_lived(self):
        self.check('long-lived.pcap', (('flow', 'show', '--limit', '1000'), ('flow', 'show', '--records', '--sum')))


class ReplayKeepsAnArchive(unittest.TestCase):
    def test_and_refuses_to_count_twice(self):
        with tempfile.TemporaryDirectory(prefix='picket-archive-') as folder:
            directory = os.path.join(folder, 'archive')
            arguments = ('replay', picket.BUNDLED / 'sobig.pcap', '--watch', f'sobig={TWENTY}', '--archive', directory)
            first = picket.run(*arguments)
            self.assertEqual(first.returncode, picket.DONE, first.stderr)
            answer = ask_closed(directory, 'flow', 'show', '--src', '@sobig', '--sum')
            self.assertEqual((answer['sum']['flows'], answer['sum']['bytes']), (1751, 64787))
            self.assertEqual(answer['coverage'], {'lost': 0, 'seconds_blind': 0, 'folded': 0})
            text = picket.run('--archive', directory, 'flow', 'show', '--src', '@sobig', '--sum').stdout
            self.assertIn('flows 1,751', text)
            self.assertIn(f'next: picket --archive {directory} flow show', text)
            rows = ask_closed(directory, 'query', "SELECT count(*) AS n, sum(bytes_toserver) AS b FROM flows "
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
