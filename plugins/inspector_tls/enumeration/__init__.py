"""Enumerates what a TLS server accepts with hellos of its own: no handshake is completed, nothing is encrypted.

``codes``: the tables of code points · ``hello``, ``offers``: what is sent · ``flight``, ``keys``: what comes back ·
``meaning``: what an answer says to its hello · ``steps``, ``chains``: what is asked next · ``transcript``: what was
asked and answered, as bytes · ``enumerate``: the asking itself · ``facts``, ``context``: what a transcript shows.
"""
