"""ASSESS: plan and evidence become findings."""
