from __future__ import annotations

from typing import Literal

from inspector import Verdict, check, failed, not_applicable, passed
from inspector_http.applicability import answers
from inspector_http.headers import shorten
from inspector_http.observations import Cookie, Http

Flag = Literal["Secure", "HttpOnly", "SameSite"]


@check(
    "cookies-flagged",
    title="Cookies have Secure, HttpOnly and SameSite",
    references=("RFC 6265 §3", "RFC 6265 §4.1.2", "OWASP ASVS 4.0.3 V3.4"),
    applies=answers,
    needs=(),
)
def cookies_flagged(http: Http, *, flags: tuple[Flag, ...] = ("Secure", "HttpOnly", "SameSite")) -> Verdict:
    """Without Secure a cookie is sent unencrypted; without HttpOnly any script on the page reads it; without SameSite,
    or with ``SameSite=None``, it is sent with requests that other sites cause (CSRF).

    Browsers keep the cookies of every reply, also of an error or a redirect.

    Remediation: set ``Secure; HttpOnly; SameSite=Lax`` (or ``Strict``) on every cookie.
    """
    lacking = [
        f"{shorten(cookie.name, 60)}: {', '.join(lacks)}"
        for cookie in http.all_cookies
        if (lacks := _lacks(cookie, flags))
    ]
    if lacking:
        return failed(
            "cookies lack attributes: {measured}", measured=lacking, threshold=flags, facts=(http.cookies_fact,)
        )
    cookies = http.cookies.value
    if not cookies:
        return not_applicable("sets no cookie")
    names = [shorten(cookie.name, 60) for cookie in cookies]
    return passed("every cookie has its attributes: {measured}", measured=names, threshold=flags, facts=("/cookies",))


def _lacks(cookie: Cookie, flags: tuple[Flag, ...]) -> list[str]:
    has = {"Secure": cookie.secure, "HttpOnly": cookie.http_only, "SameSite": cookie.same_site in ("strict", "lax")}
    shown = {"SameSite": "SameSite (None)"} if cookie.same_site == "none" else {}
    return [shown.get(flag, flag) for flag in flags if not has[flag]]
