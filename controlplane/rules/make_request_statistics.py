#!/usr/bin/env python3
"""Writes request_statistics.inc: how many requests hold which short text, from access logs.

  make_request_statistics.py LOG... > request_statistics.inc

Each LOG (Apache combined format) is one site. For each site: the share of its requests whose URI holds the
text, letters in lower case, texts of 1 to 4 bytes; of the sites the largest share counts, so that a text that
is common anywhere is common. WORDS adds what two sites cannot know: file endings, paths and parameters that
are common elsewhere. User agents and referers make the statistics of heads in the same way, with HEAD_WORDS.

The shipped file was made from two logs that their publishers share under the Apache licence:
  elastic/examples, Common Data Formats/apache_logs/apache_logs   (10,000 requests, ordinary browsing)
  nielsbasjes/logparser, examples/demolog/hackers-access.log      (3,456 requests, intruders)
"""
import collections
import math
import re
import sys

GRAM_MAX = 4
# Rarer texts are not worth their place: unknown ones count as rare anyway.
URI_SHARE_MIN = {1: 0.0, 2: 1 / 2000, 3: 1 / 1000, 4: 1 / 1000}
HEAD_SHARE_MIN = {1: 0.0, 2: 1 / 500, 3: 1 / 200, 4: 1 / 100}
WORD_SHARE = 0.15
LINE = re.compile(r'"(?P<line>(?:[^"\\]|\\.)*)" \S+ \S+(?: "(?P<referer>(?:[^"\\]|\\.)*)" "(?P<agent>(?:[^"\\]|\\.)*)")?')

WORDS = """/index.php /index.html /index.htm /index.asp /index.jsp /default.asp .aspx .jsp .cgi .shtml .php? .asp?
.aspx? .do? .js? .css? .html? .jpeg .svg .json .xml .txt .woff2 .zip .exe .pdf /images/ /img/ /static/ /assets/ /scripts/
/cgi-bin/ /wp-content/ /wp-includes/ /wp-admin/ /wp-json/ /wp-login.php /plugins/ /themes/ /uploads/ /upload/ /files/
/download/ /admin/ /user/ /users/ /login /logout /account /register /search /api/v1/ /api/ /blog/ /forum/ /news/ /shop/
/cart /product/ /products/ /category/ /page/ /include/ /includes/ /modules/ /components/ /templates/ /common/ /main
/home /view /public/ /content/ /data/ /media/ /ajax/ /service/ ?id= &id= ?page= &page= ?q= &q= ?p= ?action= &action=
?option=com_ &option= &view= &task= &type= ?type= &name= ?name= &lang= ?lang= &user= ?url= &url= &date= &sort= &mode=
&file= ?file= &path= &key= &token= &callback= &catid= &itemid= ?utm_source= &utm_medium= &utm_campaign= %20 http:// https://
www. .com/ .org/ .net/ .com .php""".split()

HEAD_WORDS = ["get /", "post /", " http/1.1\r\n", " http/1.0\r\n", "\r\n\r\n", "\r\nhost: ", "host: www.",
              "user-agent: mozilla/5.0 (", "accept: */*\r\n", "accept: text/html,application/xhtml+xml,",
              "application/xml;q=0.9,image/webp,*/*;q=0.8\r\n", "accept-encoding: gzip, deflate, br\r\n",
              "accept-language: en-us,en;q=0.5\r\n", "connection: keep-alive\r\n", "connection: close\r\n",
              "content-type: application/x-www-form-urlencoded\r\n", "content-type: multipart/form-data; boundary=",
              "content-type: application/json; charset=utf-8\r\n", "content-type: text/xml", "content-length: ",
              "referer: http://www.", "referer: https://", "cache-control: no-cache\r\n", "cache-control: max-age=0\r\n",
              "pragma: no-cache\r\n", "upgrade-insecure-requests: 1\r\n", "if-modified-since: ", "if-none-match: ",
              "origin: http", "cookie: ", "x-requested-with: xmlhttprequest\r\n", "x-forwarded-for: ", " gmt\r\n",
              "compatible; msie 6.0; windows nt 5.1; sv1)", "compatible; msie 7.0; windows nt 6.1; trident/",
              "compatible; msie 8.0; windows nt 6.0", "compatible; msie 9.0;", ".net clr ", "windows nt 10.0; win64; x64)",
              "like gecko) chrome/", "safari/537.36", "firefox/", "mozilla/4.0 (", "linux; android ", "iphone; cpu iphone os ",
              ".com\r\n", ".org\r\n", ".net\r\n", ".com/", ".php", ".html", "sec-fetch-", "authorization: basic ",
              "soapaction: ", "expect: 100-continue\r\n", "curl/", "wget/", "java/", "python-requests/", "accept-charset: "]


def grams(text):
    found = set()
    for length in range(1, GRAM_MAX + 1):
        found.update(text[at:at + length] for at in range(len(text) - length + 1))
    return found


def shares(texts):
    counts = collections.Counter()
    for text, times in collections.Counter(texts).items():
        for gram in grams(text):
            counts[gram] += times
    return {gram: count / len(texts) for gram, count in counts.items()}


def table(sites, words, share_min):
    best = {}
    for site in sites:
        for gram, share in shares(site).items():
            best[gram] = max(best.get(gram, 0), share)
    for word in words:
        for gram in grams(word):
            best[gram] = max(best.get(gram, 0), WORD_SHARE)
    return {gram: share for gram, share in best.items() if share >= share_min[len(gram)]}


def escape(text):
    out = ''
    for byte in text.encode('latin-1'):
        out += chr(byte) if 32 <= byte < 127 and chr(byte) not in '"\\?' else f'\\{byte:03o}'
    return out


def emit(name, entries):
    for length in range(1, GRAM_MAX + 1):
        rows = sorted((gram, round(-4 * math.log2(share))) for gram, share in entries.items() if len(gram) == length)
        print(f'constexpr std::string_view {name}_{length} =')
        line = ''
        for gram, quarter_bits in rows:
            record = escape(gram) + escape(chr(ord('0') + quarter_bits))
            if len(line) + len(record) > 104:
                print(f'    "{line}"')
                line = ''
            line += record
        print(f'    "{line}"sv;')


def main(paths):
    uris, heads = [], []
    for path in paths:
        site_uris, site_heads = [], []
        for line in open(path, encoding='latin-1'):
            found = LINE.search(line)
            parts = found.group('line').split(' ') if found else []
            if len(parts) < 2:
                continue
            site_uris.append(parts[1].lower())
            agent, referer = found.group('agent') or '-', found.group('referer') or '-'
            site_heads.append('user-agent: ' + agent.lower() + '\r\nreferer: ' + referer.lower() + '\r\n')
        uris.append(site_uris)
        heads.append(site_heads)
    print('// Generated by make_request_statistics.py, which says how and from what. Do not edit.')
    print('// Records of one text and one byte: \'0\' + 4 * bits, where 2^-bits of the requests hold the text.')
    emit('uri_grams', table(uris, WORDS, URI_SHARE_MIN))
    emit('head_grams', table(heads, HEAD_WORDS, HEAD_SHARE_MIN))


if __name__ == '__main__':
    main(sys.argv[1:])
