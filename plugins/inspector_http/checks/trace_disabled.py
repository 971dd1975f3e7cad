from __future__ import annotations

from inspector import Verdict, check, failed, passed
from inspector_http.observations import Exposure


@check(
    "trace-disabled",
    title="Method TRACE is disabled",
    references=("RFC 9110 §9.3.8", "CERT/CC VU#867593", "OWASP ASVS 4.0.3 V14.5.1"),
)
def trace_disabled(exposure: Exposure) -> Verdict:
    """A reply to TRACE repeats the request with all its fields, those included that a proxy added or that scripts may
    not read.

    Remediation: switch the method off, or refuse it at the server in front.
    """
    if exposure.trace.value:
        return failed("repeats a TRACE request", facts=("/trace",))
    return passed("does not repeat a TRACE request", facts=("/trace",))
