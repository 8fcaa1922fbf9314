#!/usr/bin/python3
"""What `picket replay` costs: packets a CPU second of all its processes, and their peak memory together.

    replay_bench.py MAKE_CAPTURE PICKET [options] [-- options of picket replay]

Makes a capture of smallest frames (see make_capture.cpp), replays it several times and prints each run and the
median. Each run must count every packet and every flow. A run of its own, whose time does not count, samples the
proportional set size of picket, picketd and picket-dataplane, and must have received a record of every flow; the sum
of the resident peaks, which counts pages that they share more than once, is printed beside it.
"""
import argparse
import json
import os
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile
import time

SAMPLE_S = 0.01


def arguments():
    parser = argparse.ArgumentParser(description='packets a CPU second and peak memory of picket replay')
    parser.add_argument('make_capture')
    parser.add_argument('picket')
    parser.add_argument('--packets', type=int, default=10_000_000)
    parser.add_argument('--flows', type=int, default=900_000)
    parser.add_argument('--runs', type=int, default=5)
    parser.add_argument('--against', metavar='PICKET', help='another build, replayed in turn with the first')
    parser.add_argument('--folder', help='where to put the capture for the time of the runs')
    parser.add_argument('options', nargs='*', help='options of picket replay, behind --')
    return parser.parse_args()


def replay(picket, capture, options):
    done = subprocess.run([picket, 'replay', '-j', *options, str(capture)], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout)


def check(report, wanted):
    """Figures of a replay that did not do all of its work would mean nothing."""
    audit = report['audit']
    found = {'packets': report['packets'], 'received': audit['received'], 'in_flows': audit['in_flows'],
             'flows': report['flows'], 'balanced': audit['balanced']}
    expected = {'packets': wanted.packets, 'received': wanted.packets, 'in_flows': wanted.packets,
                'flows': wanted.flows, 'balanced': True}
    if found != expected:
        sys.exit(f'the replay is wrong: {found}, expected {expected}')


def mib(text, key):
    for line in text.splitlines():
        if line.startswith(key + ':'):
            return int(line.split()[1]) / 1024
    return 0


def family(root):
    """The process and its children; threads may start children too."""
    pids = [root]
    for task in pathlib.Path(f'/proc/{root}/task').glob('*/children'):
        try:
            pids += [int(pid) for pid in task.read_text(encoding='ascii').split()]
        except OSError:
            pass  # the thread has just ended
    return pids


def peak_memory(picket, capture, options):
    """(peak of the sum of PSS, {program: its resident peak}) in MiB of one replay, and its report as text."""
    peak, resident = 0, {}
    with subprocess.Popen([picket, 'replay', *options, str(capture)], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, text=True) as process:
        while process.poll() is None:
            total = 0
            for pid in family(process.pid):
                try:
                    name = pathlib.Path(f'/proc/{pid}/comm').read_text(encoding='utf-8').strip()
                    if not name.startswith('picket'):
                        continue  # not yet what it will be
                    memory = pathlib.Path(f'/proc/{pid}/smaps_rollup').read_text(encoding='ascii')
                    reserved = mib(memory, 'Private_Hugetlb')  # which are part neither of PSS nor of RSS
                    total += mib(memory, 'Pss') + reserved
                    status = pathlib.Path(f'/proc/{pid}/status').read_text(encoding='utf-8')
                    resident[name] = max(resident.get(name, 0), mib(status, 'VmHWM') + reserved)
                except OSError:
                    pass  # the process has just ended
            peak = max(peak, total)
            time.sleep(SAMPLE_S)
        report = process.stdout.read()
        if process.returncode != 0:
            sys.exit(f'picket replay ended with {process.returncode}')
    return peak, resident, report


def recorded_flows(report):
    """Flows by protocol are counted from the records that reached picketd."""
    line = next(line for line in report.splitlines() if line.startswith('protocols'))
    return sum(int(count.replace(',', '')) for count in re.findall(r'\S ([\d,]+)', line))


def print_memory(picket, capture, wanted):
    peak, resident, report = peak_memory(picket, capture, wanted.options)
    if recorded_flows(report) != wanted.flows:
        sys.exit(f'records of {recorded_flows(report)} flows, expected {wanted.flows}')
    parts = ', '.join(f'{name} {size:.0f}' for name, size in sorted(resident.items()))
    print(f'memory   {peak:7.0f} MiB at most at a time; resident peaks {sum(resident.values()):.0f} MiB ({parts})',
          flush=True)


def main():
    wanted = arguments()
    pickets = [wanted.picket] + ([wanted.against] if wanted.against else [])
    with tempfile.TemporaryDirectory(prefix='picket-replay-', dir=wanted.folder) as folder:
        capture = pathlib.Path(folder, 'smallest.pcap')
        subprocess.run([wanted.make_capture, capture, str(wanted.packets), str(wanted.flows)], check=True)
        print(f'{wanted.packets} packets, {wanted.flows} flows, {os.path.getsize(capture) / 1e6:.0f} MB', flush=True)
        rates = {picket: [] for picket in pickets}
        for run in range(wanted.runs + 1):  # the first one warms up
            for picket in pickets:
                report = replay(picket, capture, wanted.options)
                check(report, wanted)
                seconds = report['seconds']
                rate = wanted.packets / seconds['cpu'] / 1e6
                if run > 0 or wanted.runs == 0:
                    rates[picket].append(rate)
                busy = sum(worker['busy_ns'] for worker in report['workers']) / 1e9
                print(f'{"run " + str(run) if run else "warm-up":8} {rate:6.2f} M packets a CPU second   '
                      f'cpu {seconds["cpu"]:.2f} s, wall {seconds["wall"]:.2f} s, workers busy {busy:.2f} s'
                      + (f'   {picket}' if len(pickets) > 1 else ''), flush=True)
        for picket in pickets:
            print(f'median   {statistics.median(rates[picket]):6.2f} M packets a CPU second'
                  + (f'   {picket}' if len(pickets) > 1 else ''), flush=True)
            print_memory(picket, capture, wanted)


if __name__ == '__main__':
    main()
