"""Parses MTA-STS records and policies (RFC 8461 §3). Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from inspector_tls.mta_sts.observations import PolicyFault, PolicyReply, RecordFault, StsMode, StsPolicy

#: The most bytes of a policy (RFC 8461 §3.3).
MAX_POLICY_BYTES = 64 * 1024
#: The media type of a policy (RFC 8461 §3.2).
POLICY_TYPE = "text/plain"
#: The largest ``max_age``, in seconds (§3.2).
_MAX_AGE = 31_557_600
_OK = 200
_VERSION = re.compile(rb"v=STSv1[ \t]*;")
_FIELD = re.compile(rb"([A-Za-z0-9][A-Za-z0-9_.-]{0,31})[ \t]*=[ \t]*([\x21-\x3a\x3c\x3e-\x7e]+)")
_ID = re.compile(rb"[A-Za-z0-9]{1,32}")
_LINE = re.compile(r"([A-Za-z0-9][A-Za-z0-9_.-]{0,31}):[ \t]*(.*)")
_NUMBER = re.compile(r"[0-9]{1,10}")
_PATTERN = re.compile(r"(\*\.)?[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9])?")


def record_fault(records: Sequence[bytes]) -> RecordFault | None:
    """Why senders use none of the TXT records at ``_mta-sts`` (§3.1); None when one is valid."""
    found = [record for record in records if _VERSION.match(record)]
    if len(found) != 1:
        return RecordFault.SEVERAL if found else RecordFault.MISSING
    fields = [_FIELD.fullmatch(field.strip(b" \t")) for field in found[0].split(b";")[1:] if field.strip(b" \t")]
    names = [field[1] for field in fields if field]
    ids = [field[2] for field in fields if field and field[1] == b"id"]
    is_valid = len(names) == len(fields) and bool(ids) and all(map(_ID.fullmatch, ids))
    return None if is_valid else RecordFault.SYNTAX


def policy_reply(status: int, content_type: str, body: bytes) -> PolicyReply:
    """What senders make of the reply of a policy host; ``body`` may be longer than allowed."""
    media_type = content_type.partition(";")[0].strip().lower()[:100]
    found = _usable(status, media_type, body)
    if isinstance(found, PolicyFault):
        return PolicyReply(status=status, media_type=media_type, fault=found)
    return PolicyReply(status=status, media_type=media_type, policy=found)


def _usable(status: int, media_type: str, body: bytes) -> StsPolicy | PolicyFault:
    if status != _OK:
        return PolicyFault.STATUS
    if media_type != POLICY_TYPE:
        return PolicyFault.MEDIA_TYPE
    if len(body) > MAX_POLICY_BYTES:
        return PolicyFault.SIZE
    return parse_policy(body)


def parse_policy(body: bytes) -> StsPolicy | PolicyFault:
    """A policy file; of a field other than ``mx`` that occurs twice, the first counts (§3.2)."""
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        return PolicyFault.SYNTAX
    lines = [line.rstrip(" \t") for line in re.split(r"\r?\n", text)]
    found = [_LINE.fullmatch(line) for line in lines if line]
    pairs = [(line[1], line[2]) for line in found if line]
    if len(pairs) != len(found):
        return PolicyFault.SYNTAX
    fields = dict(reversed(pairs))
    mx = tuple(value.lower() for name, value in pairs if name == "mx")
    mode = fields.get("mode")
    if fields.get("version", "STSv1") != "STSv1":
        return PolicyFault.VERSION
    if not {"version", "mode", "max_age"} <= fields.keys() or not (mx or mode == StsMode.NONE):
        return PolicyFault.INCOMPLETE
    is_number = _NUMBER.fullmatch(fields["max_age"]) and int(fields["max_age"]) <= _MAX_AGE
    if mode not in tuple(StsMode) or not is_number or not all(map(_PATTERN.fullmatch, mx)):
        return PolicyFault.SYNTAX
    return StsPolicy(mode=StsMode(mode), mx=mx, max_age=int(fields["max_age"]))
