"""Whether the names of a certificate satisfy name constraints (RFC 5280 §4.2.1.10)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple
from urllib.parse import urlsplit

from inspector_tls.certificates import distinguished_name
from inspector_tls.certificates.der import Element
from inspector_tls.certificates.x509_certificate import (
    DIRECTORY_NAME,
    DNS_NAME,
    IP_ADDRESS,
    RFC822_NAME,
    URI_NAME,
    Subtrees,
    X509Certificate,
)
from inspector_tls.wire.encoding import Malformed

_Value = str | bytes | distinguished_name.Name
_WILDCARD = "*."


class NotProcessed(Exception):
    """A name and a constraint of a kind that is not compared here."""


class TooMany(Exception):
    """More comparisons than are made."""


class _GeneralName(NamedTuple):
    tag: int
    value: _Value


def violates(certificate: X509Certificate, constraints: Subtrees, budget: int) -> tuple[bool, int]:
    """Whether a name of the certificate is outside the permitted or within the excluded subtrees.

    Also returned is what is left of ``budget``, the number of comparisons. Raises Malformed, NotProcessed and TooMany.
    """
    permitted, excluded = (tuple(map(_general_name, each)) for each in constraints)
    for name in _names(certificate):
        allowed, denied = _of_kind(name, permitted), _of_kind(name, excluded)
        budget -= 1 + len(permitted) + len(excluded)
        if budget < 0:
            raise TooMany
        if allowed and not any(_within(name, each) for each in allowed):
            return True, budget
        if any(_within(name, each) or _may_match(name, each) for each in denied):
            return True, budget
        if any(_is_meant(name, each) for each in denied):
            raise NotProcessed
    return False, budget


def _of_kind(name: _GeneralName, subtrees: Sequence[_GeneralName]) -> list[_GeneralName]:
    return [each for each in subtrees if each.tag == name.tag]


def _names(certificate: X509Certificate) -> Iterator[_GeneralName]:
    """The subject, the e-mail addresses in it (as OpenSSL does, whatever the other names are), and the other names."""
    if certificate.subject:
        yield _GeneralName(DIRECTORY_NAME, certificate.subject)
    for address in certificate.email_addresses:
        yield _GeneralName(RFC822_NAME, address)
    yield from map(_general_name, certificate.alternative_names)


def _general_name(sent: Element) -> _GeneralName:
    if sent.tag == DIRECTORY_NAME:
        return _GeneralName(sent.tag, distinguished_name.comparable(sent.content))
    if sent.tag in (DNS_NAME, RFC822_NAME, URI_NAME):
        return _GeneralName(sent.tag, sent.content.decode("latin-1"))
    return _GeneralName(sent.tag, sent.content)


def _within(name: _GeneralName, subtree: _GeneralName) -> bool:
    match name, subtree:
        case (_, str(value)), (_, str(base)):
            return _TEXTS[name.tag](value, base)
        case (tag, bytes(value)), (_, bytes(base)) if tag == IP_ADDRESS:
            return _in_network(value, base)
        case (_, tuple(value)), (_, tuple(base)):
            return value[: len(base)] == base
    raise NotProcessed


def _may_match(name: _GeneralName, excluded: _GeneralName) -> bool:
    """Whether a wildcard matches an excluded name, although it is not within the subtree (CVE-2025-61727)."""
    if name.tag != DNS_NAME or not isinstance(name.value, str) or not isinstance(excluded.value, str):
        return False
    host, _, parent = _host(excluded.value).partition(".")
    return bool(host) and _host(name.value) == _WILDCARD + parent


def _is_meant(name: _GeneralName, excluded: _GeneralName) -> bool:
    """Whether an excluded wildcard, which no client need understand, means this name."""
    if name.tag != DNS_NAME or not isinstance(name.value, str) or not isinstance(excluded.value, str):
        return False
    return excluded.value.startswith(_WILDCARD) and _domain_within(name.value, excluded.value[len(_WILDCARD) :])


def _domain_within(value: str, base: str) -> bool:
    """Whether a domain name is within a domain.

    RFC 5280 defines neither a leading dot here, which matches subdomains only, nor a wildcard, which matches no host:
    both as in OpenSSL.
    """
    host, domain = _host(value), _host(base)
    return not domain or host == domain or host.endswith("." + domain.removeprefix("."))


def _mailbox_within(value: str, base: str) -> bool:
    """Whether a mailbox is the base (a mailbox), at the base (a host), or below it (with a leading dot)."""
    local, at, host = value.rpartition("@")
    if not at:
        raise Malformed("a mailbox without a host")
    wanted_local, at, wanted = base.rpartition("@")
    if at:
        return (local, _host(host)) == (wanted_local, _host(wanted))
    return _host_within(host, base)


def _uri_within(value: str, base: str) -> bool:
    """Whether the host of a URI is within the base; clients reject a URI without one where it is constrained."""
    try:
        host = urlsplit(value).hostname
    except ValueError:
        host = None
    if not host:
        raise Malformed("a URI without a host")
    return _host_within(host, base)


def _host_within(value: str, base: str) -> bool:
    """Whether a host is the base, or below it where the base has a leading dot; an empty base is every host."""
    host, wanted = _host(value), _host(base)
    return not wanted or (host.endswith(wanted) if wanted.startswith(".") else host == wanted)


def _in_network(address: bytes, network: bytes) -> bool:
    """Whether an address is in a network, given as address and mask."""
    size = len(address)
    if size not in (4, 16):
        raise NotProcessed
    number, base, mask = (int.from_bytes(each, "big") for each in (address, network[:size], network[size:]))
    return len(network) == 2 * size and number & mask == base & mask


def _host(name: str) -> str:
    return name.lower().rstrip(".")


_TEXTS = {DNS_NAME: _domain_within, RFC822_NAME: _mailbox_within, URI_NAME: _uri_within}
