#!/usr/bin/python3
"""What came back, and when did it stop? Stories 11 and 12 (what is told of the answer).

usage: probe_test.py PICKET [unittest arguments]; the numbers are those of tests/captures/README.md.
"""
import csv
import datetime
import json
import pathlib
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / 'support'))

import picket_program as picket  # noqa: E402
import tshark_flows  # noqa: E402

HOST, ANSWERING, URI = '10.1.7.44', '203.0.113.80', '/b.cgi?alt&174642967&000000000000'
OUTCOMES = {'no-reply': 43, 'refused': 19, 'answered': 1}
HEAD = 'HTTP/1.1 404 Not Found\\x0D\\x0AServer: Apache/1.3.26\\x0D\\x0AContent-Type: text/html\\x0D\\x0AContent-Length: 4096'
BODY = '<html><head><title>404 Not Found</title></head><body><h1>Not Found</h1>\\x0D\\x0A'


def packets_of(capture, *filters):
    """What tells packets apart, of those that the filter chooses."""
    fields = ('frame.time_epoch', 'frame.len', 'frame.cap_len', 'ip.src', 'ip.id', 'tcp.seq_raw', 'tcp.flags', 'tcp.payload')
    chosen = [part for field in fields for part in ('-e', field)]
    output, damaged = tshark_flows.run_tshark(['-r', str(capture), *filters, '-T', 'fields', *chosen])
    assert not damaged
    return output.splitlines()


def from_the_probe_on():
    """The packets of the flow that was hit, from its request on."""
    capture = picket.BUNDLED / 'frethem.pcap'
    first, _ = tshark_flows.run_tshark(['-r', str(capture), '-Y', 'http.request.uri contains "b.cgi?alt"', '-T', 'fields',
                                        '-e', 'frame.number', '-e', 'tcp.stream'])
    number, stream = first.split()
    return packets_of(capture, '-Y', f'tcp.stream == {stream} && frame.number >= {number}')


