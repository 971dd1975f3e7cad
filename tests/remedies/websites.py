"""Web sites that each fail one check, behind nginx, Apache httpd and HAProxy: one process of each for all sites.

A site is what an application behind the server sends, and lines of the server's own configuration that fail.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from inspector.report.remedies import PlacedLines
from tests.plugins.inspector_http.webservers import make_certificates
from tests.plugins.inspector_services.servers import installed, running

#: The host of all sites, one below a domain that others share.
NAME = "test.web.test"
PAGE = '<!doctype html><title>a</title><p>b</p><img src="http://anh.web.test/a.png">'
FORM = '<!doctype html><form method="post"><input type="hidden" name="csrf_token" value="8f14e45fceea167a"></form>'
#: The field by which a server tells the application the site.
_SITE = "X-Site"


@dataclass(frozen=True, slots=True)
class Site:
    """What the application sends, and by product the lines of the server itself; ``folder``: serves files instead."""

    fields: tuple[tuple[str, str], ...] = ()
    type: str = "text/html; charset=utf-8"
    body: str = PAGE
    redirects: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    own: Mapping[str, str] = field(default_factory=dict)
    scheme: str = "https"
    folder: bool = False


_COOKIE = "sid=abcdefghijklmnop; Path=/; Secure; HttpOnly; SameSite=Lax"
_POLICY = "object-src 'none'; base-uri 'none'; form-action 'self'; require-trusted-types-for 'script'"
#: By check: a site that fails it.
SITES: Mapping[str, Site] = {
    "charset-declared": Site(type="text/html"),
    "compressed-pages-without-secrets": Site(
        body=FORM,
        own={
            "nginx": "gzip on; gzip_proxied any; gzip_min_length 1;",
            "apache": "AddOutputFilterByType DEFLATE text/html",
        },
    ),
    "cookie-pages-not-cached": Site(fields=(("Set-Cookie", _COOKIE), ("Cache-Control", "public, max-age=600"))),
    "cookie-prefixes-kept": Site(fields=(("Set-Cookie", "__Secure-sid=abcdefghijklmnop; HttpOnly; SameSite=Lax"),)),
    "cookies-not-shared": Site(fields=(("Set-Cookie", f"{_COOKIE}; Domain=web.test"),)),
    "cors-not-open": Site(fields=(("Access-Control-Allow-Origin", "*"),)),
    "cors-shares-no-sessions": Site(
        fields=(("Access-Control-Allow-Origin", "{origin}"), ("Access-Control-Allow-Credentials", "true"))
    ),
    "cross-origin-headers-valid": Site(
        fields=(("Cross-Origin-Opener-Policy", "same-site"), ("Cross-Origin-Resource-Policy", "same-origin"))
    ),
    "csp-names-no-plain-http": Site(
        fields=(("Content-Security-Policy", f"img-src http://a.web.test http:; script-src 'self'; {_POLICY}"),)
    ),
    "csp-requires-trusted-types": Site(fields=(("Content-Security-Policy", "default-src 'self'"),)),
    "csp-restricts-plugins-base-forms": Site(fields=(("Content-Security-Policy", "default-src 'self'"),)),
    "csp-restricts-scripts": Site(fields=(("Content-Security-Policy", f"script-src 'unsafe-inline' *; {_POLICY}"),)),
    "csp-set": Site(),
    "error-page-discloses-nothing": Site(folder=True),
    "headers-consistent": Site(
        fields=tuple(
            (name, value)
            for name, values in {
                "Strict-Transport-Security": ("max-age=60", "max-age=31536000"),
                "X-Content-Type-Options": ("nosniff", "none"),
                "X-Frame-Options": ("DENY", "SAMEORIGIN"),
            }.items()
            for value in values
        )
    ),
    "hsts-preload-eligible": Site(fields=(("Strict-Transport-Security", "max-age=31536000; preload"),)),
    "http-redirects-directly": Site(redirects={"/": "/vi", "/vi": f"https://{NAME}/"}, scheme="http"),
    "https-stays-encrypted": Site(redirects={"/": f"http://{NAME}/vi"}),
    "methods-limited": Site(fields=(("Allow", "GET, HEAD, OPTIONS, POST, PUT, DELETE"),)),
    "no-directory-listing": Site(folder=True),
    "no-mixed-content": Site(),
    "no-obsolete-headers": Site(
        fields=(("X-XSS-Protection", "1; mode=block"), ("Feature-Policy", "camera 'none'"), ("P3P", 'CP="NOI"'))
    ),
    "no-private-path-exposed": Site(
        files={
            "/.git/HEAD": "ref: refs/heads/main\n",
            "/.env": "DB_PASSWORD=def\n",
            "/backup.sql": "-- MySQL dump\nCREATE TABLE a (b int);\n",
            "/backup.zip": "PK\x03\x04",
            "/wp-config.php.bak": "<?php define('DB_PASSWORD', 'a');",
            "/phpmyadmin/": "<title>phpMyAdmin</title>",
            "/phpinfo.php": "<title>phpinfo()</title>",
            "/actuator/env": '{"propertySources":[]}',
            "/server-status": "<h1>Apache Server Status for web.test</h1>",
        }
    ),
    "trace-disabled": Site(),
}
#: A site that fails most checks at once, those with remedies of long standing too.
EVERYTHING = Site(
    type="text/html",
    fields=(
        ("X-Powered-By", "PHP/5.3.3"),
        ("Set-Cookie", "__Secure-sid=abcdefghijklmnop; Domain=web.test"),
        *SITES["cors-shares-no-sessions"].fields,
        *SITES["cross-origin-headers-valid"].fields,
        *SITES["csp-restricts-scripts"].fields,
        *SITES["headers-consistent"].fields,
        *SITES["methods-limited"].fields,
        *SITES["no-obsolete-headers"].fields,
        ("Cache-Control", "public, max-age=600"),
    ),
    body=PAGE + FORM,
    files=SITES["no-private-path-exposed"].files,
    own=SITES["compressed-pages-without-secrets"].own,
)
#: The sites behind a product that fail at another defect: nginx can set Secure, but not take Domain away.
OTHERWISE: Mapping[tuple[str, str], Site] = {
    (product, "cookie-prefixes-kept"): Site(
        fields=(
            ("Set-Cookie", "__Secure-sid=abcdefghijklmnop; HttpOnly; SameSite=Lax"),
            ("Set-Cookie", "__Host-sid=abcdefghijklmnop; Path=/vi; Domain=test.web.test; HttpOnly; SameSite=Lax"),
        )
    )
    for product in ("apache", "haproxy")
}


@dataclass(frozen=True, slots=True)
class Served:
    """A site at a port of a product, with these lines of remedies."""

    check: str
    site: Site
    port: int
    blocks: tuple[PlacedLines, ...] = ()

    def lines(self, place: str) -> str:
        """The lines that belong to a place."""
        return "\n".join(block.text for block in self.blocks if block.place == place)


def site_of(product: str, check: str) -> Site:
    """The site behind a product that fails a check."""
    return OTHERWISE.get((product, check), SITES[check])


# --- the application -------------------------------------------------------------------------------------------------


class _Application(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    sites: Mapping[str, Site]

    def do_GET(self) -> None:
        site = self.sites[self.headers[_SITE]]
        status, fields, body = 200, list(site.fields), site.body
        kind = site.type
        if self.path in site.redirects:
            status, body = 302, ""
            fields.append(("Location", site.redirects[self.path]))
        elif self.path in site.files:
            body, kind = site.files[self.path], "text/plain"
        elif self.path != "/":
            status, fields, body = 404, [], "<p>no</p>"
        self._send(status, [("Content-Type", kind), *fields], body.encode("latin-1"))

    def _send(self, status: int, fields: Sequence[tuple[str, str]], body: bytes) -> None:
        self.send_response_only(status)
        origin = self.headers.get("Origin", "")
        for name, value in (*fields, ("Content-Length", str(len(body)))):
            if "{origin}" not in value or origin:
                self.send_header(name, value.replace("{origin}", origin))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_OPTIONS(self) -> None:
        self.do_GET()

    def do_TRACE(self) -> None:
        """Repeat the request."""
        body = f"{self.requestline}\r\n{self.headers}".encode("latin-1")
        self._send(200, [("Content-Type", "message/http")], body)

    def log_message(self, *_arguments: object) -> None:
        """Write no log."""


class _Server(ThreadingHTTPServer):
    def handle_error(self, *_arguments: object) -> None:
        """Clients may go away."""


@contextlib.contextmanager
def application(sites: Mapping[str, Site], address: str) -> Iterator[int]:
    """The application of these sites, by their names, at its port."""
    handler = type("Application", (_Application,), {"sites": sites})
    with _Server((address, 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        yield int(server.server_address[1])
        server.shutdown()
        thread.join()


# --- the servers before it -------------------------------------------------------------------------------------------


@contextlib.contextmanager
def serving(product: str, served: Sequence[Served], address: str) -> Iterator[None]:
    """These sites behind one process of a product."""
    sites = {str(each.port): each.site for each in served}
    with tempfile.TemporaryDirectory(prefix="remedy-", dir="/tmp", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "files").mkdir(mode=0o755)
        (folder / "files" / "a.txt").write_text("a")
        make_certificates(folder)
        with application(sites, address) as behind:
            command = _COMMANDS[product](served, address, behind, folder)
            with running(command, address, served[-1].port):
                yield


def _nginx(served: Sequence[Served], address: str, behind: int, folder: Path) -> list[str]:
    temporary = " ".join(f"{each}_temp_path {folder};" for each in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    servers = "\n".join(
        f"server {{ listen {address}:{each.port}{' ssl' if each.site.scheme == 'https' else ''};\n"
        f"ssl_certificate {folder}/cert.pem; ssl_certificate_key {folder}/key.pem;\n"
        f"{each.lines('server { … }')}\n{each.lines('server { listen 80; … }')}\n"
        + (
            f"location / {{ root {folder}/files; }} }}"
            if each.site.folder
            else f"location / {{ proxy_pass http://{address}:{behind}; proxy_set_header {_SITE} {each.port};\n"
            f"{each.lines('location / { proxy_pass …; }')} }}\n {each.site.own.get('nginx', '')} }}"
        )
        for each in served
    )
    (folder / "nginx.conf").write_text(
        f"daemon off; master_process off; pid {folder}/pid; error_log stderr crit;\n"
        f"events {{ worker_connections 512; }}\nhttp {{ access_log off; autoindex on; {temporary}\n{servers}\n}}\n"
    )
    return [installed("nginx"), "-c", f"{folder}/nginx.conf", "-e", "stderr", "-p", str(folder)]


_MODULES = ("mpm_event", "authz_core", "autoindex", "deflate", "dir", "env", "filter", "headers", "mime", "proxy",
            "proxy_http", "rewrite", "ssl", "socache_shmcb")  # fmt: skip


def _apache(served: Sequence[Served], address: str, behind: int, folder: Path) -> list[str]:
    lines = [f"LoadModule {each}_module /usr/lib/apache2/modules/mod_{each}.so" for each in _MODULES]
    lines += [f"ServerRoot {folder}", f"PidFile {folder}/pid", "ErrorLog /dev/null", f"ServerName {NAME}"]
    lines += [
        f"DefaultRuntimeDir {folder}",
        "TypesConfig /etc/mime.types",
        "ServerSignature On",
        "SSLSessionCache none",
    ]
    lines += ["User nobody\nGroup nogroup"] if os.geteuid() == 0 else []
    lines += [each.lines("/etc/apache2/conf-available/security.conf") for each in served]
    for each in served:
        lines += [f"Listen {address}:{each.port}", f"<VirtualHost {address}:{each.port}>"]
        if each.site.scheme == "https":
            lines += [
                "SSLEngine on",
                f"SSLCertificateFile {folder}/cert.pem",
                f"SSLCertificateKeyFile {folder}/key.pem",
            ]
        if each.site.folder:
            lines += [f"DocumentRoot {folder}/files", f"<Directory {folder}/files>", "Options +Indexes", "</Directory>"]
        else:
            lines += [f"RequestHeader set {_SITE} {each.port}", f"ProxyPass / http://{address}:{behind}/"]
        lines += [each.site.own.get("apache", ""), each.lines("<VirtualHost *:443>"), each.lines("<VirtualHost *:80>")]
        lines += ["</VirtualHost>"]
    (folder / "apache.conf").write_text("\n".join(lines) + "\n")
    return [installed("apache2"), "-X", "-f", f"{folder}/apache.conf"]


def _haproxy(served: Sequence[Served], address: str, behind: int, folder: Path) -> list[str]:
    (folder / "pair.pem").write_bytes((folder / "cert.pem").read_bytes() + (folder / "key.pem").read_bytes())
    frontends = "\n".join(
        f"frontend site{each.port}\n"
        f"bind {address}:{each.port}{f' ssl crt {folder}/pair.pem' if each.site.scheme == 'https' else ''}\n"
        f"http-request set-header {_SITE} {each.port}\n{each.lines('frontend')}\ndefault_backend application\n"
        for each in served
    )
    (folder / "haproxy.cfg").write_text(
        "global\ntune.ssl.default-dh-param 2048\n"
        "defaults\nmode http\ntimeout connect 5s\ntimeout client 30s\ntimeout server 30s\n"
        f"{frontends}\nbackend application\nserver one {address}:{behind}\n"
    )
    return [installed("haproxy"), "-db", "-f", f"{folder}/haproxy.cfg"]


_COMMANDS = {"nginx": _nginx, "apache": _apache, "haproxy": _haproxy}
