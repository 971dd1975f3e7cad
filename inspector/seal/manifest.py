"""The manifest of a folder: an in-toto Statement (v1) over every file, in a DSSE envelope with Ed25519 signatures.

Signatures can be added later; the signed bytes, and so the head digest, stay the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Generic, Literal, TypeVar

from pydantic import ConfigDict, FailFast, Field
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import FormatError

from inspector.model.base import Instant, Model, canonical, digest
from inspector.model.errors import BundleError, LimitExceeded
from inspector.model.formatted import FormattedMessage
from inspector.seal.layout import MANIFEST, is_path, is_sha256
from inspector.seal.signing import SigningKey, signed_by
from inspector.seal.untrusted_files import FileFault, UntrustedFolder, json_object, parse, printable, recoded

PAYLOAD_TYPE = "application/vnd.in-toto+json"
_MOST_SIGNATURES = 64
#: How many objects and lists an envelope has at most, and how many bytes a statement has at least for each of its own:
#: whoever made them, reading them takes little more memory than their size.
_MOST_IN_ENVELOPE = 1000
_BYTES_OF_ONE = 40


class Predicate(Model):
    """The content of a manifest besides the digests. ``uri`` is the predicate type."""

    uri: ClassVar[str]


class CaptureSealed(Predicate):
    """A sealed capture. ``reason``: ``complete``, or why not.

    ``prev`` is the head digest of the inspection of the same system that was sealed before it in the same archive.
    """

    uri = "urn:level-inspector:capture:1"
    inspection: str
    ended: Instant
    reason: str
    inspector_version: str
    prev: str | None = None


class RunSealed(Predicate):
    """The first ``lines`` lines of the index of a run."""

    uri = "urn:level-inspector:run:1"
    run: str
    lines: int


class AssessmentSealed(Predicate):
    """A sealed assessment of the capture whose head digest is ``capture``."""

    uri = "urn:level-inspector:assessment:1"
    capture: str
    inspection: str
    as_of: Instant
    regime: str
    regime_version: str
    inspector_version: str


P = TypeVar("P", bound=Predicate)


class Digests(Model):
    """The digests of one file."""

    sha256: str


class File(Model):
    """One file that a manifest covers."""

    name: str
    digest: Digests


class Statement(Model):
    """An in-toto Statement, version 1."""

    model_config = ConfigDict(serialize_by_alias=True)

    type: Literal["https://in-toto.io/Statement/v1"] = Field(default="https://in-toto.io/Statement/v1", alias="_type")
    subject: Annotated[tuple[File, ...], FailFast()]
    predicate_type: str = Field(alias="predicateType")
    predicate: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Sealed(Generic[P]):
    """A manifest whose signatures are all valid.

    ``digest`` is the head digest (SHA-256 of the signed payload), ``signers`` the key ids, ``files`` name → SHA-256.
    """

    digest: str
    signers: tuple[str, ...]
    files: Mapping[str, str]
    predicate: P


def payload_of(digests: Mapping[str, str], predicate: Predicate) -> bytes:
    """The payload to sign for files with these digests."""
    content = {key: value for key, value in predicate.model_dump(mode="json").items() if value is not None}
    subject = tuple(File(name=name, digest=Digests(sha256=digests[name])) for name in sorted(digests))
    return Statement(subject=subject, predicateType=predicate.uri, predicate=content).canonical()


def envelope_of(payload: bytes, key: SigningKey) -> bytes:
    """The signed envelope around ``payload``."""
    envelope = Envelope(payload, PAYLOAD_TYPE, {})
    envelope.sign(key.signer)
    return canonical(envelope.to_dict())


def read_manifest(folder: UntrustedFolder, part: str, kind: type[P]) -> Sealed[P]:
    """The manifest of ``part``; raises BundleError when it is malformed or one of its signatures is invalid."""
    return read_statement(folder, f"{part}/{MANIFEST}", kind)


def read_statement(folder: UntrustedFolder, name: str, kind: type[P]) -> Sealed[P]:
    """The signed statement in a file; raises BundleError as ``read_manifest`` does."""
    return opened_statement(folder.read(name), name, kind)


def opened_statement(data: bytes, name: str, kind: type[P]) -> Sealed[P]:
    """The signed statement in the bytes of a file of this name; raises BundleError as ``read_manifest`` does."""
    part = name.rpartition("/")[0]
    payload, signers = _opened(data, name)
    _refuse_dense(payload, _MOST_IN_ENVELOPE + len(payload) // _BYTES_OF_ONE, name)
    statement = parse(Statement, payload, name)
    if statement.predicate_type != kind.uri:
        raise BundleError(
            FormattedMessage(
                "{name}: is not the manifest of a {value}",
                name=name,
                value=kind.uri.split(":")[-2],
            )
        )
    files = {each.name: each.digest.sha256 for each in statement.subject}
    if len(files) != len(statement.subject):
        raise BundleError(FormattedMessage("{name}: lists a file twice", name=name))
    for file, sha256 in files.items():
        if not is_path(f"{part}/{file}".lstrip("/")) or file == MANIFEST:
            raise BundleError(
                FormattedMessage(
                    "{name}: names {file}, which is outside the bundle or not a valid name in it",
                    name=name,
                    file=printable(file),
                )
            )
        if not is_sha256(sha256):
            raise BundleError(FormattedMessage("{name}: gives no SHA-256 for {file}", name=name, file=file))
    predicate = parse(kind, recoded(statement.predicate, name), name)
    return Sealed(digest=digest(payload), signers=signers, files=files, predicate=predicate)


def fault_of(part: str, error: BundleError) -> FileFault:
    """The fault behind an error, whose message begins with the file's name."""
    file, colon, what = error.message.partition(": ")
    limit = isinstance(error, LimitExceeded)
    if not colon:
        file, what = part, error.message
    return FileFault(file=file, what=what, limit=limit)


def _refuse_dense(data: bytes, most: int, name: str) -> None:
    """Raise BundleError where JSON has more objects, lists or numbers than a manifest of this size can have."""
    if data.count(b"{") + data.count(b"[") > most or data.count(b",") > 2 * most:
        raise BundleError(FormattedMessage("{name}: is not a manifest: it has too many values", name=name))


def _opened(data: bytes, name: str) -> tuple[bytes, tuple[str, ...]]:
    """The payload of an envelope and the key ids that signed it; every signature is verified."""
    _refuse_dense(data, _MOST_IN_ENVELOPE, name)
    try:
        envelope = Envelope.from_dict(json_object(data, name))
        same = canonical(envelope.to_dict()) == data
    except (AttributeError, FormatError, KeyError, TypeError, ValueError):
        raise BundleError(FormattedMessage("{name}: is not a DSSE envelope", name=name)) from None
    # Base64 and JSON can spell one value in several ways: only one of them counts, so that no byte can be changed.
    if not same or envelope.payload_type != PAYLOAD_TYPE:
        raise BundleError(FormattedMessage("{name}: is not canonical, or not an in-toto Statement", name=name))
    if not 0 < len(envelope.signatures) <= _MOST_SIGNATURES:
        raise BundleError(
            FormattedMessage(
                "{name}: has no signature, or more than {limit}",
                name=name,
                limit=_MOST_SIGNATURES,
            )
        )
    for keyid, signature in envelope.signatures.items():
        if not signed_by(keyid, signature, envelope.pae()):
            raise BundleError(
                FormattedMessage("{name}: a signature is wrong: {keyid}", name=name, keyid=printable(keyid))
            )
    return envelope.payload, tuple(sorted(envelope.signatures))
