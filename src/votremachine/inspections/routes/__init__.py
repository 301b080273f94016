"""HTTP of condition reports and of proofs of insurance."""
