"""The process that `Press` starts: a folder as its argument, in it a template and data; the PDF on stdout."""

import resource
import sys
from pathlib import Path

import msgspec
import typst
from PIL import Image

from votremachine.infra.typesetting.characters import common
from votremachine.infra.typesetting.press import DATA, SECONDS, TEMPLATE, Job

# Of addresses; a summary with sixty pictures touches 0.2 GB.
MOST_MEMORY_BYTES = 3 * 1024**3
JPEG_QUALITY = 75


def main(job: Job) -> bytes:
    """The PDF. Nothing above the folder can be read, and no font but those that come with typst."""
    folder = Path(job.folder)
    for picture in job.pictures:
        _as_jpeg(folder / picture)
    try:
        return _compiled(folder, job)
    except typst.TypstError as error:
        if "could not be displayed" not in error.message:
            raise
        # Characters that a font has, in a company in which it does not: accents of one script on letters of another.
        (folder / DATA).write_bytes(common((folder / DATA).read_bytes()))
        return _compiled(folder, job)


def _compiled(folder: Path, job: Job) -> bytes:
    return typst.compile(
        str(folder / TEMPLATE),
        root=str(folder),
        font_paths=typst.Fonts(include_system_fonts=False),
        ignore_system_fonts=True,
        format="pdf",
        pdf_standards=[job.standard],
        timestamp=job.made_at,
        # Packages are fetched from a network unless they lie here.
        package_path=str(folder),
        package_cache_path=str(folder),
    )


def _as_jpeg(file: Path) -> None:
    with Image.open(file, formats=("WEBP",)) as image:
        image.convert("RGB").save(file, "JPEG", quality=JPEG_QUALITY)


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY_BYTES, MOST_MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    sys.stdout.buffer.write(main(msgspec.json.decode(sys.argv[1], type=Job)))
