"""The names that a plugin author may import.

They are loaded when first used, so that ``inspector --help`` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from inspector.checking import Check, Every, Seen, check, checks_in
    from inspector.declared import Declared
    from inspector.errors import Trouble
    from inspector.hookspecs import hookimpl
    from inspector.model import Answer, Cause, Model, Moment, Quantity, Unseen
    from inspector.network.network import Network
    from inspector.observation import Capture, Discovered, Gap, Observation, Raw, Sensitivity, TroubleNote
    from inspector.probing import Cost, Probe, Reading, Target, Touch, probe
    from inspector.renderer import Language, Renderer
    from inspector.subject import HOST, TCP, UDP, Aim, Form, Scheme, Subject
    from inspector.verdict import Outcome, Verdict, failed, inconclusive, not_applicable, passed

__version__: Final = "0.1.0"

_HOME = {
    "Check": "inspector.checking",
    "Every": "inspector.checking",
    "Seen": "inspector.checking",
    "check": "inspector.checking",
    "checks_in": "inspector.checking",
    "Declared": "inspector.declared",
    "Trouble": "inspector.errors",
    "hookimpl": "inspector.hookspecs",
    "Answer": "inspector.model",
    "Cause": "inspector.model",
    "Model": "inspector.model",
    "Moment": "inspector.model",
    "Quantity": "inspector.model",
    "Unseen": "inspector.model",
    "Network": "inspector.network.network",
    "Capture": "inspector.observation",
    "Discovered": "inspector.observation",
    "Gap": "inspector.observation",
    "Observation": "inspector.observation",
    "Raw": "inspector.observation",
    "Sensitivity": "inspector.observation",
    "TroubleNote": "inspector.observation",
    "Cost": "inspector.probing",
    "Probe": "inspector.probing",
    "Reading": "inspector.probing",
    "Target": "inspector.probing",
    "Touch": "inspector.probing",
    "probe": "inspector.probing",
    "Language": "inspector.renderer",
    "Renderer": "inspector.renderer",
    "HOST": "inspector.subject",
    "TCP": "inspector.subject",
    "UDP": "inspector.subject",
    "Aim": "inspector.subject",
    "Form": "inspector.subject",
    "Scheme": "inspector.subject",
    "Subject": "inspector.subject",
    "Outcome": "inspector.verdict",
    "Verdict": "inspector.verdict",
    "failed": "inspector.verdict",
    "inconclusive": "inspector.verdict",
    "not_applicable": "inspector.verdict",
    "passed": "inspector.verdict",
}

__all__ = [
    "HOST",
    "TCP",
    "UDP",
    "Aim",
    "Answer",
    "Capture",
    "Cause",
    "Check",
    "Cost",
    "Declared",
    "Discovered",
    "Every",
    "Form",
    "Gap",
    "Language",
    "Model",
    "Moment",
    "Network",
    "Observation",
    "Outcome",
    "Probe",
    "Quantity",
    "Raw",
    "Reading",
    "Renderer",
    "Scheme",
    "Seen",
    "Sensitivity",
    "Subject",
    "Target",
    "Touch",
    "Trouble",
    "TroubleNote",
    "Unseen",
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
