"""The test servers: real TLS servers on loopback, each with what is expected in it."""

from __future__ import annotations

import json
import ssl
from dataclasses import replace

from tests.agreement import programs
from tests.agreement.expected import OPENSSL_1_3, OPENSSL_EC, Expected, Server, both, default_groups, release_of
from tests.agreement.facts import SSL_2, SSL_3, TLS_1_0, TLS_1_1, TLS_1_2, TLS_1_3
from tests.agreement.programs import dh, gnutls, nginx, node, own, s_server, tlslite

MODERN = "TLSv1.2 TLSv1.3"
OLD = "TLSv1.0 TLSv1.1 TLSv1.2"
FORWARD = "ECDHE+AESGCM:ECDHE+CHACHA20"
#: Of the system's servers, and of those of this Python.
DEFAULT_GROUPS = {TLS_1_2: OPENSSL_EC, TLS_1_3: default_groups(release_of("openssl", "version"))}
PYTHON_GROUPS = {TLS_1_2: OPENSSL_EC, TLS_1_3: default_groups(ssl.OPENSSL_VERSION_INFO)}
#: From this release on Postfix offers finite-field groups, too.
_POSTFIX_FFDHE = " ffdhe2048 ffdhe3072" if release_of("postconf", "-d", "-h", "mail_version") >= (3, 8) else ""
#: Suites by their standard names.
AES_CBC = "TLS_RSA_WITH_AES_128_CBC_SHA TLS_RSA_WITH_AES_256_CBC_SHA"
RC4_3DES = "TLS_RSA_WITH_RC4_128_SHA TLS_RSA_WITH_RC4_128_MD5 TLS_RSA_WITH_3DES_EDE_CBC_SHA"


def _all(cipher_string: str, *versions: str) -> dict[str, str]:
    return dict.fromkeys(versions, f"={cipher_string}")


