"""Challenges: what is asked for an address and proved with what is sent there. Pure.

The digits are few, so a challenge bears only a few tries, and they are kept as a keyed hash: who reads the database
cannot try them all. A challenge for an address that nobody has looks the same from outside; nothing is sent, and no
proof is right.
"""

import hmac
from datetime import timedelta
from enum import StrEnum
from hashlib import sha256
from uuid import UUID

from votremachine.accounts.addresses import is_phone
from votremachine.infra.keys import Keys
from votremachine.infra.letters import Channel, Letter

MOST_ATTEMPTS = 5
DIGITS = 6


class Purpose(StrEnum):
    REGISTER = "register"
    SIGN_IN = "sign_in"
    RESET = "reset"
    ADDRESS = "address"
    SIGN = "sign"


LIFE = {
    Purpose.REGISTER: timedelta(hours=1),
    Purpose.SIGN_IN: timedelta(minutes=10),
    Purpose.RESET: timedelta(hours=1),
    Purpose.ADDRESS: timedelta(hours=1),
    # It is had before somebody drives to where no signal is.
    Purpose.SIGN: timedelta(days=7),
}
# A link works for whoever holds it, so it is sent only where that does no harm: setting a password anew ends every
# session and tells the person, and an address is added only by who is signed in.
WITH_LINK = frozenset({Purpose.RESET, Purpose.ADDRESS})


class Proofs:
    """Makes and checks the hashes of codes and link tokens."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys.derive("codes")

    def code_hash(self, challenge_id: UUID, code: str) -> bytes:
        return _code_hash(self._keys[0], challenge_id, code)

    def right_code(self, challenge_id: UUID, kept: bytes | None, code: str) -> bool:
        """Whether these are the digits; False when none were sent."""
        hashes = [_code_hash(key, challenge_id, code) for key in self._keys]
        return any(hmac.compare_digest(kept or b"", one) for one in hashes)


def token_hash(token: str) -> bytes:
    return sha256(token.encode()).digest()


def right_token(kept: bytes | None, token: str) -> bool:
    """Whether this is the token of the link; False when none was sent."""
    return hmac.compare_digest(kept or b"", token_hash(token))


def _code_hash(key: bytes, challenge_id: UUID, code: str) -> bytes:
    return hmac.digest(key, challenge_id.bytes + code.encode(), "sha256")


# (purpose, whether the address belongs to an account) -> subject and text, in French and in English.
_WORDS: dict[tuple[Purpose, bool], dict[str, tuple[str, str]]] = {
    (Purpose.REGISTER, False): {
        "fr": ("Votre inscription", "Bienvenue. Votre code pour terminer l'inscription : {code}"),
        "en": ("Your registration", "Welcome. Your code to finish registering: {code}"),
    },
    (Purpose.REGISTER, True): {
        "fr": (
            "Vous avez déjà un compte",
            "Quelqu'un, sans doute vous, s'inscrit avec cette adresse. Elle a déjà un compte :"
            " ce code vous y connecte, avec votre mot de passe inchangé : {code}",
        ),
        "en": (
            "You have an account already",
            "Somebody, probably you, registers with this address. It has an account already:"
            " this code signs you in, your password stays as it is: {code}",
        ),
    },
    (Purpose.SIGN_IN, True): {
        "fr": ("Votre code de connexion", "Votre code de connexion : {code}"),
        "en": ("Your code to sign in", "Your code to sign in: {code}"),
    },
    (Purpose.RESET, True): {
        "fr": (
            "Un nouveau mot de passe",
            "Pour choisir un nouveau mot de passe, ouvrez {link}\nou saisissez le code {code}."
            " Tous vos appareils seront déconnectés.",
        ),
        "en": (
            "A new password",
            "To choose a new password, open {link}\nor enter the code {code}. All your devices will be signed out.",
        ),
    },
    (Purpose.SIGN, True): {
        "fr": (
            "Votre code de signature",
            "Votre code pour signer l'état des lieux sur le téléphone du propriétaire : {code}"
            "\nDonnez-le lui quand vous avez lu l'état des lieux et signé, pas avant.",
        ),
        "en": (
            "Your code to sign",
            "Your code to sign the condition report on the owner's phone: {code}"
            "\nGive it to them when you have read the report and signed, not before.",
        ),
    },
    (Purpose.ADDRESS, False): {
        "fr": (
            "Confirmez cette adresse",
            "Pour ajouter cette adresse à votre compte, saisissez le code {code} ou, connecté, ouvrez {link}",
        ),
        "en": (
            "Confirm this address",
            "To add this address to your account, enter the code {code} or, signed in, open {link}",
        ),
    },
    (Purpose.ADDRESS, True): {
        "fr": (
            "Cette adresse a déjà un compte",
            "Quelqu'un voulait ajouter cette adresse à un compte ; elle en a déjà un. Rien n'a été modifié.",
        ),
        "en": (
            "This address has an account already",
            "Somebody wanted to add this address to an account; it has one already. Nothing was changed.",
        ),
    },
}
_END = {
    "fr": "\n\nSi vous n'avez rien demandé, ne faites rien et ne donnez ce code à personne.\nVotremachine",
    "en": "\n\nIf you asked for nothing, do nothing, and give this code to nobody.\nVotremachine",
}


def letter(purpose: Purpose, address: str, language: str, *, known: bool, code: str, link: str) -> Letter | None:
    """What is sent for a challenge; None when nothing is: nobody has the address, so there is nobody to sign in."""
    words = _WORDS.get((purpose, known))
    if words is None:
        return None
    subject, text = words[language]
    channel = Channel.SMS if is_phone(address) else Channel.EMAIL
    return Letter(
        channel,
        address,
        f"Votremachine : {subject}" if language == "fr" else f"Votremachine: {subject}",
        text.format(code=code, link=link) + _END[language],
    )
