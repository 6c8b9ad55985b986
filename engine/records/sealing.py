"""What is private in an entry, encrypted by a key that belongs to this entry alone."""

from __future__ import annotations

import base64
import os
import zlib

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from engine.records.canonical import NotCanonical

KEY_BYTES = 32
_NONCE_BYTES = 12


def new_key() -> bytes:
    """A key for one entry."""
    return os.urandom(KEY_BYTES)


def seal(text: str, key: bytes, id: str) -> str:
    """The text compressed and encrypted (AES-256-GCM, bound to the entry's id), as base64 of nonce and ciphertext."""
    nonce = os.urandom(_NONCE_BYTES)
    sealed = AESGCM(key).encrypt(nonce, zlib.compress(text.encode()), id.encode())
    return base64.b64encode(nonce + sealed).decode()


def unseal(sealed: str, key: bytes, id: str) -> str:
    """The text that was sealed.

    Raises:
        NotCanonical: it was not sealed by this key for this entry, or was changed since.
    """
    try:
        content = base64.b64decode(sealed, validate=True)
        opened = AESGCM(key).decrypt(content[:_NONCE_BYTES], content[_NONCE_BYTES:], id.encode())
        return zlib.decompress(opened).decode()
    except (InvalidTag, ValueError, TypeError, zlib.error) as error:
        raise NotCanonical("what it sealed does not open with its key") from error
