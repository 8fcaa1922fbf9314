#!/usr/bin/python3
"""`picket run` on an AF_XDP port, under traffic.

Counted by our XDP program = sent = in flows + outcomes; alerts within a second; rules reloaded and picketd
killed without losing a packet; what the rings could not hold counted by kind.

usage: run_test.py PICKET PICKETD PICKET_DATAPLANE
"""

import contextlib
import datetime
import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
import time
import unittest

import lab
import traffic

PROGRAMS = {}
LAB = None
WORKER_CORE = max(os.sched_getaffinity(0))
WATCH_FILE = os.path.join(traffic.CAPTURES, "sobig_f_20.txt")

B_CGI = (
    'alert tcp any any -> any any (msg:"Frethem b.cgi"; flow:to_server,established; content:"/b.cgi"; http_uri; '
    "sid:7000001; rev:1; priority:1;)\n")
ANY_HTML = (
    'alert tcp any any -> any any (msg:"any page"; flow:to_server,established; content:".html"; http_uri; '
    "sid:7000002; rev:1;)\n")


def ask(socket, *arguments):
    done = subprocess.run(
        [PROGRAMS["picket"], "-s", socket, *arguments, "-j"], stdin=subprocess.DEVNULL, capture_output=True,
        text=True, timeout=30, check=False)
    if done.returncode != 0:
        raise lab.NotYet(f"picket {' '.join(arguments)}: {done.stderr.strip()}")
    return json.loads(done.stdout)


class Picket:
    """A running `picket run` on the tap end, its sockets and files in a directory of its own."""

    def __init__(self, test):
        directory = tempfile.TemporaryDirectory(prefix="picket-live-")
        test.addCleanup(directory.cleanup)
        self.socket = os.path.join(directory.name, "control.sock")
        self.rules = os.path.join(directory.name, "live.rules")
        self.errors = open(os.path.join(directory.name, "stderr"), "w+", encoding="utf-8")
        test.addCleanup(self.errors.close)
        self.write_rules(B_CGI)
        self.config = os.path.join(directory.name, "picket.toml")
        with open(self.config, "w", encoding="utf-8") as file:
            file.write(
                f'sensor = "live-test"\n[dataplane]\nworkers = "{WORKER_CORE}"\nmemory_mib = 256\n'
                f'[[port]]\ndevice = "af_xdp:{lab.TAP}"\nname = "tap-a"\ngroup = "uplink"\n'
                f'[flow]\ncapacity = 100000\n[rules]\nfiles = ["live.rules"]\n'
                f'[watch]\nsobig = "{WATCH_FILE}"\n')
        self.test = test

    def write_rules(self, text):
        with open(self.rules, "w", encoding="utf-8") as file:
            file.write(text)

    def configure(self, more):
        with open(self.config, "a", encoding="utf-8") as file:
            file.write(more)

    def launch(self, before=()):
        self.process = LAB.start(
            *before, PROGRAMS["picket"], "-s", self.socket, "run", "-c", self.config, stderr=self.errors)
        return self.process

    def start(self):
        process = self.launch()
        self.test.addCleanup(self.stop)
        lab.wait_for(lambda: self.is_running(process), 20, "picket run answers", self.said)
        return self

    def is_running(self, process):
        if process.poll() is not None:
            raise AssertionError(f"picket run ended with status {process.returncode}: {self.said()}")
        status = ask(self.socket, "status")
        return status["state"] == "running" and status["rules"]["generation"] >= 1 and status["ports"]

    def stop(self):
        self.process.terminate()
        self.test.assertEqual(self.process.wait(timeout=40), 0, self.said())
        self.test.assertIsNone(LAB.program(), "the XDP program goes with picket run")

    def said(self):
        self.errors.flush()
        with open(self.errors.name, encoding="utf-8") as file:
            return file.read()

    def ask(self, *arguments):
        return ask(self.socket, *arguments)

    def connected(self):
        status = self.ask("status")
        return status["dataplane"]["connected"] and "audit" in status and status

    def settled(self, packets):
        """The status once the audit and the XDP program have seen so many packets, no more are on their way."""

        def seen():
            status = self.ask("status")
            xdp = status["ports"][0]["xdp"]
            audit = status["audit"]
            return audit["received"] >= packets and xdp["packets"] >= packets and not audit["in_transit"] and status

        return lab.wait_for(seen, 10, f"{packets} packets arrive", lambda: json.dumps(self.ask("status")["ports"]))


