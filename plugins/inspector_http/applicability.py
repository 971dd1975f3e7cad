"""Whether a claim is about a reply like this one: functions for ``@check(..., applies=...)``."""

from __future__ import annotations

from inspector import Cause, Verdict, inconclusive, not_applicable
from inspector_http.observations import Http


def answers(http: Http) -> Verdict | None:
    """Applies unless a port for plain HTTP refuses connections."""
    if http.is_closed:
        return not_applicable("the port is closed", facts=("/protocol",))
    return None


def serves_content(http: Http) -> Verdict | None:
    """Applies to replies with content, of any type: not to closed ports and redirects.

    Where HTTPS redirects to a host that is not declared, the page of the endpoint is out of scope; a redirect of plain
    HTTP has a check of its own.
    """
    closed = answers(http)
    if closed is not None:
        return closed
    redirect = http.redirect.value
    if redirect is not None and http.leads_outside and http.scheme == "https":
        return inconclusive(
            "redirects to {measured}, which is not declared", measured=redirect.url, cause=Cause.OUT_OF_SCOPE
        )
    if redirect is not None:
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
