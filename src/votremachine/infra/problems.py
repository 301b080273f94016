"""Every error leaves as RFC 9457 `application/problem+json`, in the caller's language, from this one place.

`type` is a URN that never changes, `code` its last part; the facts of the error stand beside them.
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import msgspec
import structlog
from litestar import Request, Response
from litestar.exceptions import (
    HTTPException,
    ValidationException,
)
from litestar.handlers import BaseRouteHandler
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import ParameterKwarg
from sqlalchemy.exc import DBAPIError, InterfaceError

from votremachine.infra.complaints import about_missing, about_parameter
from votremachine.infra.database import DatabaseAway, RunAgain, sqlstate
from votremachine.infra.languages import language_of
from votremachine.kernel.errors import DomainError, FieldError, Kind

MEDIA_TYPE = "application/problem+json"
STATUS: Mapping[Kind, int] = {
    Kind.MALFORMED: 400,
    Kind.UNAUTHENTICATED: 401,
    Kind.PAYMENT_REQUIRED: 402,
    Kind.FORBIDDEN: 403,
    Kind.NOT_FOUND: 404,
    Kind.CONFLICT: 409,
    Kind.STALE: 412,
    Kind.TOO_LARGE: 413,
    Kind.INVALID: 422,
    Kind.PRECONDITION_REQUIRED: 428,
    Kind.TOO_MANY: 429,
    Kind.FAULT: 500,
    Kind.UNAVAILABLE: 503,
}

# PostgreSQL's classes (Appendix A) of what passes by itself: connection, resources, shutting down, a lock not had.
AWAY = ("08", "53", "57P", "55P03")

log = structlog.get_logger()


class Problem(msgspec.Struct, omit_defaults=True):
    """What an error looks like on the wire; further members are the facts of that error."""

    type: str
    code: str
    title: str
    status: int
    detail: str
    instance: str
    errors: list[FieldError] = []
    request_id: str = ""


class BadJson(DomainError):
    kind = Kind.MALFORMED
    code = "bad_json"
    en = "The body is not valid JSON."
    fr = "Le corps de la requête n'est pas du JSON valide."


class Malformed(DomainError):
    kind = Kind.MALFORMED
    code = "malformed"
    en = "This request cannot be read."
    fr = "Cette requête est illisible."


class InvalidInput(DomainError):
    kind = Kind.INVALID
    code = "invalid_input"
    en = "Something in the request is not as it should be: see `errors`."
    fr = "Un élément de la requête n'est pas conforme : voir `errors`."


class InvalidBody(InvalidInput):
    """The same fact, with the places that are wrong."""

    def __init__(self, errors: list[FieldError]) -> None:
        super().__init__()
        self.errors = errors


class UnknownPath(DomainError):
    kind = Kind.NOT_FOUND
    code = "unknown_path"
    en = "There is nothing at this address."
    fr = "Il n'y a rien à cette adresse."


class BodyTooLarge(DomainError):
    kind = Kind.TOO_LARGE
    code = "body_too_large"
    en = "The body is larger than this address accepts."
    fr = "Le corps de la requête dépasse la taille acceptée à cette adresse."


class MethodNotAllowed(DomainError):
    kind = Kind.MALFORMED
    code = "method_not_allowed"
    en = "This address does not answer that method."
    fr = "Cette adresse ne répond pas à cette méthode."


class Unexpected(DomainError):
    kind = Kind.FAULT
    code = "unexpected"
    en = "Something went wrong on our side. Nothing was changed; give us the request id if it happens again."
    fr = "Une erreur est survenue de notre côté. Rien n'a été modifié ; si cela se répète, donnez-nous request_id."


# What any route with a body or parameters may answer.
INPUT = (BadJson, InvalidInput, BodyTooLarge)


def responses(*errors: type[DomainError]) -> dict[int, ResponseSpec]:
    """What a route states in OpenAPI about the errors it answers, one entry per status."""
    by_status: dict[int, list[str]] = {}
    stated: tuple[type[DomainError], ...] = (Malformed, *errors, Unexpected, DatabaseAway)
    for error in stated:
        by_status.setdefault(STATUS[error.kind], []).append(error.code)
    return {
        status: ResponseSpec(
            Problem, description=", ".join(sorted(set(codes))), media_type=MEDIA_TYPE, generate_examples=False
        )
        for status, codes in sorted(by_status.items())
    }


def answer(request: Request[Any, Any, Any], error: DomainError) -> Response[Any]:
    """The problem document of a domain error."""
    parts = error.parts or ([error] if error.pointer else [])
    errors = [FieldError(part.pointer or "", part.sentence(language_of(request))) for part in parts]
    document = _document(request, error, STATUS[error.kind], error.errors if isinstance(error, InvalidBody) else errors)
    if error.kind is Kind.UNAUTHENTICATED:
        document.set_header("WWW-Authenticate", "Bearer")
    if error.kind is Kind.TOO_MANY:
        document.set_header("Retry-After", str(error.facts["retry_after"]))
    return document


def _document(
    request: Request[Any, Any, Any],
    error: DomainError,
    status: int,
    errors: list[FieldError],
) -> Response[Any]:
    language = language_of(request)
    problem = Problem(
        type=f"urn:votremachine:problem:{error.code}",
        code=error.code,
        title=HTTPStatus(status).phrase,
        status=status,
        detail=error.sentence(language),
        instance=request.scope["path"],
        errors=errors,
        request_id=request.scope.get("state", {}).get("request_id", ""),
    )
    body = {**error.facts, **msgspec.to_builtins(problem)}
    return Response(
        msgspec.json.encode(body),
        status_code=status,
        media_type=MEDIA_TYPE,
        headers={"Content-Language": language, "Cache-Control": "no-store"},
    )


def _from_framework(request: Request[Any, Any, Any], error: HTTPException) -> Response[Any]:
    """Litestar's own refusals, told as ours."""
    told = _ours(error)
    if told is None:
        return unexpected(request, error)
    errors = _about_parameters(request, error) if isinstance(told, InvalidInput) else []
    refused = error.status_code == 405
    document = _document(request, told, 405 if refused else STATUS[told.kind], errors)
    if refused and error.headers:
        document.set_header("Allow", error.headers.get("allow", ""))
    return document


