"""Tables of the differences to an oracle that are known: data with a reason a row, never code.

A table is a TSV file: lines that begin with # and empty ones are skipped, the first other line names the columns.
The last column is the reason, the `numbers` before it are what was counted, those before name the difference. A
difference that is in no row, a row without a reason, a row whose numbers are others now, and a row of a
difference that is gone are complaints.
"""
import csv


class Differences:
    """One table."""

    def __init__(self, path, numbers):
        self.path, self.numbers = path, numbers
        self.remarks, self.columns, self.rows = [], [], {}
        lines = path.read_text(encoding='utf-8').splitlines()
        self.remarks = [line for line in lines if line.startswith('#')]
        cells = list(csv.reader((line for line in lines if line and not line.startswith('#')), delimiter='\t',
                                quoting=csv.QUOTE_NONE))
        self.columns, rows = cells[0], cells[1:]
        for row in rows:
            if len(row) != len(self.columns):
                raise ValueError(f'{path.name}: {row} has {len(row)} columns of {len(self.columns)}')
            key, counts = self.split(row)
            if key in self.rows:
                raise ValueError(f'{path.name}: {key} is there twice')
            self.rows[key] = (counts, row[-1])

    def split(self, row):
        names = len(self.columns) - 1 - self.numbers
        return tuple(row[:names]), tuple(int(cell) for cell in row[names:-1])

    def complaints(self, found, looked_at=None):
        """`found`: key -> numbers. With `looked_at` only rows that it accepts can be stale."""
        wrong = []
        for key, counts in sorted(found.items()):
            known, reason = self.rows.get(key, (None, None))
            if known is None:
                wrong.append(f'{key}: {counts} is in no row of {self.path.name}')
            elif known != counts:
                wrong.append(f'{key}: {counts} now, {known} in {self.path.name}')
            elif not reason:
                wrong.append(f'{key}: has no reason in {self.path.name}')
        wrong += [f'{key}: is gone, remove its row of {self.path.name}' for key in sorted(self.rows)
                  if key not in found and (looked_at is None or looked_at(key))]
        return wrong

    def renewed(self, found):
        """The table of what is found now; reasons stay, new rows have none and have to be given one."""
        lines = [*self.remarks, '\t'.join(self.columns)]
        for key, counts in sorted(found.items()):
            lines.append('\t'.join([*key, *map(str, counts), self.rows.get(key, ((), ''))[1]]))
        return '\n'.join(lines) + '\n'
