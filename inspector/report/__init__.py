"""What every renderer shares: the view of an assessment and its messages."""
