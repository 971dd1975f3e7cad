"""What of a server's free text is kept: product names beside versions, numbers, and the words of protocols.

Greetings, error texts and header fields may hold tokens, names and passwords. Every part that is not on the list is
replaced before anything is stored, logged or shown; the shape stays (length, letters, digits, punctuation), so that
what reads such a text finds the same versions, codes and ends of line.

Whoever captures a text applies ``masked`` to it: only there it is known which bytes are a free text, and which are a
structure that a parser reads again. What has the form of a secret is replaced in every text that any probe returns, too
(``without_secrets``): before it is parsed, so that facts can be read again from what is kept.
"""

from __future__ import annotations

import re

#: Words of the protocols (replies, commands, capabilities, products without a version), in lower case.
_WORDS = frozenset(
    b"""
    a accept accepted access account admin administrator after all allowed alma alpine already amazon an and
    anonymous any apache apop apr arch are at aug auth authenticated authentication authinfo available away aws b
    back bad be before begin binarymime bind blocked body bsd bye c caddy cannot capa capability centos charset
    check chunking client close closed closing cloudflare codes combined command commands completed condstore
    connect connection connectionless connections contact courier cram credentials cyrus daemon databases deb debian
    dec decline declined default delivery denied did digest directory disabled done dovecot dropbear dsn e ehlo el
    elements enable enabled encrypted encryption end english enhanced enhancedstatuscodes enter error esmtp etherx
    etrn exceeded exim expected expire extensions external fail failed failure fatal feat features feb fedora file
    filezilla first for forbidden free fri from ftp ftpd full gmt go good goodbye greatly gssapi gws h hat have
    hello helo help host http https i iaadmin id idle ietf iis imap imap4rev1 imap4rev2 implementation implemented
    in incorrect info inspector internal invalid ioq iplanet is it jabber jan jetty join jul jun kerberos later ldap
    lighttpd limit line linux list literal litespeed loading local log logged login logindisabled logout loopback
    mail mailbox mar mariadb masterdown max maxstartups may md5 mechanism mechanisms memcached message method
    microsoft mime minutes mod mode mon must mysql n name namespace need negotiate negotiation net netbsd network
    nginx nntp no noauth noop noperm nosniff not nov now ns ntlm o oauthbearer oct of offered ok on one only open
    openbsd openresty openssh openssl or oracle org out over params passwd password per permanent permission
    permitted php ping pipelining pkix plain please pong pop pop3 port postfix postgresql preauth privacy problem
    proceed proftpd protected protocol proxy pure pureftpd python q quit r rate ready realm received red redis
    refused rejected reply request requested requests required required-tls reset resp restricted retry rfb rhel
    rocky rsync rsyncd running s sasl sat scram secure security see sendmail sep serror server service session
    sessions sfatal sha sieve size smtp smtputf8 socket ssh ssl start started starting starttls status stls stream
    streams success sun support supported suse syntax system tcp telnet temporarily temporary terminated th that the
    there this thu time timeout tls to today tomcat too top transport try tue tune type ubuntu uid uidl uids unable
    unauthorized unavailable unexpected unix unknown unrecognized unsolicited until urn usage use user username
    users utf utf8 valid verror version vfatal vnc vrfy vsftpd wait was we wed welcome what will win win32 win64
    windows with without wordpress x xclient xforward xml xmlns xmpp xoauth2 you your
    """.split()
)
#: Words in which appliances and servers are recognised that name no version in this form.
_NAMES = frozenset(b"authentication daemon openvpn panweb serv sonicwall u vmware vpn ws".split())
_KEPT = _WORDS | _NAMES
#: A product and its version: ``OpenSSH_9.2p1``, ``vsFTPd 3.0.3``, ``Apache/2.4.29``, ``mod_ssl/2.4``.
_PRODUCT = re.compile(
    rb"(?<![A-Za-z0-9])[A-Za-z]{2,24}(?:[_.+-][A-Za-z]{1,24}){0,3}"
    rb"(?:[/_ -]?v?\d{1,4}(?:\.\d{1,5}){1,3}(?:[a-z]|p\d{1,2})?|/v?\d{1,4}(?!\.))(?![A-Za-z0-9])"
)
#: The release of an operating system, however it is written.
_RELEASE = re.compile(
    rb"\b(?:alma|alpine|amazon|centos|debian|fedora|(?:free|net|open)bsd|linux|rhel|rocky|suse|ubuntu|windows)"
    rb"(?:[ /_-]|server)*v?\d+",
    re.IGNORECASE,
)
#: Numbers, and the endings of versions: ``2p1``, ``5e``, ``0ubuntu0``, ``deb12u3``, ``rc1``.
_NUMBER = re.compile(
    rb"\d{1,5}|\d{1,3}[a-z]|[A-Za-z]{1,2}\d{1,3}|\d{0,3}(?:p|rc|beta|alpha|deb|ubuntu|el|fc|u)\d{1,3}(?:u\d{1,2})?"
)
_RUN = re.compile(rb"[A-Za-z0-9\x80-\xff]+")
#: In binary data shorter runs of letters are mostly lengths and flags.
_BINARY_RUN = re.compile(rb"[A-Za-z0-9]{4,}")
#: Control characters, or the first byte of a telnet negotiation (RFC 854).
_IS_BINARY = re.compile(rb"\A\xff|[\0-\x08\x0e-\x1a\x1c-\x1f]")
_SHAPES = re.compile(rb"([0-9])|[A-Za-z\x80-\xff]")
#: Forms of secrets, each with one group, of which no word or number is kept; fingerprints stay what they are.
_SECRETS = re.compile(
    rb"""
      ://((?:[^\s"'<>@]{1,256}+@)+)                                           # user and password of a URL, or of a DSN
    | -----BEGIN[ ][A-Z ]{0,40}PRIVATE[ ]KEY(?:[ ]BLOCK)?-----((?:[^-"']|-(?!----)){1,65536})
    | (?<!\w)(?:                                                              # first, so that the rest is tried rarely
        (?:proxy-)?authorization[ \t]*[:=](?![ \t]*len=\d+,sha256=[0-9a-f]{64})[ \t]*([^\r\n"']{1,4096})
      | bearer[ \t]+(?!len=\d+,sha256=[0-9a-f]{64})([^\s"'<>,;]{1,4096})
      | (?:(?:api|access|secret|private)[_-]?key|(?:auth|access|refresh|id)[_-]?token|token|(?:client[_-]?)?secret
          |session[_-]?id|sid|passw(?:or)?d|passphrase|pwd)[ \t]*[:=][ \t]*(?!len=\d+,sha256=[0-9a-f]{64})
          ([^\s"'<>,;&]{1,1024})
      | (?-i:(?<!-)(
          (?:AKIA|ASIA|AIDA|AROA)[A-Z0-9]{12,128}                           # Amazon
        | AIza[\w-]{20,128} | ya29\.[\w-]{10,1024}                         # Google
        | gh[opsur]_\w{10,255} | github_pat_\w{10,255}                     # GitHub
        | gl(?:pat|agent|cbt|dt|ft|imt|oas|ptt|rt|soat)-[\w.-]{10,255}     # GitLab
        | xox[abeoprs]-[\w-]{8,255}                                        # Slack
        | [prs]k_(?:live|test)_\w{8,255} | whsec_\w{8,255}                 # Stripe
        | SG\.[\w-]{10,128}\.[\w-]{10,128} | sk-[\w-]{16,255} | (?:npm|hf)_\w{20,255} | pypi-[\w-]{16,255}
        | dop_v1_\w{20,255}
        | eyJ[\w-]{4,8192}\.[\w-]{4,16384}(?:\.[\w-]{0,8192}){0,3}         # JSON Web Token (RFC 7519)
        ))
      )
    """,
    re.IGNORECASE | re.VERBOSE,
)
#: A letter or digit to replace; what a backslash escapes stays, so that JSON stays JSON.
_UNESCAPED = re.compile(rb"(\\u[0-9A-Fa-f]{4}|\\.)|([0-9])|[A-Za-z\x80-\xff]", re.DOTALL)


