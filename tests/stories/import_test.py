#!/usr/bin/python3
"""Foreign flow logs: the operator's own lines, and nfdump's files, asked as if Picket had seen them.

usage: import_test.py PICKET [unittest arguments]
"""
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / 'support'))

import picket_program as picket  # noqa: E402

TWENTY = HERE.parent / 'captures' / 'sobig_f_20.txt'


class Imports(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix='picket-import-')
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.archive = self.folder / 'archive'

    def load(self, *files, status=picket.DONE, options=()):
        done = picket.run('import', *files, '--archive', self.archive, *options, '-j')
        self.assertEqual(done.returncode, status, done.stderr)
        return json.loads(done.stdout)

    def ask(self, *arguments):
        done = picket.run('--archive', self.archive, *arguments, '-j')
        self.assertEqual(done.returncode, picket.DONE, done.stderr)
        return json.loads(done.stdout)

    def read(self, *arguments):
        done = picket.run('--archive', self.archive, *arguments)
        self.assertEqual(done.returncode, picket.DONE, done.stderr)
        return done.stdout


class TheOperatorsLog(Imports):
    """1,751 lines as he had them, in his time zone, the victim masked or not."""

    def lines(self, *options):
        kept = self.folder / 'capture'
        done = picket.run('replay', picket.BUNDLED / 'sobig.pcap', '--watch', f'sobig={TWENTY}', '--archive', kept, '-q')
        self.assertEqual(done.returncode, picket.DONE, done.stderr)
        done = picket.run('--archive', kept, 'flow', 'show', '--src', '@sobig', '--format', 'netflow', '--limit',
                          '100000', *options)
        return done.stdout.splitlines()

    def test_the_same_lines_come_back(self):
        lines = self.lines('--tz', 'America/New_York')
        log = self.folder / 'log'
        log.write_text('\n'.join(lines) + '\n', encoding='utf-8')
        report = self.load(log, options=('--tz', 'America/New_York'))
        self.assertEqual(report['sum'], {'flows': 1751, 'packets': 1751, 'bytes': 64787, 'masked': 0, 'rejected': 0})
        self.assertEqual(report['rows'][0]['format'], 'netflow')
        total = self.ask('flow', 'show', '--ips', TWENTY, '--sum')['sum']
        self.assertEqual((total['flows'], total['packets'], total['bytes'], total['sources'], total['first']),
                         (1751, 1751, 64787, 10, '2003-08-22T19:09:54.000000Z'))
        again = self.read('flow', 'show', '--format', 'netflow', '--limit', '100000', '--tz', 'America/New_York')
        self.assertEqual(sorted(again.splitlines()), sorted(lines))

    def test_whether_they_are_spoofed_such_a_log_cannot_tell(self):
        """Story 3: 'unknown', and why."""
        log = self.folder / 'log'
        log.write_text('\n'.join(self.lines()) + '\n', encoding='utf-8')
        self.load(log)
        row = self.ask('spoof', 'show')['rows'][0]
        self.assertEqual((row['confidence'], len(row['sources'])), ('unknown', 10))
        self.assertIn('no TTL', row['reasons'][0])
        self.assertEqual(self.ask('flow', 'show', '--unanswered', '--sum')['sum']['flows'], 0)
        self.assertEqual(self.ask('flow', 'show', '--outcome', 'unknown', '--sum')['sum']['flows'], 1751)
        self.assertIn('of 1,751 the records tell one direction only', self.read('flow', 'show', '--sum'))
        detail = self.ask('flow', 'show', '1')['rows'][0]
        self.assertIn('imported', detail['flags'])
        self.assertNotIn('ttl_min', detail['to_server'])
        self.assertIsNone(detail['end_reason'])

    def test_masked_addresses_and_damage(self):
        log = self.folder / 'log'
        log.write_text('2003/08/22 15:09:54 67.73.21.6.50416 -> XXX.XXX.XXX.XXX.27015 17 1 37\n'
                       'Aug 22 15:09:54 something else -> here\n'
                       '2003/08/22 15:09:56 24.33.66.38.17429 -> XXX.XXX.XXX.XXX.27015 17 1 37\n', encoding='utf-8')
        report = self.load(log, status=picket.DAMAGED)
        self.assertEqual(report['sum'], {'flows': 2, 'packets': 2, 'bytes': 74, 'masked': 2, 'rejected': 1})
        self.assertEqual(report['rows'][0]['problems'][0]['line'], 2)
        self.assertEqual(self.ask('flow', 'show', '--dst', '0.0.0.0', '--sum')['sum']['flows'], 2)
        again = picket.run('import', log, '--archive', self.archive)
        self.assertEqual(again.returncode, picket.USAGE)
        self.assertIn('holds an archive already', again.stderr)

    def test_no_log(self):
        self.assertEqual(picket.run('import', '/nonexistent', '--archive', self.archive).returncode, picket.DAMAGED)
        self.assertEqual(picket.run('import', picket.BUNDLED / 'sobig.pcap', '--archive',
                                    self.folder / 'other').returncode, picket.DAMAGED)


class FilesOfNfdump(Imports):
    def nfcapd_files(self, capture):
        directory = self.folder / 'nfcapd'
        directory.mkdir()
        subprocess.run(['nfpcapd', '-r', picket.BUNDLED / capture, '-w', directory], check=True, capture_output=True,
                       timeout=120)
        return sorted(directory.glob('nfcapd.*'))

    def totals_of_nfdump(self):
        text = subprocess.run(['nfdump', '-R', self.folder / 'nfcapd', '-I'], check=True, capture_output=True,
                              text=True, timeout=120).stdout
        return {name.lower(): int(value) for name, value in re.findall(r'^(\w+): (\d+)$', text, re.MULTILINE)}

    def check(self, capture):
        files = self.nfcapd_files(capture)
        expected = self.totals_of_nfdump()
        report = self.load(*files)
        self.assertEqual({name: report['sum'][name] for name in ('flows', 'packets', 'bytes', 'rejected')},
                         {name: expected.get(name, 0) for name in ('flows', 'packets', 'bytes', 'rejected')})
        total = self.ask('flow', 'show', '--sum')['sum']
        self.assertEqual((total['flows'], total['packets'], total['bytes']),
                         (expected['flows'], expected['packets'], expected['bytes']))
        for protocol in ('tcp', 'udp', 'icmp'):
            part = self.ask('flow', 'show', '--proto', protocol, '--sum')['sum']
            self.assertEqual((part['flows'], part['packets'], part['bytes']),
                             tuple(expected[f'{what}_{protocol}'] for what in ('flows', 'packets', 'bytes')), protocol)
        return files

    def test_totals_of_sobig(self):
        self.check('sobig.pcap')

    def test_totals_of_mixed(self):
        files = self.check('mixed.pcap')
        shown = subprocess.run(['nfdump', '-R', self.folder / 'nfcapd', '-q', '-N', '-s', 'srcip/bytes', '-n', '5',
                                '-o', 'csv'], check=True, capture_output=True, text=True, timeout=60).stdout
        talkers = [line.split(',') for line in shown.splitlines() if re.match(r'\d{4}-', line)]
        rows = {row['ip']: row for row in self.ask('flow', 'show', '--talkers', '--limit', '100000')['rows']}
        self.assertTrue(files and talkers)
        for line in talkers:
            self.assertEqual([rows[line[4]][name] for name in ('flows', 'packets', 'bytes')],
                             [int(line[5]), int(line[7]), int(line[9])], line)


if __name__ == '__main__':
    picket.main()
