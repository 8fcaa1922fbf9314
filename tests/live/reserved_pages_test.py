#!/usr/bin/python3
"""The table of a replay grows on pages that the operator reserved, and goes on without them.

    reserved_pages_test.py UNIT_FLOW

Reserves a few pages of 2 MiB for the time of the test, on a machine that has none reserved.
"""
import os
import pathlib
import subprocess
import sys

import lab

PAGES = 32
RESERVED = pathlib.Path("/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages")


def main():
    if os.geteuid() != 0 or not RESERVED.exists():
        lab.skip("reserving pages needs root, and a kernel that has pages of 2 MiB")
    if int(RESERVED.read_text(encoding="ascii")) != 0:
        lab.skip("pages are reserved here already, for somebody else")
    RESERVED.write_text(str(PAGES), encoding="ascii")
    try:
        if int(RESERVED.read_text(encoding="ascii")) != PAGES:
            lab.skip(f"the kernel has no {PAGES} pages of 2 MiB")
        done = subprocess.run([sys.argv[1], "--gtest_filter=*ReservedPages*"], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=60, check=False)
    finally:
        RESERVED.write_text("0", encoding="ascii")
    print(done.stdout, done.stderr)
    if done.returncode != 0 or "[  PASSED  ] 1 test" not in done.stdout or "SKIPPED" in done.stdout:
        sys.exit("the table did not grow as it should")


if __name__ == "__main__":
    main()
