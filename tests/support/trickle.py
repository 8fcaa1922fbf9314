"""A sensor whose capture comes slowly, for tests of what happens while flows come; and what it has told."""
import contextlib
import json
import os
import pathlib
import signal
import threading
import time

import picket_program as picket

STATES = ('running', 'finished')  # what a sensor is started with whose capture shall not have ended yet
# A program with sanitizers needs more of a core for as many flows a second.
SHARE = 0.008 * float(os.environ.get('PICKET_SLOWNESS', '1'))


def ring_losses(status):
    """Records of flows that found no room in the rings."""
    return status['flows']['records_folded'] + status['events']['dropped']['flow']


def reader_of(capture, root):
    """The process below `root` that has the capture open."""
    pids = [root]
    for pid in pids:
        with contextlib.suppress(OSError):
            for task in pathlib.Path(f'/proc/{pid}/task').iterdir():
                pids += [int(child) for child in (task / 'children').read_text(encoding='ascii').split()]
            if str(capture) in pathlib.Path(f'/proc/{pid}/maps').read_text(encoding='utf-8'):
                return pid
    return None


class Trickle(threading.Thread):
    """Lets a data plane have but a share of a core from when it opens its capture, so that this lasts for seconds."""

    def __init__(self, capture):
        super().__init__(daemon=True)
        self.capture, self.pid = capture, None
        self.running, self.ended = threading.Lock(), threading.Event()

    def begin(self, sensor):
        """Before the sensor is waited for: a fast machine reads a capture in the time of a question."""
        self.root = sensor.process.pid
        self.start()

    def signal(self, number):
        with contextlib.suppress(ProcessLookupError):
            if self.pid is not None:
                os.kill(self.pid, number)

    def cpu_s(self):
        times = 0
        with contextlib.suppress(OSError):
            for thread in pathlib.Path(f'/proc/{self.pid}/task').iterdir():
                times += int((thread / 'schedstat').read_text(encoding='ascii').split()[0])
        return times / 1e9

    def run(self):
        while self.pid is None and not self.ended.wait(0.001):
            self.pid = reader_of(self.capture, self.root)
        self.signal(signal.SIGSTOP)
        pause = 0
        while not self.ended.wait(pause):
            with self.running:
                before = self.cpu_s()
                self.signal(signal.SIGCONT)
                time.sleep(0.0005)
                self.signal(signal.SIGSTOP)
                # A busy machine may have given it more than that moment.
                pause = min(max((self.cpu_s() - before) / SHARE, 0.02), 5)

    @contextlib.contextmanager
    def standing_still(self):
        with self.running:
            self.signal(signal.SIGSTOP)
            yield

    def end(self):
        self.ended.set()
        if self.is_alive():
            self.join()
        self.signal(signal.SIGCONT)


def closed_flows(shown):
    """Rows of flows in closed files, of an answer of `archive show`."""
    return next((row['rows'] for row in shown['rows'] if row['table'] == 'flows'), 0)


def flows_in(manifest):
    """Rows of flows in the files that the manifest on disk names."""
    files = json.loads(manifest.read_text(encoding='utf-8'))['files']
    return sum(file['rows'] for file in files if file['table'] == 'flows')


def told_when_drained(sensor):
    """What picketd says once it has all that the data plane, which stands still, has told; 'under_load': more is to
    come."""
    def now():
        status, shown = sensor.ask('status'), sensor.ask('archive', 'show')
        return {'closed': closed_flows(shown), 'waiting': shown['waiting'], 'under_load': status['state'] == 'running',
                'queue': status['events']['queue_used_bytes']}

    def settled():
        told.append(now())
        before, last = told[-2:]
        return not last['queue'] and last['closed'] + last['waiting'] == before['closed'] + before['waiting']

    told = [now()]
    picket.wait_until(settled)
    return told[-1]
