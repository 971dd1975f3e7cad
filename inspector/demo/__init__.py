"""The demonstration: good and bad servers on loopback, and the documents that ``inspector demo`` inspects them with.

``environment.running`` runs the servers in processes of their own; ``documents.write`` writes the documents. Nothing
here takes part in the inspection, which treats them like any other documents and servers.
"""
