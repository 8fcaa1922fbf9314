#!/usr/bin/python3
"""The alerts that Suricata's own tests of HTTP rules expect, by test and rule.

usage: suricata_alerts_test.py PICKET [unittest arguments]
       suricata_alerts_test.py PICKET --renew    (writes the table of differences; new rows need a reason)

Each folder of the published tests has a capture, rules, and in test.yaml how many alerts a rule gives. Known
differences are rows of agreement/suricata_differences.tsv, each with its reason.
"""
import collections
import pathlib
import re
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / 'support')]

import picket_program as picket  # noqa: E402
from agreement.differences import Differences  # noqa: E402

TABLE = HERE / 'agreement' / 'suricata_differences.tsv'
TESTS_MIN = 48


def folders():
    root = picket.captures_of_others() / 'suricata-tests'
    return sorted(path.parent for path in root.rglob('test.yaml'))


def number(text, name):
    found = re.search(rf'\b{name}:\s*(\d+)', text)
    return int(found.group(1)) if found else None


def expected_alerts(text):
    """sid -> alerts. One check a packet adds up; the same check for other versions of Suricata does not."""
    counts = collections.defaultdict(dict)
    for check in re.split(r'^\s*- filter:', text, flags=re.MULTILINE)[1:]:
        sid = number(check, 'alert.signature_id') or number(check, 'signature_id')
        if re.search(r'event_type:\s*alert\b', check) and sid is not None:
            packet = number(check, 'pcap_cnt')
            counts[sid][packet] = max(counts[sid].get(packet, 0), number(check, 'count'))
    return {sid: sum(by_packet.values()) for sid, by_packet in counts.items()}


def name_of(folder):
    return '/'.join(folder.parts[folder.parts.index('tests') + 1:])


def compare(folder):
    """sid -> (expected, Picket's), of each rule that a check names."""
    expected = expected_alerts((folder / 'test.yaml').read_text(encoding='utf-8'))
    # A capture that serves other tests too lies with the other captures.
    root = picket.captures_of_others()
    elsewhere = root / 'pcap' / folder.relative_to(root / 'suricata-tests')
    (capture,) = list(folder.glob('*.pcap')) or elsewhere.glob('*.pcap')
    (rules,) = folder.glob('*.rules')
    replay = picket.Replay(capture, '--rules', rules, events=True)
    found = collections.Counter(event['alert']['signature_id'] for event in replay.of_type('alert'))
    return {sid: (count, found[sid]) for sid, count in expected.items()}


def differences():
    """(test, sid) -> (expected, Picket's) where they differ, and how many rules were compared."""
    compared, differing = 0, {}
    for folder in folders():
        for sid, (expected, found) in compare(folder).items():
            compared += 1
            if expected != found:
                differing[(name_of(folder), str(sid))] = (expected, found)
    return compared, differing


class SuricataAlerts(unittest.TestCase):
    def test_alerts_are_those_expected(self):
        self.assertGreaterEqual(len(folders()), TESTS_MIN)
        compared, differing = differences()
        self.assertEqual(Differences(TABLE, numbers=2).complaints(differing), [])
        print(f'{len(folders())} tests, {compared} rules, {len(differing)} differ')


if __name__ == '__main__':
    if len(sys.argv) > 2 and sys.argv[2] == '--renew':
        picket.PROGRAM['picket'] = sys.argv[1]
        TABLE.write_text(Differences(TABLE, numbers=2).renewed(differences()[1]), encoding='utf-8')
    else:
        picket.main(needs_captures=True)
