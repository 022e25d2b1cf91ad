"""What operators see of a node: metrics, health, logs and bundles."""
