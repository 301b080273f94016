"""The router of claims."""

from litestar import Router
from litestar.di import Provide

from votremachine.damages.bundles import routes as bundles
from votremachine.damages.routes import answers, files, paying, whole
from votremachine.damages.routes.hearing import hear

router = Router(
    path="/v1",
    tags=["claims"],
    dependencies={"hearing": Provide(hear, sync_to_thread=False)},
    route_handlers=[
        whole.open_claim,
        whole.suggest,
        whole.show,
        whole.compare,
        whole.browse,
        whole.browse_all,
        answers.accept,
        answers.contest,
        answers.offer,
        answers.agree,
        answers.withdraw,
        answers.escalate,
        answers.decide,
        paying.pay,
        files.add,
        *files.SHOWN,
        bundles.download,
    ],
)
