"""Captures and assessments on disk: write, seal, sign, verify, read back."""

from inspector.seal.assessment_writer import add_assessment
from inspector.seal.bundle import Bundle, SealedAssessment
from inspector.seal.capture_writer import Writer
from inspector.seal.run_index import Attempt, Index, State
from inspector.seal.signing import SigningKey
from inspector.seal.untrusted_files import FileFault
from inspector.seal.verify import Comparison, Verification, verify

__all__ = [
    "Attempt",
    "Bundle",
    "Comparison",
    "FileFault",
    "Index",
    "SealedAssessment",
    "SigningKey",
    "State",
    "Verification",
    "Writer",
    "add_assessment",
    "verify",
]
