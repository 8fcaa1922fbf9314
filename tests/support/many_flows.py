"""A capture of any number of flows, for tests of what is bounded."""
import struct


def write_capture(path, flows):
    """UDP flows of one packet each, from 10.0.0.0 on, 10,000 a second."""
    ethernet = bytes.fromhex('020000000001020000000002' '0800')
    with open(path, 'wb') as file:
        file.write(struct.pack('<IHHiIII', 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
        for number in range(flows):
            ip = struct.pack('>BBHHHBBHII', 0x45, 0, 29, number & 0xffff, 0, 64, 17, 0, 0x0a000000 + number, 0xc0000207)
            frame = ethernet + ip + struct.pack('>HHHHB', 1024, 27015, 9, 0, 0)
            time = (1_000_000 + number // 10_000, number % 10_000 * 100)
            file.write(struct.pack('<IIII', *time, len(frame), len(frame)) + frame)
