"""Systems that share an address share the scans that each of them may make; counted at the server."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from inspector.collect.collector import Progress
from inspector.collect.shared_scans import SharedScan, SharedScans, TaskKey
from inspector.declare.authorisation import Authorisation, Covers, Rates
from inspector.declare.declaration import Declaration, Organisation, System
from inspector.declare.settings import Settings
from inspector.model.base import Cause, now
from inspector.network import Network
from inspector.pipeline.capture import open_capture, seal_capture
from inspector.pipeline.context import InputDocuments, RunContext, request_for
from inspector.pipeline.pipeline import collect_and_confirm
from inspector.pipeline.prepare import prepare
from inspector.pipeline.reassess import AssessmentOptions, assess_bundle
from inspector.record.assessment import Assessment
from inspector.record.ledger_entry import LedgerEntry
from inspector.record.plan import Selection
from inspector.regime.loader import load_all
from inspector.registry.registry import installed
from inspector.seal import Bundle, SigningKey
from tests.core.network.addresses import most_in_a_second, needs_raw, serving
from tests.core.network.pacing.test_rates import opened
from tests.line import harness
from tests.line.test_connections import HEADERS, MODERN, shown
from tests.plugins.inspector_tls import servers
from tests.plugins.inspector_tls.authority import ec_key, issue, root, rsa_key

ADDRESS = "127.0.0.1"
#: A port of the table of notable ports: every sweep asks it.
DATABASE = 3306
#: Lines in the ledger of an inspection from which on another one counts as late.
_BEGUN = 8


@dataclass
class Site:
    """nginx with a modern configuration; ``roots`` verify its certificates."""

    port: int
    roots: Path

    @property
    def endpoint(self) -> str:
        return f"https://{ADDRESS}:{self.port}/"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder, authority = tmp_path_factory.mktemp("site"), root()
    leaves = [issue("site.test", authority, ip=[ADDRESS], key=key) for key in (rsa_key(3072), ec_key())]
    (folder / "roots.pem").write_bytes(authority.pem)
    with servers.nginx(folder, shown(folder, *leaves) + MODERN + HEADERS) as port:
        yield Site(port, folder / "roots.pem")


@dataclass
class Part:
    """One system of a run: what is declared, and who permits what."""

    name: str
    endpoints: Sequence[str]
    level: int = 3
    rates: dict[str, int] = field(default_factory=lambda: dict(harness.FAST))
    covers: Covers = field(default_factory=lambda: Covers(blocks=("127.0.0.0/8",)))
    valid_until: datetime | None = None
    only: tuple[str, ...] = ("tls", "http")
    is_late: bool = False

    @property
    def authorisation(self) -> Authorisation:
        document = harness.authorisation(id=f"a-{self.name}", rates=self.rates)
        given = Authorisation.model_validate(document)
        return given.model_copy(update={"covers": self.covers, "valid_until": self.valid_until or given.valid_until})


@dataclass
class Result:
    """What a run left behind, by system, and the SYNs that the server saw at one port."""

    bundles: dict[str, Bundle] = field(default_factory=dict)
    assessments: dict[str, Assessment] = field(default_factory=dict)
    instants: list[float] = field(default_factory=list)

    def ledger(self, name: str) -> list[LedgerEntry]:
        return list(self.bundles[name].ledger())

    def findings(self, name: str) -> dict[tuple[str, str, str | None], tuple[object, ...]]:
        """Each finding, without what differs from run to run."""
        return {
            (each.check, each.subject, each.address): (each.outcome, each.cause, str(each.message))
            for each in self.assessments[name].findings
        }

    def asked(self, name: str, port: int) -> list[LedgerEntry]:
        """The connections to a port that a system's ledger lists."""
        return [each for each in self.ledger(name) if (each.address, each.port) == (ADDRESS, port)]


class ScansOfTogether(SharedScans):
    """Shared scans of inspections that begin together: none scans before all have joined, whatever delays one."""

    def __init__(self, inspections: int) -> None:
        super().__init__()
        self._missing = inspections
        self._have_joined = asyncio.Event()

    def join(self, participant: object, tasks: Mapping[TaskKey, Rates]) -> None:
        super().join(participant, tasks)
        self._missing -= 1
        if self._missing <= 0:
            self._have_joined.set()

    async def find(
        self, question: str, task: TaskKey, network: Network, not_before: datetime | None = None
    ) -> SharedScan | None:
        await self._have_joined.wait()
        return await super().find(question, task, network, not_before)


