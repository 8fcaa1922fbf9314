"""Just enough of pcap to take frames out of capture files, for seeds."""
import os
import pathlib
import struct

READ_MAX = 256 * 1024  # of each file
LINK_TYPES = [1, 0, 9, 12, 101, 104, 108, 113, 228, 276, 12345, 229]  # as frame_input.h


def packets(path, count_max):
    """(link type, nanoseconds, bytes on the wire, bytes) of the first packets of a pcap file; none of others."""
    data = pathlib.Path(path).read_bytes()[:READ_MAX] if os.path.getsize(path) else b''
    order = {b'\xd4\xc3\xb2\xa1': '<', b'\xa1\xb2\xc3\xd4': '>', b'\x4d\x3c\xb2\xa1': '<'}.get(data[:4])
    if order is None or len(data) < 24:
        return []
    unit = 1 if data[:4] == b'\x4d\x3c\xb2\xa1' else 1000
    link = struct.unpack(order + 'I', data[20:24])[0] & 0xffff
    found, at = [], 24
    while at + 16 <= len(data) and len(found) < count_max:
        seconds, fraction, captured, wire = struct.unpack(order + '4I', data[at:at + 16])
        frame = data[at + 16:at + 16 + captured]
        if len(frame) < captured:
            break
        found.append((link, seconds * 10**9 + fraction * unit, wire, frame))
        at += 16 + captured
    return found


def files(root):
    """The project's own captures, and those of PICKET_CAPTURES if it names a folder; in order."""
    found = sorted((root / 'tests/captures/bundled').glob('*.pcap*'))
    foreign = os.environ.get('PICKET_CAPTURES')
    if foreign and os.path.isdir(foreign):
        found += sorted(path for path in pathlib.Path(foreign).rglob('*.pcap*') if path.is_file())[:400]
    return found


def tcp_payload(frame):
    """(source port, destination port, payload) of TCP over IPv4 over Ethernet, else None."""
    if len(frame) < 54 or frame[12:14] != b'\x08\x00' or frame[23] != 6:
        return None
    transport = 14 + (frame[14] & 15) * 4
    if len(frame) < transport + 20:
        return None
    source, destination = struct.unpack('>HH', frame[transport:transport + 4])
    end = 14 + struct.unpack('>H', frame[16:18])[0]
    return source, destination, frame[transport + (frame[transport + 12] >> 4) * 4:end]
