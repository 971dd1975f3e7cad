"""JSON of untrusted files: what may have no canonical form is found without parsing it."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from pydantic_core import CoreConfig, CoreSchema, SchemaValidator

from inspector.model.errors import BundleError
from inspector.seal import untrusted_files
from inspector.seal.untrusted_files import FileFault, json_value, may_be_infinite

_NUMBERS = re.compile(rb"[0-9][eE]\+?[0-9]{3}|[0-9]{200}")


@given(st.lists(st.sampled_from([b"1e", b"E", b"+", b"9", b"307", b"0" * 120, b"x", b"-", b" "]), max_size=8))
def test_a_number_that_may_be_infinite_is_found(pieces: list[bytes]) -> None:
    """An exponent of three digits, or two hundred digits in a row."""
    data = b"".join(pieces)
    assert may_be_infinite(data) == bool(_NUMBERS.search(data))


@pytest.mark.parametrize("text", [b"NaN", b"[-Infinity]", b'{"a":1e999}', b"9" * 400])
def test_a_number_without_a_canonical_form_is_refused(text: bytes) -> None:
    """It is found first, so that it is parsed and refused."""
    assert may_be_infinite(text)
    if text != b"9" * 400:  # a whole number has one
        with pytest.raises(BundleError):
            json_value(text, "x")


def test_a_release_of_pydantic_without_the_private_parameter_accepts_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """What lets errors end early is private to pydantic: without it, bundles are still read."""

    def validator(schema: CoreSchema, config: CoreConfig | None = None) -> SchemaValidator:
        return SchemaValidator(schema, config)

    monkeypatch.setattr(untrusted_files, "SchemaValidator", validator)
    made = untrusted_files.failing_fast(FileFault.__pydantic_core_schema__)
    assert made.validate_json(b'{"file":"a","what":"b"}') == FileFault(file="a", what="b")
    with pytest.raises(ValidationError):
        made.validate_json(b'{"file":1}')
