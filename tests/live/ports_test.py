#!/usr/bin/python3
"""Live ports count exactly: what was sent is what our XDP program counted and what workers received.

usage: ports_test.py PORT_PROBE
"""

import contextlib
import json
import os
import struct
import subprocess
import sys
import tempfile
import time
import unittest

import lab

PROBE = None
LAB = None
CORES = sorted(os.sched_getaffinity(0))
WORKER_CORE = CORES[-1]


def ethernet(payload, tags=(), ethertype=0x0800):
    vlan = b"".join(struct.pack(">HH", protocol, tag) for protocol, tag in tags)
    return bytes.fromhex("020000000001020000000002") + vlan + struct.pack(">H", ethertype) + payload


def udp(number, payload_bytes):
    """A UDP datagram of one of a thousand flows."""
    source = bytes([10, 0, number % 250, 1 + number % 200])
    length = 28 + payload_bytes
    ip = struct.pack(">BBHHHBBH", 0x45, 0, length, number & 0xFFFF, 0, 64, 17, 0) + source + bytes([192, 0, 2, 7])
    return ip + struct.pack(">HHHH", 1024 + number % 1000, 27015, 8 + payload_bytes, 0) + bytes(payload_bytes)


def frames_of_all_lengths(count):
    return [ethernet(udp(number, number % 1400)) for number in range(count)]


