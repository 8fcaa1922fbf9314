#!/usr/bin/python3
"""Picket's TCP and UDP flows are tshark's innermost streams: how many, and packets and IP bytes each way.

usage: tshark_flows_test.py PICKET [unittest arguments]

Timeouts are set wide. Where Picket differs by design, DIFFERENT says why, and what exactly may differ.
"""
import collections
import pathlib
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / 'support'))

import picket_program as picket  # noqa: E402
import tshark_flows  # noqa: E402

WIDE = '[flow]\nidle_timeout = "1h"\ntcp_idle_timeout = "1h"\nsyn_timeout = "1h"\nactive_timeout = "1h"\n'
COUNTS = ('pkts_toserver', 'pkts_toclient', 'bytes_toserver', 'bytes_toclient')
PROTOCOLS = {'TCP': 6, 'UDP': 17}

SAME = (
    'seladb+PcapPlusPlus/**/example.pcap', 'seladb+PcapPlusPlus/**/many-protocols.pcap',
    'seladb+PcapPlusPlus/**/http-packets.pcap', 'seladb+PcapPlusPlus/**/many_interfaces-1.pcapng',
    'zeek+zeek/**/methods.pcap', 'zeek+zeek/**/1000-requests-one-dropped-response.pcap.gz', '**/raw_ip.pcap',
    'ntop+nDPI/**/gnutella.pcap', 'ntop+nDPI/**/1kxun.pcap', 'ntop+nDPI/**/starcraft_battle.pcap',
    'ntop+nDPI/**/http_ua_splitted_in_two_pkts.pcapng', 'nfstream+nfstream/**/instagram.pcap',
    'nfstream+nfstream/**/pps.pcap', 'brimdata+brimcap/**/alerts.pcap', 'cisco+joy/**/firefox58.pcap',
    'cisco-system-traffic-generator+trex-core/**/delay_10_rtp_250k_full.pcap', 'markfvl+Pcaphunt/**/ps-udp.pcap',
    'OISF+suricata-verify/**/decode-sll2-02/input.pcap', '**/http_ipv6.pcap', '**/synscan.pcap',
    '**/gre-sample.pcap', '**/4in6tunnel.pcap', '**/6in4tunnel.pcap', '**/tcpdump-geneve.pcap',
    'OISF+suricata-verify/**/pppoe-session-http.pcap')


def tuple_of(flow):
    return (flow['proto'], *sorted([(flow['src_ip'], flow['src_port']), (flow['dest_ip'], flow['dest_port'])]))


class Comparison:
    """One capture in the eyes of both, flows of one 5-tuple taken together."""

    def __init__(self, path):
        self.oracle = tshark_flows.flows_of(path, innermost=True)
        with tempfile.NamedTemporaryFile('w', suffix='.toml', encoding='utf-8') as config:
            config.write(WIDE)
            config.flush()
            self.replay = picket.Replay(path, '--config', config.name, events=True)
        if self.replay.status != picket.DONE:
            raise AssertionError(f'{path}: status {self.replay.status}: {self.replay.errors}')
        flows = [{**event, **event['flow'], 'proto': PROTOCOLS[event['proto']], 'streams': [], 'first_ns': None,
                  'last_ns': None}
                 for event in self.replay.of_type('flow') if event['proto'] in PROTOCOLS]
        self.flows = len(flows)
        ours = {tuple_of(flow): flow for flow in tshark_flows.merge_by_tuple(flows)}
        theirs = {tuple_of(flow): flow for flow in tshark_flows.merge_by_tuple(self.oracle['flows'])}
        self.ours_only = [ours[key] for key in ours.keys() - theirs.keys()]
        self.theirs_only = [theirs[key] for key in theirs.keys() - ours.keys()]
        self.unequal = [(ours[key], theirs[key]) for key in ours.keys() & theirs.keys()
                        if self.view(ours[key]) != self.view(theirs[key])]
        self.left_out = self.oracle['left_out']
        self.outcomes = {name: count for name, count in self.replay.report['audit']['outcomes'].items() if count}

    @staticmethod
    def view(flow):
        return flow['src_ip'], flow['src_port'], *(flow[count] for count in COUNTS)


