"""What is known of SSH algorithms by their names in SSH_MSG_KEXINIT.

Names are of the IANA registry "Secure Shell (SSH) Protocol Parameters" and of the vendors that use them; a name that no
pattern here matches is unknown, neither weak nor strong.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

#: In the list of key exchange methods, a server's support of strict key exchange (the measure against CVE-2023-48795).
STRICT_KEY_EXCHANGE: Final = "kex-strict-s-v00@openssh.com"
CHACHA20: Final = frozenset({"chacha20-poly1305", "chacha20-poly1305@openssh.com"})
#: Groups of fixed size by the number in the names of their methods, in bits (RFC 2409 §6.2, RFC 3526).
GROUP_BITS: Final = {1: 1024, 2: 1024, 5: 1536, 14: 2048, 15: 3072, 16: 4096, 17: 6144, 18: 8192}
_GROUP = re.compile(r"(?:diffie-hellman|gss)-group(\d{1,2})-.*")
_FINITE_FIELD = re.compile(r"diffie-hellman-.*|gss-(?:group\d|gex-).*")
_POST_QUANTUM = re.compile(
    r"mlkem(?:768x25519-sha256|768nistp256-sha256|1024nistp384-sha384)|sntrup761x25519-sha512(?:@openssh\.com)?"
)


@dataclass(frozen=True, slots=True)
class Strength:
    """Patterns of whole names: of the weak algorithms, and of the others that are known; weak ones take precedence."""

    weak: re.Pattern[str]
    known: re.Pattern[str]

    def is_weak(self, name: str) -> bool:
        """Whether the algorithm is weak."""
        return self.weak.fullmatch(name) is not None

    def is_known(self, name: str) -> bool:
        """Whether anything is known of the algorithm."""
        return self.is_weak(name) or self.known.fullmatch(name) is not None


def _strength(weak: str, known: str) -> Strength:
    return Strength(re.compile(weak, re.VERBOSE), re.compile(known, re.VERBOSE))


#: SHA-1, groups and keys of 1024 bits, curves below 224 bits (RFC 9142 §3); group 14 with SHA-1 included.
KEY_EXCHANGE: Final = _strength(
    r"""
    (diffie-hellman|gss)-(group\d+|gex|group-exchange)-sha1 (-.+|@.+)?
    | (diffie-hellman|gss)-group[125]-.+
    | rsa1024-sha1
    | ecdh-sha2-(1\.2\.840\.10045\.3\.1\.1|1\.3\.132\.0\.1)  # nistp192, nistk163
    """,
    r"""
    (diffie-hellman|gss)-group(14|15|16|17|18)-sha(224|256|384|512) (-.+|@.+)?
    | diffie-hellman-group-exchange-sha(224|256|384|512)(@.+)?
    | gss-(gex-sha256|nistp256-sha256|nistp384-sha384|nistp521-sha512|curve25519-sha256|curve448-sha512)-.+
    | curve25519-sha256(@libssh\.org)? | curve448-sha512(@libssh\.org)?
    | ecdh-sha2-(nistp(256|384|521)|1\.3\.132\.0\.(10|16|26|27|33|36|37|38))
    | ecmqv-sha2 | rsa2048-sha256
    | mlkem(768x25519-sha256|768nistp256-sha256|1024nistp384-sha384)
    | sntrup761x25519-sha512(@openssh\.com)? | sntrup4591761x25519-sha512@tinyssh\.org
    # No methods: flags (RFC 8308 §2.1, strict key exchange, Dropbear's guess).
    | ext-info-[cs] | kex-strict-[cs]-v00@openssh\.com | kexguess2@matt\.ucc\.asn\.au
    """,
)
#: No encryption, RC4 (RFC 8758), and ciphers with blocks or keys of 64 bits or less.
CIPHERS: Final = _strength(
    r"""
    none | (arcfour|rc4)(\d+)?(-.+|@.+)?
    | (3des|des|des3|blowfish|cast128|cast128-12|idea|rc2)(-.+|@.+)?
    """,
    r"""
    aes(128|192|256)-(cbc|ctr)(@.+)? | aes(128|192|256)-gcm(@openssh\.com)? | AEAD_AES_(128|192|256)_GCM
    | chacha20-poly1305(@openssh\.com)?
    | rijndael(-|128-|192-|256-)cbc(@.+)? | (twofish|serpent|camellia)(128|192|256)?-(cbc|ctr)(@.+)?
    | seed-(cbc|ctr)@ssh\.com
    """,
)
#: No MAC, MD5, and tags of 96 bits or less but for umac-64, whose tag has no known attack.
MACS: Final = _strength(
    r"none | hmac-md5.* | .+-96(-etm)?(@.+)? | umac-(32|96)(-etm)?@openssh\.com",
    r"""
    hmac-sha1(-etm@openssh\.com)? | hmac-sha(2-)?(224|256|384|512)(-etm@openssh\.com|(-2)?@ssh\.com)?
    | umac-(64|128)(-etm)?@openssh\.com | hmac-sha3-(224|256|384|512)
    | hmac-ripemd(160)?(@openssh\.com|-etm@openssh\.com)?
    # Servers that list AEAD ciphers here, too.
    | AEAD_AES_(128|192|256)_GCM | aes(128|256)-gcm(@openssh\.com)? | chacha20-poly1305@openssh\.com
    """,
)
#: DSA, and RSA with SHA-1 (RFC 8332 §3).
HOST_KEY: Final = _strength(
    r"""
    ssh-dss(-cert-v0[01]@openssh\.com|-sha\d+@ssh\.com|@.+)? | ssh-rsa(-cert-v0[01]@openssh\.com)?
    | x509v3-sign-dss-sha\d+@ssh\.com
    | x509v3-(ssh|sign)-(rsa|dss)(-sha1)?(@.+)? | (spki|pgp)-sign-(rsa|dss)
    """,
    r"""
    rsa-sha2-(256|512)(-cert-v01@openssh\.com)? | ssh-rsa-sha(224|256|384|512)@ssh\.com
    | ecdsa-sha2-nistp(256|384|521)(-cert-v01@openssh\.com)?
    | ssh-ed(25519|448)(-cert-v01@openssh\.com)? | ssh-mldsa-?(44|65|87) | ssh-mldsa44-ed25519@openssh\.com
    | (webauthn-)?sk-(ssh-ed25519|ecdsa-sha2-nistp256)(-cert-v01)?@openssh\.com
    | x509v3-sign-rsa-sha(224|256|384|512)(@ssh\.com)? | x509v3-(rsa2048-sha256|ecdsa-sha2-nistp(256|384|521))
    | null  # key exchange that authenticates by GSS-API (RFC 4462 §5)
    """,
)


def group_bits(method: str) -> int | None:
    """The length of the modulus of a method with a fixed group; None for other methods, and for unknown groups."""
    found = _GROUP.fullmatch(method)
    return GROUP_BITS.get(int(found[1])) if found else None


def is_fixed_group(method: str) -> bool:
    """Whether a method uses a group of fixed size."""
    return _GROUP.fullmatch(method) is not None


def is_finite_field(method: str) -> bool:
    """Whether a method is Diffie-Hellman over a finite field."""
    return _FINITE_FIELD.fullmatch(method) is not None


def is_post_quantum(method: str) -> bool:
    """Whether a method combines a curve with a post-quantum key encapsulation."""
    return _POST_QUANTUM.fullmatch(method) is not None


def is_cbc(cipher: str) -> bool:
    """Whether a cipher is in CBC mode."""
    return cipher.partition("@")[0].endswith("-cbc")


def is_encrypt_then_mac(mac: str) -> bool:
    """Whether a MAC is computed over the ciphertext."""
    return mac.partition("@")[0].endswith("-etm")


def is_aead(cipher: str) -> bool:
    """Whether a cipher authenticates by itself, so that no MAC is used with it."""
    return cipher in CHACHA20 or "gcm" in cipher.lower()
