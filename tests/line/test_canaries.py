"""What a server says in confidence stands nowhere: canaries in every protocol are neither kept nor shown."""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import quote

import pytest

from inspector import Cause
from tests.line.harness import Line, RunResult, serving, system
from tests.line.test_system_filter import every_byte

CANARY = "K4n4ryQ7v9Zx2T0k3n"
#: Secrets in the forms that products give them, and of words and versions, each with the text around it.
SECRETS = {
    "Winter/2024": "mysql://app:{}@db/app",
    "admin-1.2": "Authorization: Basic {}",
    "mail-3.4": "Bearer {}",
    "ready-5.6": "password={}",
    "AKIAIOSFODNN7EXAMPLE": "{}",
    "ghp_16C7e42F292c6912E7710c8": "{}",
    "glpat-user.01.0a1b2c3d4": "{}",
    "xoxb-1234-5678-login": "{}",
    "sk_live_mail_1234": "{}",
    "eyJhbGci.eyJzdWIi.user-7_8": "{}",
    "MIIB/12+ssl/3.0.1": "-----BEGIN PRIVATE KEY-----{}-----END PRIVATE KEY-----",
}
#: All of them on one line.
SPOKEN = f"{CANARY} " + " ".join(around.format(secret) for secret, around in SECRETS.items())
HTTP = {
    "Server": f"nginx/1.25.3 ({SPOKEN})",
    "X-Powered-By": f"PHP/7.4.3 {SPOKEN}",
    "X-Generator": f"{SPOKEN}",
    "X-AspNet-Version": f"4.0.30319 {SPOKEN}",
    "Set-Cookie": f"sid={CANARY}; Path=/{CANARY}; Domain={CANARY}.test; Comment={CANARY}; SameSite={CANARY}",
    "X-Auth": SPOKEN,
    "X-Api-Key": SPOKEN,
    "X-Debug": f"postgres://user:{CANARY}@db/app",
    "PHPSESSID": CANARY,
    "WWW-Authenticate": f'Digest realm="{SPOKEN}", nonce="{CANARY}"',
    "Strict-Transport-Security": f"max-age=300; {SPOKEN}",
    "Content-Security-Policy": f"frame-ancestors https://a.test/{CANARY}; report-uri https://csp.test/?t={CANARY}",
    "X-Frame-Options": f"ALLOW-FROM https://a.test/{CANARY}",
    "X-Content-Type-Options": SPOKEN,
    "Referrer-Policy": SPOKEN,
    "Content-Type": f"text/html; boundary={CANARY}",
    "Cache-Control": f'no-cache="{CANARY}"',
    "Permissions-Policy": f'geolocation=("https://{CANARY}.test")',
    "Link": f"</{CANARY}>; rel=preload",
    "Report-To": f'{{"url": "https://{CANARY}.test"}}',
    "ETag": f'"{CANARY}"',
    "Via": f"1.1 {SPOKEN}",
    CANARY: SPOKEN,
    f"bad line {CANARY}": SPOKEN,
}
REDIRECTS = {
    "path": f"/in/{CANARY}/x",
    "query": f"/?token={CANARY}",
    "user": f"https://user:{CANARY}@a.test/",
    "elsewhere": f"https://127.0.0.1:9/{CANARY}?{CANARY}#{CANARY}",
    "host": f"https://{CANARY}:{CANARY}@127.0.0.1/",
}
MYSQL = f"\x0a8.0.36-{CANARY} {SPOKEN[-150:]}\x00\x01\x00\x00\x00{CANARY}\x00"
GREETINGS = {
    "ftp": (21, f"220 FTP server (vsFTPd 3.0.3) {SPOKEN}\r\n", f"530 {SPOKEN}\r\n"),
    "ssh": (22, f"SSH-2.0-OpenSSH_9.2p1 {SPOKEN[:230]}\r\n", f"{SPOKEN}\r\n"),
    "telnet": (23, f"\xff\xfd\x18{SPOKEN}\r\nlogin: ", SPOKEN),
    "smtp": (25, f"220 mx.test ESMTP Postfix {SPOKEN}\r\n", f"250-{SPOKEN}\r\n250 {SPOKEN}\r\n"),
    "pop3": (110, f"+OK {SPOKEN} <{CANARY}@pop>\r\n", f"-ERR {SPOKEN}\r\n"),
    "imap": (143, f"* OK [{CANARY}] Dovecot ready {SPOKEN}\r\n", f"* BAD {SPOKEN}\r\na1 NO {SPOKEN}\r\n"),
    "postgresql": (5432, "", f"E\x00\x00\x04\x00SFATAL\x00M{SPOKEN}\x00\x00"),
    "mysql": (3306, f"{chr(len(MYSQL))}\x00\x00\x00{MYSQL}", SPOKEN),
    "redis": (6379, f"-DENIED Redis is running in protected mode {SPOKEN}\r\n", f"-ERR {SPOKEN}\r\n"),
    "vnc": (5900, "RFB 003.008\n", f"\x00\x00\x00\x00\x12{SPOKEN}"),
    "busy": (2121, f"421 Too many connections {SPOKEN}\r\n", SPOKEN),
    "unknown": (3389, f"{SPOKEN} {SPOKEN}\r\n", SPOKEN),
}
#: Endpoints whose scheme begins with the server's greeting.
SCHEMES = ("ftp", "smtp", "pop3", "imap", "postgresql", "mysql")


