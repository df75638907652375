"""Google: sign-in only."""
