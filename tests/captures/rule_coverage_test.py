#!/usr/bin/python3
"""Of the published rules that look at requests, nearly all load; why the others do not is in a table.

usage: rule_coverage_test.py PICKET [unittest arguments]
       rule_coverage_test.py PICKET --renew    (writes docs/rule_coverage.md)

Looked at are the enabled rules whose direction is to the server, or is not said, and that use an option over requests
or the protocol http. Each file is loaded by itself. The page is what is found, or the test fails.
"""
import collections
import pathlib
import re
import subprocess
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / 'support')]

import picket_program as picket  # noqa: E402

PAGE = picket.ROOT / 'docs' / 'rule_coverage.md'
LOADED_MIN = 0.98
REQUEST_OPTION = re.compile(r'^(http[_.]|uricontent$|urilen$)')
REQUEST_FLAGS = set('UIPHDMCVWZ')
RESPONSE_OPTION = re.compile(r'^(http[_.](stat_|response_|server|location)|file[_.]data$)')
REJECT = re.compile(r':(\d+): (?:sid \d+: )?([\w.]+): (.*)$')
TEXT = """# How many published rules load

Of the rules that others published, those that are enabled, look at an HTTP request, and are not bound to what the
server sends. Each file is loaded by itself, with the standard variables.

{by_file}

{loaded} of {all} load, {share:.2f} %. A rule that loads means what it says: no option is passed over but
`fast_pattern`, `metadata` and their like ([rules](rules.md#options)). The others are rejected, each with its first
reason:

{by_reason}

`tests/captures/rule_coverage_test.py build/controlplane/picket --renew` writes this page; `PICKET_CAPTURES` names the
folder that holds the rules, which are no part of the project.
"""


def options_of(rule):
    """[(name, value)], split at the semicolons that are neither quoted nor escaped."""
    body = rule[rule.index('(') + 1:rule.rindex(')')]
    parts = re.findall(r'((?:[^;"\\]|\\.|"(?:[^"\\]|\\.)*")+);?', body)
    return [tuple(text.strip() for text in (part + ':').split(':', 1)) for part in parts if part.strip()]


def looks_at_request(rule):
    options = options_of(rule)
    names = [name for name, _ in options]
    flow = ','.join(value for name, value in options if name == 'flow')
    if re.search(r'to_client|from_server', flow):
        return False
    to_server = re.search(r'to_server|from_client', flow)
    if not to_server and any(RESPONSE_OPTION.match(name) for name in names):
        return False
    flags = {flag for name, value in options if name == 'pcre' for flag in value.rstrip('": ').rsplit('/', 1)[-1]}
    return (rule.split()[1] == 'http' or any(REQUEST_OPTION.match(name) for name in names) or
            bool(flags & REQUEST_FLAGS))


def rules_of(file):
    """Line -> rule, of those that are looked at."""
    found, begun, text = {}, 0, ''
    for number, line in enumerate(file.read_text(encoding='utf-8', errors='replace').splitlines(), 1):
        begun = begun if text else number
        text += line.rstrip('\\') if line.endswith('\\') else line
        if line.endswith('\\'):
            continue
        if text.lstrip().startswith('alert') and ')' in text and looks_at_request(text.strip()):
            found[begun] = text.strip()
        text = ''
    return found


def rejects_of(file):
    """Line -> (option, reason)"""
    done = subprocess.run([picket.PROGRAM['picket'], 'rule', 'check', file], capture_output=True, text=True,
                          errors='replace', timeout=120, check=False)
    if done.returncode not in (picket.DONE, picket.NO):
        raise AssertionError(f'{file}: status {done.returncode}: {done.stderr}')
    lines = (REJECT.search(line) for line in (done.stdout + done.stderr).splitlines())
    # A note is about a rule that loads.
    return {int(line.group(1)): (line.group(2), line.group(3)) for line in lines if line and line.group(2) != 'note'}


def coverage():
    """Rows (file, rules, loaded) and reason -> rules."""
    rows, reasons = [], collections.Counter()
    root = picket.captures_of_others() / 'rules'
    for file in sorted(root.rglob('*.rules')):
        rules, rejects = rules_of(file), rejects_of(file)
        if rules:
            rejected = [rejects[line] for line in rules if line in rejects]
            rows.append((f'{file.relative_to(root).parts[0]}: {file.name}', len(rules), len(rules) - len(rejected)))
            reasons.update(f"`{option}`: {re.sub(chr(39) + '[^' + chr(39) + ']*' + chr(39), '…', reason)}"
                           for option, reason in rejected)
    return rows, reasons


def page(rows, reasons):
    by_file = ['| file | rules | loaded | % |', '|---|---|---|---|']
    by_file += [f'| {name} | {all_rules:,} | {loaded:,} | {100 * loaded / all_rules:.1f} |'
                for name, all_rules, loaded in rows]
    by_reason = ['| option and reason | rules |', '|---|---|']
    most_first = sorted(reasons.items(), key=lambda row: (-row[1], row[0]))
    by_reason += [f'| {reason} | {count} |' for reason, count in most_first]
    all_rules, loaded = sum(row[1] for row in rows), sum(row[2] for row in rows)
    return TEXT.format(by_file='\n'.join(by_file), by_reason='\n'.join(by_reason), all=f'{all_rules:,}',
                       loaded=f'{loaded:,}', share=100 * loaded / all_rules), loaded / all_rules


class RuleCoverage(unittest.TestCase):
    def test_page_is_what_loads(self):
        text, share = page(*coverage())
        self.assertGreaterEqual(share, LOADED_MIN)
        self.assertEqual(text, PAGE.read_text(encoding='utf-8'), f'renew {PAGE.name}')


if __name__ == '__main__':
    if len(sys.argv) > 2 and sys.argv[2] == '--renew':
        picket.PROGRAM['picket'] = sys.argv[1]
        PAGE.write_text(page(*coverage())[0], encoding='utf-8')
    else:
        picket.main(needs_captures=True)
