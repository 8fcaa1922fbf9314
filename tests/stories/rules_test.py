#!/usr/bin/python3
"""What rules cost, what they would do, and that compiling them once is enough.

usage: rules_test.py PICKET [unittest arguments]; the numbers are those of tests/captures/README.md.
"""
import json
import os
import pathlib
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / 'support'))

import picket_program as picket  # noqa: E402

FRETHEM = picket.BUNDLED / 'frethem.pcap'
HEAD = 'alert http any any -> any any '
WORM = HEAD + '(msg:"Frethem b.cgi"; http.uri; content:"/b.cgi?"; startswith; sid:1000001;)\n'
WIDE = '|'.join(f'w{i}.*x{i}' for i in range(200))


class Rules(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix='picket-rules-')
        self.addCleanup(self.folder.cleanup)
        self.path = pathlib.Path(self.folder.name)
        self.rules = self.path / 'my.rules'
        self.cache = self.path / 'cache'

    def write(self, *rules):
        self.rules.write_text(''.join(rules), encoding='utf-8')

    def asked(self, *arguments, status=picket.DONE):
        done = picket.run(*arguments, '-j')
        self.assertEqual(done.returncode, status, done.stderr)
        return json.loads(done.stdout)


class Check(Rules):
    def test_costly_patterns_are_named(self):
        self.write(WORM, f'{HEAD}(http.uri; pcre:"/{WIDE}/"; sid:2;)\n',
                   HEAD + r'(http.uri; pcre:"/^\/(a+)+$/"; sid:3;)' + '\n')
        answer = self.asked('rule', 'check', self.rules)
        self.assertEqual((answer['loaded'], answer['rejected']), (3, 0), 'they load all the same')
        notes = {(note['line'], note['sid'], note['option']): note['reason'] for note in answer['costly']}
        self.assertEqual(set(notes), {(2, 2, 'pcre'), (3, 3, 'pcre')})
        self.assertIn('the filter does without it', notes[2, 2, 'pcre'])
        self.assertIn('100000 steps', notes[3, 3, 'pcre'])
        said = picket.run('rule', 'check', self.rules).stdout
        self.assertIn(f'{self.rules}:3: note: sid 3: pcre is given up', said)


class Rehearsal(Rules):
    def test_alerts_an_hour(self):
        self.write(WORM, HEAD + '(msg:"any request"; http.method; content:"GET"; sid:2;)\n',
                   HEAD + '(msg:"none"; http.uri; content:"/never/asked/for"; sid:3;)\n')
        answer = self.asked('rule', 'test', self.rules, FRETHEM)
        rows = {row['sid']: row for row in answer['rows']}
        self.assertEqual(set(rows), {1000001, 2}, 'rules without a hit have no row')
        self.assertEqual((rows[1000001]['hits'], rows[1000001]['alerts']), (1, 1))
        self.assertEqual(rows[1000001]['uris'], ['/b.cgi?alt&174642967&000000000000'])
        self.assertEqual(len(rows[2]['uris']), 3)
        self.assertEqual(len(set(rows[2]['uris'])), 3, 'different ones')
        self.assertGreater(answer['hours'], 0)
        for row in [*rows.values(), answer]:
            self.assertAlmostEqual(row['alerts_per_hour'], row['alerts'] / answer['hours'])
            self.assertAlmostEqual(row['hits_per_hour'], row['hits'] / answer['hours'])
        self.assertEqual(answer['alerts'], sum(row['alerts'] for row in rows.values()))
        said = picket.run('rule', 'test', self.rules, FRETHEM).stdout
        self.assertRegex(said, r'expect (at most )?[0-9.]+ ?k? alerts an hour')

    def test_no_hit_is_no(self):
        self.write(HEAD + '(http.uri; content:"/never/asked/for"; sid:3;)\n')
        answer = self.asked('rule', 'test', self.rules, FRETHEM, status=picket.NO)
        self.assertEqual((answer['rows'], answer['hits']), ([], 0))
        self.assertEqual(picket.run('rule', 'test', self.rules, FRETHEM).returncode, picket.NO)


class Cost(Rules):
    def test_rules_are_ranked(self):
        self.write(WORM, HEAD + '(msg:"any request"; http.method; content:"GET"; sid:2;)\n')
        sensor = picket.Sensor('frethem.pcap', more=f'[rules]\nfiles = ["{self.rules}"]\n')
        self.addCleanup(sensor.stop)
        picket.wait_until(lambda: sum(row['candidates'] for row in sensor.ask('rule', 'show', '--cost')['rows']) > 595)
        answer = sensor.ask('rule', 'show', '--cost')
        rows = {row['sid']: row for row in answer['rows']}
        hits = {row['sid']: row['hits'] for row in sensor.ask('rule', 'show')['rows']}
        self.assertEqual({sid: row['hits'] for sid, row in rows.items()}, hits)
        self.assertEqual([row['cycles'] for row in answer['rows']],
                         sorted((row['cycles'] for row in answer['rows']), reverse=True))
        self.assertAlmostEqual(sum(row['share'] for row in answer['rows']), 1)
        for row in rows.values():
            self.assertGreaterEqual(row['candidates'], row['hits'])
            self.assertGreater(row['ns_per_candidate'], 0)
            self.assertEqual(row['limits_exceeded'], 0)
        self.assertIn('2 of 2 rules were judged since generation 1', sensor.read('rule', 'show', '--cost'))
        self.assertEqual(sensor.ask('rule', 'show', '--cost', '--interval', '100ms')['rows'], [], 'the file has ended')
        self.assertEqual(picket.run('-s', sensor.socket, 'rule', 'show', '--interval', '1s').returncode, picket.USAGE)


