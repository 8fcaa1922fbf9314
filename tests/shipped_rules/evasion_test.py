#!/usr/bin/python3
"""Every shipped rule's example in ten encodings: Picket's alerts are those of an independent reading of docs/rules.md.

usage: evasion_test.py PICKET [unittest arguments]

One capture holds all requests, each on its own connection; every rule is expected or not on every one of them.
docs/evasion.md says what fires; evasion_page.py writes it.
"""
import pathlib
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / 'support')]

import evasion_page  # noqa: E402
import evasions  # noqa: E402
import expectations  # noqa: E402
import picket_program as picket  # noqa: E402
import request_capture  # noqa: E402
import rule_reading  # noqa: E402

DIALECTS = ('suricata', 'snort3', 'snort2')


def fired(replay, count):
    """For each request the set of sids that hit it."""
    numbers = {request_capture.client_address(number): number for number in range(count)}
    hits = [set() for _ in range(count)]
    for event in replay.of_type('alert'):
        hits[numbers[event['src_ip']]].add(event['alert']['signature_id'])
    return hits


class Evasions(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.rules = rule_reading.request_rules()
        cls.trials = list(expectations.trials(cls.rules))
        plain = [(f'plain {sid}', request, [request.head()]) for sid, _, request in rule_reading.examples()]
        cls.sent = plain + [(f'{trial.encoding} {trial.sid}', trial.request,
                             evasions.pieces(trial.request, trial.encoding)) for trial in cls.trials]
        cls.folder = tempfile.TemporaryDirectory(prefix='picket-evasions-')
        cls.addClassCleanup(cls.folder.cleanup)
        cls.capture = pathlib.Path(cls.folder.name, 'evasions.pcap')
        request_capture.write(cls.capture, [pieces for _, _, pieces in cls.sent])

    def test_every_rule_on_every_request_in_every_dialect(self):
        for dialect in DIALECTS:
            with self.subTest(dialect):
                replay = picket.Replay(self.capture, '--dialect', dialect, events=True)
                self.assertEqual(replay.status, picket.DONE, replay.errors)
                self.assertEqual(replay.report['http_requests'], len(self.sent))
                self.assertGreater(sum(replay.report['alerts_by_rule'].values()), len(self.sent) // 2)
                wrong = []
                for (name, request, _), hits in zip(self.sent, fired(replay, len(self.sent))):
                    expected = {sid for sid, rule in self.rules.items() if rule.matches(request, dialect)}
                    if hits != expected:
                        wrong.append(f'{name}: {request.target}: missed {sorted(expected - hits)}, '
                                     f'not expected {sorted(hits - expected)}')
                self.assertEqual(wrong, [], '\n' + '\n'.join(wrong[:20]))
        print(f'{len(self.sent)} requests, {len(self.rules)} rules', file=sys.stderr)

    def test_a_miss_has_one_of_the_reasons(self):
        for trial in self.trials:
            for mark in trial.outcome:
                self.assertIn(mark, (expectations.FIRES, expectations.UNTOUCHED, *expectations.REASONS), trial)

    # The rules about encodings as such see what the others cannot.
    def test_no_encoding_of_an_example_is_silent(self):
        silent = [trial for trial in self.trials for dialect in expectations.DIALECTS
                  if not any(rule.matches(trial.request, dialect) for rule in self.rules.values())]
        self.assertEqual(silent, [])

    def test_the_page_is_what_its_writer_writes(self):
        self.assertEqual(evasion_page.PAGE.read_text(encoding='utf-8'), evasion_page.page(self.rules, self.trials),
                         'write it again: tests/shipped_rules/evasion_page.py')


if __name__ == '__main__':
    picket.main()
