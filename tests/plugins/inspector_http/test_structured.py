"""How structured fields are parsed, where a case file cannot express it."""

from hypothesis import given
from hypothesis import strategies as st

from inspector_http.structured import dictionary_keys, item_token

WORDS = st.sampled_from(['a=(b "c");d', "a", "=", "(", ")", '"', "\\", ",", ", ", ";", " ", "A", "?1", "é", "\t"])


@given(st.lists(st.lists(WORDS).map("".join) | st.text(), max_size=3))
def test_garbage_is_no_structured_field(values: list[str]) -> None:
    """No text raises; what has unbalanced parentheses or quotes, or a character beyond ASCII, is never well-formed."""
    text = "".join(values)
    item_token(values)
    keys = dictionary_keys(values)
    if not text.isascii() or ('"' not in text and text.count("(") != text.count(")")):
        assert keys is None
        assert item_token(values) is None or text.isascii()


def test_a_long_field_is_parsed_in_linear_time() -> None:
    """A field of a quarter of a megabyte that is malformed at its end is rejected."""
    assert dictionary_keys(["camera=(" + "self " * 50_000]) is None
    assert dictionary_keys(["a=b;c," * 40_000]) is None
    assert item_token(["same-origin" + ";a=b" * 60_000 + ";"]) is None


def test_a_key_begins_with_a_small_letter_or_a_star() -> None:
    """Browsers ignore a field with another one (RFC 9651 §3.1.2)."""
    assert dictionary_keys(["camera=(), *=()"]) == ("camera", "*")
    assert dictionary_keys(["1camera=()"]) is None
    assert dictionary_keys(["Camera=()"]) is None
