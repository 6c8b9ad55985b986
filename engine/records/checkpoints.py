"""Checkpoints: what the chain's newest entry was at one time, kept elsewhere, and signed where wanted.

Whoever may write to the database can rewrite the end of the chain together with its head. A checkpoint on
paper, or with somebody else, does not change with them.
"""

from __future__ import annotations

import base64
import json
import os
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.errors import BadInput, refuse_one
from engine.records.canonical import NotCanonical, canonical
from engine.records.canonical import parse as parse_json
from engine.records.faults import Finding
from engine.records.store import Draft, Entry, Store, as_text
from engine.source import printable, read_text, write_text_atomically

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

#: The form of a checkpoint that this program writes.
FORMAT = 1


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The newest entry of a store at one time.

    Args:
        store: what the store is called.
        sequence: the number of its newest entry; 0 where there was none.
        hash: the hash of that entry.
        time: when the checkpoint was made, in UTC.
        signature: by Ed25519 over all of the above, in base64.
        public_key: the key that the signature is checked with, in base64.
    """

    store: str
    sequence: int
    hash: str
    time: str
    signature: str | None = None
    public_key: str | None = None

    def as_mapping(self) -> dict[str, Any]:
        """The checkpoint as its JSON has it."""
        signed = {} if self.signature is None else {"signature": self.signature, "public_key": self.public_key}
        return {**self._signed_part(), **signed}

    def signed_bytes(self) -> bytes:
        """What a signature is made of: canonical JSON of all but the signature and its key."""
        return canonical(self._signed_part()).encode()

    def _signed_part(self) -> dict[str, Any]:
        return {
            "checkpoint": FORMAT,
            "store": self.store,
            "sequence": self.sequence,
            "hash": self.hash,
            "time": self.time,
        }


def make(store: Store) -> Checkpoint:
    """A checkpoint of the newest entry.

    Raises:
        BadInput: the newest entry is not the one that the head names.
    """
    sequence, hash_ = store.head()
    if store.hash_at(sequence) != hash_:
        hint = "Run 'breakeven audit verify'"
        refuse_one(store.shown, f"the newest record, number {sequence}, is not what was written", hint)
    return Checkpoint(store.id, sequence, hash_, as_text(store.now()))


def record(store: Store, checkpoint: Checkpoint) -> Entry:
    """The entry that keeps a checkpoint in the chain itself, where it says who vouched for what and when.

    Raises:
        BadInput: it cannot be written.
    """
    return store.append(Draft("checkpoint", checkpoint.as_mapping()))


def sign(checkpoint: Checkpoint, private_key: str, *, shown: str = "the private key") -> Checkpoint:
    """The checkpoint with a signature, and the public key that belongs to it.

    Args:
        checkpoint: what to sign.
        private_key: Ed25519, as PEM.
        shown: what the key is called in messages, such as its file.

    Raises:
        BadInput: the key is not that.
    """
    key = _private_key(private_key, shown)
    signature = base64.b64encode(key.sign(checkpoint.signed_bytes())).decode()
    return replace(checkpoint, signature=signature, public_key=_in_base64(key.public_key()))


def to_text(checkpoint: Checkpoint) -> str:
    """The checkpoint as JSON on a few short lines, which also fit on paper."""
    return json.dumps(checkpoint.as_mapping(), indent=2, allow_nan=False) + "\n"


def write(checkpoint: Checkpoint, path: Path | str) -> None:
    """Write a checkpoint to a file, as a whole or not at all.

    Raises:
        BadInput: the file cannot be written.
    """
    write_text_atomically(path, to_text(checkpoint))


def read(path: Path | str) -> Checkpoint:
    """The checkpoint in a file; ``-`` is standard input.

    Raises:
        BadInput: the file cannot be read or holds no checkpoint.
    """
    return parse(read_text(path), shown=printable(str(path)))


def parse(text: str, *, shown: str = "the checkpoint") -> Checkpoint:
    """The checkpoint in a JSON text; ``shown`` is what it is called in messages.

    Raises:
        BadInput: the text holds no checkpoint.
    """
    try:
        return from_mapping(parse_json(text), shown=shown)
    except NotCanonical as error:
        refuse_one(shown, str(error), "A checkpoint is what 'breakeven audit checkpoint' writes")


def from_mapping(found: object, *, shown: str = "the checkpoint") -> Checkpoint:
    """The checkpoint that a JSON mapping says.

    Raises:
        BadInput: it says none, naming the field.
    """
    hint = "A checkpoint is what 'breakeven audit checkpoint' writes"
    if not isinstance(found, dict):
        refuse_one(shown, "expected a JSON mapping", hint)
    if found.get("checkpoint") != FORMAT:
        refuse_one(shown, f"this is no checkpoint of form {FORMAT}", hint, "checkpoint")
    for name in ("store", "hash", "time"):
        if not isinstance(found.get(name), str):
            refuse_one(shown, "expected text", hint, name)
    if not isinstance(found.get("sequence"), int) or isinstance(found["sequence"], bool) or found["sequence"] < 0:
        refuse_one(shown, "expected a whole number, 0 or more", hint, "sequence")
    for name in ("signature", "public_key"):
        if not isinstance(found.get(name), str | None):
            refuse_one(shown, "expected text in base64", hint, name)
    if unknown := found.keys() - {"checkpoint", *Checkpoint.__dataclass_fields__}:
        refuse_one(shown, "a checkpoint has no such field", "Leave it out", printable(min(unknown)))
    return Checkpoint(
        store=found["store"],
        sequence=found["sequence"],
        hash=found["hash"],
        time=found["time"],
        signature=found.get("signature"),
        public_key=found.get("public_key"),
    )


def check(
    checkpoint: Checkpoint, store: Store, public_key: str | None = None, *, shown: str = "the public key"
) -> list[Finding]:
    """What a checkpoint shows to be wrong with a store, or with itself; nothing where they agree.

    Args:
        checkpoint: from outside the store.
        store: what it is held against.
        public_key: Ed25519, as PEM, of whom one trusts; a signature is then required. Without it, a
            signature only shows that the checkpoint was not changed by chance.
        shown: what the key is called in messages, such as its file.

    Raises:
        BadInput: the public key is none.
    """
    trusted = None if public_key is None else _public_key(public_key, shown)
    return [
        Finding("checkpoint", f"the checkpoint of {_day(checkpoint.time)}: {message}", sequence)
        for message, sequence in (*_signature_faults(checkpoint, trusted), *_chain_faults(checkpoint, store))
    ]


def require_public_key(pem: str, *, shown: str = "the public key") -> None:
    """Make sure that a text is a public key, though there is nothing to check with it.

    Raises:
        BadInput: it is none.
    """
    _public_key(pem, shown)


def new_key_pair() -> tuple[str, str]:
    """A new private key and its public key (Ed25519), both as PEM."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return private.decode(), public.decode()


