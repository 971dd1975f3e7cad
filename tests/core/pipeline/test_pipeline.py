"""One system from start to end: what a capture is begun with, closed with, and judged with later."""

import asyncio
import re
import socket
import ssl
from dataclasses import replace
from pathlib import Path

import certifi
import pytest

from inspector import Answer, Cause, Declared, ParseContext, ScanOutput, Verdict, check, failed, passed
from inspector.assess.assessor import Reached
from inspector.declare.authorisation import Authorisation, Covers
from inspector.declare.settings import Settings
from inspector.declare.statement import Statement, StatementKind
from inspector.model.errors import BundleError, UsageError
from inspector.model.finding import finding_id
from inspector.model.subject import SubjectKind
from inspector.pipeline.capture import open_capture, reopen_capture, seal_capture
from inspector.pipeline.reassess import AssessmentOptions, assess_bundle, reparse
from inspector.pipeline.run_overview import is_run
from inspector.pipeline.system_filter import SystemFilter, at_own_addresses
from inspector.pipeline.trust import load_trust, trust_of
from inspector.record.plan import Selection
from inspector.seal import SigningKey
from inspector.tables.public_roots import roots_of_settings
from tests.core.systems import (
    RAW,
    Sensor,
    authorisation,
    average,
    inspect,
    job,
    neighbour,
    neighbours,
    outcomes,
    planned,
    regime,
    registry,
    row,
    sensor,
    system,
)


def test_closed_before_anything_was_scanned(tmp_path: Path) -> None:
    """Every scan of the plan is on record as aborted, so that nobody reads silence as a pass."""
    bundle, assessment = inspect(tmp_path, job(tmp_path), collected=False)
    assert {each.failure.cause for _, each in bundle.evidence() if each.failure} == {Cause.ABORTED}
    assert len(bundle.evidence()) == len(bundle.inspection.plan.tasks)
    assert outcomes(assessment)["sensor-online"] == ("inconclusive", "aborted")


def test_closed_after_a_scan_that_discovered_something(tmp_path: Path) -> None:
    """What it brought to light and nobody asked any more is aborted too."""
    given = job(
        tmp_path, registry=registry([sensor(ScanOutput(raw=RAW, discovered=neighbours(2))), average, neighbour])
    )
    bundle, _ = inspect(tmp_path, given)
    made = planned(given.changed(run="run-2"))
    with open_capture(made, given.context) as writer:
        for _, evidence in bundle.evidence():
            if evidence.probe == "sensor":
                writer.record(evidence, bundle.output_of(evidence).raw)
        closed = seal_capture(writer, made.planner, SigningKey.load_or_create(tmp_path / "key.pem"))
    causes = sorted((each.probe, each.failure.cause if each.failure else None) for _, each in closed.evidence())
    assert causes == [
        ("average", Cause.ABORTED),
        ("neighbour", Cause.ABORTED),
        ("neighbour", Cause.ABORTED),
        ("sensor", None),
    ]


def test_resumed_with_its_own_documents_and_plan(tmp_path: Path) -> None:
    """What was decided at the beginning holds to the end: system, authorisations, selection and pins."""
    given = job(tmp_path, selection=Selection(only=("sensor-online",), within_seconds=60))
    made = planned(given)
    open_capture(made, given.context).close()
    [folder] = (tmp_path / "out" / "run-1" / "example").iterdir()
    request, context = given
    writer, again, _ = reopen_capture(folder, context, request.as_of)
    with writer:
        assert again.request.selection == request.selection
        assert (again.request.system, again.request.authorisations) == (request.system, request.authorisations)
        assert again.planner.probes.keys() == made.planner.probes.keys()
        assert writer.inspection.plan == made.plan


def test_judged_by_a_check_of_another_version(tmp_path: Path) -> None:
    """What was captured is judged with what is installed today; the capture is what it was."""
    bundle, first = inspect(tmp_path, job(tmp_path, regime=regime(row("sensor-online"))))

    @check("sensor-online", title="Online")
    def stricter(seen: Sensor, *, limit: int = 250) -> Verdict:
        """The sensor is online.

        Remediation: switch it on.
        """
        return failed("not online") if seen.online.value else passed("fine")

    second = asyncio.run(assess_bundle(bundle, registry(checks=[stricter]), AssessmentOptions(as_of=first.as_of)))
    assert (outcomes(first)["sensor-online"][0], outcomes(second)["sensor-online"][0]) == ("pass", "fail")


def test_reread_with_a_parser_that_was_fixed(tmp_path: Path) -> None:
    """A parser's fix needs no new scan: facts and verdicts come anew from the raw bytes, and the assessment says so."""

    def wrong(capture: ScanOutput, reading: ParseContext) -> Sensor:
        raise ValueError("not understood")

    given = job(
        tmp_path, regime=regime(row("sensor-online")), registry=registry([sensor(parse=wrong), average, neighbour])
    )
    bundle, first = inspect(tmp_path, given)
    fixed = registry()
    known = Reached()
    second = asyncio.run(assess_bundle(bundle, fixed, AssessmentOptions(as_of=first.as_of, reached=known)))
    assert known.verdicts
    third = asyncio.run(assess_bundle(bundle, fixed, AssessmentOptions(as_of=first.as_of, reparse=True, reached=known)))
    assert outcomes(first)["sensor-online"] == outcomes(second)["sensor-online"] == ("inconclusive", "protocol-error")
    assert outcomes(third)["sensor-online"] == ("pass", None)
    assert (second.reparse, third.reparse) == (False, True)


