#!/usr/bin/python3
"""The bundled captures are what the generators write, and hold what README.md says, in the eyes of tshark."""
import collections
import filecmp
import functools
import pathlib
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
BUNDLED = HERE / 'bundled'
sys.path[:0] = [str(HERE), str(HERE.parent / 'support')]

import capture_files  # noqa: E402
import frethem_evasions  # noqa: E402
import generate  # noqa: E402
import sobig  # noqa: E402
import tshark_flows  # noqa: E402
import tshark_http  # noqa: E402

PACKETS = {'sobig.pcap': 3179, 'sobig-consecutive.pcap': 3179, 'sobig-reflected.pcap': 4930,
           'frethem.pcap': 5640, 'frethem-evasions.pcap': 326, 'long-lived.pcap': 492, 'mixed.pcap': 117,
           'mixed.pcapng': 22}
FROM_LIST_BY_HOUR = {19: 480, 20: 586, 21: 563, 22: 122}


@functools.lru_cache(maxsize=None)
def flows(name):
    return tshark_flows.flows_of(BUNDLED / name)['flows']


@functools.lru_cache(maxsize=None)
def messages(name):
    return tshark_http.http_rows(BUNDLED / name)


def fields(name, display_filter, *names):
    arguments = ['-r', str(BUNDLED / name), '-Y', display_filter, '-T', 'fields', '-E', 'occurrence=f']
    for field in names:
        arguments += ['-e', field]
    return [tuple(line.split('\t')) for line in tshark_flows.run_tshark(arguments)[0].splitlines()]


def total(rows, key):
    return sum(row[key] for row in rows)


class Bundled(unittest.TestCase):
    def test_regenerating_writes_the_same_bytes(self):
        with tempfile.TemporaryDirectory() as directory:
            self.assertEqual(generate.main([directory]), 0)
            same, differ, missing = filecmp.cmpfiles(directory, BUNDLED, generate.CAPTURES, shallow=False)
            self.assertEqual((sorted(differ), sorted(missing)), ([], []), 'run generate.py bundled')
            self.assertEqual(len(same), len(generate.CAPTURES))

    def test_nothing_else_is_bundled(self):
        self.assertEqual({path.name for path in BUNDLED.iterdir()}, set(generate.CAPTURES))
        self.assertLess(sum(path.stat().st_size for path in BUNDLED.iterdir()), 6_000_000)

    def test_capinfos_counts_the_packets(self):
        for name, count in PACKETS.items():
            table = subprocess.run(['capinfos', '-McTr', str(BUNDLED / name)], capture_output=True,
                                   text=True, check=True).stdout
            self.assertEqual(int(table.split('\t')[1]), count, name)

    def test_every_checksum_of_the_stories_is_right(self):
        for name in generate.CAPTURES:
            if not name.startswith('mixed'):
                rows, _ = tshark_flows.run_tshark([
                    '-r', str(BUNDLED / name), '-o', 'ip.check_checksum:TRUE', '-o',
                    'udp.check_checksum:TRUE', '-o', 'tcp.check_checksum:TRUE', '-Y',
                    'ip.checksum.status==0 || udp.checksum.status==0 || tcp.checksum.status==0'])
                self.assertEqual(rows, '', name)

    def test_an_unknown_name_is_refused(self):
        with tempfile.TemporaryDirectory() as directory:
            self.assertEqual(generate.main([directory, 'nonsense.pcap']), 2)
            self.assertEqual(list(pathlib.Path(directory).iterdir()), [])


