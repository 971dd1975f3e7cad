"""Remedies: for one check and one product the configuration with which the check passes.

They are data beside the checks: ``<plugin>/remedies/<check id>.yaml`` holds a mapping from product to remedy::

    nginx:
      place: server { … }
      lines:
        - ssl_protocols TLSv1.2 TLSv1.3;
      tried: nginx 1.22.1

Each member of ``lines`` is one setting, of one or more lines of text. ``tried`` is the version on which a test applied
the lines to a server, after which the check passed: one on which it failed, unless no server of that version can be
made to fail it. A remedy without it was not tried. A product that
``PRODUCTS`` does not name says with ``schemes`` which services it offers.

In lines for a firewall ``PORTS`` stands for the ports of the finding and ``ADDRESS`` for its address; a remedy with
``services`` is only for findings that name one of these, as ``redis`` in ``6379/tcp (redis)``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.util import find_spec

from pydantic import Field, model_validator

from inspector.declare.document.yaml import read_yaml
from inspector.model.base import Model
from inspector.model.finding import Finding
from inspector.model.subject import BadUri, Scheme, parse_uri

FOLDER = "remedies"


@dataclass(frozen=True, slots=True)
class Product:
    """Server software: its name, the schemes of the services that it offers, and their ports behind ``tls://``."""

    name: str
    schemes: frozenset[str]
    ports: frozenset[int] = frozenset()


_WEB = frozenset({"http", "https"})
_SMTP = frozenset({"smtp", "smtps", "submission"})
_MAILBOX = frozenset({"imap", "imaps", "pop3", "pop3s", "lmtp", "sieve"})
_WEB_PORTS = frozenset({80, 443, 8080, 8443})
_HOST = frozenset({"host"})

#: The known products by id, in the order in which reports list them.
PRODUCTS = {
    "nginx": Product("nginx", _WEB, _WEB_PORTS),
    "apache": Product("Apache httpd", _WEB, _WEB_PORTS),
    "haproxy": Product("HAProxy", _WEB, _WEB_PORTS),
    "iis": Product("IIS", _WEB, _WEB_PORTS),
    "postfix": Product("Postfix", _SMTP, frozenset({25, 465, 587})),
    "dovecot": Product("Dovecot", _MAILBOX, frozenset({110, 143, 993, 995, 4190})),
    "openssh": Product("OpenSSH", frozenset({"ssh"}), frozenset({22})),
    "bind": Product("BIND", _HOST | {"dns", "mail"}),
    "redis": Product("Redis", _HOST),
    "memcached": Product("memcached", _HOST),
    "postgresql": Product("PostgreSQL", _HOST),
    "mariadb": Product("MariaDB", _HOST),
    "mosquitto": Product("Mosquitto", _HOST),
    "vsftpd": Product("vsftpd", _HOST),
    "samba": Product("Samba", _HOST),
    "xrdp": Product("xrdp", _HOST),
    "snmpd": Product("Net-SNMP", _HOST),
    "ntpsec": Product("NTPsec", _HOST),
    "nftables": Product("nftables", _HOST),
}

#: What stands in lines for the ports and the address of a finding.
PORTS, ADDRESS = "PORTS", "ADDRESS"
_PLACEHOLDER = re.compile(rf"\b(?:{PORTS}|{ADDRESS})\b")
_PORT = re.compile(r"\A(\d+)/(?:tcp|udp)\b")


def product_name(product: str) -> str:
    """The name of a product, its id where it is not a known one."""
    return PRODUCTS[product].name if product in PRODUCTS else product


class Remedy(Model):
    """The settings of one product with which one check passes.

    ``place`` says where the lines belong: a file, or a block in it.
    """

    place: str
    lines: tuple[str, ...] = Field(min_length=1)
    tried: str | None = None
    schemes: tuple[str, ...] = ()
    services: tuple[str, ...] = ()

    def filled(self, finding: Finding) -> Remedy | None:
        """The remedy with the ports and the address of a finding; None where it is not about its services."""
        measured = finding.measured if isinstance(finding.measured, tuple) else (finding.measured,)
        named = [each for each in measured if isinstance(each, str)]
        if self.services and not any(f"({service})" in each for each in named for service in self.services):
            return None
        text = "\n".join(self.lines)
        ports = sorted({int(found[1]) for each in named if (found := _PORT.match(each))})
        if (PORTS in text and not ports) or (ADDRESS in text and not finding.address):
            return None
        values = {PORTS: ", ".join(map(str, ports)), ADDRESS: finding.address or ""}
        lines = tuple(_PLACEHOLDER.sub(lambda found: values[found[0]], each) for each in self.lines)
        return self.model_copy(update={"lines": lines})


