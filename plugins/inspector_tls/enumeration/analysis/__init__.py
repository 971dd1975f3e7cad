"""The facts in a transcript, by pure functions: only the bytes count, not the order or the reasons of the questions.

A value is accepted if it was picked, and refused if it was in an offer that was refused. The refusal of a long list
counts only if the server parses lists of that length, and any refusal only if the server accepted a hello afterwards.
Everything else is unseen, with the cause of the last failure.

``exchange``: one exchange, parsed, and which answers are reliable · ``evidence``: the picks and refusals of an offer
in all exchanges · ``versions``, ``groups`` (with primes and signature schemes), ``extensions``, ``tolerance``:
the facts · ``tls``: puts the facts together.
"""
