#!/usr/bin/python3
"""Are the addresses spoofed? Story 3.

usage: spoof_test.py PICKET [unittest arguments]; the numbers are those of tests/captures/README.md.
"""
import pathlib
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / 'support'))

import picket_program as picket  # noqa: E402

TWENTY = HERE.parent / 'captures' / 'sobig_f_20.txt'
TEN = ['12.232.104.221', '24.33.66.38', '24.197.143.132', '24.202.91.43', '61.38.187.59', '63.250.82.87',
       '65.95.193.138', '65.177.240.194', '67.9.241.67', '67.73.21.6']
FIELDS = 'one IP ID, 39936, in all flows', 'one TTL, 112, whatever the source', 'one TOS, 0x08, in all flows'


class Spoofed(unittest.TestCase):
    def sensor(self, capture):
        sensor = picket.Sensor(capture, watch={'sobig': TWENTY})
        self.addCleanup(sensor.stop)
        return sensor

    def check(self, row, reasons):
        self.assertEqual(row['confidence'], 'high')
        self.assertEqual(sorted(row['sources']), sorted(TEN))
        self.assertEqual((row['source_count'], row['networks'], row['destination']), (10, 6, '192.0.2.7:27015'))
        self.assertEqual((row['ttl'], row['ip_id'], row['tos']), (112, 39936, 8))
        self.assertEqual((row['flows'], row['packets'], row['bytes']), (1751, 1751, 64787))
        self.assertEqual(set(row['reasons']), set(reasons))

    def test_ten_sources_are_one_sender(self):
        sensor = self.sensor('sobig.pcap')
        (row,) = sensor.ask('spoof', 'show', '--src', '@sobig')['rows']
        self.check(row, FIELDS)
        # The players, who are answered and go on, are not taken for it, and not found beside it.
        everybody = sensor.ask('spoof', 'show')['rows']
        self.assertEqual(everybody, [row])
        players = sensor.ask('spoof', 'show', '--outcome', 'answered')
        self.assertEqual((players['rows'], players['sum']['sources'] > 50), ([], True))

    def test_consecutive_ports_add_to_it(self):
        (row,) = self.sensor('sobig-consecutive.pcap').ask('spoof', 'show', '--src', '@sobig')['rows']
        ports = [reason for reason in row['reasons'] if 'source ports rise' in reason]
        self.assertEqual(len(ports), 1)
        self.check(row, (*FIELDS, *ports))

    def test_reflection_does_not_acquit(self):
        (row,) = self.sensor('sobig-reflected.pcap').ask('spoof', 'show', '--src', '@sobig', '--port', '27015')['rows']
        self.assertEqual((row['confidence'], row['source_count']), ('high', 10))

    def test_a_scanner_is_no_forger(self):
        answer = self.sensor('frethem.pcap').ask('spoof', 'show')
        self.assertEqual((answer['rows'], answer['sum']['flows']), ([], 599))

    def test_as_people_read_it(self):
        sensor = self.sensor('sobig.pcap')
        said = picket.run('-s', sensor.socket, 'spoof', 'show', '--src', '@sobig').stdout
        self.assertIn('single origin, high confidence', said)
        self.assertIn('10 sources in 6 networks → 192.0.2.7:27015 UDP   1,751 flows', said)
        self.assertIn('coverage 100 %', said)
        self.assertLessEqual(max(map(len, said.splitlines()[:-1])), 80)


if __name__ == '__main__':
    picket.main()
