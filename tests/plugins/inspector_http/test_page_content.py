"""What is read of a page: compared with html5lib, a second parser of the HTML Standard."""

from __future__ import annotations

import time
from collections.abc import Iterator

import html5lib
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector_http.libraries import libraries_in_text, library_of
from inspector_http.observations import Page, Reference, Use
from inspector_http.page_content import is_simple, read_page, read_text
from inspector_http.urls import resolved

URL = "https://www.so.gov.vn/cong/"
#: A script of another site, and pieces in which it is one, or is none.
SCRIPT = '<script src="//o.test/1.js"></script>'


def read(page: str, url: str = URL) -> Page:
    return read_page(page.encode(), url)


def urls(page: Page, *uses: Use) -> list[str]:
    return [each.url for each in page.references if each.use in uses]


@pytest.mark.parametrize(
    "page",
    [
        "<SCRIPT SRC=//o.test/1.js></SCRIPT>",
        "<script\nsrc\n=\n'//o.test/1.js'\n></script>",
        '<script src="&#47;/o.test/&#x31;.js">',
        "<script src='\n //o.test/1\t.js '></script>",
        "<script src=https:\\\\o.test\\1.js></script>",
        "<script src=//o.test/1.js src=//other.test/></script>",
        f"<svg>{SCRIPT.replace('src', 'href')}</svg>",
        f"<svg>{SCRIPT.replace('src', 'xlink:href')}</svg>",
        f"<svg><title>{SCRIPT}</title></svg>",
        f"<svg><foreignObject>{SCRIPT}</foreignObject></svg>",
        f"<select>{SCRIPT}</select>",
        f"<table>{SCRIPT}</table>",
        f"<p hidden>{SCRIPT}",
        f"<!-- a --!>{SCRIPT}<!-- -->",
        f"<title>a</title >{SCRIPT}",
        f"<script>var a = '<!-- <script>';</script>'</script>{SCRIPT}",
        f"<iframe srcdoc='{SCRIPT}'></iframe>",
        '<iframe srcdoc="&lt;script src=//o.test/1.js&gt;"></iframe>',
        f"<iframe sandbox=allow-scripts srcdoc='{SCRIPT}'></iframe>",
        "<script type=' TEXT/javascript ' src=//o.test/1.js></script>",
        "<script type=module src=//o.test/1.js></script>",
        "<base href=https://o.test/><script src=1.js></script>",
        "<base target=a><base href=//o.test/a/><base href=/b/><script src=../1.js></script>",
    ],
)
def test_a_script_of_another_site_is_found(page: str) -> None:
    """However it is written; hand-made."""
    assert urls(read(page), Use.SCRIPT) == ["https://o.test/1.js"]


@pytest.mark.parametrize(
    "page",
    [
        "",
        f"<!-- {SCRIPT} -->",
        f"<!-- {SCRIPT}",
        f"<textarea>{SCRIPT}</textarea>",
        f"<title>{SCRIPT}",
        f"<style>{SCRIPT}</style>",
        f"<xmp>{SCRIPT}</xmp>",
        f"<iframe>{SCRIPT}</iframe>",
        f"<noembed>{SCRIPT}</noembed>",
        f"<template>{SCRIPT}</template>",
        f"<template><template></template>{SCRIPT}</template>",
        f"<noscript>{SCRIPT}</noscript>",
        f"<head><NoScript>{SCRIPT}</NOSCRIPT></head>",
        f"<plaintext>{SCRIPT}",
        f"<script>'{SCRIPT}",
        "<script type=text/template src=//o.test/1.js></script>",
        "<script type=importmap src=//o.test/1.js></script>",
        f"<math>{SCRIPT}</math>",
        f"<svg>{SCRIPT}</svg>",
        "<svg><base href=//o.test/></svg><script src=1.js></script>",
        f"<iframe sandbox srcdoc='{SCRIPT}'></iframe>",
        "<p title='<script src=//o.test/1.js>'>",
        "<script src=/1.js></script><script src=https://www.so.gov.vn/1.js></script>",
        "<script src=data:,1></script><script src='javascript:1'></script><script src=></script>",
        "<script src=https://[/></script><script src='http://a b/'></script>",
    ],
)
def test_what_browsers_do_not_load_is_no_script(page: str) -> None:
    """Text, comments, templates, data; and what is of the page's own service. Hand-made."""
    assert urls(read(page), Use.SCRIPT) == []


