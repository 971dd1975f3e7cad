from __future__ import annotations

from collections.abc import Collection
from typing import Literal

from inspector import Verdict, check, failed, not_applicable, passed
from inspector_http.applicability import answers
from inspector_http.cookies import PREFIXES
from inspector_http.observations import Cookie, Http

Flag = Literal["Secure", "HttpOnly", "SameSite"]

#: Cookies of CSRF protection that scripts read to send their value back in a header (double submit), as the frameworks
#: name them by default: Angular, Laravel and Spring Security; Django and Starlette; Tornado; Flask-JWT-Extended (two).
SCRIPT_READABLE = ("XSRF-TOKEN", "csrftoken", "_xsrf", "csrf_access_token", "csrf_refresh_token")


@check(
    "cookies-flagged",
    title="Cookies have Secure, HttpOnly and SameSite",
    references=(
        "RFC 6265 §3",
        "RFC 6265 §4.1.2",
        "OWASP ASVS 4.0.3 V3.4",
        "OWASP Cross-Site Request Forgery Prevention Cheat Sheet",
    ),
    applies=answers,
    needs=(),
)
def cookies_flagged(
    http: Http,
    *,
    flags: tuple[Flag, ...] = ("Secure", "HttpOnly", "SameSite"),
    script_readable: tuple[str, ...] = SCRIPT_READABLE,
) -> Verdict:
    """Without Secure a cookie is sent unencrypted; without HttpOnly any script on the page reads it; without SameSite,
    or with ``SameSite=None``, it is sent with requests that other sites cause (CSRF).

    Browsers keep the cookies of every reply, also of an error or a redirect. HttpOnly is not demanded of a cookie with
    the token of a CSRF protection (double submit), by its name: scripts of the site must read it.

    Remediation: set ``Secure; HttpOnly; SameSite=Lax`` (or ``Strict``) on every cookie.
    """
    readable = {_bare(name) for name in script_readable}
    lacking = [
        f"{cookie.label}: {', '.join(lacks)}"
        for cookie in http.all_cookies
        if cookie.is_stored and (lacks := _lacks(cookie, flags, readable))
    ]
    if lacking:
        return failed(
            "cookies lack attributes: {measured}", measured=lacking, threshold=flags, facts=(http.cookies_fact,)
        )
    cookies = [each for each in http.cookies.value if each.is_stored]
    if not cookies:
        return not_applicable("sets no cookie")
    names = [cookie.label for cookie in cookies]
    exempt = [each.label for each in cookies if not each.http_only]
    if exempt and "HttpOnly" in flags:
        return passed(
            "every cookie has its attributes: {measured}; scripts read the CSRF token in {exempt}",
            measured=names,
            threshold=flags,
            exempt=exempt,
            facts=("/cookies",),
        )
    return passed("every cookie has its attributes: {measured}", measured=names, threshold=flags, facts=("/cookies",))


def _bare(name: str) -> str:
    """A cookie's name in lower case, without the prefix that binds it to its host (RFC 6265bis §4.1.3)."""
    lower = name.lower()
    return next((lower.removeprefix(each) for each in PREFIXES if lower.startswith(each)), lower)


def _lacks(cookie: Cookie, flags: tuple[Flag, ...], readable: Collection[str]) -> list[str]:
    http_only = cookie.http_only or _bare(cookie.name) in readable
    has = {"Secure": cookie.secure, "HttpOnly": http_only, "SameSite": cookie.same_site in ("strict", "lax")}
    shown = {"SameSite": "SameSite (None)"} if cookie.same_site == "none" else {}
    return [shown.get(flag, flag) for flag in flags if not has[flag]]
