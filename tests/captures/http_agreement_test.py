#!/usr/bin/python3
"""The HTTP requests and status codes of every published capture are those of tshark, by flow.

usage: http_agreement_test.py PICKET [unittest arguments]
       http_agreement_test.py PICKET --renew    (writes the table of differences; new rows need a reason)

tshark reassembles TCP. Known differences are rows of agreement/http_differences.tsv, each with its reason.
"""
import collections
import concurrent.futures
import pathlib
import re
import shutil
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / 'support')]

import capinfos_agreement as capinfos  # noqa: E402
import picket_program as picket  # noqa: E402
import tshark_http  # noqa: E402
from agreement.differences import Differences  # noqa: E402

PARALLEL = 2
TABLE = HERE / 'agreement' / 'http_differences.tsv'
OPTIONS = ('tcp.desegment_tcp_streams:TRUE', 'tcp.reassemble_out_of_order:FALSE', 'tcp.check_checksum:FALSE',
           'ip.check_checksum:FALSE', 'ip.tso_support:TRUE')
EXAMPLES = 4


def plain(text):
    """Bytes that are no printable ASCII, which the two write differently, are one ?; None is an absent field."""
    return re.sub(r'(\\x[0-9a-f]{2}|[^\x21-\x7e])+', '?', text or '')


def of_tshark(capture):
    """{'request': Counter of (client, server, method, host, uri), 'response': Counter of (…, status)}"""
    found = {'request': collections.Counter(), 'response': collections.Counter()}
    for row in tshark_http.http_rows(capture, innermost=True, options=OPTIONS):
        source, destination = (row['src_ip'], row['src_port']), (row['dest_ip'], row['dest_port'])
        if row['kind'] == 'request':
            message = (row['method'], plain(row['host']), plain(row['uri']))
            found['request'][(source, destination, *message)] += 1
        elif row['status'] >= 200 or row['status'] == 101:  # others are not the answer yet (RFC 9110 §15.2)
            found['response'][(destination, source, row['status'])] += 1
    return found


def of_picket(capture):
    replay = picket.Replay(capture, events=True)
    if replay.status not in (picket.DONE, picket.DAMAGED):
        raise AssertionError(f'{capture}: status {replay.status}: {replay.errors}')
    found = {'request': collections.Counter(), 'response': collections.Counter()}
    for event in replay.of_type('http'):
        ends = (event['src_ip'], event['src_port']), (event['dest_ip'], event['dest_port'])
        http = event['http']
        if 'http_method' in http:  # else an answer whose request was not seen
            found['request'][(*ends, http['http_method'], plain(http.get('hostname')), plain(http['url']))] += 1
        if 'status' in http:
            found['response'][(*ends, http['status'])] += 1
    return found


class Agreement:
    """All captures in the eyes of both."""

    def __init__(self):
        root = picket.captures_of_others() / 'pcap'
        self.captures = capinfos.captures_below(root)
        self.messages, self.equal, self.more = (collections.Counter() for _ in range(3))
        self.found, self.examples = {}, {}
        with concurrent.futures.ThreadPoolExecutor(PARALLEL) as pool:
            for capture, (theirs, ours) in zip(self.captures, pool.map(self.ask, self.captures), strict=True):
                self.compare(str(capture.relative_to(root)), theirs, ours)

    @staticmethod
    def ask(capture):
        return of_tshark(capture), of_picket(capture)

    def compare(self, name, theirs, ours):
        for kind in ('request', 'response'):
            self.messages[kind] += theirs[kind].total()
            self.equal[kind] += (theirs[kind] & ours[kind]).total()
            less, more = theirs[kind] - ours[kind], ours[kind] - theirs[kind]
            self.more[kind] += more.total()
            if less or more:
                self.found[(name, kind)] = (less.total(), more.total())
                self.examples[(name, kind)] = (f'tshark only {[*less.items()][:EXAMPLES]}, '
                                               f'picket only {[*more.items()][:EXAMPLES]}')


class Http(unittest.TestCase):
    def test_the_same_requests_and_status_codes(self):
        agreement = Agreement()
        self.assertGreater(len(agreement.captures), 100)
        self.assertGreater(agreement.messages['request'], 2000)
        wrong = Differences(TABLE, numbers=2).complaints(agreement.found)
        for kind in ('request', 'response'):
            print(f'{kind}s: {agreement.messages[kind]} of tshark, {agreement.equal[kind]} the same', file=sys.stderr)
        self.assertEqual(wrong, [], '\n' + '\n'.join(
            [*wrong, *(f'{key}: {example}' for key, example in agreement.examples.items()
                       if any(complaint.startswith(f'{key}') for complaint in wrong))]))


def main():
    if not shutil.which('tshark'):
        print('SKIPPED: nothing was checked, because tshark is not installed: apt-get install tshark')
        sys.exit(picket.SKIPPED)
    if '--renew' in sys.argv:
        picket.PROGRAM['picket'] = sys.argv[1]
        agreement = Agreement()
        TABLE.write_text(Differences(TABLE, numbers=2).renewed(agreement.found), encoding='utf-8')
        for key, example in agreement.examples.items():
            print(*key, *agreement.found[key], example)
        for kind in ('request', 'response'):
            print(f'{kind}s: {agreement.messages[kind]} of tshark, {agreement.equal[kind]} the same')
        return
    picket.main(needs_captures=True)


if __name__ == '__main__':
    main()