def test_each_part_is_found_by_its_use() -> None:
    """Frames, images, media, styles and the URLs in them."""
    page = read(
        """<link rel='a STYLESHEET' href=//o.test/a.css><link rel=stylesheet type=text/less href=//o.test/no>
        <link rel=icon href=//o.test/icon><link rel=preload as=script href=//o.test/pre>
        <link rel=canonical href=//o.test/no>
        <style>@import "//o.test/i.css"; /* url(//o.test/no) */ p { background: url( '//o.test/bg' ) }</style>
        <p style="background: URL(//o.test/inline)"><iframe src=//o.test/frame></iframe>
        <object data=//o.test/object></object>
        <embed src=//o.test/embed><img src=//o.test/img srcset="//o.test/1x 1x, //o.test/2x,3 2x,//o.test/4x">
        <picture><source srcset=//o.test/picture></picture><video src=//o.test/video poster=//o.test/poster>
        <track src=//o.test/track>
        <source src=//o.test/source></video><audio src=//o.test/audio></audio><input type=IMAGE src=//o.test/button>
        <a href=//o.test/no></a><svg><image href=//o.test/svg></image></svg>"""
    )
    found = {use: [url.removeprefix("https://o.test/") for url in urls(page, use)] for use in Use}
    assert found == {
        Use.SCRIPT: [],
        Use.STYLE: ["a.css"],
        Use.FRAME: ["frame"],
        Use.OBJECT: ["object", "embed"],
        Use.IMAGE: ["icon", "img", "poster", "button", "svg"],
        Use.MEDIA: ["video", "source", "audio"],
        Use.CSS: ["bg", "inline"],
        Use.CSS_IMPORT: ["i.css"],
        Use.OTHER: ["pre", "1x", "2x,3", "4x", "picture", "track"],
        Use.FORM: [],
    }


@pytest.mark.parametrize(
    ("attributes", "integrity", "cors"),
    [
        ("", None, False),
        ("integrity crossorigin", (), True),
        ("integrity='sha384-AbC+/_-= sha256-x= SHA512-y==?a=b'", ("sha256", "sha384", "sha512"), False),
        ("integrity=sha256-x crossorigin=use-credentials", ("sha256",), True),
        ("integrity='md5-x sha384- sha1-y sha384:z sha384-a,b'", (), False),
        ("integrity='\tsha256-x\n' type=module", ("sha256",), True),
        ("INTEGRITY=sha256-x CrossOrigin=anonymous", ("sha256",), True),
    ],
)
def test_integrity_is_read_as_browsers_do(attributes: str, integrity: tuple[str, ...] | None, cors: bool) -> None:
    """Tokens of another grammar or hash are ignored (W3C SRI §3.5)."""
    (found,) = read(f"<script src=//o.test/ {attributes}></script>").references
    assert found == Reference(use=Use.SCRIPT, url="https://o.test/", integrity=integrity, cors=cors)


