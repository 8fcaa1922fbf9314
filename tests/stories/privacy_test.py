#!/usr/bin/python3
"""privacy.uri_query: rules see queries, and nothing that is kept or exported has them.

usage: privacy_test.py PICKET [unittest arguments]; the query is that of frethem.pcap.
"""
import json
import pathlib
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / 'support'))

import picket_program as picket  # noqa: E402

SECRET = b'174642967'
RULE = 'alert tcp any any -> any 80 (msg:"Frethem b.cgi"; flow:to_server,established; uricontent:"/b.cgi?alt&"; sid:1;)\n'


class Privacy(unittest.TestCase):
    def kept(self, uri_query):
        """The URIs of the requests for b.cgi, and the bytes of all files that a replay leaves behind."""
        folder = tempfile.TemporaryDirectory(prefix='picket-privacy-')
        self.addCleanup(folder.cleanup)
        place = pathlib.Path(folder.name)
        (place / 'picket.toml').write_text(f'[privacy]\nuri_query = "{uri_query}"\n[capture]\nalert_packets = 0\n',
                                           encoding='utf-8')
        (place / 'f.rules').write_text(RULE, encoding='utf-8')
        done = picket.run('replay', '--config', place / 'picket.toml', '--rules', place / 'f.rules', '--archive',
                          place / 'archive', '--eve', place / 'eve.json', '-j', picket.BUNDLED / 'frethem.pcap')
        self.assertEqual((done.returncode, done.stderr), (picket.DONE, ''))
        self.assertEqual(json.loads(done.stdout)['alerts'], 2, 'the scan, and the rule, which sees the query')
        (place / 'report.json').write_text(done.stdout, encoding='utf-8')
        asked = picket.run('--archive', place / 'archive', '-j', 'query',
                           "SELECT uri FROM requests WHERE uri LIKE '/b.cgi%'")
        # Texts of Parquet files may be compressed: what SQL shows of all of them is looked at as well.
        shown = [picket.run('--archive', place / 'archive', '--csv', 'query', f'SELECT * FROM {table}').stdout.encode()
                 for table in ('requests', 'hits', 'alerts', 'parts', 'packets')]
        files = [file.read_bytes() for file in place.rglob('*') if file.is_file()]
        return [row['uri'] for row in json.loads(asked.stdout)['rows']], b'\n'.join(shown + files)

    def test_keep(self):
        uris, kept = self.kept('keep')
        self.assertEqual(uris, ['/b.cgi?alt&174642967&000000000000'])
        self.assertIn(SECRET, kept)

    def test_drop(self):
        uris, kept = self.kept('drop')
        self.assertEqual(uris, ['/b.cgi'])
        self.assertNotIn(SECRET, kept)

    def test_hash(self):
        uris, kept = self.kept('hash')
        self.assertEqual(len(uris), 1)
        self.assertRegex(uris[0], r'^/b\.cgi\?[0-9a-f]{16}$')
        self.assertNotIn(SECRET, kept)


if __name__ == '__main__':
    picket.main()
