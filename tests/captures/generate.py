#!/usr/bin/python3
"""Writes the generated captures: generate.py OUTDIR [NAME…], all of them without a name.

The output depends on nothing but these scripts: every run writes the same bytes.
"""
import pathlib
import sys

import frethem
import frethem_evasions
import long_lived
import mixed
import sobig

CAPTURES = {
    'sobig.pcap': sobig.write,
    'sobig-consecutive.pcap': sobig.write_consecutive,
    'sobig-reflected.pcap': sobig.write_reflected,
    'frethem.pcap': frethem.write,
    'frethem-evasions.pcap': frethem_evasions.write,
    'long-lived.pcap': long_lived.write,
    'mixed.pcap': mixed.write,
    'mixed.pcapng': mixed.write_pcapng,
}


def main(arguments):
    if not arguments or arguments[0].startswith('-'):
        print(f'usage: generate.py OUTDIR [NAME…]\nnames: {" ".join(CAPTURES)}', file=sys.stderr)
        return 2
    names = arguments[1:] or list(CAPTURES)
    for name in names:
        if name not in CAPTURES:
            print(f'generate.py: no capture named {name!r}; there are: {", ".join(CAPTURES)}',
                  file=sys.stderr)
            return 2
    directory = pathlib.Path(arguments[0])
    directory.mkdir(parents=True, exist_ok=True)
    for name in names:
        CAPTURES[name](directory / name)
    return 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
