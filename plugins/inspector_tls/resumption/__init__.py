"""Session tickets: which lifetimes a server gives to the tickets by which clients resume sessions."""
