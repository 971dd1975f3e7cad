"""What an HTML page names and shows: parts that it loads, forms, libraries, and marks of default and error pages.

The page is parsed as browsers with scripts do, by Lexbor. Nothing of its text is kept. Pure; never raises.
"""

from __future__ import annotations

import re
import resource
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from inspector import Model
from inspector_http.libraries import libraries_in_text, library_of
from inspector_http.observations import Library, Page, Reference, Use
from inspector_http.page_marks import marks_in
from inspector_http.pages import attributes_of
from inspector_http.urls import other_service, resolved

if TYPE_CHECKING:
    from selectolax.lexbor import LexborHTMLParser, LexborNode

#: The most references that are kept, and the characters of one that are read.
REFERENCES, _CHARACTERS = 400, 2048
#: Documents inside of documents (``srcdoc``) that are read.
_NESTED = 2
#: Elements that the tree holds and that browsers with scripts take for text; both names have one length.
_NO_SCRIPT = re.compile(rb"(</?)noscript(?=[\s/>])", re.IGNORECASE)
_SELECTOR = (
    "base, script, link, meta, iframe, frame, object, embed, img, image, source, video, audio, track, form, input,"
    " button, style, [style], a[href^='mailto:' i]"
)
#: Elements that load nothing and send nothing in SVG and MathML.
_HTML_ONLY = {"base", "link", "iframe", "frame", "object", "source", "track", "form", "input", "button"}
_CSS_COMMENT = re.compile(r"/\*.*?(?:\*/|\Z)", re.DOTALL)
_CSS_IMPORT = re.compile(r"""@import\s*(?:url\(\s*)?["']?([^"')\s;]+)""", re.IGNORECASE)
_CSS_URL = re.compile(r"""url\(\s*["']?([^"')\s]+)""", re.IGNORECASE)
#: What begins a source in ``srcset`` (HTML Standard §4.8.4.2.2), whose descriptor ends with a comma.
_SOURCE = re.compile(r"[\s,]*([^\s,]\S*)(?:[^,(]|\([^)]*\))*,?")
#: A token of integrity metadata (W3C SRI §3.5): others are ignored.
_INTEGRITY = re.compile(r"(sha256|sha384|sha512)-[A-Za-z0-9+/_-]+={0,2}(?:\?[\x21-\x7e]*)?", re.IGNORECASE)
_ASCII_SPACE = re.compile(r"[\t\n\f\r ]+")
#: The names of JavaScript's media types (WHATWG MIME Sniffing §4.6): scripts of other types are data.
_JAVASCRIPT = re.compile(
    r"(?:application|text)/(?:x-)?(?:java|ecma)script|text/(?:javascript1\.[0-5]|jscript|livescript)", re.IGNORECASE
)
#: Where the declared encoding has to stand (HTML Standard §4.2.5.4).
_PRESCAN_BYTES = 1024
_CHARSET = re.compile(r"""charset\s*=\s*["']?\s*([^\s"';,]+)""", re.IGNORECASE)
_BOMS = {b"\xef\xbb\xbf": "utf-8", b"\xfe\xff": "utf-16be", b"\xff\xfe": "utf-16le"}
_NOT_ASCII = {"utf-16be", "utf-16le", "utf-16"}
#: The encodings in which pages are read as they say (WHATWG Encoding §4.2); any other as UTF-8.
_ENCODINGS = re.compile(
    r"utf-16(?:le|be)?|windows-(?:874|125[0-8])|iso-8859-(?:1?[0-9])|koi8-[ru]|gbk|gb18030|gb2312|big5|euc-jp|euc-kr"
    r"|shift_jis|us-ascii"
)
#: The name of a field with a value that an attacker must not guess.
_TOKEN_NAME = re.compile(
    r"csrf|xsrf|(?:^|[-_.])(?:authenticity[-_]?)?token$|__requestverificationtoken|^_wpnonce$", re.IGNORECASE
)
#: Local parts of addresses that only teams for incidents and security have (RFC 2142 §4; and as Vietnamese bodies do).
_INCIDENT_ADDRESS = re.compile(
    r"(?:[a-z]+[-_.])?(?:csirt|cert|soc|incidents?|security|ungcuu(?:suco)?|ung-cuu|suco|attt|antoanthongtin|anninhmang)"
    r"(?:[-_.][a-z]+)?@[a-z0-9.-]{1,253}",
    re.IGNORECASE,
)
_ADDRESSES = 10


