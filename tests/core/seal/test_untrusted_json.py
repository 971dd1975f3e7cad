"""JSON of untrusted files: what may have no canonical form is found without parsing it."""

import pydantic_core
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from pydantic_core import CoreConfig, CoreSchema, SchemaValidator

from inspector.model.base import canonical
from inspector.model.errors import BundleError
from inspector.seal import untrusted_files
from inspector.seal.untrusted_files import FileFault, json_value, may_be_infinite

_NUMBERS = [b"1e999", b"-1E400", b"12.5e+309", b"9" * 400 + b".0", b"1e30", b"0.5", b"-7", b'"1e999"', b"null"]
_SPACE = st.sampled_from([b"", b" ", b"\n", b"\t\r"])


@given(st.lists(st.tuples(_SPACE, st.sampled_from(_NUMBERS), _SPACE)), st.booleans())
def test_a_number_that_may_be_infinite_is_found(numbers: list[tuple[bytes, bytes, bytes]], in_object: bool) -> None:
    """Wherever a number may stand in JSON, one that has no canonical form is found."""
    tokens = [before + number + behind for before, number, behind in numbers]
    if in_object:
        data = b"{" + b",".join(b'"%d":%s' % (place, each) for place, each in enumerate(tokens)) + b"}"
    else:
        data = b"[" + b",".join(tokens) + b"]"
    try:
        canonical(pydantic_core.from_json(data))
    except ValueError:
        assert may_be_infinite(data)


@pytest.mark.parametrize("text", [b"1e999", b"-1e999", b"[[1e999]]", b" 1.0E+999 ", b'{"a": 1e999}'])
def test_a_number_is_found_wherever_it_begins(text: bytes) -> None:
    """At the beginning, behind white space, a bracket, a comma or a colon."""
    assert may_be_infinite(text)


@pytest.mark.parametrize(
    "text", [b'"a7e123f"', b'["9c1E999"]', b'{"a":"MIIB0e000"}', b"[1e99]", b"[12345678901234567890]"]
)
def test_texts_are_not_taken_for_numbers(text: bytes) -> None:
    """Digests and keys have letters between digits; to be parsed for that would take as long as to be read."""
    assert not may_be_infinite(text)


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
