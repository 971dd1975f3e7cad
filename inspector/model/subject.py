"""Subjects of an inspection (systems, hosts, services, pages, zones, mail domains), each with a normalised URI.

The core knows the grammar ``scheme://host[:port][/path]`` and ``scheme:name``; probes contribute the schemes.
"""

from __future__ import annotations

import difflib
import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from urllib.parse import SplitResult, quote, urlsplit

from inspector.model.base import Model
from inspector.model.domain_name import BadName, a_labels
from inspector.model.formatted import FormattedMessage


class SubjectKind(StrEnum):
    """What one scan, or one check, is about.

    ``URL`` and ``ADDRESS`` are scanned once per network address, the others once.
    """

    URL = "url"
    ADDRESS = "address"
    HOST = "host"
    ZONE = "zone"
    MAIL = "mail"
    SYSTEM = "system"

    @property
    def has_address(self) -> bool:
        """Whether every network address of the subject is scanned."""
        return self in (SubjectKind.URL, SubjectKind.ADDRESS)


class UriForm(StrEnum):
    """How URIs of a scheme are written: ``name`` is ``scheme:name``; ``service`` and ``page`` are ``scheme://host…``."""

    NAME = "name"
    SERVICE = "service"
    PAGE = "page"


@dataclass(frozen=True, slots=True, order=True)
class Scheme:
    """A URI scheme: name, form and default port (None: the port must be written, or the scheme has none)."""

    name: str
    form: UriForm = UriForm.SERVICE
    port: int | None = None


#: The schemes that the core defines itself.
TCP = Scheme("tcp")
UDP = Scheme("udp")
HOST = Scheme("host", UriForm.NAME)

#: A last label that resolvers parse as part of an IPv4 address.
_NUMBER = re.compile(r"([0-9]+|0x[0-9a-f]*)\Z")
_ESCAPED = re.compile(r"%([0-9a-fA-F]{2})")
_LONE_PERCENT = re.compile(r"%(?![0-9a-fA-F]{2})")
_UNRESERVED = re.compile(r"[A-Za-z0-9._~-]\Z")
#: Valid TCP and UDP port numbers.
PORTS = range(1, 65536)
#: The longest URI (RFC 9110 §4.1 recommends that at least 8,000 octets be supported).
MOST_CHARACTERS = 8192


class BadUri(ValueError):
    """A URI that cannot be an endpoint; the text is ``what; what to do``."""


@dataclass(frozen=True, slots=True)
class Uri:
    """A parsed, normalised endpoint: lower-case A-label host, a port for every service, a path for pages."""

    scheme: Scheme
    host: str
    port: int | None = None
    path: str = ""

    def __str__(self) -> str:
        if self.scheme.form is UriForm.NAME:
            return f"{self.scheme.name}:{self.host}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port is None or self.port == self.scheme.port else f":{self.port}"
        return f"{self.scheme.name}://{host}{port}{self.path}"

    @property
    def service(self) -> str:
        """The URI without its path, shared by all pages of one service."""
        return str(Uri(self.scheme, self.host, self.port))


@lru_cache(maxsize=1 << 12)
def normalise_host(text: str) -> str:
    """An address in its canonical form, or a domain name as lower-case A-labels (``a_labels``) without the final dot.

    Raises BadUri.
    """
    bare = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    if is_address(bare):
        if "%" in bare:
            raise BadUri(
                FormattedMessage(
                    "{text} has a zone id, which is valid on one machine only; write the address alone", text=repr(text)
                )
            )
        return str(ipaddress.ip_address(bare))
    try:
        name = a_labels(text)
    except BadName as error:
        raise BadUri(error.args[0]) from None
    if is_address(name):  # in digits or full stops of another width (UTS 46 §4)
        return name
    if _NUMBER.match(name.rpartition(".")[2]):
        raise BadUri(
            FormattedMessage(
                "{text} resembles an IPv4 address but is none; write four numbers from 0 to 255", text=repr(text)
            )
        )
    return name


