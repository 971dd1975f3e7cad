"""Whether a claim is about a reply like this one: functions for ``@check(..., applies=...)``."""

from __future__ import annotations

from inspector import Verdict, not_applicable
from inspector_http.observations import Http


def answers(http: Http) -> Verdict | None:
    """Applies unless a port for plain HTTP refuses connections."""
    if http.is_closed:
        return not_applicable("the port is closed", facts=("/protocol",))
    return None


def serves_content(http: Http) -> Verdict | None:
    """Applies to replies with content, of any type: not to closed ports and redirects."""
    closed = answers(http)
    if closed is not None:
        return closed
    if http.redirect.value is not None:
        return not_applicable("only redirects to another service")
    return None


def serves_html(http: Http) -> Verdict | None:
    """Applies to HTML pages, and to replies without a content type, which browsers may take for HTML."""
    other = serves_content(http)
    if other is not None:
        return other
    if not http.is_html:
        return not_applicable("the content is not an HTML page")
    return None


def is_https(http: Http) -> Verdict | None:
    """Applies to endpoints declared as HTTPS."""
    if http.scheme != "https":
        return not_applicable("this endpoint is not declared as HTTPS")
    return None
