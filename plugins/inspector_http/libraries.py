"""JavaScript libraries by the names of their files and by their banner comments. Pure."""

from __future__ import annotations

import re
from typing import NamedTuple

from inspector_http.observations import Library

_VERSION = r"v?([0-9]{1,3}(?:\.[0-9]{1,4}){1,3})(?![0-9])"
#: What builds of one version are called.
_BUILD = r"(?:[.-](?:min|slim|bundle|umd|esm|global|prod|runtime|full|core|common|custom|compat|dev|pack|all))*"
_BANNER_CHARACTERS = 400


class _Form(NamedTuple):
    """How a library is named: its files, the folders and packages that hold them, and its banner."""

    file: str
    package: str
    banner: str


#: By the names that the table of ends of support has.
_FORMS = {
    "jquery": _Form(r"jquery", r"jquery", r"jQuery (?:JavaScript Library )?"),
    "jquery-ui": _Form(r"jquery[.-]ui", r"jquery-?ui", r"jQuery UI - "),
    "bootstrap": _Form(r"bootstrap", r"(?:twitter-)?bootstrap", r"Bootstrap "),
    "angularjs": _Form(r"angular", r"angular(?:\.?js)?", r"AngularJS "),
    "vue": _Form(r"vue", r"vue", r"Vue\.js "),
    "ckeditor": _Form(r"ckeditor", r"ckeditor", r"(?!)"),
}
_FILES = tuple(
    (
        name,
        re.compile(
            rf"(?:.*/)?(?:{form.file}[-.@]{_VERSION}{_BUILD}|{form.package}[/@-]{_VERSION}/(?:[^/]+/){{0,4}}{form.file}{_BUILD})"
            r"\.(?:js|css)",
            re.IGNORECASE,
        ),
    )
    for name, form in _FORMS.items()
)
_BANNERS = tuple(
    (name, re.compile(rf"/\*[!*]?(?:[\s*]|@preserve|@license)*{form.banner}{_VERSION}"))
    for name, form in _FORMS.items()
)
#: WordPress gives the library's own version behind the name of the file that it ships.
_WORDPRESS = re.compile(rf".*/wp-includes/js/jquery/jquery(?:\.min)?\.js\?ver={_VERSION}(?:-wp)?")
_CHARACTERS = 512


def library_of(url: str) -> Library | None:
    """The library and version that the name of a script's file says; None where it does not."""
    path = re.split(r"[?#]", url, maxsplit=1)[0]
    if len(url) > _CHARACTERS:
        return None
    for name, form in _FILES:
        if found := form.fullmatch(path):
            return Library(name=name, version=found[1] or found[2])
    found = _WORDPRESS.fullmatch(url)
    return Library(name="jquery", version=found[1]) if found else None


def libraries_in_text(script: str) -> set[Library]:
    """The library that the first comment of an inline script names."""
    start = script.lstrip()[:_BANNER_CHARACTERS]
    return {Library(name=name, version=found[1]) for name, banner in _BANNERS if (found := banner.match(start))}