class Run:
    """Systems that are inspected in one event loop."""

    def __init__(self, folder: Path, site: Site, *parts: Part) -> None:
        registry = installed()
        settings = Settings(
            output=folder / "out", rate_state=folder / "rates", public_roots=site.roots, signing_key=folder / "key.pem"
        )
        self.site = site
        self.parts = parts
        self.interrupted: list[str] = []
        self._folder = folder
        self._systems = {
            each.name: System.model_validate(
                harness.system(*each.endpoints, id=each.name, level=each.level, name=f"Hệ thống {each.name}")
            )
            for each in parts
        }
        declaration = Declaration(organisation=Organisation(code="o", name="o"), systems=tuple(self._systems.values()))
        documents = InputDocuments(declaration, tuple(each.authorisation for each in parts))
        self._context = RunContext(registry, settings, tuple(load_all(registry.profiles)), documents, tables=())

    async def _inspect(self, part: Part, shared: SharedScans | None, result: Result, interrupt_after: int) -> None:
        request = request_for(
            self._systems[part.name], self._context, run="run-1", as_of=now(), selection=Selection(only=part.only)
        ).model_copy(update={"authorisations": (part.authorisation,)})
        planned = await prepare(request, self._context)
        await (self._has_begun.wait() if part.is_late else self._are_ready.wait())
        done: list[Progress] = []
        with open_capture(planned, self._context) as writer:

            async def collect(shared: SharedScans | None) -> None:
                await collect_and_confirm(writer, planned, self._context, done.append, shared=shared)

            collecting = asyncio.create_task(collect(shared))
            if not part.is_late:
                while not collecting.done() and self._lines(writer.ledger_path) < _BEGUN:  # noqa: ASYNC110
                    await asyncio.sleep(0)
                self._has_begun.set()
            if interrupt_after:
                while not collecting.done() and self._lines(writer.ledger_path) < interrupt_after:  # noqa: ASYNC110
                    await asyncio.sleep(0)
                collecting.cancel()
                await asyncio.wait([collecting])
                self.interrupted.append(part.name)
                collecting = asyncio.create_task(collect(shared))
            await collecting
            bundle = seal_capture(writer, planned.planner, SigningKey.load_or_create(self._folder / "key.pem"))
        result.bundles[part.name] = bundle
        options = AssessmentOptions(as_of=request.as_of)
        result.assessments[part.name] = await assess_bundle(bundle, self._context.registry, options)

    @staticmethod
    def _lines(path: Path) -> int:
        return len(path.read_bytes().splitlines()) if path.exists() else 0

    def __call__(self, *, shared: bool = True, interrupt: str = "", after: int = 0) -> Result:
        """Inspect all of them; ``interrupt`` one after so many lines of its ledger, and resume it."""
        result = Result()

        async def go() -> None:
            self._has_begun = asyncio.Event()
            together = sum(not each.is_late for each in self.parts)
            self._are_ready = asyncio.Barrier(together)
            scans = ScansOfTogether(together) if shared else None
            await asyncio.gather(
                *(self._inspect(each, scans, result, after if each.name == interrupt else 0) for each in self.parts)
            )

        with serving("sniff", ADDRESS) as sniffer:
            asyncio.run(go())
            result.instants = opened(sniffer.report()["packets"], self.site.port)
        return result


def assert_listed(result: Result, port: int) -> None:
    """What the server saw is what the bundles list as their own; each bundle lists it under its own authorisation."""
    own = 0
    for name in result.bundles:
        assert {each.authorisation for each in result.asked(name, port)} == {f"a-{name}"}
        own += sum(not each.shared for each in result.asked(name, port))
    assert own == len(result.instants)


@needs_raw
def test_four_systems_take_the_connections_of_one(tmp_path: Path, site: Site) -> None:
    """Findings are those of a system alone; each ledger lists every connection, and no bundle names another system."""
    names = ["one", "two", "three", "four"]
    alone = Run(tmp_path / "alone", site, Part("one", [site.endpoint]))()
    result = Run(tmp_path / "all", site, *(Part(each, [site.endpoint]) for each in names))()
    assert len(result.instants) == len(alone.instants) > 30
    assert_listed(result, site.port)
    for name in names:
        assert result.findings(name) == alone.findings("one")
        assert len(result.asked(name, site.port)) == len(alone.instants)
        bundle = result.bundles[name]
        parts = [bundle.inspection, *(each for _, each in bundle.evidence()), *bundle.ledger()]
        kept = b"".join(each.canonical() for each in parts)
        assert f'"a-{name}"'.encode() in kept
        assert not any(f'"a-{each}"'.encode() in kept for each in names if each != name)


#: A fingerprint, and the token that stands for a secret where one is needed.
_DIGESTS = re.compile(rb"sha256=([0-9a-f]{64})|\bx([0-9a-f]{12})\b")


