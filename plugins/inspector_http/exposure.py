"""The probe of paths that nobody outside should see, and of the method TRACE."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from typing import Any

from inspector import (
    Answer,
    Cause,
    Cost,
    Gap,
    Intrusiveness,
    Model,
    Network,
    ParseContext,
    Raw,
    ScanFailure,
    ScanOutput,
    SubjectKind,
    Target,
    probe,
)
from inspector_http.observations import Exposure, PathAnswer
from inspector_http.parsing import BLOCKS
from inspector_http.redaction import Exchange, Redaction
from inspector_http.session import BODY_SECONDS, HEAD_SECONDS, HTTP2_BROKEN, MISSING, REFUSED_HELLOS, Session
from inspector_http.urls import HTTP, HTTPS

#: Paths by what the first bytes show that they give away: version control, settings, states, copies, consoles.
KNOWN: Mapping[str, bytes] = {
    "/.git/HEAD": rb"ref: refs/|[0-9a-f]{40}\s*\Z",
    "/.svn/wc.db": rb"SQLite format 3\0",
    "/.env": rb"(?:[^<]*\n)?(?:export )?[A-Z][A-Z0-9_]{1,63}[ \t]*=[^<]*\Z",
    "/.htpasswd": rb"[^\s:<]{1,64}:[^\s:<]{8,}\s",
    "/server-status": rb"(?s).{0,2048}(?:Apache Server Status|Server Version:)",
    "/server-info": rb"(?s).{0,2048}Apache Server Information",
    "/phpinfo.php": rb"(?s).{0,8192}phpinfo\(\)",
    "/backup.zip": rb"PK\x03\x04",
    "/backup.tar.gz": rb"\x1f\x8b\x08",
    "/backup.sql": rb"(?s)(?:.{0,512}\n)?(?:-- |/\*!|CREATE |INSERT |DROP |PRAGMA )",
    "/wp-config.php.bak": rb"(?s).{0,4096}DB_PASSWORD",
    "/phpmyadmin/": rb"(?s).{0,16384}phpMyAdmin",
    "/actuator/env": rb'(?s)\s*\{.{0,4096}"propertySources"',
}
#: The field that TRACE sends, and that a reply which echoes the request shows again.
_TRACED = "X-Inspector-Trace"
_OK = frozenset({200, 206})
_TRUE_ABSENCE = frozenset({301, 302, 303, 307, 308, 400, 401, 403, 404, 405, 406, 410, 451, 501})


class StoredPath(Model):
    """The reply for one path: its status, and whether its body shows what the path stands for; its bytes are not kept.

    ``is_shown`` is None where no body was read.
    """

    path: str
    status: int | None = None
    is_shown: bool | None = None
    body_bytes: int = 0
    cause: Cause | None = None


class StoredExposure(Model):
    """All replies of one scan; the one to TRACE shows whether it repeats the request."""

    missing: StoredPath
    trace: StoredPath
    paths: tuple[StoredPath, ...]


def parse_exposure(output: ScanOutput, context: ParseContext) -> Exposure:
    """The facts of one scan; raises ScanFailure where nothing answered."""
    kept = output.named("exposure.json")
    if kept is None:
        raise ValueError("nothing was recorded")
    stored = StoredExposure.parse(kept)
    if stored.missing.status is None and all(each.status is None for each in stored.paths):
        raise ScanFailure(stored.missing.cause or Cause.PROTOCOL_ERROR, "no reply")
    return Exposure(
        url=context.subject.uri,
        missing=_answer(stored.missing.status, stored.missing.cause),
        paths=tuple(
            PathAnswer(path=each.path, status=each.status, is_exposed=_is_exposed(each, stored.missing))
            for each in stored.paths
        ),
        trace=_is_exposed(stored.trace, stored.missing),
    )


def _answer(status: int | None, cause: Cause | None) -> Answer[int]:
    return Answer[int](unseen=cause or Cause.PROTOCOL_ERROR) if status is None else Answer[int](seen=status)


def _is_exposed(stored: StoredPath, missing: StoredPath) -> Answer[bool]:
    """A body decides by what it shows; without one, a refusal or an absence does, and nothing else.

    A block page that also stands at the path that cannot exist says nothing about any other one.
    """
    if stored.is_shown is not None:
        return Answer[bool](seen=stored.is_shown)
    is_blocked = stored.status in BLOCKS and stored.status == missing.status
    if stored.status in _TRUE_ABSENCE and not is_blocked:
        return Answer[bool](seen=False)
    cause = stored.cause or BLOCKS.get(stored.status or 0) or Cause.AMBIGUOUS
    return Answer[bool](unseen=cause)


def _cost(_target: Target, options: Mapping[str, Any]) -> Cost:
    requests = 2 + 2 * len(options.get("paths") or KNOWN) + REFUSED_HELLOS + HTTP2_BROKEN
    return Cost(connections=requests, seconds=int(HEAD_SECONDS + BODY_SECONDS) * requests)


@probe(
    "exposure",
    kind=Exposure,
    schemes={HTTPS, HTTP},
    subject_kind=SubjectKind.ADDRESS,
    parse=parse_exposure,
    intrusiveness=Intrusiveness.INTRUSIVE,
    cost=_cost,
)
async def exposure(target: Target, network: Network, *, paths: tuple[str, ...] = tuple(KNOWN)) -> ScanOutput:
    """Ask by HEAD for each path, by GET for one that is there, and by TRACE for an echo of the request.

    ``paths`` are of ``KNOWN``: what a path gives away is told by the first bytes of its body, so that a site which
    answers every path with a page of its own gives away nothing. Of a body only its number of bytes is kept. HEAD is
    left out where a path that cannot exist is answered with 200. Nothing more is asked once the service does not
    answer, or asks to slow down.
    """
    session = Session(network, Redaction(network.fingerprint), verify=False, reads_pages=False)
    missing = _stored(MISSING, (await session.get(_url(target, MISSING), method="HEAD"))[0])
    found = [each async for each in _paths(session, target, paths, answers_all=missing.status in _OK)]
    trace = await _trace(session, target) if missing.cause is None else missing
    stored = StoredExposure(missing=missing, trace=trace, paths=tuple(found))
    gaps = [Gap(question=each.path, cause=each.cause) for each in (missing, *found) if each.cause]
    raw = Raw(name="exposure.json", data=stored.canonical(), media_type="application/json")
    return ScanOutput(raw=(raw,), gaps=tuple(gaps))


def _url(target: Target, path: str) -> str:
    return f"{target.uri}{path}"


async def _paths(
    session: Session, target: Target, paths: tuple[str, ...], *, answers_all: bool
) -> AsyncIterator[StoredPath]:
    cause: Cause | None = None
    for path in paths:
        if cause is not None or path not in KNOWN:
            yield StoredPath(path=path, cause=cause or Cause.NOT_SELECTED)
            continue
        url = _url(target, path)
        stored = None if answers_all else _stored(path, (await session.get(url, method="HEAD"))[0])
        if stored is None or stored.status in _OK or stored.status == 405:
            reply, _ = await session.get(url)
            stored = _stored(path, reply)
            if reply.status in _OK:
                is_read = reply.body_cause is None
                shown = bool(re.match(KNOWN[path], session.last_body)) if is_read else None
                stored = stored.model_copy(
                    update={"is_shown": shown, "body_bytes": reply.body_bytes, "cause": reply.body_cause}
                )
        if stored.cause is not None or BLOCKS.get(stored.status or 0) is Cause.RATE_LIMITED:
            cause = stored.cause or Cause.RATE_LIMITED
        yield stored


def _stored(path: str, reply: Exchange) -> StoredPath:
    return StoredPath(path=path, status=reply.status, cause=reply.cause)


async def _trace(session: Session, target: Target) -> StoredPath:
    """Whether the body of the reply repeats a field of the request (RFC 9110 §9.3.8)."""
    reply, _ = await session.get(_url(target, "/"), method="TRACE", headers={_TRACED: "1"})
    shown = _TRACED.lower().encode() in session.last_body.lower() if reply.status in _OK else None
    return StoredPath(path="/", status=reply.status, is_shown=shown, cause=reply.cause)
