"""What every end-to-end test needs of the programs: to replay, to run a sensor on a capture, to ask it.

The path of the picket program is the test's first argument; picket finds picketd and picket-dataplane beside
itself, as in a build tree.
"""
import contextlib
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUNDLED = ROOT / 'tests' / 'captures' / 'bundled'
SKIPPED = 77  # meson's exit status for a skipped test
DONE, NO, USAGE, UNREACHABLE, DAMAGED = range(5)  # exit statuses of picket
PROGRAM = {}  # 'picket': its path, from the command line
# Patterns are compiled for the tests of one process, and not kept in the user's cache.
CACHE = tempfile.TemporaryDirectory(prefix='picket-cache-')
os.environ['CACHE_DIRECTORY'] = CACHE.name


def captures_of_others():
    """The folder of captures that others published, or None: it is no part of the project."""
    folder = pathlib.Path(os.environ.get('PICKET_CAPTURES') or ROOT.parent / 'shared' / 'captures')
    return folder if (folder / 'pcap').is_dir() else None


def main(needs_captures=False):
    """unittest.main for tests that are called with the path of picket; leaves the other arguments to unittest."""
    if len(sys.argv) < 2:
        sys.exit(f'usage: {sys.argv[0]} PICKET [unittest arguments]')
    PROGRAM['picket'] = sys.argv.pop(1)
    if needs_captures and captures_of_others() is None:
        print('SKIPPED: nothing was checked, because the published captures are not there; '
              'PICKET_CAPTURES names the folder that holds pcap/')
        sys.exit(SKIPPED)
    unittest.main(verbosity=2)


def run(*arguments, timeout=60, **options):
    """picket with these arguments, to its end."""
    return subprocess.run([PROGRAM['picket'], *map(str, arguments)], stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, timeout=timeout, check=False, **options)


def ask_closed(directory, *arguments):
    """The JSON answer of a closed archive."""
    done = run('--archive', directory, *arguments, '-j')
    if done.returncode != DONE:
        raise AssertionError(f'picket --archive {arguments} ended with {done.returncode}: {done.stderr}')
    return json.loads(done.stdout)


def wait_until(condition, seconds=30):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f'not so after {seconds} s')
        time.sleep(0.1)


class Replay:
    """One `picket replay -j`: status, report (None where none was printed), errors, and events if asked for, as they
    were written and parsed."""

    def __init__(self, *arguments, events=False, timeout=120):
        with tempfile.TemporaryDirectory(prefix='picket-replay-') as folder:
            file = pathlib.Path(folder, 'eve.json')
            eve = ('--eve', file) if events else ()
            done = run('replay', *arguments, *eve, '-j', timeout=timeout)
            self.status, self.errors = done.returncode, done.stderr
            self.report = json.loads(done.stdout) if done.stdout else None
            self.lines = file.read_text(encoding='utf-8').splitlines() if file.exists() else []
        self.events = [json.loads(line) for line in self.lines]

    def of_type(self, kind):
        return [event for event in self.events if event['event_type'] == kind]


class Sensor:
    """`picket run` on a capture of the bundled ones; it stays up after the end of the file. launcher: a command that
    becomes it. states: those that it waits for. started: called with the sensor before it is waited for."""

    def __init__(self, capture, watch=None, more='', launcher=(), states=('finished',), started=lambda sensor: None):
        self.folder = tempfile.TemporaryDirectory(prefix='picket-sensor-')
        self.socket = os.path.join(self.folder.name, 'control.sock')
        config = os.path.join(self.folder.name, 'picket.toml')
        lists = ''.join(f'{name} = "{file}"\n' for name, file in (watch or {}).items())
        pathlib.Path(config).write_text(
            f'sensor = "story"\n[[port]]\ndevice = "pcap:{BUNDLED / capture}"\nname = "tap"\n[watch]\n{lists}{more}',
            encoding='utf-8')
        self.said = open(os.path.join(self.folder.name, 'stderr'), 'w+', encoding='utf-8')
        self.process = subprocess.Popen(
            [*map(str, launcher), PROGRAM['picket'], '-s', self.socket, 'run', '-c', config], stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=self.said)
        try:
            started(self)
            self.wait_for_state(states)
        except BaseException:
            self.process.kill()
            self.process.wait()
            raise

    def wait_for_end_of_file(self, seconds=60):
        self.wait_for_state(('finished',), seconds)

    def wait_for_state(self, states, seconds=60):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise AssertionError(f'picket run ended with {self.process.returncode}: {self.errors()}')
            done = run('-s', self.socket, 'status', '-j')
            if done.returncode == DONE and json.loads(done.stdout)['state'] in states:
                return
            time.sleep(0.05)
        raise AssertionError(f'not {" or ".join(states)} after {seconds} s: {self.errors()}')

    def errors(self):
        self.said.flush()
        return pathlib.Path(self.said.name).read_text(encoding='utf-8')

    def ask(self, *arguments):
        """The JSON answer."""
        done = run('-s', self.socket, *arguments, '-j')
        if done.returncode != DONE:
            raise AssertionError(f'picket {arguments} ended with {done.returncode}: {done.stderr}')
        return json.loads(done.stdout)

    def read(self, *arguments):
        """The answer as people read it."""
        done = run('-s', self.socket, *arguments)
        if done.returncode != DONE:
            raise AssertionError(f'picket {arguments} ended with {done.returncode}: {done.stderr}')
        return done.stdout

    def stop(self):
        """Ends as Ctrl-C does, and must do so in order."""
        self.process.terminate()
        try:
            status = self.process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise
        errors = self.errors()
        self.said.close()
        self.folder.cleanup()
        if status != DONE:
            raise AssertionError(f'picket run ended with {status}: {errors}')


def picketd_of(process):
    """The process id of its picketd, None if there is none."""
    children = pathlib.Path(f'/proc/{process.pid}/task/{process.pid}/children').read_text(encoding='utf-8')
    for child in children.split():
        with contextlib.suppress(OSError):
            if pathlib.Path(f'/proc/{child}/comm').read_text(encoding='utf-8').strip() == 'picketd':
                return int(child)
    return None


def kill_picketd(sensor):
    """By SIGKILL; returns when its picket has started another one."""
    before = picketd_of(sensor.process)
    os.kill(before, signal.SIGKILL)
    wait_until(lambda: picketd_of(sensor.process) not in (None, before), 60)