@needs_raw
def test_a_shared_scan_has_fingerprints_of_each_bundles_own(tmp_path: Path) -> None:
    """A cookie, a token in a path and a field are keyed with the salt of each bundle, alike in all its scans."""
    headers = {
        "Set-Cookie": "session=8f14e45fceea167a5a36dedd4bea2543; Path=/a/8f14e45fceea167a5a36dedd4bea2543",
        "X-Api-Key": "c9f0f895fb98ab9159f51fd0297e236d",
        "X-8f14e45fceea167a": "1",
        "Server": "nginx/1.2.3",
    }
    with harness.serving({"name": "page", "mode": "page", "headers": headers}) as page:
        site = Site(page.ports["page"], tmp_path / "none.pem")
        (tmp_path / "none.pem").write_bytes(root().pem)
        names = ["one", "two", "three"]
        endpoint = f"http://{ADDRESS}:{site.port}/"
        result = Run(tmp_path, site, *(Part(each, [endpoint], only=("http",)) for each in names))()
        # A scan and its confirmation, once for all; each asks as another origin with the page that it has itself.
        assert len(page.received()["page"]) == 2 + len(names)
    found: dict[str, list[set[bytes]]] = {}
    for name, bundle in result.bundles.items():
        scans = [b"".join(bundle.raw(ref) for ref in each.raw) for _, each in bundle.evidence() if each.raw]
        assert not any(value.encode() in raw for raw in scans for value in ("8f14e45fceea167a", "c9f0f895"))
        found[name] = [{digest for each in _DIGESTS.findall(raw) for digest in each if digest} for raw in scans]
        assert len(found[name]) == 3
        assert len(found[name][0]) >= 4
        assert found[name][0] == found[name][1] == found[name][2]
        assert result.findings(name) == result.findings("one")
    assert not found["one"][0] & found["two"][0]
    assert not found["two"][0] & found["three"][0]
    assert sum(each.shared for name in names for each in result.asked(name, site.port)) == 2 * 2


@needs_raw
def test_systems_without_shared_scans_scan_each_for_itself(tmp_path: Path, site: Site) -> None:
    """Without the object of a run nothing is shared: the ledgers mark nothing."""
    parts = [Part(each, [site.endpoint]) for each in ("one", "two")]
    result = Run(tmp_path, site, *parts)(shared=False)
    assert_listed(result, site.port)
    assert not any(each.shared for name in ("one", "two") for each in result.ledger(name))


@contextmanager
def database() -> Iterator[None]:
    """A port that only a sweep finds."""
    with socket.create_server((ADDRESS, DATABASE), reuse_port=True):
        yield


@needs_raw
def test_what_a_sweep_finds_stays_with_those_who_may_sweep(tmp_path: Path, site: Site) -> None:
    """Who may ask one port only learns of no other one, and is refused the sweep; who may sweep shares it."""
    endpoints = [site.endpoint, f"host:{ADDRESS}"]
    limited = Covers(blocks=(ADDRESS,), ports=({"first": site.port, "last": site.port},))  # type: ignore[arg-type]
    parts = [Part(each, endpoints, level=1, only=("services",)) for each in ("one", "two", "three")]
    parts[2].covers = limited
    with database():
        result = Run(tmp_path, site, *parts)()
    ports = {
        name: [each for _, each in bundle.evidence() if each.probe == "ports"]
        for name, bundle in result.bundles.items()
    }
    for name in ("one", "two"):
        assert [f"{DATABASE}" in str(each.facts) for each in ports[name]] == [True]
    assert [(each.facts, each.failure.cause) for each in ports["three"] if each.failure] == [(None, Cause.OUT_OF_SCOPE)]
    sweeps = {name: [each for each in result.ledger(name) if each.protocol == "sweep"] for name in result.bundles}
    assert [each.questions for each in sweeps["one"]] == [each.questions for each in sweeps["two"]]
    assert sorted(sorted({each.shared for each in sweeps[name]}) for name in ("one", "two")) == [[False], [True]]
    assert sweeps["three"] == []


@needs_raw
def test_nothing_is_listed_after_a_window_has_ended(tmp_path: Path, site: Site) -> None:
    """The system whose hours end takes no part from then on; the others are scanned to their end."""
    slow = {"connections_per_second": 8, "burst": 8, "at_once": 5, "port_questions_per_second": 100}
    others = [Part(each, [site.endpoint], rates=slow) for each in ("one", "two")]
    alone = Run(tmp_path / "alone", site, Part("one", [site.endpoint]))()
    ends = now() + timedelta(seconds=3)
    short = Part("short", [site.endpoint], rates=slow, valid_until=ends)
    result = Run(tmp_path / "all", site, short, *others)()
    assert all(each.at <= ends for each in result.ledger("short"))
    causes = {each.failure.cause for _, each in result.bundles["short"].evidence() if each.failure}
    assert causes & {Cause.OUTSIDE_WINDOW, Cause.NOT_AUTHORISED}
    for each in others:
        assert result.findings(each.name) == alone.findings("one")


