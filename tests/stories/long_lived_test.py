#!/usr/bin/python3
"""A long-lived flow that the active timeout cuts has one id, and its parts add up.

usage: long_lived_test.py PICKET [unittest arguments]; the numbers are those of tests/captures/README.md.
"""
import datetime
import pathlib
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / 'support'))

import picket_program as picket  # noqa: E402

WHOLE = {'pkts_toserver': 244, 'pkts_toclient': 243, 'bytes_toserver': 11924, 'bytes_toclient': 13324}
FIRST, LAST = '2003-08-24T12:00:00.500000Z', '2003-08-24T12:10:01.540300Z'
WIDE = '[flow]\nidle_timeout = "1h"\ntcp_idle_timeout = "1h"\nsyn_timeout = "1h"\nactive_timeout = "1h"\n'


def when(text):
    return datetime.datetime.strptime(text, '%Y-%m-%dT%H:%M:%S.%fZ')


class LongLived(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.sensor = picket.Sensor('long-lived.pcap')

    @classmethod
    def tearDownClass(cls):
        cls.sensor.stop()

    def test_one_row_holds_the_whole_flow(self):
        answer = self.sensor.ask('flow', 'show', '--proto', 'tcp')
        (row,) = answer['rows']
        self.assertEqual({key: row[key] for key in WHOLE}, WHOLE)
        self.assertEqual((row['first'], row['last'], row['final'], row['outcome']), (FIRST, LAST, True, 'answered'))
        self.assertEqual((answer['sum']['flows'], answer['sum']['packets'], answer['sum']['bytes']), (1, 487, 25248))

    def test_its_parts_have_its_id_and_add_up(self):
        (flow,) = self.sensor.ask('flow', 'show', '--proto', 'tcp')['rows']
        answer = self.sensor.ask('flow', 'show', '--proto', 'tcp', '--records')
        parts = answer['rows']
        self.assertGreaterEqual(len(parts), 5, 'ten minutes hold five active timeouts of 120 s')
        self.assertEqual({part['id'] for part in parts}, {flow['id']})
        self.assertEqual([part['part'] for part in parts], list(range(1, len(parts) + 1)))
        self.assertEqual([part['final'] for part in parts], [False] * (len(parts) - 1) + [True])
        self.assertEqual({part['end_reason'] for part in parts[:-1]}, {'active_timeout'})
        self.assertEqual({key: sum(part[key] for part in parts) for key in WHOLE}, WHOLE)
        self.assertEqual((parts[0]['first'], parts[-1]['last']), (FIRST, LAST))
        for part, following in zip(parts, parts[1:]):
            self.assertLess(when(part['last']), when(following['first']))
            self.assertLessEqual(when(part['last']) - when(part['first']), datetime.timedelta(seconds=120))
        self.assertEqual((answer['sum']['flows'], answer['sum']['packets'], answer['sum']['bytes']), (1, 487, 25248))

    def test_the_flow_in_full_lists_its_parts(self):
        (flow,) = self.sensor.ask('flow', 'show', '--proto', 'tcp')['rows']
        (full,) = self.sensor.ask('flow', 'show', str(flow['id']))['rows']
        parts = self.sensor.ask('flow', 'show', '--proto', 'tcp', '--records')['rows']
        self.assertEqual(full['parts'], parts)
        self.assertEqual({key: full[key] for key in WHOLE}, WHOLE)

    def test_an_interval_within_it_finds_all_of_it(self):
        (row,) = self.sensor.ask('flow', 'show', '--proto', 'tcp', '--since', '2003-08-24T12:05:00Z', '--until',
                                 '2003-08-24T12:05:30Z')['rows']
        self.assertEqual({key: row[key] for key in WHOLE}, WHOLE)

    def test_the_idle_timeout_makes_two_flows(self):
        rows = self.sensor.ask('flow', 'show', '--proto', 'udp')['rows']
        self.assertEqual([(row['pkts_toserver'], row['bytes_toserver']) for row in rows], [(3, 180), (2, 120)])
        self.assertEqual(len({row['id'] for row in rows}), 2)
        self.assertEqual({row['end_reason'] for row in rows}, {'idle_timeout'})

    def events(self, *options):
        replay = picket.Replay(picket.BUNDLED / 'long-lived.pcap', *options, events=True)
        self.assertEqual(replay.status, picket.DONE, replay.errors)
        flows = replay.of_type('flow')
        self.assertEqual(replay.report['flows'], len(flows))
        self.assertEqual(len({flow['flow_id'] for flow in flows}), len(flows))
        counts = [(flow['proto'], flow['flow']['pkts_toserver'] + flow['flow']['pkts_toclient'],
                   flow['flow']['bytes_toserver'] + flow['flow']['bytes_toclient']) for flow in flows]
        return sorted(counts)

    def test_eve_has_one_event_a_flow(self):
        self.assertEqual(self.events(), [('TCP', 487, 25248), ('UDP', 2, 120), ('UDP', 3, 180)])

    def test_wide_timeouts_leave_the_udp_flow_whole(self):
        with tempfile.NamedTemporaryFile('w', suffix='.toml', encoding='utf-8') as config:
            config.write(WIDE)
            config.flush()
            self.assertEqual(self.events('--config', config.name), [('TCP', 487, 25248), ('UDP', 5, 300)])


if __name__ == '__main__':
    picket.main()
