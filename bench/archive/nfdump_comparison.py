#!/usr/bin/python3
"""Asks nfdump and Picket's archive the same questions about the same records.

usage: nfdump_comparison.py BUILD FLOWS DIRECTORY

Sends bench_archive's flows as NetFlow version 5 to an nfcapd in a network namespace of its own (root), and times
nfdump on what it has written; then bench_archive with as many flows. Both start cold but for the page cache. nfdump's
records are one direction each and have 15 fields; Picket's are both directions with 75.
"""
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time

PORT = 9995
TWENTY = ' or '.join(f'ip 10.0.{40 + i}.7' for i in range(20))


def collect(sender, flows, directory):
    """Runs within the namespace. The records sent, and nfcapd's files in the directory."""
    subprocess.run(['ip', 'link', 'set', 'lo', 'up'], check=True)
    collector = subprocess.Popen(['nfcapd', '-w', directory, '-p', str(PORT), '-b', '127.0.0.1', '-y', '-t', '3600',
                                  '-B', str(64 << 20)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(1)
    sent = subprocess.run([sender, str(flows), str(PORT)], check=True, capture_output=True, text=True).stdout
    time.sleep(2)
    collector.terminate()
    collector.wait(60)
    return int(sent)


def timed(*arguments):
    begin = time.monotonic()
    done = subprocess.run(arguments, check=True, capture_output=True, text=True)
    return time.monotonic() - begin, done.stdout


def main(build, flows, directory):
    if 'IN_NAMESPACE' not in os.environ:
        return subprocess.run(['unshare', '--net', sys.executable, __file__, build, flows, directory],
                              env={**os.environ, 'IN_NAMESPACE': '1'}, check=False).returncode
    with tempfile.TemporaryDirectory(prefix='picket-nfcapd-', dir=directory) as folder:
        sent = collect(f'{build}/bench/archive/netflow_sender', flows, folder)
        info = subprocess.run(['nfdump', '-R', folder, '-I'], check=True, capture_output=True, text=True).stdout
        kept = int(re.search(r'^Flows: (\d+)', info, re.MULTILINE)[1])
        size = sum(file.stat().st_size for file in pathlib.Path(folder).iterdir())
        print(f'nfcapd    {kept:,} of {sent:,} records kept   {size / kept:.1f} bytes a record, '
              f'{size / int(flows):.1f} a flow')
        for name, question in (('20 hosts', ['-q', '-o', 'fmt:%byt', TWENTY]),
                               ('again', ['-q', '-o', 'fmt:%byt', TWENTY]),
                               ('talkers', ['-s', 'srcip/bytes', '-n', '10'])):
            seconds, answer = timed('nfdump', '-R', folder, *question)
            print(f'{name:9} {seconds:.3f} s   {len(answer.splitlines()):,} lines')
    return subprocess.run([f'{build}/bench/archive/bench_archive', flows, f'{directory}/picket'], check=False).returncode


if __name__ == '__main__':
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
