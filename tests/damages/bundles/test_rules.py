"""What files are called: nothing that anybody wrote gets out of the zip, or into a header."""

import re
from itertools import product
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from votremachine.damages.bundles import rules
from votremachine.damages.bundles.rules import Entry, Source, Status
from votremachine.damages.bundles.words import WORDS, Tongue
from votremachine.damages.rules.claim import State
from votremachine.damages.rules.costs import Kind
from votremachine.fleet.rules import Meter
from votremachine.infra.documents import SUFFIXES
from votremachine.inspections.rules.report import Cleanliness, Grade, Occasion, Severity
from votremachine.inspections.rules.signing import Side

SHA256 = st.text("0123456789abcdef", min_size=64, max_size=64)
TYPES = st.sampled_from([*SUFFIXES, "text/html", "../../x"])


@given(st.uuids(version=4), st.text(), st.sampled_from(["fr", "en"]))
def test_a_bundle_is_saved_under_a_name_that_every_system_takes(claim: UUID, title: str, language: str) -> None:
    name = rules.archive_name(claim, title, language)
    assert re.fullmatch(r"(sinistre|claim)-[0-9A-F]{8}(-[a-z0-9]+)*\.zip", name)
    assert len(name) < 70


@given(st.integers(1, 20), st.integers(1, 99_999), st.sampled_from(Occasion), st.integers(0, 99), SHA256, TYPES)
def test_paths_stay_in_the_zip(
    machine: int, sequence: int, kind: Occasion, place: int, sha256: str, media_type: str
) -> None:
    report = rules.report_path(machine, sequence, kind)
    photo = rules.photo_path(report, place, sha256, media_type)
    source = Source(photo, "x", sha256, 1, media_type, whole=False)
    paths = [report, photo, rules.path_of(source), rules.evidence_path("owner", place, sha256, media_type)]
    for path in (*paths, rules.insurance_path(place, sha256, media_type)):
        assert re.fullmatch(r"(rapports|photos|pieces|assurance)(/[a-z0-9.-]+)+", path)
        assert ".." not in path
    assert "/" not in rules.picture_name(source)
    assert (rules.suffix(media_type) == "bin") == (media_type not in SUFFIXES)


def test_two_files_never_have_one_path() -> None:
    reports = [rules.report_path(*of) for of in product((1, 11), (1, 12, 11_111), Occasion)]
    photos = [rules.photo_path(report, place, "0" * 64, "image/jpeg") for report in reports for place in (1, 11)]
    assert len({*reports, *photos}) == len(reports) + len(photos)


def test_sums_are_of_what_is_there() -> None:
    there, lost = Entry("b", Status.ALTERED, 1, "f" * 64, "0" * 64), Entry("a", Status.MISSING, 0, "", "0" * 64)
    assert rules.sums([there, lost]) == f"{'f' * 64}  b\n"
    assert rules.faults([there, lost]) == [there, lost]


def test_whatever_is_told_has_words_in_both_languages() -> None:
    listed = {"state": State, "step": State, "kind": Kind, "report": Occasion, "grade": Grade, "clean": Cleanliness}
    for name, values in (*listed.items(), ("severity", Severity), ("meter", Meter)):
        for value in values:
            assert all(WORDS[f"{name}.{value}"])
    assert {side.value for side in Side} <= WORDS.keys()
    for french, english in WORDS.values():
        assert sorted(re.findall(r"{\w+}", french)) == sorted(re.findall(r"{\w+}", english)), french
    assert Tongue("en")("offers", amount="{x}") == "offers {x}", "nobody's words are filled in"
