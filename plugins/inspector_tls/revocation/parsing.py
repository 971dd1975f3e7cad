"""From what sources answered to facts: pure, so that the same bytes can be read again."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from inspector import Answer, Cause, ParseContext, ScanOutput
from inspector_tls.certificates.observations import Status
from inspector_tls.revocation.observations import Doubt, Examined, Protocol, Revocation, Source, Word
from inspector_tls.revocation.sources import Asked, Question, Questions, exempt

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

#: The name of the raw bytes that tell of every question.
QUESTIONS = "questions.json"
#: What counts before what, where sources disagree.
_WEIGHT = (Status.REVOKED, Status.UNKNOWN, Status.GOOD)
#: Causes that lie with the documents, not with the source.
_BARRED = (Cause.OUT_OF_SCOPE, Cause.NOT_AUTHORISED, Cause.OUTSIDE_WINDOW)


def parse(output: ScanOutput, context: ParseContext) -> Revocation:
    """What the sources of each certificate come to."""
    told = Questions.parse(output.named(QUESTIONS) or b"")
    with warnings.catch_warnings():
        # Malformed answers are facts to judge here, not events to warn about.
        warnings.simplefilter("ignore")
        judge = _Judge(output, _known(output, context), context.seen_at)
        examined = tuple(map(judge.examine, told.questions))
    return Revocation(seen_at=context.seen_at, complete=told.complete, certificates=examined)


def _known(output: ScanOutput, context: ParseContext) -> list[Certificate]:
    """The certificates among which issuers are looked for: those served, and the roots."""
    from cryptography.x509 import load_pem_x509_certificates

    from inspector_tls.certificates.x509_facts import load

    served = [load(each.data) for each in output.raw if each.name.endswith(".der")]
    if not served:
        return []
    roots = [
        each
        for material in (context.declared_roots, context.public_roots)
        if material.strip()
        for each in load_pem_x509_certificates(material)
    ]
    return [*(each for each in served if each is not None), *roots]


@dataclass(frozen=True, slots=True)
class _Judge:
    output: ScanOutput
    known: Sequence[Certificate]
    at: datetime

    def examine(self, question: Question) -> Examined:
        """The facts of one certificate."""
        certificate = question.certificate
        sources = tuple(self._source(certificate.sha256, each) for each in question.sources)
        return Examined(
            sha256=certificate.sha256,
            subject=certificate.subject,
            serial=certificate.serial,
            exempt=exempt(certificate),
            status=settle(sources),
            sources=sources,
        )

    def _source(self, sha256: str, asked: Asked) -> Source:
        source = Source(protocol=asked.protocol, url=asked.url, cause=asked.cause, detail=asked.detail)
        return source if asked.cause is not None else source.model_copy(update=self._heard(sha256, asked))

    def _heard(self, sha256: str, asked: Asked) -> dict[str, Word | Cause | str]:
        from inspector_tls.certificates.ocsp_staple import IssuerUnknown
        from inspector_tls.certificates.path_validation import NotJudged
        from inspector_tls.certificates.x509_facts import load
        from inspector_tls.revocation.crl import listed
        from inspector_tls.revocation.ocsp import heard

        certificate = load(self.output.named(f"{sha256}.der") or b"")
        data = self.output.named(asked.received or "") or b""
        if certificate is None:
            return {"cause": Cause.PROTOCOL_ERROR, "detail": "the certificate cannot be read"}
        try:
            if asked.protocol is Protocol.CRL:
                return {"word": listed(data, certificate, self.known, self.at)}
            return {"word": heard(data, self.output.named(asked.sent or "") or b"", certificate, self.known, self.at)}
        except IssuerUnknown:
            return {"cause": Cause.AMBIGUOUS, "detail": "the issuer's certificate is neither served nor a known root"}
        except NotJudged:
            return {"word": Word(doubt=Doubt.NOT_JUDGED)}


def settle(sources: Sequence[Source]) -> Answer[Status]:
    """What the sources come to: the gravest sound word, else why there is none."""
    said = {each.word.status for each in sources if each.word is not None and each.word.doubt is None}
    status = next((each for each in _WEIGHT if each in said), None)
    if status is not None:
        return Answer(seen=status)
    if any(each.word is not None for each in sources):
        return Answer(unseen=Cause.AMBIGUOUS)
    causes = [each.cause for each in sources if each.cause is not None]
    tried = [each for each in causes if each not in _BARRED]
    return Answer(unseen=next(iter([*tried, *causes]), Cause.NOT_SELECTED))
