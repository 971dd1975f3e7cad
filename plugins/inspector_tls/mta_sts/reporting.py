"""Parses TLS reporting records (RFC 8460 §3). Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from inspector_tls.mta_sts.observations import ReportingFault

_VERSION = re.compile(rb"v=TLSRPTv1[ \t]*;")
_FIELD = re.compile(rb"([A-Za-z0-9][A-Za-z0-9_.-]{0,31})=([\x21-\x3a\x3c-\x7e\t ]+)")
_TARGET = re.compile(rb"mailto:[^@\s,;!]+@[A-Za-z0-9_.-]+|https://[A-Za-z0-9_.-]+[^\s,;!]*", re.IGNORECASE)


def reporting_fault(records: Sequence[bytes]) -> ReportingFault | None:
    """Why senders send no reports for the TXT records at ``_smtp._tls``; None where they do."""
    found = [record for record in records if _VERSION.match(record)]
    if len(found) != 1:
        return ReportingFault.SEVERAL if found else ReportingFault.MISSING
    parts = [part.strip(b" \t") for part in found[0].split(b";")[1:]]
    fields = [_FIELD.fullmatch(part) for part in parts if part]
    targets = [field[2] for field in fields if field and field[1] == b"rua"]
    if not all(fields) or len(targets) != 1:
        return ReportingFault.SYNTAX
    uris = [uri.strip(b" \t") for uri in targets[0].split(b",")]
    return None if all(map(_TARGET.fullmatch, uris)) else ReportingFault.TARGET
