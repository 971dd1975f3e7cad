"""The reference pages that are generated from code: ``python -m docs.pages [OUTPUT]``, by default into ``out/docs``.

``checks/`` has a page for each check, ``documents.md`` and ``profile.md`` show the JSON Schemas of the input documents
and of a regime's files, ``glossary.md`` the vocabulary in both languages, ``index.md`` links them all.
"""

from __future__ import annotations

import sys
from pathlib import Path

from docs.check_pages import check_pages
from docs.glossary import glossary_page
from docs.schema_pages import documents_page, profile_page
from inspector.registry.registry import installed

OUTPUT = Path(__file__).parents[1] / "out" / "docs"
_INDEX = """# Reference

- [Checks](checks/index.md): what each check claims, its messages, options and remediation, and which regimes require it
- [Documents](documents.md): the keys of the declaration, the authorisation, the statements and the settings
- [Regimes as data](profile.md): the keys of a regime's files
- [Glossary](glossary.md): the words of the domain and the closed vocabularies, in English and Vietnamese
"""


def pages() -> dict[str, str]:
    """The Markdown text of every page by its path below the output folder."""
    registry = installed()
    return {
        "index.md": _INDEX,
        **check_pages(registry),
        "documents.md": documents_page(registry.schemes),
        "profile.md": profile_page(),
        "glossary.md": glossary_page(),
    }


def write(output: Path) -> None:
    """Write all pages below a folder, and remove the pages of checks that no longer exist."""
    made = pages()
    for path in (output / "checks").glob("*.md"):
        if f"checks/{path.name}" not in made:
            path.unlink()
    (output / "checks").mkdir(parents=True, exist_ok=True)
    for name, text in made.items():
        (output / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]) if len(sys.argv) > 1 else OUTPUT)
