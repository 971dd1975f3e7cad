"""The glossary: the words of the domain from ``glossary.yaml``, and the closed vocabularies from the core's catalogues.

In ``inspector/locale/{en,vi}.po`` each term of a closed vocabulary has the name of its enumeration as context.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from inspector.model.language import Language
from inspector.report.messages import catalogue

_SOURCE = Path(__file__).with_name("glossary.yaml")
_CONTEXT = "\x04"  # between context and id in a key of a catalogue, as in gettext


@cache
def glossary() -> Mapping[str, Any]:
    """``terms`` by group and the titles of the ``vocabularies``, as ``glossary.yaml`` has them."""
    loaded: Mapping[str, Any] = YAML(typ="safe").load(_SOURCE.read_text(encoding="utf-8"))
    return loaded


@cache
def vocabularies(language: Language) -> Mapping[str, Mapping[str, str]]:
    """The terms of each closed vocabulary in one language: name of the enumeration, value, term."""
    found: dict[str, dict[str, str]] = {}
    for key, term in catalogue("inspector", language).items():
        name, context, value = key.partition(_CONTEXT)
        if context:
            found.setdefault(name, {})[value] = term
    return found


def glossary_page() -> str:
    """Words of the domain with their definitions, then every closed vocabulary with its values."""
    parts = [
        "# Glossary",
        "English terms are those of the code and the documents; Vietnamese ones are those of reports.",
    ]
    for group in glossary()["terms"]:
        parts += [f"## {group['group']['en']} · {group['group']['vi']}", _terms(group["terms"])]
    for name, title in glossary()["vocabularies"].items():
        parts += [f"## {title['en']} · {title['vi']}", _vocabulary(name)]
    return "\n\n".join(parts) + "\n"


def _terms(terms: list[Mapping[str, Any]]) -> str:
    lines = [
        f"| **{each['en']}** | **{each['vi']}** | {each['means']['en']} | {each['means']['vi']} |" for each in terms
    ]
    return "\n".join(["| English | Tiếng Việt | Definition | Định nghĩa |", "|---|---|---|---|", *lines])


def _vocabulary(name: str) -> str:
    english, vietnamese = (vocabularies(language)[name] for language in (Language.EN, Language.VI))
    lines = [f"| `{value}` | {term} | {vietnamese[value]} |" for value, term in english.items()]
    return "\n".join(["| Value | English | Tiếng Việt |", "|---|---|---|", *lines])
