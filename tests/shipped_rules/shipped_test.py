#!/usr/bin/python3
"""The shipped rules load in every dialect, have their examples beside them, and are counted right in the README.

usage: shipped_test.py PICKET [unittest arguments]
"""
import collections
import json
import pathlib
import re
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / 'support')]

import picket_program as picket  # noqa: E402
import rule_reading  # noqa: E402

FILES = sorted(rule_reading.PATTERNS.glob('*.rules'))


def rule_lines(path):
    return [line for line in path.read_text(encoding='utf-8').splitlines() if line.startswith('alert ')]


class ShippedRules(unittest.TestCase):
    def test_all_load_in_every_dialect(self):
        for dialect in ('suricata', 'snort3', 'snort2'):
            done = picket.run('rule', 'check', *FILES, '--dialect', dialect, '-j')
            answer = json.loads(done.stdout)
            self.assertEqual((done.returncode, answer['rejected']), (picket.DONE, 0), done.stderr)
            self.assertEqual(answer['loaded'], sum(len(rule_lines(path)) for path in FILES))

    def test_every_rule_says_who_else_knows_it(self):
        for path in FILES:
            for line in rule_lines(path):
                self.assertRegex(line, r'reference:(cve|cwe|url),', path)
                self.assertRegex(line, r'metadata:confidence (high|medium);', path)

    def test_examples_stand_beside_their_rules(self):
        rules = rule_reading.request_rules()
        for path in sorted((rule_reading.PATTERNS / 'examples').glob('*.tsv')):
            sids = {int(line.split('\t')[0]) for line in path.read_text(encoding='utf-8').splitlines()[1:]}
            self.assertEqual(sids, {sid for sid, rule in rules.items() if rule.file == path.stem}, path)

    def test_examples_mean_what_they_say(self):
        rules = rule_reading.request_rules()
        for sid, matches, request in rule_reading.examples():
            for dialect in ('suricata', 'snort3'):
                self.assertEqual(rules[sid].matches(request, dialect), matches, (sid, request, dialect))

    def test_the_readme_counts_them(self):
        readme = (rule_reading.PATTERNS / 'README.md').read_text(encoding='utf-8')
        said = {name: tuple(map(int, numbers)) for name, *numbers in re.findall(
            r'^\| `(\w+)\.rules` \| (\d+) \| (\d+) \| (\d+) \| (\d+) \|', readme, re.MULTILINE)}
        found = {}
        for path in FILES:
            severities = collections.Counter(re.search(r'priority:(\d);', line)[1] for line in rule_lines(path))
            found[path.stem] = (severities.total(), *(severities[severity] for severity in '123'))
        self.assertEqual(said, found)


if __name__ == '__main__':
    picket.main()
