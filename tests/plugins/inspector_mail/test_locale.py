"""The plugin speaks Vietnamese wherever it speaks English."""

from __future__ import annotations

from pathlib import Path

import inspector_mail
from inspector import checks_in
from inspector_mail import checks
from inspector_mail.observations import DmarcFault, Policy, SpfFault, SpfResult
from tests.plugins.inspector_dns.texts import catalogue, placeholders, texts

PACKAGE = Path(inspector_mail.__file__).parent


def test_every_text_is_translated() -> None:
    """The catalogue holds exactly the texts of the plugin, each translated with the same placeholders."""
    words = {word.value for vocabulary in (SpfFault, DmarcFault, SpfResult, Policy) for word in vocabulary}
    translated = catalogue(PACKAGE)
    assert texts(PACKAGE, checks_in(checks)) | words == set(translated)
    assert all(translated.values())
    assert all(placeholders(text) == placeholders(translation) for text, translation in translated.items())
