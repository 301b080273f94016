"""What a process needs to know people by: passwords, tokens, codes, each with its keys."""

from dataclasses import dataclass
from typing import Self

from votremachine.accounts.challenges import Proofs
from votremachine.accounts.passwords import Passwords
from votremachine.accounts.refreshing import Refreshing
from votremachine.accounts.tokens import Tokens
from votremachine.config import Settings
from votremachine.infra.keys import Keys, Seal


@dataclass(frozen=True)
class Credentials:
    passwords: Passwords
    tokens: Tokens
    refreshing: Refreshing
    proofs: Proofs
    ibans: Seal

    @classmethod
    def of(cls, settings: Settings) -> Self:
        keys = keys_of(settings)
        return cls(Passwords(settings), Tokens(keys), Refreshing(keys), Proofs(keys), Seal(keys, "ibans"))


def keys_of(settings: Settings) -> Keys:
    return Keys(settings.secret, settings.old_secrets.split())
