#!/usr/bin/python3
"""Writes docs/evasion.md: which encodings of each shipped rule's example it still finds, and why not the others."""
import collections

import evasions
import expectations
import rule_reading
from expectations import FIRES, UNTOUCHED

PAGE = rule_reading.ROOT / 'docs' / 'evasion.md'
EXAMPLES = (
    ('percent', 'letters, digits, dots of path and query as `%62`'),
    ('double percent', 'the same as `%2562`'),
    ('%u', 'the same as `%u0062`'),
    ('overlong UTF-8', 'the same as `%c1%a2`'),
    ('case', '`/B.CGI`, the header line too'),
    ('slashes', '`//b.cgi`'),
    ('dot segments', '`/x/.././b.cgi`'),
    ('backslashes', '`/a\\b.cgi`'),
    ('absolute form', '`http://www.example.org/b.cgi`'),
    ('split', f'the head in TCP segments of {evasions.PIECE_BYTES} bytes'),
)
HEAD = '''# Evasion

A server reads many spellings of a request alike; a rule must find them all, or say which not. Every shipped rule's
example was written in ten encodings, and all rules were tried on all of them. What must fire comes from a second
implementation of [rules.md](rules.md) in Python that shares nothing with Picket (`tests/shipped_rules`); Picket
agrees on every request, in every dialect. `tests/shipped_rules/evasion_page.py` writes this page, a test compares.

'''
MARKS = '''
## Marks

Two a rule and encoding: with `rules.dialect` `suricata`, then `snort3` (`snort2` reads URIs alike).

| mark | |
|---|---|
| `+` | fires |
| `.` | the encoding changes nothing that the rule looks at: it fires as on the plain request |
'''
AFTER_MARKS = '''
What hides an example from its rule is found as such: each of these requests raises at least one alert in each
dialect. 9000055 finds `%u00XX` of ASCII, 9000308 double-encoded letters, 9000309 overlong ASCII, 9000310 letters that
needed no escape; browsers write none of them.

## By family

Examples of which the rule fires, of those that the encoding changes: suricata, snort3.

'''


def family_table(rules, trials):
    counts = collections.Counter()
    for trial in trials:
        for dialect, mark in zip(expectations.DIALECTS, trial.outcome):
            if mark != UNTOUCHED:
                counts[rules[trial.sid].file, trial.encoding, dialect, 'all'] += 1
                counts[rules[trial.sid].file, trial.encoding, dialect, 'fire'] += mark == FIRES
    lines = ['| family | ' + ' | '.join(evasions.ENCODINGS) + ' |', '|---|' + '---|' * len(evasions.ENCODINGS)]
    for family in sorted({rule.file for rule in rules.values()}):
        cells = []
        for encoding in evasions.ENCODINGS:
            of = [(counts[family, encoding, dialect, 'fire'], counts[family, encoding, dialect, 'all'])
                  for dialect in expectations.DIALECTS]
            fire = [str(fires) for fires, _ in of]
            cells.append(f'{fire[0] if fire[0] == fire[1] else ", ".join(fire)} of {of[0][1]}' if of[0][1] else '')
        lines.append(f'| {family} | ' + ' | '.join(cells) + ' |')
    return lines


def rule_table(rules, trials):
    marks = collections.defaultdict(dict)
    for trial in trials:
        marks[trial.sid][trial.encoding] = ''.join(trial.outcome)
    heads = ('%', '%%', '%u', 'utf8', 'case', '//', '/./', '\\', 'abs', 'split')
    lines = ['```', 'sid      ' + ''.join(f'{head:<6}' for head in heads) + 'rule']
    for family in sorted({rule.file for rule in rules.values()}):
        lines.append(f'# {family}')
        lines += [f'{sid}  ' + ''.join(f'{marks[sid][encoding]:<6}' for encoding in evasions.ENCODINGS) + rule.message
                  for sid, rule in sorted(rules.items()) if rule.file == family]
    return [*lines, '```']


def page(rules, trials):
    encodings = ['| encoding | of `/b.cgi` |', '|---|---|', *(f'| {name} | {text} |' for name, text in EXAMPLES)]
    reasons = [f'| `{mark}` | not, for {text} |' for mark, text in expectations.REASONS.items()]
    return (HEAD + '\n'.join(encodings) + '\n' + MARKS + '\n'.join(reasons) + '\n' + AFTER_MARKS
            + '\n'.join(family_table(rules, trials)) + '\n\n## By rule\n\n'
            + '\n'.join(rule_table(rules, trials)) + '\n')


if __name__ == '__main__':
    shipped = rule_reading.request_rules()
    PAGE.write_text(page(shipped, list(expectations.trials(shipped))), encoding='utf-8')
