"""Each package carries the licence that its imports allow."""

import pytest

from tests.packaging.project import ROOT


@pytest.mark.parametrize(
    ("path", "title"),
    [
        ("LICENSE", "Apache License"),
        ("plugins/inspector_tls/LICENSE", "GNU AFFERO GENERAL PUBLIC LICENSE"),
        ("plugins/inspector_services/LICENSE", "GNU GENERAL PUBLIC LICENSE"),
    ],
)
def test_licence_text_is_the_named_one(path: str, title: str) -> None:
    first = (ROOT / path).read_text(encoding="utf-8").lstrip().splitlines()[0]
    assert first.strip() == title
