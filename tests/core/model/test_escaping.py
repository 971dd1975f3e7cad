"""Untrusted text is displayed without what a terminal or the runner of a pipeline would act on."""

from __future__ import annotations

import pytest

from inspector.model.escaping import escape_commands


@pytest.mark.parametrize(
    "text", ["::error::x", "  ::set-output name=a::b", "first\n::group::", "##[error]x", "##vso[a]"]
)
def test_commands_to_a_runner_are_escaped(text: str) -> None:
    """The first character of a command is written out."""
    assert escape_commands(text) != text
    assert "\\x" in escape_commands(text)


@pytest.mark.parametrize("text", ["::1: 3 connections", "::1", "https://[::1]:8443/ ::2", "a ::error::"])
def test_addresses_are_no_commands(text: str) -> None:
    """An IPv6 address may begin a line."""
    assert escape_commands(text) == text
