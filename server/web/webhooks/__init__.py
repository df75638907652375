"""What platforms send us by HTTP: `POST /webhooks/twitch` and `POST /webhooks/kick` (contract §4)."""
