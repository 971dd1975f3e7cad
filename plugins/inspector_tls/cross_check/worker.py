"""The part of the scan that runs in a worker process; only there sslyze is imported."""

from __future__ import annotations

from inspector_tls.vulnerabilities.results import VulnerabilityJob


def cross_check(payload: bytes) -> bytes:
    """Carry out an ``VulnerabilityJob`` (JSON): ask for every suite and group; give the ``Report``."""
    from inspector_tls.cross_check.sslyze_client import enumerate_server

    return enumerate_server(VulnerabilityJob.parse(payload)).canonical()
