"""Ten ways to write a request that a server reads as it read the plain one.

An encoding takes a Request and returns one. It changes letters, digits and dots of path and query, or the path's
slashes; what is an escape already stays. `pieces` cuts its head as it is sent.
"""
import dataclasses
import re

from uri_reading import split_target

PIECE_BYTES = 5
TOKEN = re.compile(rb'%[uU][0-9a-fA-F]{4}|%[0-9a-fA-F]{2}|.', re.DOTALL)
PLAIN = re.compile(rb'[A-Za-z0-9.]')


def encode(text, escape):
    return b''.join(escape(token[0]) if PLAIN.fullmatch(token) else token for token in TOKEN.findall(text))


def percent(byte):
    return b'%%%02x' % byte


def double_percent(byte):
    return b'%%25%02x' % byte


def wide(byte):
    return b'%%u00%02x' % byte


def overlong(byte):
    return b'%%%02x%%%02x' % (0xC0 | byte >> 6, 0x80 | byte & 0x3F)


def swapped_case(text):
    return b''.join(token.swapcase() if len(token) == 1 else token for token in TOKEN.findall(text))


def spelled(escape, query_too=True):
    """Path and query in this escape, or the path alone."""
    def change(request):
        authority, path, query = split_target(request.target)
        return dataclasses.replace(request, target=authority + encode(path, escape) + (
            query[:1] + encode(query[1:], escape) if query_too else query))
    return change


def on_path(change_path):
    def change(request):
        authority, path, query = split_target(request.target)
        return dataclasses.replace(request, target=authority + change_path(path) + query)
    return change


def other_case(request):
    authority, path, query = split_target(request.target)
    name, colon, value = request.header.partition(b': ')
    return dataclasses.replace(request, target=authority + swapped_case(path) + swapped_case(query),
                               header=name.swapcase() + colon + value.swapcase())


def absolute(request):
    authority, path, query = split_target(request.target)
    return dataclasses.replace(request, target=(authority or b'http://www.example.org') + path + query)


SPELLINGS = {'percent': percent, 'double percent': double_percent, '%u': wide, 'overlong UTF-8': overlong}
ENCODINGS = {name: spelled(escape) for name, escape in SPELLINGS.items()} | {
    'case': other_case,
    'slashes': on_path(lambda path: path.replace(b'/', b'//')),
    'dot segments': on_path(lambda path: b'/x/../.' + path),
    'backslashes': on_path(lambda path: path[:1] + path[1:].replace(b'/', b'\\')),
    'absolute form': absolute,
    'split': lambda request: request,
}


def pieces(request, encoding):
    head = request.head()
    step = PIECE_BYTES if encoding == 'split' else len(head)
    return [head[at:at + step] for at in range(0, len(head), step)]
