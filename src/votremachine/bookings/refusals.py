"""Why something about a booking is refused. Pure."""

from votremachine.availability.rules import SpanTaken
from votremachine.fleet.bookable import BOOKABLE_ERRORS
from votremachine.kernel.errors import DomainError, Kind
from votremachine.kernel.span import EndsBeforeStart, NaiveTime, OutOfTime
from votremachine.kernel.states import AboutState


class BookingsStand(DomainError):
    kind = Kind.CONFLICT
    code = "bookings_stand"
    en = "A booking still stands: bring it to its end first."
    fr = "Une réservation est encore en cours : menez-la d'abord à son terme."


class UnknownBooking(DomainError):
    kind = Kind.NOT_FOUND
    code = "unknown_booking"
    en = "There is no such booking."
    fr = "Cette réservation n'existe pas."


class OwnMachine(DomainError):
    code = "own_machine"
    en = "A party does not rent its own machine. Block the time in its calendar instead."
    fr = "On ne loue pas son propre matériel. Bloquez plutôt la période dans son calendrier."


class HoldExpired(DomainError):
    kind = Kind.CONFLICT
    code = "hold_expired"
    en = "This booking was held for a while and has expired. Book again."
    fr = "Cette réservation n'était tenue qu'un moment et a expiré. Réservez à nouveau."


class PaymentRequired(DomainError):
    kind = Kind.PAYMENT_REQUIRED
    code = "payment_required"
    en = "Only members of the owning cooperative book on account. Confirm with a card instead."
    fr = "Seuls les adhérents de la CUMA propriétaire réservent en compte. Confirmez avec une carte."


class CardsNotTaken(DomainError):
    kind = Kind.PAYMENT_REQUIRED
    code = "cards_not_taken"
    en = "Cards are not taken here: only members of the owning cooperative book, on account."
    fr = "Les cartes ne sont pas acceptées ici : seuls les adhérents de la CUMA propriétaire réservent, en compte."


class BookingChanged(DomainError):
    kind = Kind.CONFLICT
    code = "booking_changed"
    en = "This booking changed in the meantime. Read it again."
    fr = "Cette réservation a changé entre-temps. Relisez-la."


class OwnerDecides(DomainError):
    kind = Kind.CONFLICT
    code = "owner_decides"
    en = "The owner approved this time: to have another, cancel and request anew, or request what comes on top."
    fr = "Le propriétaire a validé cette période : annulez et redemandez, ou demandez la suite à part."


class NotMovable(AboutState):
    kind = Kind.CONFLICT
    code = "not_movable"
    en = "This is {state}: its time cannot be changed like that."
    fr = "L'état est « {state} » : la période ne peut pas changer ainsi."


class TimeFixed(DomainError):
    kind = Kind.CONFLICT
    code = "time_fixed"
    en = "Cancelling is not free any more, and neither is another time: it stays, or is cancelled by its terms."
    fr = "L'annulation n'est plus gratuite, le report non plus : la période reste, ou s'annule selon les conditions."


class WeatherNotOffered(DomainError):
    kind = Kind.CONFLICT
    code = "weather_not_offered"
    en = "This owner does not offer to move a rental because of the weather."
    fr = "Ce propriétaire n'offre pas de report pour cause de météo."


class NotLater(DomainError):
    code = "not_later"
    en = "To extend, give an end after the present one."
    fr = "Pour prolonger, donnez une fin postérieure à la fin actuelle."


class TooEarly(DomainError):
    kind = Kind.CONFLICT
    code = "too_early"
    en = "It is too early for that."
    fr = "Il est trop tôt pour cela."


class NotFreeYet(SpanTaken):
    code = "not_free_yet"
    en = "Until it begins, somebody else has this time. The machine may leave from {possible_from} on."
    fr = "D'ici là, la période est prise. Le matériel peut partir à partir de {possible_from}."


class TooLate(DomainError):
    kind = Kind.CONFLICT
    code = "too_late"
    en = "It is too late for that."
    fr = "Il est trop tard pour cela."


class StillOut(DomainError):
    kind = Kind.CONFLICT
    code = "machine_still_out"
    en = "This machine has not come back from its last booking. Check it in first."
    fr = "Ce matériel n'est pas rentré de sa dernière réservation. Enregistrez d'abord son retour."


class ReportNeeded(DomainError):
    kind = Kind.CONFLICT
    code = "report_needed"
    en = "The owner asks for a condition report that both sides sign: it hands the machine over and takes it back."
    fr = "Le propriétaire demande un état des lieux signé des deux côtés : c'est lui qui vaut remise et retour."


class ImpossibleReturn(DomainError):
    code = "impossible_return"
    en = "The return lies between the check-out and now."
    fr = "Le retour se situe entre le départ et maintenant."


# Why a wished time may be refused.
TIME_ERRORS = (NaiveTime, OutOfTime, EndsBeforeStart, SpanTaken, *BOOKABLE_ERRORS)
