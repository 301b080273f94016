"""The one pair of keys by which push services know us (VAPID, RFC 8292): made at the first start, kept sealed."""

import asyncio
from base64 import urlsafe_b64encode

import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from py_vapid import Vapid02
from sqlalchemy.dialects.postgresql import insert

from votremachine.infra.database import Database, Tx
from votremachine.infra.keys import Seal
from votremachine.notifications.devices.models import push_keys

_THE_ONE = sa.select(push_keys).where(push_keys.c.id == 1)


class PushSigner:
    """Signs what is pushed. The keys are looked up when they are first needed; every process has the same."""

    def __init__(self, database: Database, seal: Seal) -> None:
        self._database, self._seal = database, seal
        self._lock = asyncio.Lock()
        self._known: tuple[Vapid02, str] | None = None

    async def public(self) -> str:
        """What a browser wants as `applicationServerKey`."""
        return (await self._keys())[1]

    async def headers(self, audience: str, contact: str) -> dict[str, str]:
        """The signed headers of one request to a push service, whose origin is `audience`."""
        signer, _ = await self._keys()
        return dict(signer.sign({"aud": audience, "sub": contact}))

    async def _keys(self) -> tuple[Vapid02, str]:
        async with self._lock:
            if self._known is None:
                row = await self._database.run(self._kept)
                pem = self._seal.open(row.private_sealed)
                self._known = Vapid02.from_pem(pem.encode()), row.public
        return self._known

    async def _kept(self, tx: Tx) -> sa.Row[tuple[int, bytes, str]]:
        """The keys; the first who asks makes them, and whoever asks at the same time gets those."""
        if (row := await tx.row(_THE_ONE)) is None:
            private = ec.generate_private_key(ec.SECP256R1())
            pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
            point = private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
            public = urlsafe_b64encode(point).rstrip(b"=").decode()
            made = {"id": 1, "private_sealed": self._seal.close(pem), "public": public, "created_at": tx.now}
            await tx.execute(insert(push_keys).values(made).on_conflict_do_nothing())
            row = (await tx.execute(_THE_ONE)).one()
        return row
