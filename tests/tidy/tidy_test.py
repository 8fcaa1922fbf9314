#!/usr/bin/python3
"""What CONTRIBUTING.md asks of the code, as far as a program can tell.

Judges the files that git tracks; without git, all files of the tree but builds. Each complaint is
file:line: what is wrong. Only clang-format is needed beside Python, and its test says so where it is missing.
"""
import ast
import os
import pathlib
import re
import shutil
import subprocess
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 70
# path: why it is longer. Empty, and meant to stay so.
LONGER_FILES = {}

PLANES = ('dataplane/', 'controlplane/')
RTE_PLACES = ('dataplane/rx/', 'dataplane/xdp/', 'dataplane/live_ports.cpp',
              'tests/live/', 'bench/tool/deep_ring.cpp', 'bench/tool/port_sender.cpp',  # a port's other end
              'bench/flow/rte_hash_bench.cpp', 'bench/fragment/fragment_bench.cpp')  # the baseline
SNAKE_CASE = re.compile(r'[a-z0-9]+(_[a-z0-9]+)*')
# Data is named after what it holds, decisions by number and title.
FREE_NAMES = ('tests/captures/bundled/', 'docs/decisions/', 'controlplane/archive/duckdb/package-lock.json')
CODE = ('.cpp', '.h', '.c', '.py', '.sh')
DATA = ('.pcap', '.pcapng', '.tsv', '.gz', '.png')


def tracked_files():
    """Paths relative to the root, in order."""
    git = subprocess.run(['git', '-C', str(ROOT), 'ls-files', '-z'], capture_output=True, check=False) \
        if shutil.which('git') else None
    if git and git.returncode == 0:
        names = git.stdout.decode().split('\0')
        return sorted(name for name in names if name and (ROOT / name).is_file())
    found = []
    for folder, folders, files in os.walk(ROOT):
        folders[:] = [name for name in folders if not name.startswith('build')
                      and name not in ('.git', '.cache', '__pycache__')
                      and not (pathlib.Path(folder) / name / 'build.ninja').exists()]
        found += [str((pathlib.Path(folder) / name).relative_to(ROOT)) for name in files]
    return sorted(found)


def blank(match):
    """Spaces in place of text, so that lines stay where they are."""
    return re.sub(r'[^\n]', ' ', match.group())


NO_CODE = re.compile(r'//[^\n]*|/\*.*?\*/|R"(\w*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"'
                     r"|(?<![0-9a-fA-F])'(?:\\.|[^'\\\n])+'", re.DOTALL)
TYPE_HEAD = re.compile(r'^(template\s*<.*>\s*)?(typedef\s+)?(class|struct|union|enum)\b', re.DOTALL)
BODY_FOLLOWS = re.compile(r'[)}\]]$|\b(const|noexcept|override|final|mutable|try|volatile)$|->[^()]*$')


def cpp_functions(text):
    """(line of the opening brace, lines of the body) of each function; functions inside of functions and lambdas
    count as part of theirs. A heuristic over braces: what opens after parentheses, outside of any function, and
    is neither type, namespace nor initialiser."""
    text = NO_CODE.sub(blank, text)
    text = re.sub(r'^[ \t]*#(?:[^\n]*\\\n)*[^\n]*', blank, text, flags=re.MULTILINE)
    found, stack, head, line = [], [], '', 1
    for char in text:
        inside = any(kind == 'function' for kind, _ in stack)
        if char == '{':
            kind = 'inner' if inside else brace_kind(head)
            stack.append((kind, line))
            head = head + char if kind == 'initialiser' else ''
        elif char == '}' and stack:
            kind, opened = stack.pop()
            if kind == 'function':
                found.append((opened, line - opened + 1))
            head = head + char if kind == 'initialiser' else ''
        elif char == ';' or (char == ':' and re.search(r'\b(public|private|protected)\s*$', head)):
            head = ''
        else:
            head += char
        line += char == '\n'
    return found


def brace_kind(head):
    head = re.sub(r'\[\[.*?\]\]|\balignas\s*\([^()]*\)', '', head).strip()
    if re.search(r'\bnamespace\b', head) or re.match(r'extern\b\s*$', head):
        return 'scope'
    if TYPE_HEAD.match(head) and '(' not in head:
        return 'scope'
    return 'function' if ')' in head and BODY_FOLLOWS.search(head) else 'initialiser'


