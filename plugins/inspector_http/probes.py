"""The probes: one plain GET of the declared path, and one of the file ``security.txt``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from inspector import (
    Answer,
    Cause,
    CertificateFlaw,
    Cost,
    Discovered,
    Gap,
    Network,
    Raw,
    ScanFailure,
    ScanOutput,
    Sensitivity,
    SubjectKind,
    Target,
    Uri,
    probe,
)
from inspector_http.headers import HSTS
from inspector_http.observations import Http, Part, SecurityTxt
from inspector_http.parsing import BAD_REQUEST, HTTP2, TOO_MANY, parse_http, parse_security_txt
from inspector_http.redaction import Exchange, Exchanges, Redaction, is_plain
from inspector_http.security_txt import PATH, without_other_text
from inspector_http.session import (
    BODY_SECONDS,
    HEAD_SECONDS,
    HTTP2_BROKEN,
    MISSING,
    PAGE_BYTES,
    PAGE_SECONDS,
    REDIRECTS_FOLLOWED,
    REFUSED_HELLOS,
    Session,
)
from inspector_http.urls import HTTP, HTTPS, asks_for_log_in, hosts, plain, uri_of

#: The most handshakes in which a certificate is verified.
VERIFYING_HANDSHAKES = 3


#: The parts that are one request each.
_MORE_REQUESTS = (Part.HTTP1, Part.ERROR_PAGE)


def _cost(target: Target, _options: Mapping[str, Any]) -> Cost:
    """The bounds of one scan; on port 443 with those of the scan of port 80 that it discovers."""
    steps = REDIRECTS_FOLLOWED + 2 + REFUSED_HELLOS + HTTP2_BROKEN + len(_MORE_REQUESTS)
    scans = 2 if _discovers_port_80(target) else 1
    handshakes = VERIFYING_HANDSHAKES + REFUSED_HELLOS if target.scheme == HTTPS.name else 0
    seconds = int(HEAD_SECONDS + BODY_SECONDS) * steps + (int(HEAD_SECONDS) if handshakes else 0) + int(PAGE_SECONDS)
    return Cost(connections=scans * steps + handshakes, seconds=seconds)


def _discovers_port_80(target: Target) -> bool:
    return target.scheme == HTTPS.name and target.port == HTTPS.port


@probe(
    "http",
    kind=Http,
    schemes={HTTPS, HTTP},
    subject_kind=SubjectKind.URL,
    parse=parse_http,
    discovers={HTTPS, HTTP},
    cost=_cost,
    version="5",
)
async def http(target: Target, network: Network, *, parts: tuple[Part, ...] | None = None) -> ScanOutput:
    """Get the declared path as an ordinary client does, without cookies and whatever certificate is presented.

    Whether clients accept the certificate counts where a reply over HTTPS has Strict-Transport-Security, and is asked
    for unless ``parts`` leaves it out: the first handshake verifies it, and where it rejects it, a second one does not.

    A port that does not answer in the declared protocol is requested in the other of HTTP and HTTPS. An endpoint on
    port 443 discovers port 80 of its host, a redirect to another service discovers that service, unless its host is not
    declared. Bodies are read to the bound, as any client does.

    HTTP/2 is offered as browsers do. Of the other parts, ``http/1.1`` asks for the same page over HTTP/1.1 where it
    came over HTTP/2, and ``error-page`` for a path that cannot exist.
    """
    verifies = target.scheme == HTTPS.name and target.server_name is not None
    verifies = verifies and (parts is None or Part.CERTIFICATE in parts)
    session = Session(network, Redaction(network.fingerprint), verify=verifies, body_bytes=PAGE_BYTES)
    followed, redirect = await session.follow(target.uri)
    page_url = session.last_url
    other = await session.other(target.uri) if _may_be_other_protocol(followed[0], target) else None
    certificate = await _certificate(followed, network) if verifies else _NOT_VERIFIED
    outside = bool(redirect) and _leads_outside(target, redirect)
    exchanges = Exchanges(
        followed=followed,
        other=other,
        certificate=certificate,
        leads_outside=outside,
        to_log_in=asks_for_log_in(redirect),
        http1=await _over_http1(session, followed[-1], page_url) if _asked(parts, Part.HTTP1) else None,
        missing=await _missing(session, followed, target) if _asked(parts, Part.ERROR_PAGE) else None,
    )
    return ScanOutput(
        raw=(recorded(exchanges),),
        gaps=gaps_of(followed),
        discovered=tuple(_discovered(target, "" if outside else redirect)),
    )


def _asked(parts: tuple[Part, ...] | None, part: Part) -> bool:
    return parts is None or part in parts


async def _over_http1(session: Session, last: Exchange, url: str) -> Exchange | None:
    """The page over HTTP/1.1, where it came over HTTP/2."""
    if last.cause is not None or last.version != HTTP2:
        return None
    exchange, _ = await session.get(url, http1=True)
    return exchange


async def _missing(session: Session, followed: Sequence[Exchange], target: Target) -> Exchange:
    """The reply for a path that cannot exist, of a service that answers and does not ask for fewer requests."""
    url = f"{uri_of(target.uri).service}{MISSING}"
    limited = Cause.RATE_LIMITED if followed[-1].status == TOO_MANY else None
    if cause := followed[0].cause or limited:
        return Exchange(url=url, cause=cause, detail="not asked")
    exchange, _ = await session.get(url)
    return exchange


def recorded(exchanges: Exchanges) -> Raw:
    """The exchanges as they are kept."""
    return Raw(
        name="exchanges.json",
        data=exchanges.canonical(),
        media_type="application/json",
        sensitivity=Sensitivity.REDACTED,
    )


def gaps_of(followed: Sequence[Exchange]) -> tuple[Gap, ...]:
    """The requests without a reply."""
    return tuple(Gap(question=each.url, cause=each.cause, detail=each.detail) for each in followed if each.cause)


_NOT_VERIFIED: Answer[CertificateFlaw | None] = Answer(unseen=Cause.NOT_SELECTED)


async def _certificate(followed: Sequence[Exchange], network: Network) -> Answer[CertificateFlaw | None]:
    """Why clients reject the certificate; asked only for a reply with HSTS, which they then ignore (RFC 6797 §8.1)."""
    names = {name.lower() for each in followed for name, _ in each.headers}
    if HSTS not in names:
        return _NOT_VERIFIED
    try:
        async with network.within(HEAD_SECONDS):
            return Answer(seen=await network.verify_certificate())
    except ScanFailure as failure:
        return Answer(unseen=failure.cause)
    except TimeoutError:
        return Answer(unseen=Cause.TIMEOUT)


def _discovered(target: Target, redirect: str) -> Iterator[Discovered]:
    if _discovers_port_80(target):
        yield Discovered(uri=str(Uri(HTTP, target.host, HTTP.port, "/")), why="port 80 beside HTTPS")
    if redirect:
        uri = uri_of(plain(redirect))
        # A path that may hold a token is kept nowhere: the root of the service stands for it.
        path = uri.path if all(is_plain(each) for each in uri.path.split("/") if each) else "/"
        yield Discovered(uri=str(replace(uri, path=path)), why="redirect")


def _leads_outside(target: Target, redirect: str) -> bool:
    """Whether a redirect leads to a host that is not declared: never scanned, and shown by the observation."""
    other = uri_of(redirect).host
    return other != target.host and other not in hosts(target.declared.endpoints)


def _may_be_other_protocol(first: Exchange, target: Target) -> bool:
    """Whether the first reply suggests that the port answers the other of HTTP and HTTPS."""
    if first.cause is None:
        return target.scheme == HTTP.name and first.status == BAD_REQUEST
    return first.cause in (Cause.PROTOCOL_ERROR, Cause.RESET)


@probe(
    "security-txt",
    kind=SecurityTxt,
    schemes={HTTPS},
    subject_kind=SubjectKind.ADDRESS,
    parse=parse_security_txt,
    cost=Cost(
        connections=REDIRECTS_FOLLOWED + 1 + REFUSED_HELLOS + HTTP2_BROKEN,
        seconds=int(HEAD_SECONDS + BODY_SECONDS) * (REDIRECTS_FOLLOWED + 1),
    ),
)
async def security_txt(target: Target, network: Network) -> ScanOutput:
    """Get ``/.well-known/security.txt`` once for each HTTPS service, along redirects that stay on the service.

    A redirect to another service is recorded and not followed: whoever stands there may be another owner (RFC 9116 §3).
    Of the page that comes, only lines in the layout of such a file are recorded, at most 64 KiB.
    """
    session = Session(network, Redaction(network.fingerprint), verify=False)
    followed, _redirect = await session.follow(f"{target.uri}{PATH}")
    kept = Raw(
        name="security.txt",
        data=without_other_text(session.last_body),
        media_type="text/plain",
        sensitivity=Sensitivity.REDACTED,
    )
    return ScanOutput(raw=(recorded(Exchanges(followed=followed)), kept), gaps=gaps_of(followed))
