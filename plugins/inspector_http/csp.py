"""Content Security Policy Level 3: header fields parsed, and what they allow, as browsers read them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from inspector_http.headers import elements

#: The fields of policies that browsers enforce, and of those whose violations they only report.
ENFORCED, REPORT_ONLY = "content-security-policy", "content-security-policy-report-only"

#: Scripts with which an attacker runs code of his own on any page that allows them, as of 2026-11: mirrors of packages
#: that anyone may publish, storage that anyone may rent, JSONP, and AngularJS, which runs expressions in the page.
BYPASSES = (
    "cdn.jsdelivr.net/npm/any/script.js",
    "cdn.jsdelivr.net/gh/any/any/script.js",
    "unpkg.com/any/script.js",
    "esm.sh/any",
    "raw.githack.com/any/any/script.js",
    "rawcdn.githack.com/any/any/script.js",
    "storage.googleapis.com/any/script.js",
    "s3.amazonaws.com/any/script.js",
    "accounts.google.com/o/oauth2/revoke",
    "www.google.com/complete/search",
    "ajax.googleapis.com/ajax/libs/angularjs/1.8.3/angular.min.js",
    "cdnjs.cloudflare.com/ajax/libs/angular.js/1.8.3/angular.min.js",
    "code.angularjs.org/1.8.3/angular.min.js",
    "cdn.bootcdn.net/ajax/libs/angular.js/1.8.3/angular.min.js",
    "yastatic.net/angularjs/1.8.3/angular.min.js",
)

_SPACE = re.compile(r"[\t\n\f\r ]+")
_HEADER_ONLY = ("frame-ancestors", "report-uri", "sandbox")
#: The source of a nonce or a hash (§2.3.1).
_NONCE_OR_HASH = re.compile(r"'(?:nonce|sha(?:256|384|512))-[a-z0-9+/_-]+={0,2}'")
#: A source that matches every site: a bare scheme, or ``*`` as the host, with any scheme, port and path.
_ANY_SITE = re.compile(r"https?:|(?:https?://)?\*(?::(?:\*|[0-9]+))?(?:/.*)?")
_HOST_SOURCE = re.compile(r"(?:https?://)?(?P<host>(?:\*\.)?[a-z0-9-]+(?:\.[a-z0-9-]+)*)(?::(?:443|\*))?(?P<path>/.*)?")


@dataclass(frozen=True, slots=True)
class Policy:
    """The directives of one policy, each with its values, all in lower case."""

    directives: Mapping[str, tuple[str, ...]]

    def directive(self, names: Iterable[str]) -> str | None:
        """The first of these directives that the policy has; None where it has none of them."""
        return next((name for name in names if name in self.directives), None)


@dataclass(frozen=True, slots=True)
class _Question:
    """What a policy is asked: which sources of a directive, or of that in whose place it stands, are ``offending``."""

    directive: str
    offending: Callable[[Sequence[str]], list[str]]
    names: tuple[str, ...]

    def answer(self, policy: Policy) -> list[str] | None:
        """``directive source`` for each such source; None where the policy does not restrict this at all."""
        name = policy.directive(self.names)
        if name is None:
            return None
        return [f"{name} {source}" for source in self.offending(policy.directives[name])]


def parse_policies(values: Iterable[str]) -> list[Policy]:
    """The policies of all fields of one name, also where commas separate several (§2.2.2); empty ones are none."""
    policies = (Policy(dict(_directives(each))) for each in elements(values))
    return [each for each in policies if each.directives]


def _directives(policy: str) -> Iterable[tuple[str, tuple[str, ...]]]:
    """Each directive once: the first of a name counts; one that is not ASCII is ignored (§2.2.1)."""
    seen: set[str] = set()
    for text in policy.split(";"):
        name, *values = _SPACE.split(text.strip("\t\n\f\r "))
        if name and text.isascii() and name not in seen:
            seen.add(name)
            yield name, tuple(values)


def parse_meta_policies(values: Iterable[str]) -> list[Policy]:
    """The policies of a page's ``meta`` elements, without the directives that browsers ignore there (§3.3)."""
    policies = (
        Policy({name: kept for name, kept in each.directives.items() if name not in _HEADER_ONLY})
        for each in parse_policies(values)
    )
    return [each for each in policies if each.directives]


def frame_ancestors(policies: Iterable[str]) -> list[list[str]]:
    """The source lists of every ``frame-ancestors`` directive in enforced policies (§6.4.2)."""
    found = (each.directives.get("frame-ancestors") for each in parse_policies(policies))
    return [list(sources) for sources in found if sources is not None]


def allows_any_site(sources: Sequence[str]) -> bool:
    """Whether a source list matches pages of any site: ``*``, a wildcard host on some port, or a bare scheme."""
    return bool(_any_site(sources))


