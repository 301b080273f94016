"""What each side may say, when, and what the clock and a mediator make of it."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import httpx
import msgspec
import pytest

from tests.damages.conftest import Yard, lines
from tests.deposits.conftest import HELD
from tests.people import Person, World, at
from votremachine.app import create_app
from votremachine.config import Settings
from votremachine.damages import wear
from votremachine.damages.rules.claim import State
from votremachine.damages.service import answering
from votremachine.deposits.rules import State as DepositState
from votremachine.infra.database import Database


async def test_offers_go_back_and_forth_until_one_is_agreed_to(
    yard: Yard, renter: Person, owner: Person, tractor: str
) -> None:
    claim = await yard.claim(await yard.back(tractor), 60_000)
    assert (await yard.says(owner, claim, "accept")).status_code == 403
    contested = await yard.said(renter, claim, "contest", {"reason": "Il était déjà enfoncé.", "minor": 10_000})
    assert (contested["state"], contested["turn"]) == ("contested", "owner")
    early = await yard.says(renter, claim, "offer", {"minor": 20_000})
    assert (early.status_code, early.json()["code"]) == (409, "out_of_turn")
    high = await yard.says(owner, claim, "offer", {"minor": 60_001})
    assert (high.status_code, high.json()["code"]) == (422, "more_than_asked")
    await yard.said(owner, claim, "offer", {"minor": 30_000, "note": "La moitié."})
    own = await yard.says(owner, claim, "agree")
    assert (own.status_code, own.json()["code"]) == (409, "out_of_turn"), "nobody agrees to their own offer"
    agreed = await yard.said(renter, claim, "agree")
    assert (agreed["state"], agreed["settlement"]["awarded"]["minor"]) == ("agreed", 30_000)
    await yard.work()
    assert (await yard.claim_now(claim)).from_deposit == 30_000
    shown = (await owner.get(f"/claims/{claim['id']}")).json()
    assert [(one["side"], one["amount"]["minor"]) for one in shown["offers"]] == [("renter", 10_000), ("owner", 30_000)]
    assert [one["state"] for one in shown["steps"]] == ["open", "contested", "agreed", "settled"]


async def test_who_speaks_out_of_turn_is_told_what_is_possible_and_by_whom(
    yard: Yard, renter: Person, owner: Person, mediator: Person, tractor: str
) -> None:
    claim = await yard.claim(await yard.back(tractor), 60_000)
    early = (await yard.says(renter, claim, "offer", {"minor": 20_000})).json()
    assert (early["code"], early["state"]) == ("illegal_transition", "open")
    assert early["possible"] == {"renter": ["accept", "contest", "escalate"], "owner": ["withdraw", "escalate"]}
    assert datetime.fromisoformat(early["until"]) == datetime.fromisoformat(claim["due_at"])
    assert "the renter may accept it, contest it, and offer less or ask for a mediator" in early["detail"]
    await yard.said(renter, claim, "contest", {"reason": "Non."})
    for who, verb, body, code in (
        (renter, "offer", {"minor": 1}, "out_of_turn"),
        (renter, "accept", None, "illegal_transition"),
        (owner, "agree", None, "no_offer"),
        (mediator, "decide", {"minor": 1, "reason": "X"}, "illegal_transition"),
    ):
        refused = (await yard.says(who, claim, verb, body)).json()
        assert (refused["code"], refused["possible"]["renter"]) == (code, ["escalate"]), verb
    await yard.overdue(claim)
    late = (await yard.says(owner, claim, "offer", {"minor": 1})).json()
    assert (late["code"], late["possible"], late["until"]) == ("answer_too_late", {"mediator": ["decide"]}, None)


async def test_the_operator_says_how_long_each_has(
    yard: Yard, database: Database, settings: Settings, renter: Person, owner: Person, tractor: str
) -> None:
    """The routes and the worker go by the settings; what is due already stays due when it was."""
    claim = await yard.claim(await yard.back(tractor))
    usual = await yard.claim_now(claim)
    assert usual.due_at == usual.created_at + timedelta(hours=72)
    hasty = msgspec.structs.replace(settings, claim_answer_hours=5, claim_decision_days=2, claim_staff_days=3)
    app = create_app(hasty)
    transport = httpx.ASGITransport(app)  # type: ignore[arg-type]
    async with app.lifespan(), httpx.AsyncClient(transport=transport, base_url="http://test") as http:
        answer = await Person(http, renter.email, renter.token).post(
            f"/claims/{claim['id']}/contest",
            {"reason": "Non.", "minor": 10_000},
            If_Match=f'"{usual.version}.x"',
            Idempotency_Key=str(uuid4()),
        )
    assert answer.status_code == 200, answer.text
    told = answer.json()
    contested_at = datetime.fromisoformat(told["steps"][-1]["at"])
    assert datetime.fromisoformat(told["due_at"]) == contested_at + timedelta(hours=5)
    await yard.work()
    inbox = (await owner.get("/inbox?limit=50", Accept_Language="en")).json()["items"]
    assert ["5 hours" in one["text"] for one in inbox if one["kind"] == "ClaimContested"] == [True]
    yard.settings = hasty
    await yard.later(hours=5, minutes=1)
    waiting = await yard.claim_now(claim)
    assert waiting.state is State.MEDIATION
    assert waiting.due_at is not None
    assert timedelta(days=2) - timedelta(minutes=5) < waiting.due_at - yard.clock() <= timedelta(days=2)
    await yard.later(days=2, minutes=1)
    stalled = await yard.claim_now(claim)
    assert stalled.due_at is not None
    assert timedelta(days=3) - timedelta(minutes=5) < stalled.due_at - yard.clock() <= timedelta(days=3)


async def test_the_owner_agrees_to_nothing_that_was_not_offered(
    yard: Yard, renter: Person, owner: Person, tractor: str
) -> None:
    claim = await yard.claim(await yard.back(tractor), 60_000)
    await yard.said(renter, claim, "contest", {"reason": "Non."})
    assert (await yard.says(owner, claim, "agree")).json()["code"] == "no_offer"
    await yard.said(owner, claim, "offer", {"minor": 50_000})
    late = await yard.says(renter, claim, "contest", {"reason": "Non, non."})
    assert (late.status_code, late.json()["code"]) == (409, "illegal_transition")


async def test_a_claim_that_is_withdrawn_gives_the_deposit_back_after_the_window(
    yard: Yard, renter: Person, owner: Person, tractor: str
) -> None:
    booking = await yard.back(tractor)
    claim = await yard.claim(booking)
    await yard.later(hours=49)
    assert (await yard.deposit(booking)).state is DepositState.AUTHORISED, "the booking is completed, the claim is not"
    await yard.said(owner, claim, "withdraw", {"reason": "Retrouvé."})
    await yard.work()
    deposit = await yard.deposit(booking)
    assert (deposit.state, deposit.released) == (DepositState.RELEASED, HELD)
    assert await yard.told(renter) == ["ClaimOpened", "ClaimWithdrawn"]
    assert (await yard.says(owner, claim, "escalate", {})).status_code == 409


async def test_silence_goes_to_a_mediator_who_decides(
    yard: Yard, renter: Person, owner: Person, mediator: Person, tractor: str
) -> None:
    booking = await yard.back(tractor)
    claim = await yard.claim(booking, 60_000)
    assert (await mediator.get(f"/claims/{claim['id']}")).status_code == 200
    decision = {"minor": 45_000, "reason": "La photo du départ montre déjà une rayure."}
    early = await yard.says(mediator, claim, "decide", decision)
    assert (early.status_code, early.json()["code"]) == (409, "illegal_transition")
    await yard.later(hours=71)
    assert (await yard.claim_now(claim)).state is State.OPEN
    await yard.later(hours=1, minutes=1)
    assert (await yard.claim_now(claim)).state is State.MEDIATION
    assert await yard.told(mediator) == ["ClaimEscalated"]
    await yard.later(days=3)
    assert (await yard.deposit(booking)).state is DepositState.AUTHORISED, "it is kept alive meanwhile"
    for side in (owner, renter):
        assert (await yard.says(side, claim, "decide", decision)).status_code == 403
    assert (await yard.says(mediator, claim, "decide", decision | {"reason": "  "})).status_code == 422
    above = await yard.says(mediator, claim, "decide", decision | {"minor": 60_001})
    assert above.json()["code"] == "more_than_asked"
    decided = await yard.said(mediator, claim, "decide", decision)
    assert decision["reason"] in [one["why"] for one in decided["steps"]]
    await yard.work()
    settled = await yard.claim_now(claim)
    assert (settled.state, settled.from_deposit, settled.released) == (State.SETTLED, 45_000, HELD - 45_000)
    assert (await yard.told(owner))[-2:] == ["ClaimDecided", "ClaimSettled"]


async def test_an_answer_that_comes_too_late_is_refused_before_the_sweep_has_been_by(
    yard: Yard, renter: Person, owner: Person, mediator: Person, tractor: str
) -> None:
    claim = await yard.claim(await yard.back(tractor), 60_000)
    await yard.overdue(claim)
    for who, verb, body in (
        (renter, "accept", None),
        (renter, "contest", {"reason": "Non."}),
        (owner, "withdraw", {}),
        (owner, "escalate", {}),
    ):
        answer = await yard.says(who, claim, verb, body)
        assert (answer.status_code, answer.json()["code"]) == (409, "answer_too_late"), verb
    shown = (await renter.get(f"/claims/{claim['id']}")).json()
    assert (shown["state"], shown["turn"], shown["due_at"]) == ("mediation", None, None)
    listed = await renter.get(f"/parties/{renter.party_id}/claims?state=mediation")
    assert [one["id"] for one in listed.json()["items"]] == [claim["id"]]
    assert (await renter.get(f"/parties/{renter.party_id}/claims?state=open")).json()["items"] == []
    await yard.said(mediator, claim, "decide", {"minor": 1, "reason": "Presque rien."})


async def test_nothing_awarded_gives_everything_back(
    yard: Yard, renter: Person, mediator: Person, tractor: str
) -> None:
    booking = await yard.back(tractor)
    claim = await yard.claim(booking)
    await yard.said(renter, claim, "escalate", {"reason": "Je n'y suis pour rien."})
    assert (await yard.said(mediator, claim, "decide", {"minor": 0, "reason": "Rien ne le montre."}))[
        "state"
    ] == "settled"
    await yard.later(hours=49)
    assert (await yard.deposit(booking)).state is DepositState.RELEASED
    assert (await yard.claim_now(claim)).awarded == 0


async def test_an_admin_of_the_cooperative_of_both_decides_but_not_for_their_own_farm(
    yard: Yard, world: World, renter: Person, owner: Person, tractor: str
) -> None:
    cuma = await world.farmer("cuma@x.example", "CUMA des Pins", kind="cooperative")
    claim = await yard.claim(await yard.back(tractor), 60_000)
    await yard.said(renter, claim, "escalate", {})
    decision = {"minor": 20_000, "reason": "Partagé."}
    for farm in (renter, owner):
        assert (await cuma.get(f"/claims/{claim['id']}")).status_code == 404, "not while one of them is a stranger"
        await farm.made(f"/parties/{cuma.party_id}/members", {"party_id": farm.party_id})
        await cuma.made(f"/parties/{cuma.party_id}/members/{farm.party_id}/approve")
    assert (await cuma.get(f"/claims/{claim['id']}")).status_code == 200
    booking = f"/bookings/{claim['booking_id']}/inspections/comparison"
    assert (await cuma.get(booking)).status_code == 404, "the booking is none of theirs"
    (seen,) = (await cuma.get(f"/claims/{claim['id']}/comparison")).json()
    assert seen == (await owner.get(booking)).json()[0]
    invited = await cuma.made(f"/parties/{cuma.party_id}/invitations", {"role": "admin"})
    await owner.made("/invitations/accept", {"token": invited["token"]})
    partial = await yard.says(owner, claim, "decide", decision)
    assert (partial.status_code, partial.json()["code"]) == (403, "not_impartial")
    await yard.said(cuma, claim, "decide", decision)
    await yard.work()
    assert (await yard.claim_now(claim)).state is State.SETTLED


async def test_a_cooperative_sees_a_claim_only_while_it_is_to_decide(
    yard: Yard, world: World, renter: Person, owner: Person, tractor: str
) -> None:
    cuma = await world.farmer("cuma@x.example", "CUMA des Pins", kind="cooperative")
    for farm in (renter, owner):
        await farm.made(f"/parties/{cuma.party_id}/members", {"party_id": farm.party_id})
        await cuma.made(f"/parties/{cuma.party_id}/members/{farm.party_id}/approve")
    claim, decision = await yard.claim(await yard.back(tractor), 60_000), {"minor": 20_000, "reason": "Partagé."}
    path = f"/claims/{claim['id']}"
    assert (await cuma.get(path)).status_code == 404
    assert (await yard.says(cuma, claim, "decide", decision)).status_code == 404
    await yard.said(renter, claim, "contest", {"reason": "Non."})
    assert (await cuma.get(path)).status_code == 404
    await yard.said(owner, claim, "escalate", {})
    assert (await cuma.get(path)).status_code == 200
    await yard.said(cuma, claim, "decide", decision)
    await yard.work()
    assert ((await yard.claim_now(claim)).state, (await cuma.get(path)).status_code) == (State.SETTLED, 404)


async def test_bargaining_ends_after_so_many_offers(
    yard: Yard, renter: Person, owner: Person, tractor: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answering, "MOST_OFFERS", 3)
    claim = await yard.claim(await yard.back(tractor), 60_000)
    await yard.said(renter, claim, "contest", {"reason": "Non.", "minor": 10_000})
    await yard.said(owner, claim, "offer", {"minor": 50_000})
    await yard.said(renter, claim, "offer", {"minor": 15_000})
    one_more = await yard.says(owner, claim, "offer", {"minor": 45_000})
    assert (one_more.status_code, one_more.json()["code"]) == (409, "too_many_offers")
    agreed = await yard.said(owner, claim, "agree")
    assert agreed["settlement"]["awarded"]["minor"] == 15_000


async def test_the_window_and_the_cap_are_those_of_the_day_of_booking(
    yard: Yard, world: World, owner: Person, renter: Person
) -> None:
    machine = await world.machine(owner, claim_hours=120, claim_cap_minor=50_000)
    booking = await yard.back(machine)
    tag = (await owner.get(f"/machines/{machine}")).headers["ETag"]
    shorter = {"terms": {"claim_hours": 48, "claim_cap_minor": None}}
    assert (await owner.ask("PATCH", f"/machines/{machine}", shorter, If_Match=tag)).status_code == 200
    await yard.later(hours=49)
    assert (await yard.deposit(booking)).state is DepositState.AUTHORISED, "it may still be claimed"
    await yard.ago(booking, hours=119)
    claim = await yard.claim(booking, 40_000, 40_000)
    assert (claim["total"]["minor"], claim["asked"]["minor"]) == (80_000, 50_000)


async def test_it_is_claimed_once_in_time_and_for_what_came_back(
    yard: Yard, renter: Person, owner: Person, tractor: str
) -> None:
    booking = await yard.confirmed(tractor)
    out = await yard.claims(booking)
    assert (out.status_code, out.json()["code"]) == (409, "not_returned")
    await yard.work(at(2, 1))
    await yard.shifted(booking, timedelta(days=-3))
    await yard.went(booking)
    key, body = str(uuid4()), {"id": str(uuid4()), "reason": "X", "lines": lines(1)}
    first, again = [await owner.act(booking["id"], "claims", body, Idempotency_Key=key) for _ in range(2)]
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    assert first.json()["id"] == body["id"]
    assert (await yard.claims(booking)).json()["code"] == "claim_open_already"
    await yard.said(owner, first.json(), "withdraw", {})
    other = await yard.claims(booking, lines=[lines(1)[0], lines(1)[0] | {"machine_id": str(uuid4())}])
    assert (other.status_code, other.json()["code"]) == (422, "not_of_this_booking")
    assert other.json()["errors"][0]["pointer"] == "/lines/1/machine_id"
    await yard.ago(booking, hours=49)
    assert (await yard.claims(booking)).json()["code"] == "claim_window_closed"


async def test_what_was_read_before_is_not_answered(yard: Yard, renter: Person, tractor: str) -> None:
    claim = await yard.claim(await yard.back(tractor))
    path = f"/claims/{claim['id']}/accept"
    assert (await renter.post(path, Idempotency_Key="k")).status_code == 428
    assert (await renter.post(path, If_Match='"1.x"')).status_code == 400
    assert (await renter.post(path, If_Match='"7.x"', Idempotency_Key="k")).json()["code"] == "claim_changed"
    assert (await renter.post(path, If_Match='"1.x"', Idempotency_Key="k")).status_code == 200
    again = await renter.post(path, If_Match='"1.x"', Idempotency_Key="k")
    assert (again.status_code, again.headers["Idempotency-Replayed"]) == (200, "true")


async def test_wear_and_age_count_by_the_tables_of_the_day_of_booking(
    yard: Yard, tractor: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    booking = await yard.back(tractor)
    await yard.booked_ago(booking, days=5)
    today = datetime.now(UTC).date()
    table = [
        {"months": "0", "kept": kept, "since": f"{today - timedelta(days=days):%F}"}
        for days, kept in ((9, "9000"), (3, "100"))
    ]
    monkeypatch.setattr(wear, "_rows", lambda name: table if name == "depreciation.csv" else ())
    wear.worth.cache_clear()
    part = {"kind": "part", "what": "Vitre", "net": 10_000, "age_months": 1}
    claim = await yard.claim(booking, lines=[part])
    wear.worth.cache_clear()
    assert (claim["lines"][0]["kept"], claim["asked"]["minor"]) == (9_000, 9_000)
