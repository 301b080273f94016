"""Settings come from VOTREMACHINE_* and from nowhere else, and a wrong one is named."""

from pathlib import Path

import pytest

from votremachine.config import BadSetting, Settings, check_secrets, read_settings


def test_every_kind_of_setting_is_read() -> None:
    given = {"VOTREMACHINE_PORT": "81", "VOTREMACHINE_VAR_DIR": "/srv/x", "VOTREMACHINE_DEMO": "true", "HOME": "/root"}
    assert read_settings(given) == Settings(port=81, var_dir=Path("/srv/x"), demo=True)


@pytest.mark.parametrize(
    ("name", "value"), [("VOTREMACHINE_PORT", "many"), ("VOTREMACHINE_PRT", "81"), ("VOTREMACHINE_DEMO", "perhaps")]
)
def test_a_wrong_setting_is_named(name: str, value: str) -> None:
    with pytest.raises(BadSetting, match=name.removeprefix("VOTREMACHINE_").lower()):
        read_settings({name: value})


def test_a_secret_that_could_be_guessed_is_refused() -> None:
    long, short = "x" * 32, "x" * 31
    check_secrets(Settings(secret=long, old_secrets=f"{long} {long}"))
    for secret, older in (("", ""), (short, ""), (long, short), (long, f"{long} {short}")):
        with pytest.raises(BadSetting, match="VOTREMACHINE_SECRET"):
            check_secrets(Settings(secret=secret, old_secrets=older))


def test_links_lead_to_where_it_listens_unless_the_operator_knows_better() -> None:
    assert Settings(port=8123).link_base == "http://127.0.0.1:8123"
    assert Settings(public_url="https://cuma.example/").link_base == "https://cuma.example"
