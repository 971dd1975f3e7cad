"""From the traces of handshakes to facts: pure, so that the same bytes can be read again."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING

from inspector import Answer, Cause, Model, ParseContext, ScanFailure, ScanOutput
from inspector.model.subject import is_address
from inspector_tls.certificates.handshake import End
from inspector_tls.certificates.observations import (
    Certificates,
    Chain,
    Delivery,
    Objection,
    Sorts,
    Staple,
    Timestamp,
    Trust,
)
from inspector_tls.wire.handshake_messages import Malformed, Manner, Sort, parse_timestamps

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

    from inspector_tls.certificates.path_validation import Roots

#: The name of the raw bytes that tell of every handshake.
HANDSHAKES = "handshakes.json"
#: Alerts that plainly refuse what a hello offers: handshake_failure, illegal_parameter, protocol_version,
#: insufficient_security, missing_extension, unsupported_certificate, certificate_unobtainable.
_REFUSALS = frozenset({40, 43, 47, 70, 71, 109, 111})
_ACCESS_DENIED, _UNRECOGNIZED_NAME = 49, 112
#: The manners whose hellos ask for timestamps.
_WITH_TIMESTAMPS = frozenset({Manner.TLS_1_3, Manner.TLS_1_2})
_NO_TLS_CAUSES = {
    Cause.REFUSED: "the connection is refused",
    Cause.NOT_REACHED: "the address cannot be reached",
    Cause.TIMEOUT: "the server does not answer a TLS hello in time",
    Cause.RESET: "the server resets the connection",
}


class Handshake(Model):
    """One handshake: how it was put and asked, how it ended, digests of what was presented.

    ``version`` is the number on the wire; ``staple`` the digest of the OCSP response, None where its place was empty;
    ``timestamps`` the list as it stood on the wire.
    """

    manner: Manner
    sort: Sort
    named: bool
    end: End
    cause: Cause | None = None
    alert: int | None = None
    version: int | None = None
    note: str = ""
    chain: tuple[str, ...] = ()
    staple: Answer[str | None] = Answer(unseen=Cause.NOT_REACHED)
    timestamps: bytes = b""


class Handshakes(Model):
    """All handshakes of one scan, in the order of asking; ``named`` ones carried this server name."""

    server_name: str | None = None
    made: tuple[Handshake, ...]


def settle(made: Sequence[Handshake], sort: Sort, *, named: bool) -> Answer[str | None]:
    """The digest of the leaf that was presented, None where the server has no certificate of the sort asked for.

    A plain refusal is an alert of that meaning. A connection closed without a word, and an alert that may as well tell
    of the server's own trouble, count as one when they came twice. Either counts only where the server presented
    something afterwards: some turn everybody away who comes too often.
    """
    asked = [each for each in made if each.sort is sort and each.named is named]
    for each in asked:
        if each.chain:
            return Answer(seen=each.chain[0])
    late = unconfirmed(made)
    counted = [each for each in made[: len(made) - len(late)] if each.sort is sort and each.named is named]
    if any(map(refuses, counted)) or sum(map(is_doubtful, counted)) > 1:
        return Answer(seen=None)
    return Answer(unseen=_why(asked[-1]) if asked else Cause.NOT_REACHED)


def unconfirmed(made: Sequence[Handshake]) -> Sequence[Handshake]:
    """What came after the last handshake that the server answered with its certificates, or without any."""
    answered = (place for place, each in enumerate(made) if each.chain or each.end is End.ANONYMOUS)
    return made[max(answered, default=-1) + 1 :]


def refuses(made: Handshake) -> bool:
    """Whether a handshake ended in a plain refusal of what the hello took."""
    return made.end is End.ANONYMOUS or (made.end is End.ALERT and made.alert in _REFUSALS)


def is_doubtful(made: Handshake) -> bool:
    """Whether a handshake ended so that it may be a refusal, or the server's own trouble."""
    plain = made.alert in {_ACCESS_DENIED, _UNRECOGNIZED_NAME, *_REFUSALS}
    return made.end is End.CLOSED or (made.end is End.ALERT and not plain)