class PageJob(Model):
    """A page to be read: its URL, the encoding that its header declares, whether all of it is there, and its bytes as
    Latin-1 text.
    """

    url: str
    charset: str = ""
    is_whole: bool
    text: str


#: The address space of the process that parses a page.
_WORKER_BYTES = 1 << 30


def read_in_worker(payload: bytes) -> bytes:
    """``read_page`` for a worker process: a ``PageJob`` in, a ``Page`` out, both in canonical JSON."""
    resource.setrlimit(resource.RLIMIT_AS, (_WORKER_BYTES, resource.getrlimit(resource.RLIMIT_AS)[1]))
    job = PageJob.parse(payload)
    page = read_page(job.text.encode("latin-1"), job.url, charset=job.charset, is_whole=job.is_whole)
    return page.canonical()


_FORMATTING = re.compile(rb"<(?:a|b|big|code|em|font|i|nobr|s|small|strike|strong|tt|u)[\s/>]", re.IGNORECASE)
_ATTRIBUTES = rb"""(?:\s+[\w:.-]+(?:=(?:"[^"<>]*"|'[^'<>]*'|[^\s"'<>=`]+))?)*+\s*/?"""
#: An element that certainly ends where it seems to: nothing of it stays open.
_CLOSED = re.compile(
    rb"<(a|b|big|code|em|font|i|nobr|s|small|span|strike|strong|tt|u)" + _ATTRIBUTES + rb">[^<]*+</\1\s*>"
    rb"|<(?:img|br)" + _ATTRIBUTES + rb">",
    re.IGNORECASE,
)
#: How deep such elements may be in one another.
_DEPTH = 3
#: The longest page that may be parsed in the event loop, and the seconds that its tree may cost at worst.
_SIMPLE_BYTES, _SIMPLE_SECONDS = 65536, 0.1


def is_simple(page: bytes) -> bool:
    """Whether parsing cannot last long, whatever the page nests.

    Each tag may look at all that are open, and may repeat the formatting elements that were never closed (HTML Standard
    §13.2.4.3): 64 KiB of ``<font color=N><p>`` make six million nodes, in 9 seconds and 2 GiB (measured).
    """
    if len(page) > _SIMPLE_BYTES:
        return False
    tags, rest = page.count(b"<"), page
    for _ in range(_DEPTH):
        rest = _CLOSED.sub(b"", rest)
    return tags * (tags * 5e-9 + len(_FORMATTING.findall(rest)) * 1.5e-6) <= _SIMPLE_SECONDS


def read_page(page: bytes, url: str, *, charset: str = "", is_whole: bool = True) -> Page:
    """What the page at ``url`` names; ``charset`` is the encoding that its header declares, in lower case."""
    from selectolax.lexbor import LexborHTMLParser

    text, bom = _decoded(page, charset)
    tree = LexborHTMLParser(_NO_SCRIPT.sub(rb"\1noframes", text.encode("utf-8", "replace")))
    reader = _Reader(url)
    reader.read(tree)
    return Page(
        is_whole=is_whole and not reader.is_full,
        references=tuple(reader.references),
        logins=tuple(dict.fromkeys(reader.logins)),
        generators=tuple(reader.generators[:5]),
        charsets=_declared(page, bom),
        libraries=tuple(sorted(reader.libraries, key=lambda each: (each.name, each.version))),
        marks=marks_in(text),
        incident_addresses=tuple(sorted(reader.addresses)[:_ADDRESSES]),
        has_secret=reader.has_secret,
        has_scripts=reader.has_scripts,
    )


def read_text(text: bytes) -> Page:
    """What plain text shows: the marks of error pages alone."""
    return Page(is_whole=True, marks=marks_in(text.decode("utf-8", "replace")))


