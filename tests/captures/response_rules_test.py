#!/usr/bin/python3
"""Rules on responses, from the capture to the alert: each answer of that status alerts once, with its request.

usage: response_rules_test.py PICKET [unittest arguments]
"""
import collections
import pathlib
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / 'support'))

import picket_program as picket  # noqa: E402

RULES = """
alert http any any -> any any (msg:"not found"; flow:to_client; http.stat_code; content:"404"; sid:1;)
alert http any 80 -> any any (msg:"unchanged"; content:"304"; http_stat_code; sid:2;)
alert http any any -> any 80 (msg:"never: the client is the destination"; http.stat_code; content:"404"; sid:3;)
"""


class ResponseRules(unittest.TestCase):
    def test_each_answer_alerts_once(self):
        with tempfile.NamedTemporaryFile('w', suffix='.rules') as rules:
            rules.write(RULES)
            rules.flush()
            replay = picket.Replay(picket.BUNDLED / 'frethem.pcap', '--rules', rules.name, events=True)
        expected = collections.Counter(
            ({404: 1, 304: 2}[event['http']['status']], event['flow_id'], event['tx_id'], event['http']['url'])
            for event in replay.of_type('http') if event['http'].get('status') in (404, 304))
        alerts = collections.Counter(
            (event['alert']['signature_id'], event['flow_id'], event['tx_id'], event['http']['url'])
            for event in replay.of_type('alert') if event['alert']['signature_id'] != 0)  # 0: scans
        self.assertGreater(len(expected), 100)
        self.assertEqual(alerts, expected)


if __name__ == '__main__':
    picket.main()
