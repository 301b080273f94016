"""What the OpenAPI document says of every route alike, and its reference page, which needs no internet."""

from dataclasses import dataclass, replace
from importlib.metadata import distribution
from pathlib import Path

from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import SwaggerRenderPlugin
from litestar.openapi.spec import (
    Components,
    OpenAPIMediaType,
    OpenAPIType,
    Operation,
    Parameter,
    RequestBody,
    Schema,
    SecurityScheme,
)

from votremachine.infra.files import serve

_KEY = Parameter(
    name="Idempotency-Key",
    param_in="header",
    required=True,
    description="Any text of yours, 1 to 255 ASCII characters; the same key gets the same answer, once.",
    schema=Schema(type=OpenAPIType.STRING, min_length=1, max_length=255),
)
_TAG = Parameter(
    name="If-Match",
    param_in="header",
    required=True,
    description="The ETag of the version that is to be changed.",
    schema=Schema(type=OpenAPIType.STRING),
)


def _with(operation: Operation, *headers: Parameter) -> None:
    operation.parameters = [*(operation.parameters or []), *headers]


@dataclass
class Committing(Operation):
    """A route that needs an `Idempotency-Key`."""

    def __post_init__(self) -> None:
        _with(self, _KEY)


@dataclass
class Repeatable(Operation):
    """A route that takes an `Idempotency-Key` if there is one."""

    def __post_init__(self) -> None:
        _with(self, replace(_KEY, required=False))


@dataclass
class Uploading(Repeatable):
    """A route that takes a CSV file as its body."""

    def __post_init__(self) -> None:
        super().__post_init__()
        text = OpenAPIMediaType(schema=Schema(type=OpenAPIType.STRING))
        self.request_body = RequestBody(content={"text/csv": text}, required=True)


@dataclass
class Editing(Operation):
    """A route that needs `If-Match`."""

    def __post_init__(self) -> None:
        _with(self, _TAG)


@dataclass
class Moving(Operation):
    """A route that needs `If-Match`, and takes an `Idempotency-Key`."""

    def __post_init__(self) -> None:
        _with(self, _TAG, replace(_KEY, required=False))


@dataclass
class SendingImage(Operation):
    """A route whose body is an image file."""

    def __post_init__(self) -> None:
        kinds = ("image/jpeg", "image/png", "image/webp", "image/heic")
        self.request_body = RequestBody({kind: OpenAPIMediaType() for kind in kinds}, required=True)


@dataclass
class SendingDocument(Operation):
    """A route whose body is a PDF or an image file."""

    def __post_init__(self) -> None:
        kinds = ("application/pdf", "image/jpeg", "image/png", "image/webp", "image/heic")
        self.request_body = RequestBody({kind: OpenAPIMediaType() for kind in kinds}, required=True)


# An empty requirement: this route needs no token.
PUBLIC: list[dict[str, list[str]]] = [{}]

# Located without importing the package, which would bring a web framework of its own.
_ASSETS = Path(str(distribution("swagger-ui-py").locate_file("swagger_ui/static")))
_ASSETS_PATH = "/schema/assets"

# Swagger UI, served from the package and not from a CDN.
assets = [
    serve(f"{_ASSETS_PATH}/{name}", _ASSETS / name)
    for name in ("swagger-ui-bundle.js", "swagger-ui-standalone-preset.js", "swagger-ui.css")
]


def config(version: str) -> OpenAPIConfig:
    """The document at /schema/openapi.json and its page at /schema."""
    return OpenAPIConfig(
        title="Votremachine",
        version=version,
        description="Farms rent each other's machinery. Errors are RFC 9457 problems; money is minor units.",
        path="/schema",
        render_plugins=[
            SwaggerRenderPlugin(
                js_url=f"{_ASSETS_PATH}/swagger-ui-bundle.js",
                css_url=f"{_ASSETS_PATH}/swagger-ui.css",
                standalone_preset_js_url=f"{_ASSETS_PATH}/swagger-ui-standalone-preset.js",
                favicon='<link rel="icon" href="data:,">',
                path=("/", "/swagger"),
            )
        ],
        components=Components(
            security_schemes={"bearer": SecurityScheme(type="http", scheme="bearer", bearer_format="JWT")}
        ),
        security=[{"bearer": []}],
    )