def test_reread_with_a_parser_that_raises_is_its_bug(tmp_path: Path) -> None:
    """An exception of the plugin is reported as a bug, not as malformed data of the server."""

    def broken(capture: ScanOutput, reading: ParseContext) -> Sensor:
        raise KeyError("oops")

    bundle, first = inspect(tmp_path, job(tmp_path, regime=regime(row("sensor-online"))))
    parts = registry([sensor(parse=broken), average, neighbour])
    again = asyncio.run(assess_bundle(bundle, parts, AssessmentOptions(as_of=first.as_of, reparse=True)))
    assert outcomes(again)["sensor-online"] == ("error", "bug")


def test_raw_bytes_that_another_version_of_the_probe_recorded_are_named(tmp_path: Path) -> None:
    """Raw bytes of a version whose form the installed one does not read are no malformed data of the server."""

    def newer(capture: ScanOutput, reading: ParseContext) -> Sensor:
        raise ValueError("not understood")

    bundle, first = inspect(tmp_path, job(tmp_path, regime=regime(row("sensor-online"))))
    parts = registry([replace(sensor(parse=newer), version="2"), average, neighbour])
    options = AssessmentOptions(as_of=first.as_of, reparse=True)
    again = asyncio.run(assess_bundle(bundle, parts, options))
    assert outcomes(again)["sensor-online"] == ("inconclusive", "ambiguous")
    failures = [each.failure for _, each in asyncio.run(reparse(bundle, parts)) if each.probe == "sensor"]
    assert "raw bytes of version 1 of the probe sensor, which version 2 does not read" in str(failures)


def test_reread_without_the_probe_keeps_the_facts(tmp_path: Path) -> None:
    """A probe that is gone cannot read again: what it read then stands."""
    bundle, first = inspect(tmp_path, job(tmp_path, regime=regime(row("sensor-online"))))
    again = asyncio.run(
        assess_bundle(bundle, registry([average, neighbour]), AssessmentOptions(as_of=first.as_of, reparse=True))
    )
    assert outcomes(again)["sensor-online"] == ("pass", None)


def test_network_is_closed_while_judging(tmp_path: Path) -> None:
    """Neither a check nor a parser reaches anybody when a bundle is judged."""
    bundle, first = inspect(tmp_path, job(tmp_path, regime=regime(row("sensor-online"))))
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.1)
        where = server.getsockname()

        def connecting() -> None:
            with socket.socket() as plain:
                plain.connect(where)

        def reading(capture: ScanOutput, reading: ParseContext) -> Sensor:
            connecting()
            return Sensor(online=Answer(seen=True))

        @check("sensor-online", title="Online", about=SubjectKind.SYSTEM)
        def asking(declared: Declared) -> Verdict:
            """The sensor is online.

            Remediation: switch it on.
            """
            connecting()
            return passed("fine")

        parts = registry([sensor(parse=reading), average, neighbour])
        reparsed = asyncio.run(assess_bundle(bundle, parts, AssessmentOptions(as_of=first.as_of, reparse=True)))
        judged_again = asyncio.run(
            assess_bundle(bundle, registry(checks=[asking]), AssessmentOptions(as_of=first.as_of))
        )
        with pytest.raises(TimeoutError):
            server.accept()
    assert outcomes(reparsed)["sensor-online"] == ("error", "bug")
    assert outcomes(judged_again)["sensor-online"] == ("error", "bug")


PRIVATE = "-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\n"


