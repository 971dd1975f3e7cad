"""What is selected of a regime: names and tags that are known, and never nothing by mistake."""

import pytest

from inspector import Check, Declared, SubjectKind, Verdict, check, passed
from inspector.model.errors import UsageError
from inspector.model.finding import Force, Obligation, Severity
from inspector.model.intrusiveness import Intrusiveness
from inspector.plan.selection import check_selection, lacks_plugin, rows_not_permitted, selects
from inspector.record.plan import Plan, Selection
from inspector.regime.regime import NOT_OBSERVABLE, BilingualText, Requirement
from inspector.registry.registry import Plugin, Registry, installed


@check("device-listed", title="Computed", about=SubjectKind.SYSTEM)
def device_listed(declared: Declared) -> Verdict:
    """D.

    Remediation: r.
    """
    return passed("{stage}", stage=declared.stage)


def row(check_id: str, *tags: str, plugin: str | None = None) -> Requirement:
    return Requirement(
        id=f"row-{check_id}",
        check=check_id,
        plugin=plugin,
        levels=(3,),
        force=Force.BASELINE,
        obligation=Obligation.SHOULD,
        severity=Severity.HIGH,
        source="test",
        title=BilingualText(vi="x", en="x"),
        tags=tags,
    )


def registry(*checks: Check) -> Registry:
    return Registry(
        plugins=(Plugin("example", "d", "1", "example"),),
        probes={},
        checks={each.id: each for each in checks},
        renderers={},
        profiles=(),
        schemes={},
        kinds={},
    )


ROWS = (row("device-listed", "smoke"), row(NOT_OBSERVABLE, "hidden"))


@pytest.mark.parametrize(
    ("selection", "error"),
    [
        (Selection(only=("device-unknown",)), "--only device-unknown: no plugin"),
        (Selection(tags=("smok",)), "--select smok: no requirement has this tag"),
        (Selection(tags=("smoke", "hidden")), "--select hidden: no requirement has this tag"),
        (Selection(only=("example",)), "no requirement of the regime is selected"),
    ],
)
def test_what_would_ask_nothing_is_misuse(selection: Selection, error: str) -> None:
    """A mistyped name or tag is an error, and does not end as an inspection that found nothing bad."""
    with pytest.raises(UsageError, match=error):
        check_selection(selection, registry(device_listed), ROWS)


@pytest.mark.parametrize("selection", [Selection(), Selection(tags=("smoke",)), Selection(only=("device-listed",))])
def test_what_asks_something_is_fine(selection: Selection) -> None:
    """Known words that leave something to ask are taken."""
    check_selection(selection, registry(device_listed), ROWS)


TAGGED = (row("device-listed", "smoke"), row("device-other"))


@pytest.mark.parametrize(
    ("selection", "kept"),
    [
        (Selection(), ["row-device-listed", "row-device-other"]),
        (Selection(tags=("smoke",)), ["row-device-listed"]),
        (Selection(only=("device-listed",)), ["row-device-listed"]),
        (Selection(only=("device-listed",), tags=("stale",)), []),
    ],
)
def test_a_selection_keeps_rows_by_name_and_tag(selection: Selection, kept: list[str]) -> None:
    """A row is asked when it has one of the tags and one of the names that are selected."""
    assert [each.id for each in TAGGED if selects(selection, each, registry(device_listed))] == kept


@pytest.mark.parametrize(
    ("asked", "kept"),
    [
        (row("device-unknown", plugin="second"), False),
        (row("device-unknown", plugin="example"), True),
        (row("device-unknown"), True),
        (row("device-listed", plugin="second"), True),
    ],
)
def test_a_row_of_a_plugin_that_is_not_installed_is_not_selected(asked: Requirement, kept: bool) -> None:
    """Only a row that names its optional plugin is left out; a check that an installed plugin lacks stays an error."""
    assert selects(Selection(), asked, registry(device_listed)) is kept
    assert lacks_plugin(asked, registry(device_listed)) is not kept


@pytest.mark.parametrize("name", ["device-unknown", "second"])
def test_a_missing_plugin_is_named(name: str) -> None:
    """Who selects a check of a plugin that is not installed learns which plugin that is."""
    with pytest.raises(UsageError, match=f"--only {name}: the plugin second is not installed"):
        check_selection(
            Selection(only=(name,)), registry(device_listed), [*ROWS, row("device-unknown", plugin="second")]
        )


@pytest.mark.parametrize(
    ("only", "checks", "left_out"),
    [
        ((), ("https-reachable", "trace-disabled"), {"row-trace-disabled"}),
        (("http",), ("https-reachable", "trace-disabled"), {"row-trace-disabled"}),
        (("http", "trace-disabled"), ("https-reachable", "trace-disabled"), set()),
        (("http", "exposure"), ("https-reachable", "trace-disabled"), set()),
        (("ports",), ("ports-only-declared", "no-anonymous-login"), {"row-no-anonymous-login"}),
        (("http",), ("trace-disabled",), set()),
    ],
)
def test_intrusive_rows_without_a_grant_are_asked_by_their_own_name_alone(
    only: tuple[str, ...], checks: tuple[str, ...], left_out: set[str]
) -> None:
    """The name of a plugin, or of another probe of the check, does not ask for them, unless nothing else is asked."""
    rows, selection, plugins = [row(each) for each in checks], Selection(only=only), installed()
    assert rows_not_permitted(rows, plugins, [Intrusiveness.POLITE], selection) == left_out
    assert rows_not_permitted(rows, plugins, [Intrusiveness.INTRUSIVE], selection) == set()


def test_a_selection_survives_its_recording() -> None:
    """What a plan records is the selection that it was drawn for."""
    selection = Selection(only=("example",), tags=("smoke",), within_seconds=7)
    assert Plan.parse(Plan(selection=selection).canonical()).selection == selection
    assert selection.limits == ("only:example", "select:smoke", "within:7s")
