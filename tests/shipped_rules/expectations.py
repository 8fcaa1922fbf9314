"""What every shipped rule's example must do in every encoding and dialect, and why where it must not fire."""
import dataclasses

import evasions
import rule_reading

DIALECTS = ('suricata', 'snort3')
FIRES, UNTOUCHED = '+', '.'
REASONS = {
    'R': 'the rule looks at the raw URI, and this is another spelling',
    '1': 'Suricata decodes once, and this was encoded twice',
    'U': 'Snort leaves `%u` alone, as by default',
    'Q': 'the dialect undoes the encoding in paths only, and the rule needs the query',
}


@dataclasses.dataclass(frozen=True)
class Trial:
    """One example in one encoding; `outcome` has a mark for each dialect."""
    sid: int
    encoding: str
    request: rule_reading.Request
    outcome: tuple


def reason(rule, example, encoding, request, dialect):
    """Of a miss; an empty text if there is none that this page knows."""
    if 'http.uri.raw' in rule.failing(request, dialect):
        return 'R'
    if encoding == '%u' and dialect != 'suricata':
        return 'U'
    if encoding == 'double percent' and dialect == 'suricata':
        return '1'
    escape = evasions.SPELLINGS.get(encoding)
    if escape and rule.matches(evasions.spelled(escape, query_too=False)(example), dialect):
        return 'Q'
    return ''


def touches(rule, example, request):
    """Whether the encoding changes anything that the rule looks at."""
    if {'http.uri', 'http.uri.raw'} & rule.buffers and request.target != example.target:
        return True
    return bool(rule.buffers - {'http.uri', 'http.uri.raw'}) and request.header != example.header


def outcome(rule, example, encoding, request, dialect):
    if encoding != 'split' and not touches(rule, example, request):
        return UNTOUCHED
    return FIRES if rule.matches(request, dialect) else reason(rule, example, encoding, request, dialect)


def first_examples():
    """sid: the first request that its rule must match."""
    found = {}
    for sid, matches, request in rule_reading.examples():
        if matches:
            found.setdefault(sid, request)
    return found


def trials(rules):
    for sid, example in first_examples().items():
        for encoding, change in evasions.ENCODINGS.items():
            request = change(example)
            yield Trial(sid, encoding, request, tuple(
                outcome(rules[sid], example, encoding, request, dialect) for dialect in DIALECTS))
