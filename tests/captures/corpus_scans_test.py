#!/usr/bin/python3
"""Scans that others captured are found for what they are; so are those captures of which docs/detection.md says that
they look like scans. That nothing else is told of the published captures asserts corpus_test.py.

usage: corpus_scans_test.py PICKET [unittest arguments]
"""
import collections
import pathlib
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / 'support')]

import corpus_test as corpus  # noqa: E402
import picket_program as picket  # noqa: E402
import tshark_flows  # noqa: E402

Found = collections.namedtuple('Found', 'kind proto source destination port tried')
# As those who published them say: a SYN scan of 1,000 ports of a host; 977 UDP ports of three hosts; a SYN to port 80 of
# 256 addresses.
SCANS = {
    'synscan.pcap': [Found('port-scan', 'TCP', '172.16.0.8', '64.13.134.52', None, 1000)],
    'ps-udp.pcap': [Found('port-scan', 'UDP', '10.0.0.135', f'10.0.0.{host}', None, 977) for host in (1, 2, 254)],
    'hs-tcp_synPingSweepRand.pcapng': [Found('sweep', 'TCP', '10.0.0.128', None, 80, 256)]}
# Peers at one well-known port, of which nearly none answers; and seven ports, one less than a port scan needs.
LOOK_ALIKE = {
    'gnutella.pcap': [Found('sweep', 'UDP', '10.0.2.15', None, 6346, 81)],
    'pps.pcap': [Found('sweep', 'UDP', '192.168.115.8', None, 17788, 5)],
    'tcp_scan.pcapng': []}
FAILED = {'gnutella.pcap': [77], 'pps.pcap': [5]}


def capture_named(name):
    (path,) = (path for path in corpus.captures() if path.name == name)
    return path


def tried(path, scan):
    """How many hosts or ports the scanner tries, as tshark sees it."""
    ends = {(flow['dest_ip'], flow['dest_port']) for flow in tshark_flows.flows_of(path)['flows']
            if flow['src_ip'] == scan.source and flow['proto'] == tshark_flows.PROTOCOL_NUMBERS[scan.proto.lower()]}
    if scan.kind == 'sweep':
        return sum(port == scan.port for _, port in ends)
    return sum(host == scan.destination for host, _ in ends)


def rows_of(path):
    sensor = picket.Sensor(path)
    try:
        return sensor.ask('scan', 'show', '--limit', '1000')['rows']
    finally:
        sensor.stop()


class CorpusScans(unittest.TestCase):
    def check(self, captures):
        for name, scans in captures.items():
            with self.subTest(capture=name):
                path = capture_named(name)
                rows = rows_of(path)
                self.assertCountEqual(
                    [Found(row['kind'], row['proto'], row['source'], row['destination'], row['port'],
                           row['destinations' if row['kind'] == 'sweep' else 'ports']) for row in rows], scans)
                self.assertEqual([tried(path, scan) for scan in scans], [scan.tried for scan in scans])
                if name in FAILED:
                    self.assertEqual([row['failures'] for row in rows], FAILED[name])

    def test_scans_are_told_as_such(self):
        self.check(SCANS)

    def test_what_looks_like_them(self):
        self.check(LOOK_ALIKE)


if __name__ == '__main__':
    picket.main(needs_captures=True)
