#!/usr/bin/env python3
"""Adds up what `meson test` recorded in each build directory and prints one line: N passed, N failed."""
import json
import pathlib
import sys

passed = failed = skipped = 0
for directory in sys.argv[1:]:
    log = pathlib.Path(directory, 'meson-logs', 'testlog.json')
    if not log.exists():
        print(f'{log}: not there; meson test did not run')
        failed += 1
        continue
    for line in log.read_text().splitlines():
        test = json.loads(line)
        if test['result'] in ('OK', 'EXPECTEDFAIL'):
            passed += 1
        elif test['result'] == 'SKIP':
            skipped += 1
            print(f"skipped: {directory} {test['name']}")
        else:
            failed += 1
            print(f"failed: {directory} {test['name']} ({test['result'].lower()})")
print(f'{passed} passed, {failed} failed, {skipped} skipped')
sys.exit(1 if failed or not passed else 0)
