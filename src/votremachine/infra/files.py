"""A few files of the package, read once and served under their own names; there is nothing else to be found."""

from hashlib import blake2b
from pathlib import Path
from typing import Any

from litestar import Request, Response, get
from litestar.handlers import HTTPRouteHandler

KINDS = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


def serve(path: str, file: Path) -> HTTPRouteHandler:
    """A GET route for one file: with its ETag, to be asked for again when it may have changed."""
    content, kind = file.read_bytes(), KINDS[file.suffix]
    tag = f'"{blake2b(content, digest_size=12).hexdigest()}"'
    headers = {"ETag": tag, "Cache-Control": "no-cache"}

    @get(path, name=f"file:{path}", include_in_schema=False)
    async def show(request: Request[Any, Any, Any]) -> Response[bytes]:
        if request.headers.get("if-none-match") == tag:
            return Response(b"", status_code=304, headers=headers)
        return Response(content, media_type=kind, headers=headers)

    return show
