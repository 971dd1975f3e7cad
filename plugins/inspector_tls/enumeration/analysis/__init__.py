"""What a transcript shows, pure: what the bytes show counts, not in which order or why the questions were asked.

Something is accepted when it was picked, and refused when it stood in an offer that was refused. The refusal of a long
list counts only if the server was seen to read so far, and any refusal only if the server took something afterwards.
Everything else is unseen, with the cause of the last failure.

``exchange``: one exchange, parsed, and which answers may be believed · ``evidence``: what all of them show of an offer,
its picks and refusals · ``versions``, ``groups`` (with primes and signature schemes), ``extensions``, ``tolerance``:
the facts · ``tls``: all of them together.
"""
