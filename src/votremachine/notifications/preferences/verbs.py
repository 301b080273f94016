"""The verbs of preferences: show, change, leave."""

from datetime import time

from msgspec.structs import replace

from votremachine.accounts.rules import Actor, require_self
from votremachine.accounts.schemas import EditMe
from votremachine.accounts.service import audit, people
from votremachine.infra.database import Tx
from votremachine.infra.replies import Stale
from votremachine.notifications.channels.unsubscribing import Leaving
from votremachine.notifications.delivering.rules import Channel
from votremachine.notifications.preferences.rules import Choice, Preferences, channels
from votremachine.notifications.preferences.schemas import KindView, PreferencesView, SetPreferences
from votremachine.notifications.preferences.service import keep, preferred_by
from votremachine.notifications.rules import KINDS

ALL = tuple(Channel)


async def show(tx: Tx, who: Actor) -> PreferencesView:
    """How a person is told."""
    return _view((await preferred_by(tx, [who.person_id]))[who.person_id], who.language)


async def change(tx: Tx, who: Actor, version: int, asked: SetPreferences) -> PreferencesView:
    """Replace what a person preferred at `version`. Raises `NotInTheirPlace`, `Stale`, and what reading it does."""
    require_self(who)
    kept = await keep(tx, who.person_id, asked.preferences(), version)
    if kept is None:
        raise Stale
    if asked.language is not None and asked.language != who.language:
        await people.edit_me(tx, who, EditMe(language=asked.language))
    await audit.note(tx, who, "prefer", "person", who.person_id)
    return _view(kept, asked.language or who.language)


async def leave(tx: Tx, leaving: Leaving) -> None:
    """A person gets no more e-mails of a kind; it stays in their inbox, and on their other channels."""
    person_id, kind = leaving
    before = (await preferred_by(tx, [person_id]))[person_id]
    now = channels(kind, before, ALL)
    everywhere = kind in before.kinds and before.kinds[kind].everywhere
    choice = Choice(tuple(one for one in now if one is not Channel.EMAIL), everywhere)
    # Whoever changes it at the same moment is asked to read it anew: this is not taken back.
    await keep(tx, person_id, replace(before, kinds={**before.kinds, kind: choice}), before.version)


def _view(preferred: Preferences, language: str) -> PreferencesView:
    return PreferencesView(
        language=language,
        zone=preferred.zone.key,
        quiet_from=_hour(preferred.quiet_from),
        quiet_until=_hour(preferred.quiet_until),
        digest_at=_hour(preferred.digest_at),
        kinds=[
            KindView(
                kind,
                known.urgent,
                list(channels(kind, preferred, ALL)),
                kind in preferred.kinds and preferred.kinds[kind].everywhere,
                kind in preferred.kinds,
            )
            for kind, known in KINDS.items()
        ],
        version=preferred.version,
    )


def _hour(at: time | None) -> str | None:
    return None if at is None else f"{at:%H:%M}"
