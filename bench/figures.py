#!/usr/bin/env python3
"""Measures the figures of docs/performance.md, and prints them as its tables.

    figures.py measure DIRECTORY PICKET [PART…]   runs picket bench, a JSON document each in DIRECTORY
    figures.py show DIRECTORY                     prints Markdown; plot.py draws the sweeps

Parts: ipv4 ipv6 new web two port. PICKET is the program; nothing else may run beside it. FIGURES_RULES and FIGURES_URIS
name files for web traffic with rules and URIs of one's own.
"""
import json
import os
import pathlib
import subprocess
import sys

PARTS = {
    'ipv4': {'ipv4': ['--sweep']},
    'ipv6': {'ipv6': ['--sweep', '--ipv6', '1']},
    # Several ticks of the timer wheel must lie within a run: of 10 M flows they come once in 15 M packets.
    'new': {**{f'new_5_{flows}': ['--new-flows', '5%', '--flows', flows, '--seconds', seconds]
               for flows, seconds in (('100k', '5'), ('1M', '5'), ('10M', '25'))},
            'new_all': ['--new-flows', '100%'], 'flood': ['--flood']},
    'web': {**{f'web_{flows}': ['--mix', 'web', '--rules', '1500', '--flows', flows] for flows in ('100k', '1M')},
            'imix': ['--mix', 'imix']},
    'two': {f'two_{flows}': ['--workers', '2', '--flows', flows] for flows in ('100k', '1M')},
    'port': {'ring': ['--via', 'ring'], 'ring_flood': ['--via', 'ring', '--flood'], 'memif': ['--via', 'memif']},
}
STAGES = ('parse', 'steer', 'copies', 'flow', 'http', 'match', 'emit', 'timers')


def own_rules():
    rules, uris = os.environ.get('FIGURES_RULES'), os.environ.get('FIGURES_URIS')
    if not rules:
        return {}
    return {'web_own': ['--mix', 'web', '--flows', '100k', '--rules', rules, *(['--uris', uris] if uris else [])]}


def measure(directory, picket, parts):
    directory.mkdir(parents=True, exist_ok=True)
    for part in parts or PARTS:
        runs = {**PARTS[part], **(own_rules() if part == 'web' else {})}
        for name, arguments in runs.items():
            done = subprocess.run([picket, 'bench', '-j', *arguments], stdout=subprocess.PIPE, text=True, check=False)
            if done.returncode != 0:
                sys.exit(f'figures.py: picket bench {" ".join(arguments)} ended with status {done.returncode}')
            (directory / f'{name}.json').write_text(done.stdout, encoding='utf-8')


def flows_text(flows):
    return f'{flows // 1_000_000} M' if flows >= 1_000_000 else f'{flows // 1000} k'


def table(head, rows):
    print('| ' + ' | '.join(head) + ' |')
    print('|---' * len(head) + '|')
    for row in rows:
        print('| ' + ' | '.join(row) + ' |')
    print()


def show(directory):
    """One table of all rows; those of several workers and of ports have a second one."""
    documents = {path.stem: json.loads(path.read_text(encoding='utf-8')) for path in sorted(directory.glob('*.json'))}
    if not documents:
        sys.exit(f'figures.py: {directory}: holds no documents; measure first')
    machine = next(iter(documents.values()))['machine']
    print(f'{machine["cpu"]}, {machine["isa"]}, {machine["cores"]} cores, TSC {machine["tsc_ghz"]:.2f} GHz, '
          f'{machine["kernel"]}, hugepages: {machine["hugepages"]}.\n')
    rows = [(name, row) for name, document in documents.items() for row in document['rows']]
    table(('traffic', 'flows', 'Mpps', 'Gbit/s', 'ns', 'memory limit', *STAGES),
          [(name.replace('_', ' '), flows_text(row['flows']), f'{row["mpps"]:.2f}', f'{row["gbit_per_s"]:.1f}',
            f'{row["ns_per_packet"]:.0f}', f'{row["memory_limit_ns"]:.1f}',
            *(f'{row["stages_ns"][stage]:.1f}' for stage in STAGES)) for name, row in rows])
    several = [(flows_text(row['flows']), f'{row["slowdown"]["workers"]:.2f}',
                f'{row["slowdown"]["memory_limit"]:.2f}') for _, row in rows if 'slowdown' in row]
    if several:
        table(('two workers, flows', 'slower than alone', 'memory limit, likewise'), several)
    searches = [(row['via'], *(f'{row["search"][rate]:.2f}' for rate in ('ndr_mpps', 'pdr_mpps', 'mrr_mpps')))
                for _, row in rows if 'search' in row]
    if searches:
        table(('port', 'no loss, Mpps', '0.5 %', 'at most'), searches)


def main():
    if len(sys.argv) >= 4 and sys.argv[1] == 'measure' and set(sys.argv[4:]) <= set(PARTS):
        measure(pathlib.Path(sys.argv[2]), sys.argv[3], sys.argv[4:])
    elif len(sys.argv) == 3 and sys.argv[1] == 'show':
        show(pathlib.Path(sys.argv[2]))
    else:
        sys.exit(__doc__)


if __name__ == '__main__':
    main()
