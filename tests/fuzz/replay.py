#!/usr/bin/env python3
"""Runs one fuzzer's seeds and a number of changes of them: replay.py PROGRAM FUZZER CHANGES."""
import subprocess
import sys
import tempfile

import seeds

program, fuzzer, changes = sys.argv[1:]
with tempfile.TemporaryDirectory(prefix='picket-seeds-') as folder:
    seeds.write(fuzzer, folder)
    sys.exit(subprocess.run([program, folder, changes], check=False).returncode)
