"""The machine's rules about what becomes of a booking: the owner's word, either side's second thoughts, the hand-over."""

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from tests.bookings.paying.money.paying import HOUR, Paying, rental_in, some
from votremachine.bookings.service import decide, handover, look, move
from votremachine.infra.database import Tx
from votremachine.kernel.span import Span

_BOOKINGS = sa.text(
    """
    SELECT id, state, expires_at, starts, (price->'net'->>'minor')::bigint AS net,
        (price->'total'->>'minor')::bigint AS total FROM bookings
    """
)


class Renting(Paying):
    """What a side does is written down at once; what the worker does is learnt, and must have had its reason."""

    @precondition(some("requested"))
    @rule(ref=rental_in("requested"))
    def accept(self, ref: UUID) -> None:
        if self.do(lambda tx: decide.accept(tx, self.stage.owner, ref)):
            self.rentals[ref].state = "confirmed"

    @precondition(some("requested"))
    @rule(ref=rental_in("requested"))
    def decline(self, ref: UUID) -> None:
        if self.do(lambda tx: decide.decline(tx, self.stage.owner, ref, "")):
            self.rentals[ref].state = "declined"

    @precondition(some("held", "requested", "confirmed"))
    @rule(ref=rental_in("held", "requested", "confirmed"), by_owner=st.booleans())
    def cancel(self, ref: UUID, by_owner: bool) -> None:
        who, one = self.stage.owner if by_owner else self.renter_of(ref).who, self.rentals[ref]
        was = one.state
        if self.do(lambda tx: decide.cancel(tx, who, ref, "rain")):
            one.state = "cancelled"
            one.paid = one.paid and was == "confirmed"
            one.called_off = self.stage.now, "owner" if by_owner else "renter"

    @precondition(some("held", "requested", "confirmed"))
    @rule(ref=rental_in("held", "requested", "confirmed"), start=st.integers(1, 60), hours=st.integers(1, 60))
    def reschedule(self, ref: UUID, start: int, hours: int) -> None:
        begin = self.hour() + start * HOUR
        self._moved(ref, lambda tx, v: move.reschedule(tx, self.renter_of(ref).who, ref, v, _span(begin, hours)))

    @precondition(some("confirmed", "in_use"))
    @rule(ref=rental_in("confirmed", "in_use"), hours=st.integers(1, 48))
    def extend(self, ref: UUID, hours: int) -> None:
        end = self.runner.run(self.stage.read(lambda tx: look.show(tx, self.renter_of(ref).who, ref))).during.end
        self._moved(ref, lambda tx, v: move.extend(tx, self.renter_of(ref).who, ref, v, end + hours * HOUR))

    def _moved(self, ref: UUID, verb: Any) -> None:
        async def at_its_version(tx: Tx) -> Any:
            version = (await look.show(tx, self.renter_of(ref).who, ref)).version
            return await verb(tx, version)

        view = self.do(at_its_version)
        if view is not None:
            one = self.rentals[ref]
            assert not one.paid or view.price.total.minor == one.total
            one.start, one.net, one.total = view.during.start, view.price.net.minor, view.price.total.minor
            self.seen.add("moved while paid" if one.paid else "moved")

    @precondition(some("confirmed"))
    @rule(ref=rental_in("confirmed"))
    def check_out(self, ref: UUID) -> None:
        if self.do(lambda tx: handover.check_out(tx, self.stage.owner, ref)):
            self.rentals[ref].state = "in_use"

    @precondition(some("in_use"))
    @rule(ref=rental_in("in_use"))
    def check_in(self, ref: UUID) -> None:
        if self.do(lambda tx: handover.check_in(tx, self.stage.owner, ref, None)):
            self.rentals[ref].state = "returned"

    @precondition(some("confirmed"))
    @rule(ref=rental_in("confirmed"))
    def no_show(self, ref: UUID) -> None:
        if self.do(lambda tx: handover.no_show(tx, self.stage.owner, ref, "")):
            self.rentals[ref].state = "no_show"

    def learn(self) -> None:
        for row in self.runner.run(self.stage.rows(_BOOKINGS)):
            one = self.rentals[row.id]
            if row.state != one.state:
                self._learnt(row, one.state)
                one.state = row.state
            assert (row.net, row.total, row.starts) == (one.net, one.total, one.start), "nobody moved it"

    def _learnt(self, row: Any, was: str) -> None:
        one = self.rentals[row.id]
        match was, row.state:
            case "held", "confirmed" | "requested":
                assert one.tried, "nobody tried to pay for it"
                assert ("moderate" in one.policies) == (row.state == "requested")
                one.paid = True
            case "held" | "requested", "expired":
                assert row.expires_at is None
                one.paid = False
            case "confirmed", "cancelled":
                assert "moderate" in one.policies, "only what was set aside can be lost"
                one.called_off = self.stage.now, "platform"
            case "returned", "completed":
                pass
            case _:
                raise AssertionError(f"nobody took {row.id} from {was} to {row.state}")
        self.seen.add(f"{was} -> {row.state}")


def _span(begin: datetime, hours: int) -> Span:
    return Span(begin, begin + hours * HOUR)
