"""Translations are read as Babel reads them."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import pytest
from babel.messages.pofile import read_po as read_by_babel
from babel.numbers import format_decimal

from inspector.model.language import Language
from inspector.report.messages import _grouped
from inspector.report.po_file import CONTEXT, read_po

ROOT = Path(__file__).parents[2]
CATALOGUES = sorted({*ROOT.glob("inspector/locale/*.po"), *ROOT.glob("*/*/locale/*.po")})
ODD = r"""
msgid ""
msgstr "Language: vi\n"

# a comment
#: place.py:1
#, python-format, fuzzy
msgid "a guess"
msgstr "bỏ"

#, python-format
msgctxt "Kind"
msgid "a \"quoted\""
" text\n"
msgstr ""
"một \\ hai\t"
"ba"
msgid "without a line before"
msgstr "x"

msgid "untranslated"
msgstr ""

#~ msgid "obsolete"
#~ msgstr "cũ"
"""


def by_babel(text: str) -> dict[str, str]:
    catalogue = read_by_babel(BytesIO(text.encode()), locale="vi", ignore_obsolete=True)
    return {
        f"{each.context}{CONTEXT}{each.id}" if each.context else str(each.id): str(each.string)
        for each in catalogue
        if each.id and each.string and not each.fuzzy
    }


@pytest.mark.parametrize("text", [ODD, *(path.read_text(encoding="utf-8") for path in CATALOGUES)])
def test_a_catalogue_has_the_same_translations(text: str) -> None:
    """Of every shipped catalogue, and of one with all that the format allows without plural forms."""
    assert len(CATALOGUES) >= 9
    assert read_po(text) == by_babel(text)


def test_a_line_of_another_form_is_an_error() -> None:
    """A slip in a catalogue loses no translation in silence."""
    with pytest.raises(ValueError, match="not a line of a PO file"):
        read_po('msgid "a"\nmsgstr b\n')


@pytest.mark.parametrize("number", [0, 999, 1000, 1234567, -12345])
@pytest.mark.parametrize("language", Language)
def test_digits_are_grouped_as_in_the_language(number: int, language: Language) -> None:
    """With full stops in Vietnamese, with commas in English."""
    assert _grouped(number, language) == format_decimal(number, locale=language.value)
