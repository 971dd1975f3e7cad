"""Which questions are asked, and in which order, as flows of questions: no network and no clock.

``context``: the server and what is known of it · ``asking``: one question, and a list that is exhausted · ``versions``,
``suites``, ``groups`` (with signature schemes), ``extras``: the questions · ``survey``: all of them in their order.
"""
