#!/usr/bin/python3
"""`picket replay` and capinfos say the same of every published capture; workers and RSS change no flow.

usage: corpus_test.py PICKET [unittest arguments]

PICKET_MATRIX_EVERY=N compares workers and RSS on every Nth capture only, and in three ways (slow builds).
"""
import collections
import concurrent.futures
import os
import pathlib
import random
import re
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / 'support')]

import capinfos_agreement as capinfos  # noqa: E402
import picket_program as picket  # noqa: E402

PARALLEL = 2
MATRIX_EVERY = int(os.environ.get('PICKET_MATRIX_EVERY', '1'))
# One worker gets every packet whatever the RSS, so that the three differ in the steering only.
RULES = [argument for name in ('requests', 'packets') for argument in ('--rules', HERE / 'agreement' / f'{name}.rules')]
# Fragments, tunnels and ICMP errors, whose packets belong together although RSS sees other ends: never left out.
ALWAYS = ('*frag*', '*4in6*', '*6in4*', '*6-4-*', '*gre*', '*erspan*', '*vxlan*', '*geneve*', '*gtp*', '*teredo*',
          '*ip_in_ip*', '*ipv6-in-ipv4*', '*mpls*', '*pppoe*', 'bug-5437-02/*', 'ps-udp*', 'VlanPackets*', 'mixed.*')
MATRIX = [(workers, rss) for workers in (1, 2, 3) for rss in ('symmetric', 'two-tuple', 'none')
          ][::1 if MATRIX_EVERY == 1 else 4]
# Scans, and what looks like them: docs/detection.md; corpus_scans_test.py has what is told of them.
SCANNERS = {'synscan.pcap': 1, 'ps-udp.pcap': 1, 'hs-tcp_synPingSweepRand.pcapng': 1, 'gnutella.pcap': 1, 'pps.pcap': 1,
            'fuzz-2006-06-26-2594.pcap': 2, 'fuzz-2020-02-16-11740.pcap': 2}
EVERY, CUTS, FLIPS, SEED = 50, 20, 20, 2003  # capinfos_agreement.py does a hundred of each on the reader alone


def captures():
    folder = picket.captures_of_others()
    return [path for name in ('pcap', 'suricata-tests') for path in capinfos.captures_below(folder / name)]


def in_parallel(ask, things):
    with concurrent.futures.ThreadPoolExecutor(PARALLEL) as pool:
        return list(pool.map(ask, things))


def comparable(replay):
    """Flow, http and alert lines, sorted, byte for byte but for what a number of workers may change: flow ids are
    counted by worker, lines come in the order in which workers emit."""
    return sorted(re.sub(r'"flow_id":\d+,', '', line) for line in replay.lines
                  if re.search(r'"event_type":"(flow|http|alert)"', line))


def kinds_of(replay):
    """What of the things that steering could tear apart is in a capture, as far as its flows show."""
    flows = replay.of_type('flow')
    errors = {'ICMP': (3, 4, 5, 11, 12), 'IPv6-ICMP': (1, 2, 3, 4), 'ICMPv6': (1, 2, 3, 4)}
    return collections.Counter({
        'flows': len(flows), 'requests': len(replay.of_type('http')), 'alerts': len(replay.of_type('alert')),
        'ICMP errors': sum(flow.get('icmp_type') in errors.get(flow['proto'], ()) for flow in flows)})


def faults(replay, path, theirs):
    """What is wrong with the replay of a capture of which capinfos says `theirs`."""
    if replay.status not in (picket.DONE, picket.DAMAGED):
        return [f'status {replay.status}: {replay.errors.strip()}']
    found = []
    report, audit = replay.report, replay.report['audit']
    (capture,) = report['captures']
    if not audit['balanced'] or audit['received'] != report['packets'] or (
            audit['in_flows'] + sum(audit['outcomes'].values()) != report['packets']):
        found.append(f'audit {audit} of {report["packets"]} packets')
    if capture['packets'] != report['packets'] or sum(w['packets'] for w in report['workers']) != report['packets']:
        found.append(f'packets of the capture, of the workers and of all differ: {report}')
    if (capture['error'] is not None) != (replay.status == picket.DAMAGED):
        found.append(f'status {replay.status} with the error {capture["error"]}')
    if replay.status == picket.DAMAGED and str(capture['error']) not in replay.errors:
        found.append(f'the error is not on stderr: {replay.errors}')
    error = capture['error'] or ''
    place = re.search(r'at byte (\d+)', error)
    ours = {'error': error, 'refused': 'is not a capture file' in error, 'damage': int(place[1]) if place else None}
    if not capinfos.by_design(path, ours, theirs):
        if bool(theirs['complaint']) != (replay.status == picket.DAMAGED):
            found.append(f'status {replay.status}, error {capture["error"]}; capinfos: {theirs["complaint"]!r}')
        if theirs['packets'] is not None and theirs['packets'] != report['packets']:
            found.append(f'{report["packets"]} packets; capinfos: {theirs["packets"]}')
    return found


