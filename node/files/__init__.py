"""Files that a node keeps: written whole, for their owner alone, with a format that is named."""
