#!/usr/bin/python3
"""Our capture reader and capinfos (Wireshark) say the same of every capture: packets, times, damage.

Usage: capinfos_agreement.py SUMMARY_PROGRAM [CAPTURES] [--every N] [--cuts N] [--flips N] [--seed N]

SUMMARY_PROGRAM is built from tests/support/capture_summary.cpp. Compared are all captures below CAPTURES (those
that PICKET_CAPTURES names, if it is not given) and, of every fiftieth, copies cut at a hundred places and copies with a byte flipped. Where Picket differs by
design (see dataplane/rx/capture_file.h) the reason is counted and printed.
"""
import argparse
import collections
import json
import os
import pathlib
import random
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
from picket_program import captures_of_others  # noqa: E402

MAGICS = {bytes.fromhex(m) for m in (
    "d4c3b2a1 a1b2c3d4 4d3cb2a1 a1b23c4d 34cdb2a1 a1b2cd34 ac01001c 1c0001ac ab01001c 1c0001ab 0a0d0d0a").split()}
BATCH = 200
SKIPPED = 77  # meson's exit status for a skipped test


def captures_below(folder):
    found = []
    for path in sorted(folder.rglob("*")):
        if not path.is_file():
            continue
        with open(path, "rb") as file:
            start = file.read(4)
        if start in MAGICS or (start[:2] == b"\x1f\x8b" and ".pcap" in path.name):
            found.append(path)
    return found


def ask_picket(program, paths):
    answers = {}
    for at in range(0, len(paths), BATCH):
        batch = [str(p) for p in paths[at:at + BATCH]]
        run = subprocess.run([program, *batch], capture_output=True, text=True)
        if run.returncode != 0:
            sys.exit(f"{program} ended with {run.returncode}: {run.stderr[-2000:]}")
        for line in run.stdout.splitlines():
            answer = json.loads(line)
            answers[answer["file"]] = answer
    return answers


def ask_capinfos(paths):
    """For each file: packets (None where capinfos gives none), first and last time, and its complaint."""
    answers = {str(p): {"packets": None, "times": None, "complaint": ""} for p in paths}
    for at in range(0, len(paths), BATCH):
        batch = [str(p) for p in paths[at:at + BATCH]]
        run = subprocess.run(["capinfos", "-TrMcaeS", *batch], capture_output=True, text=True,
                             env={**os.environ, "LC_ALL": "C", "TZ": "UTC"})
        for line in run.stdout.splitlines():
            name, packets, first, last = line.split("\t")[:4]
            answers[name]["packets"] = int(packets)
            answers[name]["times"] = (first, last)
        complaints = 0
        for note in run.stderr.split("capinfos: ")[1:]:
            counted = re.match(r'An error occurred after reading (\d+) packets from "(.*)"\.', note)
            named = re.match(r'The file "(.*)" (appears|isn\'t|contains|cannot)', note)
            if counted:
                answers[counted[2]]["packets"] = int(counted[1])
            elif named:
                answers[named[1]]["complaint"] = " ".join(note.split())
            complaints += bool(named)
        if (run.returncode != 0) != (complaints != 0):
            sys.exit(f"capinfos ended with {run.returncode} and {complaints} complaints: {run.stderr[-2000:]}")
    return answers


def by_design(path, ours, theirs):
    """Why the two may differ on this file, or None."""
    with open(path, "rb") as file:
        start = file.read(28)
    if start[:4] not in MAGICS and start[:2] != b"\x1f\x8b":
        return "neither pcap nor pcapng (refused)" if ours["refused"] else None
    if ours["refused"]:
        return None
    if re.search(r"network type \d+ unknown", theirs["complaint"]):
        return "link type unknown to Wireshark (counted)"
    if start[:4] == b"\x0a\x0d\x0d\x0a" and ours["error"] and ours["damage"] == 0:
        return "damaged in the first section header (capinfos takes it for another format)"
    if "pseudo-header" in theirs["complaint"] or "sll_protocol" in theirs["complaint"]:
        return "packet too short for a pseudo-header of Wireshark's (counted)"
    return None


def nanoseconds(text):
    if text in ("n/a", ""):
        return None
    seconds, _, fraction = text.partition(".")
    return int(seconds) * 10**9 + int(fraction.ljust(9, "0")[:9]), 10**(9 - min(9, len(fraction)))


def times_agree(ours, theirs):
    for mine, text in ((ours["first"], theirs["times"][0]), (ours["last"], theirs["times"][1])):
        other = nanoseconds(text)
        if other is not None and mine // other[1] != other[0] // other[1]:
            return False
    return True


