"""The addresses that the provider calls back: one for each wish, and nobody can guess them."""

from __future__ import annotations

import hashlib
import hmac
from typing import Self

from kirin.settings import Settings

PATH = "/callback/"
"""What every such path begins with: the only one that has to be public."""

_MAC_BYTES = 16
_PURPOSE = b"callback paths"


class CallbackAddresses:
    """Makes and reads addresses of the form `{PUBLIC_URL}/callback/{external_task_id}.{mac}`.

    The mac is a keyed hash of the id, by a key derived from the API key. So nothing is stored,
    every process reads what another has made, also after a restart, and a wrong path is told
    from a right one without a look at the database. A new API key ends the old addresses.
    """

    def __init__(self, *, public_url: str, secret: str) -> None:
        self._public_url = public_url
        self._key = hashlib.blake2b(secret.encode(), person=_PURPOSE).digest()

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Make the addresses of one configuration."""
        return cls(public_url=settings.public_url, secret=settings.kirin_api_key.get_secret_value())

    def url(self, external_task_id: str) -> str | None:
        """Return where the provider may call about a wish; without a public URL it may not."""
        if not self._public_url:
            return None
        return f"{self._public_url}{PATH}{external_task_id}.{self._mac(external_task_id)}"

    def read(self, path: str) -> str | None:
        """Return the id in a path that is one of ours, and `None` for every other path."""
        external_task_id, _, mac = path.removeprefix(PATH).rpartition(".")
        expected = self._mac(external_task_id)
        # compared in any case, and in constant time: the time taken tells nothing
        is_ours = hmac.compare_digest(mac.encode(errors="replace"), expected.encode())
        return external_task_id if is_ours and path.startswith(PATH) else None

    def _mac(self, external_task_id: str) -> str:
        digest = hashlib.blake2b(
            external_task_id.encode(errors="replace"), key=self._key, digest_size=_MAC_BYTES
        )
        return digest.hexdigest()
