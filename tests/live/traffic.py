"""Frames of the bundled captures, and a sender that runs beside a test."""

import os
import struct
import threading

import lab

CAPTURES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "captures")
ETHERNET_BYTES_MIN = 14  # a raw socket sends no less


def frames_of(name):
    """All frames of a bundled pcap file (microseconds or nanoseconds, little-endian) that can be sent whole."""
    with open(os.path.join(CAPTURES, "bundled", name), "rb") as file:
        data = file.read()
    magic = struct.unpack_from("<I", data)[0]
    assert magic in (0xA1B2C3D4, 0xA1B23C4D), f"{name}: not a pcap file of the kind that generate.py writes"
    frames = []
    at = 24
    while at < len(data):
        captured, wire = struct.unpack_from("<II", data, at + 8)
        frame = data[at + 16 : at + 16 + captured]
        at += 16 + captured
        if captured == wire and captured >= ETHERNET_BYTES_MIN:
            frames.append(frame)
    return frames


def sobig_flood():
    """The 1,751 packets of the flood: 37 IP bytes to UDP 27015 of 192.0.2.7 from ten of the twenty."""
    with open(os.path.join(CAPTURES, "sobig_f_20.txt"), encoding="ascii") as file:
        twenty = {line.split("#")[0].strip() for line in file} - {""}
    flood = []
    for frame in frames_of("sobig.pcap"):
        ip = frame[14:]
        source = ".".join(map(str, ip[12:16]))
        if frame[12:14] == b"\x08\x00" and ip[9] == 17 and source in twenty and ip[22:24] == b"\x69\x87":
            flood.append(frame)
    return flood


def with_source_port(frame, port):
    """The same IPv4 UDP frame from another port; the checksum is left out (0), as UDP allows."""
    changed = bytearray(frame)
    struct.pack_into(">H", changed, 34, port)
    struct.pack_into(">H", changed, 40, 0)
    return bytes(changed)


class Sender(threading.Thread):
    """Sends frames over and over at a steady rate until stopped; `sent` is exact once it has ended."""

    def __init__(self, laboratory, frames, packets_per_second):
        super().__init__(daemon=True)
        self.raw = laboratory.open_socket()
        self.frames = frames
        self.rate = packets_per_second
        self.stopping = threading.Event()
        self.sent = 0
        self.start()

    def run(self):
        def endless():
            while not self.stopping.is_set():
                for frame in self.frames:
                    if self.stopping.is_set():
                        return
                    yield frame
                    self.sent += 1

        lab.send(self.raw, endless(), self.rate)

    def stop(self):
        """Idempotent; returns how many frames were sent."""
        self.stopping.set()
        self.join(timeout=10)
        self.raw.close()
        return self.sent
