"""The main job, told step by step while it really happens over HTTP."""

import re
import secrets
import time
from datetime import UTC, datetime, timedelta

from votremachine.demo.caller import Answer, Caller, Json, NotAsPromised, check
from votremachine.demo.world import ZONE

DAY_PRICE, DEPOSIT = 12_000, 150_000  # cents, before VAT
LETTER_SECONDS = 20
SIX_DIGITS = re.compile(r"\b\d{6}\b")
LATER = timedelta(hours=4)  # by which the third wish overlaps what is booked


class Story:
    """Jeanne lends, Paul rents, Maïté comes too late. Every run has people of its own."""

    def __init__(self, url: str, language: str) -> None:
        self._url = url
        self._french = language == "fr"
        self._language = language
        self._run = secrets.token_hex(4)
        self._steps = 0
        self._start = datetime.now(ZONE).replace(hour=8, minute=0, second=0, microsecond=0) + timedelta(days=3)
        self._end = self._start + timedelta(days=1, hours=10)

    def tell(self) -> None:
        """From the first registration to the refusal of who came too late. Raises `NotAsPromised`, OSError."""
        jeanne, farm = self._farmer("Jeanne", "Ferme du Lanot")
        tractor = self._list(jeanne, farm)
        paul, _ = self._farmer("Paul", "EARL de la Dame")
        self._look(paul, tractor)
        price = self._quote(paul, tractor)
        booking = self._book(paul, tractor, price)
        self._confirm(paul, booking)
        self._both_see_it(jeanne, paul, tractor, booking)
        maite, _ = self._farmer("Maïté", "GAEC du Luy")
        self._too_late(maite, tractor)
        self._say(
            "Everything was as promised: one tractor, one booking, nobody in between.",
            "Tout s’est passé comme promis : un tracteur, une réservation, personne entre les deux.",
        )

    def _farmer(self, name: str, farm: str) -> tuple[Caller, str]:
        caller = Caller(self._url, self._language)
        email = f"{name.encode('ascii', 'ignore').decode().lower()}.{self._run}@demo.votremachine.example"
        sign_in = {"email": email, "password": secrets.token_urlsafe(12)}
        wish = {**sign_in, "name": name, "language": self._language}
        challenge = caller.ask("POST", "/auth/register", wish, expect=202).body["id"]
        self._step(caller, f"{name} registers; a code is sent.", f"{name} s’inscrit ; un code est envoyé.")
        code = {"code": self._code(caller, email)}
        pair = caller.ask("POST", f"/auth/challenges/{challenge}/redeem", code, expect=200)
        caller.token = pair.body["access_token"]
        self._step(caller, f"{name} enters the code and is in.", f"{name} saisit le code : compte ouvert.")
        asked = {"kind": "farm", "name": farm, "commune": "Mont-de-Marsan"}
        party = caller.ask("POST", "/parties", asked, expect=201).body["id"]
        self._step(caller, f"{name} creates a farm, “{farm}”.", f"{name} crée une exploitation, « {farm} ».")
        return caller, party

    def _code(self, caller: Caller, email: str) -> str:
        """The six digits of the letter, which the worker sends within a second or two."""
        for _ in range(LETTER_SECONDS * 4):
            letters = caller.ask("GET", f"/demo/letters?to={email}", expect=200).body
            if letters:
                return str(SIX_DIGITS.findall(letters[-1]["text"])[0])
            time.sleep(0.25)
        raise NotAsPromised(f"no letter came to {email}")

    def _list(self, jeanne: Caller, farm: str) -> str:
        asked = {
            "party_id": farm,
            "category": "tractor",
            "title": "Tracteur 120 ch",
            "make": "Valtra",
            "model": "N134",
            "attributes": {"power_hp": 120},
            "place": {"commune": "Mont-de-Marsan", "latitude": 43.8911, "longitude": -0.5009},
            "deposit_minor": DEPOSIT,
        }
        tractor = jeanne.ask("POST", "/machines", asked, expect=201).body["id"]
        self._step(jeanne, "Jeanne lists a tractor.", "Jeanne inscrit un tracteur.")
        jeanne.ask("POST", f"/machines/{tractor}/rates", {"rates": [{"unit": "day", "minor": DAY_PRICE}]}, expect=201)
        jeanne.ask("POST", f"/machines/{tractor}/publish", expect=200)
        price = self._euros(DAY_PRICE)
        self._step(
            jeanne,
            f"She asks {price} a day before VAT, and publishes it.",
            f"Elle en demande {price} HT par jour, et le publie.",
        )
        return str(tractor)

    def _look(self, paul: Caller, tractor: str) -> None:
        week = f"from={_utc(self._start - timedelta(days=2))}&to={_utc(self._start + timedelta(days=5))}"
        seen = paul.ask("GET", f"/machines/{tractor}/availability?{week}", expect=200).body
        check(len(seen["free"]) == 1 and not seen["busy"], f"a new machine is free all week, not {seen}")
        self._step(paul, "Paul asks when it is free: all week.", "Paul demande quand il est libre : toute la semaine.")

    def _quote(self, paul: Caller, tractor: str) -> Json:
        quote = paul.ask("POST", "/quotes", self._wish(tractor), expect=200).body
        net, total = quote["price"]["net"]["minor"], quote["price"]["total"]["minor"]
        check(quote["bookable"] and net == 2 * DAY_PRICE, f"two dates cost two days, not {quote['price']}")
        span, deposit = self._span(self._start, self._end), self._euros(quote["deposit"]["minor"])
        self._step(
            paul,
            f"He asks the price {span}: {self._euros(net)} before VAT, {self._euros(total)} in all; deposit {deposit}.",
            f"Il demande le prix {span} : {self._euros(net)} HT, {self._euros(total)} TTC ; caution {deposit}.",
        )
        return quote["price"]

    def _book(self, paul: Caller, tractor: str, price: Json) -> str:
        key, wish = secrets.token_hex(16), self._wish(tractor)
        first = paul.ask("POST", "/bookings", wish, expect=201, key=key)
        check(first.body["state"] == "held", f"a booking begins as a hold, not {first.body['state']}")
        check(first.body["price"] == price, "a booking costs what was quoted")
        self._step(paul, "He books it: held for 15 minutes.", "Il le réserve : tenu pendant 15 minutes.")
        again = paul.ask("POST", "/bookings", wish, expect=201, key=key)
        check(_same(first, again), "a request sent again has the same answer")
        self._step(
            paul,
            "His phone sends it again with its Idempotency-Key, unsure that it went through: one booking, not two.",
            "Son téléphone, dans le doute, le renvoie avec son Idempotency-Key : une réservation, pas deux.",
        )
        return str(first.body["id"])

    def _confirm(self, paul: Caller, booking: str) -> None:
        said = {"payment": "on_account"}
        done = paul.ask("POST", f"/bookings/{booking}/confirm", said, expect=200, key=secrets.token_hex(16)).body
        check(done["state"] == "confirmed", f"a confirmed hold is confirmed, not {done['state']}")
        self._step(paul, "He confirms, on account: it stands.", "Il confirme, en compte : c’est réservé.")

    def _both_see_it(self, jeanne: Caller, paul: Caller, tractor: str, booking: str) -> None:
        window = f"from={_utc(self._start)}&to={_utc(self._end)}"
        calendar = jeanne.ask("GET", f"/machines/{tractor}/agenda?{window}", expect=200).body["entries"]
        check([one["ref_id"] for one in calendar] == [booking], f"the owner's calendar has it once, not {calendar}")
        self._step(jeanne, "Jeanne sees it on her calendar.", "Jeanne la voit à son calendrier.")
        mine = paul.ask("GET", "/bookings?side=renter", expect=200).body["items"]
        check([one["id"] for one in mine] == [booking], f"the renter's bookings have it once, not {mine}")
        self._step(paul, "Paul sees it on his.", "Paul la voit au sien.")

    def _too_late(self, maite: Caller, tractor: str) -> None:
        wish = self._wish(tractor, LATER)
        refused = maite.ask("POST", "/bookings", wish, expect=409, key=secrets.token_hex(16)).body
        check(refused["code"] == "span_taken", f"an overlapping wish is refused as span_taken, not {refused['code']}")
        check(bool(refused["alternatives"]), "a refusal names a free time")
        span = self._span(self._start + LATER, self._end + LATER)
        self._step(
            maite,
            f"Maïté wants it {span}: refused, “{refused['code']}”. What is free instead, nearest first:",
            f"Maïté le voudrait {span} : refusé, « {refused['code']} ». Ce qui est libre, au plus près :",
        )
        for one in refused["alternatives"]:
            free = self._span(datetime.fromisoformat(one["start"]), datetime.fromisoformat(one["end"]))
            self._say(f"      {free}", f"      {free}")

    def _wish(self, tractor: str, later: timedelta = timedelta(0)) -> Json:
        start, end = self._start + later, self._end + later
        return {"machine_ids": [tractor], "start": start.isoformat(), "end": end.isoformat()}

    def _step(self, caller: Caller, english: str, french: str) -> None:
        self._steps += 1
        self._say(f"{self._steps:>2}. {english}", f"{self._steps:>2}. {french}")
        self._say(f"      {caller.last}", f"      {caller.last}")

    def _say(self, english: str, french: str) -> None:
        print(french if self._french else english, flush=True)  # noqa: T201 -- speaks to a person

    def _euros(self, minor: int) -> str:
        whole = f"{minor // 100},{minor % 100:02d}"
        return f"{whole} €" if self._french else f"€{whole.replace(',', '.')}"

    def _span(self, start: datetime, end: datetime) -> str:
        first, last = (f"{one.astimezone(ZONE):%d/%m %H:%M}" for one in (start, end))
        return f"du {first} au {last}" if self._french else f"from {first} to {last}"


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _same(first: Answer, again: Answer) -> bool:
    return first.body == again.body and first.headers["ETag"] == again.headers["ETag"]
