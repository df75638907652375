"""Kick: translation of its webhooks, its API and its sign-in."""
