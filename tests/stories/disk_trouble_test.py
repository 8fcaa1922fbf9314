#!/usr/bin/python3
"""The archive's disk is full, read-only, or gone: capture goes on, it is told, and all is written once it works again.

Each disk is a small tmpfs in a mount namespace of its own. Needs root.

usage: disk_trouble_test.py PICKET [unittest arguments]
"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / 'support'))

import many_flows  # noqa: E402
import picket_program as picket  # noqa: E402

FLOWS = 1877
ROOM = 737_280  # rows of flows that wait at most
TOO_MANY = 20_000
# The archive's directory and an empty file change places in one moment (RENAME_EXCHANGE): where there is nothing, picketd
# makes a new directory at once.
EXCHANGE = ('/usr/bin/python3 -c "import ctypes, sys; here, there = map(str.encode, sys.argv[1:]); '
            'sys.exit(ctypes.CDLL(None).renameat2(-100, here, -100, there, 2))" "$1/elsewhere" "$1/archive"')
GONE = f'touch "$1/elsewhere" && {EXCHANGE}'
BACK = f'{EXCHANGE} && rm "$1/elsewhere"'


class Disk:
    """A sensor whose archive lies on a disk that can be spoilt."""

    def __init__(self, folder, name, capture='sobig.pcap', size='16m', first='true', **options):
        self.root = pathlib.Path(folder, name)
        self.root.mkdir()
        self.archive = self.root / 'archive'
        mount = f'mount -t tmpfs -o size={size} tmpfs "{self.root}" && (cd "{self.root}" && {first}) && exec "$@"'
        self.sensor = picket.Sensor(capture, more=f'[archive]\ndirectory = "{self.archive}"\n',
                                    launcher=('unshare', '--mount', 'sh', '-c', mount, 'sh'), **options)

    def run(self, script):
        subprocess.run(['nsenter', '--target', str(self.sensor.process.pid), '--mount', 'sh', '-c', script,
                        'sh', self.root], check=True, capture_output=True, timeout=60)

    def shown(self):
        return self.sensor.ask('archive', 'show')

    def closed_sum(self):
        """`flow show --sum` of a copy of the archive."""
        copy = self.root.with_name(self.root.name + '-copy')
        self.run(f'cp -a "$1/archive" "{copy}"')
        return picket.ask_closed(copy, 'flow', 'show', '--sum')


@unittest.skipIf(os.geteuid() != 0, 'mounting needs root')
class MoreThanFits(unittest.TestCase):
    """The disk is full before the archive is made, and stays so until memory is full too: each row that finds no room
    is counted, and told by status, event and coverage; when there is room on disk, all others get there."""

    def test_is_counted(self):
        with tempfile.TemporaryDirectory(prefix='picket-disks-') as folder:
            capture = pathlib.Path(folder, 'many.pcap')
            many_flows.write_capture(capture, ROOM + TOO_MANY)
            disk = Disk(folder, 'full', capture, '256m', 'mkdir archive && (cat /dev/zero >filler 2>/dev/null || true)')
            try:
                self.check(disk)
            finally:
                disk.sensor.process.kill()
                disk.sensor.process.wait()

    def check(self, disk):
        picket.wait_until(lambda: disk.shown()['unarchived'] == TOO_MANY, 40)
        shown = disk.shown()
        self.assertEqual((shown['waiting'], shown['open']), (ROOM, False))
        self.assertIn('No space left on device', shown['trouble'])
        self.assertEqual(disk.sensor.ask('status')['archive']['unarchived'], TOO_MANY)
        self.assertIn(f'LOST {TOO_MANY:,}', disk.sensor.read('status'))
        picket.wait_until(lambda: any('found no room' in row['text'] for row in disk.sensor.ask('event', 'show')['rows']))
        self.assertEqual(disk.sensor.ask('status')['audit']['balanced'], True, 'capture goes on')
        disk.run('rm "$1/filler"')
        picket.wait_until(lambda: not disk.shown()['trouble'] and disk.shown()['waiting_rows'] == 0, 60)
        answer = disk.sensor.ask('flow', 'show', '--sum')
        self.assertEqual((answer['sum']['flows'], answer['coverage']['lost']), (ROOM, TOO_MANY))
        copy = disk.root.with_name('copy')
        disk.run(f'cp -a "$1/archive" "{copy}"')
        closed = json.loads(picket.run('--archive', copy, 'flow', 'show', '--sum', '-j').stdout)
        self.assertEqual((closed['sum']['flows'], closed['coverage']['lost']), (ROOM, TOO_MANY))


@unittest.skipIf(os.geteuid() != 0, 'mounting needs root')
class DiskTrouble(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix='picket-disks-')
        cls.disks = {}
        spoil = {'full': 'dd if=/dev/zero of="$1/filler" bs=4k 2>/dev/null || true',
                 'read-only': 'mount -o remount,ro "$1"',
                 'removed': 'rm -r "$1/archive"',
                 'gone': GONE}
        try:
            for name, script in spoil.items():
                cls.spoil(name, script)
        except BaseException:
            cls.tearDownClass()
            raise

    @classmethod
    def spoil(cls, name, script):
        """Before its first flush, which a busy machine may be too slow for."""
        for attempt in range(4):
            disk = cls.disks[name] = Disk(cls.folder.name, f'{name}-{attempt}')
            disk.run(script)
            if disk.shown()['waiting'] == FLOWS:
                return
            disk.sensor.process.kill()
            disk.sensor.process.wait()
        raise AssertionError(f'{name}: all was written before the disk was spoilt')

    @classmethod
    def tearDownClass(cls):
        for disk in cls.disks.values():
            disk.sensor.process.kill()
            disk.sensor.process.wait()
        cls.folder.cleanup()

    def check(self, name, repair):
        disk = self.disks[name]
        picket.wait_until(lambda: disk.shown()['trouble'], 40)
        self.assertEqual(disk.shown()['waiting'], FLOWS)
        self.assertEqual(disk.sensor.ask('flow', 'show', '--sum')['sum']['flows'], FLOWS, 'answers come from memory')
        self.assertIn('NOT WRITTEN', disk.sensor.read('archive', 'show'))
        self.assertIn('archive', {row['kind'] for row in disk.sensor.ask('event', 'show')['rows']})
        disk.run(repair)
        self.check_written(name)

    def check_written(self, name):
        disk = self.disks[name]
        picket.wait_until(lambda: not disk.shown()['trouble'] and disk.shown()['waiting'] == 0, 40)
        self.assertEqual(disk.shown()['unarchived'], 0)
        answer = disk.sensor.ask('flow', 'show', '--sum')
        self.assertEqual((answer['sum']['flows'], answer['coverage']['lost']), (FLOWS, 0))
        copy = pathlib.Path(self.folder.name, name + '-copy')
        disk.run(f'cp -a "$1/archive" "{copy}"')
        done = picket.run('--archive', copy, 'flow', 'show', '--sum', '-j')
        self.assertEqual(done.returncode, picket.DONE, done.stderr)
        self.assertEqual(json.loads(done.stdout)['sum']['flows'], FLOWS)
        manifest = json.loads((copy / 'manifest.json').read_text(encoding='utf-8'))
        named = {file['name'] for file in manifest['files']}
        self.assertEqual({file.name for file in copy.glob('*.parquet')}, named, 'no half-written file is left')

    def test_full(self):
        self.check('full', 'rm "$1/filler"')

    def test_read_only(self):
        self.check('read-only', 'mount -o remount,rw "$1"')

    def test_gone(self):
        self.check('gone', BACK)

    def test_removed(self):
        self.check_written('removed')
        texts = [row['text'] for row in self.disks['removed'].sensor.ask('event', 'show')['rows']]
        self.assertTrue(any('is not the directory any more' in text for text in texts), texts)
        self.assertIn('the archive is written again', texts)


if __name__ == '__main__':
    picket.main()
