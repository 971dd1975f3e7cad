"""Texts that remember their template and values."""

import copy
import pickle

from inspector.model.formatted import FormattedMessage, rendered

GERMAN = {"{count} of {what}": "{count} von {what}", "apples": "Äpfeln", "none": "keine"}


def german(text: str) -> str:
    return rendered(text, lambda template: GERMAN.get(template, template))


def test_it_is_its_english_text() -> None:
    """Wherever a string is expected, it is one."""
    text = FormattedMessage("{count} of {what}", count=3, what="pears")
    assert text == "3 of pears"
    assert f"{text}!" == "3 of pears!"
    assert hash(text) == hash("3 of pears")


def test_template_and_nested_texts_are_rendered_and_data_is_not() -> None:
    """A value that is data stays as it is, even where it reads like a text of the catalogue."""
    assert german(FormattedMessage("{count} of {what}", count=3, what=FormattedMessage("apples"))) == "3 von Äpfeln"
    assert german(FormattedMessage("{count} of {what}", count=3, what="apples")) == "3 von apples"
    assert german("none") == "keine"


def test_a_value_is_never_filled_in_again() -> None:
    """Braces of a document or server stay braces."""
    text = FormattedMessage("{count} of {what}", count="{what}", what="{count}")
    assert text == "{what} of {count}"
    assert german(text) == "{what} von {count}"
    assert FormattedMessage("write {status: none}") == "write {status: none}"


def test_texts_are_joined_with_their_templates() -> None:
    """Each part is rendered by itself."""
    text = FormattedMessage.joined("; ", [FormattedMessage("apples"), FormattedMessage("none"), "data"])
    assert (text, german(text)) == ("apples; none; data", "Äpfeln; keine; data")


def test_it_survives_pickling_and_copying() -> None:
    """An error that crosses a process boundary keeps its template."""
    text = FormattedMessage("{count} of {what}", count=3, what="pears")
    for again in (pickle.loads(pickle.dumps(text)), copy.deepcopy(text)):
        assert (again, german(again)) == ("3 of pears", "3 von pears")