def forms(secret: str) -> list[bytes]:
    """The secret as it may be written: plain, in hexadecimal, percent-encoded, and in base64 at each offset."""
    plain = secret.encode()
    found = [plain, plain.lower(), plain.hex().encode(), "".join(f"%{each:02X}" for each in plain).encode()]
    found.append(quote(secret).encode())
    shifted = (base64.b64encode(bytes(offset) + plain)[4 if offset else 0 : -4] for offset in range(3))
    return [*found, *shifted]


@pytest.fixture(scope="module")
def result(line: Line, certificate: dict[str, str]) -> Iterator[RunResult]:
    """One run over all of them, with every report format and the most log lines."""
    if os.geteuid() != 0:
        pytest.skip("only root may listen at the ports of these protocols")
    page = {"mode": "page", "headers": HTTP, "body": f"<p>{SPOKEN}</p>"}
    orders = [
        {"name": "http", **page},
        {"name": "error", **page, "status": f"403 {SPOKEN}"},
        {"name": "https", **page, **certificate},
        {"name": "clear", **page, "status": f"400 {SPOKEN}"},
        {"name": "nonsense", "mode": "line", "body": f"{SPOKEN}\r\n\r\n"},
    ]
    for name, location in REDIRECTS.items():
        orders.append({"name": name, **page, "status": "302 Found", "headers": {**HTTP, "Location": location}})
    for name, (port, body, reply) in GREETINGS.items():
        orders.append({"name": name, "mode": "greeting", "port": port, "body": body, "reply": reply})
    with serving(*orders) as servers:
        ports = servers.ports
        endpoints = [f"http://127.0.0.1:{ports[name]}/" for name in ("http", "error", "nonsense", *REDIRECTS)]
        endpoints += [f"https://127.0.0.1:{ports[name]}/" for name in ("https", "clear", "nonsense")]
        endpoints += [f"{name}://127.0.0.1:{ports[name]}" for name in SCHEMES]
        declared = line.declare(system(*endpoints, "host:127.0.0.1"), name="canaries.yaml")
        formats = ("--format", "html,json,sarif,junit,codequality", "--fail-on", "info")
        result = line.call("run", declared, "--log-level", "debug", *formats)
        # Whoever is told of too many connections waits ever longer before the next: here there is one.
        busy = line.declare(system(f"smtp://127.0.0.1:{ports['busy']}"), name="busy.yaml")
        only = ("--only", "starttls-offered")
        told = line.call("run", busy, "--log-level", "debug", *only, *formats, output=result.output)
        yield replace(result, out=result.out + told.out, err=result.err + told.err)


def test_every_server_was_heard(result: RunResult) -> None:
    """The scans saw something: no canary is absent because nothing came."""
    banners = result.scan("banners").facts
    assert banners is not None
    assert {each["banner"]["seen"]["protocol"] for each in banners["ports"] if each["banner"].get("seen")} >= {
        *("ftp", "ssh", "telnet", "pop3", "imap", "mysql", "redis", "vnc"),
    }
    assert len([each for each in result.evidence if each.probe == "http" and each.facts]) >= len(REDIRECTS) + 3
    busy = result.scan("starttls", "smtp://127.0.0.1:2121").failure
    assert busy is not None
    assert busy.cause is Cause.RATE_LIMITED


def test_no_canary_is_kept_or_shown(result: RunResult) -> None:
    """Neither capture, observations, reports in all formats, index, nor what the command printed and logged has one."""
    wanted = {form for secret in (CANARY, *SECRETS) for form in forms(secret)}
    kept = {f"{path.relative_to(result.output)}": data for path, data in every_byte(result.output)}
    kept |= {"stdout": result.out.encode(), "stderr": result.err.encode()}
    assert len(kept) >= 30
    found = [
        (name, data[max(0, at - 60) : at + 60])
        for name, data in kept.items()
        for form in wanted
        if (at := data.find(form)) >= 0
    ]
    assert found == []


def test_versions_are_kept(result: RunResult) -> None:
    """Product and version are what checks need: they stand."""
    banners = result.scan("banners").facts
    assert banners is not None
    texts = {each["port"]: each["banner"]["seen"]["text"] for each in banners["ports"] if each["banner"].get("seen")}
    assert "OpenSSH_9.2p1" in texts[22]
    assert "vsFTPd 3.0.3" in texts[21]
    disclosed = [each for each in result.findings if each["check"] == "no-version-disclosed" and each["measured"]]
    assert any("PHP/7.4.3" in text for each in disclosed for text in each["measured"])
    assert any("nginx/1.25.3" in text for each in disclosed for text in each["measured"])
