"""Run by the interpreter that has checkdmarc: ``checkdmarc_results.py RESOLVER PORT`` with a request on standard input.

The request is ``{"domains": [...], "lab": [...], "policies": {name: text}}``; the facts are printed as JSON, by name.
"""

# mypy: ignore-errors
# (checkdmarc is not among the packages of the project)

import json
import sys

import dns.resolver
from checkdmarc.bimi import check_bimi
from checkdmarc.dmarc import check_dmarc
from checkdmarc.mta_sts import (
    MTASTSError,
    check_mta_sts,
    parse_mta_sts_policy,
    parse_mta_sts_record,
    query_mta_sts_record,
)
from checkdmarc.smtp import check_mx
from checkdmarc.smtp_tls_reporting import check_smtp_tls_reporting
from checkdmarc.spf import check_spf


def facts(domain, resolver):
    """What checkdmarc finds about one mail domain."""
    spf = check_spf(domain, resolver=resolver)
    dmarc = check_dmarc(domain, resolver=resolver)
    found = {"spf-valid": spf["valid"], "dmarc-valid": dmarc["valid"]}
    if spf["valid"]:
        found["spf-lookups"] = spf["dns_lookups"]
    if dmarc["valid"]:
        found["dmarc-at"] = dmarc["location"]
        found["dmarc-policy"] = dmarc["tags"]["p" if dmarc["location"] == domain else "sp"]["value"]
        found["dmarc-testing"] = dmarc["tags"].get("t", {}).get("value") == "y"
    try:
        found["mta-sts-record"] = bool(parse_mta_sts_record(query_mta_sts_record(domain, resolver=resolver)["record"]))
    except MTASTSError:
        found["mta-sts-record"] = False
    return found


def lab_facts(domain, resolver):
    """What checkdmarc finds about one mail domain of the private internet, beyond its records' validity."""
    found = facts(domain, resolver)
    found["reporting"] = check_smtp_tls_reporting(domain, resolver=resolver)["valid"]
    exchangers = check_mx(domain, skip_tls=True, resolver=resolver)
    found["mx"] = sorted(each["hostname"].rstrip(".") or "." for each in exchangers["hosts"])
    policy = check_mta_sts(domain, resolver=resolver)
    found["policy-mode"] = policy["policy"]["mode"] if policy["valid"] else None
    logo = check_bimi(domain, resolver=resolver)
    found["bimi"] = logo.get("record") is not None and logo["valid"]
    return found


def policy_facts(text):
    """What checkdmarc reads in one MTA-STS policy."""
    try:
        parsed = parse_mta_sts_policy(text)["policy"]
    except MTASTSError:
        return {"policy-valid": False}
    return {"policy-valid": True, "policy-mode": parsed["mode"], "policy-mx": sorted(parsed.get("mx", ()))}


def main():
    """Answer the request."""
    resolver = dns.resolver.Resolver(configure=False)
    resolver.nameservers, resolver.port = [sys.argv[1]], int(sys.argv[2])
    request = json.load(sys.stdin)
    found = {domain: facts(domain, resolver) for domain in request["domains"]}
    found |= {domain: lab_facts(domain, resolver) for domain in request["lab"]}
    found |= {name: policy_facts(text) for name, text in request["policies"].items()}
    json.dump(found, sys.stdout)


main()
