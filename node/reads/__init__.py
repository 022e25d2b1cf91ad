"""What a node answers to readers: views, proofs and diagnoses over the head."""
