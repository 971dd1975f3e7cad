"""A small estate of good and bad servers on loopback, and its documents: what ``inspector demo`` inspects.

``estate.running`` starts the servers in processes of their own and ends them, ``documents.write`` lays the documents
down as files. Nothing here takes part in the inspection, which reads those files and asks those servers as it does
everybody's.
"""
