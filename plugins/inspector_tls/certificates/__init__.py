"""The certificates of a server: the probe that fetches them, their facts, the validation of their paths."""