def _decoded(page: bytes, charset: str) -> tuple[str, str]:
    """The page as text, and the encoding of its byte order mark, which precedes every declaration."""
    for mark, name in _BOMS.items():
        if page.startswith(mark):
            return page[len(mark) :].decode(name, "replace"), name
    declared = charset or next(iter(_declared(page, "")), "")
    if not _ENCODINGS.fullmatch(declared) or (not charset and declared in _NOT_ASCII):
        declared = "utf-8"
    try:
        return page.decode(declared, "replace"), ""
    except LookupError:
        return page.decode("utf-8", "replace"), ""


_META = re.compile(r"<meta\b((?:[^>\"']|\"[^\"]*\"|'[^']*')*+)>", re.IGNORECASE)
_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)


def _declared(page: bytes, bom: str) -> tuple[str, ...]:
    """The encodings that the page itself declares, in lower case: byte order mark first, then the first ``meta``."""
    start = _COMMENT.sub("", page[:_PRESCAN_BYTES].decode("latin-1"))
    found = [bom] if bom else []
    for meta in _META.finditer(start):
        attributes = attributes_of(meta[1])
        name = attributes.get("charset", "").strip()
        if not name and attributes.get("http-equiv", "").strip().lower() == "content-type":
            named = _CHARSET.search(attributes.get("content", ""))
            name = named[1] if named else ""
        if name:
            return (*found, _printable(name.lower())[:40])
    return tuple(found)


class _Reference(NamedTuple):
    """A reference as it stands in the page."""

    use: Use
    url: str
    node: LexborNode


