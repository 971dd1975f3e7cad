"""PLAN: the scan tasks of an inspection, their order, and their upper bounds."""