def is_address(host: str) -> bool:
    """Whether ``host`` is an IP address rather than a name."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def parse_uri(text: str, schemes: Mapping[str, Scheme]) -> Uri:
    """Parse one endpoint URI; ``schemes`` are the known ones by name. Raises BadUri."""
    uri = _parse_uri(text, schemes)
    if len(str(uri)) > MOST_CHARACTERS:
        raise BadUri(FormattedMessage("a URI has more than {limit} characters; shorten it", limit=MOST_CHARACTERS))
    return uri


def _parse_uri(text: str, schemes: Mapping[str, Scheme]) -> Uri:
    if len(text) > MOST_CHARACTERS:
        raise BadUri(FormattedMessage("a URI has more than {limit} characters; shorten it", limit=MOST_CHARACTERS))
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise BadUri(FormattedMessage("{text} contains a lone surrogate; remove it", text=repr(text)))
    name, colon, rest = text.partition(":")
    if not colon:
        raise BadUri(
            FormattedMessage(
                "{text} has no scheme; write for example https://{host}/ (known: {known})",
                text=repr(text),
                host=text,
                known=", ".join(sorted(schemes)),
            )
        )
    scheme = schemes.get(name.lower())
    if scheme is None:
        raise _unknown_scheme(name, schemes)
    if scheme.form is not UriForm.NAME:
        return _parse_service(text, rest, scheme)
    if "/" in rest:
        raise BadUri(FormattedMessage("{text} has slashes; write {scheme}:NAME", text=repr(text), scheme=scheme.name))
    return Uri(scheme, normalise_host(rest))


def _unknown_scheme(name: str, schemes: Mapping[str, Scheme]) -> BadUri:
    """The error for a scheme that no probe scans, with the nearest one that is known."""
    if name.lower() == "ssh":
        return BadUri("SSH is not inspected; declare host:NAME, whose scan of ports also finds SSH")
    near = difflib.get_close_matches(name.lower(), sorted(schemes), 1, 0.6)
    if near:
        scheme = schemes[near[0]]
        form = f"{scheme.name}:" if scheme.form is UriForm.NAME else f"{scheme.name}://"
        return BadUri(FormattedMessage("scheme {name} is not known; did you mean {word}?", name=repr(name), word=form))
    return BadUri(
        FormattedMessage(
            "scheme {name} is not known; known schemes: {known}", name=repr(name), known=", ".join(sorted(schemes))
        )
    )


def _parse_service(text: str, rest: str, scheme: Scheme) -> Uri:
    """Parse ``scheme://host[:port][/path]``."""
    if not rest.startswith("//"):
        raise BadUri(
            FormattedMessage("{text} names no host; write {scheme}://HOST[:PORT]", text=repr(text), scheme=scheme.name)
        )
    if any(ord(character) < 33 or ord(character) == 127 for character in text):
        raise BadUri(
            FormattedMessage("{text} contains a space or control character; percent-encode it", text=repr(text))
        )
    written = rest[2:].partition("/")[0]
    if written.count(":") > 1 and "[" not in written and "@" not in written:
        raise BadUri(
            FormattedMessage(
                "{text} has an IPv6 address without brackets; write {scheme}://[ADDRESS]:PORT",
                text=repr(text),
                scheme=scheme.name,
            )
        )
    try:
        parts = urlsplit(text)
        port = scheme.port if parts.port is None else parts.port
    except ValueError as error:
        raise BadUri(
            FormattedMessage(
                "{text} cannot be read: {error}; write {scheme}://HOST[:PORT]",
                text=repr(text),
                error=error,
                scheme=scheme.name,
            )
        ) from None
    if parts.username is not None or parts.password is not None:
        raise BadUri("an endpoint must not contain a user name or password; remove it")
    host = _written_host(parts.netloc)
    if not host:
        raise BadUri(
            FormattedMessage("{text} names no host; write {scheme}://HOST[:PORT]", text=repr(text), scheme=scheme.name)
        )
    if port is None:
        raise BadUri(
            FormattedMessage("{text} needs a port; write {scheme}://HOST:PORT", text=repr(text), scheme=scheme.name)
        )
    if port not in PORTS:
        raise BadUri(
            FormattedMessage("{text} has port {port}; write a port from 1 to 65535", text=repr(text), port=port)
        )
    return Uri(scheme, normalise_host(host), port, _path(text, parts, scheme))


