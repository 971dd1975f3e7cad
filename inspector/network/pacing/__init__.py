"""Rate limits, admission of connections, cancellation and the connection ledger."""