def _why(made: Handshake) -> Cause:
    if made.cause is not None:
        return made.cause
    if made.end is End.ALERT and made.alert == _ACCESS_DENIED:
        return Cause.BLOCKED
    return Cause.AMBIGUOUS if is_doubtful(made) or refuses(made) else Cause.PROTOCOL_ERROR


def parse(output: ScanOutput, context: ParseContext) -> Certificates:
    """The facts in a scan's raw bytes; raises ScanFailure when no certificates were presented, and why."""
    made = Handshakes.parse(output.named(HANDSHAKES) or b"").made
    if not any(each.end in (End.PRESENTED, End.ANONYMOUS) for each in made):
        raise _no_tls(made)
    with warnings.catch_warnings():
        # A malformed certificate is a fact to judge here, not an event to warn about.
        warnings.simplefilter("ignore")
        material = _Material(context)
        chains = tuple(_chains(output, made, material))
    host = context.subject.host or ""
    server_name = None if is_address(host) else host
    kinds = {chain.leaf.sha256: chain.leaf.key.kind for chain in chains}
    return Certificates(
        scheme=context.subject.scheme,
        host=host,
        server_name=server_name,
        seen_at=context.seen_at,
        named=_sorts(made, kinds, named=True),
        default=_sorts(made, kinds, named=False) if server_name is not None else None,
        chains=chains,
        public_roots=len(material.public.certificates),
        declared_roots=len(material.declared.certificates),
    )


def _sorts(made: Sequence[Handshake], kinds: dict[str, str], *, named: bool) -> Sorts:
    def answer(sort: Sort) -> Answer[str | None]:
        if named and sort is Sort.USUAL and any(each.end is End.ANONYMOUS for each in made):
            return Answer(seen=None)
        settled = settle(made, sort, named=named)
        if settled.seen is None:
            return settled
        kind = kinds.get(settled.seen)
        if kind is None:
            return Answer(unseen=Cause.PROTOCOL_ERROR)
        # Some servers present what they have to whoever asks.
        other_sort = sort is not Sort.USUAL and (kind == "RSA") is not (sort is Sort.RSA)
        return Answer(seen=None) if other_sort else settled

    return Sorts(usual=answer(Sort.USUAL), rsa=answer(Sort.RSA), other=answer(Sort.OTHER))


def _no_tls(made: Sequence[Handshake]) -> ScanFailure:
    """Why there is nothing to tell of a server's certificates."""
    before = next((each for each in made if each.end is End.BEFORE_TLS), None)
    if before is not None:
        return ScanFailure(before.cause or Cause.PROTOCOL_ERROR, before.note)
    other = next((each for each in made if each.end is End.NOT_TLS), None)
    if other is not None:
        return ScanFailure(Cause.PROTOCOL_ERROR, f"answers a TLS hello with {other.note}")
    alerts = sorted({each.alert for each in made if each.alert is not None})
    if alerts:
        numbers = ", ".join(map(str, alerts))
        return ScanFailure(Cause.PROTOCOL_ERROR, f"answers every hello with an alert (number {numbers})")
    for each in made:
        if each.cause is not None:
            return ScanFailure(each.cause, _NO_TLS_CAUSES.get(each.cause, each.note))
    if not made:
        return ScanFailure(Cause.NOT_REACHED, "no handshake was made")
    closed = made[-1].end is End.CLOSED
    return ScanFailure(
        Cause.PROTOCOL_ERROR,
        "the server closes the connection without a word" if closed else f"no handshake can be read: {made[-1].note}",
    )


def _chains(output: ScanOutput, made: Sequence[Handshake], material: _Material) -> Iterable[Chain]:
    """The facts of each distinct chain whose leaf can be parsed.

    Where the host itself presents a leaf, what comes along with it elsewhere says nothing of the host.
    """
    own = {each.chain[0] for each in made if each.chain and each.named}
    told = [each for each in made if each.chain and (each.named or each.chain[0] not in own)]
    for digests in sorted({each.chain for each in told}):
        chain = material.chain(output, digests, [each for each in told if each.chain == digests])
        if chain is not None:
            yield chain


class _Store:
    """Trusted roots, parsed."""

    def __init__(self, pem: bytes) -> None:
        from cryptography.x509 import load_pem_x509_certificates

        from inspector_tls.certificates.path_validation import by_subject

        self.certificates: Sequence[Certificate] = load_pem_x509_certificates(pem) if pem.strip() else []
        self.by_subject: Roots = by_subject(self.certificates)