_FEW = "ssl_protocols TLSv1.2; ssl_ciphers"
NGINX = (
    Server(
        "nginx-modern",
        nginx(
            f"ssl_protocols TLSv1.2 TLSv1.3; ssl_ciphers {FORWARD}; ssl_prefer_server_ciphers on;"
            " ssl_ecdh_curve X25519:prime256v1:secp384r1;",
            "p256",
            "rsa",
        ),
        Expected(
            MODERN,
            both(FORWARD),
            dict.fromkeys((TLS_1_2, TLS_1_3), "X25519 secp256r1 secp384r1"),
            "server",
            "p256 rsa",
            has="extended-master-secret",
        ),
        reduced=True,
    ),
    Server(
        "nginx-default",
        nginx("", "rsa"),
        Expected(TLS_1_2, _all("HIGH:!aNULL:!MD5", TLS_1_2), {TLS_1_2: OPENSSL_EC}, "client", finite=False),
    ),
    Server(
        "nginx-client-order",
        nginx(f"ssl_protocols TLSv1.2 TLSv1.3; ssl_ciphers {FORWARD}; ssl_prefer_server_ciphers off;", "rsa"),
        Expected(MODERN, both(FORWARD), DEFAULT_GROUPS, "client"),
    ),
    Server(
        "nginx-only-tls-1-3",
        nginx(
            "ssl_protocols TLSv1.3; ssl_ecdh_curve X25519;"
            " ssl_conf_command Ciphersuites TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256;",
            "p256",
        ),
        Expected(
            TLS_1_3,
            {TLS_1_3: "TLS_AES_256_GCM_SHA384 TLS_CHACHA20_POLY1305_SHA256"},
            {TLS_1_3: "X25519"},
            certificates="p256",
        ),
    ),
    Server(
        "nginx-old",
        nginx(
            "ssl_protocols TLSv1 TLSv1.1 TLSv1.2; ssl_ciphers ALL:eNULL:aNULL:@SECLEVEL=0;"
            f" ssl_prefer_server_ciphers on; ssl_dhparam {dh('oakley-1024')};",
            "self-signed-rsa",
        ),
        Expected(
            OLD,
            _all("ALL:eNULL:aNULL:@SECLEVEL=0", TLS_1_0, TLS_1_1, TLS_1_2),
            dict.fromkeys((TLS_1_0, TLS_1_1, TLS_1_2), OPENSSL_EC),
            "server",
            "self-signed-rsa",
            dh_bits="1024",
            has="fallback-scsv extended-master-secret",
        ),
        reduced=True,
    ),
    Server(
        "nginx-cbc",
        nginx(f"{_FEW} AES128-SHA:AES256-SHA:ECDHE-RSA-AES128-SHA256; ssl_ecdh_curve secp384r1;", "rsa"),
        Expected(
            TLS_1_2, _all("AES128-SHA:AES256-SHA:ECDHE-RSA-AES128-SHA256", TLS_1_2), {TLS_1_2: "secp384r1"}, "client"
        ),
    ),
    Server(
        "nginx-early-data",
        nginx("ssl_protocols TLSv1.3; ssl_early_data on;", "p256"),
        Expected(
            TLS_1_3, {TLS_1_3: OPENSSL_1_3}, {TLS_1_3: DEFAULT_GROUPS[TLS_1_3]}, "client", "p256", has="early-data"
        ),
        reduced=True,
    ),
    Server(
        "nginx-no-tickets",
        nginx(f"{_FEW} {FORWARD}; ssl_session_tickets off; ssl_session_cache off;", "p256"),
        Expected(TLS_1_2, _all(FORWARD, TLS_1_2), {TLS_1_2: OPENSSL_EC}, "client", "p256"),
    ),
    Server(
        "nginx-client-certificate",
        nginx(f"ssl_protocols TLSv1.2 TLSv1.3; ssl_ciphers {FORWARD}; ssl_verify_client optional_no_ca;", "p256"),
        Expected(MODERN, both(FORWARD), DEFAULT_GROUPS, "client", "p256"),
    ),
    Server(
        "nginx-two-hosts",
        nginx(
            f"ssl_protocols TLSv1.2 TLSv1.3; ssl_ciphers {FORWARD};",
            "p384",
            more="server {{ listen {listen} ssl default_server; server_name other.example.vn; {other}"
            " ssl_protocols TLSv1.2 TLSv1.3; }}",
        ),
        Expected(MODERN, both(FORWARD), DEFAULT_GROUPS, "client", "p384"),
        reduced=True,
    ),
    Server(
        "nginx-name-required",
        nginx(
            f"ssl_protocols TLSv1.2 TLSv1.3; ssl_ciphers {FORWARD};",
            "p256",
            more="server {{ listen {listen} ssl default_server; ssl_reject_handshake on;"
            " ssl_protocols TLSv1.2 TLSv1.3; }}",
        ),
        Expected(MODERN, both(FORWARD), DEFAULT_GROUPS, "client", "p256"),
    ),
)

