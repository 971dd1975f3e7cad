"""The independent tools: how each is run against a server, and its output in the terms of ``facts``."""

from __future__ import annotations

from tests.agreement.tools.exchange import exchange
from tests.agreement.tools.nmap import nmap
from tests.agreement.tools.openssl import openssl
from tests.agreement.tools.questions import Tool
from tests.agreement.tools.sslscan import sslscan
from tests.agreement.tools.sslyze import sslyze
from tests.agreement.tools.testssl import testssl

#: Every tool by its name; the reduced run asks those that are fast.
TOOLS: dict[str, Tool] = {
    "exchange": exchange,
    "openssl": openssl,
    "sslscan": sslscan,
    "nmap": nmap,
    "sslyze": sslyze,
    "testssl": testssl,
}
FAST = ("sslscan", "nmap")
