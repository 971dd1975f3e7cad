"""The import contracts know every package and every folder of checks."""

from tests.packaging.project import METADATA, PACKAGES, ROOT

LINTER = METADATA["tool"]["importlinter"]
CONTRACTS = {contract["id"]: contract for contract in LINTER["contracts"]}


def test_every_package_is_linted() -> None:
    assert LINTER["root_packages"] == ["inspector", *PACKAGES]
    assert CONTRACTS["plugins"]["modules"] == PACKAGES
    assert CONTRACTS["public"]["source_modules"] == PACKAGES
    assert set(PACKAGES) <= set(CONTRACTS["core"]["forbidden_modules"])
    assert CONTRACTS["copyleft"]["source_modules"] == [each for each in PACKAGES if each != "inspector_sslyze"]


def test_every_plugin_folder_is_announced() -> None:
    found = [
        path.parent.name for root in ("plugins", "profiles", "reports") for path in ROOT.glob(f"{root}/*/__init__.py")
    ]
    assert sorted(found) == PACKAGES


def test_every_folder_of_checks_is_kept_pure() -> None:
    found = [f"{path.parent.name}.checks" for path in ROOT.glob("plugins/*/checks")]
    assert CONTRACTS["checks"]["source_modules"] == sorted(found)
