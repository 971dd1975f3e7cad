"""The names that a plugin author may import.

They are loaded when first used, so that ``inspector --help`` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from inspector.model.base import Answer, Cause, Model, NotSeen, Quantity, Timestamp
    from inspector.model.declared import Declared
    from inspector.model.errors import ScanFailure
    from inspector.model.intrusiveness import Intrusiveness
    from inspector.model.language import Language
    from inspector.model.observation import Discovered, FailureNote, Gap, Observation, Raw, ScanOutput, Sensitivity
    from inspector.model.subject import HOST, TCP, UDP, Form, Scheme, Subject, SubjectKind
    from inspector.model.verdict import Outcome, Verdict, failed, inconclusive, not_applicable, passed
    from inspector.network.client import Network
    from inspector.plugin.check import Check, Every, SubjectResult, check, checks_in
    from inspector.plugin.probe import Cost, ParseContext, Probe, Target, probe
    from inspector.registry.hookspecs import hookimpl
    from inspector.report.renderer import Renderer

__version__: Final = "0.1.0"

_HOME = {
    "Check": "inspector.plugin.check",
    "Every": "inspector.plugin.check",
    "SubjectResult": "inspector.plugin.check",
    "check": "inspector.plugin.check",
    "checks_in": "inspector.plugin.check",
    "Declared": "inspector.model.declared",
    "ScanFailure": "inspector.model.errors",
    "hookimpl": "inspector.registry.hookspecs",
    "Answer": "inspector.model.base",
    "Cause": "inspector.model.base",
    "Model": "inspector.model.base",
    "Timestamp": "inspector.model.base",
    "Quantity": "inspector.model.base",
    "NotSeen": "inspector.model.base",
    "Network": "inspector.network.client",
    "ScanOutput": "inspector.model.observation",
    "Discovered": "inspector.model.observation",
    "Gap": "inspector.model.observation",
    "Observation": "inspector.model.observation",
    "Raw": "inspector.model.observation",
    "Sensitivity": "inspector.model.observation",
    "FailureNote": "inspector.model.observation",
    "Cost": "inspector.plugin.probe",
    "Probe": "inspector.plugin.probe",
    "ParseContext": "inspector.plugin.probe",
    "Target": "inspector.plugin.probe",
    "Intrusiveness": "inspector.model.intrusiveness",
    "probe": "inspector.plugin.probe",
    "Language": "inspector.model.language",
    "Renderer": "inspector.report.renderer",
    "HOST": "inspector.model.subject",
    "TCP": "inspector.model.subject",
    "UDP": "inspector.model.subject",
    "SubjectKind": "inspector.model.subject",
    "Form": "inspector.model.subject",
    "Scheme": "inspector.model.subject",
    "Subject": "inspector.model.subject",
    "Outcome": "inspector.model.verdict",
    "Verdict": "inspector.model.verdict",
    "failed": "inspector.model.verdict",
    "inconclusive": "inspector.model.verdict",
    "not_applicable": "inspector.model.verdict",
    "passed": "inspector.model.verdict",
}

__all__ = [
    "HOST",
    "TCP",
    "UDP",
    "Answer",
    "Cause",
    "Check",
    "Cost",
    "Declared",
    "Discovered",
    "Every",
    "FailureNote",
    "Form",
    "Gap",
    "Intrusiveness",
    "Language",
    "Model",
    "Network",
    "NotSeen",
    "Observation",
    "Outcome",
    "ParseContext",
    "Probe",
    "Quantity",
    "Raw",
    "Renderer",
    "ScanFailure",
    "ScanOutput",
    "Scheme",
    "Sensitivity",
    "Subject",
    "SubjectKind",
    "SubjectResult",
    "Target",
    "Timestamp",
    "Verdict",
    "check",
    "checks_in",
    "failed",
    "hookimpl",
    "inconclusive",
    "not_applicable",
    "passed",
    "probe",
]


def __getattr__(name: str) -> object:
    home = _HOME.get(name)
    if home is None:
        raise AttributeError(f"module 'inspector' has no attribute {name!r}")
    value: object = getattr(import_module(home), name)
    globals()[name] = value
    return value
