"""The plugin has a Vietnamese text for every English one."""

from inspector import checks_in
from inspector_sslyze import checks
from tests.plugins.inspector_services.messages import assert_complete


def test_every_text_has_its_vietnamese_translation() -> None:
    """Titles, descriptions, remediations and verdicts are all translated, and nothing is left over."""
    assert_complete("inspector_sslyze", checks_in(checks))
