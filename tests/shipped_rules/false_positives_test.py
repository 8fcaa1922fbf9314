#!/usr/bin/python3
"""Published access logs of ordinary visits raise next to no alert with the shipped rules.

usage: false_positives_test.py PICKET [unittest arguments]

Every line becomes the request that it was: method, target, version, referer, user agent. One probe among them shows
that the rules do look.
"""
import pathlib
import re
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / 'support')]

import picket_program as picket  # noqa: E402
import request_capture  # noqa: E402
import rule_reading  # noqa: E402

LOGS = {  # and how many lines they have at least
    'elastic+examples/Common Data Formats/apache_logs/apache_logs': 10000,
    'nielsbasjes+logparser/examples/demolog/hackers-access.log': 3000,
}
COMBINED = re.compile(rb'[^"]*"([A-Z]+ \S+ HTTP/1\.[01])" \d+ \S+ "(.*)" "(.*)"?$')
PROBE = b'GET /.env HTTP/1.1\r\nHost: www.example.org\r\n\r\n'
HIGH = 1
SHARE_MAX = 0.001


def heads(log):
    """The head of each line's request; a line that is none fails the test."""
    for line in log.splitlines():
        found = COMBINED.fullmatch(line)
        assert found, line
        first, referer, agent = (part.replace(b'\\"', b'"') for part in found.groups())
        fields = [b'Host: www.example.org', b'User-Agent: ' + agent, b'Referer: ' + referer]
        yield b'\r\n'.join([first, *(field for field in fields if not field.endswith(b': -'))]) + b'\r\n\r\n'


class OrdinaryVisits(unittest.TestCase):
    def judge(self, alerts, requests):
        rules = rule_reading.request_rules()
        for event in alerts:
            print(event['alert']['signature_id'], event['alert']['signature'], event['http']['url'], file=sys.stderr)
        self.assertEqual([event['http']['url'] for event in alerts
                          if rules[event['alert']['signature_id']].severity == HIGH], [])
        self.assertLessEqual(len({event['src_ip'] for event in alerts}), SHARE_MAX * requests)

    def replay(self, requests, dialect):
        """The alerts of these requests, without that of the probe that follows them."""
        with tempfile.TemporaryDirectory(prefix='picket-log-') as folder:
            capture = pathlib.Path(folder, 'log.pcap')
            request_capture.write(capture, [[head] for head in [*requests, PROBE]])
            replay = picket.Replay(capture, '--dialect', dialect, events=True)
        self.assertEqual(replay.status, picket.DONE, replay.errors)
        self.assertEqual(replay.report['http_requests'], len(requests) + 1)
        *alerts, probe = sorted(replay.of_type('alert'), key=lambda event: event['http']['url'] == '/.env')
        self.assertEqual(probe['http']['url'], '/.env')
        return alerts

    def test_logs_of_ordinary_visits(self):
        for log, lines_min in LOGS.items():
            requests = list(heads((picket.captures_of_others() / 'uris' / log).read_bytes()))
            self.assertGreaterEqual(len(requests), lines_min)
            for dialect in ('suricata', 'snort3'):
                with self.subTest(log=log, dialect=dialect):
                    alerts = self.replay(requests, dialect)
                    print(f'{len(alerts)} alerts of {len(requests)} requests of {log}, {dialect}', file=sys.stderr)
                    self.judge(alerts, len(requests))


if __name__ == '__main__':
    picket.main(needs_captures=True)
