"""Payouts and proofs over HTTP: what an owner is told, and what the operator's people record."""

from uuid import UUID

import pytest
import sqlalchemy as sa

from tests.people import Json, Person, World
from votremachine.accounts.rules import StaffRole
from votremachine.accounts.service.staff import appoint
from votremachine.infra.database import Database
from votremachine.infra.outbox import drain
from votremachine.kernel.money import Money
from votremachine.payments.ledger.proof import prove
from votremachine.payments.ledger.rules.posting import Cause
from votremachine.payments.payouts import service
from votremachine.payments.payouts.jobs import prepare_payouts
from votremachine.worker import HANDLERS


@pytest.fixture
async def operator(world: World, database: Database) -> Person:
    person = await world.farmer("operator@x.example", "Plateforme")
    async with database.begin() as tx:
        await appoint(tx, person.email, StaffRole.OPERATOR)
    return person


async def owed(database: Database, owner: Person, *minors: int) -> None:
    async with database.begin() as tx:
        await tx.execute(sa.text("UPDATE parties SET iban_sealed = 'x' WHERE id = :id"), {"id": UUID(owner.party_id)})
        for minor in minors:
            await service.add(tx, Cause("claim", tx.new_id()), UUID(owner.party_id), tx.new_id(), Money(minor))
    await prepare_payouts({"database": database})


async def the_payouts(owner: Person) -> list[Json]:
    found: list[Json] = (await owner.get(f"/parties/{owner.party_id}/payouts")).json()["items"]
    return found


async def test_an_owner_sees_what_is_paid_out_and_of_what_it_is_made(
    database: Database, owner: Person, renter: Person
) -> None:
    await owed(database, owner, 12_000, -2_000)
    (payout,) = await the_payouts(owner)
    assert (payout["state"], payout["amount"]) == ("payable", {"minor": 10_000, "currency": "EUR"})
    details = (await owner.get(f"/payouts/{payout['id']}")).json()
    assert sorted(line["amount"]["minor"] for line in details["lines"]) == [-2_000, 12_000]
    assert (await renter.get(f"/payouts/{payout['id']}")).json()["code"] == "unknown_payout"
    assert (await renter.get(f"/parties/{owner.party_id}/payouts")).status_code == 404


async def test_what_is_sent_is_paid_once(database: Database, owner: Person, operator: Person) -> None:
    await owed(database, owner, 12_000)
    (listed,) = (await operator.get("/payouts?state=payable")).json()["items"]
    path = f"/payouts/{listed['id']}"
    early = await operator.post(f"{path}/paid", Idempotency_Key="early")
    assert (early.status_code, early.json()["code"]) == (409, "illegal_transition")
    assert (await operator.post(f"{path}/sent")).json()["code"] == "idempotency_key_required"
    sent = await operator.post(f"{path}/sent", Idempotency_Key="send")
    again = await operator.post(f"{path}/sent", Idempotency_Key="send")
    assert (sent.status_code, again.json()) == (200, sent.json())
    assert (await operator.post(f"{path}/sent", Idempotency_Key="other")).status_code == 409
    assert (await operator.post(f"{path}/paid", Idempotency_Key="pay")).json()["payout"]["state"] == "paid"
    assert (await owner.post(f"{path}/failed", {"reason": "no"}, Idempotency_Key="mine")).status_code == 403
    assert [one["state"] for one in await the_payouts(owner)] == ["paid"]


async def test_what_a_bank_refuses_goes_into_another_payout(
    database: Database, owner: Person, operator: Person
) -> None:
    await owed(database, owner, 12_000)
    path = f"/payouts/{(await the_payouts(owner))[0]['id']}"
    await operator.made(f"{path}/sent", Idempotency_Key="send")
    empty = await operator.post(f"{path}/failed", {"reason": "  "}, Idempotency_Key="empty")
    assert empty.status_code == 422
    await operator.made(f"{path}/failed", {"reason": "Compte clos"}, Idempotency_Key="fail")
    await prepare_payouts({"database": database})
    new, old = await the_payouts(owner)
    assert (old["state"], old["reason"], new["state"]) == ("failed", "Compte clos", "payable")
    assert new["amount"] == old["amount"]


async def test_the_operator_is_told_of_differences_and_reads_them(
    database: Database, owner: Person, operator: Person
) -> None:
    async with database.read() as tx:
        now = tx.now
    async with database.begin() as tx:
        # An account that nobody posted to, with a balance: it differs from its checkpoint.
        account, day = tx.new_id(), now.date()
        await tx.execute(
            sa.text("INSERT INTO ledger_accounts (id, party_id, code, currency) VALUES (:id, :party, 'renter', 'EUR')"),
            {"id": account, "party": UUID(owner.party_id)},
        )
        await tx.execute(
            sa.text("INSERT INTO ledger_checkpoints (account_id, before, day, minor) VALUES (:id, :before, :day, 5)"),
            {"id": account, "before": tx.new_id(), "day": day},
        )
    proof = await prove(database, None, now, now)
    await drain(database, HANDLERS)
    (told,) = [one for one in (await operator.get("/inbox")).json()["items"] if one["kind"] == "LedgerDiffers"]
    assert str(proof.id) in told["text"]
    (listed,) = (await operator.get("/ledger/proofs")).json()["items"]
    assert listed["found"] == 1
    details = (await operator.get(f"/ledger/proofs/{proof.id}")).json()
    assert [one["fault"] for one in details["differences"]] == ["checkpoint_differs"]
    assert (await owner.get("/ledger/proofs")).status_code == 403
