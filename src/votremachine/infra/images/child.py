"""The process that `apart` starts: one image on stdin, the question as its argument, the reply on stdout."""

import resource
import sys

import msgspec

from votremachine.infra.images import decode
from votremachine.infra.images.apart import SECONDS, Question, Reply
from votremachine.infra.images.errors import REFUSALS

# Of addresses, more than is ever touched: WebP reserves its largest canvas before it says how large it is.
MOST_MEMORY_BYTES = 3 * 1024**3


def main(question: Question) -> Reply:
    """The answer to one question about the image on stdin."""
    try:
        if question.boxes:
            copies = decode.shrink(sys.stdin.buffer, question.boxes)
            return Reply([copy.size for copy in copies], [copy.webp for copy in copies])
        return Reply([decode.inspect(sys.stdin.buffer)])
    except REFUSALS as refusal:
        return Reply(refused=refusal.code)


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY_BYTES, MOST_MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    sys.stdout.buffer.write(msgspec.msgpack.encode(main(msgspec.json.decode(sys.argv[1], type=Question))))