@pytest.mark.parametrize(
    ("page", "logins"),
    [
        ("<form action=/vao><input type=password></form>", ["https://www.so.gov.vn/vao"]),
        ("<form action=http://o.test/><p><input TYPE=' Password '></form>", ["http://o.test/"]),
        ("<form id=a action=//o.test/></form><input type=password form=a>", ["https://o.test/"]),
        ("<form action=/a><form action=//o.test/><input type=password></form>", ["https://www.so.gov.vn/a"]),
        (
            "<form action=/a><input type=password><button formaction=//o.test/></form>",
            ["https://www.so.gov.vn/a", "https://o.test/"],
        ),
        ("<input type=password>", [URL]),
        ("<form action><input type=password></form>", [URL]),
        ("<form action=a><input type=password></form><base href=//o.test/>", ["https://o.test/a"]),
        ("<form action=javascript:a()><input type=password></form>", [""]),
        ("<form><input type=text name=password></form>", []),
        ("<!--<form><input type=password>-->", []),
    ],
)
def test_where_a_password_is_sent(page: str, logins: list[str]) -> None:
    """The form that a field belongs to says it, or the button that sends it."""
    assert list(read(page).logins) == logins


def test_other_forms_are_references() -> None:
    """A form without a password is not a login."""
    page = read("<form action=http://o.test/tim><input></form><form><button formaction=//o.test/b></button></form>")
    assert urls(page, Use.FORM) == ["https://o.test/b", "http://o.test/tim"]
    assert page.logins == ()


@pytest.mark.parametrize(
    ("page", "charsets"),
    [
        (b"<meta charset=UTF-8>", ("utf-8",)),
        (b"\xef\xbb\xbf<meta charset='utf-8'>", ("utf-8", "utf-8")),
        (b"<META content='text/html; charset=windows-1258' http-equiv=Content-Type>", ("windows-1258",)),
        (b"<!-- <meta charset=a> --><meta name=charset content='charset=b'>", ()),
        (b" " * 1100 + b"<meta charset=utf-8>", ()),
        ("<meta charset=utf-8>".encode("utf-16"), ("utf-16le",)),
    ],
)
def test_the_declared_encoding_is_read(page: bytes, charsets: tuple[str, ...]) -> None:
    """Byte order mark and the first declaration in the first 1024 bytes."""
    assert read_page(page, URL).charsets == charsets


@pytest.mark.parametrize("charset", ["utf-16le", "windows-1258", "gbk", "", "nonsense", "rot13", "utf-7", "zlib"])
def test_a_page_is_read_in_its_encoding(charset: str) -> None:
    """Of the header; one that browsers do not know changes nothing."""
    encoding = charset if charset in ("utf-16le", "windows-1258", "gbk") else "utf-8"
    page = read_page(SCRIPT.encode(encoding), URL, charset=charset)
    assert urls(page, Use.SCRIPT) == ["https://o.test/1.js"]


@pytest.mark.parametrize(
    ("url", "library"),
    [
        ("/js/jquery-1.12.4.min.js", "jquery 1.12.4"),
        ("//code.jquery.com/jquery-3.6.0.slim.min.js?v=1", "jquery 3.6.0"),
        ("https://ajax.googleapis.com/ajax/libs/jquery/2.2.4/jquery.min.js", "jquery 2.2.4"),
        ("https://cdn.jsdelivr.net/npm/jquery@3.7.1/dist/jquery.min.js", "jquery 3.7.1"),
        ("https://ajax.googleapis.com/ajax/libs/angularjs/1.5.8/angular.min.js", "angularjs 1.5.8"),
        ("https://maxcdn.bootstrapcdn.com/bootstrap/3.3.7/js/bootstrap.min.js", "bootstrap 3.3.7"),
        ("/lib/bootstrap-4.6.0/css/bootstrap.min.css", "bootstrap 4.6.0"),
        ("https://cdn.jsdelivr.net/npm/vue@2.6.14/dist/vue.js", "vue 2.6.14"),
        ("https://code.jquery.com/ui/1.12.1/jquery-ui.js", ""),
        ("/jquery-ui-1.12.1.min.js", "jquery-ui 1.12.1"),
        ("/wp-includes/js/jquery/jquery.min.js?ver=3.7.1", "jquery 3.7.1"),
        ("/wp-includes/js/jquery/jquery.js?ver=1.12.4-wp", "jquery 1.12.4"),
        ("/jquery.min.js?ver=3.7.1", ""),
        ("/jquery-migrate-1.2.1.min.js", ""),
        ("/jquery.validate-1.9.0.js", ""),
        ("/bootstrap-table-1.11.0.js", ""),
        ("/angular-animate-1.5.8.js", ""),
        ("/jquery-20230101.js", ""),
        ("/jquery.min.js", ""),
    ],
)
def test_libraries_are_known_by_file_names(url: str, library: str) -> None:
    """Only where the name of the library and its version both stand in it."""
    found = library_of(url)
    assert (f"{found.name} {found.version}" if found else "") == library


