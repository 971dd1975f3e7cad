"""PLAN: which scan tasks an inspection runs, in which order, with which upper bounds."""
