"""Tokens of platform accounts: kept sealed, refreshed one at a time over all processes (reliability R19)."""
