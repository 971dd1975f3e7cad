"""What is read of a page's head."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector_http.pages import meta_policies

META = '<meta http-equiv="Content-Security-Policy" content="img-src *">'


@pytest.mark.parametrize(
    "page",
    [
        META,
        f"\xef\xbb\xbf<!DOCTYPE html>\n<html lang=vi><head><!-- > --><title><p></title>{META}</head>",
        f"<script>if (a < b) '<body>'</script><link rel='>'><style>p{{}}</style><base href=/>{META}<p>",
        "<META CONTENT='img-src &#42;' http-equiv = content-security-policy content='img-src a'>",
        "<meta charset=utf-8 /><meta\nhttp-equiv=Content-Security-Policy\ncontent='img-src *'\n>",
    ],
)
def test_a_policy_in_the_head_is_found(page: str) -> None:
    """Whatever else stands in the head; hand-made."""
    assert meta_policies(page.encode("latin-1"), is_whole=True) == ("img-src *",)


@pytest.mark.parametrize(
    "page",
    [
        "",
        f"<!-- {META} -->",
        f"<!-- {META}",
        f"<script>'{META}'</script>",
        f"<title>{META}",
        f"<template>{META}</template>",
        f"<body>{META}",
        f"<p>{META}",
        f"</head>{META}",
        f"text {META}",
        f"<header>{META}",
        '<meta name="Content-Security-Policy" content="img-src *">',
        f'<meta title="{META}',
    ],
)
def test_what_browsers_take_for_no_policy_is_none(page: str) -> None:
    """In comments, scripts, titles, templates and the body a policy has no effect."""
    assert meta_policies(page.encode("latin-1"), is_whole=True) == ()


@pytest.mark.parametrize("page", ["", "<ht", "<!-- a", "<title>a", f"<head>{META}", "<script>a</scr", '<meta a="'])
def test_a_head_that_goes_on_is_not_seen(page: str) -> None:
    """What was not read may hold a policy."""
    assert meta_policies(page.encode(), is_whole=False) is None
    assert meta_policies(page.encode() + b"\x00", is_whole=True) is None


@given(st.binary() | st.lists(st.sampled_from([META, "<title>", "</title>", "<!--", "-->", "<meta ", '"', ">", " "])))
def test_any_page_is_read(page: bytes | list[str]) -> None:
    """No page raises, and none has more policies than it names."""
    data = page if isinstance(page, bytes) else "".join(page).encode()
    assert len(meta_policies(data, is_whole=True) or ()) <= data.lower().count(b"content-security-policy")


@pytest.mark.parametrize("text", ["<!--", "<meta ", '<meta a="', "<script>", "<title", "<", "<meta '\">", " "])
def test_a_page_is_read_in_linear_time(text: str) -> None:
    """Of the longest page that is read, every part is looked at a few times."""
    meta_policies(text.encode() * (65536 // len(text)), is_whole=False)
