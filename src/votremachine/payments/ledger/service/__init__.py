"""The ledger's verbs: post, tell balances and statements, keep checkpoints, prove it all."""
