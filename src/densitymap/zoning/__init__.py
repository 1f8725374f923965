"""Zoning law as data: the code, its grammar, and the standards that bind each lot."""
