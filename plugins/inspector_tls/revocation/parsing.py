"""Parses the answers of sources into facts: pure, so that the same bytes can be parsed again."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from typing import TYPE_CHECKING

from inspector import Answer, Cause, ParseContext, ScanOutput
from inspector_tls.certificates.observations import Status
from inspector_tls.revocation.observations import (
    AnswerFlaw,
    CertificateStatus,
    Protocol,
    Revocation,
    RevocationAnswer,
    Source,
)
from inspector_tls.revocation.sources import AskedSource, Question, Questions, exempt

if TYPE_CHECKING:
    from inspector_tls.certificates.x509_certificate import X509Certificate

#: The name of the raw bytes that list every question.
QUESTIONS = "questions.json"
#: Which status counts first, where sources disagree.
_PRECEDENCE = (Status.REVOKED, Status.UNKNOWN, Status.GOOD)
#: Causes that are about the authorisation, not about the source.
_NOT_PERMITTED = (Cause.OUT_OF_SCOPE, Cause.NOT_AUTHORISED, Cause.OUTSIDE_WINDOW)


def parse(output: ScanOutput, context: ParseContext) -> Revocation:
    """The status of each certificate by its sources."""
    stored = Questions.parse(output.named(QUESTIONS) or b"")
    with warnings.catch_warnings():
        # Malformed answers are facts here, not events to warn about.
        warnings.simplefilter("ignore")
        assessor = _Assessor(output, _known(output, context), context.seen_at)
        statuses = tuple(map(assessor.status_of, stored.questions))
    return Revocation(seen_at=context.seen_at, complete=stored.complete, certificates=statuses)


def _known(output: ScanOutput, context: ParseContext) -> list[X509Certificate]:
    """The certificates among which issuers are searched: those served, and the roots."""
    from inspector_tls.certificates.root_store import root_store
    from inspector_tls.certificates.x509_facts import load

    served = [load(each.data) for each in output.raw if each.name.endswith(".der")]
    if not served:
        return []
    roots = (root_store(material).certificates for material in (context.declared_roots, context.public_roots))
    return [*(each for each in served if each is not None), *chain.from_iterable(roots)]


@dataclass(frozen=True, slots=True)
class _Assessor:
    output: ScanOutput
    known: Sequence[X509Certificate]
    at: datetime

    def status_of(self, question: Question) -> CertificateStatus:
        """The facts of one certificate."""
        certificate = question.certificate
        sources = tuple(self._source(certificate.sha256, each) for each in question.sources)
        return CertificateStatus(
            sha256=certificate.sha256,
            subject=certificate.subject,
            serial=certificate.serial,
            exempt=exempt(certificate),
            status=settle(sources),
            sources=sources,
        )

    def _source(self, sha256: str, asked: AskedSource) -> Source:
        source = Source(protocol=asked.protocol, url=asked.url, cause=asked.cause, detail=asked.detail)
        return source if asked.cause is not None else source.model_copy(update=self._answer(sha256, asked))

    def _answer(self, sha256: str, asked: AskedSource) -> dict[str, RevocationAnswer | Cause | str]:
        from inspector_tls.certificates.ocsp_staple import IssuerUnknown
        from inspector_tls.certificates.path_validation import NotValidated
        from inspector_tls.certificates.x509_facts import load
        from inspector_tls.revocation.crl import crl_answer
        from inspector_tls.revocation.ocsp import ocsp_answer

        certificate = load(self.output.named(f"{sha256}.der") or b"")
        data = self.output.named(asked.received or "") or b""
        if certificate is None:
            return {"cause": Cause.PROTOCOL_ERROR, "detail": "the certificate cannot be parsed"}
        try:
            if asked.protocol is Protocol.CRL:
                return {"answer": crl_answer(data, certificate, self.known, self.at)}
            return {
                "answer": ocsp_answer(
                    data, self.output.named(asked.sent or "") or b"", certificate, self.known, self.at
                )
            }
        except IssuerUnknown:
            return {"cause": Cause.AMBIGUOUS, "detail": "the issuer's certificate is neither served nor a known root"}
        except NotValidated:
            return {"answer": RevocationAnswer(flaw=AnswerFlaw.UNSUPPORTED_ALGORITHM)}


def settle(sources: Sequence[Source]) -> Answer[Status]:
    """The status by all sources: of the valid answers the first in precedence, else why there is none."""
    statuses = {each.answer.status for each in sources if each.answer is not None and each.answer.flaw is None}
    status = next((each for each in _PRECEDENCE if each in statuses), None)
    if status is not None:
        return Answer(seen=status)
    if any(each.answer is not None for each in sources):
        return Answer(unseen=Cause.AMBIGUOUS)
    causes = [each.cause for each in sources if each.cause is not None]
    tried = [each for each in causes if each not in _NOT_PERMITTED]
    return Answer(unseen=next(iter([*tried, *causes]), Cause.NOT_SELECTED))
