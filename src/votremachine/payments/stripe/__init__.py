"""Stripe behind the port: PaymentIntents, SetupIntents, refunds, signed events."""
