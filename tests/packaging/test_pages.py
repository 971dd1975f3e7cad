"""The generated pages below docs/ are the ones that the code makes."""

from docs.pages import FOLDER, MADE, pages


def test_generated_pages_say_what_the_code_says() -> None:
    """No page is missing, stale, or left over; where this fails, run ``make docs``."""
    there = {str(path.relative_to(FOLDER)): path.read_text(encoding="utf-8") for path in FOLDER.rglob("*.md")}
    written = {name: text for name, text in there.items() if text.startswith(MADE) or name.startswith("checks/")}
    made = pages()
    assert sorted(name for name in made.keys() | written.keys() if made.get(name) != written.get(name)) == []
