#!/usr/bin/python3
"""A published access log of ordinary visits raises next to no alert with the shipped rules.

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

LOG = pathlib.Path('uris', 'elastic+examples', 'Common Data Formats', 'apache_logs', 'apache_logs')
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
    def test_a_log_of_ordinary_visits(self):
        rules = rule_reading.request_rules()
        requests = list(heads((picket.captures_of_others() / LOG).read_bytes()))
        self.assertGreaterEqual(len(requests), 10000)
        with tempfile.TemporaryDirectory(prefix='picket-log-') as folder:
            capture = pathlib.Path(folder, 'log.pcap')
            request_capture.write(capture, [[head] for head in [*requests, PROBE]])
            for dialect in ('suricata', 'snort3'):
                replay = picket.Replay(capture, '--dialect', dialect, events=True)
                self.assertEqual(replay.status, picket.DONE, replay.errors)
                self.assertEqual(replay.report['http_requests'], len(requests) + 1)
                *alerts, probe = sorted(replay.of_type('alert'), key=lambda event: event['http']['url'] == '/.env')
                self.assertEqual(probe['http']['url'], '/.env')
                said = [f'{event["alert"]["signature_id"]} {event["alert"]["signature"]}: {event["http"]["url"]}'
                        for event in alerts]
                print(*said, f'{len(alerts)} alerts of {len(requests)} requests, {dialect}', sep='\n', file=sys.stderr)
                self.assertEqual([event['http']['url'] for event in alerts
                                  if rules[event['alert']['signature_id']].severity == HIGH], [])
                self.assertLessEqual(len({event['src_ip'] for event in alerts}), SHARE_MAX * len(requests))


if __name__ == '__main__':
    picket.main(needs_captures=True)
