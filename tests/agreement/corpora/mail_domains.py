"""The mail domains and policies of the tests, as checkdmarc reads them from BIND, about the product's own results."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from inspector import Answer, Observation, Probe
from inspector.declare.settings import Settings
from inspector.testing import run_probe
from inspector_mail.observations import MailDomain
from inspector_mail.probes import mail
from inspector_tls.mta_sts.observations import MtaSts, PolicyFault
from inspector_tls.mta_sts.policy import parse_policy
from inspector_tls.mta_sts.probes import mta_sts
from tests.agreement.lab import corpora_python
from tests.plugins.inspector_dns.named import free_port
from tests.plugins.inspector_mail import zones
from tests.plugins.inspector_mail.internet import DOMAINS, RESOLVER, mail_internet
from tests.plugins.inspector_tls.mta_sts import servers

#: What is compared of one name; a fact that is None is not known.
Facts = Mapping[str, object]
#: MTA-STS policies by name; those that nginx serves in the tests, and more.
POLICIES: Mapping[str, str] = {
    "enforced": servers.ENFORCED.replace("\\r", "\r").replace("\\n", "\n"),
    "withdrawn": servers.WITHDRAWN.replace("\\n", "\n"),
    "with-lf": "version: STSv1\nmode: testing\nmx: a.example.vn\nmx: *.b.example.vn\nmax_age: 86400\n",
    "mode-twice": "version: STSv1\nmode: enforce\nmode: none\nmx: a.example.vn\nmax_age: 86400\n",
    "extended": "version: STSv1\nmode: enforce\nx-new: 1\nmx: a.example.vn\nmax_age: 86400\n",
    "version-last": "mode: enforce\nmx: a.example.vn\nmax_age: 86400\nversion: STSv1\n",
    "without-version": "mode: enforce\nmx: a.example.vn\nmax_age: 86400\n",
    "other-version": "version: STSv2\nmode: enforce\nmx: a.example.vn\nmax_age: 86400\n",
    "other-mode": "version: STSv1\nmode: report\nmx: a.example.vn\nmax_age: 86400\n",
    "without-mx": "version: STSv1\nmode: enforce\nmax_age: 86400\n",
    "without-age": "version: STSv1\nmode: enforce\nmx: a.example.vn\n",
    "age-in-words": "version: STSv1\nmode: enforce\nmx: a.example.vn\nmax_age: week\n",
    "age-too-long": "version: STSv1\nmode: enforce\nmx: a.example.vn\nmax_age: 31557601\n",
    "pattern-inside": "version: STSv1\nmode: enforce\nmx: a.*.example.vn\nmax_age: 86400\n",
    "html": "<html><body>not found</body></html>\n",
}
_NAME = re.compile(r"^\s*(?:_dmarc\.)?([a-z0-9.-]+) (?:TXT|A|MX) ", re.MULTILINE)


def mail_names() -> list[str]:
    """The domains of the mail zone that are below it."""
    return sorted({f"{name}.mail.test" for name in _NAME.findall(zones.RECORDS) if not name.startswith(".")})


def compared() -> tuple[dict[str, Facts], dict[str, Facts]]:
    """The facts that the product and checkdmarc find, by name; raises Missing."""
    python = corpora_python()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        (folder / "sts").mkdir()
        mail_port, sts_port = stack.enter_context(zones.serving(folder)), free_port()
        zone = servers.records(servers.DOMAINS, dict.fromkeys(servers.SERVERS, "192.0.2.25"), "192.0.2.1")
        stack.enter_context(servers.named(folder / "sts", zone, sts_port))
        sts_names = [f"{name}.sts.test" for name in servers.DOMAINS]
        theirs = _theirs(python, mail_port, mail_names(), POLICIES) | _theirs(python, sts_port, sts_names, {})
        ours = {name: _mail_facts(_scan(mail, name, f"127.0.0.1:{mail_port}")) for name in mail_names()}
        ours |= {name: _sts_facts(name, sts_port) for name in sts_names}
    ours |= {name: _policy_facts(text) for name, text in POLICIES.items()}
    return ours, theirs


def lab_compared() -> tuple[dict[str, Facts], dict[str, Facts]]:
    """The facts that the product and checkdmarc find of the domains of the private internet; raises Missing."""
    python = corpora_python()
    domains = [each.name for each in DOMAINS]
    with mail_internet() as internet:
        # checkdmarc trusts the roots of certifi, or those of this variable.
        trusting = [*internet.wrap, "env", f"REQUESTS_CA_BUNDLE={internet.roots}", f"SSL_CERT_FILE={internet.roots}"]
        theirs = _asked(trusting, python, RESOLVER, 53, {"lab": domains})
        command = [*internet.wrap, sys.executable, "-m", "tests.plugins.inspector_mail.observe", RESOLVER, *domains]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    ours: dict[str, Facts] = json.loads(done.stdout)
    return ours, theirs


def lab_facts(domain: str, resolver: str) -> Facts:
    """What the product finds about one mail domain of the private internet, by its DNS records."""
    found = _scan(mail, domain, f"{resolver}:53")
    transport = _scan(mta_sts, domain, f"{resolver}:53")
    assert isinstance(found, MailDomain)
    assert isinstance(transport, MtaSts)
    bimi = found.bimi.value
    return {
        **_mail_facts(found),
        "mta-sts-record": transport.record == Answer(seen=None),
        "reporting": transport.reporting == Answer(seen=None),
        "mx": sorted(host.host for host in found.mx.value),
        "bimi": bimi.record is not None and bimi.fault is None,
    }


def _theirs(python: Path, port: int, domains: list[str], policies: Mapping[str, str]) -> dict[str, Facts]:
    return _asked([], python, "127.0.0.1", port, {"domains": domains, "policies": dict(policies)})


def _asked(wrap: list[str], python: Path, resolver: str, port: int, request: Mapping[str, Any]) -> dict[str, Facts]:
    whole = json.dumps({"domains": [], "lab": [], "policies": {}, **request})
    script = Path(__file__).with_name("checkdmarc_results.py")
    command = [*wrap, str(python), "-I", str(script), resolver, str(port)]
    done = subprocess.run(command, input=whole, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    found: dict[str, Facts] = json.loads(done.stdout)
    return found


def _scan(probe: Probe, domain: str, resolver: str) -> Observation:
    return run_probe(probe, f"mail:{domain}", settings=Settings(resolvers=(resolver,))).seen(probe.kind)


def _mail_facts(found: Observation) -> Facts:
    assert isinstance(found, MailDomain)
    spf, dmarc = found.spf.value.evaluation, found.dmarc.value
    facts: dict[str, Any] = {"dmarc-valid": dmarc.policy is not None, "mta-sts-record": None}
    facts["spf-valid"] = None if spf.seen is None else spf.seen.fault is None
    facts["spf-lookups"] = None if spf.seen is None or spf.seen.fault else spf.seen.lookups
    facts |= {"dmarc-at": dmarc.at, "dmarc-policy": dmarc.policy, "dmarc-testing": dmarc.testing}
    return facts


def _sts_facts(domain: str, port: int) -> Facts:
    found = _scan(mta_sts, domain, f"127.0.0.1:{port}")
    assert isinstance(found, MtaSts)
    return {"mta-sts-record": found.record == Answer(seen=None)}


def _policy_facts(text: str) -> Facts:
    found = parse_policy(text.encode())
    if isinstance(found, PolicyFault):
        return {"policy-valid": False}
    return {"policy-valid": True, "policy-mode": found.mode, "policy-mx": sorted(found.mx)}
