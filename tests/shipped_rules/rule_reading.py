"""The shipped rules as docs/rules.md says that they match: a reader of the few options that they use, and a judge.

It shares nothing with Picket: Python's `re` for pcre, plain searches for contents. An option that it does not know
is an error, so that no rule is judged by half.
"""
import dataclasses
import functools
import pathlib
import re

from uri_reading import normalized

ROOT = pathlib.Path(__file__).resolve().parents[2]
PATTERNS = ROOT / 'patterns'
BUFFERS = ('http.method', 'http.uri', 'http.uri.raw', 'http.header', 'http.user_agent', 'http.referer', 'http.cookie')
NO_MEANING = ('flow', 'reference', 'metadata', 'classtype', 'rev')
OPTION = re.compile(r'\s*([a-z_.]+)(?::("(?:[^"\\]|\\.)*"|[^;]*))?;')


@dataclasses.dataclass
class Test:
    """One content or pcre on one buffer."""
    buffer: str
    text: bytes | None = None
    expression: re.Pattern | None = None
    nocase: bool = False
    startswith: bool = False
    endswith: bool = False

    def holds(self, data):
        if self.expression:
            return self.expression.search(data) is not None
        text = self.text
        if self.nocase:
            text, data = text.lower(), data.lower()
        return (text in data and (not self.startswith or data.startswith(text))
                and (not self.endswith or data.endswith(text)) and (not (self.startswith and self.endswith)
                                                                    or text == data))


@dataclasses.dataclass
class Rule:
    sid: int
    message: str
    severity: int
    file: str
    confidence: str
    tests: list

    @property
    def buffers(self):
        return {test.buffer for test in self.tests} - {'http.method'}

    def failing(self, request, dialect):
        """The buffers on which the rule does not hold."""
        texts = buffers_of(request, dialect)
        return {test.buffer for test in self.tests
                if test.buffer not in texts or not test.holds(texts[test.buffer])}

    def matches(self, request, dialect):
        return not self.failing(request, dialect)


@dataclasses.dataclass(frozen=True)
class Request:
    """`header` is one line without its end, or nothing."""
    method: bytes
    target: bytes
    header: bytes = b''

    def head(self):
        lines = [self.method + b' ' + self.target + b' HTTP/1.1', b'Host: www.example.org', self.header]
        return b'\r\n'.join(line for line in lines if line) + b'\r\n\r\n'


@functools.lru_cache(maxsize=None)
def buffers_of(request, dialect):
    """The texts that options look at, by the names of their keywords; what the request does not have is absent."""
    name, _, value = request.header.partition(b': ')
    name = name.lower()
    texts = {'http.method': request.method, 'http.uri': normalized(request.target, dialect),
             'http.uri.raw': request.target, 'http.header': b'Host: www.example.org\r\n'}
    if request.header and name != b'cookie':
        texts['http.header'] += request.header + b'\r\n'
    for own, buffer in ((b'user-agent', 'http.user_agent'), (b'referer', 'http.referer'), (b'cookie', 'http.cookie')):
        if name == own:
            texts[buffer] = value
    return texts


def content_bytes(quoted):
    """"text|0a|" as bytes."""
    parts = re.sub(r'\\(.)', r'\1', quoted[1:-1]).split('|')
    return b''.join(bytes.fromhex(part) if at % 2 else part.encode('latin-1') for at, part in enumerate(parts))


def read_rule(line, file):
    found = re.fullmatch(r'alert http any any -> any any \((.*)\)', line)
    assert found, line
    buffer, tests, facts = None, [], {}
    body = found[1]
    assert ''.join(option.group() for option in OPTION.finditer(body)) == body, line
    for name, value in OPTION.findall(body):
        if name in BUFFERS:
            buffer = name
        elif name == 'content':
            tests.append(Test(buffer, text=content_bytes(value)))
        elif name == 'pcre':
            expression = re.fullmatch(r'"/(.*)/(i?)"', value)
            tests.append(Test(buffer, expression=re.compile(expression[1].encode('latin-1'),
                                                            re.IGNORECASE if expression[2] else 0)))
        elif name in ('nocase', 'startswith', 'endswith'):
            setattr(tests[-1], name, True)
        elif name in ('sid', 'priority', 'msg'):
            facts[name] = value
        elif name not in NO_MEANING:
            raise ValueError(f'{file}: option {name} is unknown to this reader: {line}')
    confidence = re.search(r'metadata:confidence (\w+)', body)
    return Rule(int(facts['sid']), facts['msg'][1:-1], int(facts['priority']), file,
                confidence[1] if confidence else '', tests)


def request_rules():
    """The shipped rules about requests by sid, in the order of files and lines."""
    rules = [read_rule(line, path.stem) for path in sorted(PATTERNS.glob('*.rules'))
             for line in path.read_text(encoding='utf-8').splitlines() if line.startswith('alert http ')]
    return {rule.sid: rule for rule in rules}


def examples():
    """(sid, must it match?, request) of every line of patterns/examples."""
    rows = []
    for path in sorted((PATTERNS / 'examples').glob('*.tsv')):
        for line in path.read_text(encoding='utf-8').splitlines():
            if not line.startswith('#'):
                sid, sign, *texts = line.split('\t')
                rows.append((int(sid), sign == '+', Request(*(text.encode('latin-1') for text in texts))))
    return rows
