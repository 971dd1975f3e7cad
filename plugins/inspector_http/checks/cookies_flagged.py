from __future__ import annotations

from typing import Literal

from inspector import Verdict, check, failed, not_applicable, passed
from inspector_http.headers import shorten
from inspector_http.observations import Cookie, Http

Flag = Literal["Secure", "HttpOnly", "SameSite"]


@check(
    "cookies-flagged",
    title="Cookies are protected by Secure, HttpOnly and SameSite",
    references=("RFC 6265 §4.1.2", "OWASP ASVS 4.0.3 V3.4"),
)
def cookies_flagged(http: Http, *, flags: tuple[Flag, ...] = ("Secure", "HttpOnly", "SameSite")) -> Verdict:
    """A cookie without these flags travels in clear, is read by any script on the page, or is sent for foreign pages,
    which is also what ``SameSite=None`` asks for.

    Remediation: set ``Secure; HttpOnly; SameSite=Lax`` (or ``Strict``) on every cookie.
    """
    if http.is_shut:
        return not_applicable("nothing answers there", facts=("/speaks",))
    cookies = http.cookies.value
    if not cookies:
        return not_applicable("sets no cookie")
    lacking = [
        f"{shorten(cookie.name, 60)}: {', '.join(lacks)}" for cookie in cookies if (lacks := _lacks(cookie, flags))
    ]
    if lacking:
        return failed("cookies lack flags: {measured}", measured=lacking, threshold=flags, facts=("/cookies",))
    names = [shorten(cookie.name, 60) for cookie in cookies]
    return passed("every cookie is flagged: {measured}", measured=names, threshold=flags, facts=("/cookies",))


def _lacks(cookie: Cookie, flags: tuple[Flag, ...]) -> list[str]:
    has = {"Secure": cookie.secure, "HttpOnly": cookie.http_only, "SameSite": cookie.same_site in ("strict", "lax")}
    shown = {"SameSite": "SameSite (None)"} if cookie.same_site == "none" else {}
    return [shown.get(flag, flag) for flag in flags if not has[flag]]