_ALL_OLD = "ALL:@SECLEVEL=0"
OPENSSL = (
    Server("openssl-default", s_server(), Expected(MODERN, both("DEFAULT"), DEFAULT_GROUPS, "client")),
    Server(
        "openssl-only-tls-1-0",
        s_server("-tls1", "-cipher", _ALL_OLD),
        Expected(TLS_1_0, _all(_ALL_OLD, TLS_1_0), {TLS_1_0: OPENSSL_EC}, "client"),
    ),
    Server(
        "openssl-only-tls-1-1",
        s_server("-tls1_1", "-cipher", _ALL_OLD),
        Expected(TLS_1_1, _all(_ALL_OLD, TLS_1_1), {TLS_1_1: OPENSSL_EC}, "client"),
    ),
    Server(
        "openssl-only-tls-1-2",
        s_server("-tls1_2", "-serverpref", "-cipher", "AES256-GCM-SHA384:ECDHE+AESGCM:DHE+AESGCM"),
        Expected(TLS_1_2, _all("AES256-GCM-SHA384:ECDHE+AESGCM:DHE+AESGCM", TLS_1_2), {TLS_1_2: OPENSSL_EC}, "server"),
    ),
    Server(
        "openssl-only-tls-1-3",
        s_server("-tls1_3", "-ciphersuites", "TLS_AES_128_CCM_SHA256:TLS_AES_128_CCM_8_SHA256", "-serverpref"),
        Expected(
            TLS_1_3,
            {TLS_1_3: "TLS_AES_128_CCM_SHA256 TLS_AES_128_CCM_8_SHA256"},
            {TLS_1_3: DEFAULT_GROUPS[TLS_1_3]},
            "server",
        ),
    ),
    Server(
        "openssl-dhe-1024",
        s_server("-tls1_2", "-cipher", "kDHE:!aNULL:@SECLEVEL=0", "-dhparam", dh("oakley-1024")),
        Expected(TLS_1_2, _all("kDHE:!aNULL:@SECLEVEL=0", TLS_1_2), preference="client", dh_bits="1024"),
        reduced=True,
    ),
    Server(
        "openssl-dhe-2048",
        s_server("-tls1_2", "-cipher", "DHE+AESGCM", "-dhparam", dh("modp-2048")),
        Expected(TLS_1_2, _all("DHE+AESGCM", TLS_1_2), preference="client", dh_bits="2048"),
    ),
    Server(
        "openssl-dhe-own-prime",
        s_server("-tls1_2", "-cipher", "DHE+AESGCM", "-dhparam", dh("own-2048")),
        Expected(TLS_1_2, _all("DHE+AESGCM", TLS_1_2), preference="client", dh_bits="2048"),
    ),
    Server(
        "openssl-null-anonymous",
        s_server("-tls1_2", "-cipher", "eNULL:aNULL:@SECLEVEL=0"),
        Expected(TLS_1_2, _all("eNULL:aNULL:@SECLEVEL=0", TLS_1_2), {TLS_1_2: OPENSSL_EC}, "client"),
        reduced=True,
    ),
    Server(
        "openssl-cbc",
        s_server("-tls1_2", "-cipher", "AES128-SHA:AES256-SHA256:CAMELLIA128-SHA:DHE-RSA-AES128-SHA"),
        Expected(
            TLS_1_2, _all("AES128-SHA:AES256-SHA256:CAMELLIA128-SHA:DHE-RSA-AES128-SHA", TLS_1_2), preference="client"
        ),
    ),
    Server(
        "openssl-rare-ciphers",
        s_server("-tls1_2", "-cipher", "ARIA:CAMELLIA:AESCCM:AESCCM8"),
        Expected(TLS_1_2, _all("ARIA:CAMELLIA:AESCCM:AESCCM8:!PSK", TLS_1_2), {TLS_1_2: OPENSSL_EC}, "client"),
    ),
    Server(
        "openssl-p384",
        s_server("-groups", "P-384:P-256", "-cipher", "ECDHE+AESGCM", identity="p384"),
        Expected(
            MODERN, both("ECDHE+AESGCM"), dict.fromkeys((TLS_1_2, TLS_1_3), "secp384r1 secp256r1"), "client", "p384"
        ),
    ),
    Server(
        "openssl-rsa-and-ecdsa",
        s_server("-cipher", "ECDHE+AESGCM:ECDHE+AES", identity="rsa", second="p256"),
        Expected(MODERN, both("ECDHE+AESGCM:ECDHE+AES"), DEFAULT_GROUPS, "client", "rsa p256"),
    ),
    Server(
        "openssl-server-order",
        s_server("-serverpref", "-cipher", "AES128-SHA:DHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-AES256-GCM-SHA384"),
        Expected(
            MODERN, both("AES128-SHA:DHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-AES256-GCM-SHA384"), DEFAULT_GROUPS, "server"
        ),
    ),
    Server(
        "openssl-odd-groups",
        s_server("-groups", "P-521:ffdhe3072:X448", "-cipher", "ECDHE+AESGCM"),
        Expected(
            MODERN, both("ECDHE+AESGCM"), {TLS_1_2: "secp521r1 X448", TLS_1_3: "secp521r1 X448 ffdhe3072"}, "client"
        ),
        reduced=True,
    ),
    Server(
        "openssl-brainpool",
        s_server("-tls1_2", "-groups", "brainpoolP256r1:brainpoolP384r1:P-256", "-cipher", "ECDHE+AESGCM"),
        Expected(
            TLS_1_2, _all("ECDHE+AESGCM", TLS_1_2), {TLS_1_2: "brainpoolP256r1 brainpoolP384r1 secp256r1"}, "client"
        ),
    ),
    Server(
        "openssl-only-ffdhe",
        s_server("-tls1_3", "-groups", "ffdhe2048:ffdhe4096"),
        Expected(TLS_1_3, {TLS_1_3: OPENSSL_1_3}, {TLS_1_3: "ffdhe2048 ffdhe4096"}, "client"),
    ),
    Server(
        "openssl-no-forward-secrecy",
        s_server("-tls1_2", "-cipher", "kRSA+AESGCM:kRSA+AES"),
        Expected(TLS_1_2, _all("kRSA+AESGCM:kRSA+AES", TLS_1_2), preference="client"),
    ),
    Server(
        "openssl-alpn",
        s_server("-alpn", "h2,http/1.1", "-cipher", FORWARD),
        Expected(MODERN, both(FORWARD), DEFAULT_GROUPS, "client"),
    ),
    Server(
        "openssl-no-renegotiation",
        s_server("-tls1_2", "-no_renegotiation", "-cipher", FORWARD),
        Expected(TLS_1_2, _all(FORWARD, TLS_1_2), {TLS_1_2: OPENSSL_EC}, "client"),
    ),
    Server(
        "openssl-client-renegotiation",
        s_server("-tls1_2", "-client_renegotiation", "-cipher", FORWARD, stays=True),
        Expected(TLS_1_2, _all(FORWARD, TLS_1_2), {TLS_1_2: OPENSSL_EC}, "client", has="client-renegotiation"),
        reduced=True,
    ),
    Server(
        "openssl-early-data",
        s_server("-early_data", "-no_anti_replay", "-cipher", FORWARD),
        Expected(MODERN, both(FORWARD), DEFAULT_GROUPS, "client", has="early-data"),
    ),
    Server(
        "openssl-no-tickets",
        s_server("-no_ticket", "-no_etm", "-cipher", FORWARD),
        Expected(MODERN, both(FORWARD), DEFAULT_GROUPS, "client"),
    ),
    Server(
        "openssl-ed25519",
        s_server(identity="ed25519"),
        Expected(MODERN, both("DEFAULT:!kRSA"), DEFAULT_GROUPS, "client", "ed25519"),
    ),
    Server(
        "openssl-expired",
        s_server("-cipher", FORWARD, identity="expired-p256"),
        Expected(MODERN, both(FORWARD), DEFAULT_GROUPS, "client", "expired-p256"),
    ),
    Server(
        "openssl-rsa-1024",
        s_server("-cipher", f"{FORWARD}:@SECLEVEL=0", identity="rsa-1024"),
        Expected(MODERN, both(f"{FORWARD}:@SECLEVEL=0"), DEFAULT_GROUPS, "client", "rsa-1024"),
    ),
)

