"""Sessions that are taken up again: by which ways, and how long a ticket is good for."""