#: A store is parsed once for all readings that are given the same bytes.
_store = lru_cache(maxsize=4)(_Store)


class _Material:
    """The roots of one reading, and the instant at which paths and responses are judged."""

    def __init__(self, context: ParseContext) -> None:
        self.at = context.seen_at
        self.public = _store(context.public_roots)
        self.declared = _store(context.declared_roots)

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
            public_trust=self._trust(served, self.public, whole=whole),
            declared_trust=self._trust(served, self.declared, whole=whole),
            staple=self._staple(output, made, served),
            timestamps=_timestamps(output, made),
            objections=_objections(output.named(f"{digests[0]}.der") or b""),
        )

    def _trust(self, served: Sequence[Certificate], roots: _Store, *, whole: bool) -> Answer[Trust]:
        """What the chain leads to; unseen where there are no roots, or where part of it cannot be judged."""
        from inspector_tls.certificates.path_validation import NotJudged, TooComplex, trust

        if not roots.certificates:
            return Answer(unseen=Cause.NOT_SELECTED)
        try:
            found = trust(served, roots.by_subject, self.at)
        except (NotJudged, TooComplex):
            return Answer(unseen=Cause.PROTOCOL_ERROR)
        return Answer(seen=found) if found.chains or whole else Answer(unseen=Cause.PROTOCOL_ERROR)

    def _staple(
        self, output: ScanOutput, made: Sequence[Handshake], served: Sequence[Certificate]
    ) -> Answer[Staple | None]:
        """The first stapled response; unseen when a handshake had no room for one, or nobody can say who may sign."""
        from inspector_tls.certificates.ocsp_staple import IssuerUnknown, evaluate
        from inspector_tls.certificates.path_validation import NotJudged

        digest = next((each.staple.seen for each in made if each.staple.seen is not None), None)
        if digest is None:
            unseen = next((each.staple.unseen for each in made if each.staple.unseen is not None), None)
            return Answer(unseen=unseen)
        response = output.named(f"{digest}.ocsp") or b""
        known = [*served, *self.declared.certificates, *self.public.certificates]
        try:
            return Answer(seen=evaluate(response, served[0], known, self.at))
        except IssuerUnknown:
            return Answer(unseen=Cause.AMBIGUOUS)
        except NotJudged:
            return Answer(unseen=Cause.PROTOCOL_ERROR)


def _timestamps(output: ScanOutput, made: Sequence[Handshake]) -> Answer[tuple[Timestamp, ...]]:
    """The signed certificate timestamps that came along beside the certificate.

    Unseen when they cannot be read, and where none came although one of their two places was never asked for.
    """
    from inspector_tls.certificates.ocsp_staple import logged
    from inspector_tls.certificates.x509_facts import timestamps

    found: set[tuple[bytes, datetime]] = set()
    try:
        for data in {each.timestamps for each in made if each.timestamps}:
            found.update((log, _instant(at)) for log, at in parse_timestamps(data))
    except (Malformed, OverflowError, OSError, ValueError):
        return Answer(unseen=Cause.PROTOCOL_ERROR)
    responses = {each.staple.seen for each in made if each.staple.seen is not None}
    stapled = {each for digest in responses for each in logged(output.named(f"{digest}.ocsp") or b"")}
    came = (*timestamps(found, Delivery.TLS), *sorted(stapled, key=lambda each: (each.log, each.at)))
    asked = any(each.manner in _WITH_TIMESTAMPS for each in made) and any(each.staple.is_seen for each in made)
    return Answer(seen=came) if came or asked else Answer(unseen=Cause.NOT_SELECTED)


def _instant(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def _objections(leaf: bytes) -> Answer[tuple[Objection, ...]]:
    """What the browsers' profile objects to; unseen where the linter is not installed."""
    from inspector_tls.certificates.lint import NotInstalled, NotLinted, lint

    try:
        return Answer(seen=lint(leaf))
    except NotInstalled:
        return Answer(unseen=Cause.TOOL_MISSING)
    except NotLinted:
        return Answer(unseen=Cause.PROTOCOL_ERROR)