_GNUTLS_12 = "NONE:+VERS-TLS1.2:+COMP-NULL:+SIGN-ALL"
#: What gnutls-cli --list --priority NORMAL lists, as far as a server with an RSA key has it.
_GNUTLS_CBC = " ".join(
    f"TLS_{exchange}_WITH_AES_{bits}_CBC_SHA" for exchange in ("RSA", "DHE_RSA", "ECDHE_RSA") for bits in (128, 256)
)
_GNUTLS_AEAD = " ".join(
    (
        *(f"TLS_{exchange}_WITH_AES_128_GCM_SHA256" for exchange in ("RSA", "DHE_RSA", "ECDHE_RSA")),
        *(f"TLS_{exchange}_WITH_AES_256_GCM_SHA384" for exchange in ("RSA", "DHE_RSA", "ECDHE_RSA")),
        *(f"TLS_{exchange}_WITH_AES_{bits}_CCM" for exchange in ("RSA", "DHE_RSA") for bits in (128, 256)),
        *(f"TLS_{exchange}_WITH_CHACHA20_POLY1305_SHA256" for exchange in ("DHE_RSA", "ECDHE_RSA")),
    )
)
_GNUTLS_NORMAL = Expected(
    f"{OLD} {TLS_1_3}",
    {
        **dict.fromkeys((TLS_1_0, TLS_1_1), _GNUTLS_CBC),
        TLS_1_2: f"{_GNUTLS_CBC} {_GNUTLS_AEAD}",
        TLS_1_3: f"{OPENSSL_1_3} TLS_AES_128_CCM_SHA256",
    },
    {**dict.fromkeys((TLS_1_0, TLS_1_1, TLS_1_2), OPENSSL_EC), TLS_1_3: DEFAULT_GROUPS[TLS_1_3]},
    "client",
    unknown="client-renegotiation",
)
GNUTLS = (
    Server("gnutls-default", gnutls("NORMAL"), _GNUTLS_NORMAL),
    Server(
        "gnutls-rc4-3des",
        gnutls(
            "NONE:+VERS-TLS1.0:+VERS-TLS1.1:+VERS-TLS1.2:+COMP-NULL:+SIGN-ALL:+ARCFOUR-128:+3DES-CBC:+AES-128-CBC:+RSA"
            ":+SHA1:+MD5:%VERIFY_ALLOW_SIGN_WITH_SHA1"
        ),
        Expected(
            OLD,
            dict.fromkeys((TLS_1_0, TLS_1_1, TLS_1_2), f"{RC4_3DES} TLS_RSA_WITH_AES_128_CBC_SHA"),
            preference="client",
            unknown="client-renegotiation",
        ),
        reduced=True,
    ),
    Server(
        "gnutls-server-order",
        gnutls(f"{_GNUTLS_12}:+AES-256-GCM:+AES-128-GCM:+AEAD:+ECDHE-RSA:+GROUP-SECP256R1:%SERVER_PRECEDENCE"),
        Expected(
            TLS_1_2,
            {TLS_1_2: "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384 TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"},
            {TLS_1_2: "secp256r1"},
            "server",
            unknown="client-renegotiation",
        ),
    ),
    Server(
        "gnutls-insecure-renegotiation",
        gnutls(f"{_GNUTLS_12}:+AES-128-CBC:+SHA1:+RSA:%DISABLE_SAFE_RENEGOTIATION"),
        Expected(
            TLS_1_2,
            {TLS_1_2: "TLS_RSA_WITH_AES_128_CBC_SHA"},
            has="insecure-renegotiation",
            unknown="client-renegotiation",
        ),
        reduced=True,
    ),
)

