"""The audit hook that refuses connections outside the gateway."""
