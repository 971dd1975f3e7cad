"""The observation of the CAA records by which authorities decide whether to issue a host's certificates."""

from __future__ import annotations

from typing import ClassVar

from inspector import Answer, Model, Observation


class RelevantRecords(Model):
    """The relevant CAA record set of a name (RFC 8659 §3): ``at`` is the name that has it, None where there is none.

    ``issue`` and ``issuewild``: the issuer domain names in records of this property, lower case and sorted, ``""`` for
    a record that permits nobody, as a malformed one does (§4.2); None where the set has no such property.
    ``unknown_critical``: properties that no authority knows, and for which each must refuse (§4.1).
    """

    at: str | None = None
    issue: tuple[str, ...] | None = None
    issuewild: tuple[str, ...] | None = None
    unknown_critical: tuple[str, ...] = ()

    def permitted(self, *, wildcard: bool) -> frozenset[str] | None:
        """The issuer domain names that may issue, for a wildcard or another name; None: everybody may."""
        if self.unknown_critical:
            return frozenset()
        issuers = self.issuewild if wildcard and self.issuewild is not None else self.issue
        return None if issuers is None else frozenset(issuers) - {""}


class IssuancePolicy(Observation):
    """Whom the CAA records of a host permit to issue certificates for it.

    ``exact``: for a certificate that names the host itself, ``wildcard``: for one with a wildcard in place of its first
    label, of which only the name without that label counts (RFC 8659 §3).
    """

    kind: ClassVar[str] = "issuance-policy/1"

    host: str
    exact: Answer[RelevantRecords]
    wildcard: Answer[RelevantRecords]
