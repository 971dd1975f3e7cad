"""Files ``security.txt`` and what sectxt says of them: ``sectxt.yaml`` beside this file.

``python sectxt.py`` in an environment with sectxt 0.9.8 writes that file again; its tests have 31 cases, each of whose
contents is here in one form or another. ``{soon}`` stands for an instant ten days ahead.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

RESULTS = Path(__file__).with_suffix(".yaml")

_GOOD = "Contact: mailto:security@example.com\nExpires: {soon}\n"
_ARMOUR = (
    "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n{text}-----BEGIN PGP SIGNATURE-----\n\n"
    "wpwEAQEIABAFAmTHcawJEDs4gPMoG10dAACN5wP/UozhFqHcUWRNhg4KwfY4\n"
    "HHXU8bf222naeYJHgaHadLTJJ8YQIQ9N5fYF7K4BM0jPZc48aaUPaBdhNxw+\n"
    "KDtQJWPzVREIbbGLRQ5WNYrLR6/7v1LHTI8RvgY22QZD9EAkFQwgdG8paIP4\n"
    "2APWewNf8e01t1oh4n5bDBtr4IaQoj0=\n=DHXw\n-----END PGP SIGNATURE-----\n"
)
_CANONICAL = "Canonical: https://example.com/.well-known/security.txt\n"
_SIGNED = _ARMOUR.replace("{text}", _CANONICAL + _GOOD)

#: By name.
FILES: dict[str, str] = {
    "good": _GOOD,
    "crlf": _GOOD.replace("\n", "\r\n"),
    "no-final-line-end": _GOOD.rstrip("\n"),
    "comment": f"# Wow\n{_GOOD}",
    "blank-lines": f"\n{_GOOD}\n",
    "order": "Expires: {soon}\nContact: mailto:security@example.com\n",
    "case": "CONTACT: mailto:security@example.com\nexpires: {soon}\n",
    "empty": "",
    "prose": "Nothing to see here.\n",
    "no-contact": "Expires: {soon}\n",
    "no-expires": "Contact: mailto:security@example.com\n",
    "expires-far": "Contact: mailto:security@example.com\nExpires: 2099-01-01T12:00:00Z\n",
    "expires-nonsense": "Contact: mailto:security@example.com\nExpires: Nonsense\n",
    "expires-mail-date": "Contact: mailto:security@example.com\nExpires: Thu, 15 Sep 2033 06:03:46 -0700\n",
    "expires-past": "Contact: mailto:security@example.com\nExpires: 2020-01-01T12:00:00Z\n",
    "expires-twice": f"{_GOOD}Expires: {{soon}}\n",
    "expires-date-alone": "Contact: mailto:security@example.com\nExpires: 2099-01-01\n",
    "expires-without-zone": "Contact: mailto:security@example.com\nExpires: 2099-01-01T12:00:00\n",
    "expires-no-day": "Contact: mailto:security@example.com\nExpires: 2099-02-30T12:00:00Z\n",
    "language-word": f"{_GOOD}Preferred-Languages: English\n",
    "languages-mixed": f"{_GOOD}Preferred-Languages: nl, Invalid\n",
    "languages-case": f"{_GOOD}Preferred-Languages: En, dUT\n",
    "languages-twice": f"{_GOOD}Preferred-Languages: en\nPreferred-Languages: vi\n",
    "languages-vi": f"{_GOOD}Preferred-Languages: vi, en\n",
    "space-before-colon": f"Contact : mailto:me@example.com\n{_GOOD}",
    "only-space-before-colon": "Contact : mailto:me@example.com\nExpires: {soon}\n",
    "no-name": f": mailto:me@example.com\n{_GOOD}",
    "space-and-no-name": f" : mailto:me@example.com\n{_GOOD}",
    "no-space": "Contact:mailto:me@example.com\nExpires: {soon}\n",
    "no-value": "Contact: \nExpires: {soon}\n",
    "one-value-empty": f"Contact: \n{_GOOD}",
    "contact-http": "Contact: http://example.com/contact\nExpires: {soon}\n",
    "contact-http-too": f"Contact: http://example.com/contact\n{_GOOD}",
    "contact-bare": "Contact: me@example.com\nExpires: {soon}\n",
    "contact-tel": "Contact: tel:+1-201-555-0123\nExpires: {soon}\n",
    "contact-https": "Contact: https://example.com/security-contact.html\nExpires: {soon}\n",
    "contact-no-address": "Contact: mailto:not_a_valid_email\nExpires: {soon}\n",
    "contact-encoded": "Contact: mailto:security%2Buri%2Bencoded@example.com\nExpires: {soon}\n",
    "encryption-http": f"{_GOOD}Encryption: http://example.com/key.txt\n",
    "encryption-dns": f"{_GOOD}Encryption: dns:key._openpgpkey.example.com?type=OPENPGPKEY\n",
    "policy": f"{_GOOD}Policy: https://example.com/policy\nHiring: https://example.com/jobs\n",
    "canonical": f"{_GOOD}{_CANONICAL}",
    "unknown-fields": f"{_GOOD}Last-updated: 2026-01-01T12:00:00Z\nUnknown: value\n",
    "line-without-colon": f"{_GOOD}this is no field\n",
    "on-one-line": "Contact: mailto:security@example.com  Expires: {soon}  # all on one line",
    "csaf": f"{_GOOD}CSAF: https://example.com/.well-known/csaf/provider-metadata.json\n",
    "csaf-http": f"{_GOOD}CSAF: http://example.com/.well-known/csaf/provider-metadata.json\n",
    "csaf-other-file": f"{_GOOD}CSAF: https://example.com/.well-known/csaf/other.json\n",
    "bom": f"\ufeff{_GOOD}",
    "bom-twice": f"\ufeff\ufeff{_GOOD}",
    "utf-8": f"# Đầu mối an toàn thông tin\n{_GOOD}",
    "signed": _SIGNED,
    "signed-without-canonical": _ARMOUR.replace("{text}", _GOOD),
    "signed-escaped": _SIGNED.replace("Expires", "- Expires"),
    "signed-after-blank": f"\r\n{_SIGNED}",
    "signed-then-blank": f"{_SIGNED}\n",
    "signature-begin-missing": _SIGNED.replace("-----BEGIN PGP SIGNATURE-----", ""),
    "signature-begin-twice": _SIGNED.replace(
        "-----BEGIN PGP SIGNATURE-----", "-----BEGIN PGP SIGNATURE-----\n-----BEGIN PGP SIGNATURE-----"
    ),
    "signature-end-missing": _SIGNED.replace("-----END PGP SIGNATURE-----\n", ""),
    "signature-not-base64": _SIGNED.replace("wpwEAQEIABAFAmTHcawJEDs4", "wpw"),
    "signature-escaped": _SIGNED.replace("-----BEGIN PGP SIGNATURE-----", "-----BEGIN PGP SIGNATURE-----\n- \n"),
    "signed-field-outside": f"{_SIGNED}Contact: mailto:other@example.com\n",
}


def content(name: str, now: datetime) -> bytes:
    """The bytes of a file as it would be served at an instant."""
    soon = (now + timedelta(days=10)).strftime("%Y-%m-%dT%H:%M:%SZ")
    return FILES[name].replace("{soon}", soon).encode()


if __name__ == "__main__":
    from sectxt import Parser  # type: ignore[import-not-found]

    lines = []
    for name in FILES:
        codes = sorted({each["code"] for each in Parser(content(name, datetime.now(UTC))).errors})
        lines.append(f"{name}: [{', '.join(codes)}]")
    RESULTS.write_text(
        "# Written by sectxt.py: the errors that sectxt 0.9.8 finds in each file.\n" + "\n".join(lines) + "\n"
    )
