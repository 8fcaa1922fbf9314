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

# Heads as common clients send them, with an example of what varies.
HEAD_WORDS = [head.lower().replace('|', '\r\n') for head in (
    "GET / HTTP/1.1|Host: www.example.com|Connection: keep-alive|Upgrade-Insecure-Requests: 1|User-Agent: Mozilla/5.0"
    " (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/118.0.0.0 Safari/537.36|Accept: text/html,"
    "application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8|Accept-Encoding: gzip, deflate|"
    "Accept-Language: en-US,en;q=0.9|Cookie: ",
    "GET /index.php HTTP/1.1|Host: www.example.com|User-Agent: Mozilla/5.0 (Windows NT 6.1; WOW64; rv:45.0) Gecko/20100101"
    " Firefox/45.0|Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8|Accept-Language: en-us,en;q=0.5|"
    "Accept-Encoding: gzip, deflate, br|Referer: http://www.example.com/|Connection: keep-alive||",
    "GET /a.html HTTP/1.1|Accept: image/png, image/svg+xml, image/*;q=0.8, */*;q=0.5|Referer: http://www.example.org/page.html|"
    "Accept-Language: en-US|User-Agent: Mozilla/5.0 (compatible; MSIE 9.0; Windows NT 6.1; Trident/5.0)|Accept-Encoding: "
    "gzip, deflate|Host: www.example.org|Connection: Keep-Alive|Pragma: no-cache||",
    "GET /a.gif HTTP/1.1|Accept: */*|Accept-Language: en-us|UA-CPU: x86|Accept-Encoding: gzip, deflate|User-Agent: Mozilla/4.0"
    " (compatible; MSIE 7.0; Windows NT 5.1; .NET CLR 1.1.4322; .NET CLR 2.0.50727)|Host: example.net|Connection: Keep-Alive||",
    "GET /a.js HTTP/1.0|Host: example.com|User-Agent: Mozilla/4.0 (compatible; MSIE 6.0; Windows NT 5.1; SV1)|Accept: */*|"
    "Connection: close||",
    "GET /a HTTP/1.1|Host: example.com|Connection: keep-alive|Accept: application/json, text/plain, */*|X-Requested-With: "
    "XMLHttpRequest|User-Agent: Mozilla/5.0 (iPhone; CPU iPhone OS 16_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"
    " Version/16.0 Mobile/15E148 Safari/604.1|Accept-Language: en-us|Referer: https://www.example.com/||",
    "GET /b HTTP/1.1|User-Agent: Mozilla/5.0 (Linux; Android 10; SM-G960F) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/"
    "|Accept: */*|Accept-Encoding: gzip,deflate|If-Modified-Since: Sat, 01 Jan 2022 00:00:00 GMT|If-None-Match: \"",
    "POST /c.php HTTP/1.1|Host: example.com|Content-Type: application/x-www-form-urlencoded|Content-Length: 100|Cache-Control:"
    " no-cache|Origin: http://example.com|Expect: 100-continue||",
    "POST /d HTTP/1.1|Content-Type: application/json; charset=utf-8|Content-Length: 100|Cache-Control: max-age=0|Cookie: ",
    "GET /robots.txt HTTP/1.1|Host: www.example.com|User-Agent: Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/"
    "bot.html)|Accept: text/html|From: |Via: 1.1 |X-Forwarded-For: 10.0.0.1|Accept-Encoding: gzip||",
    "HEAD / HTTP/1.0|User-Agent: Wget/1.20 (linux-gnu)|Accept: */*|Accept-Encoding: identity|Host: a.example|Connection: Keep-Alive||",
    "GET / HTTP/1.1|Host: 10.0.0.1|User-Agent: curl/7.68.0|Accept: */*||", "Authorization: Basic ", "Sec-Fetch-Mode: ",
    "Content-Type: multipart/form-data; boundary=", "Content-Type: text/xml", "SOAPAction: ", " .php HTTP/1.", ".exe HTTP/1.")]


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
