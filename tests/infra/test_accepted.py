"""`Accept` is heeded: a form that is wanted less, or not at all, is not sent in place of another."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from votremachine.infra.accepted import preferred

JSON, PDF = "application/json", "application/pdf"


@pytest.mark.parametrize(
    ("accept", "wanted"),
    [
        ("", JSON),
        ("*/*", JSON),
        ("*", JSON),
        ("application/*", JSON),
        ("text/html", JSON),
        ("application/pdf", PDF),
        ("Application/PDF", PDF),
        ("application/pdf;q=0", JSON),
        ("application/pdf; Q=0.000", JSON),
        ("application/pdf;q=0, */*", JSON),
        ("application/json;q=0, */*", PDF),
        ("application/json;q=0, application/pdf;q=0", JSON),
        ("application/json, application/pdf", JSON),
        ("application/pdf, application/json", PDF),
        ("application/pdf, */*", PDF),
        ("*/*, application/pdf", PDF),
        ("application/pdf;q=0.5, application/json;q=0.4", PDF),
        ("application/pdf;q=0.5, */*;q=0.8", JSON),
        ("application/*;q=0.9, application/json;q=0.1", PDF),
        ("text/html, application/xhtml+xml, application/pdf;q=0.9, */*;q=0.8", PDF),
        ("application/pdf;version=2;q=0.2, application/json;q=0.3", JSON),
        ("application/pdf;q=much, application/json", PDF),
        (",, ;q=1, application/pdf", PDF),
    ],
)
def test_what_is_wanted_most_is_sent(accept: str, wanted: str) -> None:
    assert preferred(accept, [JSON, PDF]) == wanted


@given(st.text(st.sampled_from("application/json,pdf*;q=01. x"), max_size=60))
def test_any_header_chooses_one_that_is_offered(accept: str) -> None:
    assert preferred(accept, [JSON, PDF]) in {JSON, PDF}