class Filter(Rules):
    def test_shows_what_traffic_has_of_each_element(self):
        self.write(WORM, HEAD + '(msg:"any page"; http.uri; content:"hours.html"; urilen:>5000; sid:2;)\n',
                   HEAD + '(msg:"pcre only"; http.uri; pcre:"/[a-f]{3}[0-9]{7}zz/"; sid:3;)\n')
        sensor = picket.Sensor('frethem.pcap', more=f'[rules]\nfiles = ["{self.rules}"]\n')
        self.addCleanup(sensor.stop)
        requests = 595
        picket.wait_until(lambda: sensor.ask('rule', 'show', '--filter').get('scanned', {}).get('uri', 0) >= requests)
        answer = sensor.ask('rule', 'show', '--filter')
        self.assertEqual(answer['scanned']['uri'], answer['scanned']['head'])
        rows = {row['pattern']: row for row in answer['rows']}
        hours = next(row for row in rows.values() if row['sids'] == [2])
        self.assertEqual((hours['found'], hours['judged'], hours['hits']), (72, 0, 0), 'the guard saw their length')
        self.assertAlmostEqual(hours['share'], 72 / answer['scanned']['uri'])
        worm = next(row for row in rows.values() if row['sids'] == [1000001])
        self.assertEqual((worm['found'], worm['hits'], worm['text'], worm['kind']), (1, 1, 'uri', 'literal'))
        self.assertLess(worm['expected_share'], 0.01)
        self.assertEqual([row['share'] for row in answer['rows']],
                         sorted((row['share'] for row in answer['rows']), reverse=True))
        self.assertNotIn(3, [sid for row in rows.values() for sid in row['sids']], 'never found')
        table = sensor.read('rule', 'show', '--filter')
        self.assertIn(f"{100 * hours['share']:.3f} %", table)
        self.assertTrue(all(len(line) <= 80 for line in table.splitlines()
                            if not line.startswith('next: ')), table)
        self.assertEqual(picket.run('-s', sensor.socket, 'rule', 'show', '--limit', '3').returncode, picket.USAGE)
        self.assertEqual(picket.run('-s', sensor.socket, 'rule', 'show', '--filter', '--cost').returncode,
                         picket.USAGE)


class Cache(Rules):
    def replay(self, **environment):
        done = picket.run('replay', '--rules', self.rules, FRETHEM, '-j', env={**os.environ, **environment})
        self.assertEqual(done.returncode, picket.DONE, done.stderr)
        return json.loads(done.stdout)['alerts_by_rule']

    def entries(self):
        return {file.name: file.read_bytes() for file in self.cache.glob('*.patterns')} if self.cache.exists() else {}

    def test_filled_used_and_repaired(self):
        self.write(WORM)
        hits = self.replay(CACHE_DIRECTORY=str(self.cache))
        self.assertEqual(hits, {'1000001': 1})
        kept = self.entries()
        self.assertTrue(kept)
        self.assertEqual(self.replay(CACHE_DIRECTORY=str(self.cache)), hits)
        self.assertEqual(self.entries(), kept)
        for name, content in kept.items():
            (self.cache / name).write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        self.assertEqual(self.replay(CACHE_DIRECTORY=str(self.cache)), hits)
        self.assertEqual(self.entries(), kept, 'compiled anew')

    def test_a_directory_that_cannot_be_made_harms_nothing(self):
        self.write(WORM)
        self.cache.write_text('a file', encoding='utf-8')
        self.assertEqual(self.replay(CACHE_DIRECTORY=str(self.cache / 'below')), {'1000001': 1})

    def test_off(self):
        self.write(WORM)
        config = self.path / 'picket.toml'
        config.write_text(f'[rules]\nfiles = ["{self.rules}"]\ncache = "off"\n', encoding='utf-8')
        done = picket.run('replay', '--config', config, FRETHEM, '-j',
                          env={**os.environ, 'CACHE_DIRECTORY': str(self.cache)})
        self.assertEqual(json.loads(done.stdout)['alerts_by_rule'], {'1000001': 1})
        self.assertFalse(self.cache.exists())
        config.write_text(f'[rules]\nfiles = ["{self.rules}"]\ncache = "kept"\n', encoding='utf-8')
        picket.run('replay', '--config', config, FRETHEM, '-j')
        self.assertTrue(list((self.path / 'kept').glob('*.patterns')), "beside the configuration's file")


if __name__ == '__main__':
    picket.main()
