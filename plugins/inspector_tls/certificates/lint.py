"""The findings of pkilint in a server's certificate, by the CA/Browser Forum's Baseline Requirements.

pkilint is an extra (``level-inspector[pki]``) and slow to import; only the worker process of a parse imports it.
"""

from __future__ import annotations

import sys
from functools import cache, lru_cache
from importlib import import_module
from types import ModuleType, SimpleNamespace
from typing import Any

from inspector_tls.certificates.observations import LintFinding

#: Findings kept of one certificate.
MOST = 64
_SEVERITIES = {"WARNING": "warning", "ERROR": "error", "FATAL": "error"}


class NotInstalled(Exception):
    """The linter is not installed."""


class NotLinted(Exception):
    """The linter failed on the certificate."""


def lint(der: bytes) -> tuple[LintFinding, ...]:
    """The findings in a certificate, errors and warnings, sorted. Raises NotInstalled and NotLinted."""
    try:
        _import_pkilint()
    except ImportError as error:
        raise NotInstalled from error
    try:
        return _linted(der)
    except Exception as error:
        raise NotLinted from error


@lru_cache(maxsize=512)
def _linted(der: bytes) -> tuple[LintFinding, ...]:
    """The findings: the same bytes on several addresses or in several scans are linted once."""
    from pkilint import loader
    from pkilint.cabf.serverauth import determine_certificate_type

    certificate = loader.load_certificate(der, "leaf")
    validator, select = _profile(determine_certificate_type(certificate))
    found = {
        (severity, each.finding.code)
        for result in select(validator.validate(certificate.root))
        for each in result.finding_descriptions
        if (severity := _SEVERITIES.get(each.finding.severity.name)) is not None
    }
    return tuple(LintFinding(severity=severity, code=code) for severity, code in sorted(found)[:MOST])


@cache
def _profile(kind: Any) -> tuple[Any, Any]:
    """The validators for a type of certificate, and a filter of findings that the profile overrides."""
    from pkilint import finding_filter
    from pkilint.cabf import serverauth
    from pkilint.pkix.certificate import create_pkix_certificate_validator_container

    validator = create_pkix_certificate_validator_container(
        serverauth.create_decoding_validators(), serverauth.create_validators(kind)
    )
    filters = serverauth.create_serverauth_finding_filters(kind)

    def select(results: Any) -> Any:
        return finding_filter.filter_results(filters, results)[0]

    return validator, select


def _import_pkilint() -> None:
    """Import pkilint in a third of the usual time. Raises ImportError.

    The table of languages is needed for European qualified certificates only, and five validators each load the list of
    public suffixes.
    """
    sys.modules.setdefault("iso639", _WhenUsed("iso639"))
    import pkilint  # noqa: F401  (only whether it is there)
    from pkilint.cabf import serverauth  # noqa: F401
    from pkilint.common import alternative_name

    _read_suffixes_once(alternative_name)


@cache
def _read_suffixes_once(user: Any) -> None:
    if hasattr(user, "publicsuffixlist"):  # a later pkilint may read them elsewhere
        user.publicsuffixlist = SimpleNamespace(PublicSuffixList=cache(user.publicsuffixlist.PublicSuffixList))


class _WhenUsed(ModuleType):
    """A placeholder that imports its module when an attribute is first used."""

    def __getattr__(self, name: str) -> Any:
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        return getattr(import_module(self.__name__), name)