TLSLITE = (
    Server(
        "tlslite-ssl-3",
        tlslite(
            json.dumps(
                {
                    "minVersion": [3, 0],
                    "maxVersion": [3, 1],
                    "cipherNames": ["rc4", "3des", "aes128", "aes256"],
                    "macNames": ["sha", "md5"],
                    "keyExchangeNames": ["rsa"],
                }
            )
        ),
        Expected(
            "SSLv3 TLSv1.0",
            dict.fromkeys((SSL_3, TLS_1_0), f"{RC4_3DES} {AES_CBC}"),
            unknown="client-renegotiation,fallback-scsv",
        ),
        reduced=True,
    ),
    Server(
        "tlslite-modern",
        tlslite(
            json.dumps({"minVersion": [3, 3], "keyExchangeNames": ["ecdhe_rsa"], "eccCurves": ["x25519", "secp256r1"]})
        ),
        Expected(MODERN, unknown="client-renegotiation,poodle,drown,freak,logjam,sweet32"),
    ),
)

_EXPORT = "TLS_RSA_EXPORT_WITH_RC4_40_MD5 TLS_RSA_EXPORT_WITH_DES40_CBC_SHA TLS_RSA_EXPORT_WITH_RC2_CBC_40_MD5"
_DES = "TLS_RSA_WITH_DES_CBC_SHA"
_RARE = (
    "TLS_RSA_WITH_CAMELLIA_128_CBC_SHA TLS_RSA_WITH_CAMELLIA_256_CBC_SHA TLS_RSA_WITH_IDEA_CBC_SHA"
    " TLS_RSA_WITH_SEED_CBC_SHA"
)
_SHA_2 = (
    "TLS_RSA_WITH_AES_128_CBC_SHA256 TLS_RSA_WITH_AES_256_CBC_SHA256 TLS_RSA_WITH_AES_128_GCM_SHA256"
    " TLS_RSA_WITH_AES_256_GCM_SHA384"
)
_KINDS = (
    "SSL2_RC4_128_WITH_MD5 SSL2_RC4_128_EXPORT40_WITH_MD5 SSL2_RC2_128_CBC_WITH_MD5"
    " SSL2_RC2_128_CBC_EXPORT40_WITH_MD5 SSL2_DES_64_CBC_WITH_MD5 SSL2_DES_192_EDE3_CBC_WITH_MD5"
)
NODE = (
    Server(
        "openssl-3-5-hybrid",
        node("new", "{ciphers: 'ECDHE+AESGCM:TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384'}"),
        Expected(
            MODERN,
            both("ECDHE+AESGCM", "TLS_AES_128_GCM_SHA256 TLS_AES_256_GCM_SHA384"),
            {
                TLS_1_2: OPENSSL_EC,
                TLS_1_3: f"X25519MLKEM768 {OPENSSL_EC} ffdhe2048 ffdhe3072",
            },
            unknown="client-renegotiation",
        ),
        reduced=True,
    ),
    Server(
        "openssl-3-5-every-hybrid",
        node(
            "new",
            "{minVersion: 'TLSv1.3', ecdhCurve: 'SecP384r1MLKEM1024:X25519MLKEM768:SecP256r1MLKEM768:X25519'}",
            identity="p256",
        ),
        Expected(
            TLS_1_3,
            {TLS_1_3: OPENSSL_1_3},
            {TLS_1_3: "SecP384r1MLKEM1024 X25519MLKEM768 SecP256r1MLKEM768 X25519"},
            certificates="p256",
        ),
    ),
    Server(
        "openssl-1-0-0-ssl-2",
        node("0.8.6", "{ciphers: 'ALL:!aNULL', secureProtocol: 'SSLv23_method'}", identity="rsa-512"),
        Expected(
            "SSLv2 SSLv3 TLSv1.0",
            {SSL_2: _KINDS, **dict.fromkeys((SSL_3, TLS_1_0), f"{RC4_3DES} {AES_CBC} {_DES} {_EXPORT}")},
            preference="client",
            certificates="rsa-512",
            has="ccs-injection",
            lacks="extended-master-secret fallback-scsv",
            unknown="client-renegotiation,robot,crime",
        ),
    ),
    Server(
        "openssl-1-0-1-heartbleed",
        node("0.10.0", "{ciphers: 'ALL:!aNULL', secureProtocol: 'SSLv23_method', secureOptions: 0}"),
        Expected(
            f"SSLv2 SSLv3 {OLD}",
            {
                SSL_2: f"{_KINDS} SSL2_IDEA_128_CBC_WITH_MD5",
                **dict.fromkeys((SSL_3, TLS_1_0, TLS_1_1), f"{RC4_3DES} {AES_CBC} {_DES} {_RARE}"),
                TLS_1_2: f"{RC4_3DES} {AES_CBC} {_DES} {_RARE} {_SHA_2}",
            },
            preference="client",
            has="heartbleed ccs-injection",
            lacks="extended-master-secret fallback-scsv",
            unknown="client-renegotiation,robot,crime",
        ),
    ),
)

