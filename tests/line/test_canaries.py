"""What a server says in confidence stands nowhere: canaries in every protocol are neither kept nor shown."""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator
from urllib.parse import quote

import pytest

from tests.line.harness import Line, RunResult, serving, system
from tests.line.test_system_filter import every_byte

CANARY = "K4n4ryQ7v9Zx2T0k3n"
HTTP = {
    "Server": f"nginx/1.25.3 ({CANARY})",
    "X-Powered-By": f"PHP/7.4.3 {CANARY}",
    "X-Generator": f"{CANARY}",
    "X-AspNet-Version": f"4.0.30319 {CANARY}",
    "Set-Cookie": f"sid={CANARY}; Path=/{CANARY}; Domain={CANARY}.test; Comment={CANARY}; SameSite={CANARY}",
    "X-Auth": CANARY,
    "X-Api-Key": CANARY,
    "X-Debug": f"postgres://user:{CANARY}@db/app",
    "PHPSESSID": CANARY,
    "WWW-Authenticate": f'Digest realm="{CANARY}", nonce="{CANARY}"',
    "Strict-Transport-Security": f"max-age=300; {CANARY}",
    "Content-Security-Policy": f"frame-ancestors https://a.test/{CANARY}; report-uri https://csp.test/?t={CANARY}",
    "X-Frame-Options": f"ALLOW-FROM https://a.test/{CANARY}",
    "X-Content-Type-Options": CANARY,
    "Referrer-Policy": CANARY,
    "Content-Type": f"text/html; boundary={CANARY}",
    "Cache-Control": f'no-cache="{CANARY}"',
    "Permissions-Policy": f'geolocation=("https://{CANARY}.test")',
    "Link": f"</{CANARY}>; rel=preload",
    "Report-To": f'{{"url": "https://{CANARY}.test"}}',
    "ETag": f'"{CANARY}"',
    "Via": f"1.1 {CANARY}",
    CANARY: CANARY,
    f"bad line {CANARY}": CANARY,
}
REDIRECTS = {
    "path": f"/in/{CANARY}/x",
    "query": f"/?token={CANARY}",
    "user": f"https://user:{CANARY}@a.test/",
    "elsewhere": f"https://127.0.0.1:9/{CANARY}?{CANARY}#{CANARY}",
    "host": f"https://{CANARY}:{CANARY}@127.0.0.1/",
}
GREETINGS = {
    "ftp": (21, f"220 FTP server (vsFTPd 3.0.3) {CANARY}\r\n", f"530 {CANARY}\r\n"),
    "ssh": (22, f"SSH-2.0-OpenSSH_9.2p1 {CANARY}\r\n", f"{CANARY}\r\n"),
    "telnet": (23, f"\xff\xfd\x18{CANARY}\r\nlogin: ", CANARY),
    "smtp": (25, f"220 mx.test ESMTP Postfix {CANARY}\r\n", f"250-{CANARY}\r\n250 {CANARY}\r\n"),
    "pop3": (110, f"+OK {CANARY} <{CANARY}@pop>\r\n", f"-ERR {CANARY}\r\n"),
    "imap": (143, f"* OK [{CANARY}] Dovecot ready\r\n", f"* BAD {CANARY}\r\na NO {CANARY}\r\n"),
    "postgresql": (5432, "", f"E\x00\x00\x00\x40SFATAL\x00M{CANARY}\x00\x00"),
    "mysql": (3306, f"J\x00\x00\x00\x0a8.0.36-{CANARY}\x00\x01\x00\x00\x00{CANARY}\x00", CANARY),
    "redis": (6379, f"-DENIED Redis is running in protected mode {CANARY}\r\n", f"-ERR {CANARY}\r\n"),
    "vnc": (5900, "RFB 003.008\n", f"\x00\x00\x00\x00\x12{CANARY}"),
    "busy": (2121, f"421 Too many connections {CANARY}\r\n", CANARY),
    "unknown": (3389, f"{CANARY} {CANARY}\r\n", CANARY),
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
    page = {"mode": "page", "headers": HTTP, "body": f"<p>{CANARY}</p>"}
    orders = [
        {"name": "http", **page},
        {"name": "error", **page, "status": f"403 {CANARY}"},
        {"name": "https", **page, **certificate},
        {"name": "clear", **page, "status": f"400 {CANARY}"},
        {"name": "nonsense", "mode": "line", "body": f"{CANARY}\r\n\r\n"},
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
        endpoints += [f"smtp://127.0.0.1:{ports['busy']}", "host:127.0.0.1"]
        declared = line.declare(system(*endpoints), name="canaries.yaml")
        formats = "html,json,sarif,junit,codequality"
        yield line.call("run", declared, "--log-level", "debug", "--format", formats, "--fail-on", "info")


def test_every_server_was_heard(result: RunResult) -> None:
    """The scans saw something: no canary is absent because nothing came."""
    banners = result.scan("banners").facts
    assert banners is not None
    assert {each["banner"]["seen"]["protocol"] for each in banners["ports"] if each["banner"].get("seen")} >= {
        *("ftp", "ssh", "telnet", "pop3", "imap", "mysql", "redis", "vnc"),
    }
    assert len([each for each in result.evidence if each.probe == "http" and each.facts]) >= len(REDIRECTS) + 3


def test_no_canary_is_kept_or_shown(result: RunResult) -> None:
    """Neither capture, observations, reports in all formats, index, nor what the command printed and logged has one."""
    wanted = forms(CANARY)
    kept = {f"{path.relative_to(result.output)}": data for path, data in every_byte(result.output)}
    kept |= {"stdout": result.out.encode(), "stderr": result.err.encode()}
    assert len(kept) > 40
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