class Corpus(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.captures = captures()
        cls.capinfos = capinfos.ask_capinfos(cls.captures)

    def fail_with(self, found):
        wrong = [f'{path}: {fault}' for path, some in found for fault in some]
        self.assertEqual(wrong, [], '\n' + '\n'.join(wrong[:20]))

    def test_every_capture_is_counted_and_accounted_for(self):
        scanners = {}

        def check(path):
            replay = picket.Replay(path)
            if replay.report and replay.report['scanners']:
                scanners[path.name] = replay.report['scanners']
            return path, faults(replay, path, self.capinfos[str(path)])

        self.assertGreater(len(self.captures), 150)
        self.fail_with(in_parallel(check, self.captures))
        self.assertEqual(scanners, SCANNERS)
        print(f'{len(self.captures)} captures', file=sys.stderr)

    def test_workers_and_rss_change_no_event(self):
        seen = collections.Counter()

        def check(path):
            found, wanted, counts = [], None, None
            for workers, rss in MATRIX:
                replay = picket.Replay(path, '--workers', workers, '--rss', rss, *RULES, events=True)
                found += [f'workers {workers}, rss {rss}: {fault}'
                          for fault in faults(replay, path, self.capinfos[str(path)])]
                if replay.report is None:
                    continue
                lines = comparable(replay)
                totals = {key: replay.report[key]
                          for key in ('packets', 'audit', 'link', 'flows', 'http_requests', 'alerts', 'alerts_by_rule')}
                if wanted is None:
                    wanted, counts = lines, totals
                    seen.update(kinds_of(replay))
                elif lines != wanted or totals != counts:
                    more = collections.Counter(lines) - collections.Counter(wanted)
                    less = collections.Counter(wanted) - collections.Counter(lines)
                    found.append(f'workers {workers}, rss {rss}: {totals} for {counts}; '
                                 f'{sum(more.values())} more events: {sorted(more)[:2]}; '
                                 f'{sum(less.values())} fewer: {sorted(less)[:2]}')
            return path, found

        bundled = sorted(picket.BUNDLED.glob('*.pcap*'))
        self.capinfos.update(capinfos.ask_capinfos(bundled))
        some = sorted({*self.captures[::MATRIX_EVERY], *bundled[::MATRIX_EVERY], *(
            path for path in [*self.captures, *bundled] if any(path.match(like) for like in ALWAYS))})
        self.fail_with(in_parallel(check, some))
        print(f'{len(some)} captures, {len(MATRIX)} ways each: {dict(seen)}', file=sys.stderr)
        for kind, least in (('flows', 1000), ('requests', 20), ('alerts', 1000), ('ICMP errors', 5)):
            self.assertGreater(seen[kind], least, kind)

    # Which packets are within an answer's first 8 KiB must not depend on what else their burst holds.
    def test_workers_change_no_alert_of_an_answer(self):
        (path,) = (path for path in self.captures if path.name == 'firefox58.pcap')
        replays = [picket.Replay(path, '--workers', workers, '--rules', HERE / 'agreement' / 'answers.rules')
                   for workers in (1, 2, 3)]
        one, *others = (replay.report['alerts_by_rule'] for replay in replays)
        self.assertGreater(one['9100031'], 0)
        self.assertEqual(others, [one, one])

    def test_damage_is_named_where_capinfos_finds_it(self):
        with tempfile.TemporaryDirectory(prefix='picket-damaged-') as name:
            copies = self.damaged_copies(pathlib.Path(name))
            theirs = capinfos.ask_capinfos(copies)

            def check(path):
                return path, faults(picket.Replay(path), path, theirs[str(path)])

            self.fail_with(in_parallel(check, copies))
            damaged = sum(bool(theirs[str(path)]['complaint']) for path in copies)
            print(f'{len(copies)} copies, {damaged} damaged', file=sys.stderr)

    def damaged_copies(self, folder):
        chance, copies = random.Random(SEED), []
        for index, capture in enumerate(self.captures[::EVERY]):
            data = capture.read_bytes()
            for i in range(CUTS):
                at = chance.randrange(min(len(data), 512 if i % 2 else len(data)))
                copies.append(folder / f'cut-{index}-{i}-{at}')
                copies[-1].write_bytes(data[:at])
            for i in range(FLIPS):
                at = chance.randrange(min(len(data), 2048 if i % 2 else len(data)))
                flipped = bytearray(data)
                flipped[at] ^= chance.randrange(1, 256)
                copies.append(folder / f'flip-{index}-{i}-{at}')
                copies[-1].write_bytes(flipped)
        return copies


if __name__ == '__main__':
    picket.main(needs_captures=True)
