#!/usr/bin/python3
"""The security officer and Frethem: stories 14 (rules tried on a capture) and 15 (one page in every guise).

usage: frethem_test.py PICKET [unittest arguments]; the numbers are those of tests/captures/README.md.
"""
import json
import pathlib
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / 'support'), str(HERE.parent / 'captures')]

import frethem_evasions  # noqa: E402
import picket_program as picket  # noqa: E402

FRETHEM, EVASIONS = picket.BUNDLED / 'frethem.pcap', picket.BUNDLED / 'frethem-evasions.pcap'
OFFICER = """\
# the officer's own, and two that cannot load
alert tcp any any -> any 80 (msg:"Frethem b.cgi"; flow:to_server,established; uricontent:"/b.cgi?alt&"; sid:1; rev:1;)
alert tcp any any -> any any (msg:"any b.cgi"; flow:to_server,established; content:"/b.cgi"; http_uri; sid:2; rev:1;)
alert http any any -> any any (msg:"every GET"; flow:to_server,established; http.method; content:"GET"; sid:3; rev:1;)
alert tcp any any -> any any (msg:"unknown option"; content:"/b.cgi"; http_uri; frobnicate:1; sid:4; rev:1;)
alert tcp any any -> any (msg:"no port"; content:"x"; sid:5; rev:1;)
alert http any any -> any any (msg:"nobody asks"; http.uri; content:"/there-is-no-such-page"; sid:6; rev:1;)
"""
ADWARE_ONLY = ('alert http any any -> any any (msg:"adware"; flow:to_server,established; http.uri; '
               'content:"/b.cgi?bk="; sid:7; rev:1;)\n')


class TryingRules(unittest.TestCase):
    """Story 14."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix='picket-rules-')
        self.addCleanup(folder.cleanup)
        self.rules = pathlib.Path(folder.name, 'f.rules')
        self.rules.write_text(OFFICER, encoding='utf-8')

    def hits(self, capture, status=picket.DONE):
        done = picket.run('rule', 'test', self.rules, capture, '-j')
        self.assertEqual(done.returncode, status, done.stderr)
        answer = json.loads(done.stdout)
        self.assertEqual(sum(row['hits'] for row in answer['rows']), answer['hits'])
        return {int(row['sid']): row['hits'] for row in answer['rows'] if row['hits']}, answer

    def test_check_names_what_loads_and_what_not_and_why(self):
        done = picket.run('rule', 'check', self.rules, '-j')
        self.assertEqual(done.returncode, picket.NO, done.stderr)
        answer = json.loads(done.stdout)
        self.assertEqual((answer['loaded'], answer['rejected']), (4, 2))
        rejects = {row['line']: row for row in answer['rejects']}
        self.assertEqual(set(rejects), {5, 6})
        self.assertEqual({row['file'] for row in rejects.values()}, {str(self.rules)})
        self.assertEqual((rejects[5]['sid'], rejects[5]['option']), (4, 'frobnicate'))
        self.assertEqual(rejects[6]['sid'], 5)
        self.assertTrue(all(row['reason'] for row in rejects.values()))

    def test_check_as_people_read_it(self):
        done = picket.run('rule', 'check', self.rules)
        self.assertEqual(done.returncode, picket.NO)
        said = done.stdout + done.stderr
        self.assertIn(f'{self.rules}:5: sid 4: frobnicate', said)
        self.assertIn(f'{self.rules}:6: sid 5: ', said)
        self.assertIn('4 rules loaded, 2 rejected', said)

    def test_hits_are_the_requests(self):
        hits, answer = self.hits(FRETHEM)
        self.assertEqual(hits, {1: 1, 2: 1, 3: 595})
        self.assertEqual((answer['rules']['loaded'], answer['rules']['rejected']), (4, 2))
        (beacon,) = [row for row in answer['rows'] if int(row['sid']) == 1]
        self.assertEqual(beacon['uris'], ['/b.cgi?alt&174642967&000000000000'])

    def test_adware_is_not_hit(self):
        self.assertEqual(self.hits(EVASIONS)[0], {1: 14, 2: 18, 3: 22})
        self.rules.write_text(ADWARE_ONLY, encoding='utf-8')
        self.assertEqual(self.hits(EVASIONS)[0], {7: 3})
        self.assertEqual(self.hits(FRETHEM, picket.NO)[0], {})

    def test_the_shipped_rules_hit_the_worm_only(self):
        for capture, hits, scans in ((FRETHEM, 1, 1), (EVASIONS, 14, 0)):
            replay = picket.Replay(capture)
            self.assertEqual(replay.status, picket.DONE, replay.errors)
            self.assertEqual(replay.report['alerts_by_rule'], {'9000001': hits})
            self.assertEqual((replay.report['alerts'], replay.report['scanners']), (1 + scans, scans))
            self.assertEqual(replay.report['rules']['rejected'], 0)


class EveryGuise(unittest.TestCase):
    """Story 15: the same rule fires, the raw URI is kept."""

    def requests(self, replay, kind):
        return {event['src_port']: event['http']['url'] for event in replay.of_type(kind)}

    def check(self, *options):
        replay = picket.Replay(EVASIONS, *options, events=True)
        self.assertEqual(replay.status, picket.DONE, replay.errors)
        asked = {2000 + number: case for number, case in enumerate(frethem_evasions.CASES)}
        self.assertEqual(len(replay.of_type('http')), 22)
        self.assertEqual(self.requests(replay, 'http'), {port: uri for port, (_, uri, _, _) in asked.items()})
        alerts = replay.of_type('alert')
        self.assertEqual({event['alert']['signature_id'] for event in alerts}, {9000001})
        self.assertEqual(len(alerts), 14)
        self.assertEqual(self.requests(replay, 'alert'),
                         {port: uri for port, (_, uri, _, matches) in asked.items() if matches})
        self.assertEqual({event['http']['status'] for event in replay.of_type('http')}, {404})

    def test_one_worker(self):
        self.check()

    def test_three_workers_that_share_the_packets(self):
        self.check('--workers', '3', '--rss', 'none')

    def test_one_alert_stands_for_the_fourteen(self):
        sensor = picket.Sensor('frethem-evasions.pcap')
        self.addCleanup(sensor.stop)
        (alert,) = sensor.ask('alert', 'show')['rows']
        self.assertEqual((alert['sid'], alert['count'], alert['source'], alert['destination']),
                         (9000001, 14, '10.1.7.44', '203.0.113.80:80'))
        flows = sensor.ask('flow', 'show', '--rule', '9000001')
        self.assertEqual({row['src_port'] for row in flows['rows']}, set(range(2000, 2014)))
        self.assertEqual({tuple(row['rules']) for row in flows['rows']}, {(9000001,)})
        self.assertEqual({row['outcome'] for row in flows['rows']}, {'answered'})
        raw = sensor.ask('flow', 'show', '--uri', '/%62[.]cgi')
        self.assertEqual({row['src_port'] for row in raw['rows']}, {2001, 2008})


if __name__ == '__main__':
    picket.main()