class Sobig(unittest.TestCase):
    NAMES = ('sobig.pcap', 'sobig-consecutive.pcap', 'sobig-reflected.pcap')

    def flood(self, name):
        return sorted((flow for flow in flows(name) if flow['src_ip'] in sobig.FLOWS_BY_SOURCE),
                      key=lambda flow: flow['first_ns'])

    def test_the_flood(self):
        for name in self.NAMES:
            flood = self.flood(name)
            self.assertEqual(len(flood), 1751)
            self.assertEqual(len({(flow['src_ip'], flow['src_port']) for flow in flood}), 1751)
            self.assertEqual(total(flood, 'pkts_toserver'), 1751)
            self.assertEqual(total(flood, 'bytes_toserver'), 64787)
            self.assertEqual({(flow['dest_ip'], flow['dest_port']) for flow in flood}, {('192.0.2.7', 27015)})
            self.assertEqual(collections.Counter(flow['src_ip'] for flow in flood), sobig.FLOWS_BY_SOURCE)
            self.assertEqual((flood[0]['src_ip'], flood[0]['src_port']), ('67.73.21.6', 50416))
            for at, text in ((0, '2003-08-22 19:09:54'), (-1, '2003-08-22 22:14:09')):
                self.assertEqual(flood[at]['first_ns'] // 10**9, capture_files.utc(text) // 10**9)

    def test_every_forged_packet_bears_one_mark(self):
        for name in self.NAMES:
            rows = fields(name, 'ip.ttl==112', 'ip.id', 'ip.dsfield', 'ip.len', 'udp.payload', 'ip.dst')
            self.assertEqual(collections.Counter(rows), {
                ('0x9c00', '0x08', '37', 'ffffffff696e666f00', '192.0.2.7'): 1751})

    def test_ten_of_the_twenty_are_seen(self):
        listed = (HERE / 'sobig_f_20.txt').read_text(encoding='ascii').split()
        self.assertEqual(len(set(listed)), 20)
        for name in self.NAMES:
            ends = {flow[end] for flow in flows(name) for end in ('src_ip', 'dest_ip')}
            self.assertEqual(ends & set(listed), set(sobig.FLOWS_BY_SOURCE))

    def test_three_inside_hosts_send_the_probe(self):
        rows = fields('sobig.pcap', 'udp.payload == 5c:bf:01:29:ca:62:eb:f1', 'ip.src', 'udp.dstport')
        self.assertEqual(collections.Counter(rows), {
            ('10.20.3.14', '8998'): 10, ('10.20.8.77', '8998'): 10, ('10.20.11.5', '8998'): 4})

    def test_players_are_answered_and_queries_told_apart(self):
        players = [flow for flow in flows('sobig.pcap')
                   if flow['dest_port'] == 27015 and flow['src_ip'] not in sobig.FLOWS_BY_SOURCE]
        self.assertEqual((len(players), len({flow['src_ip'] for flow in players})), (88, 50))
        self.assertTrue(all(flow['pkts_toclient'] for flow in players))
        rows = fields('sobig.pcap', 'udp.dstport==27015 && ip.len==37 && ip.ttl!=112', 'udp.payload')
        self.assertEqual(collections.Counter(row[0][8:10] for row in rows),
                         {'69': 12, '70': 10, '55': 8, '56': 8})

    def test_hours(self):
        def hour(flow):
            return flow['first_ns'] // 10**9 // 3600 % 24
        self.assertEqual(collections.Counter(map(hour, self.flood('sobig.pcap'))), FROM_LIST_BY_HOUR)
        everything = flows('sobig.pcap')
        outside = [flow for flow in everything if not 19 <= hour(flow) < 22]
        self.assertEqual((len(everything), len(outside)), (1877, 162))

    def test_answers_only_when_reflected(self):
        for name, answered in zip(self.NAMES, (0, 0, 1751), strict=True):
            flood = self.flood(name)
            self.assertEqual(total(flood, 'pkts_toclient'), answered)
            self.assertEqual(total(flood, 'bytes_toclient'), answered * 228)

    def test_ports_scatter_or_count_up(self):
        def steps(name):
            flood = self.flood(name)
            return [(later['src_port'] - flow['src_port'], later['first_ns'] - flow['first_ns'])
                    for flow, later in zip(flood, flood[1:])]
        self.assertEqual([step for step in steps('sobig.pcap') if step[0] == 1], [])
        consecutive = steps('sobig-consecutive.pcap')
        self.assertEqual({step[0] for step in consecutive}, {1})
        self.assertEqual(sum(step[1] <= 1_200_000 for step in consecutive), 1532)


class Frethem(unittest.TestCase):
    def probes(self):
        return [flow for flow in flows('frethem.pcap') if flow['src_ip'] == '10.1.7.44']

    def test_outcomes(self):
        probes = self.probes()
        self.assertEqual(len({flow['dest_ip'] for flow in probes}), 63)
        self.assertEqual(len(probes), 63)
        answers = collections.Counter((flow['pkts_toserver'], flow['pkts_toclient']) for flow in probes)
        self.assertEqual(answers, {(5, 0): 43, (1, 1): 19, (7, 6): 1})
        ports = [flow['src_port'] for flow in sorted(probes, key=lambda flow: flow['first_ns'])]
        self.assertEqual(ports, sorted(set(ports)))

    def test_times_and_the_silence_after(self):
        ordered = sorted(self.probes(), key=lambda flow: flow['first_ns'])
        self.assertEqual(ordered[-1]['dest_ip'], '203.0.113.80')
        first_s, last_s = (ordered[at]['first_ns'] // 10**9 for at in (0, -1))
        self.assertEqual(first_s, capture_files.utc('2002-08-27 04:12:24') // 10**9)
        self.assertEqual(last_s, capture_files.utc('2002-08-27 04:30:12') // 10**9)
        self.assertEqual(max(flow['last_ns'] for flow in ordered) // 10**9, last_s)
        last_of_host = max(int(row[0].split('.')[0]) for row in
                           fields('frethem.pcap', 'ip.src==10.1.7.44', 'frame.time_epoch'))
        self.assertEqual(last_of_host, last_s)
        end = max(flow['last_ns'] for flow in flows('frethem.pcap')) // 10**9
        self.assertGreater(end - last_of_host, 30 * 60)

    def test_silent_ones_get_five_syns(self):
        silent = next(flow for flow in self.probes() if flow['pkts_toserver'] == 5)
        rows = fields('frethem.pcap', f'ip.addr=={silent["dest_ip"]}', 'frame.time_relative', 'tcp.flags')
        start = float(rows[0][0])
        self.assertEqual([round(float(row[0]) - start) for row in rows], [0, 3, 9, 21, 45])
        self.assertEqual({row[1] for row in rows}, {'0x0002'})

    def test_the_answered_probe(self):
        rows = [row for row in messages('frethem.pcap') if '203.0.113.80' in (row['src_ip'], row['dest_ip'])]
        request, response = rows
        self.assertEqual((request['method'], request['uri'], request['host'], request['referer']),
                         ('GET', '/b.cgi?alt&174642967&000000000000', '203.0.113.80', None))
        self.assertEqual((response['status'], response['content_type'], response['content_length']),
                         (404, 'text/html', 4096))
        packet = fields('frethem.pcap', f'frame.number=={request["frame"]}', 'ip.len', 'tcp.len', 'ip.ttl',
                        'tcp.window_size_value', 'ip.flags.df')
        self.assertEqual(packet, [('157', '117', '126', '8760', '1')])

    def test_proxy_and_browsers(self):
        proxied = [flow for flow in flows('frethem.pcap') if flow['src_ip'] == '10.1.0.5']
        self.assertEqual(len({flow['dest_ip'] for flow in proxied}), 500)
        answers = collections.Counter('silent' if not flow['pkts_toclient'] else
                                      'refused' if flow['pkts_toclient'] == 1 else 'answered'
                                      for flow in proxied)
        self.assertEqual(answers, {'answered': 450, 'silent': 30, 'refused': 20})
        self.assertEqual(len(flows('frethem.pcap')), 63 + 500 + 36)
        requests = [row for row in messages('frethem.pcap') if row['kind'] == 'request']
        self.assertEqual(len(requests), 1 + 450 + 144)
        self.assertEqual([row['uri'] for row in requests if 'b.cgi' in row['uri']],
                         ['/b.cgi?alt&174642967&000000000000'])
        self.assertTrue(any(row['referer'] for row in requests))
        self.assertEqual({row['status'] for row in messages('frethem.pcap') if row['kind'] == 'response'},
                         {200, 304, 404})


class Evasions(unittest.TestCase):
    NAME = 'frethem-evasions.pcap'

    def test_each_guise_is_one_request_with_its_raw_uri(self):
        requests = [row for row in messages(self.NAME) if row['kind'] == 'request']
        self.assertEqual([row['uri'] for row in requests], [case[1] for case in frethem_evasions.CASES])
        self.assertEqual(len(flows(self.NAME)), 22)
        responses = [row['status'] for row in messages(self.NAME) if row['kind'] == 'response']
        self.assertEqual(responses, [404] * 22)

    def test_the_number_that_match(self):
        self.assertEqual(sum(case[3] for case in frethem_evasions.CASES), 14)

    def test_one_request_comes_byte_by_byte(self):
        index = [case[0] for case in frethem_evasions.CASES].index('one byte a segment')
        rows = fields(self.NAME, f'tcp.srcport=={2000 + index} && tcp.len>0', 'tcp.len')
        self.assertGreater(len(rows), 80)
        self.assertEqual({row[0] for row in rows}, {'1'})


class LongLived(unittest.TestCase):
    def test_totals(self):
        tcp, udp = flows('long-lived.pcap')
        self.assertEqual((tcp['pkts_toserver'], tcp['pkts_toclient']), (244, 243))
        self.assertEqual((tcp['bytes_toserver'], tcp['bytes_toclient']), (11924, 13324))
        self.assertEqual((udp['pkts_toserver'], udp['bytes_toserver'], udp['pkts_toclient']), (5, 300, 0))

    def test_the_udp_gaps(self):
        times = [float(row[0]) for row in fields('long-lived.pcap', 'udp', 'frame.time_relative')]
        gaps = [round(later - time, 3) for time, later in zip(times, times[1:])]
        self.assertEqual(gaps, [14.0, 14.9, 15.2, 5.9])


class Mixed(unittest.TestCase):
    def test_what_has_a_flow_and_what_has_none(self):
        seen = tshark_flows.flows_of(BUNDLED / 'mixed.pcap')
        self.assertEqual(seen['left_out'], {'not_ip': 7, 'fragment': 6, 'icmp': 10, 'other_ip': 10})
        self.assertEqual(len(seen['flows']), 14)
        self.assertEqual(seen['packets'], 117)

    def test_nanoseconds_are_kept(self):
        begin = fields('mixed.pcap', 'frame.number<=2', 'frame.time_epoch')
        self.assertEqual(begin, [('1709251198.000000007',), ('1709251198.010000008',)])

    def test_requests(self):
        requests = [row for row in messages('mixed.pcap') if row['kind'] == 'request']
        self.assertEqual([(row['method'], row['uri'], row['dest_port']) for row in requests],
                         [('GET', '/two-tags', 80), ('GET', '/over-ipv6', 80), ('GET', '/odd-port', 8123),
                          ('POST', '/odder', 31337)])
        statuses = [row['status'] for row in messages('mixed.pcap') if row['kind'] == 'response']
        self.assertEqual(statuses, [200, 200, 200, 200, 501])

    def test_pcapng_is_one_flow_over_all_interfaces(self):
        seen = tshark_flows.flows_of(BUNDLED / 'mixed.pcapng')
        (flow,) = seen['flows']
        self.assertEqual((flow['pkts_toserver'], flow['pkts_toclient']), (10, 8))
        self.assertEqual((flow['bytes_toserver'], flow['bytes_toclient']), (356, 288))
        self.assertEqual(seen['left_out'], {'not_ip': 4})


if __name__ == '__main__':
    unittest.main(verbosity=2)
