"""Coverage-guided fuzzing of what reads the words of hostile servers; ``make fuzz`` runs it."""
