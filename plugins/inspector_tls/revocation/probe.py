"""The probe of revocation: fetches the certificates again, and asks the sources that they name, where permitted."""

from __future__ import annotations

import asyncio
import hashlib
import os
import warnings
from collections.abc import Iterable, Mapping
from typing import Any

from inspector import (
    Cause,
    Cost,
    Gap,
    Intrusiveness,
    Network,
    Raw,
    ScanFailure,
    ScanOutput,
    Stream,
    SubjectKind,
    Target,
    probe,
)
from inspector_tls.certificates.handshake import HandshakeEnd, fetch_certificates
from inspector_tls.certificates.hello_profiles import CertificateKind, HelloProfile
from inspector_tls.certificates.observations import Certificates
from inspector_tls.enumeration.probe import HTTPS, TLS
from inspector_tls.revocation.http_fetch import MOST_ADDRESSES, Received, fetch
from inspector_tls.revocation.observations import Protocol, Revocation
from inspector_tls.revocation.parsing import QUESTIONS, parse
from inspector_tls.revocation.sources import AskedSource, Question, Questions, questions
from inspector_tls.starttls.negotiation import IMPLICIT, SCHEMES, needs_negotiation
from inspector_tls.starttls.runner import NEGOTIATION_SECONDS, prepare

#: The hello profiles, tried until the server presents a certificate; the other kinds are then asked for likewise.
_PROFILES = tuple(profile for profile in HelloProfile if profile is not HelloProfile.ANONYMOUS)
#: The most handshakes, and the most sources that are asked.
_MAX_HANDSHAKES = len(_PROFILES) + len(CertificateKind) - 1
_MAX_FETCHES = 12
_NONCE_BYTES = 16
_TYPES = {
    "der": "application/pkix-cert",
    "ocsp": "application/ocsp-response",
    "ocsp-request": "application/ocsp-request",
    "crl": "application/pkix-crl",
}


def _cost(target: Target, options: Mapping[str, Any]) -> Cost:
    before = int(NEGOTIATION_SECONDS) if needs_negotiation(target.scheme) else 0
    handshakes = _MAX_HANDSHAKES * (before + int(options.get("answer_seconds", 6)))
    fetches = 2 * MOST_ADDRESSES * int(options.get("source_seconds", 15))  # the lists together, then the responders
    return Cost(connections=_MAX_HANDSHAKES + _MAX_FETCHES * MOST_ADDRESSES, seconds=handshakes + fetches)


@probe(
    "revocation",
    kind=Revocation,
    schemes={HTTPS, TLS, *IMPLICIT, *SCHEMES},
    subject_kind=SubjectKind.ADDRESS,
    intrusiveness=Intrusiveness.POLITE,
    cost=_cost,
    parse=parse,
    parse_in_worker=True,
    contacts_third_parties=True,
)
async def revocation(
    target: Target,
    network: Network,
    certificates: Certificates,
    *,
    answer_seconds: int = 6,
    source_seconds: int = 15,
) -> ScanOutput:
    """Ask the OCSP responders, and fetch the revocation lists, that the presented certificates name.

    Only hosts that an authorisation names are asked, over plain HTTP; others are recorded as out of scope. Without any
    such host, no packet is sent to the target either. ``answer_seconds`` bounds one handshake, ``source_seconds`` one
    source.
    """
    scan = _RevocationScan(target, network, certificates, answer_seconds, source_seconds)
    answered = await scan.run(questions(certificates))
    return ScanOutput(
        raw=(Raw(name=QUESTIONS, data=answered.canonical(), media_type="application/json"), *scan.files()),
        gaps=tuple(_gaps(answered)),
    )