class Probe:
    """A running port_probe; its first line says that it is counting."""

    def __init__(self, *arguments, before=()):
        self.process = LAB.start(*before, PROBE, *arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.ready = self.process.stdout.readline().strip() == "ready"

    def end(self, seconds=30):
        out, err = self.process.communicate(timeout=seconds)
        return self.process.returncode, [json.loads(line) for line in out.splitlines()], err

    def reports(self, test):
        status, reports, err = self.end()
        test.assertEqual(status, 0, err)
        return reports


def start_probe(test, *arguments):
    probe = Probe("--cores", WORKER_CORE, *arguments)
    test.addCleanup(probe.process.terminate)
    if not probe.ready:
        test.fail(f"port_probe did not open its port: {probe.end()}")
    return probe


class AfXdp(unittest.TestCase):
    def send_through(self, frames, *arguments, rate=20000):
        probe = start_probe(self, "--device", f"af_xdp:{lab.TAP}", "--packets", len(frames), *arguments)
        sent_before = LAB.sent()[0]
        with LAB.open_socket() as raw:
            lab.send(raw, frames, rate)
        sent_after, dropped = LAB.sent()
        (report,) = probe.reports(self)
        self.assertEqual(dropped, 0, "the veth pair dropped frames: the test sent too fast")
        self.assertEqual(sent_after - sent_before, len(frames))
        return report

    def test_counted_in_the_kernel_is_sent_is_received(self):
        frames = frames_of_all_lengths(20000)
        report = self.send_through(frames)
        total = sum(map(len, frames))
        self.assertEqual(report["driver"], "net_af_xdp")
        self.assertEqual(report["kernel"], {"packets": 20000, "bytes": total, "no_socket": 0, "gap": 0})
        self.assertEqual(report["received"], 20000)
        self.assertEqual(report["bytes"], total)
        self.assertEqual(report["stats"]["missed"], 0)
        self.assertEqual(report["time_went_back"], 0)
        self.assertTrue(report["stats"]["link_up"])
        self.assertIsNone(LAB.program(), "the program is detached at the end")

    def test_vlan_tags_and_full_size_frames_arrive_whole(self):
        tags = [[], [(0x8100, 7)], [(0x88A8, 8), (0x8100, 9)]]
        # A raw socket takes the MTU of 1500, and one 802.1Q tag more.
        full = [1472, 1472, 1464]
        frames = [ethernet(udp(number, full[number % 3]), tags[number % 3]) for number in range(300)]
        report = self.send_through(frames, rate=3000)
        self.assertEqual(report["bytes"], sum(map(len, frames)))
        self.assertEqual(report["cut_short"], 0)

    def test_what_is_lost_behind_the_counter_is_counted(self):
        """Nobody polls for a while: more frames come than the ring holds."""
        probe = start_probe(self, "--device", f"af_xdp:{lab.TAP}", "--stall", "2", "--seconds", "1")
        frames = frames_of_all_lengths(6000)
        with LAB.open_socket() as raw:
            lab.send(raw, frames, 20000)
        (report,) = probe.reports(self)
        self.assertEqual(report["kernel"]["packets"], 6000)
        self.assertLess(report["received"], 6000)
        self.assertGreater(report["received"], 0)
        self.assertEqual(report["kernel"]["gap"], 6000 - report["received"])
        self.assertEqual(report["stats"]["missed"], 6000 - report["received"])

    def test_program_of_a_killed_process_is_replaced(self):
        probe = start_probe(self, "--device", f"af_xdp:{lab.TAP}")
        first = LAB.program()
        lab.run("kill", "-KILL", str(self.pid_of(probe)))
        probe.process.communicate(timeout=10)
        self.assertEqual(LAB.program()["id"], first["id"], "SIGKILL leaves the program behind")
        report = self.send_through(frames_of_all_lengths(1000))
        self.assertEqual(report["kernel"]["packets"], 1000)
        self.assertEqual(report["received"], 1000)
        self.assertIsNone(LAB.program())

    @staticmethod
    def pid_of(probe):
        # 'ip netns exec' becomes the command: same process.
        return probe.process.pid

    def test_a_second_picket_on_the_interface_is_told(self):
        first = start_probe(self, "--device", f"af_xdp:{lab.TAP}")
        status, _, err = Probe("--cores", WORKER_CORE, "--device", f"af_xdp:{lab.TAP}").end()
        self.assertEqual(status, 3, err)
        self.assertIn("in use", err)
        self.assertEqual(LAB.program()["name"], "picket_count", "the first one goes on")
        first.process.terminate()
        first.reports(self)

    def test_every_queue_of_the_interface_is_polled(self):
        """A tap device has as many receive queues as it was opened times."""
        with contextlib.ExitStack() as stack:
            queues = [stack.enter_context(queue) for queue in LAB.open_tap("mq0", 2)]
            probe = start_probe(self, "--device", "af_xdp:mq0", "--packets", 3000)
            for number, frame in enumerate(frames_of_all_lengths(3000)):
                queues[0 if number % 3 else 1].write(frame)
                if number % 50 == 0:
                    time.sleep(0.002)
            (report,) = probe.reports(self)
        self.assertEqual(report["queues"], [2000, 1000])
        self.assertEqual(report["kernel_queues"], [2000, 1000])
        self.assertEqual(report["kernel"]["packets"], 3000)
        self.assertEqual(report["kernel"]["gap"], 0)
        self.assertFalse(report["symmetric"])

    def test_no_such_interface(self):
        status, _, err = Probe("--cores", WORKER_CORE, "--device", "af_xdp:nowhere0").end()
        self.assertEqual(status, 3)
        self.assertIn("af_xdp:nowhere0: there is no such interface", err)


class AfPacket(unittest.TestCase):
    def test_sent_is_received(self):
        tags = [[], [(0x8100, 7)], []]
        frames = [ethernet(udp(number, number % 1400), tags[number % 3]) for number in range(20000)]
        probe = start_probe(self, "--device", f"af_packet:{lab.TAP}", "--packets", len(frames))
        with LAB.open_socket() as raw:
            lab.send(raw, frames, 20000)
        (report,) = probe.reports(self)
        self.assertEqual(report["received"], len(frames))
        self.assertEqual(report["bytes"], sum(map(len, frames)), "VLAN tags are part of a frame")
        self.assertEqual(report["stats"]["missed"], 0)

    def test_losses_are_counted(self):
        probe = start_probe(self, "--device", f"af_packet:{lab.TAP}", "--stall", "2", "--seconds", "1")
        frames = frames_of_all_lengths(12000)
        with LAB.open_socket() as raw:
            lab.send(raw, frames, 40000)
        (report,) = probe.reports(self)
        self.assertLess(report["received"], 12000)
        self.assertEqual(report["stats"]["missed"], 12000 - report["received"])


class VirtualDevices(unittest.TestCase):
    def test_ring_loops_back(self):
        probe = start_probe(
            self, "--device", "vdev:net_ring0", "--packets", 50000, "--send-to", "net_ring0", "--send", 50000)
        sent, report = probe.reports(self)
        self.assertEqual(sent["sent"], 50000)
        self.assertEqual((report["received"], report["bytes"]), (50000, sent["bytes"]))
        self.assertEqual(report["driver"], "net_ring")

    def test_memif_between_two_processes(self):
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, "memif.sock")
            receiver = start_probe(self, "--device", f"memif:{path}", "--packets", 50000)
            sender = start_probe(
                self, "--device", f"vdev:net_memif9,role=client,socket={path},socket-abstract=no,rsize=11",
                "--send-to", "net_memif9", "--send", 50000, "--seconds", 2)
            sent, _ = sender.reports(self)
            (report,) = receiver.reports(self)
            self.assertEqual(sent["sent"], 50000)
            self.assertEqual((report["received"], report["bytes"]), (50000, sent["bytes"]))

    def test_memif_replaces_a_stale_socket(self):
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, "memif.sock")
            for _ in range(2):
                probe = start_probe(self, "--device", f"memif:{path}")
                probe.process.kill()
                probe.process.communicate(timeout=10)
                self.assertTrue(os.path.exists(path), "SIGKILL leaves the socket behind")

    def test_memif_without_a_directory(self):
        status, _, err = Probe("--cores", WORKER_CORE, "--device", "memif:/nowhere/memif.sock").end()
        self.assertEqual(status, 3)
        self.assertIn("memif:/nowhere/memif.sock: cannot make a socket in /nowhere", err)

    def test_two_ports_at_once(self):
        probe = start_probe(
            self, "--device", "vdev:net_ring1", "--device", "vdev:net_ring2", "--seconds", "1",
            "--send-to", "net_ring2", "--send", 1000)
        sent, one, two = probe.reports(self)
        self.assertEqual((sent["sent"], one["received"], two["received"]), (1000, 0, 1000))

    def test_unknown_devices_get_a_sentence(self):
        for device, words in (
                ("vdev:net_nonsense0", "vdev:net_nonsense0: cannot be opened"),
                ("0000:ff:1f.7", "0000:ff:1f.7: there is no such PCI device"),
                ("eth0", 'device "eth0": is not a device that Picket knows')):
            status, _, err = Probe("--cores", WORKER_CORE, "--device", device).end()
            self.assertIn(words, err)
            self.assertEqual(status, 2 if device == "eth0" else 3)

    def test_a_core_that_is_not_there(self):
        status, _, err = Probe("--cores", 99, "--device", "vdev:net_ring0").end()
        self.assertEqual(status, 3)
        self.assertIn("core 99 is not available", err)


