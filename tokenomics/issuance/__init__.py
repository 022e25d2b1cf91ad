"""From values to tokens: recognition, ceiling, cover, limit and mint, on chain and offline."""
