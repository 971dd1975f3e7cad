"""Prints what is compared of mail domains with checkdmarc, as JSON by domain: ``observe RESOLVER DOMAIN …``."""

from __future__ import annotations

import json
import sys

from tests.agreement.corpora.mail_domains import lab_facts

if __name__ == "__main__":
    resolver, *domains = sys.argv[1:]
    sys.stdout.write(json.dumps({domain: dict(lab_facts(domain, resolver)) for domain in domains}))
