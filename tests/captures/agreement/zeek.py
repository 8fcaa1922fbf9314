"""Zeek's baselines: http.log of a btest, for the trace that the corpus names. There is no conn.log among them."""
BASELINES = {
    'scripts.base.frameworks.logging.ascii-escape-odd-url': 'www-odd-url.pcap',
    'scripts.base.protocols.http.http-desynched': 'http/http-desync-request-response-5.pcap',
    'scripts.base.protocols.http.http-methods': 'http/methods.pcap',
    'scripts.base.protocols.http.http-pipelining': 'http/pipelined-requests.pcap',
    'scripts.base.protocols.http.no-uri': 'http/no-uri.pcap',
    'scripts.base.protocols.http.percent-end-of-line': 'http/percent-end-of-line.pcap'}


def captures(root):
    for output in sorted(root.glob('oracle/zeek+zeek/testing/btest/Baseline/*/http.log')):
        yield root / 'pcap/zeek+zeek/testing/btest/Traces' / BASELINES[output.parent.name], output


def rows(output):
    """(client, server, method, host, URI, status) a request; '' and 0 where Zeek has none. A row without a method
    is an answer to what was no request to Zeek either."""
    found, fields = [], []
    for line in output.read_text(encoding='utf-8').splitlines():
        if line.startswith('#fields'):
            fields = line.split('\t')[1:]
        if line.startswith('#'):
            continue
        log = {name: '' if value in ('-', '(empty)') else value
               for name, value in zip(fields, line.split('\t'), strict=True)}
        if not log['method']:
            continue
        found.append((
            (log['id.orig_h'], int(log['id.orig_p'])), (log['id.resp_h'], int(log['id.resp_p'])), log['method'],
            log['host'], log['uri'], int(log['status_code'] or 0)))
    return found