@needs_raw
def test_the_strictest_rate_of_the_participants_holds(tmp_path: Path, site: Site) -> None:
    """One that permits little slows the shared scans down, and all take part."""
    strict = {"connections_per_second": 10, "burst": 10, "at_once": 3, "port_questions_per_second": 100}
    parts = [Part("one", [site.endpoint]), Part("two", [site.endpoint]), Part("strict", [site.endpoint], rates=strict)]
    alone = Run(tmp_path / "alone", site, Part("one", [site.endpoint]))()
    result = Run(tmp_path / "all", site, *parts)()
    assert len(result.instants) == len(alone.instants)
    assert most_in_a_second(result.instants) <= strict["burst"]
    assert_listed(result, site.port)
    for each in parts:
        assert result.findings(each.name) == alone.findings("one")


@needs_raw
@pytest.mark.parametrize("is_strict", [True, False])
def test_who_comes_later_takes_what_keeps_to_the_own_rate(tmp_path: Path, site: Site, is_strict: bool) -> None:
    """A scan that has begun is taken by those who permit its rate; who permits less scans for itself."""
    fast = {"connections_per_second": 40, "burst": 40, "at_once": 2, "port_questions_per_second": 100}
    strict = {"connections_per_second": 10, "burst": 10, "at_once": 2, "port_questions_per_second": 100}
    late = Part("late", [site.endpoint], rates=strict if is_strict else fast, is_late=True)
    result = Run(tmp_path, site, Part("first", [site.endpoint], rates=fast), late)()
    assert_listed(result, site.port)
    enumerated = {each.shared for each in result.asked("late", site.port) if each.probe == "tls"}
    assert enumerated == {not is_strict}
    assert result.findings("late") == result.findings("first")
    if is_strict:
        own = [each.at.timestamp() for each in result.asked("late", site.port) if not each.shared]
        assert most_in_a_second(own) <= strict["burst"]


@needs_raw
def test_other_questions_are_other_scans(tmp_path: Path, site: Site) -> None:
    """Who asks for other parts of an observation scans for itself; findings are as alone, also of other levels."""
    parts = [
        Part("few", [site.endpoint], 3, only=("tls-modern-protocols",)),
        Part("many", [site.endpoint], 3),
        Part("more", [site.endpoint], 5),
    ]
    alone = {each.name: Run(tmp_path / each.name, site, each)().findings(each.name) for each in parts}
    result = Run(tmp_path / "all", site, *parts)()
    assert_listed(result, site.port)
    options = {}
    for each in parts:
        assert result.findings(each.name) == alone[each.name]
        [options[each.name]] = [
            found.options
            for _, found in result.bundles[each.name].evidence()
            if (found.probe, found.scan) == ("tls", 1)
        ]
    assert options["few"] != options["many"]
    assert not any(each.shared for each in result.ledger("few"))


@needs_raw
@pytest.mark.parametrize("interrupted", ["one", "two"])
def test_who_is_interrupted_ends_no_scan_of_the_others(tmp_path: Path, site: Site, interrupted: str) -> None:
    """The others have the findings of a system alone; what is resumed repeats at most the scans that were cut."""
    alone = Run(tmp_path / "alone", site, Part("one", [site.endpoint]))()
    run = Run(tmp_path / "all", site, *(Part(each, [site.endpoint]) for each in ("one", "two", "three")))
    result = run(interrupt=interrupted, after=12)
    assert run.interrupted == [interrupted]
    assert_listed(result, site.port)
    for name in result.bundles:
        assert result.findings(name) == alone.findings("one")
    assert len(result.instants) <= 2 * len(alone.instants)


@needs_raw
def test_names_at_one_address_keep_scans_of_their_own(tmp_path: Path, site: Site) -> None:
    """Each name is asked for by its own server name; the rate of the address holds for all together."""
    slow = {"connections_per_second": 20, "burst": 20, "at_once": 5, "port_questions_per_second": 100}
    parts = [
        Part(
            each,
            [f"https://{each}.localhost:{site.port}/"],
            rates=slow,
            covers=_named(each),
            only=("tls-modern-protocols",),
        )
        for each in ("a", "b")
    ]
    result = Run(tmp_path, site, *parts)()
    assert_listed(result, site.port)
    assert not any(each.shared for name in ("a", "b") for each in result.ledger(name))
    assert len(result.asked("a", site.port)) == len(result.asked("b", site.port)) > 5
    assert most_in_a_second(result.instants) <= slow["burst"]


def _named(name: str) -> Covers:
    return Covers(names=(f"{name}.localhost",), blocks=("127.0.0.1", "::1"))
