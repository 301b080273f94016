"""Access tokens: ours, alive, of the right audience and key; everything else speaks for nobody."""

import warnings
from datetime import UTC, datetime, timedelta
from uuid import UUID

import jwt
import pytest

from votremachine.accounts.refusals import NotSignedIn
from votremachine.accounts.tokens import ACCESS_TOKEN_LIFE, SKEW, Claims, Tokens
from votremachine.infra.keys import Keys

NOW = datetime(2026, 5, 4, 6, tzinfo=UTC)
SECRET = "a secret of thirty-two bytes or more"
KEYS = Keys(SECRET)
CLAIMS = Claims(UUID(int=1), UUID(int=2))
KEY = KEYS.derive("access tokens")[0]
KID = jwt.get_unverified_header(Tokens(KEYS).sign(CLAIMS, NOW))["kid"]
RIGHT = {
    "sub": str(CLAIMS.person_id),
    "sid": str(CLAIMS.session_id),
    "aud": "votremachine",
    "iat": NOW,
    "exp": NOW + ACCESS_TOKEN_LIFE,
}


def forged(
    change: dict[str, object], *, key: bytes | None = KEY, kid: str | None = KID, algorithm: str = "HS256"
) -> str:
    body = {name: value for name, value in (RIGHT | change).items() if value is not None}
    with warnings.catch_warnings(action="ignore"):  # of keys too short for what they are made to sign
        return jwt.encode(body, key or "", algorithm, headers={"kid": kid} if kid else {})


def test_a_token_speaks_for_its_person_until_it_expires() -> None:
    token = Tokens(KEYS).sign(CLAIMS, NOW)
    assert Tokens(KEYS).read(token, NOW + ACCESS_TOKEN_LIFE - timedelta(seconds=1)) == CLAIMS
    with pytest.raises(NotSignedIn):
        Tokens(KEYS).read(token, NOW + ACCESS_TOKEN_LIFE)
    assert Tokens(KEYS).read(forged({}), NOW) == CLAIMS, "the forger of this file knows how"


def test_a_clock_may_be_a_minute_ahead_and_not_more() -> None:
    token = Tokens(KEYS).sign(CLAIMS, NOW + SKEW)
    assert Tokens(KEYS).read(token, NOW) == CLAIMS
    with pytest.raises(NotSignedIn):
        Tokens(KEYS).read(token, NOW - timedelta(seconds=1))


def test_a_token_remembered_as_right_still_expires() -> None:
    tokens, token = Tokens(KEYS), Tokens(KEYS).sign(CLAIMS, NOW)
    assert tokens.read(token, NOW) == CLAIMS
    with pytest.raises(NotSignedIn):
        tokens.read(token, NOW + ACCESS_TOKEN_LIFE)


def test_keys_rotate_without_signing_anyone_out() -> None:
    before = Tokens(KEYS).sign(CLAIMS, NOW)
    rotated = Tokens(Keys("a newer secret, of as many bytes", [SECRET]))
    assert rotated.read(before, NOW) == CLAIMS
    after = rotated.sign(CLAIMS, NOW)
    assert jwt.get_unverified_header(after)["kid"] != KID
    assert rotated.read(after, NOW) == CLAIMS
    with pytest.raises(NotSignedIn):
        Tokens(KEYS).read(after, NOW)
    with pytest.raises(NotSignedIn):
        Tokens(Keys("a newer secret, of as many bytes")).read(before, NOW)


@pytest.mark.parametrize(
    "token",
    [
        forged({}, key=b"x" * 32),
        forged({}, kid=None),
        forged({}, kid="another"),
        forged({}, key=KEYS.derive("codes")[0]),
        forged({}, algorithm="HS512"),
        forged({}, key=None, algorithm="none"),
        forged({"aud": "other"}),
        forged({"aud": None}),
        forged({"sid": None}),
        forged({"sub": "me"}),
        forged({"sub": 7}),
        forged({"exp": None}),
        forged({"iat": None}),
        forged({"exp": 10**30}),
        "",
        "a.b.c",
        "é",
        forged({})[:-2],
        forged({}) + "x",
    ],
    ids=[
        "key", "no kid", "kid", "key of another purpose", "algorithm", "no signature", "audience", "no audience",
        "no session", "no id", "a number", "no end", "no beginning", "end of time", "empty", "nonsense", "not ascii",
        "cut", "longer",
    ],
)  # fmt: skip
def test_a_token_that_is_not_ours_speaks_for_nobody(token: str) -> None:
    with pytest.raises(NotSignedIn):
        Tokens(KEYS).read(token, NOW)
