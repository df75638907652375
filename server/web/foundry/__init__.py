"""The published Foundry module, as it is (domain/vtt-wire-protocol.md)."""
