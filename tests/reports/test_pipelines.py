"""The formats for programs: valid, placed, fingerprinted, and the same in every language."""

from __future__ import annotations

import json
import re
import unicodedata
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from xml.etree import ElementTree

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from junitparser import Error, Failure, JUnitXml

from inspector import Language, Outcome, Severity
from inspector.cli.exit_code import ExitRule, Threshold
from inspector.compare.baseline import Baseline
from inspector.model.base import canonical
from inspector.model.table import Table
from inspector.model.verdict import Message
from inspector.record.plan import Plan
from inspector.report.findings_json import findings_schema
from inspector.report.view import View
from inspector_reports.findings_json import FINDINGS, schema
from inspector_reports.gitlab_codequality import CODE_QUALITY
from inspector_reports.html import HTML
from inspector_reports.junit import JUNIT
from inspector_reports.sarif import SARIF
from tests.reports import examples as specimens

SARIF_SCHEMA = Path(__file__).parents[3] / "shared" / "data" / "sarif-schema-2.1.0.json"
FORMATS = (FINDINGS, SARIF, JUNIT, CODE_QUALITY)


def twice() -> View:
    """A view with one finding at two addresses, and one system-wide finding."""
    first = specimens.findings()[2]
    assessment = specimens.assessment()
    update = {"findings": (*assessment.findings, first.model_copy(update={"address": "192.0.2.6"}))}
    return specimens.view(assessment=assessment.model_copy(update=update))


def other() -> View:
    """The same findings about another system."""
    assessment = specimens.assessment()
    moved = tuple(each.model_copy(update={"system": "intranet"}) for each in assessment.findings)
    return specimens.view(assessment=assessment.model_copy(update={"system": "intranet", "findings": moved}))


def failures(*views: View) -> int:
    return sum(each.outcome is Outcome.FAIL for view in views for each in view.assessment.findings)


@pytest.mark.parametrize("renderer", FORMATS, ids=lambda each: each.name)
def test_no_hidden_character_is_left(renderer: Any) -> None:
    """The file has no control or format character of a server."""
    result = renderer.render([specimens.view()], Language.EN).decode()
    assert {each for each in result if unicodedata.category(each)[0] == "C"} <= {"\n"}


@pytest.mark.parametrize("renderer", FORMATS, ids=lambda each: each.name)
def test_no_view_gives_an_empty_report(renderer: Any) -> None:
    """A run in which no system could be inspected still writes valid files."""
    assert renderer.render([], Language.EN)


# --- findings.json --------------------------------------------------------------------------------------------------


def test_findings_are_equal_in_both_languages() -> None:
    """findings.json has no words, only ids and values."""
    assert FINDINGS.render([specimens.view()], Language.VI) == FINDINGS.render([specimens.view()], Language.EN)


def test_findings_are_what_the_bundle_holds() -> None:
    """The file equals a bundle's findings.json, except that invisible characters are escaped."""
    view = specimens.view()
    held = canonical(view.assessment.model_dump(mode="json")["findings"])
    result = FINDINGS.render([view], Language.EN)
    assert json.loads(result) == json.loads(held)
    clean = replace(view, assessment=view.assessment.model_copy(update={"findings": view.assessment.findings[2:4]}))
    held = canonical(clean.assessment.model_dump(mode="json")["findings"])
    assert FINDINGS.render([clean], Language.EN) == held


def test_findings_fit_the_published_schema() -> None:
    """Every finding fits the schema, and a finding with an unknown field does not."""
    assert schema() == findings_schema()
    jsonschema.Draft202012Validator.check_schema(schema())
    result = json.loads(FINDINGS.render([specimens.view(), other()], Language.EN))
    jsonschema.validate(result, schema())
    assert {each["system"] for each in result} == {"portal", "intranet"}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate([result[0] | {"verdict": "fine"}], schema())


def test_every_fact_of_a_finding_is_there() -> None:
    """A program finds everything that a dispute needs."""
    result = json.loads(FINDINGS.render([specimens.view()], Language.EN))
    wanted = {
        "id", "system", "endpoint", "address", "requirement", "check", "outcome", "cause", "obligation", "force",
        "severity", "clauses", "message", "measured", "threshold", "evidence", "statements", "confirmed",
    }  # fmt: skip
    assert all(wanted <= set(each) for each in result)
    assert result[4]["measured"] == {"value": 825, "unit": "day"}


# --- SARIF ----------------------------------------------------------------------------------------------------------


def sarif(*views: View) -> dict[str, Any]:
    result: dict[str, Any] = json.loads(SARIF.render(views, Language.EN))
    return result


