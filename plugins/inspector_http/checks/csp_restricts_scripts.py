from __future__ import annotations

from inspector import Verdict, check, failed, not_applicable, passed
from inspector_http.applicability import serves_html
from inspector_http.csp import ENFORCED, parse_meta_policies, parse_policies, restricts_scripts, script_weaknesses
from inspector_http.headers import shorten
from inspector_http.observations import Http

FACTS = ("/headers", "/meta_policies")


@check(
    "csp-restricts-scripts",
    title="Content-Security-Policy stops scripts of others",
    references=(
        "CSP Level 3 §6.1.10",
        "CSP Level 3 §6.7.3.2",
        "CSP Level 3 §8.2",
        "Weichselbaum et al., CSP Is Dead (2016)",
    ),
    applies=serves_html,
    needs=(),
)
def csp_restricts_scripts(http: Http) -> Verdict:
    """A policy that allows inline scripts, ``eval``, every site, ``data:`` or a host where anyone may publish scripts
    lets an attacker's script run.

    Of several policies each must allow a script. A nonce or hash disables ``'unsafe-inline'`` beside it, and
    ``'strict-dynamic'`` hosts and schemes as well.

    Remediation: ``script-src 'nonce-…' 'strict-dynamic'`` with a nonce of its own for each reply, or
    ``script-src 'self'`` with all scripts in files; without ``'unsafe-inline'`` and ``'unsafe-eval'``.
    """
    policies = parse_policies(http.field(ENFORCED))
    if not script_weaknesses(policies):
        return passed("allows no script of other parties that a policy can stop", facts=("/headers",))
    policies += parse_meta_policies(http.meta_policies.value)
    if not policies:
        return not_applicable("has no Content-Security-Policy that is enforced", facts=FACTS)
    if not restricts_scripts(policies):
        return failed("has neither script-src nor default-src: any script runs", facts=FACTS)
    weaknesses = script_weaknesses(policies)
    if weaknesses:
        measured = [shorten(each, 120) for each in weaknesses]
        return failed("allows scripts of other parties: {measured}", measured=measured, facts=FACTS)
    return passed("allows no script of other parties that a policy can stop", facts=FACTS)
