"""The inventory: which organisations and systems there are, as the yearly lists say, and what follows from it.

Lists are read (``tables``, ``columns``, ``rows``), merged with what was known (``merge``) and sealed as a snapshot
(``snapshot``); statistics, deadlines and declarations are made of a snapshot and name its digest.
"""
