"""How policies are read, where a case file cannot express it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector_http.csp import (
    BYPASSES,
    other_weaknesses,
    parse_policies,
    requires_trusted_types,
    restricts_scripts,
    script_weaknesses,
)


@given(st.lists(st.text() | st.text("scriptdefaul-:; ,*'.\t\x00é/"), max_size=3))
def test_garbage_restricts_nothing(values: list[str]) -> None:
    """No text raises, and what names no known directive is never a policy that passes."""
    policies = parse_policies(values)
    known = {"script-src", "script-src-elem", "script-src-attr", "default-src", "sandbox"}
    if not any(known & each.directives.keys() for each in policies):
        assert not restricts_scripts(policies)
        assert script_weaknesses(policies)
    assert other_weaknesses(policies) or "base-uri" in "".join(values).lower()
    assert not requires_trusted_types(policies) or "require-trusted-types-for" in "".join(values).lower()


POLICY = st.lists(
    st.builds(
        "{} {}".format,
        st.sampled_from(["default-src", "script-src", "script-src-elem", "script-src-attr", "sandbox"]),
        st.lists(
            st.sampled_from(
                (
                    *("'unsafe-inline'", "'unsafe-eval'", "'nonce-a'", "'strict-dynamic'", "data:", "https:", "'self'"),
                    *("*", "https://unpkg.com", "cdn.jsdelivr.net/npm/", "allow-scripts"),
                )
            ),
            max_size=3,
        ).map(" ".join),
    ),
    min_size=1,
    max_size=3,
).map(";".join)


@given(POLICY, POLICY)
def test_a_further_policy_allows_nothing_more(one: str, other: str) -> None:
    """Browsers apply all policies, in separate fields or in one, in any order: what one forbids stays forbidden."""
    together = script_weaknesses(parse_policies([one, other]))
    assert bool(together) == bool(script_weaknesses(parse_policies([f"{other},{one}"])))
    for alone in (one, other):
        assert not together or script_weaknesses(parse_policies([alone]))


@pytest.mark.parametrize("url", BYPASSES)
def test_each_known_bypass_is_found_by_its_host(url: str) -> None:
    """A policy that names a host of the table lets scripts of others run, one that names a single file there not."""
    host = url.partition("/")[0]
    assert script_weaknesses(parse_policies([f"script-src https://{host}"])) == [f"script-src https://{host}"]
    assert not script_weaknesses(parse_policies([f"script-src https://{host}/own/app.js"]))