def _written_host(netloc: str) -> str:
    """The host of ``host[:port]`` in the letters as written: ``SplitResult.hostname`` makes ``ς`` of a final ``Σ``."""
    return netloc[1:].partition("]")[0] if netloc.startswith("[") else netloc.partition(":")[0]


def _path(text: str, parts: SplitResult, scheme: Scheme) -> str:
    """Path and query of a page; empty for a service, which has none."""
    if scheme.form is UriForm.PAGE:
        query = f"?{_escape(parts.query)}" if parts.query else ""
        return f"{_escape(parts.path or '/')}{query}"
    if parts.path not in ("", "/") or parts.query or parts.fragment:
        raise BadUri(
            FormattedMessage(
                "{text} has a path; a {scheme} endpoint is written without", text=repr(text), scheme=scheme.name
            )
        )
    return ""


def _escape(text: str) -> str:
    """Normalised percent-escapes: none where none is needed, upper-case digits elsewhere (RFC 3986 §6.2.2)."""

    def normal(escape: re.Match[str]) -> str:
        character = chr(int(escape[1], 16))
        return character if _UNRESERVED.match(character) else escape[0].upper()

    return _ESCAPED.sub(normal, quote(_LONE_PERCENT.sub("%25", text), safe="/?!$&'()*+,;=:@-._~%"))


class Subject(Model):
    """One thing that scans and findings are about.

    ``uri`` is normalised; ``address`` is not part of the identity across inspections; ``parent`` is the URI of the
    subject whose scan discovered this one.
    """

    kind: SubjectKind
    uri: str
    scheme: str = ""
    host: str | None = None
    port: int | None = None
    address: str | None = None
    parent: str | None = None

    @property
    def key(self) -> tuple[str, str, str]:
        """The identity of the subject within one inspection."""
        return (str(self.kind), self.uri, self.address or "")

    def shares_service(self, other: Subject) -> bool:
        """Whether both have the same host and address, and not two different ports."""
        same = (self.host, self.address) == (other.host, other.address)
        return same and (self.port is None or other.port is None or self.port == other.port)

    def covers(self, other: Subject) -> bool:
        """Whether ``other`` belongs to this subject; every subject belongs to itself."""
        if self.kind is SubjectKind.SYSTEM:
            return True
        if other.parent == self.uri:
            return True
        if self.kind is SubjectKind.HOST:
            return self.host == other.host and other.kind in (SubjectKind.HOST, SubjectKind.ADDRESS, SubjectKind.URL)
        if self.address is not None and other.address is not None and self.address != other.address:
            return False
        if self.kind is SubjectKind.URL and other.kind is SubjectKind.ADDRESS:
            return (self.host, self.port, self.scheme) == (other.host, other.port, other.scheme)
        if self.kind is SubjectKind.ADDRESS and other.kind is SubjectKind.URL:
            return (self.host, self.port, self.scheme) == (other.host, other.port, other.scheme)
        return self.kind is other.kind and self.uri == other.uri


SYSTEM = Subject(kind=SubjectKind.SYSTEM, uri="system:")


def subject_of(
    uri: Uri, subject_kind: SubjectKind, *, address: str | None = None, parent: str | None = None
) -> Subject:
    """The subject of this kind for an endpoint."""
    match subject_kind:
        case SubjectKind.SYSTEM:
            return SYSTEM
        case SubjectKind.HOST:
            return Subject(kind=subject_kind, uri=f"host:{uri.host}", host=uri.host, scheme="host", parent=parent)
        case SubjectKind.ZONE | SubjectKind.MAIL:
            return Subject(kind=subject_kind, uri=str(uri), host=uri.host, scheme=uri.scheme.name, parent=parent)
        case SubjectKind.URL | SubjectKind.ADDRESS:
            text = str(uri) if subject_kind is SubjectKind.URL else uri.service
            return Subject(
                kind=subject_kind,
                uri=text,
                host=uri.host,
                port=uri.port,
                scheme=uri.scheme.name,
                address=address,
                parent=parent,
            )
