"""TLS services: versions and suites, certificates and their revocation, session tickets, STARTTLS, MTA-STS, issuers."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import TYPE_CHECKING

from inspector import hookimpl

if TYPE_CHECKING:
    from inspector import Check, Probe


@hookimpl
def inspector_probes() -> Iterable[Probe]:
    """The probes of versions, certificates, revocation, session tickets, TLS inside other protocols, MTA-STS, CAA."""
    from inspector_tls.certificates.probe import certificates
    from inspector_tls.enumeration.probe import tls
    from inspector_tls.issuance.probe import issuance_policy
    from inspector_tls.mta_sts.probes import mail_server, mta_sts, mta_sts_policy
    from inspector_tls.resumption.probe import tls_resumption
    from inspector_tls.revocation.probe import revocation
    from inspector_tls.starttls.probes import starttls, starttls_injection

    return (
        tls,
        certificates,
        revocation,
        tls_resumption,
        starttls,
        starttls_injection,
        mta_sts,
        mta_sts_policy,
        mail_server,
        issuance_policy,
    )


@hookimpl
def inspector_checks() -> Iterable[Check]:
    """One check per file in ``checks``."""
    from inspector import checks_in
    from inspector_tls import checks

    return checks_in(checks)


@hookimpl
def inspector_tables() -> Iterable[Traversable]:
    """The table of the names by which CAA records refer to certification authorities."""
    return (files(__name__) / "data" / "caa-issuers.json",)
