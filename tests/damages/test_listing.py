"""Who finds which claims without a message: their sides, whoever is to decide them, and nobody else."""

import pytest

from tests.damages.conftest import Yard
from tests.damages.test_statements import MORE
from tests.people import Json, Person, World
from tests.statements import Statements
from votremachine.accounts.rules import StaffRole
from votremachine.accounts.service.staff import appoint
from votremachine.infra.database import Database

MOST_STATEMENTS = 6
# In mediation nothing waits for the owner.
SHOWN = {
    ("owner", ""): True,
    ("owner", "waiting=true"): False,
    ("mediator", ""): True,
    ("mediator", "waiting=true"): True,
}


async def listed(who: Person, query: str = "") -> list[str]:
    answer = await who.get(f"/claims?{query}")
    assert answer.status_code == 200, answer.text
    return [one["id"] for one in answer.json()["items"]]


async def waits_for(claim: Json, *people: Person) -> list[bool]:
    """Whether it waits for each of them."""
    found = [await listed(one, "waiting=true") for one in people]
    assert all(one in ([], [claim["id"]]) for one in found)
    return [bool(one) for one in found]


@pytest.fixture
async def cuma(world: World, owner: Person, renter: Person) -> Person:
    """An admin of a cooperative of both sides."""
    return await cooperative(world, "cuma", owner, renter)


async def cooperative(world: World, name: str, *farms: Person) -> Person:
    admin = await world.farmer(f"{name}@x.example", f"CUMA {name}", kind="cooperative")
    for farm in farms:
        await farm.made(f"/parties/{admin.party_id}/members", {"party_id": farm.party_id})
        await admin.made(f"/parties/{admin.party_id}/members/{farm.party_id}/approve")
    return admin


async def test_a_claim_waits_for_whose_turn_it_is_and_then_for_who_decides(
    yard: Yard, owner: Person, renter: Person, mediator: Person, cuma: Person, tractor: str
) -> None:
    people = (owner, renter, mediator, cuma)
    claim = await yard.claim(await yard.back(tractor))
    assert await waits_for(claim, *people) == [False, True, False, False]
    await yard.said(renter, claim, "contest", {"reason": "Non.", "minor": 10_000})
    assert await waits_for(claim, *people) == [True, False, False, False]
    await yard.overdue(claim)
    assert await waits_for(claim, *people) == [False, False, True, True], "before the sweep has been by"
    await yard.later(hours=1)
    assert await waits_for(claim, *people) == [False, False, True, True]
    await yard.said(cuma, claim, "decide", {"minor": 1, "reason": "Presque rien."})
    assert await waits_for(claim, *people) == [False] * 4
    await yard.work()
    assert await waits_for(claim, *people) == [False] * 4


async def test_everybody_finds_what_they_may_read(
    yard: Yard, world: World, owner: Person, renter: Person, mediator: Person, cuma: Person, tractor: str
) -> None:
    other = await cooperative(world, "voisine", owner)
    stranger = await world.farmer("stranger@x.example", "EARL du Loin")
    claim = await yard.claim(await yard.back(tractor))

    async def found() -> list[bool]:
        """As `GET /v1/claims/{id}` has it, for each."""
        seen = []
        for one in (owner, renter, mediator, cuma, other, stranger):
            shown = (await one.get(f"/claims/{claim['id']}")).status_code == 200
            assert await listed(one) == ([claim["id"]] if shown else [])
            seen.append(shown)
        return seen

    assert await found() == [True, True, True, False, False, False]
    await yard.said(renter, claim, "contest", {"reason": "Non."})
    assert await found() == [True, True, True, False, False, False]
    await yard.said(owner, claim, "escalate", {})
    assert await found() == [True, True, True, True, False, False]
    await yard.said(mediator, claim, "decide", {"minor": 20_000, "reason": "Partagé."})
    assert await found() == [True, True, True, True, False, False]
    await yard.work()
    assert await found() == [True, True, True, False, False, False]


async def test_nothing_waits_for_who_may_not_act(
    yard: Yard, world: World, database: Database, owner: Person, renter: Person, cuma: Person, tractor: str
) -> None:
    """Support, who decides nothing; a viewer; a manager of the cooperative; and who acts for a side, however they may
    decide otherwise.
    """
    support, viewer, manager, partial = [await world.person(f"{name}@x.example") for name in "smvp"]
    async with database.begin() as tx:
        await appoint(tx, support.email, StaffRole.SUPPORT)
        await appoint(tx, partial.email, StaffRole.MEDIATOR)
    for farm, role, guest in ((renter, "viewer", viewer), (cuma, "manager", manager), (owner, "viewer", partial)):
        invited = await farm.made(f"/parties/{farm.party_id}/invitations", {"role": role})
        await guest.made("/invitations/accept", {"token": invited["token"]})
    claim = await yard.claim(await yard.back(tractor))
    people = (support, viewer, manager, partial)
    assert await waits_for(claim, *people) == [False] * 4
    assert [await listed(one) for one in people] == [[claim["id"]], [claim["id"]], [], [claim["id"]]]
    await yard.said(renter, claim, "escalate", {})
    assert await waits_for(claim, *people) == [False] * 4
    assert await listed(manager) == [], "an admin sees it"


async def test_lists_go_on_where_they_stopped_and_say_how_claims_stand(
    yard: Yard, database: Database, owner: Person, renter: Person, mediator: Person, tractor: str
) -> None:
    await yard.claim(await yard.back(tractor))
    async with database.begin() as tx:
        await tx.execute(MORE, {"more": 6})
    everything = await listed(mediator)
    assert everything == sorted(everything, reverse=True)
    assert len(everything) == 7
    paged, cursor = list[str](), ""
    while True:
        page = (await owner.get(f"/claims?limit=2{cursor}")).json()
        paged += [one["id"] for one in page["items"]]
        if not page.get("next_cursor"):
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert paged == everything
    assert await listed(owner, "state=open") == everything
    assert await listed(owner, "state=mediation") == []
    elsewhere = await renter.get(f"/claims?limit=2{cursor}")
    assert (elsewhere.status_code, elsewhere.json()["code"]) == (422, "bad_cursor"), "it is somebody else's list"


@pytest.mark.usefixtures("app")
async def test_they_ask_the_same_questions_for_one_three_and_thirty(
    yard: Yard,
    owner: Person,
    renter: Person,
    mediator: Person,
    cuma: Person,
    tractor: str,
    statements: Statements,
    database: Database,
) -> None:
    claim = await yard.claim(await yard.back(tractor))
    await yard.said(renter, claim, "escalate", {})
    there = 1
    counts: dict[tuple[str, str], set[int]] = {}
    for wanted in (1, 3, 30):
        async with database.begin() as tx:
            await tx.execute(MORE, {"more": wanted - there})
        there = wanted
        for name, who in (("owner", owner), ("mediator", mediator), ("cuma", cuma)):
            for query in ("", "waiting=true"):
                await listed(who, query)  # the connection's own first words, and the names of parties
                with statements.counted() as seen:
                    found = await listed(who, query)
                # Against whom the others are is not said.
                assert len(found) in (range(1, wanted + 1) if who is cuma else {SHOWN[name, query] and wanted})
                counts.setdefault((name, query), set()).add(len(seen))
    assert all(len(one) == 1 and one <= set(range(MOST_STATEMENTS)) for one in counts.values()), counts