class Frethem(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.sensor = picket.Sensor('frethem.pcap')

    @classmethod
    def tearDownClass(cls):
        cls.sensor.stop()

    def say(self, *arguments):
        done = picket.run('-s', self.sensor.socket, *arguments)
        self.assertEqual(done.returncode, picket.DONE, done.stderr)
        self.assertLessEqual(max(map(len, [line for line in done.stdout.splitlines() if not line.startswith('next:')])), 80)
        return done.stdout

    def test_one_seen_sixty_two_inferred(self):
        answer = self.sensor.ask('probe', 'show', '--uri', '/b.cgi')
        total = answer['sum']
        self.assertEqual((total['probes'], total['seen'], total['inferred'], total['requests'], total['answered']),
                         (63, 1, 62, 1, 1))
        self.assertEqual((total['sources'], total['destinations'], total['outcomes']), (1, 63, OUTCOMES))
        self.assertEqual(answer['coverage'], {'lost': 0, 'seconds_blind': 0, 'folded': 0})
        rows = answer['rows']
        self.assertEqual(len({row['destination'] for row in rows}), 63)
        self.assertEqual({(row['source'], row['port'], row['rule']) for row in rows}, {(HOST, 80, 9000001)})
        self.assertEqual({row['outcome'] for row in rows if row['inferred']}, {'no-reply', 'refused'})
        (seen,) = [row for row in rows if not row['inferred']]
        self.assertEqual(seen, rows[-1], 'the answered one is the last')
        self.assertEqual((seen['destination'], seen['method'], seen['uri'], seen['host'], seen['referer']),
                         (ANSWERING, 'GET', URI, ANSWERING, None))
        self.assertEqual((seen['time'], seen['status'], seen['bytes_back'], seen['outcome']),
                         ('2002-08-27T04:30:12.195830Z', 404, 4096, 'answered'))

    def test_by_source(self):
        (row,) = self.sensor.ask('probe', 'show', '--uri', '/b.cgi', '--by', 'source')['rows']
        self.assertEqual((row['source'], row['rule'], row['destinations'], row['seen'], row['inferred']),
                         (HOST, 9000001, 63, 1, 62))
        self.assertEqual((row['first'][:19], row['stopped'], row['stopped_after_first_answer'], row['resumed']),
                         ('2002-08-27T04:12:24', '2002-08-27T04:30:12.195830Z', True, 0))
        self.assertEqual(row['outcomes'], OUTCOMES)
        self.assertAlmostEqual(row['per_minute'], 3.5, delta=0.05)

    def test_by_source_as_people_read_it(self):
        said = self.say('probe', 'show', '--uri', '/b.cgi', '--by', 'source')
        for line in ('  2002-08-27 04:12:24 → 04:30:12Z   STOPPED after its first answer',
                     '  63 destinations:80, 3.5/min   43 no-reply   19 refused   1 answered',
                     '  seen 1, inferred 62 attempts',
                     f'  04:30:12  {ANSWERING}  404 text/html  4,096 B  no Referer'):
            self.assertIn(line, said.splitlines())

    def test_by_source_with_masked_addresses(self):
        said = self.say('probe', 'show', '--uri', '/b.cgi', '--by', 'source', '--mask', '10.0.0.0/8')
        self.assertIn(f'  04:30:12  {ANSWERING}  404 text/html  4,096 B  no Referer', said.splitlines())
        self.assertNotIn(HOST, said)
        self.assertNotIn('next:', said, 'a masked address cannot be typed again')

    def test_the_answer_in_detail(self):
        (row,) = self.sensor.ask('probe', 'show', HOST, ANSWERING, '--detail')['rows']
        self.assertEqual((row['status'], row['content_type'], row['content_length'], row['bytes_back']),
                         (404, 'text/html', 4096, 4096))
        said = self.say('probe', 'show', HOST, ANSWERING, '--detail')
        for line in (f'  request         GET {URI}', '  Referer         none', '  status          404',
                     '  Content-Type    text/html', '  Content-Length  4096', '  bytes back      4,096'):
            self.assertIn(line, said.splitlines())

    def test_the_first_bytes_of_the_answer(self):
        (row,) = self.sensor.ask('probe', 'show', HOST, ANSWERING, '--detail')['rows']
        self.assertEqual((row['answer']['head'], row['answer']['head_is_whole']), (HEAD, True))
        self.assertTrue(row['answer']['body'].startswith(BODY))
        self.assertEqual(len(row['answer']['body'].replace('\\x0D', '.').replace('\\x0A', '.')), 256)
        said = self.say('probe', 'show', HOST, ANSWERING, '--detail').splitlines()
        self.assertIn('    HTTP/1.1 404 Not Found', said)
        self.assertIn('    <html><head><title>404 Not Found</title></head><body><h1>Not Found</h1>', said)

    def test_filters_choose_among_the_rows(self):
        refused = self.sensor.ask('probe', 'show', '--outcome', 'refused')
        self.assertEqual(refused['sum']['inferred'], 19)
        self.assertEqual(self.sensor.ask('probe', 'show', '--unanswered')['sum']['probes'], 62)
        before = self.sensor.ask('probe', 'show', '--until', '2002-08-27T04:20:00Z')['sum']
        after = self.sensor.ask('probe', 'show', '--since', '2002-08-27T04:20:00Z')['sum']
        self.assertEqual((before['seen'], before['probes'] + after['probes']), (0, 63))
        self.assertEqual(self.sensor.ask('probe', 'show', '--dst', ANSWERING)['sum']['probes'], 1)
        self.assertEqual(self.sensor.ask('probe', 'show', '--src', '10.1.0.5')['sum']['probes'], 0)
        self.assertEqual(self.sensor.ask('probe', 'show', '--uri', '/nothing')['rows'], [])
        self.assertEqual(self.sensor.ask('probe', 'show', '--status', '404')['sum']['seen'], 1)

    def test_other_shapes(self):
        (rule,) = self.sensor.ask('probe', 'show', '--by', 'rule')['rows']
        self.assertEqual((rule['rule'], rule['seen'], rule['inferred'], rule['outcomes']), (9000001, 1, 62, OUTCOMES))
        destinations = self.sensor.ask('probe', 'show', '--by', 'destination')['rows']
        self.assertEqual({row['probes'] for row in destinations}, {1})
        timeline = self.sensor.ask('probe', 'show', '--timeline', '10m')['rows']
        self.assertEqual([(row['time'][11:16], row['seen']) for row in timeline],
                         [('04:10', 0), ('04:20', 0), ('04:30', 1)])
        self.assertEqual(sum(row['inferred'] for row in timeline), 62)
        times = [datetime.datetime.fromisoformat(row['time'].replace('Z', '+00:00'))
                 for row in self.sensor.ask('probe', 'show', '--timeline', '1s')['rows']]
        self.assertEqual({after - before for before, after in zip(times, times[1:])}, {datetime.timedelta(seconds=1)},
                         'quiet seconds included')

    def test_what_probes_cannot_be_asked(self):
        for arguments in (('--min-packets', '3'), ('--format', 'netflow')):
            done = picket.run('-s', self.sensor.socket, 'probe', 'show', *arguments)
            self.assertEqual(done.returncode, picket.USAGE, arguments)


class ExportCase(unittest.TestCase):
    """Story 12: only those packets as a capture, with rows, rule and timeline; live, from a closed archive, and of
    replays with any number of workers."""

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix='picket-case-')
        self.addCleanup(self.folder.cleanup)

    def check(self, *asking):
        case = pathlib.Path(self.folder.name, 'case')
        done = picket.run(*asking, 'export', 'case', HOST, '-o', case)
        self.assertEqual(done.returncode, picket.DONE, done.stderr)
        self.assertLessEqual(max(map(len, done.stdout.splitlines()[:-1])), 80)
        self.assertIn('62 flows with rows only', done.stdout)
        self.assertIn((case / 'README.txt').read_text(encoding='utf-8'), done.stdout)
        self.assertEqual(packets_of(case / 'packets.pcapng'), from_the_probe_on())
        with open(case / 'flows.csv', encoding='utf-8', newline='') as file:
            rows = list(csv.DictReader(file))
        self.assertEqual((len(rows), {row['src_ip'] for row in rows}), (63, {HOST}))
        self.assertEqual([row['packets_kept'] for row in rows if row['packets_kept'] != '0'], ['10'])
        self.assertEqual(sum(int(row['pkts_toserver']) + int(row['pkts_toclient']) for row in rows), 266)
        with open(case / 'timeline.csv', encoding='utf-8', newline='') as file:
            self.assertEqual(sum(int(row['flows']) for row in csv.DictReader(file)), 63)
        probes = json.loads((case / 'probes.json').read_text(encoding='utf-8'))
        self.assertEqual((probes['sum']['seen'], probes['sum']['inferred']), (1, 62))
        self.assertEqual([row['answer']['head'] for row in probes['rows'] if 'answer' in row], [HEAD])
        self.assertIn('sid:9000001', (case / 'rules.rules').read_text(encoding='utf-8'))
        alerts = json.loads((case / 'alerts.json').read_text(encoding='utf-8'))
        self.assertIn(9000001, [row['sid'] for row in alerts['rows']])
        again = picket.run(*asking, 'export', 'case', HOST, '-o', case)
        self.assertEqual(again.returncode, picket.USAGE)
        self.assertIn('exists already', again.stderr)

    def test_live_and_then_closed(self):
        archive = pathlib.Path(self.folder.name, 'archive')
        sensor = picket.Sensor('frethem.pcap', more=f'[archive]\ndirectory = "{archive}"\n')
        self.addCleanup(sensor.process.kill)
        self.check('-s', sensor.socket)
        sensor.stop()
        pathlib.Path(self.folder.name, 'case').rename(pathlib.Path(self.folder.name, 'live'))
        self.check('--archive', archive)

    def test_replayed_with_three_workers(self):
        archive = pathlib.Path(self.folder.name, 'archive')
        picket.Replay(picket.BUNDLED / 'frethem.pcap', '--workers', '3', '--rss', 'none', '--archive', archive)
        self.check('--archive', archive)

    def test_none_are_kept(self):
        sensor = picket.Sensor('frethem.pcap', more='[capture]\nalert_packets = 0\n')
        self.addCleanup(sensor.stop)
        kept = sensor.ask('probe', 'show', HOST, ANSWERING, '--detail')
        self.assertNotIn('answer', kept['rows'][0])
        case = pathlib.Path(self.folder.name, 'case')
        done = picket.run('-s', sensor.socket, 'export', 'case', HOST, '-o', case)
        self.assertEqual(done.returncode, picket.DONE, done.stderr)
        self.assertIn('63 flows with rows only', done.stdout)
        self.assertEqual(packets_of(case / 'packets.pcapng'), [])

    def test_what_cannot_be_exported(self):
        sensor = picket.Sensor('frethem.pcap')
        self.addCleanup(sensor.stop)
        for arguments in (('nonsense',), (HOST, '-o', '/proc/none/case')):
            done = picket.run('-s', sensor.socket, 'export', 'case', *arguments)
            self.assertIn(done.returncode, (picket.USAGE, 3), arguments)
            self.assertTrue(done.stderr.startswith('picket: '), done.stderr)
        case = pathlib.Path(self.folder.name, 'case')
        nobody = picket.run('-s', sensor.socket, 'export', 'case', '192.0.2.99', '-o', case)
        self.assertEqual(nobody.returncode, picket.DONE, nobody.stderr)
        self.assertIn('0 flows', nobody.stdout)


class EveryGuise(unittest.TestCase):
    def test_fourteen_seen_in_one_campaign(self):
        sensor = picket.Sensor('frethem-evasions.pcap')
        self.addCleanup(sensor.stop)
        answer = sensor.ask('probe', 'show')
        self.assertEqual((answer['sum']['seen'], answer['sum']['inferred'], answer['sum']['answered']), (14, 0, 14))
        self.assertEqual({row['status'] for row in answer['rows']}, {404})
        (source,) = sensor.ask('probe', 'show', '--by', 'source')['rows']
        self.assertIs(source['stopped_after_first_answer'], False)
        third = sorted(row['time'] for row in answer['rows'])[2]
        said = sensor.read('probe', 'show', '--by', 'source', '--until', third).splitlines()
        self.assertEqual(sum('404 text/html' in line for line in said), 2, 'those of the interval alone')
        self.assertFalse([line for line in said if 'more answered' in line])


if __name__ == '__main__':
    picket.main()
