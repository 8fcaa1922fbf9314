#!/usr/bin/python3
"""A watch list of a million entries answers as the twenty do: live, in an archive, in tables that end somewhere.

usage: watch_test.py PICKET [unittest arguments]
"""
import json
import pathlib
import random
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / 'support'))

import picket_program as picket  # noqa: E402

TWENTY = HERE.parent / 'captures' / 'sobig_f_20.txt'
MORE = 1_000_000
FOREIGN = 100  # first octets that no capture of ours has


def write_list(path):
    """The twenty among a million others, hosts and networks of some lengths that overlap."""
    source = random.Random(1)
    lines = TWENTY.read_text(encoding='utf-8').splitlines()
    for number in range(MORE):
        rest = source.getrandbits(24)
        address = f'{FOREIGN + source.randrange(8)}.{rest >> 16}.{rest >> 8 & 255}.{rest & 255}'
        lines.append(f'{address}/{source.randrange(20, 32)}' if number % 10 == 0 else address)
    source.shuffle(lines)
    path.write_text('\n'.join(lines) + '\n', encoding='utf-8')


class AMillion(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix='picket-million-')
        cls.list = pathlib.Path(cls.folder.name, 'million.txt')
        cls.archive = pathlib.Path(cls.folder.name, 'archive')
        write_list(cls.list)
        cls.sensor = picket.Sensor('sobig.pcap', watch={'million': cls.list},
                                   more=f'[archive]\ndirectory = "{cls.archive}"\n')

    @classmethod
    def tearDownClass(cls):
        cls.sensor.process.kill()
        cls.sensor.process.wait()
        cls.folder.cleanup()

    def check(self, ask, read):
        answer = ask('watch', 'show', 'million', '--limit', '30')
        self.assertEqual(answer['sum']['seen'], 10)
        self.assertGreater(answer['sum']['entries'], 900_000)
        self.assertEqual((len(answer['rows']), answer['truncated']), (30, True))
        self.assertEqual([row['seen'] for row in answer['rows']], [True] * 10 + [False] * 20)
        total = ask('flow', 'show', '--src', '@million', '--dport', '27015', '--sum')
        self.assertEqual((total['sum']['flows'], total['sum']['bytes'], total['sum']['sources']), (1751, 64787, 10))
        lines = read('watch', 'show', 'million').splitlines()
        self.assertLess(len(lines), 1010, 'a table ends somewhere')
        self.assertTrue(any(line.startswith('million: 10 of ') for line in lines))
        self.assertTrue(any('truncated' in line for line in lines[-2:]))

    def test_live_and_then_closed(self):
        self.check(self.sensor.ask, self.sensor.read)
        alerts = self.sensor.ask('alert', 'show', '--limit', '100000')['rows']
        self.assertTrue(any(row['msg'] == 'watch list million' for row in alerts))
        self.sensor.stop()

        def read(*arguments):
            done = picket.run('--archive', self.archive, *arguments)
            self.assertEqual(done.returncode, picket.DONE, done.stderr)
            return done.stdout

        self.check(lambda *arguments: picket.ask_closed(self.archive, *arguments), read)

    def test_replaced_while_running(self):
        sensor = picket.Sensor('sobig.pcap', watch={'million': TWENTY})
        self.addCleanup(sensor.stop)
        done = picket.run('-s', sensor.socket, 'watch', 'load', 'million', self.list)
        self.assertIn(done.returncode, (picket.DONE, 1), done.stderr)
        self.assertGreater(sensor.ask('watch', 'list')['rows'][0]['entries'], 900_000)


class LoadedByHand(unittest.TestCase):
    """What `watch load` was told is watched by the next picketd too, until it is removed."""
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix='picket-by-hand-')
        self.addCleanup(folder.cleanup)
        self.archive = pathlib.Path(folder.name, 'archive')
        self.sensor = picket.Sensor('sobig.pcap', watch={'given': TWENTY},
                                    more=f'[archive]\ndirectory = "{self.archive}"\n')
        self.addCleanup(self.sensor.stop)

    def lists_on_disk(self):
        manifest = json.loads((self.archive / 'manifest.json').read_text(encoding='utf-8'))
        return {watched['name']: watched['by_hand'] for watched in manifest['watch_lists']}

    def kill(self):
        picket.kill_picketd(self.sensor)
        self.sensor.wait_for_end_of_file()

    def names(self):
        return {row['name'] for row in self.sensor.ask('watch', 'list')['rows']}

    def test_survives_until_it_is_removed(self):
        question = ('flow', 'show', '--src', '@sobig', '--dport', '27015', '--sum')
        self.sensor.read('watch', 'load', 'sobig', str(TWENTY))
        before = self.sensor.ask(*question)['sum']
        self.assertEqual(before['flows'], 1751)
        picket.wait_until(lambda: self.lists_on_disk() == {'given': False, 'sobig': True}, 60)
        self.kill()
        self.assertEqual(self.names(), {'given', 'sobig'})
        self.assertEqual(self.sensor.ask(*question)['sum'], before)
        self.sensor.read('watch', 'remove', 'sobig')
        picket.wait_until(lambda: self.lists_on_disk() == {'given': False}, 60)
        self.kill()
        self.assertEqual(self.names(), {'given'})


if __name__ == '__main__':
    picket.main()
