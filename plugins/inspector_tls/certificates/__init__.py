"""The certificates of a server: how they are asked for, what they say, and where they lead."""
