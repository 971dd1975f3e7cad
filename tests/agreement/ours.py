"""The result of the inspection about a server: the only interface between this harness and the product.

Each part scans through the real gateway with one of the product's probes and gives facts. What
a probe could not see is omitted.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import inspector_sslyze
import inspector_tls
from inspector import Answer, ScanFailure
from inspector.testing import run_probe
from tests.agreement import fact_names as names
from tests.agreement.environment import HOST
from tests.agreement.expected import derived
from tests.agreement.facts import SSL_2, SSL_3, TLS_1_3, Facts, Value, members
from tests.agreement.tools.questions import Asked, NoResult

#: The product's scheme for what the test servers call a protocol, where the names differ.
_SCHEMES = {"tls": "https", "postgres": "postgresql", "xmpp": "xmpp-client"}
_ROBOT = {"no-rsa": False, "no-oracle": False, "weak-oracle": True, "strong-oracle": True}
_PROBES = {each.name: each for plugin in (inspector_tls, inspector_sslyze) for each in plugin.inspector_probes()}
#: What is asked of one connection at a time for, in seconds: servers here answer at once or never.
_ANSWER_SECONDS = 3


def facts(asked: Asked) -> Facts:
    """The result of the product; raises NoResult when it has no versions."""
    found: dict[str, Value] = dict(_enumerated(_scan("tls", asked, answer_seconds=_ANSWER_SECONDS)))
    found |= derived(found)
    for part in (_certificates, _attacks, _sessions, _injection):
        try:
            found |= dict(part(asked))
        except NoResult:
            continue
    return found


def _scan(name: str, asked: Asked, **options: Any) -> Any:
    """What one probe observes; raises NoResult where it does not support such servers, or with what ended the scan."""
    by, scheme = _PROBES[name], _SCHEMES.get(asked.protocol, asked.protocol)
    if scheme not in {each.name for each in by.schemes}:
        raise NoResult(f"{name} does not support {scheme}")
    try:
        return run_probe(by, f"{scheme}://{HOST}:{asked.port}", address=asked.address, **options).seen(by.kind)
    except ScanFailure as failure:
        raise NoResult(f"{failure.cause.value}: {failure.message}") from None


# --- Versions, suites, groups ----------------------------------------------------------------------------------------


def _enumerated(seen: Any) -> Iterator[tuple[str, Value]]:
    codes = names.suite_codes()
    for each in seen.versions.each:
        version = each.version.value
        if each.accepted.is_seen:
            yield version, each.accepted.value
        if not each.accepted.seen:
            continue
        if each.suites.complete.is_seen:
            yield f"suites {version}", members(codes[name] for name in each.suites.accepted)
        if each.preference.seen in {"server", "client"} and version != SSL_2:
            yield f"preference {version}", str(each.preference.seen)
    yield from _groups(seen)
    if seen.primes:
        yield "dh-bits", members(str(each.bits) for each in seen.primes)
    reported, bears = seen.extensions, seen.tolerance
    yield from _report("insecure-renegotiation", reported.secure_renegotiation, False)
    yield from _report("crime", reported.compression, True)
    yield from _report("fallback-scsv", reported.fallback_refused, True)
    yield from _report("extended-master-secret", reported.extended_master_secret, True)
    yield from _report("bears-many-suites", bears.many_suites, True)
    yield from _report("bears-long-hellos", bears.long_hello, True)
    yield from _report("bears-unknown-values", bears.unknown_values, True)


def _groups(seen: Any) -> Iterator[tuple[str, Value]]:
    older = [each.version.value for each in seen.accepted if each.version.value not in {SSL_2, SSL_3, TLS_1_3}]
    for versions, offer in (([TLS_1_3], seen.groups), (older, seen.curves)):
        if offer.complete.is_seen and offer.accepted:
            for version in versions:
                yield f"groups {version}", members(map(names.group, offer.accepted))


def _report(name: str, answer: Answer[bool | None], flawed: bool) -> Iterator[tuple[str, Value]]:
    """A flaw or trait, where the question arises and was answered."""
    if answer.is_seen and answer.value is not None:
        yield name, answer.value is flawed


# --- Certificates and flaws ------------------------------------------------------------------------------------------


def _certificates(asked: Asked) -> Iterator[tuple[str, Value]]:
    seen = _scan("certificates", asked)
    if all(answer.is_seen for answer in seen.leaves_by_kind.answers):
        yield "certificates", members(leaf.sha256 for leaf in seen.leaves)


def _attacks(asked: Asked) -> Iterator[tuple[str, Value]]:
    seen = _scan("tls-attacks", asked)
    yield from _report("heartbleed", seen.heartbleed, True)
    yield from _report("ccs-injection", seen.ccs_injection, True)
    if seen.robot.is_seen:
        yield "robot", _ROBOT[seen.robot.value]
    if seen.renegotiations.is_seen:
        yield "client-renegotiation", seen.renegotiations.value > 0


def _sessions(asked: Asked) -> Iterator[tuple[str, Value]]:
    yield from _report("early-data", _scan("tls-sessions", asked).early_data, True)


def _injection(asked: Asked) -> Iterator[tuple[str, Value]]:
    yield from _report("starttls-injection", _scan("starttls-injection", asked).carried_out, True)
