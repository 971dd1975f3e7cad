"""Hosts behind a network interface of the test's own: ``tun_hosts.py ORDERS``, in a network namespace.

It makes the interface ``hosts`` and answers for every address that is routed to it, packet by packet, so that a test
decides what a port answers, when and from where, and counts what arrived. ``ORDERS`` is JSON: the networks that are
routed here, and by address ``open``, ``closed`` (ports), ``other`` (the state of all others: open, closed or silent),
``delay`` (seconds, least and most), and ``ban_after`` (SYNs, after which the host is silent). Open ports accept and say
nothing (a tarpit). ``report`` on standard input prints [seconds, address, port] of each SYN and other packets; the
instants are the kernel's, since on a busy machine this process reads many at once that were sent one by one.
"""

from __future__ import annotations

import fcntl
import heapq
import ipaddress
import json
import os
import random
import select
import socket
import struct
import subprocess
import sys
import time
from collections import Counter
from typing import Any

_TUNSETIFF = 0x400454CA
_IFF_TUN_NO_PI = 0x0001 | 0x1000
_FIN, _SYN, _RST, _ACK = 1, 2, 4, 16
_ETH_P_ALL, _PACKET_OUTGOING = 3, 4
_SO_TIMESTAMPNS = 35


def interface(networks: list[str]) -> int:
    """The descriptor of the interface that these networks are routed to."""
    tun = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(tun, _TUNSETIFF, struct.pack("16sH14x", b"hosts", _IFF_TUN_NO_PI))
    own = {4: "192.0.2.254/32", 6: "2001:db8:ffff::1/128"}
    commands = ["link set lo up", "link set hosts up"]
    for network in networks:
        family = ipaddress.ip_network(network).version
        commands += [f"-{family} address replace {own[family]} dev hosts"]
        commands += [f"-{family} route replace {network} dev hosts"]
    for command in commands:
        subprocess.run(["ip", *command.split()], check=True)
    return tun


def stamped() -> socket.socket:
    """A socket that gets a copy of every packet of the interface, with the kernel's timestamp."""
    copies = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(_ETH_P_ALL))
    copies.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 26)  # the most that there is
    copies.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
    copies.bind(("hosts", 0))
    copies.setblocking(False)
    return copies


def checksum(data: bytes) -> int:
    """RFC 1071."""
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def reply(source: bytes, to: bytes, ports: tuple[int, int], flags: int, sequence: int, acknowledged: int) -> bytes:
    """A TCP segment in an IP packet."""
    fields = (*ports, sequence & 0xFFFFFFFF, acknowledged & 0xFFFFFFFF, 5 << 4, flags, 64240, 0, 0)
    segment = struct.pack("!HHIIBBHHH", *fields)
    check = checksum(source + to + struct.pack("!II", 6, len(segment)) + segment)  # same sum as the IPv4 pseudo-header
    segment = segment[:16] + struct.pack("!H", check) + segment[18:]
    if len(source) == 16:
        return struct.pack("!IHBB", 6 << 28, len(segment), 6, 64) + source + to + segment
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(segment), 0, 0, 64, 6, 0) + source + to
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + segment


def parts(packet: bytes) -> tuple[bytes, bytes, int, bytes]:
    """Source, destination, protocol and payload of an IP packet without options."""
    if packet[0] >> 4 == 6:
        return packet[8:24], packet[24:40], packet[6], packet[40:]
    return packet[12:16], packet[16:20], packet[9], packet[20:]


class Hosts:
    """What the addresses answer, and what has arrived."""

    def __init__(self, orders: dict[str, Any]) -> None:
        self.orders = {ipaddress.ip_address(name).packed: each for name, each in orders["hosts"].items()}
        self.syns: list[tuple[float, str, int]] = []
        self.strays: list[str] = []
        self.due: list[tuple[float, int, bytes]] = []
        self._count: Counter[bytes] = Counter()

    def note_sent(self, copies: socket.socket) -> None:
        """Note the SYNs among the packets that were sent until now, each with its monotonic instant."""
        ahead = time.time() - time.monotonic()
        while True:
            try:
                packet, ancillary, _, sent = copies.recvmsg(200, 128)
            except BlockingIOError:
                return
            if sent[2] != _PACKET_OUTGOING:
                continue
            _, to, protocol, segment = parts(packet)
            if protocol == 6 and to in self.orders and segment[13] & (_SYN | _ACK) == _SYN:
                seconds, nanoseconds = struct.unpack("ll", ancillary[0][2][:16])
                at = seconds + nanoseconds / 1e9 - ahead
                self.syns.append((at, str(ipaddress.ip_address(to)), int.from_bytes(segment[2:4], "big")))

    def arrived(self, packet: bytes) -> None:
        """One packet that was routed here."""
        source, to, protocol, segment = parts(packet)
        six = len(to) == 16
        if protocol != 6:
            if not (six and protocol in (0, 58)):  # the kernel's own questions about its neighbours
                self.strays.append(f"protocol {protocol} to {ipaddress.ip_address(to)}")
            return
        from_port, port, sequence, _, _, flags = struct.unpack("!HHIIBB", segment[:14])
        order = self.orders.get(to)
        if order is None:
            self.strays.append(f"port {port} of {ipaddress.ip_address(to)}")
        elif flags & (_SYN | _ACK) == _SYN:
            self._count[to] += 1
            state = self._state(order, port, self._count[to])
            if state != "silent":
                answer = _SYN | _ACK if state == "open" else _RST | _ACK
                data = reply(to, source, (port, from_port), answer, 1000, sequence + 1)
                delay = random.uniform(*order.get("delay", (0, 0)))
                heapq.heappush(self.due, (time.monotonic() + delay, self._count.total(), data))

    @staticmethod
    def _state(order: dict[str, Any], port: int, count: int) -> str:
        if count > order.get("ban_after", count):
            return "silent"
        named = next((state for state in ("open", "closed") if port in order.get(state, ())), None)
        return str(named or order.get("other", "closed"))


def main() -> None:
    """Answer until standard input ends."""
    orders = json.loads(sys.argv[1])
    tun, hosts = interface(orders["networks"]), Hosts(orders)
    copies = stamped()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while True:
        wait = max(0.0, hosts.due[0][0] - time.monotonic()) if hosts.due else None
        ready, _, _ = select.select([tun, sys.stdin], [], [], wait)
        hosts.note_sent(copies)
        if tun in ready:
            hosts.arrived(os.read(tun, 65536))
        while hosts.due and hosts.due[0][0] <= time.monotonic():
            os.write(tun, heapq.heappop(hosts.due)[2])
        if sys.stdin in ready:
            if not sys.stdin.readline():
                return
            sys.stdout.write(json.dumps({"syns": hosts.syns, "strays": hosts.strays}) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