class _Remedies(Model):
    """The content of a file."""

    products: dict[str, Remedy]

    @model_validator(mode="after")
    def _schemes_known(self) -> _Remedies:
        for product, remedy in self.products.items():
            if product not in PRODUCTS and not remedy.schemes:
                raise ValueError(f"{product} is no known product; say with schemes which services it offers")
        return self


@cache
def remedies_of(package: str, check: str) -> Mapping[str, Remedy]:
    """The remedies of a check of a package, by product; empty when it has none. Raises InputFileError."""
    spec = find_spec(package)
    if spec is None or spec.submodule_search_locations is None:
        return {}
    path = files(package) / FOLDER / f"{check}.yaml"
    if not path.is_file():
        return {}
    document = read_yaml(path.read_text(encoding="utf-8"), str(path), quickly=True)
    document.data = {"products": document.data}
    found = document.take(_Remedies)
    document.close()
    return found.products if found else {}


@dataclass(frozen=True, slots=True)
class PlacedLines:
    """Settings for one place of a product's configuration, each once."""

    place: str
    lines: tuple[str, ...]

    @property
    def text(self) -> str:
        """The settings as a block to copy."""
        return "\n".join(each.rstrip("\n") for each in self.lines)


@dataclass(frozen=True, slots=True)
class ProductRemedies:
    """What to set in one product so that some checks pass, by place.

    ``tried`` are the versions on which tests applied it; ``untried`` says that some of it was not tried.
    """

    product: str
    name: str
    checks: tuple[str, ...]
    blocks: tuple[PlacedLines, ...]
    tried: tuple[str, ...]
    untried: bool


def offers(product: str, remedy: Remedy, uri: str, schemes: Mapping[str, Scheme]) -> bool:
    """Whether a product may be what answers at the subject of a finding."""
    known = PRODUCTS.get(product)
    allowed = frozenset(remedy.schemes) or (known.schemes if known else frozenset())
    scheme = uri.partition(":")[0]
    if scheme in allowed:
        return True
    if known is None or scheme not in ("tls", "tcp") or remedy.schemes:
        return False
    try:
        return parse_uri(uri, schemes).port in known.ports
    except BadUri:
        return False


def gathered(found: Iterable[tuple[str, str, Remedy]]) -> tuple[ProductRemedies, ...]:
    """Remedies, each with its check and product, gathered by product in the order of ``PRODUCTS``; equal lines once."""
    by_product: dict[str, list[tuple[str, Remedy]]] = {}
    for check, product, remedy in found:
        by_product.setdefault(product, []).append((check, remedy))
    order = {product: number for number, product in enumerate(PRODUCTS)}
    return tuple(
        _of_product(product, by_product[product])
        for product in sorted(by_product, key=lambda each: (order.get(each, len(order)), each))
    )


def _of_product(product: str, found: list[tuple[str, Remedy]]) -> ProductRemedies:
    places: dict[str, dict[str, None]] = {}
    for _, remedy in found:
        places.setdefault(remedy.place, {}).update(dict.fromkeys(remedy.lines))
    tried_lines = {line for _, remedy in found if remedy.tried for line in remedy.lines}
    return ProductRemedies(
        product=product,
        name=product_name(product),
        checks=tuple(dict.fromkeys(check for check, _ in found)),
        blocks=tuple(PlacedLines(place, tuple(lines)) for place, lines in places.items()),
        tried=tuple(sorted({remedy.tried for _, remedy in found if remedy.tried})),
        untried=not {line for _, remedy in found for line in remedy.lines} <= tried_lines,
    )
