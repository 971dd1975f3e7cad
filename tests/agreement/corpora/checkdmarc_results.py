"""Run by the interpreter that has checkdmarc: ``checkdmarc_results.py PORT`` with a request on standard input.

The request is ``{"domains": [...], "policies": {name: text}}``; the facts are printed as JSON, by name.
"""

# mypy: ignore-errors
# (checkdmarc is not among the packages of the project)

import json
import sys

import dns.resolver
from checkdmarc.dmarc import check_dmarc
from checkdmarc.mta_sts import MTASTSError, parse_mta_sts_policy, parse_mta_sts_record, query_mta_sts_record
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
    resolver.nameservers, resolver.port = ["127.0.0.1"], int(sys.argv[1])
    request = json.load(sys.stdin)
    found = {domain: facts(domain, resolver) for domain in request["domains"]}
    found |= {name: policy_facts(text) for name, text in request["policies"].items()}
    json.dump(found, sys.stdout)


main()
