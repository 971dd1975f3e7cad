"""What the demo servers send: good and bad pages, and banners. Each character is one byte."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta

#: A telnet login prompt; it begins with an option negotiation (RFC 854).
TELNET = "\xff\xfd\x18\r\nmay-cu login: "
#: The greeting of a database: a handshake packet of MySQL's protocol, version 10.
_HANDSHAKE = f"\x0a5.1.73-log\x00\x07\x00\x00\x00saltsalt\x00\xff\xf7\x08\x02\x00{13 * chr(0)}saltsaltsalt\x00"
MYSQL = f"{chr(len(_HANDSHAKE))}\x00\x00\x00{_HANDSHAKE}"

_SOUND = """<!doctype html><html lang="vi"><meta charset="utf-8"><title>Cổng thông tin điện tử Bộ Mẫu</title>
<h1>Cổng thông tin điện tử Bộ Mẫu</h1><p>Trang minh họa, chạy trên chính máy này.</p></html>
"""
_POOR = """<html><title>Luu niem</title><h1>Cua hang luu niem</h1><p>Trang minh hoa.</p></html>
"""


def sound_page() -> str:
    """A page with all security headers and a secure session cookie."""
    return _reply(
        "200 OK",
        _SOUND,
        "Content-Type: text/html; charset=utf-8",
        "Strict-Transport-Security: max-age=31536000; includeSubDomains",
        "X-Content-Type-Options: nosniff",
        "Content-Security-Policy: default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self';"
        " frame-ancestors 'self'",
        f"Set-Cookie: phien={secrets.token_hex(16)}; Path=/; Secure; HttpOnly; SameSite=Lax",
    )


def poor_page() -> str:
    """A page without security headers, with software versions and a script in a header."""
    return _reply(
        "200 OK",
        _POOR,
        "Server: Apache/2.2.15 (CentOS)",
        "X-Powered-By: PHP/5.3.3 <script>alert(1)</script>",
        "Content-Type: text/html",
        f"Set-Cookie: PHPSESSID={secrets.token_hex(16)}; path=/",
    )


def security_txt(host: str, now: datetime) -> str:
    """A file ``security.txt`` (RFC 9116) that is valid for half a year."""
    expires = (now + timedelta(days=180)).replace(microsecond=0).isoformat()
    body = f"Contact: mailto:ung-cuu@{host}\nExpires: {expires}\nPreferred-Languages: vi, en\n"
    return _reply("200 OK", body, "Content-Type: text/plain; charset=utf-8")


def moved(location: str) -> str:
    """A permanent redirect."""
    return _reply("301 Moved Permanently", "", f"Location: {location}")


def _reply(status: str, body: str, *headers: str) -> str:
    content = body.encode().decode("latin-1")
    head = [f"HTTP/1.1 {status}", *headers, f"Content-Length: {len(content)}", "Connection: close"]
    return "\r\n".join(head) + "\r\n\r\n" + content