def masked(text: bytes) -> bytes:
    """The text with everything replaced that is not on the list: other letters by ``x``, digits by ``0``.

    The result has the same length. Of binary data (with control characters) only runs of four letters or digits and
    more are replaced. What has the form of a secret is replaced whole, listed words and versions in it as well.
    """
    text = without_secrets(text)
    kept = [found.span() for listed in (_PRODUCT, _RELEASE) for found in listed.finditer(text)]

    def mask(found: re.Match[bytes]) -> bytes:
        run = found.group()
        inside = any(begin <= found.start() and found.end() <= end for begin, end in kept)
        if inside or run.lower() in _KEPT or _NUMBER.fullmatch(run):
            return run
        return _SHAPES.sub(lambda each: b"0" if each[1] else b"x", run)

    return (_BINARY_RUN if _IS_BINARY.search(text) else _RUN).sub(mask, text)


def without_secrets(text: bytes) -> bytes:
    """The text with letters and digits replaced in all that has the form of a secret; of the same length."""
    parts, at = [], 0
    for found in _SECRETS.finditer(text):
        begin, end = found.span(found.lastindex or 0)
        parts += [text[at:begin], _UNESCAPED.sub(_shape_of, text[begin:end])]
        at = end
    return b"".join((*parts, text[at:])) if parts else text


def _shape_of(found: re.Match[bytes]) -> bytes:
    return found[1] or (b"0" if found[2] else b"x")


def shown(data: bytes, most: int = 120) -> str:
    """The first bytes of what a server sent, masked, as printable ASCII for a message."""
    return masked(data)[:most].decode("latin-1").encode("unicode_escape").decode("ascii")
