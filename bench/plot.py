#!/usr/bin/env python3
"""Draws what `picket bench --sweep -j` printed: nanoseconds a packet over the number of flows, as SVG.

    plot.py 'IPv4=v4.json' 'IPv6=v6.json' > docs/performance.svg

Each argument is a document, with a name for its line before an equals sign. The machine's memory limit is drawn
beside them, from the first document. Needs nothing but Python.
"""
import html
import json
import math
import sys

WIDTH, HEIGHT = 720, 400
LEFT, RIGHT, TOP, BOTTOM = 60, 180, 40, 50
COLOURS = ('#0b5cad', '#c2410c', '#15803d', '#7e22ce', '#a16207', '#be123c')
LIMIT_COLOUR = '#6b7280'
LINE_RATE_NS = 67.2  # 10 Gbit/s of 64-byte frames


def read_series(argument):
    """(name, [(flows, ns)], [(flows, memory limit)]) of one document."""
    name, equals, path = argument.rpartition('=')
    with open(path, encoding='utf-8') as file:
        rows = json.load(file)['rows']
    if not rows:
        sys.exit(f'plot.py: {path}: holds no rows; give it the output of picket bench --sweep -j')
    packets = [(row['flows'], row['ns_per_packet']) for row in rows]
    limits = [(row['flows'], row['memory_limit_ns']) for row in rows]
    return (name if equals else rows[0]['mix'], packets, limits)


def flows_text(flows):
    for unit, letter in ((1_000_000, ' M'), (1_000, ' k')):
        if flows >= unit:
            return f'{flows / unit:g}{letter}'
    return str(flows)


class Chart:
    """Maps flows (logarithmic) and nanoseconds (linear) to the picture."""

    def __init__(self, lines):
        flows = [x for _, points, _ in lines for x, _ in points]
        self.low, self.high = math.log10(min(flows)), math.log10(max(flows))
        if self.low == self.high:
            self.low, self.high = self.low - 1, self.high + 1
        top = max([y for _, points, _ in lines for _, y in points] + [LINE_RATE_NS])
        self.step = next(step for step in (10, 20, 50, 100, 200, 500, 1000, 10_000) if top / step <= 8)
        self.top = math.ceil(top * 1.05 / self.step) * self.step
        self.ticks = sorted(set(flows))
        self.parts = []

    def x(self, flows):
        return LEFT + (math.log10(flows) - self.low) / (self.high - self.low) * (WIDTH - LEFT - RIGHT)

    def y(self, nanoseconds):
        return HEIGHT - BOTTOM - nanoseconds / self.top * (HEIGHT - TOP - BOTTOM)

    def text(self, x, y, words, anchor='start', colour='#111827', size=12):
        self.parts.append(f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" fill="{colour}">'
                          f'{html.escape(words)}</text>')

    def stroke(self, points, colour, width=2.0, dash=''):
        path = ' '.join(f'{self.x(x):.1f},{self.y(y):.1f}' for x, y in points)
        dashes = f' stroke-dasharray="{dash}"' if dash else ''
        self.parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="{width}"{dashes}/>')

    def axes(self):
        ends = (10 ** self.low, 10 ** self.high)
        for tick in range(0, int(self.top) + 1, self.step):
            self.stroke([(ends[0], tick), (ends[1], tick)], '#e5e7eb', 1)
            self.text(LEFT - 8, self.y(tick) + 4, str(tick), 'end')
        for flows in self.ticks:
            self.text(self.x(flows), HEIGHT - BOTTOM + 20, flows_text(flows), 'middle')
        self.text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 10, 'active flows', 'middle')
        self.text(LEFT, TOP - 16, 'nanoseconds a packet, one core', size=13)
        self.stroke([(ends[0], LINE_RATE_NS), (ends[1], LINE_RATE_NS)], '#111827', 1, '2 4')

    def draw(self, lines):
        self.axes()
        # Names stand at the ends of their lines, but never on each other.
        labels = [(self.y(LINE_RATE_NS), '14.88 Mpps (10 Gbit/s, 64 B)', '#111827')]
        for name, points, (colour, dash) in lines:
            self.stroke(points, colour, 2.5, dash)
            for flows, nanoseconds in points:
                self.parts.append(f'<circle cx="{self.x(flows):.1f}" cy="{self.y(nanoseconds):.1f}" r="3" '
                                  f'fill="{colour}"/>')
            labels.append((self.y(points[-1][1]), f'{name}  {points[-1][1]:.0f} ns', colour))
        place = 0.0
        for y, words, colour in sorted(labels):
            place = max(y + 4, place + 15)
            self.text(WIDTH - RIGHT + 10, place, words, colour=colour)
        return '\n'.join([
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" '
            f'height="{HEIGHT}" font-family="sans-serif">',
            f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>', *self.parts, '</svg>'])


def main():
    if len(sys.argv) < 2 or sys.argv[1] in ('-h', '--help'):
        sys.exit(__doc__)
    try:
        series = [read_series(argument) for argument in sys.argv[1:]]
    except (OSError, ValueError, KeyError) as error:
        sys.exit(f'plot.py: {error}; give it the output of picket bench --sweep -j')
    lines = [(name, points, (COLOURS[i % len(COLOURS)], '')) for i, (name, points, _) in enumerate(series)]
    lines.append(('memory limit', series[0][2], (LIMIT_COLOUR, '6 4')))
    print(Chart(lines).draw(lines))


if __name__ == '__main__':
    main()
