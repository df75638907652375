"""Measurements that somebody else can repeat: `make bench`. Figures, never pass or fail."""
