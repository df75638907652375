"""Ways in for dice over HTTP: who may send, what they send, and how they are answered (contract §6)."""
