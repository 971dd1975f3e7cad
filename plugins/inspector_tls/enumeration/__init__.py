"""Enumerates what a TLS server accepts by sending ClientHellos: no handshake is completed, nothing is encrypted.

Modules, each of which imports only those before it: ``transcript``: questions and answers as bytes, and the purpose of
each question · ``hello_profiles``: the hellos · ``reply``: what an answer means for its hello · ``question_flow``:
questions that depend on one another · ``strategy``: which question is next · ``analysis``: the facts in a transcript ·
``scheduler``: sends the questions over connections · ``prime_tests``: tests of the primes that were sent · ``probe``.

Every question has one of these purposes. An answer is "settled" if it is a choice or a refusal; a question without a
settled answer is repeated up to twice, with no other connection open.

=============== ================================= ============================================ =======================
Purpose         Sent                              What the answer means                        Source
=============== ================================= ============================================ =======================
ssl-2           CLIENT-HELLO of SSL 2.0 with all  A SERVER-HELLO lists every cipher kind that  draft-hickman-netscape-
                cipher kinds                      both sides have: one question suffices       ssl-00 §2.5, §2.6
version         One hello for each version, with  A ServerHello of this version accepts it; an RFC 8446 §4.1.2, §4.1.3,
                every suite that can exist in it, older version or the alert protocol_version  §4.2.1, §6.2, App. D
                the rarest first                  refuses it; any other refusal refuses only
                                                  the suites
small           Where ``version`` was uncertain:  As above. It separates a hello that is too   RFC 7685 §1
                few usual suites in a hello below long from a server without an answer; the size
                512 (then 256) bytes, then the    that was understood is used from then on
                long one again
suites          All suites that were not picked   The pick is accepted; a refusal refuses the  RFC 5246 §7.4.1.2, .3;
                yet, until none is picked         rest, if the server reads so far             RFC 8446 §4.1.3
confirm         At the end: a hello that was      A choice confirms the refusals before it: a  none: servers that limit
                accepted before; not after        server may refuse every client after a while connections
                ``unusual`` was accepted
confirm         A long list of suites with those  A choice shows that the server parses long   none: servers that
                that are accepted at its end      lists to the end, so that refusals of them   truncate lists after
                (after GREASE)                    count; a refusal, that it truncates them     128 suites
named-primes    The DHE suites in a hello that    The pick needs a group that is named; servers RFC 7919 §3, §4
                names the groups ffdhe2048 …      without such groups must not pick one, so all
                ffdhe8192                         other hellos omit these groups
groups (1.3)    No key share, and all groups that A HelloRetryRequest names the group that the RFC 8446 §4.1.4, §4.2.7,
                were not picked yet               server wants; a refusal refuses the rest     §4.2.8
groups (older)  Suites on a curve, and all groups The ServerKeyExchange names the curve; where RFC 8422 §5.1.1, §5.4
                that were not picked yet          the only certificate is on a curve, that one
                                                  is offered last in each hello
signatures      All schemes that were not picked  The ServerKeyExchange names the scheme; in   RFC 5246 §7.4.1.4.1,
                yet, those for certificates left  TLS 1.3, where it is encrypted, one scheme   §7.4.3; RFC 8446 §4.2.3
                as they are; or all with MD5 and  at a time: a ServerHello accepts it
                SHA-1
preference      The accepted suites in reverse    The same pick: the server's order decides;   RFC 5246 §7.4.1.2,
                order, ChaCha20 not first         the first: the client's                      RFC 9325 §4.2.1
extensions      Where only short hellos are       What the ServerHello echoes is supported; a  RFC 5746, 7366, 7627
                understood: the extensions that   suite in CBC mode shows encrypt-then-MAC
                full ones carry
fallback        TLS_FALLBACK_SCSV, in the second  The alert inappropriate_fallback: honoured;  RFC 7507 §3
                newest version; only where one    a choice: not; another alert: not known
                older than TLS 1.2 is accepted
unusual         At the end: ``grease`` and        A choice shows both, and confirms the        see there
                ``long-hello`` in one             refusals before it
grease          Reserved suites, groups, schemes  A choice: they are ignored, as they must be  RFC 8701 §3.1
                and extensions
long-hello      A hello padded to 2048 bytes      A choice: it is accepted, as one with a      RFC 7685
                                                  post-quantum key share will be
future-version  Version number 3.153              An older version: accepted, as it must be    RFC 5246 App. E.1
=============== ================================= ============================================ =======================

Where one of the last three or the long list is not accepted, a plain hello is sent and the unusual one is repeated: a
refusal counts only if the server accepts the plain one. ``grease`` and ``long-hello`` are asked only where ``unusual``
is not accepted. Which versions are accepted is always asked; the other purposes belong to the parts of the observation
(``observations.Part``) that a scan asks for.
"""
