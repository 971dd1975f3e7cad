"""The registry takes what plugins contribute, refuses the rest, and blames by name."""

from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest

from inspector import (
    Answer,
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


class Taste(Observation):
    kind: ClassVar[str] = "taste/1"
    sweet: Answer[bool]


def _read(_capture: ScanOutput, _reading: ParseContext) -> Taste:
    return Taste(sweet=Answer(seen=True))


def _probe(name: str = "taste", scheme: Scheme | None = None) -> Probe:
    @probe(name, kind=Taste, schemes={scheme or Scheme("cake", port=1)}, subject_kind=SubjectKind.ADDRESS, parse=_read)
    async def scan(target: Target, network: Network) -> ScanOutput:
        return ScanOutput()

    return scan


@check("cake-sweet", title="The cake is sweet")
def cake_sweet(taste: Taste) -> Verdict:
    """Cake is.

    Remediation: add sugar.
    """
    return passed("sweet", facts=taste.sweet.value)


def plugin(name: str, **hooks: Iterable[object] | object) -> tuple[Plugin, object]:
    members = {
        f"inspector_{hook}": hookimpl(specname=f"inspector_{hook}")(lambda made=made: made)
        for hook, made in hooks.items()
    }
    return Plugin(name, f"dist-{name}", "1.0", name), SimpleNamespace(**members)


def test_contributions_are_found_by_name() -> None:
    """Probes, checks, schemes and kinds of observations are there by name."""
    made = build([plugin("bakery", probes=[_probe()], checks=[cake_sweet])])
    assert made.probes["taste"].kind is Taste
    assert made.checks["cake-sweet"] is cake_sweet
    assert made.schemes["cake"].port == 1
    assert made.kinds["taste/1"] is Taste
    assert [each.name for each in made.producers(Taste)] == ["taste"]


@pytest.mark.parametrize(
    ("hooks", "complaint"),
    [
        ({"checks": ["cake-sweet"]}, "no Check"),
        ({"checks": 3}, "returns int"),
        ({"probes": [cake_sweet]}, "no Probe"),
        ({"nonsense": []}, "fails while contributing|unknown hook"),
    ],
)
def test_strange_contributions_are_blamed(hooks: dict[str, Any], complaint: str) -> None:
    """The error names the plugin, its distribution and its version."""
    with pytest.raises(PluginError, match=complaint) as caught:
        build([plugin("bakery", **hooks)])
    assert "'bakery' (dist-bakery 1.0)" in str(caught.value)


def test_a_repeated_check_is_blamed_on_both() -> None:
    """Two plugins with one check id cannot be installed together."""
    with pytest.raises(PluginError, match=r"'cafe'.*'bakery'"):
        build([plugin("bakery", checks=[cake_sweet]), plugin("cafe", checks=[cake_sweet])])


def test_a_check_repeated_by_one_plugin_is_blamed() -> None:
    """Nor may one plugin contribute it twice."""
    with pytest.raises(PluginError, match="'cake-sweet'"):
        build([plugin("bakery", checks=[cake_sweet, cake_sweet])])


def test_two_meanings_of_a_scheme_are_refused() -> None:
    """A scheme has one form and one default port."""
    other = _probe("taste-again", Scheme("cake", port=2))
    with pytest.raises(PluginError, match="scheme 'cake'"):
        build([plugin("bakery", probes=[_probe()]), plugin("cafe", probes=[other])])


def test_a_hook_that_raises_is_blamed() -> None:
    """An exception in a hook is an error with a remedy, not a traceback."""

    def broken() -> list[Renderer]:
        raise RuntimeError("oven off")

    with pytest.raises(PluginError, match="oven off"):
        build([(Plugin("bakery", "d", "1", "bakery"), SimpleNamespace(inspector_renderers=hookimpl(broken)))])


@pytest.mark.parametrize(("modules", "missing"), [(["json"], ()), (["json", "no_such_module"], ("no_such_module",))])
def test_a_plugin_without_its_modules_contributes_nothing(modules: list[str], missing: tuple[str, ...]) -> None:
    """A plugin that requires a module which is not installed counts as not installed, and the module is named."""
    made = build([plugin("bakery", requires=modules, checks=[cake_sweet])])
    assert made.incomplete == ({"bakery": missing} if missing else {})
    assert [each.name for each in made.plugins] == ([] if missing else ["bakery"])
    assert set(made.checks) == (set() if missing else {"cake-sweet"})


def test_a_plugin_whose_package_is_missing_contributes_nothing() -> None:
    """A plugin that is announced but was left out of the installation counts as not installed."""
    made = build([(Plugin("bakery", "d", "1", "bakery"), None)])
    assert (made.plugins, made.incomplete) == ((), {"bakery": ("bakery",)})


def test_the_built_in_plugins_are_installed() -> None:
    """They come through the same entry points as everybody else's."""
    names = {each.name for each in installed().plugins}
    built_in = {"inspector_tls", "inspector_services", "inspector_http", "inspector_dns", "inspector_mail"}
    assert built_in | {"inspector_dossier", "inspector_profiles", "inspector_reports", "inspector_sslyze"} <= names
