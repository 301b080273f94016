"""HTTP of the demo: who may be tried out, and nothing at all on a real service."""

import asyncio
from typing import Annotated

import msgspec
from litestar import Response, Router, get
from litestar.di import NamedDependency
from litestar.params import QueryParameter

from votremachine.config import Settings
from votremachine.demo.sign_ins import SIGN_INS
from votremachine.infra.languages import language_of
from votremachine.infra.letters import letters_folder
from votremachine.infra.openapi import PUBLIC
from votremachine.infra.problems import InvalidInput, UnknownPath, responses
from votremachine.infra.replies import reply
from votremachine.infra.wire import HttpRequest


class SignInView(msgspec.Struct, frozen=True):
    """`about` says, in the caller's language, what one does as this person."""

    email: str
    password: str
    who: str
    about: str


class DemoView(msgspec.Struct, frozen=True):
    sign_ins: list[SignInView]


class LetterView(msgspec.Struct, frozen=True):
    subject: str
    text: str


@get("/demo", security=PUBLIC, responses=responses(UnknownPath))
async def demo(request: HttpRequest, settings: NamedDependency[Settings]) -> Response[DemoView]:
    """The sign-ins of the demo world; 404 where there is no demo."""
    if not settings.demo:
        raise UnknownPath
    french = language_of(request) == "fr"
    offered = [SignInView(one.email, one.password, one.who, one.fr if french else one.en) for one in SIGN_INS]
    return reply(request, DemoView(offered))


@get("/demo/letters", security=PUBLIC, responses=responses(UnknownPath, InvalidInput))
async def letters(
    request: HttpRequest,
    settings: NamedDependency[Settings],
    to: Annotated[str, QueryParameter(max_length=254, pattern=r"\.example$")],
) -> Response[list[LetterView]]:
    """The letters to an address of `.example`, which nobody has (RFC 2606), oldest first: so that the demo may be
    registered in without a mail server. 404 where there is no demo.
    """
    if not settings.demo:
        raise UnknownPath
    sent = await asyncio.to_thread(letters_folder(settings).sent_to, to.lower())
    return reply(request, [LetterView(letter.subject, letter.text) for letter in sent])


router = Router(path="/v1", tags=["demo"], route_handlers=[demo, letters])