class LiveRun(unittest.TestCase):
    def assert_exact(self, status, sent):
        """Sent = counted in the kernel = received = in flows + outcomes, nothing lost."""
        (port,) = status["ports"]
        audit = status["audit"]
        self.assertEqual(port["xdp"]["packets"], sent)
        self.assertEqual(port["xdp"]["no_socket"], 0)
        self.assertEqual(port["xdp"]["lost_before_rx"], 0)
        self.assertEqual(port["missed"], 0)
        self.assertEqual(audit["received"], sent)
        self.assertEqual(audit["in_flows"] + sum(audit["outcomes"].values()) + audit["held"], sent)
        self.assertTrue(audit["balanced"])

    def test_counted_in_the_kernel_is_sent_is_in_flows_and_outcomes(self):
        picket = Picket(self).start()
        frames = traffic.frames_of("sobig.pcap") + traffic.frames_of("frethem.pcap") + traffic.frames_of("mixed.pcap")
        with LAB.open_socket() as raw:
            lab.send(raw, frames, 10000)
        self.assertEqual(LAB.sent()[1], 0, "the veth pair dropped frames: the test sent too fast")
        status = picket.settled(len(frames))
        self.assert_exact(status, len(frames))
        self.assertEqual(status["ports"][0]["xdp"]["bytes"], sum(map(len, frames)))
        self.assertGreater(sum(status["audit"]["outcomes"].values()), 0, "mixed.pcap has what is in no flow")
        flows = picket.ask("flow", "show", "--sum")
        self.assertEqual(flows["sum"]["packets"], status["audit"]["in_flows"], "live and ended flows together")

    def test_one_alert_within_a_second_whose_counter_climbs(self):
        """Story 9."""
        picket = Picket(self).start()
        flood = traffic.sobig_flood()
        self.assertEqual(len(flood), 1751)
        arrived = queue.Queue()
        tail = subprocess.Popen(
            [PROGRAMS["picket"], "-s", picket.socket, "alert", "tail", "-j"], stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, text=True)
        self.addCleanup(tail.stdout.close)
        self.addCleanup(tail.wait)
        self.addCleanup(tail.terminate)

        def read_tail():
            for line in tail.stdout:
                arrived.put((time.monotonic(), json.loads(line)))

        threading.Thread(target=read_tail, daemon=True).start()
        time.sleep(1)  # for tail to ask
        self.assertTrue(arrived.empty(), "no alert before the first packet")
        with LAB.open_socket() as raw:
            first_sent = time.monotonic()
            raw.send(flood[0])
            first_printed, alert = arrived.get(timeout=5)
            self.assertLess(first_printed - first_sent, 1.0)
            self.assertEqual(alert["count"], 1)
            self.assertIn("192.0.2.7", alert["destination"])
            lab.send(raw, flood[1:], 2000)
        self.assert_exact(picket.settled(1751), 1751)

        def all_counted():
            rows = picket.ask("alert", "show")["rows"]
            return sum(row["count"] for row in rows) == 1751 and rows

        rows = lab.wait_for(all_counted, 5, "the counter reaches 1,751", lambda: str(picket.ask("alert", "show")))
        # One an hour: a second one if the hour turned meanwhile.
        self.assertLessEqual(len(rows), 2)
        counts = [alert["count"]]
        while counts[-1] < max(row["count"] for row in rows):
            counts.append(arrived.get(timeout=5)[1]["count"])
        self.assertLess(len(counts), 100, "tail prints an alert that climbs, not 1,751")

    def test_rule_reload_under_traffic_loses_nothing(self):
        picket = Picket(self).start()
        before = picket.ask("status")["rules"]
        self.assertEqual(before["loaded"], 1)
        sender = traffic.Sender(LAB, traffic.frames_of("frethem.pcap"), 4000)
        self.addCleanup(sender.stop)
        time.sleep(0.7)
        picket.write_rules(B_CGI + ANY_HTML)
        loaded = picket.ask("rule", "reload")
        self.assertEqual((loaded["loaded"], loaded["generation"]), (2, before["generation"] + 1))
        self.assertEqual({row["generation"] for row in picket.ask("worker", "show")["rows"]}, {loaded["generation"]})
        time.sleep(2)
        sent = sender.stop()
        self.assertGreater(sent, 5000)
        status = picket.settled(sent)
        self.assert_exact(status, sent)
        self.assertEqual(status["loss"]["rings"], 0)
        hits = {row["sid"]: row["generation"] for row in picket.ask("alert", "show")["rows"] if row["sid"]}
        self.assertEqual(hits.get(7000002), loaded["generation"], f"the new rule hits: {hits}")

    def test_picketd_killed_under_traffic(self):
        picket = Picket(self).start()
        before = picket.ask("status")
        sender = traffic.Sender(LAB, traffic.frames_of("frethem.pcap"), 4000)
        self.addCleanup(sender.stop)
        time.sleep(1)
        for _ in range(3):
            counted = picket.ask("status")["audit"]["received"]
            os.kill(self.picketd_of(picket), 9)
            after = lab.wait_for(picket.connected, 10, "picketd is back", picket.said)
            self.assertGreater(after["audit"]["received"], counted, "counters go on")
            self.assertEqual(after["dataplane"]["pid"], before["dataplane"]["pid"], "the data plane never stopped")
            self.assertEqual(after["dataplane"]["run_id"], before["dataplane"]["run_id"])
            time.sleep(0.5)
        sent = sender.stop()
        self.assert_exact(picket.settled(sent), sent)

    def test_what_a_killed_picketd_had_not_archived_is_blind(self):
        """From its last flush until the next picketd; live and closed answers tell the same seconds of it."""
        picket = Picket(self)
        directory = os.path.join(os.path.dirname(picket.socket), "archive")
        picket.configure(f'[archive]\ndirectory = "{directory}"\n')
        picket.start()
        sender = traffic.Sender(LAB, traffic.frames_of("frethem.pcap"), 2000)
        self.addCleanup(sender.stop)
        first = picket.ask("archive", "show")["flushed"]
        lab.wait_for(lambda: picket.ask("archive", "show")["flushed"] != first, 20, "a flush", picket.said)
        time.sleep(2)
        os.kill(self.picketd_of(picket), 9)
        lab.wait_for(picket.connected, 10, "picketd is back", picket.said)
        sent = sender.stop()
        self.assert_exact(picket.settled(sent), sent)
        gap = lab.wait_for(lambda: picket.ask("archive", "show")["gap"], 10, "the gap is told", picket.said)
        begin, end = (datetime.datetime.fromisoformat(gap[key].rstrip("Z")[:26]) for key in ("since", "until"))
        seconds = (end - begin).total_seconds()
        self.assertTrue(2 <= seconds <= 12, gap)
        within = ("flow", "show", "--sum", "--since", gap["since"], "--until", gap["until"])
        self.assertAlmostEqual(picket.ask(*within)["coverage"]["seconds_blind"], seconds, delta=0.01)
        picket.process.terminate()
        self.assertEqual(picket.process.wait(timeout=40), 0, picket.said())
        closed = subprocess.run(
            [PROGRAMS["picket"], "--archive", directory, *within, "-j"], stdin=subprocess.DEVNULL, capture_output=True,
            text=True, timeout=30, check=True)
        self.assertAlmostEqual(json.loads(closed.stdout)["coverage"]["seconds_blind"], seconds, delta=0.01)

    def test_no_permission_for_the_port(self):
        picket = Picket(self)
        # The user stays: another one may not be let into the build tree, nor to the libraries beside it.
        without_capabilities = ("setpriv", "--bounding-set=-all", "--inh-caps=-all")
        self.assertEqual(picket.launch(without_capabilities).wait(timeout=30), 3, picket.said())
        self.assertIn(f"af_xdp:{lab.TAP}: no permission to open the port", picket.said())
        self.assertIn("CAP_NET_RAW", picket.said())

    @staticmethod
    def picketd_of(picket):
        for pid in lab.children_of(picket.process.pid):
            with contextlib.suppress(FileNotFoundError), open(f"/proc/{pid}/comm", encoding="ascii") as comm:
                if comm.read().strip() == "picketd":
                    return pid
        raise lab.NotYet("no picketd")

    def test_what_the_rings_cannot_hold_is_counted_by_kind(self):
        """No picketd for a while, and a small ring: one-packet flows are counted before anything is dropped."""
        picket = Picket(self)
        directory = os.path.dirname(picket.socket)
        dataplane_socket = os.path.join(directory, "dataplane.sock")
        dataplane = LAB.start(
            PROGRAMS["picket-dataplane"], "--socket", dataplane_socket, "--port", "tap-a", "uplink", "auto",
            f"af_xdp:{lab.TAP}", "--workers", WORKER_CORE, "--memory-mib", 256, "--ring-mib", 1,
            "--idle-timeout-ms", 300, "--flow-capacity", 100000, stderr=picket.errors)
        self.addCleanup(dataplane.wait)
        self.addCleanup(dataplane.terminate)
        lab.wait_for(lambda: os.path.exists(dataplane_socket), 10, "the data plane listens", picket.said)
        lab.wait_for(lambda: LAB.program(), 10, "the port is open", picket.said)
        time.sleep(0.3)
        flood = traffic.sobig_flood()
        # One packet a flow: every port once.
        frames = [traffic.with_source_port(flood[n % len(flood)], 1024 + n) for n in range(10 * len(flood))]
        with LAB.open_socket() as raw:
            lab.send(raw, frames, 10000)
        time.sleep(1)  # all flows are idle by now
        picketd = LAB.start(
            PROGRAMS["picketd"], "--dataplane", dataplane_socket, "--control", picket.socket, "--config",
            picket.config, stderr=picket.errors)
        self.addCleanup(picketd.wait)
        self.addCleanup(picketd.terminate)
        lab.wait_for(lambda: picket.ask("status"), 10, "picketd answers", picket.said)
        status = picket.settled(len(frames))
        self.assert_exact(status, len(frames))
        self.assertGreater(status["flows"]["records_folded"], 0)
        self.assertEqual(status["events"]["dropped"]["flow"], 0)

        def all_told():
            now = picket.ask("status")
            told = picket.ask("flow", "show", "--sum", "--records")["sum"]["packets"]
            counted = now["flows"]["records_folded"] + now["events"]["dropped"]["flow"]
            # What was folded is counted at once, and told bit by bit.
            folds_told = now["fold"]["records"] == now["flows"]["records_folded"]
            return told + counted == len(frames) and folds_told and now

        now = lab.wait_for(all_told, 10, "records drained + folded + dropped = one-packet flows", picket.said)
        self.assertEqual([party["party"] for party in now["fold"]["victims"]], ["192.0.2.7:27015 UDP"])
        answer = picket.ask("flow", "show", "--sum")
        self.assertEqual(answer["coverage"]["folded"], now["flows"]["records_folded"], "answers say so")


def main():
    global LAB
    for program in sys.argv[1:4]:
        PROGRAMS[os.path.basename(program)] = os.path.abspath(program)
    LAB = lab.Lab()
    unittest.main(argv=[sys.argv[0], *sys.argv[4:]], verbosity=2)


if __name__ == "__main__":
    main()
