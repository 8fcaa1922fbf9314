#!/usr/bin/python3
"""`picket run` under a flood of new flows that the flow table cannot hold.

Sent = in flows + folded; established flows are whole; status, events, metrics and every answer say what was
folded, and who stood out.

usage: flood_test.py PICKET PICKETD PICKET_DATAPLANE
"""

import os
import struct
import sys
import unittest

import lab
import run_test

CAPACITY = 4096
ESTABLISHED = 1000
VICTIM = "203.0.113.80"


def ipv4(text):
    return bytes(map(int, text.split(".")))


def tcp_frame(source, destination, source_port, destination_port, flags, sequence=1, acknowledgment=0):
    tcp = struct.pack(">HHIIBBHHH", source_port, destination_port, sequence, acknowledgment, 0x50, flags, 8192, 0, 0)
    ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 40, 1, 0, 64, 6, 0, ipv4(source), ipv4(destination))
    return (bytes(12) + b"\x08\x00" + ip + tcp).ljust(60, b"\0")


def connection(number):
    """Both directions' ends of an established flow."""
    return f"10.0.{number >> 8}.{number & 255}", 2000 + number


def opening(number):
    client, port = connection(number)
    yield tcp_frame(client, "192.0.2.1", port, 80, 0x02)
    yield tcp_frame("192.0.2.1", client, 80, port, 0x12, 1, 2)
    yield tcp_frame(client, "192.0.2.1", port, 80, 0x10, 2, 2)


def flood(count):
    """SYN packets of 5-tuples of their own, to one victim."""
    for number in range(count):
        source = f"64.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
        yield tcp_frame(source, VICTIM, 1024 + number % 50000, 80, 0x02)


class Flood(unittest.TestCase):
    def test_established_flows_stay_whole_and_everybody_says_what_was_folded(self):
        picket = run_test.Picket(self)
        with open(picket.config, encoding="utf-8") as file:
            text = file.read()
        with open(picket.config, "w", encoding="utf-8") as file:
            file.write(text.replace("capacity = 100000", f"capacity = {CAPACITY}\nfold_above = 0.9"))
        picket.start()
        frames = [frame for number in range(ESTABLISHED) for frame in opening(number)]
        flooded = list(flood(20000))
        for number, frame in enumerate(flooded):
            frames.append(frame)
            if number % 2 == 0:
                client, port = connection(number // 2 % ESTABLISHED)
                frames.append(tcp_frame(client, "192.0.2.1", port, 80, 0x10, 2, 2))
        with run_test.LAB.open_socket() as raw:
            lab.send(raw, frames, 10000)
        self.assertEqual(run_test.LAB.sent()[1], 0, "the veth pair dropped frames: the test sent too fast")
        status = picket.settled(len(frames))
        audit = status["audit"]
        folded = audit["outcomes"]["folded"]
        self.assertEqual(audit["received"], len(frames))
        self.assertEqual(folded, len(flooded) - (int(CAPACITY * 0.9) - ESTABLISHED))
        self.assertEqual(audit["in_flows"] + folded, len(frames))
        self.assertEqual(audit["outcomes"]["table_full"], 0)
        self.assertEqual(status["flows"]["folded"], folded)

        answer = picket.ask("flow", "show", "--src", "10.0.0.0/8", "--limit", "2000")
        self.assertEqual(len(answer["rows"]), ESTABLISHED)
        packets = {(row["pkts_toserver"], row["pkts_toclient"]) for row in answer["rows"]}
        self.assertEqual(packets, {(2 + len(flooded) // 2 // ESTABLISHED, 1)}, "each flow is whole")

        def told():
            now = picket.ask("status")
            if not now["fold"] or now["fold"]["packets"] != folded or not now["fold"]["victims"]:
                return None  # samples and fold events come once a second
            return now["fold"]["victims"][0]["packets"] > folded * 0.9 and now

        now = lab.wait_for(told, 10, "all is sampled and the victim is named", lambda: str(picket.ask("status").get("fold")))
        self.assertEqual(now["fold"]["victims"][0]["party"], f"{VICTIM}:80 TCP")
        self.assertEqual(now["fold"]["bytes"], folded * 40)
        self.assertEqual(picket.ask("flow", "show", "--sum")["coverage"]["folded"], folded)
        counters = {row["name"]: row["value"] for row in picket.ask("counter", "show")["rows"] if not row["labels"]}
        self.assertEqual(counters["picket_flows_folded_total"], folded)
        self.assertEqual(counters["picket_flows_folded_bytes_total"], folded * 40)

        def ended():
            texts = [row["text"] for row in picket.ask("event", "show")["rows"] if row["kind"] == "fold"]
            return any("folding ended" in text for text in texts) and texts

        texts = lab.wait_for(ended, 20, "folding ends", lambda: str(picket.ask("event", "show")))
        self.assertTrue(texts[0].startswith("folding began: the flow tables hold "), texts)
        self.assertIn(f"{folded} packets ({folded * 40} bytes) in no flow", texts[-1])
        self.assertIn(f"to {VICTIM}:80 TCP ", texts[-1])


def main():
    for program in sys.argv[1:4]:
        run_test.PROGRAMS[os.path.basename(program)] = os.path.abspath(program)
    run_test.LAB = lab.Lab()
    unittest.main(argv=[sys.argv[0], *sys.argv[4:]], verbosity=2)


if __name__ == "__main__":
    main()
