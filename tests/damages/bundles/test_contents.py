"""What is in a bundle, taken out of it and checked without us."""

import os
from pathlib import Path

from tests.damages.bundles.conftest import QUOTE, Case, digest
from tests.people import Person


async def test_all_of_a_claim_is_in_it_and_every_hash_is_right(case: Case, renter: Person, owner: Person) -> None:
    await case.claimed()
    await case.shows(owner, QUOTE)
    await case.shows(renter, case.photos[0])
    bundle = await case.exported()
    assert bundle.named("photos/m1-0001-depart/") == [
        f"photos/m1-0001-depart/{place:02}-{digest(one)[:12]}.jpg" for place, one in enumerate(case.photos[:2], 1)
    ]
    if folder := os.environ.get("BUNDLE_SHOWN"):
        for path, content in bundle.files.items():
            (Path(folder) / path).parent.mkdir(parents=True, exist_ok=True)
            (Path(folder) / path).write_bytes(content)
