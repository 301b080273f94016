"""HTTP of bundles: a zip that was built on disk, and is sent piece by piece."""

import asyncio
from collections.abc import AsyncIterator
from hashlib import blake2b
from typing import BinaryIO
from uuid import UUID

import msgspec
from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Stream

from votremachine.accounts.limits import BUNDLES
from votremachine.accounts.refusals import NotAllowed, NotSignedIn
from votremachine.accounts.routes.reading import Turnstile
from votremachine.accounts.rules import Actor
from votremachine.damages.bundles import gathering, rules
from votremachine.damages.bundles.building import Bundle, Bundles
from votremachine.damages.bundles.dossier import Dossier
from votremachine.damages.routes.hearing import Hearing
from votremachine.damages.rules.claim import UnknownClaim
from votremachine.infra.database import Tx
from votremachine.infra.images.errors import ImagesBusy
from votremachine.infra.languages import language_of
from votremachine.infra.limits import TooManyRequests
from votremachine.infra.problems import responses
from votremachine.infra.replies import names
from votremachine.infra.storage.files import StorageAway
from votremachine.infra.typesetting.press import PressBusy

CHUNK_BYTES = 256 * 1024


@get(
    "/claims/{claim_id:uuid}/bundle",
    media_type="application/zip",
    opt={"compressed": True},
    responses=responses(
        *(NotSignedIn, NotAllowed, UnknownClaim, TooManyRequests, ImagesBusy, PressBusy, StorageAway),
    ),
)
async def download(
    claim_id: FromPath[UUID],
    hearing: NamedDependency[Hearing],
    bundles: NamedDependency[Bundles],
    turnstile: NamedDependency[Turnstile],
) -> Response[bytes] | Stream:
    """All of a claim for an insurer: a zip with a PDF, reports, photos, files, and the hashes that prove them.

    To who may read the claim, in the language of `Accept-Language`, or else their own. 304 while it is the same and
    all its files are as they were sent; one in which a file is missing or altered says so, and has a tag of its own.
    """
    request, database = hearing.request, hearing.database
    who = await hearing.asked(_themselves)
    language = language_of(request) if "accept-language" in request.headers else who.language
    dossier = await gathering.gathered(database, who, hearing.links, claim_id, language)
    known, tag = request.headers.get("if-none-match"), f'"{dossier.tag()}"'
    if names(known, tag):
        return _unchanged(tag)
    await turnstile.take(request, BUNDLES, str(who.person_id))
    async with bundles.built(dossier) as bundle:
        tag = _tag(dossier, bundle)
        if names(known, tag):
            bundle.file.close()
            return _unchanged(tag)
        name = rules.archive_name(claim_id, dossier.machines[0].title, language)
        sent = {"Content-Disposition": f'attachment; filename="{name}"', "Content-Length": str(bundle.size)}
        return Stream(_pieces(bundle.file), headers=_headers(tag) | sent)


async def _themselves(_: Tx, who: Actor) -> Actor:
    return who


def _tag(dossier: Dossier, bundle: Bundle) -> str:
    """The tag of what was built: with its faults, for those are no part of the claim."""
    faults = rules.faults(bundle.entries)
    if not faults:
        return f'"{dossier.tag()}"'
    return f'"{dossier.tag()}.{blake2b(msgspec.json.encode(faults), digest_size=8).hexdigest()}"'


def _headers(tag: str) -> dict[str, str]:
    return {"ETag": tag, "Cache-Control": "private, no-cache", "Vary": "Authorization, Accept-Language"}


def _unchanged(tag: str) -> Response[bytes]:
    return Response(b"", status_code=304, headers=_headers(tag))


async def _pieces(file: BinaryIO) -> AsyncIterator[bytes]:
    try:
        while piece := await asyncio.to_thread(file.read, CHUNK_BYTES):
            yield piece
    finally:
        file.close()
