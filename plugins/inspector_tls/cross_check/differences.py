"""Where sslyze and the enumerator see otherwise; what one of them could not ask is no difference."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from inspector import Answer
from inspector_tls.cross_check.observations import Heard, TlsCrossCheck
from inspector_tls.observations import Offer, Tls, TlsVersion


@dataclass(frozen=True, slots=True)
class Difference:
    """One suite or group, with its version, that is accepted here and refused ``there`` (by sslyze), or the reverse."""

    what: str
    there: bool


@dataclass(frozen=True, slots=True)
class Pair:
    """Both answers about the suites, or the groups, of one version; ``known``: whether it is accepted here at all."""

    version: TlsVersion
    known: Answer[bool]
    here: Offer
    there: Heard

    @property
    def differences(self) -> Iterator[Difference]:
        """Each member on which both gave an answer, and not the same."""
        if not self.known.is_seen:
            return
        for name in self.here.accepted:
            if name in self.there.refused:
                yield Difference(f"{self.version.value} {name}", there=False)
        for name in self.there.accepted:
            if name not in (*self.here.accepted, *self.here.open):
                yield Difference(f"{self.version.value} {name}", there=True)

    def agreed(self) -> int:
        """On how many members both gave the same answer; raises ``NotSeen`` where one of them has none."""
        _ = self.known.value, self.here.complete.value, self.there.complete.value
        return len(self.there.accepted) + len(self.there.refused)


def pairs(tls: Tls, cross: TlsCrossCheck) -> Iterator[Pair]:
    """What can be compared; groups only where sslyze asked for any."""
    for each in cross.versions:
        spoken = tls[each.version]
        yield Pair(each.version, spoken.accepted, spoken.suites, each.suites)
        if each.groups.accepted or each.groups.refused or not each.groups.complete.is_seen:
            groups = tls.groups if each.version is TlsVersion.TLS_1_3 else tls.curves
            yield Pair(each.version, spoken.accepted, groups, each.groups)
