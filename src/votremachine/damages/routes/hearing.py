"""Hearing somebody about a claim over HTTP: who asks, and what their request is answered with."""

from collections.abc import Awaitable, Callable
from typing import NamedTuple, TypeVar

from litestar import Response
from litestar.di import NamedDependency

from votremachine.accounts.rules import Actor
from votremachine.accounts.service import sessions
from votremachine.accounts.tokens import Claims
from votremachine.config import Settings
from votremachine.damages.rules.claim import Claim, Patience
from votremachine.damages.schemas import ClaimDetails
from votremachine.damages.service import reading
from votremachine.infra import idempotency
from votremachine.infra.database import Database, Tx
from votremachine.infra.links import Links
from votremachine.infra.replies import expected_version, reply
from votremachine.infra.wire import HttpRequest

Body = TypeVar("Body")


class Hearing(NamedTuple):
    """One request of somebody's."""

    request: HttpRequest
    claims: Claims
    database: Database
    links: Links
    patience: Patience

    async def asked(self, question: Callable[[Tx, Actor], Awaitable[Body]]) -> Body:
        """What somebody wants to know."""
        async with self.database.read() as tx:
            return await question(tx, await sessions.actor(tx, self.claims))

    async def does(self, verb: Callable[[Tx, Actor], Awaitable[Body]]) -> Body:
        """What somebody does, who may do it twice."""

        async def identified(tx: Tx) -> Body:
            return await verb(tx, await sessions.actor(tx, self.claims))

        return await self.database.run(identified)

    async def once(self, verb: Callable[[Tx, Actor], Awaitable[Response[Body]]]) -> Response[Body]:
        """What somebody does, once for its key."""
        who = sessions.identify(self.claims)
        return await idempotency.once(self.request, self.database, self.claims.person_id, who, verb)

    async def said(self, say: Callable[[Tx, Actor, int], Awaitable[Claim]]) -> Response[ClaimDetails]:
        """What somebody says to a claim as they last read it; they are answered with the claim as it is then."""
        version = expected_version(self.request)

        async def verb(tx: Tx, who: Actor) -> Response[ClaimDetails]:
            found = await reading.details(tx, who, self.links, await say(tx, who, version))
            return reply(self.request, found, version=found.version)

        return await self.once(verb)


def hear(
    request: HttpRequest,
    claims: NamedDependency[Claims],
    database: NamedDependency[Database],
    links: NamedDependency[Links],
    settings: NamedDependency[Settings],
) -> Hearing:
    """The dependency `hearing` of the routes of claims."""
    return Hearing(request, claims, database, links, Patience.of(settings))
