#!/usr/bin/python3
"""Bad input gets a sentence (what, where, why, what to do) and its exit status, never a crash or a hang.

usage: bad_input_test.py PICKET PICKETD [unittest arguments]
"""
import json
import os
import pathlib
import random
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / 'support'))

import picket_program as picket  # noqa: E402

MIXED = picket.BUNDLED / 'mixed.pcap'
EVIDENCE_MAGIC = 0x31564554454B4350
OTHER_VERSION = 4711
TEN_PACKETS_SECONDS = 2.0  # an idle machine needs a tenth of it


def first_packets(pcap, count):
    """A little-endian pcap file of the first packets of one."""
    end = 24
    for _ in range(count):
        end += 16 + struct.unpack_from('<I', pcap, end + 8)[0]
    return pcap[:end]


class BadInput(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix='picket-bad-')
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def write(self, name, content):
        path = self.folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def refused(self, status, *arguments):
        """What picket says as it ends with `status` and, but for the findings of `check`, nothing on stdout."""
        done = picket.run(*arguments)
        self.assertEqual(done.returncode, status, done.stderr)
        if 'check' in arguments:
            return done.stdout + done.stderr
        self.assertEqual(done.stdout, '')
        return done.stderr

    def assert_says(self, text, *parts):
        for part in parts:
            self.assertIn(str(part), text)


class Captures(BadInput):
    def test_missing(self):
        path = self.folder / 'nowhere.pcap'
        self.assert_says(self.refused(picket.USAGE, 'replay', path, '-j'), path, 'No such file or directory')

    def test_directory(self):
        self.assert_says(self.refused(picket.USAGE, 'replay', self.folder, '-j'), self.folder, 'director')

    def unreadable(self, path, why):
        replay = picket.Replay(path)
        self.assertEqual(replay.status, picket.DAMAGED, replay.errors)
        self.assert_says(replay.errors, path, why, 'pcapng')
        self.assertIn(why, replay.report['captures'][0]['error'])
        self.assertEqual(replay.report['packets'], 0)
        self.assertIs(replay.report['audit']['balanced'], True)

    def test_empty(self):
        self.unreadable(self.write('empty.pcap', b''), 'is empty')

    def test_random(self):
        self.unreadable(self.write('noise.pcap', random.Random(8).randbytes(5000)), 'is not a capture file')

    def test_cut(self):
        data = MIXED.read_bytes()
        path = self.write('cut.pcap', data[:-10])
        replay = picket.Replay(path)
        self.assertEqual(replay.status, picket.DAMAGED)
        self.assert_says(replay.errors, path)
        (capture,) = replay.report['captures']
        self.assertEqual((capture['packets'], capture['truncated']), (116, True))
        self.assertTrue(capture['error'])

    def test_a_sound_capture_beside_a_damaged_one_is_reported(self):
        replay = picket.Replay(self.write('noise.pcap', random.Random(8).randbytes(5000)), MIXED)
        self.assertEqual(replay.status, picket.DAMAGED)
        self.assertEqual([capture['packets'] for capture in replay.report['captures']], [0, 117])
        self.assertEqual([capture['error'] is None for capture in replay.report['captures']], [False, True])


class Configurations(BadInput):
    CASES = (
        ('[flow]\n  idle_timeot = "1s"\n', 2, 3, ('idle_timeot', 'idle_timeout')),
        ('[flow]\n\n  idle_timeout = "soon"\n', 3, 18, ('flow.idle_timeout', 'soon', 'duration')),
        ('[flow]\ncapacity = -5\n', 2, 12, ('flow.capacity',)),
        ('[flow\ncapacity = 5\n', 1, None, ()))

    def commands(self, path):
        yield 'config', 'check', '-c', path
        yield '-s', self.folder / 'control.sock', 'run', '-c', path
        yield 'replay', '--config', path, MIXED, '-j'

    def test_line_and_column(self):
        for text, line, column, said in self.CASES:
            path = self.write('picket.toml', text)
            for command in self.commands(path):
                with self.subTest(text=text, command=command[-3:]):
                    place = f'{path}:{line}:' + (f'{column}: ' if column else '')
                    self.assert_says(self.refused(picket.USAGE, *command), place, 'error', *said)

    def test_missing(self):
        path = self.folder / 'nowhere.toml'
        for command in self.commands(path):
            with self.subTest(command=command[-3:]):
                self.assert_says(self.refused(picket.USAGE, *command), path)