class Tidy(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.files = tracked_files()
        cls.text = {}
        for name in cls.files:
            if not name.endswith(DATA):
                cls.text[name] = (ROOT / name).read_text(encoding='utf-8')

    def judge(self, complaints):
        complaints = list(complaints)
        if complaints:
            self.fail('\n' + '\n'.join(complaints))

    def named(self, *suffixes, under=''):
        return [name for name in self.text if name.endswith(suffixes) and name.startswith(under)]

    def lines(self, names):
        for name in names:
            for number, line in enumerate(self.text[name].splitlines(), 1):
                yield name, number, line

    # --- sizes and names ---

    def test_files_are_short(self):
        scripts = [name for name in self.text if self.text[name].startswith('#!')]
        sizes = {name: self.text[name].count('\n') for name in {*self.named(*CODE, 'meson.build'), *scripts}}
        self.judge(f'{name}:1: {lines} lines; split it by responsibility' for name, lines in sorted(sizes.items())
                   if lines > FILE_LINES_MAX and name not in LONGER_FILES)
        self.judge(f'{name}:1: is not too long any more; remove the exception' for name in LONGER_FILES
                   if self.text.get(name, '').count('\n') <= FILE_LINES_MAX)

    def test_functions_are_short(self):
        complaint = '{}:{}: a function of {} lines; at most {}'
        self.judge(complaint.format(name, line, lines, FUNCTION_LINES_MAX)
                   for name in self.named('.cpp', '.h', '.c') for line, lines in cpp_functions(self.text[name])
                   if lines > FUNCTION_LINES_MAX)
        self.judge(complaint.format(name, node.lineno, node.end_lineno - node.lineno + 1, FUNCTION_LINES_MAX)
                   for name in self.named('.py') for node in ast.walk(ast.parse(self.text[name]))
                   if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
                   and node.end_lineno - node.lineno >= FUNCTION_LINES_MAX)

    def test_functions_are_found(self):
        sample = '\n'.join((
            'namespace a {', 'struct alignas(64) S {', '  int x = f({1});', '  S() : y_{1}, z_(2) {', '  }',
            '  int get() const { return 1; }', '};', "const char c = '{';", 'const char* s = R"({)"; // {',
            'auto g(int n) -> std::vector<int> {', '  if (n) {', '  }', '  auto l = [] {', '  };', '}',
            'constexpr int table[] = {1, 2};', 'TEST(Name, does) {', '}', 'bool operator==(S) noexcept {', '}', '}'))
        self.assertEqual(cpp_functions(sample), [(4, 2), (6, 1), (10, 6), (17, 2), (19, 2)])

    def test_names_are_snake_case(self):
        def is_named_well(name):
            *folders, file = name.lower().split('/') if name.endswith('.md') else name.split('/')
            stem = file.split('.')[0]
            return all(SNAKE_CASE.fullmatch(part.lstrip('.')) for part in [*folders, stem] if part)
        self.judge(f'{name}:1: the name is not snake_case' for name in self.files
                   if not name.startswith(FREE_NAMES) and name != 'LICENSE' and not is_named_well(name))

    # --- headers and who may include what ---

    def test_headers_have_one_guard(self):
        self.judge(f'{name}:1: has no #pragma once' for name in self.named('.h')
                   if not re.search(r'^#pragma once$', self.text[name], re.MULTILINE))
        self.judge(f'{name}:{number}: has an include guard beside #pragma once'
                   for name, number, line in self.lines(self.named('.h'))
                   if re.match(r'#ifndef \w+_H(PP)?_?$', line))

    def test_headers_say_what_they_are(self):
        self.judge(f'{name}:1: does not open with a comment that says what it is, who owns it, thread safety'
                   for name in self.named('.h', under=PLANES) if not self.text[name].startswith(('// ', '/* ')))

    def test_includes_keep_the_planes_apart(self):
        complaints = []
        for name, number, line in self.lines(self.named('.cpp', '.h', '.c')):
            include = re.match(r'\s*#\s*include\s*[<"]([^>"]+)', line)
            if not include:
                continue
            target = include.group(1)
            if name.startswith('controlplane/') and target.startswith('dataplane/') \
                    and not target.startswith('dataplane/api/'):
                complaints.append(f'{name}:{number}: controlplane/ sees dataplane/api only')
            if name.startswith('dataplane/') and target.startswith('controlplane/'):
                complaints.append(f'{name}:{number}: dataplane/ includes nothing of controlplane/')
            if target.startswith('rte_') and not name.startswith(RTE_PLACES):
                complaints.append(f'{name}:{number}: rte_* headers belong to {", ".join(RTE_PLACES)}')
            if line.count('"') == 2 and '../' in target:
                complaints.append(f'{name}:{number}: includes are relative to the root')
        self.judge(complaints)

    # --- build ---

    def test_dependencies_are_named_in_the_root(self):
        self.judge(f'{name}:{number}: dependency() belongs to the root meson.build'
                   for name, number, line in self.lines(self.named('/meson.build'))
                   if re.search(r'(?<!\w)dependency\s*\(', line))

    def listed(self):
        """What meson.build files name, as paths from the root."""
        for name in self.named('meson.build'):
            folder = os.path.dirname(name)
            for quoted in re.findall(r"'([^']+)'", re.sub(r'#.*', '', self.text[name])):
                yield os.path.normpath(os.path.join(folder, quoted))

    def test_sources_and_tests_are_built(self):
        listed = set(self.listed())
        sources = [*self.named('.cpp', '.c'), *self.named('_test.py')]
        self.judge(f'{name}:1: is in no meson.build' for name in sources if name not in listed)
        self.judge(f'{name}:1: its folder has no meson.build' for name in sources
                   if os.path.join(os.path.dirname(name), 'meson.build') not in self.text)

    def test_folders_are_built(self):
        listed = set(self.listed())
        self.judge(f'{name}:1: no meson.build has its folder as a subdir' for name in self.named('/meson.build')
                   if os.path.dirname(name) not in listed)
        self.judge(f'{name}:{number}: names the folders that exist, instead of asking'
                   for name, number, line in self.lines(self.named('meson.build')) if 'fs.exists' in line)

    # --- text ---

    def test_nothing_is_left_to_do(self):
        marks = re.compile('TO' r'DO\b|\bFIX' r'ME\b|(?<!:)(//|#|/\*)\s*XX' r'X\b')
        self.judge(f'{name}:{number}: do it, or write an issue' for name, number, line in self.lines(self.text)
                   if marks.search(line))

    def test_no_code_is_commented_out(self):
        code = re.compile(r'^\s*//+\s*(\}|#\s*(include|if|endif|define)\b|(if|for|while|switch)\s*\(.*\{$|return\b.*;$'
                          r'|[\w:.>*&<\[\]-]+(\s[\w:.>*&<\[\]-]+)?(\(.*\)|\s*=[^=].*);$)')
        self.judge(f'{name}:{number}: remove it, git remembers'
                   for name, number, line in self.lines(self.named('.cpp', '.h', '.c')) if code.match(line))

    def test_lines_end_cleanly(self):
        self.judge(f'{name}:{number}: white space at the end of the line'
                   for name, number, line in self.lines(self.text) if line != line.rstrip())
        self.judge(f'{name}: has no line end at its end, or more than one' for name, text in self.text.items()
                   if text and (not text.endswith('\n') or text.endswith('\n\n')))

    def test_nothing_names_the_machine_it_was_written_on(self):
        places = re.compile(r'(?<![\w.])/(work|home/\w+|root)/|/tmp/(build|brief)')
        self.judge(f'{name}:{number}: a path of one machine' for name, number, line in self.lines(self.text)
                   if places.search(line) and not name.endswith('.rules'))

    def test_scripts_are_executable(self):
        self.judge(f'{name}:1: a file is executable if and only if it opens with #!' for name in self.text
                   if self.text[name].startswith('#!') != os.access(ROOT / name, os.X_OK))

    def test_links_lead_somewhere(self):
        complaints = []
        for name, number, line in self.lines(self.named('.md')):
            for target in re.findall(r'\]\(([^)\s]+)', re.sub(r'`[^`]*`', '', line)):
                path = target.split('#')[0]
                if path and not re.match(r'[a-z]+:', path) and not (ROOT / name).parent.joinpath(path).exists():
                    complaints.append(f'{name}:{number}: {target} does not exist')
        self.judge(complaints)

    def test_format(self):
        if not shutil.which('clang-format'):
            self.skipTest('clang-format is not installed: apt-get install clang-format')
        names = self.named('.cpp', '.h', '.c')
        done = subprocess.run(['clang-format', '--dry-run', '--Werror', *names], cwd=ROOT, capture_output=True,
                              text=True, check=False)
        ugly = sorted({line.split(':')[0] for line in done.stderr.splitlines() if ': error: ' in line})
        self.judge(f'{name}:1: clang-format -i {name}' for name in ugly)


if __name__ == '__main__':
    unittest.main()
