"""How header values are parsed, where a case file cannot express it."""

from inspector_http.headers import hsts_max_age


def test_an_age_of_any_length_is_a_number() -> None:
    """More digits than Python converts by default are still a valid age."""
    assert hsts_max_age("max-age=" + "9" * 6000) == 999_999_999_999_999
