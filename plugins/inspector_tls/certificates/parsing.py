"""Parses the records of handshakes into facts: pure functions of the raw bytes."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from inspector import Answer, Cause, Model, ParseContext, ScanFailure, ScanOutput
from inspector_tls.certificates.handshake import HandshakeEnd
from inspector_tls.certificates.hello_profiles import CertificateKind, HelloProfile, asks_for_timestamps
from inspector_tls.certificates.observations import (
    Certificates,
    Chain,
    LeafByKind,
    LintFinding,
    Sct,
    Signature,
    Staple,
    Trust,
)
from inspector_tls.wire.alerts import CERTIFICATE_REFUSALS, AlertNumber
from inspector_tls.wire.certificate_messages import parse_timestamps

if TYPE_CHECKING:
    from inspector_tls.certificates.root_store import RootStore
    from inspector_tls.certificates.x509_certificate import X509Certificate

#: The name of the raw bytes that record every handshake.
HANDSHAKES = "handshakes.json"
#: Alerts that have a cause of their own; any other may be about an error of the server itself.
_WITH_CAUSE = CERTIFICATE_REFUSALS | {AlertNumber.ACCESS_DENIED, AlertNumber.UNRECOGNIZED_NAME}
_NO_TLS_CAUSES = {
    Cause.REFUSED: "the connection is refused",
    Cause.NOT_REACHED: "the address cannot be reached",
    Cause.TIMEOUT: "the server does not answer a TLS hello in time",
    Cause.RESET: "the server resets the connection",
}


class Handshake(Model):
    """One handshake: the hello's profile and the kind of certificate asked for, the end, digests of what was presented.

    ``version`` is the number on the wire; ``staple`` the digest of the OCSP response, None where none was sent;
    ``timestamps`` the list as on the wire.
    """

    profile: HelloProfile
    kind: CertificateKind
    end: HandshakeEnd
    cause: Cause | None = None
    alert: int | None = None
    version: int | None = None
    note: str = ""
    chain: tuple[str, ...] = ()
    staple: Answer[str | None] = Answer(unseen=Cause.NOT_REACHED)
    timestamps: bytes = b""


class Handshakes(Model):
    """All handshakes of one observation, in the order of asking, with the server name that was sent."""

    server_name: str | None = None
    made: tuple[Handshake, ...]


def settle(made: Sequence[Handshake], kind: CertificateKind) -> Answer[str | None]:
    """The digest of the leaf that was presented, None where the server has no certificate of this kind.

    A definite refusal is an alert of that meaning. A connection closed without an alert, and an alert that may be about
    an error of the server itself, count as a refusal if they occur twice. Either counts only if the server presented
    certificates afterwards: some servers refuse every client that connects too often.
    """
    asked = [each for each in made if each.kind is kind]
    for each in asked:
        if each.chain:
            return Answer(seen=each.chain[0])
    late = unconfirmed(made)
    counted = [each for each in made[: len(made) - len(late)] if each.kind is kind]
    if any(map(refuses, counted)) or sum(map(is_uncertain, counted)) > 1:
        return Answer(seen=None)
    return Answer(unseen=_why(asked[-1]) if asked else Cause.NOT_REACHED)


def unconfirmed(made: Sequence[Handshake]) -> Sequence[Handshake]:
    """The handshakes after the last one that ended with certificates, or with a suite without any."""
    answered = (place for place, each in enumerate(made) if each.chain or each.end is HandshakeEnd.ANONYMOUS)
    return made[max(answered, default=-1) + 1 :]


def refuses(made: Handshake) -> bool:
    """Whether a handshake ended in a definite refusal of the kind of certificate."""
    is_alert = made.end is HandshakeEnd.ALERT and made.alert in CERTIFICATE_REFUSALS
    return is_alert or made.end is HandshakeEnd.ANONYMOUS


def is_uncertain(made: Handshake) -> bool:
    """Whether a handshake ended in what may be a refusal, or an error of the server itself."""
    is_unclear = made.end is HandshakeEnd.ALERT and made.alert not in _WITH_CAUSE
    return is_unclear or made.end is HandshakeEnd.CLOSED


def _why(made: Handshake) -> Cause:
    if made.cause is not None:
        return made.cause
    if made.end is HandshakeEnd.ALERT and made.alert == AlertNumber.ACCESS_DENIED:
        return Cause.BLOCKED
    return Cause.AMBIGUOUS if is_uncertain(made) or refuses(made) else Cause.PROTOCOL_ERROR


def parse(output: ScanOutput, context: ParseContext) -> Certificates:
    """The facts in the raw bytes; raises ScanFailure with the reason when no certificates were presented."""
    recorded = Handshakes.parse(output.named(HANDSHAKES) or b"")
    made = recorded.made
    if not any(each.end in (HandshakeEnd.PRESENTED, HandshakeEnd.ANONYMOUS) for each in made):
        raise _no_tls(made)
    with warnings.catch_warnings():
        # A malformed certificate is a fact to record, not an event to warn about.
        warnings.simplefilter("ignore")
        material = _Material(context)
        chains = tuple(_chains(output, made, material))
    key_kinds = {chain.leaf.sha256: chain.leaf.key.kind for chain in chains}
    return Certificates(
        scheme=context.subject.scheme,
        host=context.subject.host or "",
        server_name=recorded.server_name,
        seen_at=context.seen_at,
        leaves_by_kind=_leaves_by_kind(made, key_kinds),
        chains=chains,
        public_roots=len(material.public.certificates),
        declared_roots=len(material.declared.certificates),
        is_below_public_suffix=_is_below_public_suffix(context.subject.host or "", chains),
    )


def _is_below_public_suffix(host: str, chains: Sequence[Chain]) -> bool:
    """Whether a leaf has a wildcard for the hosts directly below a public suffix, as ``*.gov.vn``, this one among them.

    Of the list only what registries run counts, as in Chrome; what the list does not know is judged by its labels.
    """
    parent = host.partition(".")[2]
    if not any(name.lower() == f"*.{parent}" for chain in chains for name in chain.leaf.dns):
        return False
    from publicsuffixlist import PublicSuffixList

    return bool(PublicSuffixList(only_icann=True).is_public(parent))


def _leaves_by_kind(made: Sequence[Handshake], key_kinds: dict[str, str]) -> LeafByKind:
    def answer(kind: CertificateKind) -> Answer[str | None]:
        if kind is CertificateKind.USUAL and any(each.end is HandshakeEnd.ANONYMOUS for each in made):
            return Answer(seen=None)
        settled = settle(made, kind)
        if settled.seen is None:
            return settled
        key_kind = key_kinds.get(settled.seen)
        if key_kind is None:
            return Answer(unseen=Cause.PROTOCOL_ERROR)
        # Some servers present their certificate whatever the hello accepts.
        is_other = kind is not CertificateKind.USUAL and (key_kind == "RSA") is not (kind is CertificateKind.RSA)
        return Answer(seen=None) if is_other else settled

    return LeafByKind(**{kind.value: answer(kind) for kind in CertificateKind})


def _no_tls(made: Sequence[Handshake]) -> ScanFailure:
    """Why no certificates were seen."""
    before = next((each for each in made if each.end is HandshakeEnd.BEFORE_TLS), None)
    if before is not None:
        return ScanFailure(before.cause or Cause.PROTOCOL_ERROR, before.note)
    other = next((each for each in made if each.end is HandshakeEnd.NOT_TLS), None)
    if other is not None:
        return ScanFailure(Cause.PROTOCOL_ERROR, f"answers a TLS hello with {other.note}")
    unsupported = next((each for each in made if each.end is HandshakeEnd.UNSUPPORTED), None)
    if unsupported is not None:
        return ScanFailure(unsupported.cause or Cause.TOOL_MISSING, unsupported.note)
    alerts = sorted({each.alert for each in made if each.alert is not None})
    if alerts and not any(each.cause is Cause.TIMEOUT for each in made):
        numbers = ", ".join(map(str, alerts))
        return ScanFailure(Cause.PROTOCOL_ERROR, f"answers every hello with an alert (number {numbers})")
    for each in made:
        if each.cause is not None:
            return ScanFailure(each.cause, _NO_TLS_CAUSES.get(each.cause, each.note))
    if not made:
        return ScanFailure(Cause.NOT_REACHED, "no handshake was made")
    if made[-1].end is HandshakeEnd.CLOSED:
        return ScanFailure(Cause.PROTOCOL_ERROR, "the server closes the connection without an answer")
    return ScanFailure(Cause.PROTOCOL_ERROR, f"no handshake can be parsed: {made[-1].note}")


def _chains(output: ScanOutput, made: Sequence[Handshake], material: _Material) -> Iterable[Chain]:
    """The facts of each distinct chain whose leaf can be parsed."""
    for digests in sorted({each.chain for each in made if each.chain}):
        chain = material.chain(output, digests, [each for each in made if each.chain == digests])
        if chain is not None:
            yield chain


class _Material:
    """The roots, and the instant at which paths and responses are validated."""

    def __init__(self, context: ParseContext) -> None:
        from inspector_tls.certificates.root_store import root_store

        self.at = context.seen_at
        self.public = root_store(context.public_roots)
        self.declared = root_store(context.declared_roots)

    def chain(self, output: ScanOutput, digests: Sequence[str], made: Sequence[Handshake]) -> Chain | None:
        """The facts of one chain; None when the leaf cannot be parsed."""
        from inspector_tls.certificates.x509_facts import facts, load

        loaded = [load(output.named(f"{digest}.der") or b"") for digest in digests]
        if loaded[0] is None:
            return None
        served = [each for each in loaded if each is not None]
        whole = len(served) == len(loaded)
        return Chain(
            certificates=tuple(facts(each) for each in served),
            signatures=_signatures(served),
            public_trust=self._trust(served, self.public, whole=whole),
            declared_trust=self._trust(served, self.declared, whole=whole),
            staple=self._staple(output, made, served),
            timestamps=_timestamps(output, made),
            lint_findings=_lint_findings(output.named(f"{digests[0]}.der") or b""),
        )

    def _trust(self, served: Sequence[X509Certificate], roots: RootStore, *, whole: bool) -> Answer[Trust]:
        """The path of the chain to a root; unseen without roots, or where part of the chain cannot be validated."""
        from inspector_tls.certificates.path_validation import NotValidated, TooComplex, trust

        if not roots.certificates:
            return Answer(unseen=Cause.NOT_SELECTED)
        try:
            found = trust(served, roots.by_subject, self.at)
        except (NotValidated, TooComplex):
            return Answer(unseen=Cause.PROTOCOL_ERROR)
        return Answer(seen=found) if found.chains or whole else Answer(unseen=Cause.PROTOCOL_ERROR)

    def _staple(
        self, output: ScanOutput, made: Sequence[Handshake], served: Sequence[X509Certificate]
    ) -> Answer[Staple | None]:
        """The first stapled response; unseen when a handshake could carry none, or its issuer is not known."""
        from inspector_tls.certificates.ocsp_staple import IssuerUnknown, validate
        from inspector_tls.certificates.path_validation import NotValidated

        digest = next((each.staple.seen for each in made if each.staple.seen is not None), None)
        if digest is None:
            unseen = next((each.staple.unseen for each in made if each.staple.unseen is not None), None)
            return Answer(unseen=unseen)
        response = output.named(f"{digest}.ocsp") or b""
        known = [*served, *self.declared.certificates, *self.public.certificates]
        try:
            return Answer(seen=validate(response, served[0], known, self.at))
        except IssuerUnknown:
            return Answer(unseen=Cause.AMBIGUOUS)
        except NotValidated:
            return Answer(unseen=Cause.PROTOCOL_ERROR)


def _signatures(served: Sequence[X509Certificate]) -> Answer[tuple[Signature, ...]]:
    """Which of the certificates signed which; unseen where there are too many, or an algorithm is not supported."""
    from inspector_tls.certificates.path_validation import NotValidated, TooComplex, signatures

    try:
        return Answer(seen=signatures(served))
    except (NotValidated, TooComplex):
        return Answer(unseen=Cause.PROTOCOL_ERROR)


def _timestamps(output: ScanOutput, made: Sequence[Handshake]) -> Answer[tuple[Sct, ...]]:
    """The signed certificate timestamps delivered outside the certificate: in an extension or a stapled response.

    Unseen when they cannot be parsed, and where there is none although one of the two was never requested.
    """
    from inspector_tls.certificates.ocsp_staple import timestamps_in
    from inspector_tls.certificates.x509_facts import timestamps

    lists = {each.timestamps for each in made if each.timestamps}
    responses = {each.staple.seen for each in made if each.staple.seen is not None}
    try:
        found = set(timestamps((log, _instant(at)) for data in lists for log, at in parse_timestamps(data)))
    except (OverflowError, OSError, ValueError):
        return Answer(unseen=Cause.PROTOCOL_ERROR)
    for digest in responses:
        found.update(timestamps_in(output.named(f"{digest}.ocsp") or b""))
    asked = any(asks_for_timestamps(each.profile) for each in made) and any(each.staple.is_seen for each in made)
    if not found and not asked:
        return Answer(unseen=Cause.NOT_SELECTED)
    return Answer(seen=tuple(sorted(found, key=lambda each: (each.log, each.at))))


def _instant(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def _lint_findings(leaf: bytes) -> Answer[tuple[LintFinding, ...]]:
    """The findings of the linter; unseen where it is not installed."""
    from inspector_tls.certificates.lint import NotInstalled, NotLinted, lint

    try:
        return Answer(seen=lint(leaf))
    except NotInstalled:
        return Answer(unseen=Cause.TOOL_MISSING)
    except NotLinted:
        return Answer(unseen=Cause.PROTOCOL_ERROR)