class Rules(BadInput):
    RULES = ('alert tcp any any -> any any (msg:"good"; content:"/b.cgi"; http_uri; sid:1;)\n'
             'alert tcp any any -> any any (msg:"option"; content:"x"; frobnicate:1; sid:2;)\n'
             '\n'
             'alert tcp any any -> any (msg:"no port"; content:"x"; sid:3;)\n'
             'nonsense\n'
             'alert tcp any any -> any any (msg:"pcre"; pcre:"/(/"; sid:4;)\n')

    def test_check_says_file_line_and_reason_and_the_answer_is_no(self):
        path = self.write('broken.rules', self.RULES)
        done = picket.run('rule', 'check', path)
        self.assertEqual(done.returncode, picket.NO)
        self.assert_says(done.stdout + done.stderr, f'{path}:2: sid 2: frobnicate', f'{path}:4: sid 3: ', f'{path}:5: ',
                         f'{path}:6: sid 4: pcre', '1 rules loaded, 4 rejected')

    def test_the_rest_loads_and_replay_goes_on(self):
        path = self.write('broken.rules', self.RULES)
        replay = picket.Replay(picket.BUNDLED / 'frethem.pcap', '--rules', path)
        self.assertEqual(replay.status, picket.DONE, replay.errors)
        self.assertEqual((replay.report['rules']['loaded'], replay.report['rules']['rejected']), (1, 4))
        self.assertEqual(replay.report['alerts_by_rule'], {'1': 1})

    def test_missing_rule_file(self):
        path = self.folder / 'nowhere.rules'
        self.assert_says(self.refused(picket.USAGE, 'replay', '--rules', path, MIXED, '-j'), path)
        self.assert_says(self.refused(picket.USAGE, 'rule', 'check', path), path)


class CommandLine(BadInput):
    def test_a_socket_that_is_not_there(self):
        path = self.folder / 'control.sock'
        for command in (('status',), ('flow', 'show'), ('alert', 'tail'), ('rule', 'reload')):
            with self.subTest(command=command):
                self.assert_says(self.refused(picket.UNREACHABLE, '-s', path, *command), path, 'picket run', '-s')

    def test_eve_and_json_both_on_stdout(self):
        self.assert_says(self.refused(picket.USAGE, 'replay', MIXED, '--eve', '-', '-j'), '--eve', '-j')

    def test_commands_that_do_not_exist(self):
        self.assert_says(self.refused(picket.USAGE, 'frobnicate'), 'frobnicate', '--help')
        self.refused(picket.USAGE, 'flow', 'frobnicate')
        self.refused(picket.USAGE, 'replay', '--frobnicate', MIXED)
        self.refused(picket.USAGE, 'replay')
        self.refused(picket.USAGE, 'replay', '--workers', '0', MIXED)

    def test_a_watch_list_with_a_broken_line(self):
        path = self.write('list.txt', '192.0.2.1\nnot-an-address\n')
        done = picket.run('replay', '--watch', f'list={path}', MIXED, '-j')
        self.assertEqual(done.returncode, picket.DONE, done.stderr)
        self.assert_says(done.stderr, path, 'line 2', 'not-an-address', 'the other lines were loaded')

    def test_a_watch_list_without_a_good_line(self):
        path = self.write('list.txt', 'not-an-address\n')
        self.assert_says(self.refused(picket.USAGE, 'replay', '--watch', f'list={path}', MIXED, '-j'), path, 'line 1',
                         'not-an-address')


class OtherDataplane(BadInput):
    """A data plane of another contract version says so in the first bytes, and is refused."""

    def test_is_refused_with_a_sentence(self):
        path = self.folder / 'dataplane.sock'
        server = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.addCleanup(server.close)
        server.bind(str(path))
        server.listen()
        server.settimeout(30)
        hello = struct.pack('<QIiQQ', EVIDENCE_MAGIC, OTHER_VERSION, 0, 4096, 4096)

        def serve():
            segments = [os.memfd_create(name) for name in ('evidence', 'control')]
            for segment in segments:
                os.ftruncate(segment, 4096)
            try:
                while True:
                    connection, _ = server.accept()
                    with connection:
                        socket.send_fds(connection, [hello], segments)
            except OSError:
                pass  # closed: the test is over
            finally:
                for segment in segments:
                    os.close(segment)

        threading.Thread(target=serve, daemon=True).start()
        with subprocess.Popen(
                [picket.PROGRAM['picketd'], '--dataplane', path, '--control', self.folder / 'control.sock'],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as picketd:
            lines = []
            reader = threading.Thread(target=lambda: lines.extend(iter(picketd.stderr.readline, '')), daemon=True)
            reader.start()
            deadline = time.monotonic() + 20
            while time.monotonic() < deadline and not any('version' in line for line in lines):
                time.sleep(0.02)
            self.assertIsNone(picketd.poll(), 'picketd waits for a data plane that suits')
            status = picket.run('-s', self.folder / 'control.sock', 'status', '-j')
            picketd.send_signal(signal.SIGTERM)
            self.assertEqual(picketd.wait(timeout=20), 0)
            reader.join(timeout=10)
        said = ''.join(lines)
        self.assert_says(said, 'another contract version', OTHER_VERSION, path)
        self.assertEqual(status.returncode, picket.DONE, status.stderr)
        self.assertIs(json.loads(status.stdout)['dataplane']['connected'], False)


class TenPackets(BadInput):
    def test_answer_quickly(self):
        path = self.write('ten.pcap', first_packets((picket.BUNDLED / 'sobig.pcap').read_bytes(), 10))
        started = time.monotonic()
        replay = picket.Replay(path)
        seconds = time.monotonic() - started
        self.assertEqual((replay.status, replay.report['packets']), (picket.DONE, 10), replay.errors)
        print(f'{seconds:.2f} s', file=sys.stderr)
        self.assertLess(seconds, TEN_PACKETS_SECONDS)


if __name__ == '__main__':
    if len(sys.argv) > 2:
        picket.PROGRAM['picketd'] = sys.argv.pop(2)
    picket.main()
