"""Marks of pages that a server or framework writes itself: listings of folders, default pages, error pages with traces,
and the pages of firewalls and the like before an application. Pure; never raises.

Every mark is text that the product writes into such a page and an author would hardly write: a title alone counts only
where it is unmistakable, other text only together with the structure around it.

Compared with pages of running servers: nginx, Apache httpd, lighttpd, Python, Tomcat 10.1 (its error page with a trace
and with its version), Django 5.2, Werkzeug 3.1, Express 5. From documents of their makers alone: IIS, ASP.NET and
ASP.NET Core, Laravel, Symfony, Rails, PHP with Xdebug, Jetty, WildFly, XAMPP, OpenResty, Caddy, and all firewalls and
challenges.
"""

from __future__ import annotations

import re
from typing import NamedTuple

#: How much of a page is looked at: listings and default pages say at once what they are.
_START, _MOST = 16384, 262144
#: What visitors do not get to see: text there is no page.
_HIDDEN = re.compile(r"<!--.*?(?:-->|\Z)|<(script|style|textarea)\b.*?(?:</\1\s*>|\Z)", re.IGNORECASE | re.DOTALL)

#: A line of a trace of Java: class, method and place; Tomcat's own page leaves out ``at``.
_JAVA_LINE = (
    r"[ \t](?:at )?(?:[\w.$@-]{1,100}/)?(?:[\w$]{1,100}\.){2,20}[\w$<>]{1,100}"
    r"\((?:[\w$]{1,100}\.(?:java|kt|scala|groovy):\d+|Native Method|Unknown Source)\)"
)
_PHP_LEVEL = r"(?:Fatal error|Parse error|Warning|Notice|Deprecated|Recoverable fatal error|Strict Standards)"
_QUOTE = r"(?:\"|&quot;|&#34;)"