def packets_of(flows):
    return sum(flow['pkts_toserver'] + flow['pkts_toclient'] for flow in flows)


def later_fragments(seen):
    """The oracle leaves out the fragments after the first; Picket counts them in the flow of the first, or if
    that never came with ports 0."""
    surplus = packets_of(seen.ours_only) + packets_of(ours for ours, _ in seen.unequal)
    surplus -= packets_of(theirs for _, theirs in seen.unequal)
    return (not seen.theirs_only and surplus == seen.left_out['fragment']
            and all(flow['src_port'] == flow['dest_port'] == 0 for flow in seen.ours_only))


def outcome(name):
    """No packet of the capture is in a TCP or UDP flow; all have the one outcome."""
    def check(seen):
        return not seen.ours_only and not seen.unequal and seen.outcomes == {name: seen.oracle['packets']}
    return check


def more_flows(number):
    """The same packets and bytes by 5-tuple, in a different number of flows."""
    def check(seen):
        return (not seen.ours_only and not seen.theirs_only and not seen.unequal
                and seen.flows - len(seen.oracle['flows']) == number)
    return check


DIFFERENT = {
    'seladb+PcapPlusPlus/**/ip-frag.pcap': ('later fragments are in their flows', later_fragments),
    'seladb+PcapPlusPlus/**/ip6_fragments.pcap': ('later fragments are in their flows', later_fragments),
    'arkime+arkime/**/socks5-http-302-frag.pcap': ('later fragments are in their flows', later_fragments),
    'arkime+arkime/**/gtp-iphone.pcap': (
        'tshark gives the media of one 5-tuple two UDP streams, as SIP announces it anew', more_flows(-1)),
    'arkime+arkime/**/nflog.pcap': ('link type NFLOG is not decoded', outcome('unknown_link_type')),
    'ntop+nDPI/**/badpackets.pcap': ('the IP total length is beyond the frame', outcome('malformed_ipv4')),
    'seladb+PcapPlusPlus/**/tcp-malformed.pcap': ('the TCP header is not all there', outcome('malformed_tcp')),
    'seladb+PcapPlusPlus/**/pcapng-example.pcapng': (
        'one packet is dated 2061: the flow times out before it and another begins after it', more_flows(2)),
    'arkime+arkime/**/tcp-reassembly-synthetic.pcap': (
        'a 5-tuple is used again with a new SYN after its flow was closed by FIN', more_flows(1)),
}


def captures_like(pattern):
    return sorted((picket.captures_of_others() / 'pcap').glob(pattern))


class Flows(unittest.TestCase):
    def test_the_same_flows_packets_and_bytes(self):
        total = collections.Counter()
        for pattern in SAME:
            paths = captures_like(pattern)
            self.assertTrue(paths, f'no capture is like {pattern}')
            for path in paths:
                with self.subTest(capture=path.name):
                    seen = Comparison(path)
                    self.assertEqual((seen.ours_only, seen.theirs_only, seen.unequal), ([], [], []))
                    self.assertEqual(seen.flows, len(seen.oracle['flows']))
                    self.assertGreater(seen.flows, 0)
                    total += collections.Counter(captures=1, flows=seen.flows, packets=packets_of(seen.oracle['flows']))
        print(f'{total["captures"]} captures, {total["flows"]} flows, {total["packets"]} packets', file=sys.stderr)

    def test_differences_are_the_explained_ones(self):
        for pattern, (why, is_explained) in DIFFERENT.items():
            paths = captures_like(pattern)
            self.assertTrue(paths, f'no capture is like {pattern}')
            for path in paths:
                with self.subTest(capture=path.name, why=why):
                    seen = Comparison(path)
                    self.assertTrue(is_explained(seen), (
                        seen.ours_only, seen.theirs_only, seen.unequal, seen.flows, len(seen.oracle['flows']),
                        seen.left_out, seen.outcomes))


if __name__ == '__main__':
    picket.main(needs_captures=True)