@pytest.mark.parametrize(
    ("script", "library"),
    [
        ("/*! jQuery v1.12.4 | (c) jQuery Foundation */", "jquery 1.12.4"),
        ("\n/*!\n * jQuery JavaScript Library v2.1.4\n", "jquery 2.1.4"),
        ("/*!\n * Bootstrap v3.3.7 (http://getbootstrap.com)", "bootstrap 3.3.7"),
        ("/*\n AngularJS v1.5.8\n", "angularjs 1.5.8"),
        ("/*! jQuery UI - v1.12.1 - 2016", "jquery-ui 1.12.1"),
        ("/*!\n * Vue.js v2.6.14\n", "vue 2.6.14"),
        ("var a; /*! jQuery v1.12.4 */", ""),
        ("/* needs jQuery v1.12.4 */", ""),
        ("/*! jQuery Validation v1.12.4 */", ""),
    ],
)
def test_libraries_are_known_by_their_banner(script: str, library: str) -> None:
    """Which begins the script."""
    assert " ".join(f"{each.name} {each.version}" for each in libraries_in_text(script)) == library


def test_addresses_for_incidents_are_kept_and_no_others() -> None:
    """By the local part alone: addresses of people are not recorded."""
    page = read(
        "<a href='mailto:ungcuusuco@so.gov.vn?subject=a'><a href=MAILTO:csirt@so.gov.vn><a href=mailto:nva@so.gov.vn>"
        "<a href=mailto:attt-so@so.gov.vn><a href='mailto:security@so.gov.vn,nva@so.gov.vn'>"
    )
    assert page.incident_addresses == ("attt-so@so.gov.vn", "csirt@so.gov.vn", "ungcuusuco@so.gov.vn")


def test_generators_and_secrets_are_seen() -> None:
    """The product that made a page, and that it has a value against forged requests."""
    page = read("<meta NAME=Generator content=' WordPress 6.4.2 '><input type=hidden name=csrf_token value=abc>")
    assert (page.generators, page.has_secret) == (("WordPress 6.4.2",), True)
    assert not read("<input type=hidden name=id value=1><input name=token>").has_secret


# --- a second parser ---

_PIECES = (
    *(
        "<p>",
        "<",
        ">",
        "/",
        "'",
        '"',
        "=",
        " ",
        "\n",
        "-->",
        "<!--",
        "--",
        "]]>",
        "<![CDATA[",
        "a",
        "&lt;",
        "\x00",
        "é",
    ),
    *("<script src=//o.test/a>", "</script>", "<script>", "<SCRIPT SRC='//o.test/b'>", "<script src=//o.test/c />"),
    *(f"<{name}>" for name in ("style", "title", "textarea", "template", "xmp", "iframe", "noscript", "svg", "math")),
    *(f"</{name}>" for name in ("style", "title", "textarea", "template", "xmp", "iframe", "noscript", "svg", "math")),
    *("<b>", "</b>", "<div>", "</div>", "<head>", "</head>", "<body>", "</body>"),
    *("<table>", "<td>", "</table>", "<img src=//o.test/d>", "<iframe src=//o.test/e>"),
    *("<form action=//o.test/f>", "</form>", "<input type=password>", "<foreignObject>", "<desc>", "<mi>", "<br>"),
    *("<link rel=stylesheet href=//o.test/g>", "<object data=//o.test/h>", "</object>", "<frameset>", "<plaintext>"),
)