class _Reader:
    """Collects what documents name, a page and those inside of it."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._base = url
        self._has_base = False
        self._seen: set[Reference] = set()
        self.references: list[Reference] = []
        self.logins: list[str] = []
        self.generators: list[str] = []
        self.libraries: set[Library] = set()
        self.addresses: set[str] = set()
        self.has_secret = False
        self.has_scripts = False
        self.is_full = False

    def read(self, tree: LexborHTMLParser, depth: int = 0, *, scripts: bool = True) -> None:
        """Take in one document. In one with ``scripts`` off, none of its scripts runs."""
        passwords: list[LexborNode] = []
        forms: list[LexborNode] = []
        submits: list[LexborNode] = []
        for node in tree.css(_SELECTOR):
            if node.tag in _HTML_ONLY and _namespace(node):
                continue
            match node.tag:
                case "base" if not self._has_base and depth == 0 and (href := _get(node, "href")) is not None:
                    self._has_base = True
                    self._base = resolved(self._url, href) or self._url
                case "form":
                    forms.append(node)
                case "input" | "button":
                    self._field(node, passwords, submits)
                case "script" if not scripts:
                    pass
                case "iframe" if (document := _get(node, "srcdoc")) is not None:
                    self._nested(document, depth, node, scripts=scripts)
                case "meta":
                    self._meta(node)
                case "a":
                    self._address(_get(node, "href") or "")
                case _:
                    for each in _references(node):
                        self._add(each)
            if style := _get(node, "style"):
                self._css(style, node)
        self._sent(forms, passwords, submits)

    def _nested(self, document: str, depth: int, node: LexborNode, *, scripts: bool) -> None:
        from selectolax.lexbor import LexborHTMLParser

        if depth >= _NESTED:
            self.is_full = True
            return
        sandbox = _get(node, "sandbox")
        inner = scripts and (sandbox is None or "allow-scripts" in _words(sandbox))
        data = _NO_SCRIPT.sub(rb"\1noframes", document.encode("utf-8", "replace"))
        self.read(LexborHTMLParser(data), depth + 1, scripts=inner)

    def _field(self, node: LexborNode, passwords: list[LexborNode], submits: list[LexborNode]) -> None:
        kind = (_get(node, "type") or "").strip().lower()
        if node.tag == "input" and kind == "password":
            passwords.append(node)
        if node.tag == "input" and kind == "image":
            self._add(_Reference(Use.IMAGE, _get(node, "src") or "", node))
        if node.tag == "input" and kind == "hidden" and _TOKEN_NAME.search(_get(node, "name") or ""):
            self.has_secret = True
        if _get(node, "formaction") is not None and kind in ("", "submit", "image"):
            submits.append(node)

    def _sent(self, forms: list[LexborNode], passwords: list[LexborNode], submits: list[LexborNode]) -> None:
        """Where forms are sent: those with a password, and any other."""
        by_id = {name: form for form in reversed(forms) if (name := _get(form, "id"))}
        with_password = [_owner(each, by_id) for each in passwords]
        login_ids = {each.mem_id for each in with_password if each is not None}
        self.logins += [self._action(form) for form in with_password]
        for button in submits:
            owner = _owner(button, by_id)
            target = self._resolve(_get(button, "formaction") or "")
            if owner is not None and owner.mem_id in login_ids:
                self.logins.append(target)
            else:
                self._keep(Reference(use=Use.FORM, url=target))
        for form in forms:
            if form.mem_id not in login_ids:
                self._keep(Reference(use=Use.FORM, url=self._action(form)))

    def _action(self, form: LexborNode | None) -> str:
        """The URL to which a form is sent; that of the page for none, and for a form without one."""
        action = "" if form is None else (_get(form, "action") or "")
        return self._resolve(action) if action.strip() else self._url

    def _resolve(self, reference: str) -> str:
        """The absolute URL; empty for one that is no web URL."""
        return resolved(self._base, reference[:_CHARACTERS])

    def _meta(self, node: LexborNode) -> None:
        name = (_get(node, "name") or "").strip().lower()
        content = _get(node, "content") or ""
        if name == "generator" and content.strip():
            self.generators.append(_printable(content.strip()[:200]))
        if _TOKEN_NAME.search(name):
            self.has_secret = True

    def _address(self, href: str) -> None:
        found = _INCIDENT_ADDRESS.fullmatch(href.strip()[len("mailto:") :].partition("?")[0].strip())
        if found:
            self.addresses.add(_printable(found[0].lower()))

    def _css(self, style: str, node: LexborNode) -> None:
        for each in _css_references(style, node):
            self._add(each)

    def _add(self, each: _Reference) -> None:
        reference = each.url[:_CHARACTERS]
        self.has_scripts |= each.use is Use.SCRIPT
        if each.use is Use.SCRIPT and not reference:
            self.libraries |= libraries_in_text(each.node.text() or "")
            return
        if each.use in (Use.SCRIPT, Use.STYLE) and (library := library_of(reference)):
            self.libraries.add(library)
        if self._base == self._url and not other_service(reference):
            return
        integrity = _get(each.node, "integrity") if each.use in (Use.SCRIPT, Use.STYLE) else None
        is_module = (_get(each.node, "type") or "").strip().lower() == "module"
        self._keep(
            Reference(
                use=each.use,
                url=self._resolve(reference),
                integrity=None if integrity is None else tuple(sorted(set(_algorithms(integrity)))),
                cors=_get(each.node, "crossorigin") is not None or (each.use is Use.SCRIPT and is_module),
            )
        )

    def _keep(self, reference: Reference) -> None:
        own = reference.url.startswith(self._own)
        if not reference.url or own or reference in self._seen:
            return
        if len(self.references) >= REFERENCES:
            self.is_full = True
            return
        self._seen.add(reference)
        self.references.append(reference)

    @property
    def _own(self) -> str:
        """The beginning of the URLs of the page's own service."""
        scheme, _, rest = self._url.partition("://")
        return f"{scheme}://{rest.partition('/')[0]}/"


def _references(node: LexborNode) -> Iterator[_Reference]:
    """What one element loads; a script without a URL is given with an empty one."""
    match node.tag:
        case "script":
            yield from _script(node)
        case "link":
            yield from _link(node)
        case "style":
            yield from _css_references(node.text() or "", node)
        case "img" | "source":
            yield from _sources(node)
    for use, *names in _LOADED.get(node.tag or "", ()):
        yield from _named(use, node, *names)


#: By element: what it loads, and the attributes of which the first that it has names the URL.
_LOADED: dict[str, tuple[tuple[Use, *tuple[str, ...]], ...]] = {
    "iframe": ((Use.FRAME, "src"),),
    "frame": ((Use.FRAME, "src"),),
    "object": ((Use.OBJECT, "data"),),
    "embed": ((Use.OBJECT, "src"),),
    "img": ((Use.IMAGE, "src"),),
    "image": ((Use.IMAGE, "href", "xlink:href"),),
    "source": ((Use.MEDIA, "src"),),
    "video": ((Use.MEDIA, "src"), (Use.IMAGE, "poster")),
    "audio": ((Use.MEDIA, "src"),),
    "track": ((Use.OTHER, "src"),),
}


