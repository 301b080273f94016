"""What happened to the money of a party, in words that its treasurer knows."""

import pytest

from tests.payments.ledger.test_routes import WINDOW, awarded
from tests.people import Person
from votremachine.infra.database import Database
from votremachine.payments.ledger.rules.posting import PostingKind
from votremachine.payments.ledger.rules.words import said


@pytest.mark.parametrize("language", ["fr", "en"])
def test_every_kind_has_words_of_its_own(language: str) -> None:
    words = [said(kind, language) for kind in PostingKind]
    assert len(set(words)) == len(PostingKind)
    assert not any("_" in one for one in words)


@pytest.mark.parametrize(("language", "text"), [("fr", "Indemnité pour dommage"), ("en", "Damage awarded")])
async def test_a_statement_is_in_the_language_of_its_reader(
    language: str, text: str, owner: Person, database: Database
) -> None:
    await awarded(database, owner, 500)
    path = f"/parties/{owner.party_id}/statement?account=owner_payable&{WINDOW}"
    (line,) = (await owner.get(path, Accept_Language=language)).json()["items"]
    assert (line["kind"], line["text"]) == ("awarded", text)