def _by_html5lib(page: str) -> list[str]:
    """The same references as html5lib finds them; templates are left out, as their contents are inert."""
    tree = html5lib.parse(page, treebuilder="etree", scripting=True, namespaceHTMLElements=True)
    return sorted(set(filter(None, (resolved(URL, each) for each in _loaded(tree)))))


def _loaded(element: object) -> Iterator[str]:
    for child in element:  # type: ignore[attr-defined]  # an element of xml.etree
        if not isinstance(child.tag, str):
            continue
        namespace, _, name = child.tag.rpartition("}")
        get = child.attrib.get
        if namespace.endswith("xhtml"):
            if name == "template":
                continue
            named = {"script": "src", "img": "src", "iframe": "src", "link": "href", "object": "data"}.get(name)
            if named and get(named):
                yield get(named)
        yield from _loaded(child)


@given(st.lists(st.sampled_from(_PIECES), max_size=24).map("".join))
def test_a_second_parser_finds_the_same(page: str) -> None:
    """html5lib agrees on what a page loads, wherever tags are put.

    It follows an older text of the standard, in which ``</p>`` does not end SVG and MathML, and ``select`` holds less:
    no page has either.
    """
    ours = sorted(set(urls(read(page), Use.SCRIPT, Use.IMAGE, Use.FRAME, Use.STYLE, Use.OBJECT)))
    assert ours == _by_html5lib(page)


# --- hostile pages ---

_REPEATED = (
    *("<div>", "<a>", "<b><p>", "<a><p>", "<font color=1><p>", "<table>", "<table><td>", "<svg>", "<select><option>"),
    *("<form>", "<template>", "<!--", "<", "&", "\x00", "<script>", "<script src=//a>", "<p a=1 ", "<style>@import '"),
    *("<style>url(", "<img srcset='a ", "<iframe srcdoc='", "<title>Index of /", "<meta ", "<meta charset=", "\tat a."),
    *("<br /><b>Warning</b>:  ", "Traceback (most recent call last):", "<base href=", "<a href=mailto:a"),
    *("<input type=password>", "<button formaction=//a>", "<script type=a src=//b integrity='sha256-"),
)


@pytest.mark.parametrize("piece", _REPEATED)
def test_a_page_in_the_event_loop_is_read_at_once(piece: str) -> None:
    """Whatever a simple page repeats; the time is the processor's."""
    page = (piece * (262144 // len(piece))).encode()
    while not is_simple(page):
        page = page[: len(page) * 2 // 3]
    began = time.process_time()
    read_page(page, URL)
    assert time.process_time() - began < 2


def test_a_page_whose_tree_explodes_is_not_simple() -> None:
    """Formatting elements that are never closed are repeated in each paragraph."""
    assert not is_simple(b"".join(b"<font color=%d><p>" % number for number in range(3000)))
    assert not is_simple(b"<div>" * 10_000_000)
    assert is_simple(b"<p>xin ch\xc3\xa0o</p>" * 500)
    assert is_simple(b"<li><a href=\"/tin\"><i class='icon'></i> <span>Tin <b>m&#7899;i</b></span></a>" * 300)
    assert not is_simple(b'<font a=">x</font>" b=1><p>' * 1000)


@given(st.binary(max_size=300) | st.text(max_size=300).map(lambda text: text.encode("utf-8", "replace")), st.booleans())
def test_any_page_is_read(page: bytes, is_whole: bool) -> None:
    """Nothing raises, and what came of a part of a page never counts as all of it."""
    found = read_page(page, URL, is_whole=is_whole)
    assert found.is_whole <= is_whole
    assert read_text(page).references == ()


def test_of_many_references_a_part_is_kept() -> None:
    """And the page then counts as not read to its end."""
    page = read("".join(f"<img src=//o{number}.test/>" for number in range(1000)))
    assert (len(page.references), page.is_whole) == (400, False)
