"""IKE on port 500: the first message of version 2 (RFC 7296 §1.2), and of version 1 (RFC 2409 §5). Pure."""

from __future__ import annotations

from inspector_services.udp_observations import UdpProtocol
from inspector_services.udp_protocols.question import Reader, UdpQuestion, require

_HEADER = 28
_VERSION_2, _VERSION_1 = 0x20, 0x10
_SA_INIT, _INFORMATIONAL_2, _MAIN_MODE, _INFORMATIONAL_1 = 34, 37, 2, 5
_INITIATOR, _RESPONSE = 0x08, 0x20
#: Payloads: security association, key exchange, nonce, notification, of version 2; security association of version 1.
_SA, _KEY, _NONCE, _NOTIFY, _SA_1, _NOTIFY_1 = 33, 34, 40, 41, 1, 11
_NAMES = {_SA: "accepts a proposal", _NOTIFY: "notifies", _SA_1: "accepts a proposal", _NOTIFY_1: "notifies"}
#: Transforms of version 2 as (type, number): AES-CBC, HMAC-SHA2-256 as PRF and for integrity, groups 31, 19 and 14.
_TRANSFORMS = ((1, 12), (2, 5), (3, 12), (4, 31), (4, 19), (4, 14))
_KEY_BITS = b"\x80\x0e\x01\x00"
_CURVE25519 = 31


def _message(spi: bytes, first: int, version: int, exchange: int, flags: int, body: bytes) -> bytes:
    length = (_HEADER + len(body)).to_bytes(4, "big")
    return spi + bytes(8) + bytes([first, version, exchange, flags]) + bytes(4) + length + body


def _payload(following: int, body: bytes) -> bytes:
    return bytes([following, 0]) + (4 + len(body)).to_bytes(2, "big") + body


def _ask(token: bytes) -> bytes:
    """One proposal, a public value of Curve25519 (any 32 bytes are one) and a nonce."""
    transforms = b""
    for index, (kind, number) in enumerate(_TRANSFORMS):
        attributes = _KEY_BITS if kind == 1 else b""
        body = bytes([kind, 0]) + number.to_bytes(2, "big") + attributes
        transforms += _payload(0 if index == len(_TRANSFORMS) - 1 else 3, body)
    proposal = _payload(0, bytes([1, 1, 0, len(_TRANSFORMS)]) + transforms)
    key = _CURVE25519.to_bytes(2, "big") + bytes(2) + token[8:40]
    body = _payload(_KEY, proposal) + _payload(_NONCE, key) + _payload(0, token[8:40])
    return _message(_spi(token), _SA, _VERSION_2, _SA_INIT, _INITIATOR, body)


def _ask_version_1(token: bytes) -> bytes:
    """One proposal: AES-256, SHA2-256, a pre-shared key, group 14, for eight hours (RFC 2409 appendix A)."""
    attributes = bytes.fromhex("80010007800e010080020004800300018004000e800b0001800c7080")
    transform = _payload(0, bytes([1, 1, 0, 0]) + attributes)
    proposal = _payload(0, bytes([1, 1, 0, 1]) + transform)
    association = _payload(0, (1).to_bytes(4, "big") + (1).to_bytes(4, "big") + proposal)
    return _message(_spi(token), _SA_1, _VERSION_1, _MAIN_MODE, 0, association)


def _spi(token: bytes) -> bytes:
    """The initiator's identifier, which is not zero."""
    return bytes([token[0] | 1]) + token[1:8]


def _read(sent: bytes, reply: bytes) -> str:
    """A response of either version, which repeats the initiator's identifier; its length is that of the datagram."""
    reader = Reader(reply)
    require(reader.take(8) == sent[:8])
    responder = reader.take(8)
    first, version, exchange, flags = (reader.number(1) for _ in range(4))
    reader.take(4)
    require(reader.number(4) == len(reply))
    if version >> 4 == 2:
        require(exchange in (_SA_INIT, _INFORMATIONAL_2) and bool(flags & _RESPONSE))
    else:
        require(version >> 4 == 1 and exchange in (_MAIN_MODE, _INFORMATIONAL_1))
        require(exchange == _INFORMATIONAL_1 or responder != bytes(8))
    name = _NAMES.get(first, "")
    return f"version {version >> 4}" + (f", {name}" if name else "")


IKE = UdpQuestion(UdpProtocol.IKE, 500, _ask, _read)
IKE_V1 = UdpQuestion(UdpProtocol.IKE, 500, _ask_version_1, _read)
