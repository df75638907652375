"""Donations: what Ko-fi, StreamElements and Streamlabs send, as support events."""
