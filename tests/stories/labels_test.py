#!/usr/bin/python3
"""Names, autonomous systems and countries beside addresses: as they were then, live and in a closed archive.

usage: labels_test.py PICKET [unittest arguments]
"""
import csv
import io
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / 'support'))

import mmdb_writer  # noqa: E402
import picket_program as picket  # noqa: E402

TWENTY = HERE.parent / 'captures' / 'sobig_f_20.txt'
NAMES = '''# who had what, and when
12.232.104.221,cable customer 17,2003-01-01,2004-01-01
12.232.104.221,somebody else,2004-01-01
24.0.0.0/8,"cable, all of it"
192.0.2.7,game server
'''


class Labels(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix='picket-labels-')
        folder = pathlib.Path(cls.folder.name)
        names, systems, countries = folder / 'names.csv', folder / 'asn.mmdb', folder / 'country.mmdb'
        names.write_text(NAMES, encoding='utf-8')
        mmdb_writer.write(systems, 'GeoLite2-ASN', {
            '12.232.104.0/24': mmdb_writer.system(64500, 'Example Cable'), '65.0.0.0/8': mmdb_writer.system(64501, '')})
        mmdb_writer.write(countries, 'GeoLite2-Country', {
            '12.0.0.0/8': mmdb_writer.country('US'), '61.38.0.0/16': mmdb_writer.country('KR'),
            '2001:db8::/32': mmdb_writer.country('NO')})
        cls.options = ('--labels', names, '--asn', systems, '--country', countries)
        cls.archive = folder / 'archive'
        cls.sensor = picket.Sensor('sobig.pcap', watch={'sobig': TWENTY},
                                   more=f'[archive]\ndirectory = "{cls.archive}"\n')

    @classmethod
    def tearDownClass(cls):
        cls.sensor.process.kill()
        cls.sensor.process.wait()
        cls.folder.cleanup()

    def check(self, *asking):
        def run(*arguments):
            done = picket.run(*asking, *self.options, *arguments)
            self.assertEqual((done.returncode, done.stderr), (picket.DONE, ''))
            return done.stdout

        talkers = json.loads(run('flow', 'show', '--src', '@sobig', '--talkers', '-j'))['rows']
        first = next(row for row in talkers if row['ip'] == '12.232.104.221')
        self.assertEqual((first['ip_name'], first['ip_asn'], first['ip_as_org'], first['ip_country']),
                         ('cable customer 17', 64500, 'Example Cable', 'US'))
        second = next(row for row in talkers if row['ip'] == '24.33.66.38')
        self.assertEqual({key: value for key, value in second.items() if key.startswith('ip_')},
                         {'ip_name': 'cable, all of it'})
        third = next(row for row in talkers if row['ip'].startswith('65.'))
        self.assertEqual((third['ip_asn'], 'ip_as_org' in third), (64501, False))
        flow = json.loads(run('flow', 'show', '--src', '12.232.104.221', '--limit', '1', '-j'))['rows'][0]
        self.assertEqual((flow['src_name'], flow['dest_name']), ('cable customer 17', 'game server'))
        text = run('flow', 'show', '--src', '@sobig', '--talkers')
        self.assertIn('NAME', text.splitlines()[1])
        self.assertLessEqual(max(map(len, text.splitlines()[:-1])), 80)
        self.assertIn('cable', text)
        rows = list(csv.DictReader(io.StringIO(run('flow', 'show', '--src', '@sobig', '--talkers', '--csv'))))
        self.assertEqual({row['ip_name'] for row in rows}, {'cable customer 17', 'cable, all of it', ''})
        self.assertIn('cable customer', run('watch', 'show', 'sobig', '--wide'))
        masked = json.loads(run('flow', 'show', '--src', '12.232.104.221', '--limit', '1', '--mask', '12.0.0.0/8', '-j'))
        self.assertNotIn('src_name', masked['rows'][0], 'a name would tell what the mask hides')
        self.assertEqual(masked['rows'][0]['dest_name'], 'game server')

    def test_live_and_then_closed(self):
        self.check('-s', self.sensor.socket)
        plain = self.sensor.read('flow', 'show', '--src', '@sobig', '--talkers')
        self.assertNotIn('NAME', plain, 'answers without labels are as they were')
        self.sensor.stop()
        self.check('--archive', self.archive)

    def test_what_cannot_be_used(self):
        broken = pathlib.Path(self.folder.name, 'broken')
        broken.write_text('10.0.0.1,fine\nnonsense\n', encoding='utf-8')
        for option in ('--labels', '--asn', '--country'):
            done = picket.run('-s', '/nowhere', option, '/nowhere/file', 'flow', 'show')
            self.assertEqual(done.returncode, picket.USAGE)
            self.assertIn('/nowhere/file', done.stderr)
        done = picket.run('-s', '/nowhere', '--asn', broken, 'flow', 'show')
        self.assertEqual(done.returncode, picket.USAGE)
        self.assertIn('MaxMind DB', done.stderr)
        done = picket.run('-s', '/nowhere', '--labels', broken, 'flow', 'show')
        self.assertIn(f'{broken}:2: it is not NETWORK,NAME', done.stderr)

    def test_the_writer_writes_what_others_read(self):
        database = pathlib.Path(self.folder.name, 'asn.mmdb')
        done = subprocess.run(['mmdblookup', '--file', database, '--ip', '12.232.104.221', 'autonomous_system_number'],
                              capture_output=True, text=True, check=False)
        self.assertIn('64500', done.stdout)


if __name__ == '__main__':
    picket.main()
