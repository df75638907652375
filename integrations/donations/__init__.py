"""Donations: what Ko-fi, StreamElements and Streamlabs send, as support events. Bytes in, no I/O anywhere."""
