#!/usr/bin/python3
"""A replay keeps an archive that answers without it, and is not read twice.

usage: archive_test.py PICKET [unittest arguments]
"""
import json
import os
import pathlib
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / 'support'))

import picket_program as picket  # noqa: E402

TWENTY = HERE.parent / 'captures' / 'sobig_f_20.txt'


def ask_closed(directory, *arguments):
    done = picket.run('--archive', directory, *arguments, '-j')
    if done.returncode != picket.DONE:
        raise AssertionError(f'picket --archive {arguments} ended with {done.returncode}: {done.stderr}')
    return json.loads(done.stdout)


class ReplayKeepsAnArchive(unittest.TestCase):
    def test_and_refuses_to_count_twice(self):
        with tempfile.TemporaryDirectory(prefix='picket-archive-') as folder:
            directory = os.path.join(folder, 'archive')
            arguments = ('replay', picket.BUNDLED / 'sobig.pcap', '--watch', f'sobig={TWENTY}', '--archive', directory)
            first = picket.run(*arguments)
            self.assertEqual(first.returncode, picket.DONE, first.stderr)
            answer = ask_closed(directory, 'flow', 'show', '--src', '@sobig', '--sum')
            self.assertEqual((answer['sum']['flows'], answer['sum']['bytes']), (1751, 64787))
            self.assertEqual(answer['coverage'], {'lost': 0, 'seconds_blind': 0, 'folded': 0})
            text = picket.run('--archive', directory, 'flow', 'show', '--src', '@sobig', '--sum').stdout
            self.assertIn('flows 1,751', text)
            self.assertIn(f'next: picket --archive {directory} flow show', text)
            rows = ask_closed(directory, 'query', "SELECT count(*) AS n, sum(bytes_toserver) AS b FROM flows "
                                                  "WHERE dest_port = 27015 AND pkts_toclient = 0")['rows']
            self.assertEqual(rows, [{'n': 1751, 'b': 64787}])
            again = picket.run(*arguments)
            self.assertEqual(again.returncode, picket.USAGE)
            self.assertIn('holds an archive already', again.stderr)

    def test_what_is_no_archive(self):
        done = picket.run('--archive', '/nonexistent', 'flow', 'show')
        self.assertEqual(done.returncode, picket.UNREACHABLE)
        self.assertIn('cannot be used as an archive', done.stderr)
        done = picket.run('--archive', '/nonexistent', 'rule', 'check', '/dev/null')
        self.assertEqual(done.returncode, picket.USAGE)


if __name__ == '__main__':
    picket.main()
