"""The table of the names by which CAA records refer to certification authorities, and whose certificate one is."""

from __future__ import annotations

from functools import cached_property
from typing import ClassVar

from pydantic import Field

from inspector import Model, TableEntries
from inspector_tls.certificates.observations import Certificate


class CaaIssuer(Model):
    """A certification authority: ``organisations`` as its issuing certificates name it, in their attribute O;
    ``domains`` are the issuer domain names that its practice statement recognises in CAA records.
    """

    organisations: tuple[str, ...] = Field(min_length=1)
    domains: tuple[str, ...] = Field(min_length=1)


class CaaIssuers(TableEntries):
    """The authorities whose issuer domain names are known."""

    kind: ClassVar[str] = "caa-issuers/1"

    entries: tuple[CaaIssuer, ...]

    @cached_property
    def known(self) -> frozenset[str]:
        """The issuer domain names of all authorities in the table."""
        return frozenset(domain for each in self.entries for domain in each.domains)

    def domains(self, organisation: str) -> frozenset[str]:
        """The issuer domain names of the authority that calls itself so; empty where it is not in the table."""
        found = (each.domains for each in self.entries if organisation in each.organisations)
        return frozenset(domain for domains in found for domain in domains)


def issuer_organisation(leaf: Certificate) -> str:
    """The organisation in the name of a certificate's issuer; empty where it has none, or several."""
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    try:
        name = x509.Name.from_rfc4514_string(leaf.issuer)
    except ValueError:
        return ""
    found = [str(each.value) for each in name.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)]
    return found[0] if len(found) == 1 else ""
