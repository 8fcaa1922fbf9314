#!/usr/bin/python3
"""The ISP's engineer and SoBig.F: stories 1, 2, 4 (first half), 5 to 9 on a capture whose answers are known.

usage: sobig_test.py PICKET [unittest arguments]; the numbers are those of tests/captures/README.md.
"""
import collections
import datetime
import pathlib
import re
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / 'support'))

import picket_program as picket  # noqa: E402
import tshark_flows  # noqa: E402

TWENTY = HERE.parent / 'captures' / 'sobig_f_20.txt'
FLOOD_BYTES, PROBE_BYTES = 37, 36
DAY = '2003-08-22T'
# address: flows of the flood, flows of inside hosts to it, first of both, first of the flood, last
SEEN = {
    '12.232.104.221': (214, 3, '19:00:02.310000', '19:10:37.395961', '22:13:57.021876'),
    '24.33.66.38': (163, 3, '19:00:04.271000', '19:09:56.020933', '22:13:57.901354'),
    '24.197.143.132': (190, 3, '19:00:05.699000', '19:10:30.146326', '22:08:45.566072'),
    '24.202.91.43': (152, 3, '19:00:06.858000', '19:11:44.466184', '22:11:36.043257'),
    '61.38.187.59': (201, 2, '19:00:07.881000', '19:11:15.724958', '22:12:27.135675'),
    '63.250.82.87': (137, 2, '19:00:09.827000', '19:11:21.050629', '22:14:04.680121'),
    '65.95.193.138': (178, 2, '19:00:10.993000', '19:10:41.637265', '22:13:40.965254'),
    '65.177.240.194': (169, 2, '19:00:12.638000', '19:10:33.031541', '22:13:17.077176'),
    '67.9.241.67': (185, 2, '19:00:13.953000', '19:10:51.147810', '22:12:13.417452'),
    '67.73.21.6': (162, 2, '19:00:15.728000', '19:09:54.218437', '22:14:09.604112')}
FLOOD_BY_HOUR = [480, 586, 563, 122]  # from 19:00
FLOOD_BY_TEN_MINUTES = [3, 93, 97, 93, 92, 102, 101, 105, 75, 118, 101, 86, 89, 98, 90, 93, 99, 94, 89, 33]
FIRST, LAST = f'{DAY}19:09:54.218437Z', f'{DAY}22:14:09.604112Z'
LOG_LINE = re.compile(r'2003/08/22 \d\d:\d\d:\d\d (\d+\.\d+\.\d+\.\d+)\.\d+ -> 192\.0\.2\.7\.27015 17 1 37')
EVERYTHING = ('--limit', '100000')

PROBE_RULE = '9001001'
INFECTED = {'10.20.3.14': 10, '10.20.8.77': 10, '10.20.11.5': 4}  # inside hosts: probes, each to another address
# Alerts are one a rule or list, destination and hour. The third host probes in another hour than the first two.
PROBE_ALERTS = 10 + 4

QUERIES_NAMED = {'GoldSrc info': 12, 'GoldSrc ping': 10, 'A2S_PLAYER': 8, 'A2S_RULES': 8}  # of the players


def listed_addresses():
    return {line.split('#')[0].strip() for line in TWENTY.read_text(encoding='utf-8').splitlines()} - {''}


class OnCapture(unittest.TestCase):
    """One sensor for all questions of a class."""

    @classmethod
    def setUpClass(cls):
        cls.sensor = picket.Sensor(cls.capture, watch={'sobig': TWENTY})

    @classmethod
    def tearDownClass(cls):
        cls.sensor.stop()

    def assert_covered(self, answer):
        self.assertEqual(answer['coverage'], {'lost': 0, 'seconds_blind': 0, 'folded': 0})
        self.assertIs(answer['truncated'], False)


