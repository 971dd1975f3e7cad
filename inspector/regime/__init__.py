"""Legal regimes as data: their models, how they are loaded and which one applies."""
