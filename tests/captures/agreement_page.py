#!/usr/bin/python3
"""Writes docs/agreement.md: how much Picket and other tools say the same of published captures, and why not all.

usage: agreement_page.py PICKET
"""
import collections
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / 'support')]

import flow_agreement_test as flows  # noqa: E402
import http_agreement_test as http  # noqa: E402
import picket_program as picket  # noqa: E402
import resegment_test as resegmented  # noqa: E402
from agreement import compare  # noqa: E402
from agreement.differences import Differences  # noqa: E402

PAGE = picket.ROOT / 'docs' / 'agreement.md'
TEXT = """# Agreement with other tools

What Picket says of captures that others published, against what other tools say of the same packets. Every difference
has its reason, or says that none is known, in a table beside the tests, where the terms are too
([tests/captures/agreement](../tests/captures/agreement/README.md)). A difference that is in no table fails the tests,
and so does a row that explains nothing any more.

## Requests and status codes

All {http_captures} captures, read by tshark, which reassembles TCP. A message is the same if its flow, and method, host
and URI or status code are.

{http_sums}

{http_reasons}

## Flows

Outputs that come with captures. A row is a flow of nDPI, Arkime, ipfixprobe or nfstream, with packets and bytes of each
direction, or a request of Zeek with its status. Surplus are flows and requests that only Picket tells; they are beside
the rows.

{flow_sums}

{flow_reasons}

## Other segments

The TCP payload of captures with HTTP comes again in segments of one byte, of seven, of twenty, out of order, and twice
(`tests/support/resegment.py`): the same requests, each with its status code, and the same hits of rules as in the
original? Of a flow that is joined midstream the last of several requests is told first if it comes first.
Rewritings of more than 40,000 packets are left out here; `resegment_test.py` tries them with `PICKET_RESEGMENT_ALL=1`.

{segment_sums}

{segment_reasons}

## How to renew

    tests/captures/http_agreement_test.py build/controlplane/picket --renew
    tests/captures/flow_agreement_test.py build/controlplane/picket --renew
    tests/captures/resegment_test.py build/controlplane/picket --renew
    tests/captures/agreement_page.py build/controlplane/picket      # writes this page

The first three write the tables; a row that is new needs a reason before `meson test --suite captures` passes. The
captures are no part of the project: `PICKET_CAPTURES` names the folder that holds them.
"""


def table(heads, rows):
    """Of cells; the first column is text, numbers are on the right."""
    lines = [heads, ['---'] + ['---:'] * (len(heads) - 1), *rows]
    return '\n'.join('| ' + ' | '.join(f'{cell:,}' if isinstance(cell, int) else cell for cell in row) + ' |'
                     for row in lines)


def percent(part, whole):
    return f'{100 * part / whole:.1f} %' if whole else '-'


def reasons(found, differences, what, capture=0):
    """`found`: key -> numbers; a line a reason, the most frequent first."""
    of = collections.Counter()
    where = collections.defaultdict(set)
    for key, counts in found.items():
        reason = differences.rows.get(key, ((), 'without a reason'))[1]
        of[reason] += sum(counts)
        where[reason].add(key[capture])
    rows = [[reason, number, len(where[reason])] for reason, number in of.most_common()]
    if not rows:
        return 'Nothing differs.'
    return table(['reason of the rest', what, 'captures'], rows)


def page():
    seen, compared, rewritten = http.Agreement(), flows.Agreement(), resegmented.Agreement()
    sums = compared.sums()
    every = sum(sums.values(), collections.Counter())
    ways = collections.defaultdict(collections.Counter)
    for capture, way in rewritten.tried:
        ways[way] += collections.Counter(tried=1, same=(capture, way) not in rewritten.found)
    return TEXT.format(
        http_captures=len(seen.captures),
        http_sums=table(['', 'tshark', 'the same', '', 'explained', 'Picket alone'], [
            [f'{kind}s', seen.messages[kind], seen.equal[kind], percent(seen.equal[kind], seen.messages[kind]),
             seen.messages[kind] - seen.equal[kind], seen.more[kind]] for kind in ('request', 'response')]),
        http_reasons=reasons(seen.found, Differences(http.TABLE, numbers=2), 'messages'),
        flow_sums=table(['source', 'captures', 'rows', 'equal', '', 'explained', *compare.CLASSES], [
            [name, counts['captures'], counts['rows'], counts['equal'], percent(counts['equal'], counts['rows']),
             counts['rows'] - counts['equal'], *(counts[kind] for kind in compare.CLASSES)]
            for name, counts in [*sums.items(), ('all', every)]]),
        flow_reasons=reasons(compared.found, Differences(flows.TABLE, numbers=1), 'rows', capture=1),
        segment_sums=table(['rewriting', 'captures', 'the same'], [
            [way, ways[way]['tried'], ways[way]['same']] for way in resegmented.WAYS]),
        segment_reasons=reasons(rewritten.found, Differences(resegmented.TABLE, numbers=3), 'flows and rules'))


def main():
    if len(sys.argv) != 2 or picket.captures_of_others() is None:
        sys.exit(f'usage: {sys.argv[0]} PICKET, and the published captures in PICKET_CAPTURES')
    picket.PROGRAM['picket'] = sys.argv[1]
    PAGE.write_text(page(), encoding='utf-8')


if __name__ == '__main__':
    main()