class WhoOfTheTwenty(OnCapture):
    """Story 1."""
    capture = 'sobig.pcap'
    retrospective = 0

    def test_ten_seen_ten_not_with_flows_first_and_last(self):
        answer = self.sensor.ask('watch', 'show', 'sobig')
        rows = {row['ip']: row for row in answer['rows']}
        self.assertEqual(len(answer['rows']), 20)
        self.assertEqual(set(rows), listed_addresses())
        self.assertEqual({ip for ip, row in rows.items() if row['seen']}, set(SEEN))
        for ip, (flood, probes, first, _, last) in SEEN.items():
            self.assertEqual(rows[ip], {
                'ip': ip, 'seen': True, 'flows': flood + probes, 'packets': flood + probes,
                'bytes': flood * FLOOD_BYTES + probes * PROBE_BYTES, 'first': f'{DAY}{first}Z',
                'last': f'{DAY}{last}Z', 'retrospective': self.retrospective * (flood + probes)})
        for ip in set(rows) - set(SEEN):
            self.assertEqual(rows[ip], {'ip': ip, 'seen': False, 'flows': 0, 'packets': 0, 'bytes': 0,
                                        'first': None, 'last': None, 'retrospective': 0})
        self.assertEqual((answer['sum']['entries'], answer['sum']['seen'], answer['sum']['not_seen']), (20, 10, 10))

    def test_people_read_the_same(self):
        text = self.sensor.read('watch', 'show', 'sobig')
        self.assertIn('10 of 20 seen', text)
        lines = {line.split()[0]: line.split() for line in text.splitlines() if line.strip()}
        for ip in listed_addresses():
            self.assertEqual(lines[ip][1], 'yes' if ip in SEEN else 'no')
        self.assertEqual(lines['67.73.21.6'][2:], ['164', '164', '6,066', '19:00:15.728000', '22:14:09.604112'])
        self.assertIn('coverage 100 %', text)


class WhoOfTheTwentyAfterTheFact(WhoOfTheTwenty):
    """Story 8: the list comes when everything is over; the answer is the same, and says so."""
    retrospective = 1  # times all flows

    @classmethod
    def setUpClass(cls):
        cls.sensor = picket.Sensor(cls.capture)
        picket.wait_until(lambda: cls.sensor.ask('flow', 'show', '--sum')['sum']['flows'] == 1877)
        done = picket.run('-s', cls.sensor.socket, 'watch', 'load', 'sobig', TWENTY)
        assert done.returncode == picket.DONE, done.stderr

    def test_people_are_told(self):
        flows = sum(flood + probes for flood, probes, *_ in SEEN.values())
        text = self.sensor.read('watch', 'show', 'sobig')
        self.assertIn(f'retrospective: {flows:,} flows began before a list named them', text)
        messages = {row['msg'] for row in self.sensor.ask('alert', 'show', *EVERYTHING)['rows']}
        self.assertNotIn('watch list sobig', messages)