def test_sarif_fits_its_schema() -> None:
    """The log is valid SARIF 2.1.0."""
    if not SARIF_SCHEMA.is_file():
        pytest.skip(f"the SARIF schema is not at {SARIF_SCHEMA}")
    validator = jsonschema.Draft7Validator(json.loads(SARIF_SCHEMA.read_text(encoding="utf-8")))
    for views in ((specimens.view(),), (twice(), other(), specimens.plain()), ()):
        validator.validate(sarif(*views))


def test_sarif_shows_no_link_that_a_server_sent() -> None:
    """Brackets of link syntax are escaped (SARIF 2.1.0 §3.11.6); other texts are unchanged."""
    view = specimens.view()
    [first, *others] = [each for each in view.assessment.findings if each.outcome is Outcome.FAIL]
    message = Message(id="sends {measured}", values={"measured": "[update](https://evil.example/)"})
    findings = (first.model_copy(update={"message": message}), *others)
    hostile = replace(view, assessment=view.assessment.model_copy(update={"findings": findings}))
    texts = [each["message"]["text"] for each in sarif(hostile)["runs"][0]["results"]]
    (shown,) = [each for each in texts if "evil" in each]
    assert r"\[update\](https://evil.example/)" in shown
    assert not any(r"\[" in each for each in texts if each != shown)


def test_sarif_tells_failures_alone() -> None:
    """Only a fail is a result; what could not be seen is none."""
    (run,) = sarif(specimens.view(), other())["runs"]
    assert len(run["results"]) == failures(specimens.view(), other())
    assert [each["id"] for each in run["properties"]["systems"]] == ["portal", "portal"]


def test_every_result_has_a_place_in_the_declaration() -> None:
    """A result points at its endpoint's line, at the first line where it has none, and never at nothing."""
    results = sarif(specimens.view())["runs"][0]["results"]
    source_map = {each["properties"]["requirement"]: each["locations"][0]["physicalLocation"] for each in results}
    path = "documents/khai%20b%C3%A1o.yaml"
    assert source_map["protocols"] == {
        "artifactLocation": {"uri": path},
        "region": {"startLine": 14, "startColumn": 9},
    }
    assert source_map["approval"]["artifactLocation"]["uri"] == path
    assert source_map["approval"]["region"]["startLine"] == 1


