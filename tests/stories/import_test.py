#!/usr/bin/python3
"""Foreign flow logs: the operator's own lines, and nfdump's files, asked as if Picket had seen them.

usage: import_test.py PICKET [unittest arguments]
"""
import datetime
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / 'support'))

import ipfix_messages  # noqa: E402
import picket_program as picket  # noqa: E402

TWENTY = HERE.parent / 'captures' / 'sobig_f_20.txt'


def totals_of_nfdump(directory):
    text = subprocess.run(['nfdump', '-R', directory, '-I'], check=True, capture_output=True, text=True,
                          timeout=120).stdout
    return {name.lower(): int(value) for name, value in re.findall(r'^(\w+): (\d+)$', text, re.MULTILINE)}


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
        return picket.ask_closed(self.archive, *arguments)

    def read(self, *arguments):
        done = picket.run('--archive', self.archive, *arguments)
        self.assertEqual(done.returncode, picket.DONE, done.stderr)
        return done.stdout


class TheOperatorsLog(Imports):
    """1,751 lines as he had them, in his time zone, the victim masked or not."""

    def lines(self, *options):
        kept = self.folder / 'capture'
        done = picket.run('replay', picket.BUNDLED / 'sobig.pcap', '--watch', f'sobig={TWENTY}', '--archive', kept,
                          '-q')
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
        for name in ('end_reason', 'ttl_ts', 'state', 'history'):
            self.assertIsNone(detail[name], name)
        rows = self.ask('query', 'SELECT DISTINCT ttl_ts, tos_ts, state, history, end_reason FROM parts')['rows']
        self.assertEqual(rows, [dict.fromkeys(('ttl_ts', 'tos_ts', 'state', 'history', 'end_reason'))])

    def test_asked_with_watch_lists(self):
        log = self.folder / 'log'
        log.write_text('\n'.join(self.lines()) + '\n', encoding='utf-8')
        self.load(log, options=('--watch', f'sobig={TWENTY}'))
        self.assertEqual(self.ask('flow', 'show', '--src', '@sobig', '--sum')['sum']['flows'], 1751)
        self.assertEqual(self.ask('watch', 'show', 'sobig')['sum']['seen'], 10)
        self.assertEqual(self.ask('spoof', 'show', '--src', '@sobig')['rows'][0]['source_count'], 10)
        none = picket.run('import', log, '--archive', self.folder / 'other', '--watch', f'sobig={log}')
        self.assertEqual(none.returncode, picket.USAGE)
        self.assertFalse((self.folder / 'other').exists(), 'a bad list is told before anything is made')

    def test_what_would_change_a_closed_archive_is_refused_at_once(self):
        log = self.folder / 'log'
        log.write_text('2003/08/22 15:09:54 67.73.21.6.50416 -> 192.0.2.7.27015 17 1 37\n', encoding='utf-8')
        self.load(log, options=('--watch', f'sobig={TWENTY}'))
        for words in (('watch', 'load', 'two', TWENTY), ('watch', 'remove', 'sobig')):
            done = picket.run('--archive', self.archive, *words, timeout=20)
            self.assertEqual(done.returncode, picket.USAGE, done.stderr)
            self.assertIn('a closed archive is only read', done.stderr)

    def test_masked_addresses_and_damage(self):
        log = self.folder / 'log'
        log.write_text('2003/08/22 15:09:54 67.73.21.6.50416 -> XXX.XXX.XXX.XXX.27015 17 1 37\n'
                       'Aug 22 15:09:54 something else -> here\n'
                       '2003/08/22 15:09:56 24.33.66.38.17429 -> XXX.XXX.XXX.XXX.27015 17 1 37\n', encoding='utf-8')
        report = self.load(log, status=picket.DAMAGED)
        self.assertEqual(report['sum'], {'flows': 2, 'packets': 2, 'bytes': 74, 'masked': 2, 'rejected': 1})
        self.assertEqual(report['rows'][0]['problems'][0]['line'], 2)
        answer = self.ask('flow', 'show', '--dst', '0.0.0.0', '--sum')
        self.assertEqual((answer['sum']['flows'], answer['coverage']['lost']), (2, 1))
        again = picket.run('import', log, '--archive', self.archive)
        self.assertEqual(again.returncode, picket.USAGE)
        self.assertIn('holds an archive already', again.stderr)

    def test_nothing_was_understood(self):
        log = self.folder / 'log'
        log.write_text('2003/08/22 15:09:54 67.73.21.6.50416 -> somebody 17 1 37\n', encoding='utf-8')
        self.load(log, status=picket.DAMAGED, options=('--format', 'netflow'))
        answer = self.ask('flow', 'show', '--sum')
        self.assertEqual((answer['sum']['flows'], answer['coverage']['lost']), (0, 1))

    def test_no_log(self):
        """A name that is mistyped is told before anything is made."""
        missing = picket.run('import', '/nonexistent', '--archive', self.archive)
        self.assertEqual(missing.returncode, picket.USAGE)
        self.assertIn('/nonexistent: cannot be opened', missing.stderr)
        self.assertFalse(self.archive.exists())
        self.assertEqual(picket.run('import', picket.BUNDLED / 'sobig.pcap', '--archive',
                                    self.folder / 'other').returncode, picket.DAMAGED)


class FilesOfNfdump(Imports):
    def nfcapd_files(self, capture):
        directory = self.folder / 'nfcapd'
        directory.mkdir()
        subprocess.run(['nfpcapd', '-r', picket.BUNDLED / capture, '-w', directory], check=True, capture_output=True,
                       timeout=120)
        return sorted(directory.glob('nfcapd.*'))

    def check(self, capture):
        files = self.nfcapd_files(capture)
        expected = totals_of_nfdump(self.folder / 'nfcapd')
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


