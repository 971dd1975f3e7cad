"""The kit that plugin authors test with.

``run_probe`` runs a probe once against a server on loopback. ``record`` writes what it observed to ``recorded/``.
``cases`` reads ``cases/<check-id>.yaml``, which name recordings and the verdicts expected of them. ``unseen_inputs``
and ``unseen_variants`` take single answers away, and ``assert_translated`` names every text without a translation.
"""

from inspector.testing.cases import (
    GOOD,
    Case,
    assert_cases_complete,
    assert_unseen_never_good,
    assert_verdict,
    cases,
    checks_of,
)
from inspector.testing.probe_run import ProbeRun, run_probe
from inspector.testing.recording import HANDMADE, record, recorded, recordings, write_recording
from inspector.testing.translation import assert_translated
from inspector.testing.unseen import unseen_inputs, unseen_variants

__all__ = [
    "GOOD",
    "HANDMADE",
    "Case",
    "ProbeRun",
    "assert_cases_complete",
    "assert_translated",
    "assert_unseen_never_good",
    "assert_verdict",
    "cases",
    "checks_of",
    "record",
    "recorded",
    "recordings",
    "run_probe",
    "unseen_inputs",
    "unseen_variants",
    "write_recording",
]
