"""The routes of accounts under /v1."""

from litestar import Router

from votremachine.accounts.routes import colleagues, entrance, oneself, parties, staff

router = Router(
    path="/v1",
    tags=["accounts"],
    route_handlers=[
        *entrance.HANDLERS,
        *oneself.HANDLERS,
        *parties.HANDLERS,
        *colleagues.HANDLERS,
        *staff.HANDLERS,
    ],
)
