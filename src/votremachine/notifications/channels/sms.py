"""SMS by an HTTP gateway: a JSON POST whose shape the operator sets, as gateways differ."""

import asyncio
from typing import Any

import httpx
import msgspec

from votremachine.infra.letters import PATIENCE_SECONDS
from votremachine.notifications.channels.port import NotTaken, Parcel, Receipt

# Three parts of an SMS that needs more than the letters of GSM, 67 each.
LONGEST = 201
# Of which more is not read from a gateway.
LARGEST_ANSWER_BYTES = 64 * 1024


class Sms:
    """`template` is the body as JSON; in its texts, `{to}`, `{text}` and `{id}` stand for what is sent."""

    at_once = 1

    def __init__(self, url: str, token: str, template: str) -> None:
        self._url, self._template = url, msgspec.json.decode(template)
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}

    async def send(self, parcel: Parcel) -> Receipt:
        values = {"to": parcel.to, "text": text_of(parcel), "id": str(parcel.delivery_id)}
        # A gateway that minds it takes a repetition for what it is.
        headers = {**self._headers, "Idempotency-Key": values["id"]}
        try:
            async with asyncio.timeout(PATIENCE_SECONDS), httpx.AsyncClient(timeout=PATIENCE_SECONDS) as http:
                answer = await http.post(self._url, json=filled(self._template, values), headers=headers)
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
            raise NotTaken(repr(error), away=True) from error
        if answer.status_code in (400, 404, 422):
            raise NotTaken(f"the gateway answered {answer.status_code}", for_good=answer.status_code != 404)
        if not answer.is_success:
            raise NotTaken(f"the gateway answered {answer.status_code}", away=True)
        return Receipt(_id_in(answer.content[:LARGEST_ANSWER_BYTES]))


def text_of(parcel: Parcel) -> str:
    """What is said in an SMS, its end cut off if need be, never its link or the code to answer with."""
    end = f" {parcel.answer}" if parcel.answer else ""
    end += f" {parcel.said.link}"
    text = " ".join(parcel.said.text.split())
    room = LONGEST - len(end)
    return (text if len(text) <= room else f"{text[: room - 1].rstrip()}…") + end


def filled(template: Any, values: dict[str, str]) -> Any:
    """A template of JSON with these values in its texts, as texts whatever they hold."""
    if isinstance(template, dict):
        return {name: filled(one, values) for name, one in template.items()}
    if isinstance(template, list):
        return [filled(one, values) for one in template]
    if not isinstance(template, str):
        return template
    # Each name once and from the template alone: a text that holds "{to}" stays as it is.
    parts = template.split("{")
    return parts[0] + "".join(_filled(part, values) for part in parts[1:])


def _filled(part: str, values: dict[str, str]) -> str:
    name, brace, rest = part.partition("}")
    return values[name] + rest if brace and name in values else "{" + part


def _id_in(body: bytes) -> str:
    """The gateway's own name of the message, where it says one."""
    try:
        said = msgspec.json.decode(body)
    except msgspec.DecodeError:
        return ""
    found = said.get("id") or said.get("message_id") or "" if isinstance(said, dict) else ""
    return str(found)
