"""A DNS server in a process of its own: ``python dns_servers.py ADDRESS``, over UDP and TCP on one port.

It prints its port. What it answers depends on the first label of the name; a line on standard input makes it print the
questions it got, as JSON.
"""

import json
import socket
import struct
import sys
import threading
import time

import dns.flags
import dns.message
import dns.rcode
import dns.rrset

ASKED: list[str] = []
CHAIN = {"alias": ("middle.dns.test", None), "middle": ("end.dns.test", None), "end": (None, "127.7.0.5")}


def records(name: str, kind: str) -> list[tuple[str, str, str]]:
    """Owner, type and data of the answer section."""
    label = name.split(".", 1)[0]
    if label in CHAIN:
        found = []
        while True:
            alias, address = CHAIN[label]
            if alias is None:
                return [*found, (name, "A", str(address))] if kind == "A" else found
            found.append((name, "CNAME", alias + "."))
            name, label = alias, alias.split(".", 1)[0]
    if label == "loop":
        return [(name, "CNAME", "loop.dns.test.")]
    if label in ("piece", "piece2"):  # a resolver that gives one step at a time
        return [(name, "CNAME", "piece2.dns.test." if label == "piece" else "end.dns.test.")]
    if label == "both":
        return [(name, kind, "127.7.0.6" if kind == "A" else "::1")]
    if label == "mapped":
        return [(name, kind, "::ffff:127.7.0.7")] if kind == "AAAA" else []
    if label == "half":
        return [(name, "A", "127.7.0.8")] if kind == "A" else []
    if label == "rebinding":  # another address from the second question on
        first = sum(f" {name} A " in f"{each} " for each in ASKED) == 1
        return [(name, "A", "127.7.0.4" if first else "127.7.0.9")] if kind == "A" else []
    if label == "rebound":
        return [(name, "A", "127.7.0.9")] if kind == "A" else []
    if label == "big":
        return [(name, "TXT", '"' + "x" * 200 + str(number) + '"') for number in range(20)]
    return [(name, "A", "127.7.0.4")] if label == "plain" and kind == "A" else []


def answer(wire: bytes, *, tcp: bool) -> bytes | None:
    query = dns.message.from_wire(wire)
    question = query.question[0]
    name, kind = question.name.to_text(omit_final_dot=True).lower(), str(question.rdtype.name)
    flags = " ".join(word for word in ("rd", "cd", "do") if _has(query, word))
    ASKED.append(f"{'tcp' if tcp else 'udp'} {name} {kind} {flags}".strip())
    label = name.split(".", 1)[0]
    response = dns.message.make_response(query)
    if label == "silent" or (label == "half" and kind == "AAAA") or (label == "lossy" and len(ASKED) == 1):
        return None
    if label == "late":
        time.sleep(0.06)
    if label == "malformed":
        return wire[:2] + b"\xff" * 30
    if label == "unrelated":
        return None if tcp else b"\0\0" + response.to_wire()[2:]
    for word, code in (("missing", dns.rcode.NXDOMAIN), ("broken", dns.rcode.SERVFAIL), ("denied", dns.rcode.REFUSED)):
        if label == word:
            response.set_rcode(code)
    if label in ("big", "cut") and not tcp:
        response.flags |= dns.flags.TC
        return response.to_wire()
    for owner, rdtype, data in records(name, kind):
        response.answer.append(dns.rrset.from_text(owner + ".", 60, "IN", rdtype, data))
    return response.to_wire()


def _has(query: dns.message.Message, word: str) -> bool:
    return bool(query.ednsflags & dns.flags.DO if word == "do" else query.flags & getattr(dns.flags, word.upper()))


def over_udp(sock: socket.socket) -> None:
    while True:
        wire, source = sock.recvfrom(65535)
        said = answer(wire, tcp=False)
        if said is not None:
            sock.sendto(said, source)


def over_tcp(listener: socket.socket) -> None:
    while True:
        conn, _ = listener.accept()
        with conn:
            size = struct.unpack("!H", conn.recv(2, socket.MSG_WAITALL))[0]
            wire = conn.recv(size, socket.MSG_WAITALL)
            if b"\x03cut" in wire:
                conn.sendall(b"\x40\x00half a message")
                continue
            if b"\x08dripping" in wire:
                drip(conn)
                continue
            said = answer(wire, tcp=True)
            if said is None:
                time.sleep(5)
                continue
            conn.sendall(struct.pack("!H", len(said)) + said)


def drip(conn: socket.socket) -> None:
    """A long message a byte at a time, which ends before it is whole."""
    try:
        conn.sendall(b"\x40\x00")
        for _ in range(100):
            time.sleep(0.05)
            conn.sendall(b"\0")
    except OSError:
        pass


def say(what: object) -> None:
    sys.stdout.write(f"{json.dumps(what)}\n")
    sys.stdout.flush()


def main() -> None:
    udp = socket.socket(type=socket.SOCK_DGRAM)
    udp.bind((sys.argv[1], 0))
    port = udp.getsockname()[1]
    tcp = socket.create_server((sys.argv[1], port))
    threading.Thread(target=over_udp, args=(udp,), daemon=True).start()
    threading.Thread(target=over_tcp, args=(tcp,), daemon=True).start()
    say(port)
    for _ in sys.stdin:
        say(ASKED)


if __name__ == "__main__":
    main()
