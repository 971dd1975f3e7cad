"""UDP servers with one fixed habit each, in a process of their own: ``python udp_scripted.py ADDRESS PORT=HABIT …``.

Prints ``ready`` when every port is bound, and how often each was asked when a line comes in. Where Debian has no server
of a protocol that starts alone, the habit answers as the standard beside it says; the others misbehave.
"""

import json
import selectors
import socket
import sys
from collections.abc import Callable

#: The datagrams that answer one.
Habit = Callable[[bytes], list[bytes]]


def quic(asked: bytes) -> list[bytes]:
    """Version negotiation: identifiers exchanged, versions 1 and 2 (RFC 9000 §17.2.1, RFC 9369)."""
    length = asked[5]
    theirs, ours = asked[5 : 6 + length], asked[6 + length : 7 + length + asked[6 + length]]
    return [b"\x80\0\0\0\0" + ours + theirs + bytes.fromhex("000000016b3343cf")] if len(asked) >= 1200 else []


def ssdp(asked: bytes) -> list[bytes]:
    """A root device (UPnP Device Architecture 2.0 §1.3.3)."""
    if b"ST: upnp:rootdevice" not in asked:
        return []
    lines = (
        "HTTP/1.1 200 OK",
        "CACHE-CONTROL: max-age=1800",
        "EXT:",
        "LOCATION: http://192.0.2.1:5000/rootDesc.xml",
        "SERVER: Debian/12 UPnP/1.1 MiniUPnPd/2.3.1",
        "ST: upnp:rootdevice",
        "USN: uuid:4d696e69-444c-164e-9d41-b827eb54e939::upnp:rootdevice",
    )
    return ["\r\n".join((*lines, "", "")).encode()]


def cldap(asked: bytes) -> list[bytes]:
    """The root DSE with one attribute, and the end of the search in a message of its own (RFC 4511 §4.5.2)."""
    number = asked[2 : 4 + asked[3]]
    attribute = bytes.fromhex("301e") + b"\x04\x14supportedLDAPVersion" + bytes.fromhex("3106040133040132")
    entry = b"\x04\0" + b"\x30" + bytes([len(attribute)]) + attribute
    found = number + b"\x64" + bytes([len(entry)]) + entry
    done = number + bytes.fromhex("65070a010004000400")
    return [b"\x30" + bytes([len(each)]) + each for each in (found, done)]


def old_ntp(asked: bytes) -> list[bytes]:
    """An ntpd from before 4.2.7p26: time to clients, and 72 bytes for each of six clients in mode 7 (ntp_request.h)."""
    if asked[0] & 7 == 3:
        return [bytes([0x24, 2]) + bytes(22) + asked[40:48] + bytes(16)]
    if asked[:1] == b"\x17" and asked[2:4] == b"\x03\x2a":
        return [bytes([0xD7, number, 3, 42]) + bytes.fromhex("00060048") + bytes(432) for number in range(100)]
    return []


def tftp(asked: bytes) -> list[bytes]:
    """There is no such file (RFC 1350 §5)."""
    return [b"\0\5\0\1File not found\0"] if asked[:2] == b"\0\1" else []


def memcached(asked: bytes) -> list[bytes]:
    """Its version, to a frame of its protocol with that command (protocol.txt)."""
    return [asked[:8] + b"VERSION 1.6.18\r\n"] if asked[8:] == b"version\r\n" else []


def cldap_or_garbage(asked: bytes) -> list[bytes]:
    return cldap(asked) if asked[:1] == b"0" else garbage(asked)


def ike_1(asked: bytes) -> list[bytes]:
    """A notification to the first message of version 1, and nothing to version 2 (RFC 2408 §3.14)."""
    if len(asked) < 28 or asked[17] >> 4 != 1:
        return []
    body = bytes.fromhex("0000000c00000001") + b"\1\0\0\x0e"
    return [asked[:8] + bytes(8) + bytes([11, 0x10, 5, 0]) + bytes(4) + (28 + len(body)).to_bytes(4, "big") + body]


def silent(_asked: bytes) -> list[bytes]:
    return []


def echo(asked: bytes) -> list[bytes]:
    return [asked]


def garbage(_asked: bytes) -> list[bytes]:
    return [b"\x00\x1b[31m\xff garbage"]


def flood(asked: bytes) -> list[bytes]:
    return [bytes([number]) * 1400 for number in range(200)] + [asked]


HABITS: dict[str, Habit] = {
    "cldap": cldap,
    "cldap-or-garbage": cldap_or_garbage,
    "echo": echo,
    "flood": flood,
    "garbage": garbage,
    "ike-1": ike_1,
    "memcached": memcached,
    "old-ntp": old_ntp,
    "quic": quic,
    "silent": silent,
    "ssdp": ssdp,
    "tftp": tftp,
}


def serve(address: str, habits: dict[int, str]) -> None:
    ready = selectors.DefaultSelector()
    ready.register(sys.stdin, selectors.EVENT_READ)
    counts = dict.fromkeys(habits, 0)
    for port, habit in habits.items():
        sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
        sock.bind((address, port))
        ready.register(sock, selectors.EVENT_READ, HABITS[habit])
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while True:
        for key, _events in ready.select():
            if not isinstance(key.fileobj, socket.socket):
                if not sys.stdin.readline():
                    return
                sys.stdout.write(json.dumps(counts) + "\n")
                sys.stdout.flush()
                continue
            counts[key.fileobj.getsockname()[1]] += 1
            asked, client = key.fileobj.recvfrom(65535)
            for answer in key.data(asked):
                key.fileobj.sendto(answer, client)


if __name__ == "__main__":
    pairs = [pair.split("=") for pair in sys.argv[2:]]
    serve(sys.argv[1], {int(port): habit for port, habit in pairs})
