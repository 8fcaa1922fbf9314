#!/usr/bin/env python3
"""Seeds of a fuzzer, as files in a folder: the same ones at every run.

    seeds.py FUZZER FOLDER

They are made from the project's own captures and rules, and from the captures of PICKET_CAPTURES if there are any.
"""
import gzip
import pathlib
import struct
import sys

import captures

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / 'tests' / 'support'))

import ipfix_messages  # noqa: E402

URIS = [
    b'/', b'/index.html?a=b+c&d=%41', b'//a/./b/../c//d', b'/scripts/..%255c../winnt/system32/cmd.exe?/c+dir',
    b'/%c0%af../%e0%80%af', b'http://h.example:80/p?q', b'/%u002f%uff0f\\x', b'*', b'/a%', b'/a%zz%2', b'?',
]
REQUESTS = [
    b'GET / HTTP/1.1\r\nHost: example.org\r\nUser-Agent: curl/7.88\r\nReferer: http://a/\r\nCookie: id=1\r\n\r\n',
    b'POST /f HTTP/1.0\r\nContent-Length: 5\r\nContent-Type: text/plain\r\n\r\nhello'
    b'GET /second HTTP/1.1\nhost:x\n\n',
    b'\r\n\r\nGET /old\r\n',
    b'OPTIONS * HTTP/1.1\r\nHost : a\r\nX-Folded: a\r\n  b\r\n\r\n',
    b'CONNECT h:443 HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\n\r\n',
    b'GET http://h.example/p HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n',
]
RESPONSES = [
    b'HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: 3\r\n\r\nabc',
    b'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 404 Not Found\r\n\r\n', b'HTTP/1.0 302\r\nLocation: /\r\n\r\n',
]