class WhatTheyDid(OnCapture):
    """Story 2, in its three shapes; story 4's first half; story 9."""
    capture = 'sobig.pcap'

    def test_sum(self):
        answer = self.sensor.ask('flow', 'show', '--src', '@sobig', '--sum')
        self.assert_covered(answer)
        self.assertEqual(answer['sum'], {'flows': 1751, 'packets': 1751, 'bytes': 64787, 'sources': 10,
                                         'destinations': 1, 'first': FIRST, 'last': LAST,
                                         'one_direction': 0, 'unanswered': 1751,
                                         'udp_payload_toserver': 9 * 1751, 'udp_payload_toclient': 0,
                                         'udp_payload_ratio': 0})

    def test_sum_as_people_read_it(self):
        text = self.sensor.read('flow', 'show', '--src', '@sobig', '--sum')
        self.assertRegex(text, r'flows 1,751 +packets 1,751 +bytes 64,787 +sources 10 of 20 +→ 192\.0\.2\.7:27015\n')
        self.assertRegex(text, r'19:09:54 → 22:14:09Z +9\.5/min +UDP, 37 B a packet, GoldSrc info\n')
        self.assertRegex(text, r'replies none .*50 other sources were answered')
        self.assertIn('coverage 100 %', text)

    def test_first_bytes_are_named_and_look_alikes_told_apart(self):
        """Story 5: all of them are 37-byte packets."""
        rows = {row['payload']: row for row in self.sensor.ask('flow', 'show', '--src', '@sobig', '--by', 'payload')['rows']}
        self.assertEqual({name: row['flows'] for name, row in rows.items()}, {'GoldSrc info': 1751})
        players = self.sensor.ask('flow', 'show', '--dst', '192.0.2.7', '--by', 'payload')['rows']
        named = {row['payload']: row['flows'] - (1751 if row['payload'] == 'GoldSrc info' else 0) for row in players}
        self.assertEqual(named, QUERIES_NAMED | {'GoldSrc getchallenge': 50})
        probes = self.sensor.ask('flow', 'show', '--dport', '8998', '--by', 'payload')['rows']
        self.assertEqual([(row['payload'], row['flows']) for row in probes], [('SoBig.F master query', 24)])
        flow = self.sensor.ask('flow', 'show', '--src', '@sobig', '--limit', '1')['rows'][0]
        detail = self.sensor.ask('flow', 'show', str(flow['id']))['rows'][0]
        self.assertEqual(detail['to_server']['payload'], 'ffffffff696e666f00')
        self.assertEqual(detail['to_server']['payload_name'], 'GoldSrc info')
        self.assertIsNone(detail['to_client']['payload_name'])

    def test_netflow_is_the_log_of_the_operator(self):
        lines = self.sensor.read('--tz', 'America/New_York', 'flow', 'show', '--src', '@sobig', '--format', 'netflow',
                                 *EVERYTHING).splitlines()
        self.assertEqual(len(lines), 1751)
        self.assertEqual(lines[0], '2003/08/22 15:09:54 67.73.21.6.50416 -> 192.0.2.7.27015 17 1 37')
        self.assertTrue(lines[-1].startswith('2003/08/22 18:14:09 67.73.21.6.'), lines[-1])
        sources = [LOG_LINE.fullmatch(line) for line in lines]
        self.assertNotIn(None, sources)
        for ip, (flood, *_) in SEEN.items():
            self.assertEqual(sum(match[1] == ip for match in sources), flood, ip)

    def test_netflow_in_utc_and_masked(self):
        line = self.sensor.read('flow', 'show', '--src', '@sobig', '--format', 'netflow', '--mask', '192.0.2.0/24',
                                '--limit', 1).splitlines()[0]
        self.assertEqual(line, '2003/08/22 19:09:54 67.73.21.6.50416 -> XXX.XXX.XXX.XXX.27015 17 1 37')

    def test_talkers(self):
        answer = self.sensor.ask('flow', 'show', '--src', '@sobig', '--talkers')
        self.assert_covered(answer)
        self.assertEqual(answer['rows'], sorted(answer['rows'], key=lambda row: -row['bytes']))
        self.assertEqual({row['ip']: row for row in answer['rows']}, {
            ip: {'ip': ip, 'flows': flood, 'packets': flood, 'bytes': flood * FLOOD_BYTES, 'first': f'{DAY}{first}Z',
                 'last': f'{DAY}{last}Z'}
            for ip, (flood, _, _, first, last) in SEEN.items()})

    def test_talkers_as_people_read_them(self):
        text = self.sensor.read('flow', 'show', '--src', '@sobig', '--talkers')
        self.assertEqual([line.split()[0] for line in text.splitlines() if re.match(r'\d+\.\d+\.', line)],
                         sorted(SEEN, key=lambda ip: -SEEN[ip][0]))

    def test_every_flow_of_the_list_is_unanswered(self):
        answer = self.sensor.ask('flow', 'show', '--src', '@sobig', '--unanswered', *EVERYTHING)
        self.assert_covered(answer)
        self.assertEqual(len(answer['rows']), 1751)
        self.assertEqual(len({row['id'] for row in answer['rows']}), 1751)
        self.assertEqual({(row['outcome'], row['pkts_toserver'], row['pkts_toclient'], row['bytes_toserver'],
                           row['bytes_toclient'], row['dest_ip'], row['dest_port'], row['proto'], row['ttl_ts'])
                          for row in answer['rows']},
                         {('no-reply', 1, 0, 37, 0, '192.0.2.7', 27015, 'UDP', 112)})

    def test_the_probes_are_unanswered_too_and_the_players_are_not(self):
        everything = self.sensor.ask('flow', 'show', '--unanswered', '--sum')['sum']
        self.assertEqual((everything['flows'], everything['packets']), (1775, 1775))
        probes = self.sensor.ask('flow', 'show', '--dst', '@sobig', '--sum')['sum']
        self.assertEqual((probes['flows'], probes['sources'], probes['bytes']), (24, 3, 24 * PROBE_BYTES))
        players = self.sensor.ask('flow', 'show', '--dport', '27015', '--outcome', 'answered', '--sum')['sum']
        self.assertEqual((players['flows'], players['packets'], players['sources']), (88, 2 * 678, 50))

    def test_the_flood_is_one_alert_an_hour_whose_count_climbs(self):
        """Not 1,751: one for the list, the destination, the port and the hour, as interfaces.md bounds them."""
        rows = [row for row in self.sensor.ask('alert', 'show')['rows'] if row['destination'] == '192.0.2.7:27015']
        rows.sort(key=lambda row: row['first'])
        self.assertEqual([row['count'] for row in rows], FLOOD_BY_HOUR)
        self.assertEqual(sum(row['count'] for row in rows), 1751)
        self.assertEqual((rows[0]['first'], rows[-1]['last']), (FIRST, LAST))
        self.assertEqual((rows[0]['time'], rows[0]['source']), (FIRST, '67.73.21.6'))
        self.assertTrue(all('sobig' in row['msg'] for row in rows), rows)

    def test_replay_counts_the_hits_and_the_alerts(self):
        replay = picket.Replay(picket.BUNDLED / 'sobig.pcap', '--watch', f'sobig={TWENTY}')
        self.assertEqual(replay.status, picket.DONE, replay.errors)
        self.assertEqual((replay.report['packets'], replay.report['flows']), (3179, 1877))
        self.assertEqual(replay.report['alerts_by_rule'], {PROBE_RULE: sum(INFECTED.values())})
        # The list names the probes' destinations and the flood; each infected host is a scanner.
        self.assertEqual(replay.report['alerts'], 2 * PROBE_ALERTS + len(FLOOD_BY_HOUR) + len(INFECTED))


