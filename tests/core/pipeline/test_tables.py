"""Tables: what a check gets, what is recorded of them, and what a stale or missing one does to verdicts."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any, ClassVar

import pytest

from inspector import (
    Cause,
    Declared,
    Outcome,
    ParseContext,
    ScanOutput,
    SubjectKind,
    TableAt,
    TableEntries,
    Verdict,
    check,
    failed,
    passed,
)
from inspector.assess.assessor import Reached
from inspector.model.errors import PluginError
from inspector.model.table import Table
from inspector.pipeline.reassess import AssessmentOptions, assess_bundle
from inspector.record.assessment import Assessment
from inspector.seal import Bundle, SigningKey, add_assessment, verify
from inspector.seal.verify import Comparison
from tests.core.systems import Job, Sensor, inspect, job, parse_sensor, regime, registry, row, sensor


class Recalled(TableEntries):
    """Channels of sensors that were recalled."""

    kind: ClassVar[str] = "recalled/1"

    entries: tuple[dict[str, int], ...]


@check("sensor-not-recalled", title="Not recalled")
def not_recalled(seen: Sensor, table: TableAt[Recalled]) -> Verdict:
    """The sensor was not recalled.

    Remediation: replace it.
    """
    if any(each["channel"] == 1 for each in table.entries.entries):
        return failed("recalled on {measured}", measured=table.seen_on.isoformat())
    return passed("not recalled")


REGISTRY = registry(checks=[not_recalled])
TODAY = datetime.now(UTC).date()


def table(*channels: int, age: int = 0, **changes: Any) -> Table:
    """A table of this age in days."""
    values: dict[str, Any] = {
        "kind": "recalled/1",
        "dated": TODAY - timedelta(days=age),
        "source": "a test",
        "stale_after_days": 30,
        "entries": [{"channel": channel} for channel in channels],
    }
    return Table(**{**values, **changes})


def given(folder: Path, *tables: Table) -> Job:
    made = job(folder, registry=REGISTRY, regime=regime(row("sensor-not-recalled")))
    return made._replace(context=replace(made.context, tables=tables))


def verdict(assessment: Assessment) -> tuple[Outcome, Cause | None]:
    (finding,) = assessment.findings
    return finding.outcome, finding.cause


def again(bundle: Bundle, tables: Sequence[Table] | None = None, **options: Any) -> Assessment:
    given_tables = None if tables is None else tuple(tables)
    options = {"as_of": datetime(2031, 1, 1, tzinfo=UTC), **options}
    return asyncio.run(assess_bundle(bundle, REGISTRY, AssessmentOptions(tables=given_tables, **options)))


@pytest.mark.parametrize(
    ("tables", "expected"),
    [
        ([table(2)], (Outcome.PASS, None)),
        ([table(1)], (Outcome.FAIL, None)),
        ([table(2, age=30)], (Outcome.PASS, None)),
        ([table(2, age=31)], (Outcome.INCONCLUSIVE, Cause.STALE_TABLE)),
        ([table(1, age=31)], (Outcome.FAIL, None)),
        ([table(2, age=-5)], (Outcome.PASS, None)),
        ([], (Outcome.INCONCLUSIVE, Cause.TOOL_MISSING)),
        ([table(2, kind="recalled/2")], (Outcome.INCONCLUSIVE, Cause.TOOL_MISSING)),
        ([table(2, entries=[{"channel": "x"}])], (Outcome.INCONCLUSIVE, Cause.TOOL_MISSING)),
    ],
    ids=["good", "bad", "last day", "stale", "stale and bad", "newer than the scan", "none", "other form", "malformed"],
)
def test_nothing_passes_by_a_table_that_is_stale_or_missing(
    tables: list[Table], expected: tuple[Outcome, Cause | None], tmp_path: Path
) -> None:
    """Too old on the day of the scan, missing or in another form: no pass; what an old one lists stands."""
    assert verdict(inspect(tmp_path, given(tmp_path, *tables))[1]) == expected


def test_a_capture_is_judged_again_with_its_own_tables_or_given_ones(tmp_path: Path) -> None:
    """Years later the age still counts on the day of the scan; other tables are used, and recorded, where given."""
    bundle, first = inspect(tmp_path, given(tmp_path, table(2)))
    assert bundle.inspection.tables == first.tables == (table(2),)
    assert verdict(again(bundle)) == (Outcome.PASS, None)
    newer = again(bundle, [table(1)])
    assert verdict(newer) == (Outcome.FAIL, None)
    assert newer.tables == (table(1),)


def roots(*certificates: str, **changes: Any) -> Table:
    """A table of public roots with these certificates in Base64."""
    return table(kind="public-roots/1", entries=[{"certificate": each} for each in certificates], **changes)


def test_paths_are_validated_with_the_captured_roots_and_judged_by_their_age(tmp_path: Path) -> None:
    """Parsers get the roots of the table; another table given to an assessment changes neither them nor their day."""
    seen: list[bytes] = []

    def parse(output: ScanOutput, context: ParseContext) -> Sensor:
        seen.append(context.public_roots)
        return parse_sensor(output, context)

    known = registry(checks=[not_recalled], probes=[sensor(parse=parse)])
    made = job(tmp_path, registry=known, regime=regime(row("sensor-not-recalled")))
    own = (roots("MIIB", age=40), table(2))
    bundle, first = inspect(tmp_path, made._replace(context=replace(made.context, tables=own)))
    assert {*seen} == {b"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"}
    assert first.tables == own
    seen.clear()
    options = AssessmentOptions(as_of=datetime(2031, 1, 1, tzinfo=UTC), tables=(table(1), roots("AAAA")), reparse=True)
    newer = asyncio.run(assess_bundle(bundle, known, options))
    assert newer.tables == (roots("MIIB", age=40), table(1))
    assert {*seen} == {b"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"}


def test_roots_are_not_given_to_a_capture_that_has_none(tmp_path: Path) -> None:
    """Which roots its paths were validated with is not known to the table that is given."""
    bundle, _ = inspect(tmp_path, given(tmp_path, table(2)))
    assert again(bundle, [table(2), roots("MIIB")]).tables == (table(2),)


def test_an_assessment_is_reproduced_with_the_tables_that_it_was_made_with(tmp_path: Path) -> None:
    """What is at hand by then changes nothing; with others the bytes differ."""
    bundle, _ = inspect(tmp_path, given(tmp_path, table(2)))
    key = SigningKey.load_or_create(tmp_path / "key.pem")
    add_assessment(bundle, again(bundle, [table(1)]), {}, key)
    bundle = Bundle.open(bundle.folder)
    for tables, expected in ((None, Comparison.SAME), ([table(2)], Comparison.DIFFERENT)):
        answer = verify(
            bundle.folder,
            trusted=[key.keyid],
            reassess=lambda opened, was, tables=tables: again(opened, tables or was.tables, as_of=was.as_of),
        )
        assert answer.intact.holds
        assert [each.comparison for each in answer.reproduced.assessments] == [expected]


def test_a_verdict_is_not_reused_with_another_table(tmp_path: Path) -> None:
    """Verdicts of the same evidence differ by the table."""
    bundle, _ = inspect(tmp_path, given(tmp_path, table(2)))
    known = Reached()
    assert verdict(again(bundle, [table(2)], reached=known)) == (Outcome.PASS, None)
    assert verdict(again(bundle, [table(1)], reached=known)) == (Outcome.FAIL, None)


@check("declared-not-recalled", title="Nothing declared was recalled", about=SubjectKind.SYSTEM)
def declared_not_recalled(_declared: Declared, table: TableAt[Recalled]) -> Verdict:
    """Nothing that is declared was recalled.

    Remediation: replace it.
    """
    return passed("not recalled by {measured}", measured=table.seen_on.isoformat())


def test_a_verdict_without_evidence_is_not_reused_on_another_day(tmp_path: Path) -> None:
    """What is declared is compared on the day of the assessment, on which the table may be stale."""
    known_checks = registry(checks=[declared_not_recalled])
    made = job(tmp_path, registry=known_checks, regime=regime(row("declared-not-recalled")))
    bundle, _ = inspect(tmp_path, made._replace(context=replace(made.context, tables=(table(2),))))
    reached = Reached()
    for days, expected in ((0, (Outcome.PASS, None)), (31, (Outcome.INCONCLUSIVE, Cause.STALE_TABLE))):
        at = datetime.combine(TODAY, time(12), UTC) + timedelta(days=days)
        options = AssessmentOptions(as_of=at, reached=reached)
        assert verdict(asyncio.run(assess_bundle(bundle, known_checks, options))) == expected


def test_the_end_is_compared_on_the_day_of_the_scan(tmp_path: Path) -> None:
    """A check gets the day on which the evidence was seen, not that of the assessment."""
    bundle, _ = inspect(tmp_path, given(tmp_path, table(1)))
    (finding,) = again(bundle).findings
    assert date.fromisoformat(str(finding.measured)) in (TODAY, TODAY + timedelta(days=1))


@check("sensor-recall-known", title="A sensor, and what is known of its recall")
def recall_known(seen: Sensor, table: TableAt[Recalled] | None) -> Verdict:
    """The sensor is there.

    Remediation: none.
    """
    return passed("recall: {measured}", measured="unknown" if table is None else len(table.entries.entries))


@pytest.mark.parametrize(
    ("tables", "expected"),
    [
        ([table(2, 3)], 2),
        ([table(2, age=30)], 1),
        ([table(2, age=31)], "unknown"),
        ([], "unknown"),
        ([table(2, kind="recalled/2")], "unknown"),
        ([table(2, entries=[{"channel": "x"}])], "unknown"),
    ],
    ids=["good", "last day", "stale", "none", "other form", "malformed"],
)
def test_a_check_may_do_without_a_table(tables: list[Table], expected: object, tmp_path: Path) -> None:
    """It gets None for one that is missing, too old or in another form, and its verdict stands."""
    made = job(tmp_path, registry=registry(checks=[recall_known]), regime=regime(row("sensor-recall-known")))
    _, assessment = inspect(tmp_path, made._replace(context=replace(made.context, tables=tuple(tables))))
    (finding,) = assessment.findings
    assert (finding.outcome, finding.measured) == (Outcome.PASS, expected)


def test_a_parameter_of_another_type_is_refused() -> None:
    """The author of a check is told what it may take."""
    with pytest.raises(PluginError, match="TableAt"):

        @check("sensor-odd", title="Odd")
        def odd(seen: Sensor, table: Table) -> Verdict:
            """Odd.

            Remediation: none.
            """
            return passed("odd")
