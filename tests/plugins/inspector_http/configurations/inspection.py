"""Inspects configurations with every probe and every check of the plugin."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from inspector import (
    Cause,
    Check,
    Declared,
    Every,
    Intrusiveness,
    Observation,
    Probe,
    ScanFailure,
    TableAt,
    TableEntries,
    Target,
    Verdict,
)
from inspector.declare.authorisation import Authorisation, Rates
from inspector.declare.settings import Settings
from inspector.model.declared import DeclaredPort
from inspector.model.subject import subject_of
from inspector.model.table import NoTable
from inspector.network import Gateway, Ledger
from inspector.network.access.scope import Scope
from inspector.plugin.check import SubjectResult
from inspector.registry.registry import installed
from inspector.tables.store import shipped_tables
from inspector_http import inspector_checks, inspector_probes
from inspector_http.urls import uri_of
from tests.plugins.inspector_http.configurations.model import Configuration
from tests.plugins.inspector_http.webservers import root
from tests.plugins.inspector_services.scanning import AUTHORISATION, SYSTEM, read

_RATES = Rates(connections_per_second=5000, burst=5000, at_once=20, port_questions_per_second=5000)
_POLITE = AUTHORISATION.model_copy(update={"rates": _RATES})
_INTRUSIVE = _POLITE.model_copy(update={"intrusiveness": Intrusiveness.INTRUSIVE})

Result = SubjectResult[Observation]
Results = dict[type[Observation], Result]
#: What rows of the higher levels ask of a probe.
_ALL = {"cross-origin": {"preflight": True}}


def inspect(configurations: Sequence[Configuration], address: str) -> dict[str, dict[str, Verdict]]:
    """The verdicts on each configuration, by its id and that of the check: of all checks that its scheme has."""
    found = observe(configurations, address)
    return {each.id: judge(each, found[each.id]) for each in configurations}


def observe(configurations: Sequence[Configuration], address: str) -> dict[str, Results]:
    """What each probe sees of each configuration, by its id."""

    async def every() -> list[Results]:
        with tempfile.TemporaryDirectory() as folder:
            scope = Scope([_INTRUSIVE], SYSTEM, [])
            ledger = Ledger(Path(folder) / "ledger.jsonl")
            gateway = Gateway(Settings(), scope, ledger, salt=b"salt", run="test", roots=root())
            async with gateway:
                return await asyncio.gather(*(_results(gateway, each, address) for each in configurations))

    return {each.id: results for each, results in zip(configurations, asyncio.run(every()), strict=True)}


def judge(configuration: Configuration, results: Results) -> dict[str, Verdict]:
    """The verdict of each check that the scheme of a configuration has."""
    return {
        check.id: check.evaluate(_inputs(check, configuration, results), {})
        for check in inspector_checks()
        if all(wire.kind is None or wire.kind in results for wire in check.inputs)
    }


async def _results(gateway: Gateway, configuration: Configuration, address: str) -> Results:
    """The observation of each probe, those that another one needs first."""
    results: Results = {}
    waiting = [each for each in inspector_probes() if configuration.entry.scheme in {s.name for s in each.schemes}]
    while waiting:
        ready = [each for each in waiting if not {kind for _, kind in each.needs} - {*results}]
        assert ready, "probes need what no probe gives"
        for probe in ready:
            results[probe.kind] = await _result(gateway, configuration, address, probe, results)
        waiting = [each for each in waiting if each not in ready]
    return results


async def _result(
    gateway: Gateway, configuration: Configuration, address: str, probe: Probe, results: Results
) -> Result:
    subject = subject_of(uri_of(configuration.url), probe.subject_kind, address=address)
    if probe.intrusiveness is Intrusiveness.INTRUSIVE and not configuration.entry.granted:
        return SubjectResult(subject, None, Cause.NOT_AUTHORISED)
    needs = [results[kind] for _, kind in probe.needs]
    for each in needs:
        if each.observation is None:
            return SubjectResult(subject, None, each.cause or Cause.NOT_REACHED)
    target = Target(subject, _declared(configuration))
    granted: Authorisation = _INTRUSIVE if configuration.entry.granted else _POLITE
    try:
        network = gateway.network(probe, target, granted)
        output = await probe.scan(target, network, *(each.observation for each in needs), **_ALL.get(probe.name, {}))
        return SubjectResult(subject, read(probe, output, target))
    except ScanFailure as failure:
        return SubjectResult(subject, None, failure.cause)


def _declared(configuration: Configuration) -> Declared:
    return Declared(
        host_declared=True,
        ports=(DeclaredPort(port=configuration.port),),
        endpoints=(configuration.url, *configuration.entry.declared),
    )


@cache
def _table(kind: type[TableEntries]) -> TableAt[TableEntries] | NoTable:
    table = {each.kind: each for each in shipped_tables(installed())}.get(kind.kind)
    return NoTable(kind.kind) if table is None else TableAt(table, kind, table.dated)


def _inputs(check: Check, configuration: Configuration, results: Results) -> list[object]:
    found: list[object] = []
    for wire in check.inputs:
        if wire.table is not None:
            found.append(_table(wire.table))
        elif wire.kind is None:
            found.append(_declared(configuration))
        else:
            result = results[wire.kind]
            found.append(Every([result]) if wire.every else result)
    return found
