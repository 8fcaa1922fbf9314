#!/usr/bin/python3
"""`picket run` names a scanner long before the timeouts of its flows, and nobody else.

A host tries four destinations at Frethem's pace, each with SYNs at 0, 3 and 9 seconds, and nothing answers. Four
failures in a row make a sweep (docs/detection.md); the last of them is known by its third SYN, 60 s after the first
packet, and by nothing else: its flow lives until `syn_timeout`, 75 s after that.

A proxy opens a hundred connections a second, of which one in ten fails. Those that are answered end at once, seconds
before the first failure is known; some are refused within a millisecond, while the others still wait for their answer.

usage: scan_test.py PICKET PICKETD PICKET_DATAPLANE
"""

import datetime
import os
import sys
import time
import unittest

import flood_test
import lab
import run_test

HOST = "10.1.7.44"
TARGETS = ("203.0.113.3", "198.51.100.5", "203.0.113.10", "198.51.100.12")
PACE_S = 17  # 3.5 a minute
SYN_TIMES_S = (0, 3, 9)
WITHIN_S = 90
WITHIN_VERDICT_S = 5
SYN = 0x02
PROXY = "10.1.0.5"
CONNECTIONS = 1200
CONNECTIONS_A_S = 100
ANSWER_S = 0.3


def syns():
    """When each is due, and the frame: those of one destination are of one 5-tuple."""
    return sorted((number * PACE_S + later, flood_test.tcp_frame(HOST, target, 1051 + number, 80, SYN, 1000 * number + 1))
                  for number, target in enumerate(TARGETS) for later in SYN_TIMES_S)


def connection(number):
    """When each packet of the proxy's connection is due, after the first, and the frame."""
    def out(flags, *numbers):
        return flood_test.tcp_frame(PROXY, server, 2000 + number, 80, flags, *numbers)

    def back(flags, *numbers):
        return flood_test.tcp_frame(server, PROXY, 80, 2000 + number, flags, *numbers)

    server = f"192.0.{2 + number // 200}.{1 + number % 200}"
    if number % 20 == 7:
        return [(later, out(SYN)) for later in SYN_TIMES_S]
    if number % 20 == 13:
        return [(0, out(SYN)), (0.001, back(0x14, 0, 2))]
    return [(0, out(SYN)), (ANSWER_S, back(0x12, 1, 2)), (ANSWER_S, out(0x11, 2, 2)), (ANSWER_S, back(0x11, 2, 3)),
            (ANSWER_S, out(0x10, 3, 3))]


def seconds(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


class LiveScan(unittest.TestCase):
    def test_the_frethem_host_within_ninety_seconds(self):
        picket = run_test.Picket(self).start()
        *before, (last_due, last) = syns()
        with run_test.LAB.open_socket() as raw:
            begin = time.monotonic()
            for due, frame in before:
                time.sleep(max(0, begin + due - time.monotonic()))
                raw.send(frame)
            time.sleep(max(0, begin + last_due - 1 - time.monotonic()))
            self.assertEqual(picket.ask("scan", "show")["rows"], [], "three failures are none")
            time.sleep(max(0, begin + last_due - time.monotonic()))
            raw.send(last)
        rows = lab.wait_for(lambda: picket.ask("scan", "show")["rows"], begin + WITHIN_S - time.monotonic(),
                            "the host is named", picket.said)
        self.assertLess(time.monotonic() - begin, WITHIN_S)
        (row,) = rows
        self.assertEqual((row["source"], row["kind"], row["proto"], row["port"]), (HOST, "sweep", "TCP", 80))
        self.assertEqual((row["destinations"], row["failures"]), (len(TARGETS), len(TARGETS)))
        self.assertAlmostEqual(seconds(row["flagged"]) - seconds(row["first"]), 3 * PACE_S, delta=1)
        flows = picket.ask("flow", "show", "--src", HOST)["rows"]
        self.assertEqual({(flow["dest_ip"], flow["pkts_toserver"], flow["final"]) for flow in flows},
                         {(target, len(SYN_TIMES_S), False) for target in TARGETS}, "all of them are live")
        alerts = lab.wait_for(lambda: picket.ask("alert", "show")["rows"], 5, "it is an alert")
        self.assertEqual([(alert["sid"], alert["source"], alert["count"]) for alert in alerts], [(0, HOST, 1)])

    def test_a_busy_proxy_is_none(self):
        picket = run_test.Picket(self).start()
        frames = [(number / CONNECTIONS_A_S + due, order, frame) for number in range(CONNECTIONS)
                  for order, (due, frame) in enumerate(connection(number))]
        with run_test.LAB.open_socket() as raw:
            begin = time.monotonic()
            for due, _, frame in sorted(frames):
                time.sleep(max(0, begin + due - time.monotonic()))
                raw.send(frame)
        time.sleep(WITHIN_VERDICT_S)
        self.assertEqual(picket.ask("scan", "show")["rows"], [])
        self.assertEqual(picket.ask("alert", "show")["rows"], [])
        refused = picket.ask("flow", "show", "--src", PROXY, "--outcome", "refused", "--limit", "0")["sum"]
        self.assertEqual(refused["flows"], CONNECTIONS // 20)


def main():
    for program in sys.argv[1:4]:
        run_test.PROGRAMS[os.path.basename(program)] = os.path.abspath(program)
    run_test.LAB = lab.Lab()
    unittest.main(argv=[sys.argv[0], *sys.argv[4:]], verbosity=2)


if __name__ == "__main__":
    main()
