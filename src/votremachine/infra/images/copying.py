"""Making the smaller copies of a stored image: only pixels are in them, no place, camera or comment."""

import tempfile
from collections.abc import Mapping

from votremachine.infra.images import sizes
from votremachine.infra.images.apart import Images, Size
from votremachine.infra.storage.files import Files


async def make(files: Files, images: Images, original: str, names: Mapping[int, str]) -> list[Size]:
    """Put a copy of `original` under each name, to fit into the box of its width; their sizes, in that order.

    No transaction is open meanwhile. Raises `NoSuchFile`, `StorageAway`, and what `Images.shrink` does.
    """
    with tempfile.TemporaryFile() as whole:
        _, chunks = await files.get(original)
        async for chunk in chunks:
            whole.write(chunk)
        whole.flush()
        copies = await images.shrink(whole, [sizes.box(width) for width in names])
    for name, (_, webp) in zip(names.values(), copies, strict=True):
        await files.put(name, webp)
    return [size for size, _ in copies]
