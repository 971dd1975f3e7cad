"""Headless Chromium over the DevTools protocol: messages of JSON, each ended by a zero byte, on two pipes."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.agreement.environment import Missing

Message = dict[str, Any]

#: Where Debian keeps the program that ``/usr/bin/chromium`` starts.
PROGRAM = Path("/usr/lib/chromium/chromium")
_SECONDS = 30
#: What would change requests of its own accord, or forbid pages to ask a server on this machine.
_OFF = (
    *("HttpsUpgrades", "HttpsFirstBalancedMode", "HttpsFirstBalancedModeAutoEnable", "HttpsFirstModeIncognito"),
    *("LocalNetworkAccessChecks", "LocalNetworkAccessChecksWebRTC", "PrivateNetworkAccessChecks"),
    *("IsolateOrigins", "site-per-process", "OptimizationHints", "MediaRouter", "Translate"),
)


@dataclass(slots=True)
class Chromium:
    """A running browser. ``served`` are pages of other sites, by URL: their header fields and their text."""

    to: int
    out: int
    served: Mapping[str, tuple[dict[str, str], str]] = field(default_factory=dict)
    events: list[Message] = field(default_factory=list)
    _number: int = 0
    _rest: bytes = b""

    def call(self, method: str, session: str | None = None, **parameters: Any) -> Message:
        """The result of a command; raises RuntimeError where the browser refuses it or says nothing."""
        number = self._send(method, session, parameters)
        until = time.monotonic() + _SECONDS
        while True:
            message = self._next(until)
            if message.get("id") == number:
                if "error" in message:
                    raise RuntimeError(f"{method}: {message['error']}")
                result: Message = message["result"]
                return result

    def wait(self, is_it: Callable[[Message], bool]) -> Message:
        """The first event since ``events`` was cleared of which this is true; raises RuntimeError after a while."""
        until, seen = time.monotonic() + _SECONDS, 0
        while True:
            for event in self.events[seen:]:
                if is_it(event):
                    return event
            seen = len(self.events)
            self._next(until)

    def _send(self, method: str, session: str | None, parameters: Message) -> int:
        self._number += 1
        message: Message = {"id": self._number, "method": method, "params": parameters}
        if session is not None:
            message["sessionId"] = session
        os.write(self.to, json.dumps(message).encode() + b"\0")
        return self._number

    def _next(self, until: float) -> Message:
        """The next message; events are kept, and requests for ``served`` pages are answered."""
        while b"\0" not in self._rest:
            if time.monotonic() > until:
                raise RuntimeError("the browser does not answer")
            try:
                self._rest += os.read(self.out, 1 << 20)
            except BlockingIOError:
                time.sleep(0.002)
        text, _, self._rest = self._rest.partition(b"\0")
        message: Message = json.loads(text)
        if message.get("method") == "Fetch.requestPaused":
            self._fulfil(message)
        elif "method" in message:
            self.events.append(message)
        return message

    def _fulfil(self, message: Message) -> None:
        request = message["params"]
        headers, text = self.served[request["request"]["url"]]
        answer = {
            "requestId": request["requestId"],
            "responseCode": 200,
            "responseHeaders": [{"name": name, "value": value} for name, value in headers.items()],
            "body": base64.b64encode(text.encode()).decode(),
        }
        self._send("Fetch.fulfillRequest", message["sessionId"], answer)


@dataclass(frozen=True, slots=True)
class Tab:
    """A page in a context of its own, which shares no cookies and no HSTS with others."""

    browser: Chromium
    context: str
    session: str

    def call(self, method: str, **parameters: Any) -> Message:
        """The result of a command about this page."""
        return self.browser.call(method, self.session, **parameters)

    def open(self, url: str) -> str:
        """Load a page to its end; the error, or nothing."""
        self.browser.events.clear()
        error: str = self.call("Page.navigate", url=url).get("errorText", "")
        if not error:
            self.browser.wait(lambda event: self._is(event, "Page.loadEventFired"))
        return error

    def seen(self, method: str) -> list[Message]:
        """The events of this name about this page since it was opened."""
        return [event["params"] for event in self.browser.events if self._is(event, method)]

    def _is(self, event: Message, method: str) -> bool:
        return event.get("method") == method and event.get("sessionId") == self.session

    def ask(self, expression: str) -> Any:
        """The value of an expression in the page, awaited; None where it throws."""
        # What tools evaluate may use eval in spite of the page's policy unless this is said.
        result = self.call(
            "Runtime.evaluate",
            expression=expression,
            awaitPromise=True,
            returnByValue=True,
            allowUnsafeEvalBlockedByCSP=False,
        )
        return None if "exceptionDetails" in result else result["result"].get("value")


@contextlib.contextmanager
def tab(browser: Chromium) -> Iterator[Tab]:
    """A new page."""
    context = browser.call("Target.createBrowserContext")["browserContextId"]
    target = browser.call("Target.createTarget", url="about:blank", browserContextId=context)["targetId"]
    session = browser.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
    made = Tab(browser, context, session)
    for domain in ("Page", "Network", "Runtime", "Audits"):
        made.call(f"{domain}.enable")
    made.call("Fetch.enable", patterns=[{"urlPattern": url} for url in browser.served])
    try:
        yield made
    finally:
        browser.call("Target.disposeBrowserContext", browserContextId=context)


@contextlib.contextmanager
def chromium(address: str, root: bytes, served: Mapping[str, tuple[dict[str, str], str]]) -> Iterator[Chromium]:
    """The browser, for which every name has this address and which trusts this root; raises Missing."""
    certutil = shutil.which("certutil")
    if not PROGRAM.exists() or certutil is None:
        raise Missing("chromium and certutil (libnss3-tools) are not installed")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:
        store = Path(home, ".pki", "nssdb")
        store.mkdir(parents=True)
        (Path(home) / "root.pem").write_bytes(root)
        for arguments in (("-N", "--empty-password"), ("-A", "-t", "C,,", "-n", "test", "-i", f"{home}/root.pem")):
            subprocess.run((certutil, "-d", f"sql:{store}", *arguments), check=True, capture_output=True, timeout=30)
        command = (
            *(str(PROGRAM), "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"),
            *("--no-first-run", "--no-proxy-server", "--disable-background-networking", "--disable-component-update"),
            *("--disable-site-isolation-trials", f"--disable-features={','.join(_OFF)}", "--disable-quic"),
            *(f"--host-resolver-rules=MAP * {address}", f"--user-data-dir={home}/data", "--remote-debugging-pipe"),
            "about:blank",
        )
        with _piped(command, {**os.environ, "HOME": home}) as (to, out):
            yield Chromium(to, out, served)


@contextlib.contextmanager
def _piped(command: tuple[str, ...], environment: dict[str, str]) -> Iterator[tuple[int, int]]:
    """The program with its descriptors 3 (read) and 4 (write), by our ends of them."""
    theirs_in, to = os.pipe()
    out, theirs_out = os.pipe()
    os.set_blocking(out, False)
    shell = f'exec 3<&{theirs_in} 4>&{theirs_out}; exec "$@"'
    process = subprocess.Popen(
        ("bash", "-c", shell, "bash", *command),
        pass_fds=(theirs_in, theirs_out),
        env=environment,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    os.close(theirs_in)
    os.close(theirs_out)
    try:
        yield to, out
    finally:
        process.terminate()
        process.wait(20)
        os.close(to)
        os.close(out)
