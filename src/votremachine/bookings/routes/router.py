"""The router of bookings."""

from litestar import Router

from votremachine.bookings.metering import routes as usage
from votremachine.bookings.routes import agenda, verbs, whole

router = Router(
    path="/v1",
    tags=["bookings"],
    route_handlers=[
        whole.create,
        whole.browse,
        whole.show,
        whole.history,
        whole.show_payments,
        verbs.confirm,
        verbs.accept,
        verbs.decline,
        verbs.cancel,
        verbs.reschedule,
        verbs.extend,
        verbs.check_out,
        verbs.check_in,
        verbs.no_show,
        usage.propose,
        usage.agree,
        usage.browse,
        usage.pay,
        agenda.of_machine,
        agenda.of_fleet,
    ],
)
