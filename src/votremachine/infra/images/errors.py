"""Why an image is refused."""

from votremachine.kernel.errors import DomainError, Kind

# 48 and 50 megapixel phones send up to 8,192 × 6,144 = 50.3 million; a bitmap of that is 200 MB.
MOST_MEGAPIXELS = 51


class NotAnImage(DomainError):
    code = "not_an_image"
    en = "This is not a JPEG, PNG, WebP or HEIC image."
    fr = "Ce n'est pas une image JPEG, PNG, WebP ou HEIC."


class AnimatedImage(DomainError):
    code = "animated_image"
    en = "This image moves. Send one that stands still."
    fr = "Cette image est animée. Envoyez une image fixe."


class TooManyPixels(DomainError):
    code = "too_many_pixels"
    en = "An image may have {megapixels} million pixels at most."
    fr = "Une image compte au plus {megapixels} millions de pixels."

    def __init__(self) -> None:
        super().__init__(megapixels=MOST_MEGAPIXELS)


class DamagedImage(DomainError):
    code = "damaged_image"
    en = "This image is cut short or damaged. Send it again."
    fr = "Cette image est incomplète ou abîmée. Envoyez-la de nouveau."


class ImagesBusy(DomainError):
    kind = Kind.UNAVAILABLE
    code = "images_busy"
    en = "This image could not be looked at just now. Try again in a moment."
    fr = "Cette image n'a pas pu être examinée pour l'instant. Réessayez dans un moment."


REFUSALS = (NotAnImage, AnimatedImage, TooManyPixels, DamagedImage)
