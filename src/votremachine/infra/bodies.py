"""Bodies are decoded once, straight into their type, and strictly: "12" is no number and 1700000000 is no time."""

from functools import lru_cache
from typing import Any

import msgspec
from litestar import Request

from votremachine.infra.complaints import place_and_text
from votremachine.infra.culprits import culprits
from votremachine.infra.languages import language_of
from votremachine.infra.problems import BadJson, InvalidBody


class StrictRequest(Request[Any, Any, Any]):
    """A request whose JSON body becomes what its handler takes as `data`."""

    async def json(self) -> Any:
        """The body as the handler's type; raises `BadJson`, `InvalidBody`. An absent body is JSON's null."""
        field = self.route_handler.parsed_data_field
        body = await self.body()
        if not body:
            raise BadJson
        decode = _decoder(field.annotation if field else Any).decode
        try:
            return decode(body)
        except msgspec.ValidationError as error:
            keys = culprits(str(error), body, decode)
            raise InvalidBody([place_and_text(str(error), language_of(self), keys)]) from error
        except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
            raise BadJson from error


@lru_cache(maxsize=256)
def _decoder(kind: Any) -> "msgspec.json.Decoder[Any]":
    return msgspec.json.Decoder(kind)