#: By kind and product: expressions all of which occur.
_TEXTS: tuple[tuple[str, ...], ...] = (
    # --- listings of folders ---
    (
        "listing:nginx",
        r"<title>Index of /[^<]*</title>",
        r'<h1>Index of /[^<]*</h1><hr><pre><a href="\.\./">\.\./</a>',
    ),
    (
        "listing:Apache httpd",
        r"<title>Index of /[^<]*</title>",
        r"<h1>Index of /[^<]*</h1>",
        r'<a href="\?C=[NMSD][;&]|</h1>\s*<ul><li><a href="',
    ),
    (
        "listing:Microsoft IIS",
        r"<title>[^<]{1,200} - /[^<]*</title>",
        r"<H1>[^<]{1,200} - /[^<]*</H1><hr>\s*<pre>",
    ),
    (
        "listing:lighttpd",
        r"<title>Index of /[^<]*</title>",
        r"<h2>Index of /[^<]*</h2>",
        r'<div class="list">',
    ),
    (
        "listing:Python",
        r"<title>Directory listing for /[^<]*</title>",
        r"<h1>Directory listing for /[^<]*</h1>",
    ),
    ("listing:Apache Tomcat", r"<title>Directory Listing For \[?/[^<]*</title>"),
    ("listing:Jetty", r"<title>Directory: /[^<]*</title>", r'<h1 class="title">Directory: /'),
    # --- default pages ---
    (
        "default:nginx",
        r"<title>Welcome to nginx(?: on [^<]{1,40})?!</title>",
        r"<h1>Welcome to nginx(?: on [^<]{1,40})?!</h1>",
    ),
    ("default:nginx", r"<title>Test Page for the (?:Nginx|nginx) HTTP Server[^<]{0,80}</title>"),
    ("default:OpenResty", r"<title>Welcome to OpenResty!</title>", r"<h1>Welcome to OpenResty!</h1>"),
    ("default:Apache httpd", r"<title>Apache2 (?:Debian|Ubuntu) Default Page: It works</title>"),
    ("default:Apache httpd", r"\A\s*<html><body><h1>It works!</h1></body></html>\s*\Z"),
    (
        "default:Apache httpd",
        r"<title>(?:(?:Apache )?HTTP Server Test Page powered by |Test Page for the Apache HTTP Server)",
    ),
    (
        "default:Microsoft IIS",
        r"<title>(?:IIS Windows(?: Server)?|IIS[78](?:\.5)?)</title>",
        r'<img src="(?:iisstart|iis-85|welcome)\.png"',
    ),
    (
        "default:Apache Tomcat",
        r"<title>Apache Tomcat(?:/[\d.]+)?</title>",
        r"<h2>If you(?:'|&#39;)re seeing this, you(?:'|&#39;)ve successfully installed Tomcat\.",
    ),
    ("default:Apache Tomcat", r"<title>Apache Tomcat</title>", r"<h1>It works !</h1>"),
    ("default:lighttpd", r"<title>Welcome page</title>", r"You should replace this page with your own web pages"),
    ("default:Caddy", r"<title>Caddy works!</title>"),
    ("default:WildFly", r"<title>Welcome to WildFly[^<]{0,20}</title>", r"Your WildFly instance is running"),
    ("default:XAMPP", r"<title>Welcome to XAMPP</title>"),
    ("default:Django", r"<title>The install worked successfully! Congratulations!</title>"),
    # --- error pages with traces, and pages for developers ---
    (
        "debug:Django",
        r"re seeing this (?:error|page) because (?:you have\s+)?<code>\s*DEBUG\s?=\s?True\s*</code>",
        r"(?:in\s+your\s+(?:Django\s+)?settings file|is in your settings)",
    ),
    ("debug:Laravel", r"<title>Whoops! There was an error\.</title>", r'class="[^"]*\bWhoops container'),
    (
        "debug:ASP.NET",
        r"<(?:H1|h1)>Server Error in '[^'<]{0,200}' Application\.",
        r"<b>\s*(?:Stack Trace|Source Error):\s*</b>",
    ),
    (
        "debug:ASP.NET Core",
        r"<h1>An unhandled exception occurred while processing the request\.</h1>",
        r'<div id="stackpage"',
    ),
    ("debug:Java", rf"{_JAVA_LINE}\s*(?:<br\s*/?>)?[\r\n]+\s*{_JAVA_LINE}"),
    (
        "debug:PHP",
        rf"<br />\s*<b>{_PHP_LEVEL}</b>:  [^\0]{{0,2000}}? in <b>[^<]{{1,400}}</b> on line <b>\d+</b><br />",
    ),
    ("debug:PHP (Xdebug)", r"<table class='xdebug-error "),
    ("debug:PHP (phpinfo)", r"<title>PHP [\d.]+[^<]{0,40} - phpinfo\(\)</title>"),
    ("debug:Symfony", r'<div class="exception-summary', r'<h1 class="break-long-words exception-message'),
    ("debug:Ruby on Rails", r"<title>Action Controller: Exception caught</title>"),
    (
        "debug:Python",
        rf"Traceback \(most recent call last\):(?:<br\s*/?>)?\s+File {_QUOTE}[^\"&\n]{{1,300}}{_QUOTE}, line \d+, in ",
    ),
    # --- versions in error pages ---
    ("version:nginx", r"<hr><center>(?:nginx|openresty)/[\d.]+"),
    ("version:Apache httpd", r"<address>Apache/[\d.]+ "),
    ("version:Apache Tomcat", r"<h3>Apache Tomcat/\d[\w.]*(?: \([^)<]{1,40}\))?</h3>"),
    ("version:Jetty", r"Powered by Jetty:// \d[\w.]*"),
    # --- pages of those who stand before the application ---
    (
        "client-certificate:nginx",
        r"<title>400 (?:No required SSL certificate was sent|The SSL certificate error)</title>",
    ),
    ("firewall:Cloudflare", r"<title>[^<]{1,200}\| Cloudflare</title>", r'\bid="cf-error-details"'),
    ("firewall:Imperva", r"Request unsuccessful\. Incapsula incident ID: \d"),
    ("firewall:Akamai", r"<(?:TITLE|title)>Access Denied</(?:TITLE|title)>", r"Reference&#32;&#35;"),
    ("firewall:F5", r"<title>Request Rejected</title>", r"Your support ID is: ?\d"),
    ("firewall:Sucuri", r"<title>Sucuri WebSite Firewall - Access Denied</title>"),
    ("firewall:CloudFront", r"<(?:TITLE|title)>ERROR: The request could not be satisfied</", r"Request blocked\."),
    (
        "maintenance:WordPress",
        r"Briefly unavailable for scheduled maintenance\. Check back in a minute\.",
    ),
    ("maintenance:title", r"(?i)<title>[^<]{0,100}(?:maintenance|bảo trì)[^<]{0,100}</title>"),
    ("debug:Node.js", r"<br>(?: |&nbsp;|\s)+at [^<\n]{1,200}\(?(?:file://|node:|/|[A-Z]:\\)[^<\n]{1,300}:\d+:\d+\)"),
)
#: The same, where the page is made by its scripts: these are looked at, too.
_SCRIPTED_TEXTS = (
    ("challenge:Cloudflare", r"<title>Just a moment\.\.\.</title>", r"/cdn-cgi/challenge-platform/"),
    ("challenge:DDoS-Guard", r"<title>DDoS-Guard</title>", r"/\.well-known/ddos-guard/"),
    ("challenge:Anubis", r"<title>Making sure you(?:'|&#39;)re not a bot!</title>", r"/\.within\.website/x/"),
    ("challenge:Sucuri", r"<title>You are being redirected\.\.\.</title>", r"sucuri_cloudproxy_js"),
    ("debug:Werkzeug", r"<title>[^<]{0,300}// Werkzeug Debugger</title>", r"\bEVALEX = (?:true|false)"),
    ("debug:Laravel", r"<script>\s*window\.ignite\(window\.data\);", r"window\.data = \{"),
)


class _Mark(NamedTuple):
    name: str
    parts: tuple[re.Pattern[str], ...]


_MARKS = tuple(_Mark(name, tuple(map(re.compile, parts))) for name, *parts in _TEXTS)
_SCRIPTED = tuple(_Mark(name, tuple(map(re.compile, parts))) for name, *parts in _SCRIPTED_TEXTS)


def marks_in(text: str) -> tuple[str, ...]:
    """The names of the marks in a page, sorted."""
    text = text[:_MOST]
    visible = _HIDDEN.sub(" ", text)
    start = visible[:_START]
    found = {mark.name for mark in _MARKS if _occurs(mark, visible if mark.name.startswith("debug:") else start)}
    return tuple(sorted(found | {mark.name for mark in _SCRIPTED if _occurs(mark, text)}))


def _occurs(mark: _Mark, text: str) -> bool:
    return all(part.search(text) for part in mark.parts)