def test_without_documents_a_result_still_has_a_place() -> None:
    """Without files a result points to the findings, written beside: GitLab drops results without a location."""
    made = specimens.inspection().model_copy(update={"endpoint_locations": {}})
    results = sarif(specimens.view(inspection=made))["runs"][0]["results"]
    assert {each["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for each in results} == {
        "findings.json"
    }
    assert {name for each in (SARIF, CODE_QUALITY) for name in each.beside} == {FINDINGS.name}
    assert FINDINGS.file(Language.EN) == "findings.json"


def test_fingerprints_come_from_finding_ids() -> None:
    """The fingerprint is the finding's id; what is about a whole system carries the system too."""
    for result in sarif(specimens.view(), other())["runs"][0]["results"]:
        (fingerprint,) = result["partialFingerprints"].values()
        finding, system = result["properties"]["finding"], result["properties"]["system"]
        whole = result["properties"]["subject"] == "system:"
        assert fingerprint == (f"{system}/{finding}" if whole else finding)


def test_rules_explain_themselves_in_both_languages() -> None:
    """Every result has a rule with reasons, remedy, a security severity, and the Vietnamese texts."""
    run = sarif(specimens.view())["runs"][0]
    rules = run["tool"]["driver"]["rules"]
    for result in run["results"]:
        rule = rules[result["ruleIndex"]]
        assert rule["id"] == result["ruleId"]
        assert 0.0 <= float(rule["properties"]["security-severity"]) <= 10.0
        assert rule["fullDescription"]["text"]
        assert rule["help"]["text"]
        assert rule["properties"]["vi"]["title"] != rule["shortDescription"]["text"]
        assert result["properties"]["vi"]["message"] != result["message"]["text"]


def test_levels_follow_severity_and_due_date() -> None:
    """High and critical are errors, medium warns, the rest notes; what is not yet due is a note."""
    levels = {
        each["properties"]["requirement"]: each["level"] for each in sarif(specimens.view())["runs"][0]["results"]
    }
    assert levels["approval"] == levels["protocols"] == "error"
    assert levels["certificate-life"] == levels["version-hidden"] == "note"


def test_only_an_accepted_statement_suppresses() -> None:
    """A claimed statement does not change a result; an accepted one is a suppression."""
    by_row = {each["properties"]["requirement"]: each for each in sarif(specimens.view())["runs"][0]["results"]}
    assert "suppressions" not in by_row["open-ports"]
    assert by_row["version-hidden"]["suppressions"][0]["status"] == "accepted"


# --- JUnit ----------------------------------------------------------------------------------------------------------


def test_junit_counts_and_sorts_outcomes() -> None:
    """Without a rule a fail that is due and not excused is a failure, what was not seen an error, a pass plain."""
    root = ElementTree.fromstring(JUNIT.render([specimens.view(), other()], Language.EN))
    assert [suite.get("name") for suite in root] == ["portal", "portal"]
    for suite in root:
        inside = [[child.tag for child in case] for case in suite]
        assert inside.count(["failure"]) == 4 == int(suite.get("failures", ""))
        assert inside.count(["error"]) == 4 == int(suite.get("errors", ""))
        assert inside.count(["skipped"]) == 7 == int(suite.get("skipped", ""))
        assert inside.count([]) == 1
        assert len(inside) == int(suite.get("tests", ""))
    assert int(root.get("failures", "")) == 8


THRESHOLDS = ("must", *(each.value for each in Severity))


def junit_code(*views: View) -> int:
    """The exit code that a reader of the JUnit file would give, by junitparser."""
    parsed = JUnitXml.fromstring(JUNIT.render(views, Language.EN))
    results = [result for suite in parsed for case in suite for result in case.result]
    inside = Counter(type(each) for each in results)
    assert (parsed.failures, parsed.errors) == (inside[Failure], inside[Error])
    return 1 if inside[Failure] else 3 if inside[Error] else 0


@given(
    kept=st.sets(st.integers(0, 15)),
    threshold=st.sampled_from(THRESHOLDS),
    known=st.sets(st.integers(0, 15)),
    silent=st.booleans(),
    smoke=st.booleans(),
)
@settings(deadline=None, max_examples=200)
def test_junit_agrees_with_the_exit_code(
    kept: set[int], threshold: str, known: set[int], silent: bool, smoke: bool
) -> None:
    """A file has a failure exactly where the exit code is 1, and errors alone exactly where it is 3."""
    found = specimens.findings()
    assessment = specimens.assessment().model_copy(update={"findings": tuple(found[each] for each in sorted(kept))})
    view = specimens.view(assessment=assessment)
    if not smoke:
        view = replace(view, inspection=view.inspection.model_copy(update={"plan": Plan()}))
    if silent:
        targets = tuple(each.model_copy(update={"received": 0}) for each in view.ledger.targets)
        view = replace(view, evidence={}, ledger=view.ledger.model_copy(update={"targets": targets}))
    rule = ExitRule(Threshold(threshold), Baseline.of(found[each] for each in known))
    assert junit_code(rule.marked(view)) == rule.code(view)


def test_junit_says_why_a_failure_does_not_count() -> None:
    """A failure that is skipped names the reason: threshold, baseline, statement or date."""
    known = Baseline.of(each for each in specimens.findings() if each.requirement == "open-ports")
    view = specimens.ruled(specimens.view(), "critical", known)
    root = ElementTree.fromstring(JUNIT.render([view], Language.EN))
    said = [(case.get("classname"), child) for case in root.iter("testcase") for child in case]
    reasons = {
        (row, found[1])
        for row, child in said
        if (found := re.search(r"non-conformity \((.*?)\)|recommended \((.*?)\)", child.get("message", "")))
    }
    assert [row for row, child in said if child.tag == "failure"] == ["approval"]
    assert {row: reason for row, reason in reasons if reason} == {
        "open-ports": "known failure, in the baseline",
        "protocols": "below what counts in this pipeline",
        "certificate-life": "not yet due",
    }
    assert any("(excused by an accepted statement)" in child.get("message", "") for _, child in said)


def test_what_nobody_can_see_is_no_test_of_a_selection() -> None:
    """In a smoke run a requirement that cannot be observed from outside is left out; else it is skipped."""
    whole = specimens.view()
    whole = replace(whole, inspection=whole.inspection.model_copy(update={"plan": Plan()}))
    rows = [
        [each.get("classname") for each in ElementTree.fromstring(JUNIT.render([view], Language.EN)).iter("testcase")]
        for view in (specimens.view(), whole)
    ]
    assert "logs" not in rows[0]
    assert "logs" in rows[1]


def test_sarif_tells_known_failures_from_new_ones() -> None:
    """With a baseline every result has a state, and a known one is suppressed; without one neither is there."""
    known = Baseline.of(each for each in specimens.findings() if each.requirement in ("open-ports", "hint"))
    log = sarif(specimens.ruled(specimens.view(), "info", known))
    states = {each["properties"]["requirement"]: each["baselineState"] for each in log["runs"][0]["results"]}
    assert {row for row, state in states.items() if state == "unchanged"} == {"open-ports", "hint"}
    for each in log["runs"][0]["results"]:
        accepted = [one["justification"] for one in each.get("suppressions", ()) if one["status"] == "accepted"]
        assert ("known failure, in the baseline" in accepted) == (each["baselineState"] == "unchanged")
    if SARIF_SCHEMA.is_file():
        jsonschema.Draft7Validator(json.loads(SARIF_SCHEMA.read_text(encoding="utf-8"))).validate(log)
    assert not any("baselineState" in each for each in sarif(specimens.view())["runs"][0]["results"])


def test_sarif_names_its_tool_without_an_address_of_others() -> None:
    """The information URI is absolute, as the standard asks, and leads to no host."""
    uri = sarif(specimens.view())["runs"][0]["tool"]["driver"]["informationUri"]
    parts = urlsplit(uri)
    assert (parts.scheme, parts.netloc) == ("urn", "")
    assert uri == "urn:level-inspector:0.1.0"


def test_code_quality_leaves_known_failures_out() -> None:
    """An issue that is known is not in the file; the others are as before."""
    known = Baseline.of(each for each in specimens.findings() if each.requirement == "open-ports")
    every, fewer = (
        json.loads(CODE_QUALITY.render([view], Language.EN))
        for view in (specimens.view(), specimens.ruled(specimens.view(), "info", known))
    )
    assert [each for each in every if each["check_name"] != "specimen-ports"] == fewer
    assert len(every) == len(fewer) + 1


def test_findings_json_knows_no_baseline() -> None:
    """The record of what was found is the same with a baseline and without."""
    known = Baseline.of(specimens.findings())
    ruled = specimens.ruled(specimens.view(), "info", known)
    assert FINDINGS.render([ruled], Language.EN) == FINDINGS.render([specimens.view()], Language.EN)


def test_junit_says_why() -> None:
    """Every case that is not a pass tells its reason in its message, and a failure its remedy in both languages."""
    root = ElementTree.fromstring(JUNIT.render([specimens.view()], Language.EN))
    inside = [child for case in root.iter("testcase") for child in case]
    assert all(child.get("message") for child in inside)
    result = "\n".join(child.text or "" for child in inside if child.tag == "failure")
    assert "allow TLS 1.2 and 1.3 only" in result
    assert "chỉ cho phép TLS 1.2 và 1.3" in result
    assert "connection reset" in "\n".join(child.get("message", "") for child in inside)


def test_junit_skips_what_follows_from_a_cause() -> None:
    """A cause that no failure reports is one error that lists its findings; what follows from a cause is skipped."""
    root = ElementTree.fromstring(JUNIT.render([specimens.view()], Language.EN))
    [cause] = [each for each in root.iter("testcase") if each.get("classname") == "not-inspected"]
    [error] = cause
    assert (error.tag, error.get("type")) == ("error", "timeout")
    followers = [each for each in specimens.findings() if each.follows_from]
    listed = [each.id for each in followers if each.id in (error.text or "")]
    assert listed == [each.id for each in followers if each.follows_from == specimens.SILENT]
    skipped = [child.get("message", "") for case in root.iter("testcase") for child in case if child.tag == "skipped"]
    assert sum("follows from a common cause" in each for each in skipped) == len(followers)


def test_sarif_notifies_of_a_cause() -> None:
    """A cause that no failure reports is a notification; one that a failure reports is named in its result."""
    (run,) = sarif(specimens.view())["runs"]
    [notification] = run["invocations"][0]["toolExecutionNotifications"]
    followers = [each for each in specimens.findings() if each.follows_from]
    silent = sorted(each.id for each in followers if each.follows_from == specimens.SILENT)
    assert notification["properties"]["findings"] == silent
    assert run["tool"]["driver"]["notifications"][notification["descriptor"]["index"]]["id"] == "not-inspected"
    explaining = {each["properties"]["requirement"]: each["properties"]["explains"] for each in run["results"]}
    assert [(row, found) for row, found in explaining.items() if found] == [
        ("hint", [each.id for each in followers if each.follows_from == specimens.EXPLAINED])
    ]
    [system] = run["properties"]["systems"]
    assert (system["commonCauses"], system["followFromCommonCauses"]) == (2, 4)
    assert sum(system["outcomes"].values()) + 4 == len(specimens.findings())


def test_code_quality_tells_that_nothing_was_seen() -> None:
    """A cause that no failure reports is one issue of severity info, so that a silent server gives no empty file."""
    issues = json.loads(CODE_QUALITY.render([specimens.view()], Language.EN))
    [cause] = [each for each in issues if each["check_name"] == "not-inspected"]
    assert cause["severity"] == "info"
    assert "admin.example.vn" in cause["description"]
    assert cause["description"].endswith(": 3")
    [explaining] = [each for each in issues if "no such service" in each["description"]]
    assert explaining["description"].endswith(": 1")


def _with_tables() -> View:
    """The example, judged with a table that is too old and one that is not."""
    began = specimens.view().inspection.begun.date()
    tables = tuple(
        Table(kind=f"{name}/1", dated=began - timedelta(days=age), source="a test", stale_after_days=30, entries=())
        for name, age in (("old", 31), ("young", 30))
    )
    return specimens.view(assessment=specimens.assessment().model_copy(update={"tables": tables}))


def test_a_stale_table_is_told_in_every_report_of_a_system() -> None:
    """SARIF, JUnit and the page name each table with its day, and say which one is too old; without any nothing is."""
    view = _with_tables()
    old, young = view.assessment.tables
    assert view.stale_tables == (old,)
    (system,) = json.loads(SARIF.render([view], Language.EN))["runs"][0]["properties"]["systems"]
    assert [(each["name"], each["stale"]) for each in system["tables"]] == [("old", True), ("young", False)]
    suite = ElementTree.fromstring(JUNIT.render([view], Language.EN)).find("testsuite")
    assert suite is not None
    told = {each.get("name"): each.get("value") or "" for each in suite.iter("property")}
    assert told == {
        "table old": f"{old.dated.isoformat()}; too old for a conclusion that nothing speaks against it",
        "table young": young.dated.isoformat(),
    }
    page = HTML.render([view], Language.EN).decode()
    assert page.count("too old for a conclusion that nothing speaks against it") == 1
    assert b"<properties>" not in JUNIT.render([specimens.view()], Language.EN)


def test_junit_cannot_be_forged_from_inside() -> None:
    """What a server sent neither ends an element nor adds a line of its own."""
    result = JUNIT.render([specimens.view()], Language.EN).decode()
    assert "<script" not in result
    root = ElementTree.fromstring(result)
    assert not [line for text in root.itertext() for line in text.splitlines() if line.startswith("second line")]


# --- Code Quality ---------------------------------------------------------------------------------------------------


def test_code_quality_is_what_gitlab_reads() -> None:
    """Every failure is an issue with description, check, path and line, severity, and a fingerprint of its own."""
    views = (twice(), other(), specimens.plain())
    issues = json.loads(CODE_QUALITY.render(views, Language.EN))
    assert len(issues) == failures(*views) + 2
    assert len({each["fingerprint"] for each in issues}) == len(issues)
    for issue in issues:
        assert issue["severity"] in {"info", "minor", "major", "critical", "blocker"}
        assert issue["description"]
        assert issue["check_name"]
        assert issue["location"]["path"] == "documents/khai báo.yaml"
        assert issue["location"]["lines"]["begin"] >= 1
        assert "\n" not in issue["description"]


#: What GitLab reads of an issue, from the fields that its documentation lists ("Code Quality report format") and the
#: types that it validates; an issue that does not conform is left out without a word.
_ISSUE = {
    "type": "object",
    "required": ["description", "check_name", "fingerprint", "severity", "location"],
    "additionalProperties": False,
    "properties": {
        "description": {"type": "string", "minLength": 1},
        "check_name": {"type": "string", "minLength": 1},
        "fingerprint": {"type": "string", "minLength": 1},
        "severity": {"enum": ["info", "minor", "major", "critical", "blocker"]},
        "location": {
            "type": "object",
            "required": ["path", "lines"],
            "properties": {
                "path": {"type": "string", "pattern": r"^(?!\./|/)."},
                "lines": {
                    "type": "object",
                    "required": ["begin"],
                    "properties": {"begin": {"type": "integer", "minimum": 1}},
                },
            },
        },
    },
}


@pytest.mark.parametrize("language", Language)
def test_every_issue_has_the_form_that_gitlab_documents(language: Language) -> None:
    """The file is an array without a byte order mark; paths are relative and do not begin with a dot."""
    data = CODE_QUALITY.render([twice(), other(), specimens.plain()], language)
    assert data.startswith(b"[")
    jsonschema.validate(json.loads(data), {"type": "array", "minItems": 1, "items": _ISSUE})
