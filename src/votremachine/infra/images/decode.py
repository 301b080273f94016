"""Pillow, kept on a short lead: the pixels are counted before any is decoded, and only pixels leave."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import BytesIO
from typing import BinaryIO, NamedTuple

import pillow_heif
from PIL import Image, ImageCms, UnidentifiedImageError

from votremachine.infra.images.errors import (
    MOST_MEGAPIXELS,
    REFUSALS,
    AnimatedImage,
    DamagedImage,
    NotAnImage,
    TooManyPixels,
)

# MPO, the JPEG with further pictures that many phones make, is opened by Pillow's JPEG.
FORMATS = ("JPEG", "PNG", "WEBP", "HEIF")
ORIENTATION = 0x0112  # Exif 2.32, 4.6.4 A
_TURNED = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
WEBP_QUALITY = 80

Size = tuple[int, int]  # width and height in pixels, as a person sees the image: upright

# The picture itself: no thumbnails, depth maps or gain maps beside it.
pillow_heif.register_heif_opener(thumbnails=False)
pillow_heif.options.DEPTH_IMAGES = pillow_heif.options.AUX_IMAGES = False
pillow_heif.options.DECODE_THREADS = 1


class Copy(NamedTuple):
    """A smaller image as WebP."""

    size: Size
    webp: bytes


def inspect(file: BinaryIO) -> Size:
    """How large a whole image is. Raises `NotAnImage`, `AnimatedImage`, `TooManyPixels`, `DamagedImage`."""
    with _opened(file) as image:
        size, turned = image.size, _orientation(image)
        # To its very end, but a JPEG at an eighth of its size: that is enough to see that nothing is missing.
        image.draft(image.mode, (1, 1))
        image.load()
        return _upright(size, turned)


def shrink(file: BinaryIO, boxes: Sequence[Size]) -> list[Copy]:
    """A copy to fit into each box, largest box last, never larger than the image. Raises as `inspect`.

    Copies are sRGB and upright, and carry nothing of the file but its pixels.
    """
    with _opened(file) as image:
        turned = _orientation(image)
        largest = _fitted(_upright(image.size, turned), boxes[-1])
        image.draft(image.mode, _upright(largest, turned))
        image.load()
        flat = _drawable(image).resize(_upright(largest, turned), Image.Resampling.LANCZOS, reducing_gap=3)
        flat = _in_srgb(flat, image.info.get("icc_profile"))
        whole = flat.transpose(_TURNED[turned]) if turned in _TURNED else flat
        return [_copy(whole, _fitted(whole.size, box)) for box in boxes]


@contextmanager
def _opened(file: BinaryIO) -> Iterator[Image.Image]:
    """The image, whose header was read and found good; what goes wrong with it inside is said as what it is."""
    try:
        with Image.open(file, formats=FORMATS) as image:
            _check(image)
            yield image
    except REFUSALS:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning, MemoryError) as error:
        raise TooManyPixels from error
    except UnidentifiedImageError as error:
        raise NotAnImage from error
    except Exception as error:  # codecs raise what they like about bytes that they did not expect
        raise DamagedImage from error


def _check(image: Image.Image) -> None:
    width, height = image.size
    if width * height > MOST_MEGAPIXELS * 1_000_000:
        raise TooManyPixels
    # The second picture of a JPEG or HEIC is a depth map or another view, not the next moment.
    if image.format in {"PNG", "WEBP"} and getattr(image, "is_animated", False):
        raise AnimatedImage


def _orientation(image: Image.Image) -> int:
    """How the camera was held, 1 to 8; 1, upright, when the file does not say or says nonsense."""
    try:
        return int(image.getexif().get(ORIENTATION, 1))
    except (ValueError, TypeError, SyntaxError, OSError, EOFError):
        return 1


def _upright(size: Size, orientation: int) -> Size:
    return (size[1], size[0]) if orientation in {5, 6, 7, 8} else size


def _fitted(size: Size, box: Size) -> Size:
    scale = min(1, box[0] / size[0], box[1] / size[1])
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _drawable(image: Image.Image) -> Image.Image:
    """In a mode that can be resized smoothly and turned into sRGB."""
    if image.mode.startswith("I"):
        # 16 bits of grey: Pillow would cut off at 255 instead of scaling.
        return image.convert("I").point(lambda value: value * (1 / 256)).convert("L")
    if image.mode in {"RGB", "L", "CMYK", "RGBA"}:
        return image
    seen_through = image.mode in {"LA", "PA", "La", "RGBa"} or "transparency" in image.info
    return image.convert("RGBA" if seen_through else "RGB")


def _in_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """As sRGB, from the colours of the profile that came with it, if one did that can be read."""
    if image.mode == "RGBA":
        alpha = image.getchannel("A")
        image = _in_srgb(image.convert("RGB"), profile)
        image.putalpha(alpha)
        return image
    if profile:
        try:
            source = ImageCms.ImageCmsProfile(BytesIO(profile))
            return ImageCms.profileToProfile(image, source, _SRGB, outputMode="RGB") or image
        except (ImageCms.PyCMSError, OSError, ValueError):
            pass
    return image.convert("RGB")


_SRGB = ImageCms.createProfile("sRGB")


def _copy(whole: Image.Image, size: Size) -> Copy:
    small = whole.resize(size, Image.Resampling.LANCZOS, reducing_gap=3) if size != whole.size else whole
    written = BytesIO()
    # Nothing, said outright: what is left open some versions of Pillow take from the image that was sent.
    small.save(written, "WEBP", quality=WEBP_QUALITY, exif=b"", icc_profile=b"", xmp=b"")
    return Copy(size, written.getvalue())