_PYTHON = Expected(MODERN, both(FORWARD), PYTHON_GROUPS, "server", unknown="client-renegotiation")
_DOVECOT = Expected(
    MODERN,
    both("ALL:!kRSA:!SRP:!kDHd:!DSS:!aNULL:!eNULL:!EXPORT:!DES:!3DES:!MD5:!PSK:!RC4:!ADH:!LOW@STRENGTH"),
    DEFAULT_GROUPS,
    "client",
    finite=False,
)
_ONLY_P256 = dict.fromkeys((TLS_1_2, TLS_1_3), "secp256r1")
STARTTLS = (
    Server(
        "postfix",
        programs.postfix(),
        Expected(
            f"{OLD} {TLS_1_3}",
            _all("aNULL:-aNULL:HIGH:MEDIUM:@STRENGTH:@SECLEVEL=0", TLS_1_0, TLS_1_1, TLS_1_2) | {TLS_1_3: OPENSSL_1_3},
            {**dict.fromkeys((TLS_1_0, TLS_1_1, TLS_1_2), OPENSSL_EC), TLS_1_3: f"{OPENSSL_EC}{_POSTFIX_FFDHE}"},
            "client",
        ),
        "smtp",
        reduced=True,
    ),
    Server("dovecot-imap", programs.dovecot("imap", 143), _DOVECOT, "imap", reduced=True),
    Server("dovecot-pop3", programs.dovecot("pop3", 110), _DOVECOT, "pop3"),
    Server("dovecot-sieve", programs.dovecot("sieve", 4190), _DOVECOT, "sieve"),
    Server("dovecot-lmtp", programs.dovecot("lmtp", 24), _DOVECOT, "lmtp"),
    Server(
        "vsftpd",
        programs.vsftpd(),
        Expected(MODERN, both("HIGH:!aNULL"), _ONLY_P256, "client", finite=False),
        "ftp",
        reduced=True,
    ),
    Server("openldap", programs.slapd(), _GNUTLS_NORMAL, "ldap"),
    Server(
        "postgresql",
        programs.postgres(),
        Expected(MODERN, both("HIGH:MEDIUM:+3DES:!aNULL"), _ONLY_P256, "server"),
        "postgres",
    ),
    Server("mariadb", programs.mariadb(), Expected(MODERN, both("DEFAULT"), DEFAULT_GROUPS, "client"), "mysql"),
    Server("nntp", own("nntp", port=119), _PYTHON, "nntp"),
    Server("xmpp", own("xmpp", port=5222), _PYTHON, "xmpp"),
    Server("xmpp-server", own("xmpp-server", port=5269), _PYTHON, "xmpp-server"),
    Server("rdp", own("rdp", port=3389), _PYTHON, "rdp"),
    Server(
        "smtp-injectable",
        own("injectable-smtp", port=25),
        replace(_PYTHON, has="starttls-injection"),
        "smtp",
        reduced=True,
    ),
)

