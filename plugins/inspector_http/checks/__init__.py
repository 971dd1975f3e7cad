"""The checks on web endpoints, one per file."""

from inspector import Check
from inspector_http.checks.content_type_nosniff import content_type_nosniff
from inspector_http.checks.cookies_flagged import cookies_flagged
from inspector_http.checks.every_web_endpoint_encrypted import every_web_endpoint_encrypted
from inspector_http.checks.framing_restricted import framing_restricted
from inspector_http.checks.hsts_set import hsts_set
from inspector_http.checks.http_redirects_to_https import http_redirects_to_https
from inspector_http.checks.https_reachable import https_reachable
from inspector_http.checks.no_version_disclosed import no_version_disclosed

ALL: tuple[Check, ...] = (
    content_type_nosniff,
    cookies_flagged,
    every_web_endpoint_encrypted,
    framing_restricted,
    hsts_set,
    http_redirects_to_https,
    https_reachable,
    no_version_disclosed,
)
