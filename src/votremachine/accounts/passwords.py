"""Passwords: argon2id, off the event loop, and one hash's worth of work whether or not the account exists."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

# OWASP's floor for argon2id: 19 MiB, 2 passes, 1 lane.
_hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
# argon2 lets go of the interpreter while it works; two threads keep a burst of sign-ins from taking every core.
_workers = ThreadPoolExecutor(max_workers=2, thread_name_prefix="argon2")
# Verified against when there is no such account, so that the answer takes as long.
_DECOY = _hasher.hash("nobody has this password")


async def hash_password(password: str) -> str:
    return await asyncio.get_running_loop().run_in_executor(_workers, _hasher.hash, password)


async def verify_password(password_hash: str | None, password: str) -> bool:
    """Whether the password is the hashed one; False for `None`, after the same work."""
    right = await asyncio.get_running_loop().run_in_executor(_workers, _matches, password_hash or _DECOY, password)
    return right and password_hash is not None


def _matches(password_hash: str, password: str) -> bool:
    try:
        return _hasher.verify(password_hash, password)
    except (VerificationError, InvalidHashError):
        return False