def kinds_of_frames(limit):
    """Frames that differ in what the parser decides by."""
    seen, found = set(), []
    for path in captures.files(ROOT):
        for link, _, wire, frame in captures.packets(path, 400):
            kind = (link, frame[12:15], frame[23:24], len(frame) // 64, wire > len(frame))
            if link in captures.LINK_TYPES and len(frame) <= 600 and kind not in seen and len(found) < limit:
                seen.add(kind)
                found.append((link, wire > len(frame), frame))
    return found


def parse_frame():
    for link, cut, frame in kinds_of_frames(400):
        yield bytes([captures.LINK_TYPES.index(link), 2 if cut else 0]) + frame
    for index in range(len(captures.LINK_TYPES)):  # an IP packet behind nothing, two and four bytes, sixteen
        packet = bytes.fromhex('4500001c000100004011000001020304050607081000003500080000')
        for prefix in (b'', b'\xff\x03\x00\x21', b'\x02\0\0\0', b'\0\0\0\2', b'\x0f\0\x08\0',
                       bytes(14) + b'\x08\0', b'\x08\0' + bytes(18)):
            yield bytes([index, 1]) + prefix + packet


def time_code(distance_ns):
    for shift, unit in enumerate((10**3, 10**6, 10**9, 60 * 10**9, 86400 * 10**9)):
        if distance_ns < 32 * unit:
            return shift << 5 | max(distance_ns, 0) // unit
    return 0x9f


def pipeline():
    for number, path in enumerate(captures.files(ROOT)):
        found = [packet for packet in captures.packets(path, 300)
                 if packet[0] in captures.LINK_TYPES and len(packet[3]) <= 2000]
        for first in range(0, min(len(found), 90), 30):
            out = bytearray([(number * 8 + first) & 63])
            last_ns = found[first][1]
            for i, (link, time_ns, wire, frame) in enumerate(found[first:first + 30]):
                control = i & 1 | captures.LINK_TYPES.index(link) << 2 | (64 if wire > len(frame) else 0)
                out += struct.pack('<BBH', control | (128 if i % 8 == 7 else 0), time_code(time_ns - last_ns),
                                   len(frame)) + frame
                last_ns = time_ns
            if len(out) <= 8192:
                yield bytes(out)


def fragment_of(text, first, last, control=0, step=1):
    """As the fuzzer's input: text[first:last] of a datagram."""
    more = 8 if last < len(text) else 0
    return struct.pack('<BBHH', control | more, step, first // 8, len(text[first:last])) + text[first:last]


def fragment():
    requests = [struct.pack('>HHIIBBHHH', 4000, 80, 1, 1, 0x50, 0x18, 8192, 0, 0) + text for text in REQUESTS]
    datagrams = [struct.pack('>4H', 5000, 53, 300, 0) + bytes(range(256)) + bytes(64)]
    for number, text in enumerate(requests + datagrams):
        tcp = 16 if number < len(requests) else 0
        for family in (0, 4):
            parts = [(at, at + 24) for at in range(0, len(text), 24)]
            pieces = [fragment_of(text, *part, tcp | family) for part in parts]
            for bits in range(4):
                yield bytes([bits | number * 4 & 60]) + b''.join(pieces)
                yield bytes([bits | 60]) + b''.join(reversed(pieces))
            yield bytes([number & 3 | 48]) + b''.join(pieces[1:] + pieces[2:])  # the first is missing
            late = fragment_of(text, *parts[-1], tcp | family | 64, 64 | 31)  # 31 s later, in another burst
            yield bytes([number & 3 | 60]) + b''.join(pieces[:-1]) + late + b''.join(pieces)
            wide = [fragment_of(text, at, at + 40, tcp | family | 128) for at, _ in parts]  # overlapping, cut
            yield bytes([number & 3 | 60]) + b''.join(wide)
            yield bytes([number & 3]) + fragment_of(bytes(70000), 65520, 65560, tcp | family) + b''.join(pieces)
    several = [fragment_of(text, at, at + 16, 16 | number & 3) for number, text in enumerate(requests)
               for at in range(0, 64, 16)]
    for bits in range(64):
        yield bytes([bits]) + b''.join(several[bits % 5:] + several[::-3])


def payloads(limit):
    """(from the server, payload) of HTTP in the captures."""
    found = []
    for path in captures.files(ROOT):
        for _, _, _, frame in captures.packets(path, 400):
            tcp = captures.tcp_payload(frame)
            if tcp and tcp[2] and len(tcp[2]) <= 1500 and len(found) < limit:
                if tcp[2][:5].isupper() or tcp[2][:4] in (b'HTTP', b'GET ', b'POST', b'HEAD', b'PUT '):
                    found.append((tcp[2][:4] == b'HTTP', tcp[2]))
    return found


def message_head():
    for text in REQUESTS + RESPONSES + sorted({text for _, text in payloads(200)}):
        yield struct.pack('<H', len(text) // 2) + text


def segment(control, text):
    return struct.pack('<BH', control, len(text)) + text


def request_stage():
    for number, text in enumerate(REQUESTS):
        answer = RESPONSES[number % len(RESPONSES)]
        whole = segment(6 << 3, b'') + segment(6 << 3 | 1, b'') + segment(0, text) + segment(1, answer)
        yield bytes([4]) + whole
        parts = b''.join(segment(0, text[at:at + 7]) for at in range(0, len(text), 7))
        yield bytes([8]) + parts + segment(1 << 3, text[-3:]) + segment(1, answer)
        yield bytes([0]) + segment(0, text[:20]) + segment(2 << 3, text[20:]) + segment(3 << 3, text) + \
            segment(4 << 3, b'')
    yield bytes([7]) + b''.join(segment(i % 4 << 1, b'GET /' + b'a' * 3000) for i in range(12))
    found = payloads(200)
    for first in range(0, len(found), 5):
        yield bytes([first & 7]) + b''.join(segment(int(back), text) for back, text in found[first:first + 5])


def normalize_uri():
    yield from URIS
    for _, text in payloads(400):
        words = text.split(b' ', 2)
        if len(words) == 3:
            yield words[1]


def pcapng():
    def block(kind, body):
        return struct.pack('<II', kind, len(body) + 12) + body + struct.pack('<I', len(body) + 12)
    frame = bytes(12) + bytes.fromhex('08004500001c000100004011000001020304050607081000003500080000')
    section = block(0x0a0d0d0a, struct.pack('<IHHq', 0x1a2b3c4d, 1, 0, -1))
    options = struct.pack('<HHI', 9, 1, 9) + struct.pack('<HHq', 14, 8, -5) + struct.pack('<HH', 0, 0)
    interface = block(1, struct.pack('<HHI', 1, 0, 0) + options)
    padded = frame + bytes(-len(frame) % 4)
    enhanced = block(6, struct.pack('<5I', 0, 1, 2, len(frame), len(frame)) + padded)
    simple = block(3, struct.pack('<I', len(frame)) + padded)
    obsolete = block(2, struct.pack('<HHIIII', 0, 0, 1, 2, len(frame), len(frame)) + padded)
    names = block(4, struct.pack('<HH', 1, 8) + b'\x0a\0\0\1abc\0' + bytes(4))
    return section + interface + enhanced + simple + obsolete + names + block(5, bytes(12)) + section + interface


def capture_file():
    yield b''
    yield pcapng()
    yield gzip.compress(pcapng(), mtime=0)
    for path in captures.files(ROOT):
        data = pathlib.Path(path).read_bytes()[:2048]
        yield data
        if data[:4] == b'\xd4\xc3\xb2\xa1' and 'bundled' in str(path):
            body = data[24:700]
            for magic in (0xa1b23c4d, 0xa1b2cd34, 0x1c0001ac):
                yield struct.pack('<I', magic) + data[4:24] + body
            yield struct.pack('>IHHIIII', 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1) + \
                struct.pack('>IIII', 1, 2, 30, 60) + body[16:46]
            yield gzip.compress(data[:500], mtime=0)


def rules():
    for path in sorted((ROOT / 'patterns').glob('*.rules')):
        lines = [line for line in path.read_bytes().splitlines() if line and not line.startswith(b'#')]
        for number, line in enumerate(lines):
            yield bytes([number % 3 | (8 if number % 4 == 0 else 0)]) + line + b'\n'
        yield b'\0' + b'\n'.join(lines[:8]) + b'\n'
    yield bytes([4]) + b'10.0.0.0/8 # net\n2001:db8::/32\n::1\n192.0.2.1\n256.1.1.1\n'
    yield b'\0' + b'include other.rules\nalert tcp $HOME_NET any -> [!10.0.0.0/8,1.2.3.4] ![1:80,443] \\\n' \
        b'(msg:"a\\"b"; content:"|41 42|c"; offset:1; depth:9; pcre:"/a(b|c)+/smiR"; sid:9; rev:2;)\n'


def edit(where, offset, width, value):
    return struct.pack('<BHBQ', where, offset, width, value & (2**64 - 1))


def rule_blob():
    yield b'\0'
    yield b'\1' + edit(0, 0, 1, 0)
    for where in range(14):
        for offset in range(0, 48, 4):
            for value in (0, 1, 0x7fffffff, 0xffffffff):
                yield b'\0' + edit(where, offset, 4, value)
    for offset in range(56, 384, 8):
        yield b'\0' + edit(0, offset, 8, 2**40) + edit(0, offset + 8, 8, 1)


def events():
    """One event of each kind with its texts, as bytes of a ring."""
    sizes = {1: 376, 2: 376, 3: 96, 4: 88, 5: 104, 6: 96, 7: 24, 8: 24, 9: 24, 10: 32, 11: 24, 12: 32, 13: 56,
             14: 24, 15: 128}
    for kind, size in sizes.items():
        body = bytearray(struct.pack('<IHHQ', size + 32, kind, 0, 10**9) +
                         bytes(i & 255 for i in range(1, size - 15)) + b'/text"\n\xff\0' * 4)
        if kind in (3, 5):
            body[size - 16:size] = struct.pack('<8H', 4, 4, 4, 4, 4, 4, 4, 4)
        if kind == 4:
            body[size - 10:size - 8] = struct.pack('<H', 20)
        if kind in (10, 12):
            body[size - 4:size] = struct.pack('<I', 20)
        if kind == 13:
            body[size - 4:size] = struct.pack('<2H', 12, 9)
        if kind == 14:
            body = bytearray(struct.pack('<IHHQII', 88, kind, 0, 10**9, 1, 0) + bytes(range(64)))
        if kind == 5:
            body[72:76] = struct.pack('<I', 1)
        yield bytes(body)


def event():
    every = list(events())
    for number, body in enumerate(every):
        yield bytes([number & 1, number]) + bytes(8) + body
    yield bytes(10) + b''.join(every)
    yield b'\1\1' + struct.pack('<q', -1) + b''.join(every[:6] + every[:6])
    yield bytes(10) + struct.pack('<II', 64, 0) + bytes(56) + every[0]


def segments():
    every = b''.join(events())
    yield b'\0' + every
    for offset in range(0, 120, 4):
        for value in (0, 1, 0x7fffffff, 0xffffffff, 2**63):
            for which in (0, 1):
                yield b'\1' + struct.pack('<BHBQ', which, offset, 3 if value < 2**32 else 7, value) + every[:200]


def foreign_log():
    flow = {'ends': (('67.73.21.6', 50416), ('192.0.2.7', 27015)), 'protocol': 17, 'counts': ((1, 37), (2, 400)),
            'times': (1061579394218, 1061579395000)}
    six = {**flow, 'ends': (('2001:db8::1', 1024), ('2001:db8::2', 80)), 'protocol': 6}
    for both in (False, True):
        yield b'\0' + b''.join(ipfix_messages.messages([flow, six] * 20, both))
    kinds = (150, 4), (154, 8), (156, 8), (158, 4), (22, 4), (21, 4), (160, 8), (161, 4), (153, 8), (460, 65535)
    fields = ((8, 4), (12, 4), (4, 1), (86, 1), (85, 2), (58, 2), *kinds)
    layout = struct.pack('!HH', 300, len(fields)) + b''.join(struct.pack('!HH', *field) for field in fields)
    options = struct.pack('!HHHHHHH', 400, 2, 1, 149, 4, 160, 8)
    record = bytes(range(1, 13)) + bytes(sum(length for _, length in kinds if length < 65535)) + b'\xff\0\3abc'
    for sets in ([(2, layout), (300, record)], [(3, options), (400, bytes(12)), (2, layout), (300, record * 3)],
                 [(2, layout), (2, struct.pack('!HH', 300, 0)), (300, record)], [(7, b'')]):
        content = b''.join(struct.pack('!HH', number, len(body) + 4) + body for number, body in sets)
        yield b'\0' + struct.pack('!HHIII', 10, len(content) + 16, 1061579400, 0, 7) + content
    yield b'\1first,last,src_ip,src_port,dest_ip,dest_port,proto,packets,bytes,flags_ts,vlan\n' \
        b'2003-08-22T19:09:54.5Z,,10.0.0.1,1,2001:db8::1,80,TCP,1,"40",1b,12\n'
    yield b'\1Date,Time,SrcIP,SrcPort,DstIP,DstPort,Protocol,Packets,Bytes\n' \
        b'2003/08/22,15:09:54,67.73.21.6,50416,XXX.XXX.XXX.XXX,27015,17,1,37\n'
    yield b'\2# log\n2003/08/22 15:09:54 67.73.21.6.50416 -> 192.0.2.7.27015 17 1 37\n' \
        b'2003/08/22 15:09:54 2001:db8::1.53 -> XXXX:XXXX::.1024 udp 2 200\r\n'


FUZZERS = {make.__name__: make for make in (parse_frame, pipeline, fragment, message_head, request_stage, normalize_uri,
                                            capture_file, rules, rule_blob, event, segments, foreign_log)}


def write(fuzzer, folder):
    """Writes the seeds; how many there are."""
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    made = list(dict.fromkeys(FUZZERS[fuzzer]()))
    for number, seed in enumerate(made):
        (folder / f'seed_{number:04}').write_bytes(seed)
    return len(made)


if __name__ == '__main__':
    print(write(sys.argv[1], sys.argv[2]))