class WithoutRights(unittest.TestCase):
    """As nobody, whom the kernel lets open neither packet sockets nor BPF."""

    as_nobody = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")

    def setUp(self):
        if subprocess.run([*self.as_nobody, "test", "-x", PROBE], check=False).returncode != 0:
            self.skipTest("nobody cannot run the build tree's programs")

    def probe_as_nobody(self, *arguments):
        return Probe(*arguments, before=self.as_nobody)

    def test_interfaces_are_refused(self):
        for device in (f"af_xdp:{lab.TAP}", f"af_packet:{lab.TAP}"):
            status, _, err = self.probe_as_nobody("--cores", WORKER_CORE, "--device", device).end()
            self.assertEqual(status, 3, err)
            self.assertIn(f"{device}: no permission to open the port", err)
            self.assertIn("CAP_NET_RAW", err)

    def test_four_capabilities_are_enough_for_af_xdp(self):
        rights = "+net_admin,+net_raw,+bpf,+ipc_lock"
        probe = Probe(
            "--cores", WORKER_CORE, "--device", f"af_xdp:{lab.TAP}", "--packets", 1000,
            before=(*self.as_nobody, f"--inh-caps={rights}", f"--ambient-caps={rights}"))
        self.assertTrue(probe.ready)
        with LAB.open_socket() as raw:
            lab.send(raw, frames_of_all_lengths(1000), 20000)
        (report,) = probe.reports(self)
        self.assertEqual((report["kernel"]["packets"], report["received"]), (1000, 1000))
        self.assertIsNone(LAB.program())

    def test_virtual_devices_work(self):
        probe = self.probe_as_nobody(
            "--cores", WORKER_CORE, "--device", "vdev:net_ring0", "--packets", 1000,
            "--send-to", "net_ring0", "--send", 1000)
        self.assertTrue(probe.ready)
        _, report = probe.reports(self)
        self.assertEqual(report["received"], 1000)


def main():
    global PROBE, LAB
    PROBE = os.path.abspath(sys.argv[1])
    LAB = lab.Lab()
    unittest.main(argv=[sys.argv[0], *sys.argv[2:]], verbosity=2)


if __name__ == "__main__":
    main()
