#!/usr/bin/python3
"""`picket capture` on an AF_XDP port: just the frames that pass the filter, each once, as they were sent.

usage: capture_test.py PICKET PICKETD PICKET_DATAPLANE
"""

import os
import signal
import struct
import subprocess
import sys
import tempfile
import time
import unittest

import lab
import run_test
import traffic

FLOOD_FILTER = "udp dst port 27015 and ip[4:2] = 39936"  # the forging tool's one IP ID


def frames_in(pcapng):
    """The frames of a pcapng file's enhanced packet blocks."""
    frames = []
    at = 0
    while at < len(pcapng):
        kind, size = struct.unpack_from("<II", pcapng, at)
        assert struct.unpack_from("<I", pcapng, at + size - 4)[0] == size, "a block's lengths differ"
        if kind == 6:
            captured, wire = struct.unpack_from("<II", pcapng, at + 20)
            assert captured <= wire
            frames.append(pcapng[at + 28 : at + 28 + captured])
        at += size
    return frames


class Capture(unittest.TestCase):
    def setUp(self):
        self.picket = run_test.Picket(self).start()
        folder = tempfile.TemporaryDirectory(prefix="picket-capture-")
        self.addCleanup(folder.cleanup)
        self.file = os.path.join(folder.name, "live.pcapng")

    def begin(self, *arguments, **options):
        process = subprocess.Popen(
            [run_test.PROGRAMS["picket"], "-s", self.picket.socket, "capture", *arguments], stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE, **options)
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def taken(self):
        with open(self.file, "rb") as file:
            return frames_in(file.read())

    def send(self, frames):
        with run_test.LAB.open_socket() as raw:
            lab.send(raw, frames, 5000)

    def wait_for_section(self):
        lab.wait_for(lambda: os.path.exists(self.file) and os.path.getsize(self.file) > 0, 10, "the capture begins")

    def test_what_passes_each_once_and_nothing_else(self):
        frames = traffic.frames_of("sobig.pcap")
        flood = traffic.sobig_flood()
        capture = self.begin(*FLOOD_FILTER.split(), "-w", self.file, "-c", str(len(flood)))
        self.wait_for_section()
        self.send(frames)
        self.assertEqual(capture.wait(timeout=20), 0, "it ends by itself after so many")
        self.assertEqual(capture.stderr.read(), b"1,751 packets\n")
        self.assertEqual(self.taken(), flood)
        status = self.picket.settled(len(frames))
        self.assertTrue(status["audit"]["balanced"])
        self.assertEqual(status["audit"]["received"], len(frames), "nothing was lost for it")

    def test_until_interrupted_and_cut(self):
        frames = traffic.frames_of("frethem.pcap")[:500]
        capture = self.begin("-w", self.file, "--bytes", "60")
        self.wait_for_section()
        self.send(frames)
        lab.wait_for(lambda: len(self.taken()) == len(frames), 10, "all frames are written")
        capture.send_signal(signal.SIGINT)
        self.assertEqual(capture.wait(timeout=10), 0)
        self.assertEqual(capture.stderr.read(), b"500 packets\n")
        self.assertEqual(self.taken(), [frame[:60] for frame in frames])
        self.send(frames)
        time.sleep(0.5)
        self.assertEqual(len(self.taken()), len(frames), "nothing after its end")

    def test_a_pipe_that_other_tools_read(self):
        flood = traffic.sobig_flood()
        capture = self.begin("udp", "-w", "-", "-c", str(len(flood)), stdout=subprocess.PIPE)
        reader = subprocess.Popen(
            ["tshark", "-n", "-r", "-", "-T", "fields", "-e", "ip.id"], stdin=capture.stdout, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL)
        capture.stdout.close()
        self.addCleanup(reader.stdout.close)
        time.sleep(1)
        self.send(flood)
        output, _ = reader.communicate(timeout=30)
        self.assertEqual(capture.wait(timeout=10), 0)
        self.assertEqual(output.split(), [b"0x9c00"] * len(flood))

    def test_one_at_a_time_and_none_without_an_owner(self):
        first = self.begin("-w", self.file)
        self.wait_for_section()
        second = self.begin("-w", self.file + "2")
        self.assertEqual(second.wait(timeout=10), 3)
        self.assertIn(b"another capture is running", second.stderr.read())
        first.kill()
        first.wait()

        def begins():
            again = self.begin("icmp", "-w", self.file + "3")
            time.sleep(1.5)
            return again.poll() is None

        lab.wait_for(begins, 25, "a capture that nobody fetches ends by itself")

    def test_what_cannot_be(self):
        for arguments, said in ((["no such filter", "-w", self.file], b"the filter cannot be used"),
                                (["udp", "-w", "/nowhere/file"], b"cannot be written"),
                                (["udp"], b"--write")):
            capture = self.begin(*arguments)
            self.assertEqual(capture.wait(timeout=10), 2, arguments)
            self.assertIn(said, capture.stderr.read())


def main():
    for program in sys.argv[1:4]:
        run_test.PROGRAMS[os.path.basename(program)] = os.path.abspath(program)
    run_test.LAB = lab.Lab()
    unittest.main(argv=[sys.argv[0], *sys.argv[4:]], verbosity=2)


if __name__ == "__main__":
    main()
