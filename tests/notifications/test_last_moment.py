"""What was told and waits for its channel is looked at once more: of each kind, what was mended by then is not sent."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Any, NamedTuple

import pytest
import sqlalchemy as sa

from tests.infra.test_letters import Mailbox, mail_server
from tests.notifications.office import Office, open_office
from tests.notifications.test_planning import ASKING, METERED, SECURED, Planning
from votremachine.config import Settings
from votremachine.infra.database import Database
from votremachine.notifications.reminders.wants import BOOKING_KINDS
from votremachine.notifications.words.said import Said
from votremachine.notifications.words.saying import say

Step = Callable[["Walk"], None]


class Walk(Planning):
    """The engine and its clock, with a mail server that takes nothing until it is told to."""

    office: Office
    box: Mailbox

    def say(self, statement: str, **values: Any) -> None:
        async def write() -> None:
            async with self.database.begin() as tx:
                await tx.execute(sa.text(statement), values)

        self.do(write())

    def handed_over(self, kind: str) -> None:
        """Time passes until something of this kind is due, which is told, and waits for its channel."""
        self.hear()
        asked = f"SELECT min(due_at) AS due FROM reminders WHERE kind = '{kind}' AND state = 'planned'"
        (row,) = self.do(self._rows(asked))
        assert row.due is not None, "it was never planned"
        self.now = max(self.now, row.due)
        self.office.now = self.now
        self.do(self.office.remind())
        assert self.states(kind) == {"waiting"}

    def sent(self, kind: str) -> set[str]:
        """The channel takes again; what becomes of what waited."""
        self.box._answers.clear()
        self.now += timedelta(seconds=40)
        self.office.now = self.now
        self.do(self.office.send())
        return self.states(kind)

    def states(self, kind: str) -> set[str]:
        asked = f"SELECT state FROM deliveries d JOIN messages m ON m.id = message_id WHERE kind = '{kind}'"
        return {row.state for row in self.do(self._rows(asked))}

    def hear(self) -> None:
        """As the worker, without an oracle."""
        self.office.now = self.now
        self.do(self.office.hear())


@pytest.fixture
def walk(settings: Settings) -> Iterator[Walk]:
    loop, stack = asyncio.new_event_loop(), AsyncExitStack()
    Walk.loop, Walk.database = loop, Database(settings.database_url, 2)
    walk = Walk()
    walk.box = Mailbox(data="451 later")
    try:
        port = loop.run_until_complete(stack.enter_async_context(mail_server(walk.box)))
        ways = open_office(settings, smtp_url=f"smtp://127.0.0.1:{port}")
        walk.office = loop.run_until_complete(stack.enter_async_context(ways))
        walk.begin()
        yield walk
    finally:
        loop.run_until_complete(stack.aclose())
        loop.run_until_complete(Walk.database.close())
        loop.close()


class Scene(NamedTuple):
    """How a booking comes to want a kind of reminder, and what mends it just before that is sent."""

    build: tuple[Step, ...]
    mend: tuple[Step, ...]


def booked(machine: int = 0, payment: str | None = "on_account") -> Step:
    return lambda walk: walk.book(machine, 48, 10, payment)


def does(what: str) -> Step:
    return lambda walk: walk.act(0, what, 2)


def answers(what: str, *, by_owner: bool = False) -> Step:
    return lambda walk: walk.answer(0, what, by_owner=by_owner)


def says(statement: str) -> Step:
    return lambda walk: walk.say(statement)


def claims(walk: Walk) -> None:
    walk.claim(0)


def uses(walk: Walk) -> None:
    walk.tell_usage(0, by_owner=True)


def refuses(walk: Walk) -> None:
    walk.secure(0, refused=True)


def waives(walk: Walk) -> None:
    walk.secure(0, refused=False)


def waives_lapsed(walk: Walk) -> None:
    walk.say("UPDATE deposits SET state = 'failed'")
    walk.secure(0, refused=False)


OUT, IN = does("out"), does("in")
NOT_ASKED = says("UPDATE machines SET asks = '{}'")
# A hold that the gateway would not renew, and one that ended; told of as `holding` does.
LAPSING = says(
    "UPDATE deposits SET state = 'authorised', order_id = gen_random_uuid(), held = minor, failure = 'declined',"
    " held_at = starts - interval '5 days', capture_before = starts - interval '3 hours'"
)
LAPSED = says("UPDATE deposits SET state = 'lapsed', failure = ''")
SCENES = {
    "booking_tomorrow": Scene((booked(),), (does("cancel"),)),
    "hand_over_soon": Scene((booked(),), (does("out"),)),
    "return_due": Scene((booked(), OUT), (IN,)),
    "overdue": Scene((booked(), OUT), (IN,)),
    "overdue_escalated": Scene((booked(), OUT), (IN,)),
    "request_waiting": Scene((booked(1),), (does("accept"),)),
    "request_expiring": Scene((booked(1),), (does("decline"),)),
    "hold_expiring": Scene((booked(payment=None),), (does("confirm"),)),
    "usage_missing": Scene((booked(METERED), OUT, IN), (uses,)),
    "departure_report_missing": Scene((booked(ASKING), does("accept")), (NOT_ASKED,)),
    "return_report_missing": Scene((booked(ASKING), does("accept"), OUT), (NOT_ASKED,)),
    "claim_window_ending": Scene((booked(), OUT, IN), (claims,)),
    "claim_answer_due": Scene((booked(), OUT, IN, claims), (answers("accept"),)),
    "claim_undecided": Scene((booked(), OUT, IN, claims, answers("escalate")), (answers("decide"),)),
    "deposit_failed": Scene((booked(SECURED), refuses), (waives,)),
    "deposit_lapsing": Scene((booked(SECURED), LAPSING), (says("UPDATE deposits SET failure = ''"),)),
    "deposit_lapsed": Scene((booked(SECURED), LAPSED), (waives_lapsed,)),
}


@pytest.mark.parametrize("mended", [True, False])
@pytest.mark.parametrize("kind", SCENES)
def test_what_was_mended_is_not_sent(kind: str, mended: bool, walk: Walk) -> None:
    for step in SCENES[kind].build:
        step(walk)
    walk.handed_over(kind)
    for step in SCENES[kind].mend if mended else ():
        step(walk)
    assert walk.sent(kind) == {"dropped" if mended else "sent"}


def test_an_answer_that_is_due_later_is_another_answer(walk: Walk) -> None:
    """The turn goes to the other side and comes back: what was handed over names an hour that is not so any more."""
    for step in (booked(), OUT, IN, claims, answers("contest"), answers("offer", by_owner=True)):
        step(walk)
    walk.handed_over("claim_answer_due")
    for step in (answers("offer"), answers("offer", by_owner=True)):
        step(walk)
    assert walk.sent("claim_answer_due") == {"dropped"}


def said_of(kind: str, walk: Walk) -> list[Said]:
    """What is said in each message of a kind that the scene leads to."""
    for step in SCENES[kind].build:
        step(walk)
    walk.handed_over(kind)
    rows = walk.do(walk._rows(f"SELECT facts, booking_id FROM messages WHERE kind = '{kind}' ORDER BY id"))
    return [say(kind, "fr", row.facts, walk.now, booking_id=row.booking_id) for row in rows]


@pytest.mark.parametrize("kind", ["claim_answer_due", "claim_undecided"])
def test_a_reminder_of_a_claim_leads_to_the_claim_and_names_what_it_asks(kind: str, walk: Walk) -> None:
    (said,) = said_of(kind, walk)
    (claim,) = walk.do(walk._rows("SELECT id FROM claims"))
    assert said.link == f"/claims/{claim.id}"
    assert "500,00\u00a0€" in said.text


@pytest.mark.parametrize("kind", ["deposit_failed", "deposit_lapsing"])
def test_a_reminder_of_a_card_says_why_it_refused(kind: str, walk: Walk) -> None:
    assert ["refus de la banque" in said.text for said in said_of(kind, walk)] == [True, True]


def test_every_kind_has_its_scene() -> None:
    """Those that are about no booking are in `test_documents`, `test_unseen` and `test_digests`."""
    assert SCENES.keys() == BOOKING_KINDS.keys()
