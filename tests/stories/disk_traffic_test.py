#!/usr/bin/python3
"""The archive's disk is spoilt while flows come: capture goes on, what is lost is counted, and recovery is automatic.

Needs root, as disk_trouble_test.py does.

usage: disk_traffic_test.py PICKET [unittest arguments]
"""
import contextlib
import os
import pathlib
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / 'support'))

import disk_trouble_test as disks  # noqa: E402
import many_flows  # noqa: E402
import picket_program as picket  # noqa: E402
import trickle  # noqa: E402

MANY = 400_000


@unittest.skipIf(os.geteuid() != 0, 'mounting needs root')
class WhileFlowsCome(unittest.TestCase):
    """The disk is spoilt amid traffic, when something is closed already and more waits."""

    @contextlib.contextmanager
    def spoilt(self, flows, script):
        """Yields the disk and how many flows were closed before; what the data plane tells goes on meanwhile."""
        with tempfile.TemporaryDirectory(prefix='picket-disks-') as folder:
            capture = pathlib.Path(folder, 'many.pcap')
            many_flows.write_capture(capture, flows)
            paced = trickle.Trickle(capture)
            disk = disks.Disk(folder, 'disk', capture, '256m', states=trickle.STATES, started=paced.begin)
            try:
                picket.wait_until(lambda: self.has_just_written(disk))
                disk.run(f'cp "$1/archive/manifest.json" "$1/" && {script}')
                inside = pathlib.Path('/proc', str(disk.sensor.process.pid), 'root', disk.root.relative_to('/'))
                closed = trickle.flows_in(inside / 'manifest.json')
                before = disk.sensor.ask('status')
                self.assertEqual(before['state'], 'running', 'the capture was over too soon')
                picket.wait_until(lambda: disk.sensor.ask('status')['audit']['received'] > before['audit']['received'])
                yield disk, closed, paced
            finally:
                paced.end()
                disk.sensor.stop()

    @staticmethod
    def has_just_written(disk):
        """So that it does not do so again within the next moment."""
        shown = disk.shown()
        return trickle.closed_flows(shown) and shown['waiting'] < 60_000

    def ring_losses(self, disk, flows):
        """Once all has come."""
        disk.sensor.wait_for_end_of_file()
        status = disk.sensor.ask('status')
        self.assertEqual((status['audit']['balanced'], status['audit']['received']), (True, flows), 'capture went on')
        return trickle.ring_losses(status)

    def check_written(self, disk, flows, lost):
        picket.wait_until(lambda: not disk.shown()['trouble'] and disk.shown()['waiting_rows'] == 0, 60)
        self.assertEqual(trickle.closed_flows(disk.shown()), flows, disk.sensor.ask('event', 'show')['rows'])
        self.assertIn('the archive is written again', [row['text'] for row in disk.sensor.ask('event', 'show')['rows']])
        closed = disk.closed_sum()
        self.assertEqual((closed['sum']['flows'], closed['coverage']['lost']), (flows, lost))

    def check_trouble(self, flows, script, repair, reason):
        """Fewer flows than can wait lose nothing; of more each is counted, and told."""
        with self.spoilt(flows, script) as (disk, closed, paced):
            picket.wait_until(lambda: disk.shown()['trouble'], 40)
            self.assertIn(reason, disk.shown()['trouble'])
            paced.end()
            come = flows - self.ring_losses(disk, flows)
            lost = max(0, come - closed - disks.ROOM)
            picket.wait_until(lambda: disk.shown()['waiting'] == min(disks.ROOM, come - closed), 40)
            self.assertEqual((disk.shown()['unarchived'], disk.sensor.ask('status')['archive']['unarchived']), (lost, lost))
            if lost:
                self.assertIn(f'LOST {lost:,}', disk.sensor.read('status'))
                picket.wait_until(lambda: any('found no room' in row['text'] for row in disk.sensor.ask('event', 'show')['rows']))
            disk.run(repair)
            self.check_written(disk, come - lost, lost + flows - come)
            return lost

    def test_read_only_for_longer_than_there_is_room(self):
        lost = self.check_trouble(disks.ROOM + MANY, 'mount -o remount,ro "$1"', 'mount -o remount,rw "$1"',
                                  'Read-only file system')
        self.assertGreater(lost, 0)

    def test_gone(self):
        lost = self.check_trouble(MANY, disks.GONE, disks.BACK, 'archive')
        self.assertEqual(lost, 0)

    def test_removed(self):
        """All is there but what was removed, and answers say how much that was."""
        with self.spoilt(MANY, 'rm -r "$1/archive"') as (disk, closed, paced):
            paced.end()
            come = MANY - self.ring_losses(disk, MANY)
            self.check_written(disk, come - closed, MANY - come + closed)
            self.assertEqual(disk.sensor.ask('flow', 'show', '--sum')['coverage']['lost'], MANY - come + closed)
            texts = [row['text'] for row in disk.sensor.ask('event', 'show')['rows']]
            self.assertTrue(any('is not the directory any more' in text for text in texts), texts)


if __name__ == '__main__':
    picket.main()
