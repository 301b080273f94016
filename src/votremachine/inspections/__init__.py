"""Condition reports: what a machine was like when it changed hands, signed by both sides and chained to the last."""
