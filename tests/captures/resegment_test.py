#!/usr/bin/python3
"""The payload of a capture in other segments gives the same requests, status codes and alerts.

usage: resegment_test.py PICKET [unittest arguments]
       resegment_test.py PICKET --renew    (writes the table of differences; new rows need a reason)

Every published capture with HTTP is rewritten in each of the ways of WAYS. Large ones are left out where that makes
too many packets; PICKET_RESEGMENT_ALL=1 leaves out none. Known differences are rows of
agreement/resegment_differences.tsv, each with its reason.
"""
import collections
import concurrent.futures
import os
import pathlib
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / 'support')]

import capinfos_agreement as capinfos  # noqa: E402
import picket_program as picket  # noqa: E402
import resegment  # noqa: E402
from agreement.differences import Differences  # noqa: E402

PARALLEL = 2
ALL = bool(os.environ.get('PICKET_RESEGMENT_ALL'))
RULES = HERE / 'agreement' / 'requests.rules'
TABLE = HERE / 'agreement' / 'resegment_differences.tsv'
WAYS = {
    'segments of 1': {'size': 1},
    'segments of 7': {'size': 7},
    'segments of 20': {'size': 20},
    'reversed': {'reverse': True},
    'segments of 100, reversed': {'size': 100, 'reverse': True},
    'duplicated': {'duplicate': True}}
PACKETS_MAX = 40_000  # of a rewritten capture, unless all is asked for
# Segments that come twice are told from copies by their identification, which IPv6 does not have: here they are to be
# what is sent again. duplicates_test.py has the copies.
CONFIG = '[flow]\nduplicates = "ignore"\n'


def size_of(records, size=0, **_):
    """Roughly how many packets come of it."""
    return sum(1 + length // size if size else 1 for _, length, _ in records)


class Seen:
    """By flow the requests with their status codes, and the status codes of no request; hits by rule."""

    def __init__(self, capture):
        with tempfile.NamedTemporaryFile('w', suffix='.toml', encoding='utf-8') as config:
            config.write(CONFIG)
            config.flush()
            replay = picket.Replay(capture, '--config', config.name, '--rules', RULES, events=True, timeout=300)
        if replay.status not in (picket.DONE, picket.DAMAGED):
            raise AssertionError(f'{capture}: status {replay.status}: {replay.errors}')
        self.requests, self.responses = collections.defaultdict(list), collections.defaultdict(list)
        for event in sorted(replay.of_type('http'), key=lambda one: (one['flow_id'], one.get('tx_id', -1))):
            http = event['http']
            flow = event['src_ip'], event['src_port'], event['dest_ip'], event['dest_port']
            if 'http_method' in http:
                self.requests[flow].append((http['http_method'], http.get('hostname'), http['url'], http.get('status')))
            else:
                self.responses[flow].append(http.get('status'))
        # Of a flow joined midstream the last of several requests may be told first, if it came first.
        for requests in self.requests.values():
            requests.sort(key=repr)
        self.rules = replay.report['alerts_by_rule']

    def differences(self, other):
        """Of requests, responses and rules: the keys that differ."""
        return [[key for key in ours.keys() | theirs.keys() if ours.get(key) != theirs.get(key)]
                for ours, theirs in ((self.requests, other.requests), (self.responses, other.responses),
                                     (self.rules, other.rules))]


def rewritings(path):
    """(way, Seen of the original, Seen of the rewritten one) for each way that is tried on the capture."""
    original = Seen(path)
    if not original.requests:
        return []
    link_type, records = resegment.read_capture(path)
    found = []
    with tempfile.TemporaryDirectory(prefix='picket-resegment-') as folder:
        for way, how in WAYS.items():
            if size_of(records, **how) > PACKETS_MAX and not ALL:
                continue
            target = pathlib.Path(folder, 'rewritten.pcap')
            resegment.write_capture(target, link_type, resegment.resegment(link_type, records, **how))
            found.append((way, original, Seen(target)))
    return found


class Agreement:
    """Everything tried, and what differs: (capture, way) -> numbers of flows, flows, rules."""

    def __init__(self):
        root = picket.captures_of_others() / 'pcap'
        self.tried, self.found, self.examples, self.hits = set(), {}, {}, 0
        paths = capinfos.captures_below(root)
        with concurrent.futures.ThreadPoolExecutor(PARALLEL) as pool:
            for path, results in zip(paths, pool.map(rewritings, paths), strict=True):
                for way, original, rewritten in results:
                    self.compare((str(path.relative_to(root)), way), original, rewritten)

    def compare(self, key, original, rewritten):
        self.tried.add(key)
        self.hits += sum(original.rules.values())
        differing = original.differences(rewritten)
        if any(differing):
            self.found[key] = tuple(len(some) for some in differing)
            of = ((original.requests, rewritten.requests), (original.responses, rewritten.responses),
                  (original.rules, rewritten.rules))
            self.examples[key] = [(one, before.get(one), after.get(one))
                                  for some, (before, after) in zip(differing, of, strict=True) for one in some[:1]]


class Resegmented(unittest.TestCase):
    def test_the_same_requests_status_codes_and_alerts(self):
        agreement = Agreement()
        captures = {capture for capture, _ in agreement.tried}
        self.assertGreater(len(captures), 40)
        self.assertGreater(agreement.hits, 5000)
        print(f'{len(captures)} captures, {len(agreement.tried)} rewritten ones, {agreement.hits} hits, '
              f'{len(agreement.found)} differ', file=sys.stderr)
        wrong = Differences(TABLE, numbers=3).complaints(agreement.found, agreement.tried.__contains__)
        self.assertEqual(wrong, [], '\n' + '\n'.join(wrong + [
            f'{key}: {example}' for key, example in agreement.examples.items()
            if any(complaint.startswith(f'{key}') for complaint in wrong)]))


def main():
    if sys.argv[-1] != '--renew':
        picket.main(needs_captures=True)
    picket.PROGRAM['picket'] = sys.argv[1]
    agreement, table = Agreement(), Differences(TABLE, numbers=3)
    kept = {key: counts for key, (counts, _) in table.rows.items() if key not in agreement.tried}
    TABLE.write_text(table.renewed({**kept, **agreement.found}), encoding='utf-8')
    print(f'{len(agreement.tried)} rewritten captures, {len(agreement.found)} differ')
    for key, example in agreement.examples.items():
        print(*key, *agreement.found[key], example)


if __name__ == '__main__':
    main()
