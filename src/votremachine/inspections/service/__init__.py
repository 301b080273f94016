"""The verbs of condition reports and of proofs of insurance."""
