"""Passwords: argon2id, off the event loop, and one hash's worth of work whether or not the account exists."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from votremachine.config import Settings

# argon2 lets go of the interpreter while it works; two threads keep a burst of sign-ins from taking every core.
THREADS = 2
_workers = ThreadPoolExecutor(THREADS, thread_name_prefix="argon2")


class Passwords:
    """Hashes and verifies with the parameters of these settings."""

    def __init__(self, settings: Settings) -> None:
        self._hasher = PasswordHasher(
            time_cost=settings.argon2_passes, memory_cost=settings.argon2_memory_kib, parallelism=settings.argon2_lanes
        )
        # Verified against when there is no such account, so that the answer takes as long.
        self._decoy = self._hasher.hash("nobody has this password")

    async def hash(self, password: str) -> str:
        return await asyncio.get_running_loop().run_in_executor(_workers, self._hasher.hash, password)

    async def verify(self, password_hash: str | None, password: str) -> bool:
        """Whether the password is the hashed one; False for `None`, after the same work."""
        hashed = password_hash or self._decoy
        right = await asyncio.get_running_loop().run_in_executor(_workers, self._matches, hashed, password)
        return right and password_hash is not None

    def outdated(self, password_hash: str) -> bool:
        """Whether a hash was made with other parameters than those in force."""
        return self._hasher.check_needs_rehash(password_hash)

    def _matches(self, password_hash: str, password: str) -> bool:
        try:
            return self._hasher.verify(password_hash, password)
        except (VerificationError, InvalidHashError):
            return False
