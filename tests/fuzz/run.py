#!/usr/bin/env python3
"""The long campaign: builds the fuzzers with clang++ and lets each run for SECONDS of CPU time, one after the other.

    tests/fuzz/run.py SECONDS [FUZZER ...]

Corpora grow in build-fuzz/corpus/FUZZER and are taken up by the next run; what ended a fuzzer is left in
build-fuzz/findings. Exit status 1 if there is a finding. PICKET_CAPTURES: a folder of further captures.
"""
import os
import pathlib
import re
import resource
import subprocess
import sys

import seeds

BUILD = seeds.ROOT / 'build-fuzz'
SETUP = ['-Dfuzz=enabled', '--buildtype=custom', '-Doptimization=1', '-Ddebug=false', '-Dcpp_args=-g1',
         '-Db_sanitize=address,undefined', '-Db_lundef=false', '-Dbenchmarks=disabled']
DICTIONARIES = {'message_head': 'http', 'request_stage': 'http', 'normalize_uri': 'http', 'capture_file': 'capture',
                'rules': 'rules', 'parse_frame': 'network', 'pipeline': 'network'}
INPUT_BYTES_MAX = {'parse_frame': 2048, 'normalize_uri': 1024, 'rule_blob': 512, 'segments': 2048}


def build():
    packages = '. tests/support/prepare.sh && install_packages $build_packages $test_packages $fuzz_packages'
    subprocess.run(['sh', '-c', packages, 'run.py'], cwd=seeds.ROOT, check=True)
    if not (BUILD / 'build.ninja').exists():
        environment = {**os.environ, 'CXX': 'ccache clang++'}
        subprocess.run(['meson', 'setup', BUILD, *SETUP], cwd=seeds.ROOT, env=environment, check=True)
    subprocess.run(['ninja', '-C', BUILD, 'fuzzers'], check=True)


def children_cpu_s():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def run(fuzzer, seconds):
    """(executions, its CPU seconds, [finding, ...]): until it has had its seconds, on however busy a machine."""
    executions, cpu_s, found = 0, 0.0, []
    while not found and cpu_s < seconds:
        more, used_s, found = run_once(fuzzer, max(5, round(seconds - cpu_s)))
        executions, cpu_s = executions + more, cpu_s + used_s
    return executions, cpu_s, found


def run_once(fuzzer, seconds):
    """As run(), for some seconds of time."""
    made, corpus, findings = (BUILD / name / fuzzer for name in ('seeds', 'corpus', 'findings'))
    for folder in (corpus, findings):
        folder.mkdir(parents=True, exist_ok=True)
    seeds.write(fuzzer, made)
    before = set(findings.iterdir())
    command = [BUILD / 'tests/fuzz' / f'fuzz_{fuzzer}', corpus, made, f'-max_total_time={seconds}',
               f'-max_len={INPUT_BYTES_MAX.get(fuzzer, 8192)}', '-rss_limit_mb=2048', '-timeout=20',
               '-print_final_stats=1', f'-artifact_prefix={findings}/']
    if fuzzer in DICTIONARIES:
        command.append(f'-dict={seeds.ROOT}/tests/fuzz/dictionaries/{DICTIONARIES[fuzzer]}.dict')
    cpu_before = children_cpu_s()
    with open(BUILD / f'{fuzzer}.log', 'w', encoding='utf-8', errors='replace') as log:
        status = subprocess.run(command, stdout=log, stderr=log, check=False).returncode
    text = (BUILD / f'{fuzzer}.log').read_text(encoding='utf-8', errors='replace')
    executed = re.findall(r'stat::number_of_executed_units: (\d+)', text) or re.findall(r'^#(\d+)\t', text, re.MULTILINE)
    found = sorted(set(findings.iterdir()) - before)
    if status and not found:
        found = [BUILD / f'{fuzzer}.log']
    return int(executed[-1]) if executed else 0, children_cpu_s() - cpu_before, found


def main():
    seconds, chosen = int(sys.argv[1]), sys.argv[2:] or list(seeds.FUZZERS)
    build()
    failed = False
    for fuzzer in chosen:
        executions, cpu_s, found = run(fuzzer, seconds)
        failed = failed or bool(found)
        print(f'{fuzzer:15} {executions:12,} executions, {cpu_s:5.0f} s of CPU, {len(found)} findings', *found, flush=True)
    return 1 if failed else 0


if __name__ == '__main__':
    if len(sys.argv) < 2 or not sys.argv[1].isdigit():
        sys.exit(__doc__)
    sys.exit(main())
