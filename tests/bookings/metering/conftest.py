"""The same renter, cards and gateway as where bookings are paid."""

from tests.bookings.paying.conftest import till, tractor

__all__ = ["till", "tractor"]
