"""The trusted roots that the inspector was given, parsed once."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from functools import lru_cache

from inspector_tls.certificates.path_validation import Roots, by_subject
from inspector_tls.certificates.x509_certificate import X509Certificate
from inspector_tls.wire.encoding import Malformed

_PEM = re.compile(rb"-----BEGIN CERTIFICATE-----(.*?)-----END CERTIFICATE-----", re.DOTALL)


class RootStore:
    """Roots in PEM. One whose fields cannot be told apart, which no client can use either, is left out."""

    def __init__(self, pem: bytes) -> None:
        self.certificates = tuple(_roots(pem))
        self.by_subject: Roots = by_subject(self.certificates)


def _roots(pem: bytes) -> Iterator[X509Certificate]:
    for block in _PEM.findall(pem):
        try:
            yield X509Certificate(base64.b64decode(block))
        except (Malformed, binascii.Error):
            continue


#: A store is parsed once for all observations that are parsed with the same roots.
root_store = lru_cache(maxsize=4)(RootStore)
