"""The reference pages that are built from code say what they must, and links in the documentation resolve."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import pytest

from docs.check_pages import messages_of
from docs.glossary import glossary, vocabularies
from docs.pages import pages, write
from inspector.model.language import Language
from inspector.registry.registry import installed
from inspector.report.messages import Translator
from tests.packaging.project import ROOT, tracked_files

CHECKS = sorted(installed().checks)
LANGUAGES = (Language.EN, Language.VI)
LINK = re.compile(r"\]\(([^)\s]+)\)")
TERMS = [term for group in glossary()["terms"] for term in group["terms"]]


@pytest.fixture(scope="module")
def built() -> dict[str, str]:
    """The pages by path."""
    return pages()


def _section(page: str, title: str) -> str:
    """The text of a section of second level, without its heading."""
    _before, heading, rest = page.partition(f"\n## {title}\n")
    assert heading, f"no section {title!r}"
    return rest.partition("\n## ")[0].strip()


def _anchors(page: str) -> set[str]:
    titles = re.findall(r"^#+ (.+)$", page, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def _broken(path: str, text: str, files: dict[str, str]) -> Iterator[str]:
    """The relative links of a page whose file or heading is not among the files."""
    for link in LINK.findall(text):
        if re.match(r"\w+:", link):
            continue
        name, _, anchor = link.partition("#")
        target = str(_resolved(PurePosixPath(path).parent / name)) if name else path
        if target not in files or (anchor and anchor not in _anchors(files[target])):
            yield f"{path}: {link}"


def _resolved(path: PurePosixPath) -> PurePosixPath:
    parts: list[str] = []
    for part in path.parts:
        if part == "..":
            parts.pop()
        else:
            parts.append(part)
    return PurePosixPath(*parts)


def test_no_page_is_empty(built: dict[str, str]) -> None:
    """Each page has a title and a text below it."""
    assert [name for name, text in built.items() if not re.match(r"# \S.*\n+\S", text)] == []


def test_links_between_pages_resolve(built: dict[str, str]) -> None:
    """Every link leads to a built page, and to a heading that is on it."""
    assert [link for name, text in built.items() for link in _broken(name, text, built)] == []


def test_links_of_written_pages_resolve() -> None:
    """Every relative link in the pages that git tracks leads to a file of the project, and to a heading on it."""
    files = {str(path.relative_to(ROOT)): path for path in tracked_files()}
    texts = {name: path.read_text(encoding="utf-8") if path.suffix == ".md" else "" for name, path in files.items()}
    folders = {str(parent): "" for name in files for parent in PurePosixPath(name).parents}
    known = texts | folders
    assert [link for name, text in texts.items() for link in _broken(name, text, known)] == []


def test_every_check_has_a_page_and_no_other(built: dict[str, str]) -> None:
    """The index links each installed check, and each has its page."""
    names = {Path(name).stem for name in built if name.startswith("checks/")}
    assert sorted(names - {"index"}) == CHECKS
    assert re.findall(r"^\| \[([\w-]+)\]", built["checks/index.md"], re.MULTILINE) == CHECKS


@pytest.mark.parametrize("check", CHECKS)
def test_the_page_of_a_check_is_complete(check: str, built: dict[str, str]) -> None:
    """It has title, description, remediation and messages in both languages, inputs, and rows that require it."""
    registry = installed()
    page = built[f"checks/{check}.md"]
    messages = messages_of(registry.checks[check], registry.package_of(check))
    assert messages
    for language in LANGUAGES:
        translator = Translator(registry, language)
        text = _section(page, translator.check(check, "title"))
        assert text.startswith(translator.check(check, "description"))
        assert translator.check(check, "remediation") in text
        assert len(re.findall(r"^> \S", text, re.MULTILINE)) == len(messages)
        assert not translator.missing
    assert _section(page, "Inputs")
    assert "level " in _section(page, "Required by")


@pytest.mark.parametrize("document", ["The declaration", "Authorisation", "The statements", "The settings"])
def test_each_document_has_its_keys(document: str, built: dict[str, str]) -> None:
    """The section of a document is a table of keys; a file may hold several authorisations, so these have their own."""
    assert re.search(r"^\| `\w+` \| \S", _section(built["documents.md"], document), re.MULTILINE)


@pytest.mark.parametrize("part", ["Document", "Clause", "Requirement", "Transition"])
def test_each_part_of_a_regime_has_its_keys(part: str, built: dict[str, str]) -> None:
    """The section of a part of a regime's files is a table of keys."""
    assert re.search(r"^\| `\w+` \| \S", _section(built["profile.md"], part), re.MULTILINE)


@pytest.mark.parametrize("term", TERMS, ids=lambda term: term["en"])
def test_every_word_of_the_domain_is_defined_in_both_languages(term: dict[str, object], built: dict[str, str]) -> None:
    """A term and its definition, in English and in Vietnamese, are one row of the glossary."""
    means = term["means"]
    assert isinstance(means, dict)
    cells = [f"**{term['en']}**", f"**{term['vi']}**", means["en"], means["vi"]]
    assert all(isinstance(cell, str) and cell.strip("*. ") and "|" not in cell for cell in cells)
    assert f"| {' | '.join(cells)} |" in built["glossary.md"]


def test_no_word_of_the_domain_is_defined_twice() -> None:
    """Each term stands once, in each language."""
    for language in ("en", "vi"):
        terms = [term[language] for term in TERMS]
        assert len(set(terms)) == len(terms)


def test_every_closed_vocabulary_is_in_the_glossary() -> None:
    """The glossary has all vocabularies of the catalogues, which have the same values in both languages."""
    english, vietnamese = (vocabularies(language) for language in LANGUAGES)
    assert set(glossary()["vocabularies"]) == set(english) == set(vietnamese)
    assert {name: set(terms) for name, terms in english.items()} == {
        name: set(terms) for name, terms in vietnamese.items()
    }


@pytest.mark.parametrize("name", sorted(vocabularies(Language.EN)))
def test_every_value_of_a_vocabulary_has_both_terms(name: str, built: dict[str, str]) -> None:
    """A value with its terms is one row in the section of its vocabulary."""
    title = glossary()["vocabularies"][name]
    section = _section(built["glossary.md"], f"{title['en']} · {title['vi']}")
    rows = re.findall(r"^\| `([\w-]+)` \| (\S.*) \| (\S.*) \|$", section, re.MULTILINE)
    assert {value for value, *_terms in rows} == set(vocabularies(Language.EN)[name])


def test_writing_removes_pages_of_checks_that_are_gone(tmp_path: Path) -> None:
    """A second build into the same folder leaves exactly the pages of this one."""
    (tmp_path / "checks").mkdir()
    (tmp_path / "checks" / "no-longer-a-check.md").write_text("# Gone\n")
    write(tmp_path)
    assert {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.md")} == set(pages())