# --- trust material ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def roots() -> list[str]:
    """Roots in PEM."""
    return re.findall(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----\n", certifi.contents(), re.DOTALL)[:3]


def test_trust_material_is_taken_in_whole(tmp_path: Path, roots: list[str]) -> None:
    """Of files and folders the certificates, in PEM or DER, and anchors line by line come out as they went in."""
    first, second, third = roots
    (tmp_path / "roots").mkdir()
    (tmp_path / "roots" / "b.crt").write_bytes(ssl.PEM_cert_to_DER_cert(second))
    (tmp_path / "roots" / "a.pem").write_text("a comment\n" + first.replace("\n", "\r\n") + PRIVATE)
    (tmp_path / "roots" / "readme").write_bytes(b"no root")
    (tmp_path / "one.pem").write_text(third)
    anchor = ". IN DS 20326 8 2 E06D44B8"
    settings = Settings(
        trust_roots=(tmp_path / "roots", tmp_path / "one.pem"),
        public_roots=tmp_path / "one.pem",
        dnssec_anchors=(anchor,),
    )
    public = roots_of_settings(settings)
    assert public is not None
    trust = trust_of(load_trust(settings), [public])
    assert trust.declared_roots.decode() == first + second + third
    assert trust.public_roots.decode() == third
    assert trust.dnssec_anchors == (anchor,)


def test_trust_roots_that_cannot_be_read_are_misuse(tmp_path: Path) -> None:
    """A wrong path is an error before anything is sent."""
    with pytest.raises(UsageError, match=r"trust roots cannot be read: .*missing\.pem"):
        load_trust(Settings(trust_roots=(tmp_path / "missing.pem",)))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("# none", "no certificate in"),
        (PRIVATE, "no certificate in"),
        ("\n\n-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n", ":3: the certificate cannot be read"),
        ("-----BEGIN CERTIFICATE-----\nMI!B\n-----END CERTIFICATE-----\n", ":1: the certificate cannot be read"),
        ("-----BEGIN CERTIFICATE-----\nMIIB\n", ":1: the certificate cannot be read"),
        ("0\x01", ":1: the certificate cannot be read"),
    ],
)
def test_declared_roots_that_are_none_are_misuse(tmp_path: Path, roots: list[str], content: str, message: str) -> None:
    """The error names the file and the line, also after a sound root."""
    file = tmp_path / "roots.pem"
    file.write_text(content)
    with pytest.raises(UsageError, match=re.escape(f"{file}") if message.startswith(":") else message) as raised:
        load_trust(Settings(trust_roots=(file,)))
    assert message in str(raised.value)
    if content.startswith("\n"):
        file.write_text(roots[0] + content)
        with pytest.raises(UsageError, match="the certificate cannot be read"):
            load_trust(Settings(trust_roots=(file,)))


def test_folders_without_roots_and_public_stores_without_any_are_misuse(tmp_path: Path) -> None:
    """A wrong folder, or a file of something else, would leave every chain without a root."""
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.pem").write_text("hello")
    with pytest.raises(UsageError, match="no certificate in"):
        load_trust(Settings(trust_roots=(tmp_path / "empty",)))
    with pytest.raises(UsageError, match="no certificate in"):
        roots_of_settings(Settings(public_roots=tmp_path / "text.pem"))


# --- the system's part of the documents
# ----------------------------------------------------------------------------------


OURS = system("sensor://127.0.0.1", "sensor://www.ours.test")
THEIRS = system("sensor://www.theirs.test", "sensor://127.0.9.9", id="other")


def part(*statements: Statement) -> SystemFilter:
    return SystemFilter([OURS, THEIRS], statements, registry().schemes)


def cut(given: Authorisation) -> tuple[Authorisation, ...]:
    """An authorisation as the bundle of the system holds it."""
    return at_own_addresses(part().authorisations(OURS, [given]), OURS, [], registry().schemes)


def test_authorisations_are_cut_to_the_system() -> None:
    """Names of others, and blocks without an address of ours, stay out; a name that nobody else declares stays."""
    names = ("www.ours.test", "www.theirs.test", "*.theirs.test", "*.test", "mx.provider.test")
    blocks = ("127.0.0.0/24", "127.0.9.9/32", "2001:db8::/32")
    given = authorisation(covers=Covers(names=names, blocks=blocks))
    [kept] = cut(given)
    assert kept.covers.names == ("www.ours.test", "*.test", "mx.provider.test")
    assert kept.covers.blocks == ("127.0.0.0/24",)
    theirs = authorisation(id="a-2", covers=Covers(names=("www.theirs.test",), blocks=("127.0.9.0/24",)))
    assert cut(theirs) == ()


def test_statements_are_cut_to_the_system() -> None:
    """One about another system stays out, also where the finding has the same id in both."""

    def statement(about: str, **finding: str) -> Statement:
        signed = {"kind": StatementKind.DISPUTED, "reason": "r", "author": "a"}
        return Statement.model_validate({**signed, "system": about, **finding})

    findings = (
        {"finding": finding_id("sensor-online", "sensor://127.0.0.1")},
        {"requirement": "sensor-online", "subject": "sensor://www.ours.test"},
        {"requirement": "approval", "subject": "system:"},
    )
    ours = tuple(statement(system("sensor://127.0.0.1").id, **each) for each in findings)
    theirs = tuple(statement("other", **each) for each in findings)
    assert part(*theirs, *ours).statements(OURS) == ours


def test_nothing_begins_without_an_output_folder(tmp_path: Path) -> None:
    """The error names the place and what to do, and leaves nothing behind."""
    (tmp_path / "out").write_text("in the way")
    given = job(tmp_path)
    made = planned(given)
    with pytest.raises(BundleError, match="choose another output folder"):
        open_capture(made, given.context)
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_links_in_a_circle_are_no_run(tmp_path: Path) -> None:
    """They lead nowhere, and cannot be resolved."""
    circle = tmp_path / "circle"
    circle.symlink_to(circle)
    assert not is_run(circle)