def _named(use: Use, node: LexborNode, *names: str) -> Iterator[_Reference]:
    for name in names:
        if url := _get(node, name):
            yield _Reference(use, url, node)
            return


def _script(node: LexborNode) -> Iterator[_Reference]:
    """A script that browsers run; in SVG its URL is in ``href``, and MathML has none."""
    namespace = _namespace(node)
    kind = _get(node, "type")
    if kind is None and (language := _get(node, "language")):
        kind = f"text/{language}"
    kind = (kind or "").strip("\t\n\f\r ").lower()
    if namespace == "math" or (kind and kind != "module" and not _JAVASCRIPT.fullmatch(kind)):
        return
    names = ("href", "xlink:href") if namespace == "svg" else ("src",)
    found = list(_named(Use.SCRIPT, node, *names))
    yield from found or [_Reference(Use.SCRIPT, "", node)]


def _link(node: LexborNode) -> Iterator[_Reference]:
    relations = _words(_get(node, "rel") or "")
    kind = (_get(node, "type") or "").strip().lower().partition(";")[0]
    if "stylesheet" in relations and kind in ("", "text/css"):
        yield from _named(Use.STYLE, node, "href")
    elif "modulepreload" in relations or ("preload" in relations and (_get(node, "as") or "").lower() == "script"):
        yield from _named(Use.OTHER, node, "href")
    elif "icon" in relations or "apple-touch-icon" in relations:
        yield from _named(Use.IMAGE, node, "href")
    elif {"preload", "prefetch", "manifest"} & relations:
        yield from _named(Use.OTHER, node, "href")


def _sources(node: LexborNode) -> Iterator[_Reference]:
    """The images of ``srcset``, which browsers do not load over plain HTTP (Mixed Content §3.1)."""
    for found in _SOURCE.finditer((_get(node, "srcset") or "")[:_CHARACTERS]):
        yield _Reference(Use.OTHER, found[1].rstrip(","), node)


def _css_references(style: str, node: LexborNode) -> Iterator[_Reference]:
    text = _CSS_COMMENT.sub(" ", style)
    for found in _CSS_IMPORT.finditer(text):
        yield _Reference(Use.CSS_IMPORT, found[1], node)
    for found in _CSS_URL.finditer(_CSS_IMPORT.sub(" ", text)):
        yield _Reference(Use.CSS, found[1], node)


def _algorithms(integrity: str) -> Iterator[str]:
    for token in _ASCII_SPACE.split(integrity):
        if found := _INTEGRITY.fullmatch(token):
            yield found[1].lower()


def _owner(field: LexborNode, by_id: dict[str, LexborNode]) -> LexborNode | None:
    """The form that a field belongs to: the one that it names, or that it stands in."""
    if (name := _get(field, "form")) is not None:
        return by_id.get(name)
    node = field.parent
    while node is not None and node.tag != "form":
        node = node.parent
    return node


#: Elements in which a foreign part goes back to HTML (HTML Standard §13.2.6).
_HTML_AGAIN = {"foreignobject", "desc", "title", "annotation-xml", "mi", "mo", "mn", "ms", "mtext"}


def _namespace(node: LexborNode) -> str:
    """``svg`` or ``math`` for an element of these, else empty."""
    parent = node.parent
    while parent is not None and (tag := (parent.tag or "").lower()) not in _HTML_AGAIN:
        if tag in ("svg", "math"):
            return tag
        parent = parent.parent
    return ""


def _get(node: LexborNode, name: str) -> str | None:
    """The value of an attribute; None where it is not there, empty where it has none."""
    attributes = node.attributes
    return (attributes[name] or "") if name in attributes else None


def _words(value: str) -> set[str]:
    return {each for each in _ASCII_SPACE.split(value.lower()) if each}


def _printable(text: str) -> str:
    return "".join(each if each.isprintable() else "?" for each in text)
