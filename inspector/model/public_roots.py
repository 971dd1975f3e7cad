"""The roots that browsers trust, as entries of a table: which ones they are changes from month to month."""

from __future__ import annotations

import base64
import ssl
from typing import ClassVar

from pydantic import Field

from inspector.model.base import Model
from inspector.model.table import TableEntries


class PublicRoot(Model):
    """A root: its label in the store, which may be empty, and its certificate, DER in Base64."""

    label: str = ""
    certificate: str = Field(pattern=r"^[A-Za-z0-9+/]+=*$")

    @property
    def pem(self) -> bytes:
        """The certificate in PEM; raises ValueError where it is no Base64."""
        return ssl.DER_cert_to_PEM_cert(base64.b64decode(self.certificate, validate=True)).encode()


class PublicRoots(TableEntries):
    """The roots that browsers trust for servers."""

    kind: ClassVar[str] = "public-roots/1"

    entries: tuple[PublicRoot, ...]

    @property
    def pem(self) -> bytes:
        """All of them in PEM; raises ValueError where one is no Base64."""
        return b"".join(each.pem for each in self.entries)