def _about_parameters(request: Request[Any, Any, Any], error: HTTPException) -> list[FieldError]:
    language = language_of(request)
    if not error.extra:
        return [about_missing(error.detail, language)]
    names = _names_on_the_wire(request)
    return [about_parameter(one, names, language) for one in error.extra]


def _names_on_the_wire(request: Request[Any, Any, Any]) -> Mapping[str, str]:
    """What callers know the route's parameters by, where our functions call them otherwise: `from`, `Last-Event-ID`."""
    handler = request.scope.get("route_handler")
    if not isinstance(handler, BaseRouteHandler):
        return {}
    fields = handler.parsed_fn_signature.parameters.items()
    known = {field: one.kwarg_definition for field, one in fields}
    return {field: one.name for field, one in known.items() if isinstance(one, ParameterKwarg) and one.name}


def _ours(error: HTTPException) -> DomainError | None:
    if isinstance(error, ValidationException):
        # What Litestar says of a body that is not there, before it asks for it.
        missing_body = error.extra == [{"message": "'data'", "key": "data", "source": "body"}]
        return BadJson() if missing_body else InvalidInput()
    by_status = {400: Malformed, 404: UnknownPath, 405: MethodNotAllowed, 413: BodyTooLarge}
    told = by_status.get(error.status_code)
    return told() if told else None


def _from_database(request: Request[Any, Any, Any], error: DBAPIError) -> Response[Any]:
    state = sqlstate(error) or ""
    if error.connection_invalidated or isinstance(error, InterfaceError) or state.startswith(AWAY):
        log.error("database.away", exc_info=error)
        return answer(request, DatabaseAway())
    return unexpected(request, error)


def unexpected(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
    """A fault of ours: logged with its trace, told without it."""
    log.error("request.failed", exc_info=error)
    return _document(request, Unexpected(), 500, [])


HANDLERS: dict[Any, Any] = {
    DomainError: answer,
    HTTPException: _from_framework,
    DBAPIError: _from_database,
    RunAgain: lambda request, _: answer(request, DatabaseAway()),
    500: unexpected,
}
