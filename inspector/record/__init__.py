"""The models that a bundle stores: inspection, plan, ledger entry, assessment."""
