"""E-mail: text and HTML, threaded by booking, with a way to be spared the next one."""

from email.message import EmailMessage
from email.policy import Policy

from votremachine.infra.letters import NotSent, Smtp
from votremachine.notifications.channels.port import NotTaken, Parcel, Receipt
from votremachine.notifications.channels.unsubscribing import Unsubscribing
from votremachine.notifications.words.letters import html_of, text_of


class _Unfolded(str):
    """The header of that name, on one line: what does not fit into 78 letters would be encoded (RFC 2047) otherwise,
    and mail programs read no encoded link (RFC 2369, 2).
    """

    __slots__ = ()
    name = "List-Unsubscribe"

    def fold(self, *, policy: Policy) -> str:
        """As `email.policy` asks of headers that it is given."""
        return f"{self.name}: {self}{policy.linesep}"


class Email:
    """Hands each message to the mail server, under an id by which a mailbox knows a repetition."""

    at_once = 1

    def __init__(self, server: Smtp, unsubscribing: Unsubscribing, base: str) -> None:
        self._server, self._unsubscribing, self._base = server, unsubscribing, base

    async def send(self, parcel: Parcel) -> Receipt:
        try:
            message = self.written(parcel)
        except ValueError as error:
            raise NotTaken(repr(error), for_good=True) from error
        try:
            await self._server.hand_over(message)
        except NotSent as error:
            raise NotTaken(str(error), for_good=error.for_good, away=error.away) from error
        return Receipt(str(message["Message-ID"]))

    def written(self, parcel: Parcel) -> EmailMessage:
        """The whole message; raises `ValueError` for what is no single address."""
        said = parcel.said
        # What people typed into names and titles is one line here, whatever it was.
        message = self._server.addressed(parcel.to, " ".join(said.subject.split()))
        domain = self._server.domain or "votremachine.invalid"
        message["Message-ID"] = f"<{parcel.delivery_id}@{domain}>"
        if parcel.booking_id is not None:
            message["References"] = message["In-Reply-To"] = f"<booking.{parcel.booking_id}@{domain}>"
        leave = f"{self._base}/v1/unsubscribe/{self._unsubscribing.write(parcel.person_id, parcel.kind)}"
        message["List-Unsubscribe"] = _Unfolded(f"<{leave}>")
        message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
        links = {"preferences": f"{self._base}/account/messages", "unsubscribe": leave}
        message.set_content(text_of(said, parcel.language, **links))
        message.add_alternative(html_of(said, parcel.language, **links), subtype="html")
        return message