class WhoAsksTheMasters(OnCapture):
    """Story 6: the rule for the 8-byte probe finds the three inside hosts, and none of the flood."""
    capture = 'sobig.pcap'

    def test_exactly_the_three_inside_hosts(self):
        answer = self.sensor.ask('probe', 'show', '--rule', PROBE_RULE, '--by', 'source')
        self.assert_covered(answer)
        self.assertEqual({row['source']: (row['seen'], row['destinations'], row['inferred']) for row in answer['rows']},
                         {ip: (probes, probes, 0) for ip, probes in INFECTED.items()})
        total = answer['sum']
        self.assertEqual((total['seen'], total['inferred'], total['sources'], total['destinations'], total['outcomes']),
                         (24, 0, 3, 10, {'no-reply': 24}))

    def test_every_hit_is_a_probe_and_none_of_the_flood(self):
        rows = self.sensor.ask('probe', 'show', '--rule', PROBE_RULE, *EVERYTHING)['rows']
        self.assertEqual(len(rows), 24)
        self.assertEqual({(row['source'], row['destination'], row['port']) for row in rows},
                         {(ip, to, 8998) for ip, probes in INFECTED.items() for to in list(SEEN)[:probes]})
        hit = self.sensor.ask('flow', 'show', '--rule', PROBE_RULE, '--sum')['sum']
        self.assertEqual((hit['flows'], hit['packets'], hit['bytes']), (24, 24, 24 * PROBE_BYTES))
        for of_the_flood in (('--src', '@sobig'), ('--dport', '27015')):
            self.assertEqual(self.sensor.ask('flow', 'show', '--rule', PROBE_RULE, *of_the_flood, '--sum')['sum']['flows'], 0)
        self.assertEqual({row['sid'] for row in self.sensor.ask('alert', 'show', *EVERYTHING)['rows']}, {0, int(PROBE_RULE)})

    def test_replay_says_so_too(self):
        for workers in (1, 3):
            report = picket.Replay(picket.BUNDLED / 'sobig.pcap', '--workers', workers).report
            self.assertEqual((report['alerts_by_rule'], report['alerts']), ({PROBE_RULE: 24}, PROBE_ALERTS + len(INFECTED)))