_TLS_1_2 = replace(_PYTHON, versions=TLS_1_2, suites=_all(FORWARD, TLS_1_2), groups={TLS_1_2: OPENSSL_EC})
INTOLERANT = (
    Server("drops-hellos-over-255-bytes", own("intolerant:bytes-255"), replace(_TLS_1_2, lacks="bears-long-hellos")),
    Server(
        "drops-hellos-over-511-bytes",
        own("intolerant:bytes-511"),
        replace(_TLS_1_2, lacks="bears-long-hellos"),
        reduced=True,
    ),
    Server("drops-hellos-of-tls-1-3", own("intolerant:version-0303"), _TLS_1_2),
    Server("drops-over-64-suites", own("intolerant:suites-64"), replace(_TLS_1_2, lacks="bears-many-suites")),
    Server("drops-grease", own("intolerant:grease"), replace(_TLS_1_2, lacks="bears-unknown-values")),
)

_ONE = {TLS_1_2: "TLS_RSA_WITH_AES_128_CBC_SHA"}
FLAWED = (
    Server("own-flawless", own("own-tls"), Expected(TLS_1_2, _ONE)),
    Server("own-crime", own("own-tls:crime"), Expected(TLS_1_2, _ONE, has="crime"), reduced=True),
    Server("own-early-ccs", own("own-tls:early-ccs"), Expected(TLS_1_2, _ONE, has="ccs-injection"), reduced=True),
    Server("own-robot", own("own-tls:robot"), Expected(TLS_1_2, _ONE, has="robot"), reduced=True),
    Server(
        "own-insecure-renegotiation",
        own("own-tls:legacy,renegotiate"),
        Expected(TLS_1_2, _ONE, has="insecure-renegotiation client-renegotiation"),
        reduced=True,
    ),
    Server(
        "own-client-renegotiation",
        own("own-tls:renegotiate"),
        Expected(TLS_1_2, _ONE, has="client-renegotiation"),
    ),
)

SERVERS = (*NGINX, *OPENSSL, *GNUTLS, *TLSLITE, *NODE, *STARTTLS, *INTOLERANT, *FLAWED)
REDUCED = tuple(server for server in SERVERS if server.reduced)
