"""The input documents: declaration, authorisation, statements, settings."""
