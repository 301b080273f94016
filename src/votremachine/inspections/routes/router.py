"""The router of condition reports and of proofs of insurance."""

from litestar import Router

from votremachine.inspections.routes import insurances, photos, reports, signing

router = Router(
    path="/v1",
    tags=["inspections"],
    route_handlers=[
        reports.send,
        reports.browse,
        reports.compare,
        reports.show,
        reports.receipt,
        reports.verify,
        reports.show_checklist,
        photos.send,
        *photos.SHOWN,
        signing.ask_code,
        signing.sign,
        insurances.add,
        insurances.browse,
        insurances.send_document,
        *insurances.SHOWN,
        insurances.cover,
        insurances.show_rule,
        insurances.set_rule,
    ],
)
