"""The scope of an inspection: which addresses and ports may be reached, and when."""
