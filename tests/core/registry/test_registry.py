"""The registry takes what plugins contribute, refuses the rest, and blames by name."""

from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any, ClassVar, Literal

import pytest

from inspector import (
    Answer,
    Check,
    Network,
    Observation,
    ParseContext,
    Probe,
    Renderer,
    ScanOutput,
    Scheme,
    SubjectKind,
    Target,
    Verdict,
    check,
    hookimpl,
    passed,
    probe,
)
from inspector.model.errors import PluginError
from inspector.registry.registry import Plugin, build, installed

Parts = tuple[Literal["heart"], ...]


class Health(Observation):
    kind: ClassVar[str] = "health/1"
    healthy: Answer[bool]


def _read(_capture: ScanOutput, _reading: ParseContext) -> Health:
    return Health(healthy=Answer(seen=True))


def _probe(name: str = "health", scheme: Scheme | None = None) -> Probe:
    @probe(
        name, kind=Health, schemes={scheme or Scheme("device", port=1)}, subject_kind=SubjectKind.ADDRESS, parse=_read
    )
    async def scan(target: Target, network: Network) -> ScanOutput:
        return ScanOutput()

    return scan


@check("device-healthy", title="The device is healthy")
def device_healthy(health: Health) -> Verdict:
    """Device is.

    Remediation: add sugar.
    """
    return passed("healthy", facts=health.healthy.value)


def plugin(name: str, **hooks: Iterable[object] | object) -> tuple[Plugin, object]:
    members = {
        f"inspector_{hook}": hookimpl(specname=f"inspector_{hook}")(lambda made=made: made)
        for hook, made in hooks.items()
    }
    return Plugin(name, f"dist-{name}", "1.0", name), SimpleNamespace(**members)


def test_contributions_are_found_by_name() -> None:
    """Probes, checks, schemes and kinds of observations are there by name."""
    made = build([plugin("example", probes=[_probe()], checks=[device_healthy])])
    assert made.probes["health"].kind is Health
    assert made.checks["device-healthy"] is device_healthy
    assert made.schemes["device"].port == 1
    assert made.kinds["health/1"] is Health
    assert [each.name for each in made.producers(Health)] == ["health"]


@pytest.mark.parametrize(
    ("hooks", "complaint"),
    [
        ({"checks": ["device-healthy"]}, "no Check"),
        ({"checks": 3}, "returns int"),
        ({"probes": [device_healthy]}, "no Probe"),
        ({"nonsense": []}, "fails while contributing|unknown hook"),
    ],
)
def test_invalid_contributions_are_attributed(hooks: dict[str, Any], complaint: str) -> None:
    """The error names the plugin, its distribution and its version."""
    with pytest.raises(PluginError, match=complaint) as caught:
        build([plugin("example", **hooks)])
    assert "'example' (dist-example 1.0)" in str(caught.value)


def test_a_repeated_check_is_blamed_on_both() -> None:
    """Two plugins with one check id cannot be installed together."""
    with pytest.raises(PluginError, match=r"'second'.*'example'"):
        build([plugin("example", checks=[device_healthy]), plugin("second", checks=[device_healthy])])


def test_a_check_repeated_by_one_plugin_is_blamed() -> None:
    """Nor may one plugin contribute it twice."""
    with pytest.raises(PluginError, match="'device-healthy'"):
        build([plugin("example", checks=[device_healthy, device_healthy])])


def test_two_meanings_of_a_scheme_are_refused() -> None:
    """A scheme has one form and one default port."""
    other = _probe("health-again", Scheme("device", port=2))
    with pytest.raises(PluginError, match="scheme 'device'"):
        build([plugin("example", probes=[_probe()]), plugin("second", probes=[other])])


def test_a_hook_that_raises_is_blamed() -> None:
    """An exception in a hook is an error with a remedy, not a traceback."""

    def broken() -> list[Renderer]:
        raise RuntimeError("sensor off")

    with pytest.raises(PluginError, match="sensor off"):
        build([(Plugin("example", "d", "1", "example"), SimpleNamespace(inspector_renderers=hookimpl(broken)))])


@pytest.mark.parametrize(("modules", "missing"), [(["json"], ()), (["json", "no_such_module"], ("no_such_module",))])
def test_a_plugin_without_its_modules_contributes_nothing(modules: list[str], missing: tuple[str, ...]) -> None:
    """A plugin that requires a module which is not installed counts as not installed, and the module is named."""
    made = build([plugin("example", requires=modules, checks=[device_healthy])])
    assert made.incomplete == ({"example": missing} if missing else {})
    assert [each.name for each in made.plugins] == ([] if missing else ["example"])
    assert set(made.checks) == (set() if missing else {"device-healthy"})


def test_a_plugin_whose_package_is_missing_contributes_nothing() -> None:
    """A plugin that is announced but was left out of the installation counts as not installed."""
    made = build([(Plugin("example", "d", "1", "example"), None)])
    assert (made.plugins, made.incomplete) == ((), {"example": ("example",)})


def test_the_built_in_plugins_are_installed() -> None:
    """They come through the same entry points as everybody else's."""
    names = {each.name for each in installed().plugins}
    built_in = {"inspector_tls", "inspector_services", "inspector_http", "inspector_dns", "inspector_mail"}
    assert built_in | {"inspector_dossier", "inspector_profiles", "inspector_reports", "inspector_sslyze"} <= names


def test_a_check_that_needs_an_unknown_part_is_refused() -> None:
    """A part that the probe does not know would never be asked for; the check is named."""

    @probe("parted", kind=Health, schemes={Scheme("parted")}, subject_kind=SubjectKind.ADDRESS, parse=_read)
    async def parted(
        target: Target, network: Network, *, parts: tuple[Literal["heart"], ...] | None = None
    ) -> ScanOutput:
        return ScanOutput()

    def needing(part: str) -> Check:
        @check(f"{part}-healthy", title="The part is healthy", needs=(part,))
        def healthy(health: Health) -> Verdict:
            """Part is.

            Remediation: add salt.
            """
            return passed("healthy", facts=health.healthy.value)

        return healthy

    build([plugin("known", probes=[parted], checks=[needing("heart")])])
    with pytest.raises(
        PluginError, match="check 'liver-healthy' needs parts that the probe 'parted' does not have: liver"
    ):
        build([plugin("unknown", probes=[parted], checks=[needing("liver")])])
