"""HTTP of the demo: who may be tried out, and nothing at all on a real service."""

import msgspec
from litestar import Response, Router, get
from litestar.di import NamedDependency

from votremachine.config import Settings
from votremachine.demo.sign_ins import SIGN_INS
from votremachine.infra.languages import language_of
from votremachine.infra.openapi import PUBLIC
from votremachine.infra.problems import UnknownPath, responses
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


@get("/demo", security=PUBLIC, responses=responses(UnknownPath))
async def demo(request: HttpRequest, settings: NamedDependency[Settings]) -> Response[DemoView]:
    """The sign-ins of the demo world; 404 where there is no demo."""
    if not settings.demo:
        raise UnknownPath
    french = language_of(request) == "fr"
    offered = [SignInView(one.email, one.password, one.who, one.fr if french else one.en) for one in SIGN_INS]
    return reply(request, DemoView(offered))


router = Router(path="/v1", tags=["demo"], route_handlers=[demo])
