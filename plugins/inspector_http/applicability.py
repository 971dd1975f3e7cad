"""Verdicts of several checks: whether a claim is about a reply like this one (``@check(..., applies=...)``)."""

from __future__ import annotations

from inspector import Cause, Every, Verdict, inconclusive, not_applicable, passed
from inspector_http.observations import Http, Page, SecurityTxt


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
        return http.explain(Cause.OUT_OF_SCOPE) or inconclusive(
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


def shows_text(http: Http) -> Verdict | None:
    """Applies to HTML pages and plain text, whatever their status."""
    closed = answers(http)
    if closed is not None:
        return closed
    if http.headers.is_seen and not http.is_html and not http.is_plain_text:
        return not_applicable("the content is not an HTML page")
    return None


def cut_off(page: Page) -> Verdict | None:
    """*inconclusive*, because the rest of a page was not read, so that what it lacks may stand there."""
    if page.is_whole:
        return None
    return inconclusive("only the beginning of the page was read", cause=Cause.AMBIGUOUS)


def is_https(http: Http) -> Verdict | None:
    """Applies to endpoints declared as HTTPS."""
    if http.scheme != "https":
        return not_applicable("this endpoint is not declared as HTTPS")
    return None


def unanswered(files: Every[SecurityTxt]) -> SecurityTxt | None:
    """The first service whose ``security.txt`` was not seen, unless it redirects to one that was, and is valid."""
    valid = {each.url for each in files if each.file.seen is not None and each.file.seen.is_valid_at(each.seen_at)}
    return next((each for each in files if not each.file.is_seen and each.leads_to not in valid), None)


def contact_named(files: Every[SecurityTxt]) -> Verdict | None:
    """*pass*, because a service has a valid file with a contact; None where none has."""
    for each in files:
        file = each.file.seen
        if file is not None and file.is_valid_at(each.seen_at) and file.ends is not None:
            return passed(
                "{url} names {measured}, valid until {ends}",
                url=each.url,
                measured=file.contacts_usable,
                ends=file.ends,
                facts=("/file",),
            )
    return None


def no_security_txt(files: Every[SecurityTxt]) -> Verdict:
    """*inconclusive*, because no service has a valid file: there may be other channels, which only a person finds."""
    unseen = unanswered(files)
    if unseen is not None and unseen.leads_to:
        return inconclusive(
            "{url} redirects to {measured}; whether that is of the same owner is for a person to judge",
            url=unseen.url,
            measured=unseen.leads_to,
            cause=Cause.OUT_OF_SCOPE,
        )
    if unseen is not None:
        cause = unseen.file.unseen or Cause.TIMEOUT
        return inconclusive("the reply of {url} was not seen", url=unseen.url, cause=cause)
    for missing in files.missing:
        cause = missing.cause or Cause.NOT_REACHED
        return inconclusive("the reply of {url} was not seen", url=missing.subject.uri, cause=cause)
    for each in files:
        file = each.file.seen
        if file is not None and not file.names_itself:
            return inconclusive(
                "{url} says that it belongs at {measured}",
                url=each.url,
                measured=file.canonical_urls,
                cause=Cause.AMBIGUOUS,
            )
        if file is not None:
            return inconclusive(
                "{url} is not valid; a person may find an address on a page", url=each.url, cause=Cause.NOT_STATED
            )
    return inconclusive(
        "no web service has a security.txt ({count} asked); another channel may exist, which a person must look for",
        count=len(files),
        cause=Cause.NOT_STATED,
    )
