"""The published Foundry module `tumulte-integration` 2.3.x, served unmodified (domain/vtt-wire-protocol).

Six HTTP endpoints (`webhooks`), a Socket.IO namespace (`socket`), and what stands behind both: pairing by
code, tokens, the events of a table on their way into the engine, and commands on their way to it.
"""