def difference(ours, theirs, with_times):
    """What the two disagree about, or None."""
    if bool(ours["error"]) != bool(theirs["complaint"]):
        return "damage"
    if ours["refused"]:
        return None
    if theirs["packets"] is not None and ours["packets"] != theirs["packets"]:
        return "packets"
    cut = "cut short" in theirs["complaint"]
    if ours["truncated"] != cut and theirs["complaint"] and not re.search(r"block|option|packet", ours["error"]):
        return "kind of damage"
    if with_times and theirs["times"] and not ours["clamped"] and not times_agree(ours, theirs):
        return "times"
    return None


def damaged_copies(captures, folder, args):
    """Writes the cut and the flipped copies; the same ones for the same seed."""
    chance = random.Random(args.seed)
    copies = []

    def write(name, data):
        path = folder / name
        path.write_bytes(data)
        copies.append(path)

    for index, capture in enumerate(captures[::args.every]):
        data = capture.read_bytes()
        for i in range(args.cuts):  # half of them near the start, where there are headers of files
            at = chance.randrange(min(len(data), 512 if i % 2 else len(data)))
            write(f"cut-{index}-{i}-{at}", data[:at])
        for i in range(args.flips):
            at = chance.randrange(min(len(data), 2048 if i % 2 else len(data)))
            flipped = bytearray(data)
            flipped[at] ^= chance.randrange(1, 256)
            write(f"flip-{index}-{i}-{at}", flipped)
    return copies


def sound_before_damage(program, copies, ours, folder):
    """A plain file cut where we say that the damage begins is sound and has the packets that we counted.

    Not with fewer than four packets: both readers guess pcap's variant from the first three records, and a
    shorter file may be guessed differently.
    """
    wanted = {}
    for path in copies:
        answer = ours[str(path)]
        with open(path, "rb") as file:
            packed = file.read(2) == b"\x1f\x8b"
        if answer["refused"] or packed or not answer["error"] or answer["packets"] < 4:
            continue
        cut = folder / ("sound-" + path.name)
        cut.write_bytes(path.read_bytes()[:answer["damage"]])
        wanted[cut] = answer["packets"]
    theirs = ask_capinfos(list(wanted))
    wrong = []
    for path, packets in wanted.items():
        answer = theirs[str(path)]
        unknown = re.search(r"network type \d+ unknown", answer["complaint"])
        if not unknown and (answer["complaint"] or answer["packets"] != packets):
            wrong.append(f"{path.name}: {packets} packets before the damage, capinfos finds {answer}")
    return len(wanted), wrong


def compare(what, program, paths, with_times):
    ours, theirs = ask_picket(program, paths), ask_capinfos(paths)
    wrong, reasons, damaged = [], collections.Counter(), 0
    for path in map(str, paths):
        reason = by_design(path, ours[path], theirs[path])
        damaged += bool(theirs[path]["complaint"])
        if reason:
            reasons[reason] += 1
            continue
        about = difference(ours[path], theirs[path], with_times)
        if about:
            wrong.append(f"{path}: {about} differ\n  picket   {ours[path]}\n  capinfos {theirs[path]}")
    print(f"{what}: {len(paths)} files, {damaged} damaged, {len(wrong)} disagreements")
    for reason, count in sorted(reasons.items()):
        print(f"  different by design: {count} {reason}")
    return ours, wrong


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("captures", type=pathlib.Path, nargs="?", default=captures_of_others())
    parser.add_argument("--every", type=int, default=50)
    parser.add_argument("--cuts", type=int, default=100)
    parser.add_argument("--flips", type=int, default=100)
    parser.add_argument("--seed", type=int, default=2003)
    args = parser.parse_args()
    if args.captures is None or not args.captures.is_dir():
        print("SKIPPED: there are no captures; PICKET_CAPTURES names the folder that holds pcap/")
        sys.exit(SKIPPED)
    captures = captures_below(args.captures)
    _, wrong = compare("captures", args.program, captures, True)
    with tempfile.TemporaryDirectory(prefix="picket-agreement-") as name:
        folder = pathlib.Path(name)
        copies = damaged_copies(captures, folder, args)
        ours, more = compare("cut and flipped copies", args.program, copies, False)
        checked, unsound = sound_before_damage(args.program, copies, ours, folder)
        print(f"cut where the damage begins: {checked} files, {len(unsound)} disagreements")
        wrong += more + unsound
    for line in wrong[:40]:
        print(line)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
