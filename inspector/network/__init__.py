"""The one door to the network: scope, pinned addresses, courtesy budget, ledger, audit guard.

Nothing else in Inspector opens a socket or starts a scanner.
"""
