"""Products and versions in what a server says of itself before anybody has logged in.

Only what is written in the form in which the product itself writes it is recognised: a name beside a number in free
text is none. What a distribution adds (``Debian-2+deb12u3``, ``(Ubuntu)``) says that fixes may be back-ported without a
change of the version. A product whose version is hidden, or stands before a release (``9.0.0.M1``, ``8.4.0RC1``), has
no version that could be compared.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

#: A version with what belongs to it: Exim writes the third number behind ``_``.
_VERSION = r"((?>[0-9]{1,4}(?:[._][0-9]{1,5}){0,4})(?:[a-z](?![0-9A-Za-z]))?)(?P<rest>[\w.~+-]{0,40})"
#: What follows a version that is not the whole one, or that of a build before the release; what a packager adds begins
#: otherwise.
_NOT_RELEASED = re.compile(r"[._]?\w|[~-](?:alpha|beta|dev|pre|rc|snapshot|[abm][0-9])", re.IGNORECASE)
#: How much of one text is read.
_MOST_CHARACTERS = 2000


class _Known(NamedTuple):
    """A product: its title, its name in CPE 2.3 (vendor and product, "" where unknown), and how it names itself."""

    title: str
    cpe: str
    forms: tuple[str, ...]


#: The products by the names that tables use. ``#`` stands for the version; a line of a text is a field of its own.
#: Those without a form tell their version in a field of their protocol (``product_named``).
_PRODUCTS: dict[str, _Known] = {
    "apache-http-server": _Known(
        "Apache httpd",
        "a:apache:http_server",
        (r"(?<![\w-])Apache/#", r"(?:\A|\n)Apache(?![-/\w]| \w)", r"(?<![\w-])Apache/(?![0-9])"),
    ),
    "tomcat": _Known(
        "Apache Tomcat", "a:apache:tomcat", (r"(?<!\w)Apache Tomcat/#", r"(?:\A|\n)Apache Tomcat(?![-/\w])")
    ),
    "nginx": _Known("nginx", "a:f5:nginx", (r"(?<![\w-])nginx/#", r"(?:\A|\n)nginx(?![-/\w]| \w)")),
    "iis": _Known(
        "Microsoft IIS",
        "a:microsoft:internet_information_services",
        (r"(?<!\w)Microsoft-IIS/#", r"(?:\A|\n)Microsoft-IIS(?![-/\w])"),
    ),
    "php": _Known("PHP", "a:php:php", (r"(?<![\w-])PHP/#", r"(?:\A|\n)PHP(?![-/\w]| \w)")),
    "openssl": _Known("OpenSSL", "a:openssl:openssl", (r"(?<!\w)OpenSSL/#",)),
    "openssh": _Known("OpenSSH", "a:openbsd:openssh", (r"(?<!\w)OpenSSH_(?:for_Windows_)?([0-9]+(?:\.[0-9]+)+)",)),
    "dropbear": _Known("Dropbear", "a:dropbear_ssh_project:dropbear_ssh", (r"(?<!\w)dropbear_([0-9]{4}\.[0-9]+)",)),
    "erlang-ssh": _Known("Erlang/OTP SSH", "", (r"SSH-2\.0-Erlang/#",)),
    "exim": _Known("Exim", "a:exim:exim", (r"\bESMTP Exim #", r"\bESMTP Exim(?! [0-9])")),
    "proftpd": _Known("ProFTPD", "a:proftpd:proftpd", (r"220[- ]ProFTPD #", r"220[- ]ProFTPD(?! [0-9])")),
    "vsftpd": _Known("vsftpd", "a:vsftpd_project:vsftpd", (r"220[- ]\(vsFTPd #\)", r"220[- ]\(?vsFTPd(?! [0-9])")),
    "serv-u": _Known(
        "Serv-U", "a:solarwinds:serv-u", (r"220[- ]Serv-U FTP Server v#", r"220[- ]Serv-U FTP Server(?! v[0-9])")
    ),
    "ws-ftp-server": _Known("WS_FTP Server", "a:progress:ws_ftp_server", (r"(?<!\w)WS_FTP Server #",)),
    "mariadb": _Known("MariaDB", "a:mariadb:mariadb", (r"\\n(?:5\.5\.5-)?([0-9]+\.[0-9]+\.[0-9]+)-MariaDB",)),
    "mysql": _Known(
        "MySQL",
        "a:oracle:mysql",
        (r"\\n([0-9]+\.[0-9]+\.[0-9]+)(?:-(?!MariaDB|[0-9.]+-MariaDB)[^\\ ]{0,40})?\\x00",),
    ),
    "redis": _Known("Redis", "a:redis:redis", ()),
    "elasticsearch": _Known("Elasticsearch", "a:elastic:elasticsearch", ()),
    # In pages, by the names of files: see inspector_http.
    "jquery": _Known("jQuery", "a:jquery:jquery", ()),
    "jquery-ui": _Known("jQuery UI", "a:jqueryui:jquery_ui", ()),
    "bootstrap": _Known("Bootstrap", "a:getbootstrap:bootstrap", ()),
    "angularjs": _Known("AngularJS", "a:angularjs:angularjs", ()),
    "vue": _Known("Vue.js", "a:vuejs:vue", ()),
    "ckeditor": _Known("CKEditor", "a:ckeditor:ckeditor", ()),
}
_FORMS = tuple(
    (name, re.compile(form.replace("#", _VERSION))) for name, known in _PRODUCTS.items() for form in known.forms
)
#: How distributions name themselves, with the number of the release where it is there.
_DISTRIBUTIONS = tuple(
    (name, re.compile(form))
    for name, form in (
        ("debian", r"(?:\+|~|\b)deb([0-9]{1,2})u[0-9]"),
        ("debian", r"\bDebian\b()"),
        ("debian", r"\bRaspbian\b()"),
        ("ubuntu", r"(?i:\bubuntu\b|[0-9]ubuntu[0-9])()"),
        ("rhel", r"\.el([0-9]{1,2})(?:\b|_)"),
        ("rhel", r"\bRed Hat\b()"),
        ("centos", r"\bCentOS\b()"),
        ("almalinux", r"\bAlmaLinux\b()"),
        ("rocky-linux", r"\bRocky\b()"),
        (
            "other",
            r"\+debian[0-9]|~dotdeb\b|\b(?:Fedora|SUSE|Amazon|Oracle Linux|Alpine|FreeBSD|NetBSD|OpenBSD|Gentoo)\b()",
        ),
    )
)
_DISTRIBUTION_TITLES = {
    "debian": "Debian",
    "ubuntu": "Ubuntu",
    "rhel": "Red Hat",
    "centos": "CentOS",
    "almalinux": "AlmaLinux",
    "rocky-linux": "Rocky Linux",
}
_WINDOWS = re.compile(r"\b(?:Win32|Win64|Windows|Microsoft)\b|_for_Windows_")
_UNIX = re.compile(r"\((?:Unix|Debian|Ubuntu|CentOS|Red Hat|Fedora)\b")


@dataclass(frozen=True, slots=True, order=True)
class Product:
    """A product that a server names: ``name`` as tables have it, and its version ("" where it names none).

    ``distribution`` and ``release`` are those of a packager, as far as the text names them; ``is_windows`` says whether
    it runs on Windows, None where the text does not show it.
    """

    name: str
    version: str
    distribution: str = ""
    release: str = ""
    is_windows: bool | None = None

    @property
    def title(self) -> str:
        """The product with its version and distribution, for people."""
        known = _DISTRIBUTION_TITLES.get(self.distribution)
        packager = f" ({known} {self.release}".rstrip() + ")" if known else ""
        return f"{_PRODUCTS[self.name].title} {self.version}".rstrip() + packager

    @property
    def cpe(self) -> str:
        """The name in CPE 2.3, with ``*`` for a version that is not known; "" for a product that has none."""
        known = _PRODUCTS[self.name].cpe
        return known and f"cpe:2.3:{known}:{self.version or '*'}:*:*:*:*:*:*:*"


def product_named(title: str, version: str) -> Product | None:
    """The product with this title, whose protocol has a field for its version; None for one that tables do not have."""
    name = next((name for name, known in _PRODUCTS.items() if known.title == title), None)
    if name is None:
        return None
    found = re.match(_VERSION, version)
    return Product(name, _version_of(found) if found else "")


def products_in(texts: Iterable[str]) -> tuple[Product, ...]:
    """The products that these texts name, sorted; without those that another text names with their version."""
    found = {product for text in texts for product in _products_of(text[:_MOST_CHARACTERS])}
    numbered = {each.name for each in found if each.version}
    return tuple(sorted(each for each in found if each.version or each.name not in numbered))


def _products_of(text: str) -> Iterator[Product]:
    distribution, release = _distribution_of(text)
    is_windows = True if _WINDOWS.search(text) else False if distribution or _UNIX.search(text) else None
    for name, form in _FORMS:
        for found in form.finditer(text):
            yield Product(name, _version_of(found), distribution, release, is_windows)


def _version_of(found: re.Match[str]) -> str:
    """The version that a form found; "" for none, and for one that is not a release's."""
    version = found[1] if found.re.groups else ""
    if "rest" in found.re.groupindex and _NOT_RELEASED.match(found["rest"]):
        return ""
    return version.replace("_", ".")


def _distribution_of(text: str) -> tuple[str, str]:
    """The distribution that a text names and its release, "" for what it does not name."""
    for name, form in _DISTRIBUTIONS:
        if found := form.search(text):
            return name, found[1]
    return "", ""
