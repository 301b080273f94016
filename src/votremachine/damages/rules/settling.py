"""How an award is paid: from the deposit as far as that goes, the rest by the renter. Pure."""

import msgspec


class Settlement(msgspec.Struct, frozen=True):
    """In minor units: `from_deposit + from_renter` is what is awarded, `from_deposit + released` what was held."""

    from_deposit: int
    released: int
    from_renter: int

    @property
    def awarded(self) -> int:
        return self.from_deposit + self.from_renter


def settle(award: int, held: int, cap: int) -> Settlement:
    """Pay an award, never above `cap`, from what is held; minor units, none below zero. ValueError for one that is."""
    if min(award, held, cap) < 0:
        raise ValueError("money is never below zero here")
    awarded = min(award, cap)
    from_deposit = min(awarded, held)
    return Settlement(from_deposit, held - from_deposit, awarded - from_deposit)
