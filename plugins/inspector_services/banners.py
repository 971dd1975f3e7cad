"""What the probe of open ports stores, and how it is parsed into what each port is. Pure."""

from __future__ import annotations

from cryptography import x509

from inspector import Answer, Cause, Model
from inspector_services.observations import Banner, PortBanner, ServiceProtocol
from inspector_services.protocols import grammar_of, recognised, without_misunderstandings
from inspector_services.protocols.dialogue import GREETING, Turn
from inspector_services.protocols.tls import TLS

#: The longest text of a banner, in bytes.
TEXT_BYTES = 512
#: The longest certificate that is kept, in bytes; how many attributes of its subject, and how long each.
CERTIFICATE_BYTES = 8192
_ATTRIBUTES = 12
_ATTRIBUTE_CHARACTERS = 120
#: What a grammar with a fault raises at what a server sent: then that port alone is unseen.
GRAMMAR_FAULTS = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)


class StoredPort(Model):
    """What was asked and received on one port; ``cause`` says why it was not identified.

    ``certificate``: the server's own, in DER.
    """

    port: int
    turns: tuple[Turn, ...] = ()
    certificate: bytes = b""
    cause: Cause | None = None


class StoredPorts(Model):
    """What was asked and received on all ports that were identified at one address."""

    ports: tuple[StoredPort, ...] = ()


def printable(data: bytes) -> str:
    """The bytes as printable ASCII, with all others escaped."""
    return data.decode("latin-1").encode("unicode_escape").decode("ascii")


def parse_port(stored: StoredPort) -> PortBanner:
    """What one port is; unseen when nothing could be received, or when its connections spoke different protocols."""
    try:
        cause = Cause.UNSTABLE if _alternates(stored) else stored.cause
        answer = (
            Answer[Banner](seen=_with_subject(_banner(stored), stored.certificate))
            if cause is None
            else Answer[Banner](unseen=cause)
        )
    except GRAMMAR_FAULTS:
        answer = Answer[Banner](unseen=Cause.BUG)
    return PortBanner(port=stored.port, banner=answer)


def _with_subject(banner: Banner, certificate: bytes) -> Banner:
    """The banner with the attributes of the certificate's subject; without where it has none that can be read."""
    if not certificate:
        return banner
    try:
        names = [each.rfc4514_string() for each in x509.load_der_x509_certificate(certificate).subject.rdns]
    except ValueError:
        return banner
    texts = (each.encode("unicode_escape").decode("ascii")[:_ATTRIBUTE_CHARACTERS] for each in names[:_ATTRIBUTES])
    return banner.model_copy(update={"subject": tuple(texts)})


def _banner(stored: StoredPort) -> Banner:
    grammar = grammar_of(stored.turns)
    text = printable(next((each.received for each in stored.turns if each.received), b""))[:TEXT_BYTES]
    if grammar is not None:
        tls = any(each.tls for each in stored.turns)
        described = grammar.describe(without_misunderstandings(grammar, stored.turns))
        return described.model_copy(update={"text": text, "tls": tls or described.tls})
    return Banner(text=text, protocol=_unidentified(stored))


def _unidentified(stored: StoredPort) -> ServiceProtocol:
    """Silent is a server that sent nothing, and did not close the connection on a question either."""
    said = any(each.received or (each.closed and each.question != GREETING) for each in stored.turns)
    return ServiceProtocol.UNKNOWN if said else ServiceProtocol.SILENT


def _alternates(stored: StoredPort) -> bool:
    """Whether two connections were greeted by different protocols."""
    greetings = [each for each in stored.turns if each.question == GREETING and each.received and not each.tls]
    found = {grammar for each in greetings if (grammar := recognised(each)) is not None}
    return len(found - {TLS}) > 1 or (bool(found) and any(recognised(each) is None for each in greetings))
