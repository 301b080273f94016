"""A receipt in words, to be printed or sent on: French or English, plain text."""

import msgspec

from votremachine.infra.languages import Language
from votremachine.inspections.rules.report import Occasion
from votremachine.inspections.rules.signing import Method, Side
from votremachine.inspections.schemas import ReceiptView, SignatureView

_TITLES = {
    Occasion.CHECK_OUT: ("État des lieux de départ", "Condition report at check-out"),
    Occasion.CHECK_IN: ("État des lieux de retour", "Condition report at check-in"),
    Occasion.RELAY: ("État des lieux de relais", "Condition report of a relay"),
    Occasion.AMENDMENT: ("Avenant à un état des lieux", "Amendment to a condition report"),
}
_SIDES = {
    Side.OWNER: ("Propriétaire", "Owner"),
    Side.RENTER: ("Locataire", "Renter"),
    Side.NEXT_RENTER: ("Locataire suivant", "Next renter"),
}
_METHODS = {
    Method.SESSION: ("confirmé dans sa session", "confirmed in their own session"),
    Method.DRAWN: ("signé à la main, avec un code personnel", "signed by hand, with a code of their own"),
    Method.ABSENT: ("n'a pas signé", "did not sign"),
}
_LINES = (
    "{title}\n{machine}\n{owner} → {renters}\nÉtabli le {made:%d/%m/%Y à %H:%M}, signé le {signed:%d/%m/%Y à %H:%M}\n"
    "{signatures}\n{photos} photos\nNuméro {sequence} de ce matériel\nEmpreinte (SHA-256) : {hash}\n"
    "Contenu : {content}\nÉtat des lieux précédent : {previous}\n",
    "{title}\n{machine}\n{owner} → {renters}\nMade on {made:%d/%m/%Y at %H:%M}, signed on {signed:%d/%m/%Y at %H:%M}\n"
    "{signatures}\n{photos} photos\nNumber {sequence} of this machine\nHash (SHA-256): {hash}\n"
    "Content: {content}\nReport before it: {previous}\n",
)


def written(receipt: ReceiptView, language: Language) -> ReceiptView:
    """The receipt with its text."""
    tongue = 0 if language == "fr" else 1
    text = _LINES[tongue].format(
        title=_TITLES[receipt.kind][tongue],
        machine=receipt.machine,
        owner=receipt.owner,
        renters=" → ".join(receipt.renters),
        made=receipt.made_at,
        signed=receipt.signed_at,
        signatures="\n".join(_signature(one, tongue) for one in receipt.signatures),
        photos=len(receipt.photos),
        sequence=receipt.sequence,
        hash=receipt.hash,
        content=receipt.content_hash,
        previous=receipt.previous,
    )
    return msgspec.structs.replace(receipt, text=text)


def _signature(one: SignatureView, tongue: int) -> str:
    side, how = _SIDES[one.side][tongue], _METHODS[one.method][tongue]
    named = f" {one.name}," if one.name else ""
    why = f" ({one.why})" if one.why else ""
    return f"{side} :{named} {how}{why}" if tongue == 0 else f"{side}:{named} {how}{why}"
