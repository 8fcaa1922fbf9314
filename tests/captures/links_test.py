#!/usr/bin/python3
"""The two fibres of a tap are one link: each direction on its own port, or not.

usage: links_test.py PICKET [unittest arguments]
"""
import pathlib
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / 'support')]

import picket_program as picket  # noqa: E402
import resegment  # noqa: E402

CAPTURE = 'frethem.pcap'


def is_forward(data):
    """Which of the two directions between two ends it is: whose source is the lower one."""
    at = resegment.ip_offset(resegment.ETHERNET[0], data)
    return data[at + 12:at + 16] < data[at + 16:at + 20]


def tagged(data, vlan):
    return data[:12] + b'\x81\x00' + vlan.to_bytes(2, 'big') + data[12:]


class Links(unittest.TestCase):
    def sensor(self, first, second, folder):
        """A sensor with both captures on one link, and its status."""
        more = f'[[port]]\ndevice = "pcap:{second}"\nname = "tap-b"\ngroup = "tap"\n'
        sensor = picket.Sensor(first, more=more)
        self.addCleanup(folder.cleanup)
        self.addCleanup(sensor.stop)
        return sensor, sensor.ask('status')

    def test_both_directions_are_one_flow_on_two_ports_with_two_tags(self):
        folder = tempfile.TemporaryDirectory(prefix='picket-links-')
        link_type, records = resegment.read_capture(picket.BUNDLED / CAPTURE)
        files = []
        for forward in (True, False):
            files.append(pathlib.Path(folder.name, f'{forward}.pcap'))
            some = [(time_ns, length + 4, tagged(data, 10 if forward else 20))
                    for time_ns, length, data in records if is_forward(data) == forward]
            self.assertGreater(len(some), 1000)
            resegment.write_capture(files[-1], link_type, some)
        sensor, status = self.sensor(*files, folder)
        whole = picket.Replay(picket.BUNDLED / CAPTURE)
        self.assertEqual(status['flows']['created'], whole.report['flows'])
        self.assertEqual(status['audit']['in_flows'], len(records))
        link = status['link']
        self.assertEqual(link, {'duplicates': 0, 'recorded': len(records), 'one_way': link['one_way'], 'swapped': 0,
                                'displaced': 0})
        self.assertEqual(link, whole.report['link'])
        self.assertIn('swapped 0.0 %   duplicates 0', sensor.read('status'))

    def test_both_directions_on_one_port_are_swapped(self):
        folder = tempfile.TemporaryDirectory(prefix='picket-links-')
        sensor, status = self.sensor(CAPTURE, picket.BUNDLED / 'sobig.pcap', folder)
        link = status['link']
        self.assertGreater(link['one_way'], 1751)  # the flood
        self.assertGreater(link['swapped'], 5000)
        self.assertEqual(link['one_way'] + link['swapped'], link['recorded'])
        self.assertEqual(link['recorded'], status['audit']['in_flows'])
        one_way, swapped = (f'{100 * link[name] / link["recorded"]:.1f} %' for name in ('one_way', 'swapped'))
        self.assertIn(f'one-way {one_way}   swapped {swapped}   duplicates 0', sensor.read('status'))


if __name__ == '__main__':
    picket.main()
