"""What a plugin must not do: reach the network past the gateway, in every way that Python code knows."""

import asyncio
import multiprocessing
import os
import socket
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Awaitable, Callable

import httpx

Way = Callable[[str, int], Awaitable[object]]


async def plain_socket(address: str, port: int) -> object:
    with socket.socket() as sock:
        return sock.connect((address, port))


async def connect_ex(address: str, port: int) -> object:
    with socket.socket() as sock:
        return sock.connect_ex((address, port))


async def create_connection(address: str, port: int) -> object:
    return socket.create_connection((address, port))


async def datagram(address: str, port: int) -> object:
    with socket.socket(type=socket.SOCK_DGRAM) as sock:
        return sock.sendto(b"?", (address, port))


async def message(address: str, port: int) -> object:
    with socket.socket(type=socket.SOCK_DGRAM) as sock:
        return sock.sendmsg([b"?"], [], 0, (address, port))


async def streams(address: str, port: int) -> object:
    return await asyncio.open_connection(address, port)


async def http_client(address: str, port: int) -> object:
    async with httpx.AsyncClient(trust_env=False) as client:
        return await client.get(f"http://{address}:{port}/")


async def url_in_a_thread(address: str, port: int) -> object:
    return await asyncio.to_thread(urllib.request.urlopen, f"http://{address}:{port}/")


async def executor(address: str, port: int) -> object:
    return await asyncio.get_running_loop().run_in_executor(None, socket.create_connection, (address, port))


async def own_thread(address: str, port: int) -> object:
    caught: list[BaseException] = []

    def connect() -> None:
        try:
            socket.create_connection((address, port))
        except BaseException as error:  # noqa: BLE001
            caught.append(error)

    thread = threading.Thread(target=connect)
    thread.start()
    thread.join()
    raise caught[0]


async def resolver(address: str, port: int) -> object:
    return socket.getaddrinfo("decoy.test", port)


async def program(address: str, port: int) -> object:
    code = f"import socket; socket.create_connection(({address!r}, {port}))"
    return subprocess.run([sys.executable, "-c", code], check=False)  # noqa: ASYNC221


async def loop_program(address: str, port: int) -> object:
    return await asyncio.create_subprocess_exec(sys.executable, "-c", "pass")


async def shell(address: str, port: int) -> object:
    return os.system("true")  # noqa: ASYNC221


async def raw_socket(address: str, port: int) -> object:
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as sock:
        return sock.send(b"?")


async def packet_socket(address: str, port: int) -> object:
    with socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM) as sock:
        sock.bind(("lo", 0x0800))
        return sock.send(bytes(64))


async def spawned(address: str, port: int) -> object:
    return multiprocessing.get_context("spawn").Process(target=print).start()


WAYS: tuple[Way, ...] = (
    raw_socket,
    packet_socket,
    spawned,
    plain_socket,
    connect_ex,
    create_connection,
    datagram,
    message,
    streams,
    http_client,
    url_in_a_thread,
    executor,
    own_thread,
    resolver,
    program,
    loop_program,
    shell,
)


async def swallow(address: str, port: int) -> None:
    """Try, and hide that it was refused."""
    try:
        await plain_socket(address, port)
    except Exception:  # noqa: BLE001
        return
