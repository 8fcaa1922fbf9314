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
SHARE = 0.03


def ring_losses(status):
    """Records of flows that found no room in the rings."""
    return status['flows']['records_folded'] + status['events']['dropped']['flow']


class Trickle(threading.Thread):
    """Lets a data plane have but a share of a core, so that a capture lasts for seconds."""

    def __init__(self, sensor):
        super().__init__(daemon=True)
        self.pid = sensor.ask('status')['dataplane']['pid']
        self.running, self.ended = threading.Lock(), threading.Event()
        self.start()

    def signal(self, number):
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def cpu_s(self):
        times = 0
        with contextlib.suppress(OSError):
            for thread in pathlib.Path(f'/proc/{self.pid}/task').iterdir():
                times += int((thread / 'schedstat').read_text(encoding='ascii').split()[0])
        return times / 1e9

    def run(self):
        pause = 0.1
        while not self.ended.wait(pause):
            with self.running:
                before = self.cpu_s()
                self.signal(signal.SIGCONT)
                time.sleep(0.0005)
                self.signal(signal.SIGSTOP)
                # A busy machine may have given it more than that moment.
                pause = min(max((self.cpu_s() - before) / SHARE, 0.02), 1)

    @contextlib.contextmanager
    def standing_still(self):
        with self.running:
            self.signal(signal.SIGSTOP)
            yield

    def end(self):
        self.ended.set()
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