class WhenTheyCame(OnCapture):
    """Story 7: one timeline, told in two time zones."""
    capture = 'sobig.pcap'

    def timeline(self, *arguments):
        """Start of each bucket, as it is printed, and its flows."""
        answer = self.sensor.ask(*arguments)
        self.assert_covered(answer)
        return [(row['time'], row['flows']) for row in answer['rows']]

    def assert_told(self, rows, begin, zone, expected):
        """rows are buckets of ten minutes from `begin` on, in the time zone of that suffix."""
        at = datetime.datetime.fromisoformat(begin)
        self.assertEqual([flows for _, flows in rows], expected)
        self.assertEqual([text for text, _ in rows],
                         [f'{at + datetime.timedelta(minutes=10 * i):%Y-%m-%dT%H:%M:%S}.000000{zone}' for i in range(len(expected))])

    def test_the_flood_by_ten_minutes_in_both_time_zones(self):
        question = ('flow', 'show', '--src', '@sobig', '--timeline', '10m')
        self.assert_told(self.timeline(*question, '--tz', 'UTC'), f'{DAY}19:00:00', 'Z', FLOOD_BY_TEN_MINUTES)
        self.assert_told(self.timeline(*question, '--tz', 'America/New_York'), f'{DAY}15:00:00', '-04:00',
                         FLOOD_BY_TEN_MINUTES)

    def test_all_flows_by_ten_minutes(self):
        """Held against tshark, which says when each flow's first packet came."""
        starts = collections.Counter(flow['first_ns'] // (600 * 10**9)
                                     for flow in tshark_flows.flows_of(picket.BUNDLED / 'sobig.pcap')['flows'])
        expected = {f'{datetime.datetime.fromtimestamp(600 * at, datetime.timezone.utc):%Y-%m-%dT%H:%M:%S}.000000Z': flows
                    for at, flows in starts.items()}
        rows = self.timeline('flow', 'show', '--timeline', '10m', '--tz', 'UTC')
        self.assertEqual({text: flows for text, flows in rows if flows}, expected)

    def test_flows_outside_of_the_window_of_sobig(self):
        for zone, begin in (('UTC', 19), ('America/New_York', 15)):
            rows = self.timeline('flow', 'show', '--timeline', '1h', '--tz', zone)
            window = {f'{DAY}{hour}' for hour in range(begin, begin + 3)}
            outside = sum(flows for text, flows in rows if text[:13] not in window)
            self.assertEqual((sum(flows for _, flows in rows), outside), (1877, 162), zone)

    def test_people_read_the_same_hours_shifted(self):
        for zone, begin, suffix in (('UTC', '19:00:00', 'Z'), ('America/New_York', '15:00:00', '-04:00')):
            text = self.sensor.read('flow', 'show', '--src', '@sobig', '--timeline', '10m', '--tz', zone)
            self.assertIn(f'2003-08-22 {begin}{suffix}', text.splitlines()[1])
            self.assertEqual([int(line.split()[2]) for line in text.splitlines() if line.startswith('2003-')],
                             FLOOD_BY_TEN_MINUTES)


class ReflectedFlood(OnCapture):
    """Story 4: with replies of 200 bytes nothing of it is unanswered."""
    capture = 'sobig-reflected.pcap'

    def test_only_the_probes_are_unanswered(self):
        flood = self.sensor.ask('flow', 'show', '--src', '@sobig', '--sum')['sum']
        self.assertEqual((flood['flows'], flood['packets'], flood['bytes']), (1751, 2 * 1751, 64787 + 399228))
        self.assertAlmostEqual(flood['udp_payload_ratio'], 200 / 9)
        self.assertIn('22.2 times the payload: reflection',
                      self.sensor.read('flow', 'show', '--src', '@sobig', '--sum'))
        self.assertEqual(self.sensor.ask('flow', 'show', '--src', '@sobig', '--unanswered', '--sum')['sum']['flows'], 0)
        self.assertEqual(self.sensor.ask('flow', 'show', '--unanswered', '--sum')['sum']['flows'], 24)


if __name__ == '__main__':
    picket.main()
