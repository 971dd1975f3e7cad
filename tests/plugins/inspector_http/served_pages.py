"""Pages with planted faults, which the test servers serve, by name."""

from __future__ import annotations

_HEAD = "<!doctype html><meta charset=utf-8><title>Sở Khoa học và Công nghệ</title>"
_HASH = "sha384-oqVuAfXRKap7fdgcCY5uykM6+R9GqQ8K/uxy9rx7HNQlGYl1kPzQho1wx4JwY8wC"

PAGES = {
    "clean": f"""{_HEAD}<script src=/js/jquery-4.0.0.min.js></script><link rel=stylesheet href=https://cdn.web.test/a.css>
<form action=/tim><input name=q></form><a href=http://other.test/>Liên kết</a><img src=https://web.test/logo.png>""",
    "third-party": f"""{_HEAD}<script src=//cdn.test/npm/a.js?key=abcdefghijklmnop></script>
<link rel=stylesheet href=https://fonts.test/css integrity=md5-abc><img src=https://counter.test/1.gif>""",
    "verified": f"""{_HEAD}<script src=https://cdn.test/a.js integrity={_HASH} crossorigin=anonymous></script>""",
    "refused": f"""{_HEAD}<script src=https://cdn.test/a.js integrity={_HASH}></script>""",
    "mixed-script": f"{_HEAD}<script src=http://web.test/a.js></script><img src=http://web.test/a.png>",
    "mixed-form": f"{_HEAD}<form action=http://web.test/tim><input name=q></form><img src=http://web.test/a.png>",
    "mixed-image": f"{_HEAD}<img src=http://web.test/a.png><p style='background: url(http://web.test/b.png)'>",
    "upgraded": f"{_HEAD}<script src=http://web.test/a.js></script>",
    "upgraded-in-page": f"""{_HEAD}<meta http-equiv=Content-Security-Policy content=upgrade-insecure-requests>
<form action=http://web.test/vao><input type=password></form><script src=http://web.test/a.js></script>""",
    "login-own": f"{_HEAD}<form action=/vao method=post><input name=u><input type=password name=p></form>",
    "login-clear": f"{_HEAD}<form action=http://web.test/vao><input type=password name=p></form>",
    "login-away": f"{_HEAD}<form action=https://sso.other.test/vao><input type=password name=p></form>",
    "libraries": f"""{_HEAD}<script src=/js/jquery-1.12.4.min.js></script><script>/*! Bootstrap v3.3.7 (a) */</script>
<script src=/js/vue@2.6.14.js></script>""",
    "unlisted-library": f"{_HEAD}<script src=/js/jquery-0.9.0.js></script>",
    "generator": f"{_HEAD}<meta name=generator content='WordPress 6.4.2'>",
    "encodings-differ": "<!doctype html><meta http-equiv=Content-Type content='text/html; charset=windows-1258'><p>a",
    "no-encoding": "<!doctype html><title>a</title>",
    "default": """<!DOCTYPE html>
<html><head><title>Welcome to nginx!</title></head><body><h1>Welcome to nginx!</h1></body></html>""",
    "debug": f"""{_HEAD}<br />
<b>Warning</b>:  Undefined variable $a in <b>/var/www/html/index.php</b> on line <b>3</b><br />""",
    "compressed": f"{_HEAD}<script src=//cdn.test/a.js></script>{'<p>Tin tức</p>' * 1000}",
    "secret": f"{_HEAD}<form action=/><input type=hidden name=csrf_token value=abcdefghijklmnop></form>",
    "long": f"{_HEAD}{'<p>Tin tức</p>' * 20000}<script src=//cdn.test/a.js></script>",
}