def restricts_scripts(policies: Iterable[Policy]) -> bool:
    """Whether any policy says at all which scripts may run."""
    return any(each.directive((*_ELEMENTS, "script-src-attr", "sandbox")) for each in policies)


def script_weaknesses(policies: Sequence[Policy]) -> list[str]:
    """What allows an attacker who can write into a page to run a script of his own there: ``directive source``.

    A script runs only if every policy allows it (§8.1), so that what a single one forbids is none. A directive
    without a source is missing in every policy. In a sandbox that does not allow scripts none runs (§6.3.2).
    """
    if any("allow-scripts" not in each.directives.get("sandbox", ("allow-scripts",)) for each in policies):
        return []
    return _weaknesses(policies, _SCRIPT_QUESTIONS)


def other_weaknesses(policies: Sequence[Policy]) -> list[str]:
    """The same for plugins, the base URL of the page and the targets of its forms."""
    return _weaknesses(policies, _OTHER_QUESTIONS)


def requires_trusted_types(policies: Iterable[Policy]) -> bool:
    """Whether scripts must pass text that becomes code through a Trusted Types policy (Trusted Types §4.2.1)."""
    return any("'script'" in each.directives.get("require-trusted-types-for", ()) for each in policies)


def unencrypted_sources(policies: Iterable[Policy]) -> list[str]:
    """Sources over plain HTTP, in the order in which they stand: ``directive source``."""
    return [
        f"{name} {source}"
        for each in policies
        for name, sources in each.directives.items()
        for source in sources
        if source.startswith("http:")
    ]


def _weaknesses(policies: Sequence[Policy], questions: Iterable[_Question]) -> list[str]:
    """What every policy allows, each once."""
    found: dict[str, None] = {}
    for question in questions:
        restricting = [answer for each in policies if (answer := question.answer(each)) is not None]
        if not restricting:
            found[question.directive] = None
        elif all(restricting):
            found.update((each, None) for answer in restricting for each in answer)
    return list(found)


def _inline(sources: Sequence[str]) -> list[str]:
    """A nonce, a hash or ``'strict-dynamic'`` beside it disables ``'unsafe-inline'`` (§6.7.3.2)."""
    is_disabled = "'strict-dynamic'" in sources or any(_NONCE_OR_HASH.fullmatch(each) for each in sources)
    return [] if is_disabled else [each for each in sources if each == "'unsafe-inline'"]


def _eval(sources: Sequence[str]) -> list[str]:
    return [each for each in sources if each == "'unsafe-eval'"]


def _any_site(sources: Sequence[str]) -> list[str]:
    return [each for each in sources if _ANY_SITE.fullmatch(each)]


def _any_site_or_data(sources: Sequence[str]) -> list[str]:
    return [each for each in sources if each == "data:" or _ANY_SITE.fullmatch(each)]


def _data_script(sources: Sequence[str]) -> list[str]:
    return [] if "'strict-dynamic'" in sources else [each for each in sources if each == "data:"]


def _any_script(sources: Sequence[str]) -> list[str]:
    """``'strict-dynamic'`` disables hosts and schemes (§8.2)."""
    return [] if "'strict-dynamic'" in sources else _any_site(sources)


def _bypass(url: str, sources: Sequence[str]) -> list[str]:
    """The sources that allow this script; also those that allow any."""
    if "'strict-dynamic'" in sources:
        return []
    return [each for each in sources if _ANY_SITE.fullmatch(each) or _matches(each, url)]


def _matches(source: str, url: str) -> bool:
    """Whether a source with a host matches an HTTPS URL, given without its scheme (§6.7.2.8), whatever its case."""
    found = _HOST_SOURCE.fullmatch(source)
    if found is None:
        return False
    host, slash, path = url.partition("/")
    allowed, allowed_path = found["host"], found["path"] or "/"
    is_host = host.endswith(allowed[1:]) if allowed.startswith("*.") else host == allowed
    path = (slash + path).lower()
    return is_host and (path.startswith(allowed_path) if allowed_path.endswith("/") else path == allowed_path)


_ELEMENTS = ("script-src-elem", "script-src", "default-src")
_ATTRIBUTES = ("script-src-attr", "script-src", "default-src")
_SCRIPT_QUESTIONS = (
    _Question("script-src", _inline, _ELEMENTS),
    _Question("script-src", _inline, _ATTRIBUTES),
    _Question("script-src", _eval, ("script-src", "default-src")),
    _Question("script-src", _data_script, _ELEMENTS),
    _Question("script-src", _any_script, _ELEMENTS),
    *(_Question("script-src", partial(_bypass, url), _ELEMENTS) for url in BYPASSES),
)
_OTHER_QUESTIONS = (
    _Question("object-src", _any_site_or_data, ("object-src", "default-src")),
    _Question("base-uri", _any_site, ("base-uri",)),
    _Question("form-action", _any_site, ("form-action",)),
)
