"""Keeping what an expression selects: XPath as in Datumaro, or a readable language."""
