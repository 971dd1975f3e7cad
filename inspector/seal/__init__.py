"""SEAL: captures and assessments on disk: write, sign, verify, read back."""

from inspector.seal.assessment_writer import add_assessment
from inspector.seal.bundle import Bundle, SealedAssessment
from inspector.seal.capture_writer import CaptureWriter, inspection_of, recorded_in
from inspector.seal.pack_survey import NotBegunError
from inspector.seal.run_index import Attempt, RunIndex, State, without_inspection
from inspector.seal.signing import SigningKey
from inspector.seal.untrusted_files import FileFault
from inspector.seal.verify import Comparison, Verification, verify

__all__ = [
    "Attempt",
    "Bundle",
    "CaptureWriter",
    "Comparison",
    "FileFault",
    "NotBegunError",
    "RunIndex",
    "SealedAssessment",
    "SigningKey",
    "State",
    "Verification",
    "add_assessment",
    "inspection_of",
    "recorded_in",
    "verify",
    "without_inspection",
]