def write_key_pair(private: Path, public: Path) -> None:
    """Write a new key pair to two files; the private one for its owner's eyes alone. Neither replaces a file.

    Raises:
        BadInput: one of the files is there, or cannot be written; then neither is written.
    """
    private_text, public_text = new_key_pair()
    _write_new(private, private_text, 0o600)
    try:
        _write_new(public, public_text, 0o644)
    except BadInput:
        private.unlink()
        raise


def _write_new(path: Path, text: str, mode: int) -> None:
    shown = printable(str(path))
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        refuse_one(shown, "there is such a file, and a key is never replaced", "Name another file")
    except OSError as error:
        refuse_one(shown, f"cannot be written: {(error.strerror or str(error)).lower()}", "Choose another folder")


def _chain_faults(checkpoint: Checkpoint, store: Store) -> list[tuple[str, int | None]]:
    if checkpoint.store != store.id:
        return [(f"it is of another store, {printable(checkpoint.store)}; this one is {store.id}", None)]
    newest, _ = store.head()
    found = store.hash_at(checkpoint.sequence)
    if found is None:
        missing = f"it knows {checkpoint.sequence} records, and there are {newest}: the end of the chain was cut off"
        return [
            (missing if newest < checkpoint.sequence else "the record that it names is missing", checkpoint.sequence)
        ]
    if found != checkpoint.hash:
        return [
            (
                "it knows another record at this place: the chain was rewritten up to here or further",
                checkpoint.sequence,
            )
        ]
    return []


def _signature_faults(checkpoint: Checkpoint, trusted: Ed25519PublicKey | None) -> list[tuple[str, int | None]]:
    if checkpoint.signature is None or checkpoint.public_key is None:
        return [] if trusted is None else [("it is not signed", None)]
    if trusted is not None and _in_base64(trusted) != checkpoint.public_key:
        return [("it is signed by another key than the one given", None)]
    if not _is_signed(checkpoint, checkpoint.signature, checkpoint.public_key):
        return [("its signature is wrong: it was changed after it was signed", None)]
    return []


def _is_signed(checkpoint: Checkpoint, signature: str, public_key: str) -> bool:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        key = Ed25519PublicKey.from_public_bytes(base64.b64decode(public_key, validate=True))
        key.verify(base64.b64decode(signature, validate=True), checkpoint.signed_bytes())
    except (InvalidSignature, ValueError):
        return False
    return True


def _in_base64(key: Ed25519PublicKey) -> str:
    return base64.b64encode(key.public_bytes_raw()).decode()


def _private_key(pem: str, shown: str) -> Ed25519PrivateKey:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(pem.encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        # Not "from error": nothing of a private key is to be shown.
        refuse_one(shown, "expected a private key as PEM, without a password", _KEY_HINT)
    if not isinstance(key, Ed25519PrivateKey):
        refuse_one(shown, "expected an Ed25519 key, got one of another kind", _KEY_HINT)
    return key


def _public_key(pem: str, shown: str) -> Ed25519PublicKey:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        key = load_pem_public_key(pem.encode())
    except (ValueError, TypeError, UnsupportedAlgorithm):
        refuse_one(shown, "expected a public key as PEM", _KEY_HINT)
    if not isinstance(key, Ed25519PublicKey):
        refuse_one(shown, "expected an Ed25519 key, got one of another kind", _KEY_HINT)
    return key


_KEY_HINT = "Make a pair with: breakeven audit keys KEY.pem"


def _day(time: str) -> str:
    try:
        return f"{datetime.fromisoformat(time):%Y-%m-%d %H:%M}"
    except ValueError:
        return printable(time)
