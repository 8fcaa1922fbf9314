"""URIs as docs/rules.md says that they are read, in plain steps: the oracle for the data plane's normalisation.

Bytes in, bytes out; 'suricata' or 'snort' is the dialect ('snort3' and 'snort2' read URIs alike).
"""
import re

ESCAPE = re.compile(rb'%([0-9a-fA-F]{2})')
ESCAPE_OR_WIDE = re.compile(rb'%([0-9a-fA-F]{2})|%[uU](00[0-9a-fA-F]{2})')
OVERLONG = re.compile(rb'[\xc0\xc1]([\x80-\xbf])|\xe0[\x80\x81][\x80-\xbf]')
TARGET = re.compile(rb'([A-Za-z][A-Za-z0-9+.-]*://[^/?#]*)?([^?]*)(\?.*)?', re.DOTALL)


def split_target(target):
    """Scheme and authority of an absolute target or nothing, path, query with its question mark or nothing."""
    return tuple(part or b'' for part in TARGET.fullmatch(target).groups())


def decoded(text, wide=False):
    """Percent escapes once; with `wide` also %u00XX. Nothing that a decoded byte begins is an escape."""
    return (ESCAPE_OR_WIDE if wide else ESCAPE).sub(
        lambda found: bytes([int(next(group for group in found.groups() if group), 16)]), text)


def without_overlong(text):
    """The ASCII characters that two or three bytes of UTF-8 disguise."""
    def plain(found):
        bits = 0
        for byte in found.group()[1:]:
            bits = bits << 6 | byte & 0x3F
        return bytes([bits | (found.group()[0] & 1) << 6 if len(found.group()) == 2 else bits])
    return OVERLONG.sub(plain, text)


def without_dot_segments(path):
    """RFC 3986 §5.2.4 for a path that begins with a slash."""
    kept = []
    *folders, last = path.split(b'/')[1:]
    for segment in [*folders, last]:
        if segment == b'..':
            del kept[-1:]
        elif segment != b'.':
            kept.append(segment)
    if last in (b'.', b'..'):
        kept.append(b'')
    return b'/' + b'/'.join(kept)


def normalized(target, dialect):
    _, path, query = split_target(target)
    snort = dialect != 'suricata'
    path = decoded(path, wide=not snort)
    mark, query = query[:1], decoded(query[1:])
    if snort:
        path, query = decoded(path).replace(b'+', b' '), decoded(query).replace(b'+', b' ').replace(b'\\', b'/')
    path = without_overlong(path).replace(b'\\', b'/')
    path = without_dot_segments(re.sub(rb'/+', b'/', path or b'/'))
    return path + mark + query
