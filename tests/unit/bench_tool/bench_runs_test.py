"""picket bench in every mode, tiny: what it prints is the contract, and no packet is unaccounted for."""
import csv
import io
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree

BENCH, PICKET, PLOT = (str(pathlib.Path(path).resolve()) for path in sys.argv[1:4])
TINY = ('--flows', '1k', '--seconds', '0.1', '--runs', '2')
CORES = len(os.sched_getaffinity(0))


def run(*arguments, program=(BENCH,)):
    return subprocess.run([*program, *arguments], capture_output=True, text=True, check=False, timeout=60)


class BenchRuns(unittest.TestCase):
    def row(self, *arguments, program=(BENCH,)):
        done = run(*TINY, '-j', *arguments, program=program)
        self.assertEqual(done.returncode, 0, done.stderr)
        rows = json.loads(done.stdout)['rows']
        self.assertEqual(len(rows), 1)
        row = rows[0]
        self.assertGreater(row['packets'], 0)
        self.assertGreater(row['mpps'], 0)
        self.assertGreater(row['memory_limit_ns'], 0)
        self.assertEqual(row['events_dropped'], 0)
        return row

    def assert_steady(self, row):
        self.assertEqual(row['outcomes'], {})
        self.assertEqual(row['lost'], 0)
        self.assertGreaterEqual(row['in_flows'], row['packets'])
        self.assertEqual(row['flows_active'], 1000)

    def test_smallest_frames(self):
        row = self.row('--mix', 'min64')
        self.assert_steady(row)
        self.assertEqual(row['frame_bytes'], 64)
        self.assertAlmostEqual(row['mpps'], 1000 / row['ns_per_packet'], delta=row['mpps'] * 0.5)
        self.assertAlmostEqual(row['gbit_per_s'], row['mpps'] * 84 * 8 / 1000, delta=row['gbit_per_s'] * 0.01)

    def test_imix_with_ipv6(self):
        row = self.row('--mix', 'imix', '--ipv6', '50%')
        self.assert_steady(row)
        self.assertEqual(row['ipv6'], 0.5)

    def test_web_with_rules(self):
        row = self.row('--mix', 'web', '--rules', '20')
        self.assert_steady(row)
        self.assertEqual(row['rules'], 20)
        self.assertGreater(row['uris_per_s'], 0)
        self.assertGreater(row['ns_per_uri'], 0)

    def test_rules_and_uris_from_files(self):
        with tempfile.TemporaryDirectory() as directory:
            rules = pathlib.Path(directory, 'my.rules')
            rules.write_text('alert http any any -> any any (msg:"x"; http.uri; content:"/b.cgi"; sid:1;)\n')
            uris = pathlib.Path(directory, 'uris.txt')
            uris.write_text('/b.cgi?alt\n192.0.2.1 - - [x] "GET /b.cgi?log HTTP/1.1" 200 1\n')
            row = self.row('--mix', 'web', '--rules', rules, '--uris', uris)
            self.assertEqual(row['rules'], 1)
            self.assertGreater(row['rule_hits'], 0)

    def test_new_flows_keep_their_number(self):
        row = self.row('--new-flows', '5%')
        self.assertEqual(row['outcomes'], {})
        self.assertGreater(row['new_flows_per_s'], 0)
        self.assertGreater(row['flow_records'], 0)
        self.assertLess(row['flows_active'], 1400)
        row = self.row('--new-flows', '10k')
        self.assertEqual(row['outcomes'], {})
        self.assertAlmostEqual(row['new_flows_per_s'], 10_000, delta=5_000)

    def test_new_flows_only(self):
        row = self.row('--new-flows', '100%')
        self.assertEqual(row['outcomes'], {})
        self.assertGreater(row['flow_records'], 0)

    def test_flood_accounts_for_every_packet(self):
        row = self.row('--flood')
        self.assertGreater(sum(row['outcomes'].values()), 0)
        self.assertLessEqual(row['flows_active'], row['flow_capacity'])

    @unittest.skipIf(CORES < 2, 'one core')
    def test_two_workers(self):
        row = self.row('--workers', '2')
        self.assert_steady(row)
        self.assertEqual(len(row['per_worker']), 2)
        self.assertGreater(row['slowdown']['workers'], 0)
        self.assertGreater(row['slowdown']['memory_limit'], 0)

    def over_port(self, via):
        row = self.row('--via', via)
        trials = row['search']['trials']
        for trial in trials:
            self.assertEqual(trial['sent'], trial['received'] + trial['missed'])
        self.assertGreater(row['search']['mrr_mpps'], 0)
        self.assertLessEqual(len(trials), 12)
        self.assertEqual(row['outcomes'], {})

    @unittest.skipIf(CORES < 2, 'one core')
    def test_over_a_ring(self):
        if 'without DPDK' in run(*TINY, '--via', 'ring').stderr:
            self.skipTest('built without DPDK')
        self.over_port('ring')

    @unittest.skipIf(CORES < 2, 'one core')
    def test_over_memif(self):
        if 'without DPDK' in run(*TINY, '--via', 'ring').stderr:
            self.skipTest('built without DPDK')
        self.over_port('memif')

    def test_picket_passes_everything_on(self):
        row = self.row('--mix', 'imix', program=(PICKET, 'bench'))
        self.assertEqual(row['mix'], 'imix')
        done = run('-j', 'bench', *TINY, program=(PICKET,))
        self.assertEqual(json.loads(done.stdout)['rows'][0]['flows'], 1000)
        self.assertIn('--new-flows', run('bench', '--help', program=(PICKET,)).stdout)

    def test_tables_and_csv(self):
        done = run(*TINY)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn('-byte frames: ', done.stdout)
        self.assertNotIn('\x1b', done.stdout + done.stderr)
        for line in done.stdout.splitlines()[2:]:
            self.assertLessEqual(len(line), 80, line)
        rows = list(csv.DictReader(io.StringIO(run(*TINY, '--csv').stdout)))
        self.assertEqual(rows[0]['flows'], '1000')
        self.assertIn('ns_timers', rows[0])

    def test_plot_draws_a_document(self):
        with tempfile.NamedTemporaryFile('w', suffix='.json') as document:
            document.write(run(*TINY, '-j').stdout)
            document.flush()
            done = subprocess.run([sys.executable, PLOT, f'min64={document.name}'], capture_output=True, text=True,
                                  check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertTrue(xml.etree.ElementTree.fromstring(done.stdout).tag.endswith('svg'))

    def test_errors_are_sentences(self):
        for arguments, words in ((('--flows', '0'), '--flows 0'), (('--mix', 'x'), 'mix'),
                                 (('--rules', '/nowhere.rules'), '/nowhere.rules: cannot be read'),
                                 (('--uris', '/nowhere.txt'), '/nowhere.txt: cannot be read'),
                                 (('--cores', '1023'), 'may not use that core')):
            done = run(*arguments)
            self.assertEqual(done.returncode, 2, done.stderr)
            self.assertIn(words, done.stderr)
            self.assertEqual(done.stdout, '')

    @unittest.skipIf(os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE') > 40 << 30, 'there is room for them')
    def test_flows_that_do_not_fit_are_refused(self):
        done = run('--flows', '100M')
        self.assertEqual(done.returncode, 3)
        self.assertIn('MiB are available', done.stderr)


if __name__ == '__main__':
    unittest.main(argv=sys.argv[:1])