class _RevocationScan:
    """What was received from a server and from the sources that its certificates name."""

    def __init__(
        self, target: Target, network: Network, certificates: Certificates, seconds: int, source_seconds: int
    ) -> None:
        self._target = target
        self._network = network
        self._observed = certificates
        self._seconds = seconds
        self._source_seconds = source_seconds
        self._files: dict[str, bytes] = {}
        self._served: dict[str, bytes] = {}
        self._not_permitted: dict[str, ScanFailure] = {}
        self._lists: dict[str, Received] = {}
        self._fetches_left = _MAX_FETCHES

    async def run(self, wanted: Questions) -> Questions:
        """The questions, each with its result."""
        urls = {each.url for question in wanted.questions for each in question.sources if each.cause is None}
        for url in sorted(urls):
            await self._check_permission(url)
        if urls - self._not_permitted.keys():
            await self._fetch_certificates()
        if self._served:
            await self._fetch_lists(wanted)
        answered = await asyncio.gather(*(self._question(each) for each in wanted.questions))
        return wanted.model_copy(update={"questions": tuple(answered)})

    async def _check_permission(self, url: str) -> None:
        """Check whether the authorisation covers the source; sends no packet."""
        try:
            await self._network.third_parties(url)
        except ScanFailure as failure:
            self._not_permitted[url] = failure

    async def _fetch_certificates(self) -> None:
        """Get every certificate presented, in DER."""
        kinds = self._kinds()
        for profile in _PROFILES:
            if await self._fetch_certificate(profile, kinds[0]):
                await asyncio.gather(*(self._fetch_certificate(profile, kind) for kind in kinds[1:]))
                return

    def _kinds(self) -> list[CertificateKind]:
        """The kinds of client that together get every certificate of the host that was observed."""
        leaves: dict[str, CertificateKind] = {}
        for kind, answer in zip(CertificateKind, self._observed.leaves_by_kind.answers, strict=True):
            if answer.seen is not None:
                leaves.setdefault(answer.seen, kind)
        return list(leaves.values()) or [CertificateKind.USUAL]

    async def _open(self, stream: Stream) -> None:
        """Negotiate TLS in the target's protocol where it does not begin with TLS."""
        await prepare(stream, self._target.scheme, self._network.identity, host=self._target.host)

    async def _fetch_certificate(self, profile: HelloProfile, kind: CertificateKind) -> bool:
        result = await fetch_certificates(
            self._network,
            profile,
            kind,
            self._observed.server_name,
            opening=self._open,
            seconds=float(self._seconds),
        )
        presented = result.presented
        if result.end is not HandshakeEnd.PRESENTED or presented is None:
            return False
        for der in presented.certificates:
            self._served[hashlib.sha256(der).hexdigest()] = der
            self._keep(der, "der")
        return True

    async def _fetch_lists(self, wanted: Questions) -> None:
        """Fetch every list that may be fetched, once for all certificates."""
        sources = (each for question in wanted.questions for each in question.sources if each.cause is None)
        urls = sorted({each.url for each in sources if each.protocol is Protocol.CRL} - self._not_permitted.keys())
        self._lists = dict(zip(urls, await asyncio.gather(*(self._fetch(url, None) for url in urls)), strict=True))

    async def _question(self, question: Question) -> Question:
        sources = await asyncio.gather(*(self._source(question, each) for each in question.sources))
        return question.model_copy(update={"sources": tuple(sources)})

    async def _source(self, question: Question, source: AskedSource) -> AskedSource:
        if source.cause is not None:
            return source
        refusal = self._not_permitted.get(source.url)
        if refusal is not None:
            return _unanswered(source, refusal.cause, refusal.message)
        der = self._served.get(question.certificate.sha256)
        if der is None:
            return _unanswered(source, Cause.UNSTABLE, "the server did not present the certificate again")
        if source.protocol is Protocol.CRL:
            return self._answered(source, self._lists[source.url])
        sent = self._request(der)
        if sent is None:
            return _unanswered(
                source, Cause.AMBIGUOUS, "the issuer's certificate, which a request names, is not served"
            )
        requested = source.model_copy(update={"sent": self._keep(sent, "ocsp-request")})
        return self._answered(requested, await self._fetch(source.url, sent))

    async def _fetch(self, url: str, sent: bytes | None) -> Received:
        if not self._fetches_left:
            return Received(cause=Cause.ABORTED, detail=f"more than {_MAX_FETCHES} sources")
        self._fetches_left -= 1
        return await fetch(self._network, url, sent, seconds=float(self._source_seconds))

    def _answered(self, source: AskedSource, received: Received) -> AskedSource:
        if received.cause is not None:
            return _unanswered(source, received.cause, received.detail)
        return source.model_copy(update={"received": self._keep(received.body, source.protocol.value)})

    def _request(self, der: bytes) -> bytes | None:
        """A request about this certificate; None where its issuer is not among those served."""
        from inspector_tls.certificates.ocsp_staple import MALFORMED, IssuerUnknown, issuer_of
        from inspector_tls.certificates.path_validation import NotValidated
        from inspector_tls.certificates.x509_facts import load
        from inspector_tls.revocation.ocsp import request

        with warnings.catch_warnings():
            # The probe of certificates records malformed certificates as facts: no warning is needed.
            warnings.simplefilter("ignore")
            served = [each for each in map(load, self._served.values()) if each is not None]
            certificate = load(der)
            if certificate is None:
                return None
            try:
                return request(certificate, issuer_of(certificate, served), os.urandom(_NONCE_BYTES))
            except (IssuerUnknown, NotValidated, *MALFORMED):
                return None

    def _keep(self, data: bytes, kind: str) -> str:
        """Keep the bytes under their digest; the name of the file."""
        name = f"{hashlib.sha256(data).hexdigest()}.{kind}"
        self._files[name] = data
        return name

    def files(self) -> Iterable[Raw]:
        """Certificates, requests, responses and lists, by name."""
        for name, data in sorted(self._files.items()):
            yield Raw(name=name, data=data, media_type=_TYPES[name.partition(".")[2]])


def _unanswered(source: AskedSource, cause: Cause, detail: str) -> AskedSource:
    return source.model_copy(update={"cause": cause, "detail": detail[:300]})


def _gaps(answered: Questions) -> Iterable[Gap]:
    for question in answered.questions:
        for each in question.sources:
            if each.cause is not None:
                about = f"whether {question.certificate.subject} is revoked, of {each.url}"
                yield Gap(question=about, cause=each.cause, detail=each.detail)