PROTOCOLS = {'ICMP': 1, 'TCP': 6, 'UDP': 17, 'IPv6-ICMP': 58, 'SCTP': 132, 'IGMP': 2, 'GRE': 47, 'ESP': 50, 'AH': 51,
             'OSPF': 89}


class FilesOfIpfix(Imports):
    def flows_of(self, capture):
        """What Picket finds in a capture, as ipfix_messages takes it."""
        kept = self.folder / 'capture'
        done = picket.run('replay', picket.BUNDLED / capture, '--archive', kept, '-q')
        self.assertEqual(done.returncode, picket.DONE, done.stderr)
        done = picket.run('--archive', kept, 'flow', 'show', '--limit', '100000', '-j')
        rows = json.loads(done.stdout)['rows']

        def milliseconds(text):
            return round(datetime.datetime.fromisoformat(text.replace('Z', '+00:00')).timestamp() * 1000)
        return [{'ends': ((row['src_ip'], row['src_port']), (row['dest_ip'], row['dest_port'])),
                 'protocol': PROTOCOLS.get(row['proto']) or int(row['proto']),
                 'counts': tuple((row[f'pkts_to{end}'], row[f'bytes_to{end}']) for end in ('server', 'client')),
                 'times': (milliseconds(row['first']), milliseconds(row['last']))} for row in rows]

    def totals(self, *filters):
        total = self.ask('flow', 'show', '--sum', *filters)['sum']
        return total['flows'], total['packets'], total['bytes']

    def check_as_nfdump(self, capture):
        flows = self.flows_of(capture)
        made = ipfix_messages.messages(flows)
        file = self.folder / 'flows.ipfix'
        file.write_bytes(b''.join(made))
        report = self.load(file)
        self.assertEqual(report['rows'][0]['format'], 'ipfix')
        collected = self.folder / 'collected'
        collected.mkdir()
        ipfix_messages.collect_with_nfcapd(made, collected)
        expected = totals_of_nfdump(collected)
        self.assertEqual(self.totals(), (expected['flows'], expected['packets'], expected['bytes']))
        for name, protocols in (('tcp', ['tcp']), ('udp', ['udp']), ('icmp', ['icmp', 'icmp6'])):
            parts = [self.totals('--proto', protocol) for protocol in protocols]
            self.assertEqual(tuple(map(sum, zip(*parts))),
                             tuple(expected[f'{what}_{name}'] for what in ('flows', 'packets', 'bytes')), name)
        return flows, file

    def test_what_nfcapd_makes_of_the_same_messages(self):
        self.check_as_nfdump('sobig.pcap')

    def test_both_families_and_what_libfixbuf_reads(self):
        _, file = self.check_as_nfdump('mixed.pcap')
        dump = subprocess.run(['ipfixDump', '--in', file], check=True, capture_output=True, text=True,
                              timeout=60).stdout
        self.assertIn(f', {self.totals()[0]} Data Records,', dump[dump.rindex('File Stats'):])

    def test_both_directions(self):
        """RFC 5103: what Picket saw in the capture is what the archive tells."""
        flows = self.flows_of('sobig.pcap')
        file = self.folder / 'flows.ipfix'
        file.write_bytes(b''.join(ipfix_messages.messages(flows, both=True)))
        self.load(file)
        both = [counts for flow in flows for counts in flow['counts']]
        self.assertEqual(self.totals(), (len(flows), *(sum(counts[what] for counts in both) for what in (0, 1))))
        udp = [flow['counts'] for flow in flows if flow['protocol'] == 17]
        self.assertEqual(self.ask('flow', 'show', '--proto', 'udp', '--outcome', 'answered', '--sum')['sum']['flows'],
                         sum(there[0] > 0 and back[0] > 0 for there, back in udp))

    def test_nfdumps_csv_of_every_protocol(self):
        """Its names are its own; one of them, IDPR, stands for two protocols and is refused."""
        flows = [{'ends': (('10.0.0.1', 1), ('192.0.2.7', 2)), 'protocol': protocol, 'counts': ((1, 60), (0, 0)),
                  'times': (1061579394218, 1061579394218)} for protocol in range(256)]
        collected = self.folder / 'collected'
        collected.mkdir()
        ipfix_messages.collect_with_nfcapd(ipfix_messages.messages(flows), collected)
        file = self.folder / 'flows.csv'
        file.write_bytes(subprocess.run(['nfdump', '-R', collected, '-o', 'csv'], check=True, capture_output=True,
                                        timeout=60).stdout)
        report = self.load(file, status=picket.DAMAGED)
        whys = [problem['why'] for problem in report['rows'][0]['problems']]
        self.assertEqual(whys, ["'IDPR' is not a protocol"] * 2)
        rows = self.ask('flow', 'show', '--limit', '1000')['rows']
        self.assertEqual({PROTOCOLS.get(row['proto']) or int(row['proto']) for row in rows}, set(range(256)) - {35, 38})

    def test_damage(self):
        made = ipfix_messages.messages(self.flows_of('sobig.pcap'))
        file = self.folder / 'flows.ipfix'
        file.write_bytes(b''.join(made[:3])[:-10])
        report = self.load(file, status=picket.DAMAGED)
        self.assertIn('after 2 messages', report['rows'][0]['error'])
        self.assertGreater(report['sum']['flows'], 0)
        shutil.rmtree(self.archive)
        file.write_bytes(made[1] + made[0])
        report = self.load(file, status=picket.DAMAGED)
        self.assertEqual(report['rows'][0]['problems'][0]['line'], 1)
        self.assertIn('template 256, which has not been told before it', report['rows'][0]['problems'][0]['why'])


if __name__ == '__main__':
    picket.main()
