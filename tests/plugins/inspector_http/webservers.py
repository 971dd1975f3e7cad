"""Web servers on loopback: a real nginx with good and bad sites, and a scripted server.

``python webservers.py ADDRESS PORT=HABIT …`` runs the latter and prints ``ready`` when every port listens.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING
from zlib import compress

if TYPE_CHECKING:
    import trustme

Habit = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

#: A session value, which must never be recorded.
SECRET = "S3cr3tSessionValue0123456789"
OK = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"


async def request(reader: asyncio.StreamReader) -> None:
    """Read a request's head; hang up on a TLS handshake."""
    if await reader.readexactly(1) == b"\x16":
        raise ConnectionAbortedError
    await reader.readuntil(b"\r\n\r\n")


def reply(head: str, body: str = "<p>hello</p>") -> Habit:
    """Read a request's head and answer with these bytes (Latin-1)."""

    async def habit(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request(reader)
        writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode("latin-1"))

    return habit


def leading_to(path: str, head: str) -> Habit:
    """Redirect everything to one path, and answer there with these fields."""

    async def habit(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = (await reader.readuntil(b"\r\n\r\n")).split(b" ", 2)[1].decode()
        found = f"{OK}{head}" if line == path else f"HTTP/1.1 302 Found\r\nLocation: {path}\r\n"
        writer.write(f"{found}Content-Length: 0\r\nConnection: close\r\n\r\n".encode())
        await writer.drain()

    return habit


async def endless_headers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await request(reader)
    writer.write(b"HTTP/1.1 200 OK\r\n")
    while True:
        writer.write(b"X-More: and more\r\n" * 1000)
        await writer.drain()


async def endless_body(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await request(reader)
    writer.write(OK.encode() + b"X-Content-Type-Options: nosniff\r\n\r\n")
    while True:
        writer.write(b"x" * 65536)
        await writer.drain()


async def dripping_body(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await request(reader)
    writer.write(OK.encode() + b"X-Content-Type-Options: nosniff\r\n\r\n")
    while True:
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.2)


async def dripping_head(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    while True:
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.2)


async def echoing_redirect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Redirect to a longer path of this service, each time."""
    line = await reader.readline()
    path = line.split()[1].decode()
    await reader.readuntil(b"\r\n\r\n")
    writer.write(f"HTTP/1.1 302 Found\r\nLocation: {path}x\r\nContent-Length: 0\r\n\r\n".encode())


async def refusing_cookies(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Set odd cookies on a redirect; refuse a request that sends any back."""
    path = (await reader.readline()).split()[1]
    head = await reader.readuntil(b"\r\n\r\n")
    if b"\r\ncookie:" in b"\r\n" + head.lower():
        writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
    elif path == b"/":
        cookies = (b"plain=1", "t\u00ean=gi\u00e1".encode(), b"raw=\xff\xfe", b"a=\x01; Path=/", b"=; ;")
        fields = b"".join(b"Set-Cookie: %s\r\n" % each for each in cookies)
        writer.write(b"HTTP/1.1 302 Found\r\nLocation: /in\r\nContent-Length: 0\r\n%s\r\n" % fields)
    else:
        writer.write(OK.encode() + b"Content-Length: 0\r\n\r\n")


async def utf8_redirect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Redirect to a path in bare UTF-8; any other path than its percent-encoded form does not exist."""
    path = (await reader.readline()).split()[1]
    await reader.readuntil(b"\r\n\r\n")
    if path == b"/":
        writer.write("HTTP/1.1 302 Found\r\nLocation: /chào/?q=ê\r\nContent-Length: 0\r\n\r\n".encode())
    elif path == b"/ch%C3%A0o/?q=%C3%AA":
        writer.write(OK.encode() + b"X-Content-Type-Options: nosniff\r\nContent-Length: 0\r\n\r\n")
    else:
        writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")


async def gzip_bomb(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """20 MB in 20 KB."""
    await reply(OK + "Content-Encoding: gzip\r\n", compress(b"<p>" + b" " * 20_000_000, wbits=31).decode("latin-1"))(
        reader, writer
    )


async def huge_field(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One field of 2 GB."""
    await request(reader)
    writer.write(b"HTTP/1.1 200 OK\r\nX-Long: ")
    for _ in range(2**31 // 2**20):
        writer.write(b"x" * 2**20)
        await writer.drain()
    writer.write(b"\r\nContent-Length: 0\r\n\r\n")


async def huge_page(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """50 MB of a million elements, each in the one before."""
    await request(reader)
    writer.write(OK.encode() + b"X-Content-Type-Options: nosniff\r\nContent-Length: 50000000\r\n\r\n")
    for _ in range(100):
        writer.write((b"<div" + b" " * 45 + b">") * 10_000)
        await writer.drain()


async def chain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A thousand redirects, and a page at their end."""
    number = int((await reader.readline()).split()[1].strip(b"/") or b"0")
    await reader.readuntil(b"\r\n\r\n")
    if number < 1000:
        writer.write(b"HTTP/1.1 302 Found\r\nLocation: /%d\r\nContent-Length: 0\r\n\r\n" % (number + 1))
    else:
        writer.write(OK.encode() + b"Content-Length: 0\r\n\r\n")


def many_cookies(number: int) -> Habit:
    """A reply that sets so many cookies."""
    return reply(OK + "".join(f"Set-Cookie: c{each}=1\r\n" for each in range(number)))


def compressed(encoding: str, data: bytes) -> Habit:
    """A page in this encoding."""
    return reply(f"{OK}Content-Encoding: {encoding}\r\n", data.decode("latin-1"))


#: A gigabyte of zeros in zstd: 8,192 blocks of one byte repeated 128 KiB (RFC 8878 §3.1.1.2).
_ZSTD_BOMB = b"\x28\xb5\x2f\xfd\x00\x58" + b"\x02\x00\x10\x00" * 8191 + b"\x03\x00\x10\x00"
_GZIP_BOMB = compress(compress(b"\0" * 20_000_000, wbits=31), wbits=31)


async def mute(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    await reader.read()
    await asyncio.Event().wait()


async def random_bytes(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"\x00\x01\x02 what? \xff\xfe\r\n\r\n" * 8)


HABITS: dict[str, Habit] = {
    # 262144 bytes that become 25 million elements.
    "exploding-page": reply(OK, "".join(f"<font color={number}><p>" for number in range(11000))),
    "gzip-bomb": gzip_bomb,
    "zstd-bomb": compressed("zstd", _ZSTD_BOMB),
    "brotli-bomb": compressed("br", b"\x5b\xff\xff\x7f\xf8\x25\x00\xc2\x98\x40\x03" + b"\x00" * 4096),
    "gzip-twice": compressed("gzip, gzip", _GZIP_BOMB),
    "huge-field": huge_field,
    "huge-page": huge_page,
    "chain": chain,
    "cookies-2000": many_cookies(2000),
    "cookies-100000": many_cookies(100_000),
    "to-file": reply("HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\n", ""),
    "to-javascript": reply("HTTP/1.1 302 Found\r\nLocation: javascript:alert(1)\r\n", ""),
    "to-userinfo": reply("HTTP/1.1 302 Found\r\nLocation: http://web.test:9000@other.test:9000/\r\n", ""),
    "to-userinfo-backslash": reply("HTTP/1.1 302 Found\r\nLocation: http://other.test\\@web.test:9000/\r\n", ""),
    "to-metadata": reply("HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/latest/meta-data/\r\n", ""),
    "to-loopback": reply("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:9001/\r\n", ""),
    "to-loopback-number": reply("HTTP/1.1 302 Found\r\nLocation: http://2130706433:9001/\r\n", ""),
    "to-loopback-v6": reply("HTTP/1.1 302 Found\r\nLocation: http://[::ffff:127.0.0.1]:9001/\r\n", ""),
    "to-other-port": reply("HTTP/1.1 302 Found\r\nLocation: http://web.test:9001/\r\n", ""),
    "no-gzip": reply(OK + "Content-Encoding: gzip\r\n", "<script src=//other.test/a.js></script>"),
    "other-encoding": reply(OK + "Content-Encoding: br\r\n", "abc"),
    "blocked": reply("HTTP/1.1 403 Forbidden\r\nContent-Type: text/html\r\n"),
    # Hand-made after what these products show.
    "challenge-page": reply(
        OK,
        "<!DOCTYPE html><html><head><title>Just a moment...</title></head><body><script>var a=document.createElement("
        "'script');a.src='/cdn-cgi/challenge-platform/h/b/orchestrate/chl_page/v1?ray=0';</script></body></html>",
    ),
    "firewall-page": reply(
        OK,
        "<html><head><title>Request Rejected</title></head><body>The requested URL was rejected. Please consult with "
        "your administrator.<br><br>Your support ID is: 1234567890123456789</body></html>",
    ),
    "network-log-in": reply("HTTP/1.1 511 Network Authentication Required\r\nContent-Type: text/html\r\n"),
    "challenge": reply(OK + "cf-mitigated: challenge\r\n"),
    "cookies": reply(
        OK + "Set-Cookie: plain=1\r\n"
        "Set-Cookie: safe=2; Secure; HttpOnly; SameSite=Lax\r\n"
        "Set-Cookie: half=3; secure; samesite=sometimes\r\n"
        "Set-Cookie: gone=; Max-Age=0\r\n"
        "Set-Cookie: past=4; Expires=Thu, 01-Jan-1970 00:00:00 GMT\r\n"
        "Set-Cookie: plain=; Path=/old; Max-Age=0\r\n"
        "Set-Cookie: half=5; Path=/new; Secure; HttpOnly; SameSite=Lax\r\n"
    ),
    "odd-cookies": reply(
        OK + "Set-Cookie: __Host-sid=1; PATH=/; SECURE; hTTPoNLY ; SAMESITE = LAX\r\n"
        "Set-Cookie: shared=2; Secure; HttpOnly; SameSite=None\r\n"
        "Set-Cookie: kept=3; Max-Age=0; Max-Age=60; Expires=Thu, 01 Jan 1970 00:00:00 GMT\r\n"
        "Set-Cookie: gone=4; Max-Age=soon; Expires=Thu, 01 Jan 1970 00:00:00 GMT\r\n"
        "Set-Cookie: past=5; Expires=Thu Jan  1 00:00:00 1970\r\n"
        "Set-Cookie: minus=6; Max-Age=-1\r\n"
        "Set-Cookie: zero=7; Expires=0; Secure=false\r\n"
    ),
    "ignored-cookies": reply(
        OK + "Set-Cookie: =\r\nSet-Cookie: odd=\x01\r\nSet-Cookie: foreign=2; Domain=other.test\r\nSet-Cookie:\r\n"
        "Set-Cookie: gone=3; Expires=1970 Jan 1st 00:00:00\r\n"
    ),
    "nameless-cookies": reply(OK + "Set-Cookie: nameless; Secure\r\nSet-Cookie: =1; HttpOnly\r\n"),
    "dripping-body": dripping_body,
    "dripping-head": dripping_head,
    "elsewhere": reply("HTTP/1.1 301 Moved Permanently\r\nLocation: https://other.test/a?b=c\r\n", ""),
    "endless-body": endless_body,
    "endless-headers": endless_headers,
    "escapes": reply(
        OK + "Server: \x1b]0;owned\x07\x1b[31m<script>alert(1)</script>\r\nX-Bad: caf\xe9 \xc3\xa9 \xc3\x28\r\n"
    ),
    "random-bytes": random_bytes,
    "refusing-cookies": refusing_cookies,
    "error-shows": reply(
        "HTTP/1.1 403 Forbidden\r\nServer: Apache/2.4.29 (Ubuntu)\r\nSet-Cookie: sid=0123456789\r\n"
        "Set-Cookie: safe=1; Secure; HttpOnly; SameSite=Lax\r\nContent-Type: text/html\r\n"
    ),
    # Hand-made after what these appliances send to anybody.
    "vpn-login": leading_to("/remote/login", "Set-Cookie: SVPNCOOKIE=; path=/; secure; httponly\r\n"),
    "hypervisor-login": reply(OK + "Server: pve-api-daemon/3.0\r\n"),
    "backup-login": leading_to("/webman/index.cgi", ""),
    "old-apache": reply(OK + "Server: Apache/2.4.49 (Unix)\r\nX-Powered-By: PHP/5.6.40\r\n"),
    "cookie-loop": reply("HTTP/1.1 302 Found\r\nSet-Cookie: sid=0123456789\r\nLocation: /\r\n", ""),
    "json": reply("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n", "{}"),
    "login": reply("HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=x\r\n"),
    "longer": echoing_redirect,
    "loop": reply("HTTP/1.1 302 Found\r\nLocation: /\r\n", ""),
    "malformed": reply(
        OK + "X-XSS-Protection : 0\r\n"
        f"Warning in line 12: module {SECRET} was not loaded\r\n"
        "Set-Cookie : sid=0123456789; Secure; HttpOnly\r\n"
        "X-Frame-Options: DENY\r\nX-Content-Type-Options: nosniff\r\nReferrer-Policy: no-referrer\r\n"
    ),
    "missing": reply("HTTP/1.1 404 Not Found\r\nContent-Type: text/html\r\n"),
    "mute": mute,
    "nonsense-redirect": reply("HTTP/1.1 302 Found\r\nLocation: http://[broken/\r\n", ""),
    "secrets": reply(
        f"HTTP/1.1 302 Found\r\nSet-Cookie: sid={SECRET}; Path=/; Secure\r\nSet-Cookie: {SECRET}\r\n"
        f"X-Auth-Token: {SECRET}\r\nX-Echo: you are {SECRET}!\r\nLink: </x?t={SECRET}>; rel=next\r\n"
        f"Location: https://other.test/in;jsessionid={SECRET}?token={SECRET}#{SECRET}\r\n",
        f"<p>{SECRET}</p>",
    ),
    "two-locations": reply("HTTP/1.1 302 Found\r\nLocation: https://a.test/\r\nLocation: http://b.test/\r\n", ""),
    "too-many": reply("HTTP/1.1 429 Too Many Requests\r\nRetry-After: 0\r\n"),
    "utf8-redirect": utf8_redirect,
    "unavailable": reply("HTTP/1.1 503 Service Unavailable\r\n"),
}

HSTS = 'add_header Strict-Transport-Security "max-age=31536000" always;'
NGINX = """
daemon off; master_process off; worker_processes 1; pid {folder}/pid; error_log stderr crit;
events {{ worker_connections 64; }}
http {{
  access_log off; client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder};
  uwsgi_temp_path {folder}; scgi_temp_path {folder};
  ssl_certificate {folder}/cert.pem; ssl_certificate_key {folder}/key.pem; default_type text/html;
  server {{ listen {address}:8443 ssl; server_tokens off;
    add_header Strict-Transport-Security "max-age=63072000; includeSubDomains";
    add_header Content-Security-Policy "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'";
    add_header Content-Security-Policy "frame-ancestors 'none'; require-trusted-types-for 'script'";
    add_header X-Content-Type-Options nosniff;
    add_header X-Frame-Options DENY;
    add_header Referrer-Policy strict-origin-when-cross-origin;
    add_header Permissions-Policy "camera=(), geolocation=(), microphone=()";
    add_header Cross-Origin-Opener-Policy same-origin;
    add_header Cross-Origin-Embedder-Policy require-corp;
    add_header Cross-Origin-Resource-Policy same-origin;
    add_header Cache-Control no-store;
    add_header Set-Cookie "sid=abcdefghijklmnop; Secure; HttpOnly; SameSite=Strict";
    location = / {{ return 302 /home; }}
    location = /home {{ return 200 "<p>hello</p>"; }} }}
  server {{ listen {address}:8444 ssl;
    add_header X-Frame-Options "ALLOW-FROM https://partner.test"; add_header X-Powered-By "PHP/7.4.3";
    add_header Strict-Transport-Security "max-age=300"; add_header Set-Cookie "sid=abcdefghijklmnop";
    location / {{ return 200 "<p>hello</p>"; }} }}
  server {{ listen {address}:8445 ssl; location / {{ return 200 "<p>hello</p>"; }} }}
  server {{ listen {address}:8446 ssl; server_tokens off; location / {{ return 301 https://www.web.test/; }} }}
  server {{ listen {address}:8447 ssl; ssl_reject_handshake on; }}
  server {{ listen {address}:8448 ssl; ssl_reject_handshake on; error_page 497 =301 https://$host:8448$request_uri; }}
  server {{ listen {address}:8449 ssl; server_tokens off;
    add_header Strict-Transport-Security "max-age=31536000" always; add_header X-Powered-By "PHP/7.4.3" always;
    location / {{ return 503; }} }}
  server {{ listen {address}:8450 ssl; {expired} {hsts} location / {{ return 200 "<p>hello</p>"; }} }}
  server {{ listen {address}:8451 ssl; {other_name} {hsts} location / {{ return 200 "<p>hello</p>"; }} }}
  server {{ listen {address}:8452 ssl; {unknown} {hsts} location / {{ return 200 "<p>hello</p>"; }} }}
  server {{ listen {address}:8453 ssl; {unknown_expired} {hsts} location / {{ return 200 "<p>hello</p>"; }} }}
  server {{ listen {address}:8454 ssl; {early} {hsts} location / {{ return 302 /; }} }}
  server {{ listen {address}:8460 ssl; root {folder}; charset utf-8; types {{ text/plain txt; }}
    location / {{ return 404; }} location /.well-known/ {{ alias {folder}/valid/; }} }}
  server {{ listen {address}:8461 ssl; location / {{ return 404; }} }}
  server {{ listen {address}:8462 ssl; location / {{ return 200 "<title>?</title>\nContact: us <p>not found</p>"; }} }}
  server {{ listen {address}:8463 ssl; types {{ text/plain txt; }}
    location /.well-known/ {{ alias {folder}/expired/; }} }}
  server {{ listen {address}:8464 ssl; location / {{ return 301 https://www.web.test$request_uri; }} }}
  server {{ listen {address}:8465 ssl; types {{ text/plain txt; }}
    location /.well-known/ {{ alias {folder}/signed/; }} }}
  server {{ listen {address}:8466 ssl; default_type application/octet-stream; types {{ }}
    location /.well-known/ {{ alias {folder}/valid/; }} }}
  server {{ listen {address}:8467 ssl; types {{ text/plain txt; }}
    location = /.well-known/security.txt {{ return 302 /security.txt; }} location / {{ alias {folder}/valid/; }} }}
  server {{ listen {address}:8468 ssl; types {{ text/plain txt; }}
    location /.well-known/ {{ alias {folder}/long/; }} }}
  server {{ listen {address}:8469 ssl; types {{ text/plain txt; }}
    location /.well-known/ {{ alias {folder}/unreadable/; }} }}
  server {{ listen {address}:8470 ssl; types {{ text/plain txt; }}
    location /.well-known/ {{ alias {folder}/of-another/; }} }}
  server {{ listen {address}:8471 ssl; location / {{ return 403; }} }}
  server {{ listen {address}:8472 ssl; types {{ text/plain txt; }}
    location /.well-known/ {{ alias {folder}/bare-address/; }} }}
  server {{ listen {address}:8473 ssl; types {{ text/plain txt; }}
    location /.well-known/ {{ alias {folder}/latin-1/; }} }}
  server {{ listen {address}:8455 ssl; server_tokens off;
    add_header Set-Cookie "sid=abcdefghijklmnop; Secure; HttpOnly; SameSite=Lax";
    add_header Set-Cookie "XSRF-TOKEN=abcdefghijklmnop; Secure; SameSite=Lax";
    add_header Set-Cookie "__Host-csrftoken=abcdefghijklmnop; Path=/; Secure; SameSite=Strict";
    location / {{ return 200 "<p>hello</p>"; }} }}
  server {{ listen {address}:8456 ssl; location / {{ return 200 "<p>hello</p>"; }} add_header Content-Security-Policy
    "default-src * 'unsafe-inline' 'unsafe-eval' data:; img-src http://images.test; form-action https:"; }}
  server {{ listen {address}:8457 ssl; location / {{ return 200 "<p>hello</p>"; }} add_header Content-Security-Policy
    "script-src 'nonce-$request_id' 'strict-dynamic' 'unsafe-inline' https:; object-src 'none'; base-uri 'none'"; }}
  server {{ listen {address}:8458 ssl; location / {{ return 200 "<p>hello</p>"; }}
    add_header Content-Security-Policy-Report-Only "default-src 'self'; report-uri /csp"; }}
  server {{ listen {address}:8459 ssl; location / {{ return 200 "<p>hello</p>"; }}
    add_header Content-Security-Policy "script-src 'self' https://cdn.jsdelivr.net https://kho.web.test";
    add_header Content-Security-Policy "script-src 'self' https: 'sha256-x/9+=', base-uri 'self'"; }}
  server {{ listen {address}:8475 ssl; add_header Content-Security-Policy "script-src https:";
    location / {{ return 200 '<!doctype html><title>a</title>
<META Content="script-src &apos;self&apos;; base-uri &apos;self&apos;; sandbox"
HTTP-EQUIV=Content-Security-Policy>'; }} }}
  server {{ listen {address}:8474 ssl; location / {{ return 200 "<p>hello</p>"; }}
    add_header Cross-Origin-Opener-Policy same-site; add_header Cross-Origin-Resource-Policy Same-Origin;
    add_header Permissions-Policy "camera 'none'; geolocation 'self'"; add_header X-XSS-Protection "1; mode=block";
    add_header Public-Key-Pins-Report-Only "max-age=60"; add_header X-Frame-Options DENY;
    add_header X-Frame-Options SAMEORIGIN; add_header X-Content-Type-Options nosniff;
    add_header X-Content-Type-Options nosniff; }}
  server {{ listen {address}:8490 ssl; listen {address}:8491; server_tokens off; root {folder}/pages; charset utf-8;
    location /listing/ {{ autoindex on; }} location /no-encoding/ {{ charset off; }}
    location /cached/ {{ alias {folder}/pages/clean/; add_header Set-Cookie "sid=abcdefghijklmnop; Secure; HttpOnly"; }}
    location /private/ {{ alias {folder}/pages/clean/; add_header Set-Cookie "sid=abcdefghijklmnop; Secure; HttpOnly";
      add_header Cache-Control "private, max-age=60"; }}
    location /broken/ {{ error_page 500 /debug/; return 500; }}
    location ~ ^/(compressed|secret)/ {{ gzip on; gzip_min_length 1; }}
    location /upgraded/ {{ add_header Content-Security-Policy upgrade-insecure-requests; }} }}
  server {{ listen {address}:8476 ssl; add_header Access-Control-Allow-Origin $http_origin always;
    add_header Access-Control-Allow-Credentials true always; add_header Allow "GET, PUT, TRACE" always;
    location / {{ return 200 "<p>hello</p>"; }} }}
  server {{ listen {address}:8477 ssl; add_header Access-Control-Allow-Origin * always;
    add_header Access-Control-Allow-Credentials true always; add_header Allow "GET, POST" always;
    location / {{ return 200 "<p>hello</p>"; }} }}
  server {{ listen {address}:8478 ssl; location / {{ return 404; }}
    location = /.git/HEAD {{ return 200 "ref: refs/heads/main\n"; }}
    location = /.env {{ return 200 "APP_KEY={secret}\nDEBUG=1\n"; }}
    location = /phpmyadmin/ {{ return 200 "<title>Welcome</title>"; }} location = /backup.sql {{ return 503; }} }}
  server {{ listen {address}:8479 ssl; add_header Set-Cookie "__Host-sid=abcdefgh; Secure; HttpOnly; SameSite=Lax";
    add_header Set-Cookie "sso=abcdefgh; Domain=web.test; Secure; HttpOnly; SameSite=Lax; Max-Age=63072000";
    location / {{ return 200 "<p>hello</p>"; }} }}
  server {{ listen {address}:8480 ssl; location / {{ return 302 http://web.test/; }} }}
  server {{ listen {address}:8481 ssl http2; {hsts} add_header Alt-Svc 'h3=":443"; ma=86400';
    add_header X-Frame-Options DENY; location = / {{ return 200 "<p>hello</p>"; }} }}
  server {{ listen {address}:8482 ssl http2; server_tokens off; set $first "max-age=31536000"; set $second "";
    if ($server_protocol = HTTP/2.0) {{ set $first ""; set $second no-referrer; }}
    add_header Strict-Transport-Security $first; add_header Referrer-Policy $second;
    location = / {{ return 200 "<p>hello</p>"; }} }}
  server {{ listen {address}:8483 ssl; location / {{
    return 302 "https://dang-nhap.test/oauth2/authorize?response_type=code&client_id=cong&state={secret}"; }} }}
  server {{ listen {address}:8484 ssl; server_tokens off; ssl_verify_client on;
    ssl_client_certificate {folder}/cert.pem; location / {{ return 200 "<p>hello</p>"; }} }}
  server {{ listen {address}:8485 ssl; location / {{ error_page 503 @maintenance; return 503; }}
    location @maintenance {{ return 503 "<title>Hệ thống đang bảo trì</title>"; }} }}
  server {{ listen {address}:8083; location = / {{ return 302 /vi; }}
    location / {{ return 302 https://web.test:8443/; }} }}
  server {{ listen {address}:8080; server_tokens off; location / {{ return 301 https://$host:8443$request_uri; }} }}
  server {{ listen {address}:8081; location / {{ return 200 "<p>hello</p>"; }} }}
  server {{ listen {address}:8082; location / {{ return 302 http://$host:8081/; }} }}
}}
"""


#: What the file ``security.txt`` of a site holds; ``SECRET`` stands where only a reader of the whole would see it.
VALID = "Contact: mailto:ung-cuu@web.test\nContact: https://web.test/bao-cao\nExpires: 2027-06-30T00:00:00Z\n"
SECURITY_FILES: dict[str, bytes] = {
    "valid": f"# Chào {SECRET}\r\n{VALID}Preferred-Languages: vi, en\nX-Token: {SECRET}\n{SECRET}\n".encode(),
    "expired": b"Contact: mailto:ung-cuu@web.test\nExpires: 2020-01-01T00:00:00z\n",
    "signed": (
        f"-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\n{VALID}"
        f"-----BEGIN PGP SIGNATURE-----\n\n{SECRET}\n-----END PGP SIGNATURE-----\n"
    ).encode(),
    "long": f"{VALID}{'# more' * 20000}\n".encode(),
    "unreadable": b"Contact: mailto:ung-cuu@web.test\nExpires: in a year\n",
    "of-another": f"{VALID}Canonical: https://other.test/.well-known/security.txt\n".encode(),
    "bare-address": b"Contact: ung-cuu@web.test\nExpires: 2027-06-30T00:00:00Z\n",
    "latin-1": b"Contact: mailto:\xea@web.test\nExpires: 2027-06-30T00:00:00Z\n",
}


def write_security_files(folder: Path) -> None:
    """Write each file into a folder of its own."""
    for name, content in SECURITY_FILES.items():
        (folder / name).mkdir()
        (folder / name / "security.txt").write_bytes(content)


def write_pages(folder: Path) -> None:
    """Write each page into a folder of its own below ``pages``, and a folder without one."""
    from tests.plugins.inspector_http.served_pages import PAGES

    for name, content in PAGES.items():
        (folder / "pages" / name).mkdir(parents=True)
        (folder / "pages" / name / "index.html").write_text(content, encoding="utf-8")
    (folder / "pages" / "listing" / "du-lieu").mkdir(parents=True)


@contextmanager
def nginx(address: str) -> Iterator[None]:
    """nginx, with 8443 (good), 8444 (bad), 8445 (bare), 8446 (elsewhere), 8449 (error), 8080 (to HTTPS), 8081, 8082;
    8450 to 8454 present certificates that clients reject, 8455 sets cookies of CSRF protection; 8456 to 8459 differ in
    their Content-Security-Policy, 8460 to 8473 in their ``security.txt``; 8474 sends
    headers that browsers ignore, 8475 has a policy in its page, too; 8476 and 8477 share replies with other origins,
    8478 gives away files, 8479 sets cookies for others, 8480 leads back to plain HTTP; 8490 (and over plain HTTP 8491)
    has pages.

    The good site sends every security header that is in use, so that a check of one more finds it recorded.
    """
    from tests.plugins.inspector_services.servers import installed, running

    program = installed("nginx")
    with tempfile.TemporaryDirectory() as folder:
        certificates = make_certificates(Path(folder))
        write_security_files(Path(folder))
        write_pages(Path(folder))
        if os.geteuid() == 0:
            Path(folder).chmod(0o755)
        configuration = Path(folder) / "nginx.conf"
        configuration.write_text(
            NGINX.format(folder=folder, address=address, hsts=HSTS, secret=SECRET, **certificates), encoding="utf-8"
        )
        with running([program, "-c", str(configuration), "-e", "stderr"], address, 8082):  # the last to listen
            yield


@contextmanager
def apache(address: str, port: int, tokens: str) -> Iterator[None]:
    """An Apache httpd that tells as much of its version as ``ServerTokens`` says, and lists ``/listing/``."""
    from tests.plugins.inspector_services.servers import installed, running

    modules = Path("/usr/lib/apache2/modules")
    with tempfile.TemporaryDirectory() as folder:
        if os.geteuid() == 0:
            Path(folder).chmod(0o755)
        (Path(folder) / "index.html").write_text("<p>hello</p>", encoding="utf-8")
        (Path(folder) / "listing" / "du-lieu").mkdir(parents=True)
        configuration = Path(folder) / "apache.conf"
        configuration.write_text(
            f"Listen {address}:{port}\nServerName web.test\nServerTokens {tokens}\nDocumentRoot {folder}\n"
            f"PidFile {folder}/pid\nErrorLog {folder}/errors\nDefaultRuntimeDir {folder}\n"
            f"LoadModule mpm_event_module {modules}/mod_mpm_event.so\n"
            f"LoadModule authz_core_module {modules}/mod_authz_core.so\n"
            f"LoadModule dir_module {modules}/mod_dir.so\nLoadModule mime_module {modules}/mod_mime.so\n"
            f"LoadModule autoindex_module {modules}/mod_autoindex.so\n"
            f"TypesConfig /etc/mime.types\n<Directory {folder}/listing>\nOptions Indexes\n</Directory>\n"
            "IndexOptions FancyIndexing\n",
            encoding="utf-8",
        )
        with running([installed("apache2"), "-X", "-f", str(configuration)], address, port):
            yield


@cache
def authority() -> trustme.CA:
    """The throw-away authority that clients trust."""
    import trustme

    return trustme.CA()


def root() -> bytes:
    """Its certificate, in PEM."""
    return authority().cert_pem.bytes()


def make_certificates(folder: Path) -> dict[str, str]:
    """The certificate of most sites, and by name the directives for those that clients reject."""
    import trustme

    now = datetime.now(UTC)
    past, future = (now - timedelta(30), now - timedelta(1)), (now + timedelta(1), now + timedelta(30))
    stranger = trustme.CA()
    issue = {
        "": authority().issue_cert("web.test", "test.web.test"),
        "expired": authority().issue_cert("web.test", not_before=past[0], not_after=past[1]),
        "early": authority().issue_cert("web.test", not_before=future[0], not_after=future[1]),
        "other_name": authority().issue_cert("*.web.test", common_name="web.test"),
        "unknown": stranger.issue_cert("web.test", "test.web.test"),
        "unknown_expired": stranger.issue_cert("web.test", not_before=past[0], not_after=past[1]),
    }
    for name, issued in issue.items():
        issued.private_key_pem.write_to_path(str(folder / f"{name}key.pem"))
        for pem in issued.cert_chain_pems:
            pem.write_to_path(str(folder / f"{name}cert.pem"), append=True)
    return {
        name: f"ssl_certificate {folder}/{name}cert.pem; ssl_certificate_key {folder}/{name}key.pem;" for name in issue
    }


@contextmanager
def answering(address: str, habits: Mapping[int, str]) -> Iterator[None]:
    """Ports that answer by these habits."""
    command = [sys.executable, __file__, address, *(f"{port}={habit}" for port, habit in habits.items())]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            yield
        finally:
            process.kill()


async def serve(address: str, ports: dict[int, str]) -> None:
    servers = []
    for port, habit in ports.items():

        async def answer(
            reader: asyncio.StreamReader, writer: asyncio.StreamWriter, habit: Habit = HABITS[habit]
        ) -> None:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
                await habit(reader, writer)
            writer.close()

        servers.append(await asyncio.start_server(answer, address, port))
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


if __name__ == "__main__":
    pairs = [pair.split("=") for pair in sys.argv[2:]]
    asyncio.run(serve(sys.argv[1], {int(port): habit for port, habit in pairs}))
