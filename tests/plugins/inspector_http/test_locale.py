"""The plugin speaks Vietnamese."""

from inspector import checks_in
from inspector_http import checks
from tests.plugins.inspector_services.messages import assert_complete


def test_every_text_has_its_vietnamese_translation() -> None:
    """Titles, descriptions, remediations and verdicts are all translated, and nothing is left over."""
    assert_complete("inspector_http", checks_in(checks))
