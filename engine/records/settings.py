"""How decisions are recorded: what an option, an environment variable or the settings file says, in this order.

The settings file is ``config.yaml`` in the user's configuration folder, or what BREAKEVEN_CONFIG names::

    record: always
    store: postgresql+psycopg://breakeven@db.example.org/records
    who: procurement
    sensitive: {budget: omit, requests_per_month: hash}
    hash_key: /etc/breakeven/records.key
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from engine.declarations import Name, Text
from engine.drafts import draft
from engine.errors import BadInput, Place, Problem, did_you_mean
from engine.records.where import why_unseen
from engine.source import printable, quote, read_text, read_text_document

#: What is kept of a sensitive fact: a keyed hash of its value, nothing, or the value all the same.
Treatment = Literal["hash", "omit", "keep"]

_YES = frozenset({"1", "always", "yes", "true", "on"})
_NO = frozenset({"0", "never", "no", "false", "off"})


class SettingsFile(BaseModel):
    """config.yaml: what is recorded, where, and what is kept of sensitive facts."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    record: Literal["always", "never"] = Field("never", description="Whether decisions are recorded unasked.")
    store: Text | None = Field(None, description="Where the records are, as an SQLAlchemy URL.")
    who: Text | None = Field(None, description="Who decides, in free text.")
    sensitive: dict[Name, Treatment] = Field(
        {}, description="For each sensitive fact what is kept of it; goes before what the base says."
    )
    sensitive_default: Treatment = Field("hash", description="What is kept of facts that the base marks as sensitive.")
    hash_key: Text | None = Field(None, description="The file with the key of the hashes; made where there is none.")


def default_hash_key() -> Path:
    """The file of the hash key unless the settings name another."""
    return _config_directory() / "hash.key"


def settings_file() -> Path:
    """The settings file, which need not exist; the environment variable BREAKEVEN_CONFIG names another."""
    chosen = os.environ.get("BREAKEVEN_CONFIG")
    return Path(chosen) if chosen else _config_directory() / "config.yaml"


def _config_directory() -> Path:
    from platformdirs import user_config_path

    return user_config_path("breakeven")


@dataclass(frozen=True, slots=True)
class Settings:
    """What holds for one command.

    Args:
        record: whether a decision is recorded.
        store: the records' URL as an option names it.
        configured_store: their URL as the settings file names it; the environment goes between the two.
        who: who decides, in free text.
        sensitive: for each fact that the user calls sensitive what is kept of it.
        sensitive_default: what is kept of the facts that a base calls sensitive.
        hash_key: the file with the key of the hashes, which need not exist yet.
        place: the settings file, for messages.
        unread: where the settings file could not be looked at, a sentence that says why.
    """

    record: bool = False
    store: str | None = None
    configured_store: str | None = None
    who: str | None = None
    sensitive: Mapping[str, Treatment] = field(default_factory=dict)
    sensitive_default: Treatment = "hash"
    hash_key: Path = field(default_factory=default_hash_key)
    place: Place = field(default_factory=lambda: Place("the settings file"))
    unread: str | None = None


def read_settings(
    *, record: bool | None = None, store: str | None = None, who: str | None = None, required: bool = False
) -> Settings:
    """What holds, given what the options say: an option goes before the environment, which goes before the file.

    A settings file in its usual place that cannot even be looked at says nothing, as long as nothing is recorded.

    Args:
        record: what the option says of recording; None where it is not there.
        store: the URL that the option names.
        who: who decides, by the option.
        required: records are looked into, so that the file has to be followed if there is one.

    Raises:
        BadInput: the settings file cannot be read or says something else than it may, or a variable does.
    """
    path, said, unread = _read_file()
    wanted = _wanted(record, said)
    if unread is not None and (wanted or required):
        # What it says of sensitive facts must not be passed over.
        raise BadInput([unread])
    return Settings(
        record=wanted,
        store=store,
        configured_store=said.store,
        who=who or os.environ.get("BREAKEVEN_WHO") or said.who,
        sensitive=said.sensitive,
        sensitive_default=said.sensitive_default,
        # A path in a file means the same wherever the command is started.
        hash_key=path.parent / Path(said.hash_key).expanduser() if said.hash_key else default_hash_key(),
        place=Place(str(path)),
        unread=None if unread is None else str(unread),
    )


def _read_file() -> tuple[Path, SettingsFile, Problem | None]:
    """The settings file, what it says, and why it could not be looked at."""
    path = settings_file()
    if not os.environ.get("BREAKEVEN_CONFIG"):
        if (unseen := why_unseen(path, "name another with BREAKEVEN_CONFIG")) is not None:
            why, hint = unseen
            problem = Problem(Place(printable(str(path))), f"{why}, so these settings are not followed", hint=hint)
            return path, SettingsFile(), problem  # type: ignore[call-arg]  # every field has a default
        if not path.exists():
            return path, SettingsFile(), None  # type: ignore[call-arg]
    text = read_text(path)
    if all(not line.strip() or line.lstrip().startswith("#") for line in text.splitlines()):
        return path, SettingsFile(), None  # type: ignore[call-arg]
    found = draft(read_text_document(text, printable(str(path))), SettingsFile)
    if found.problems or found.declared is None:
        raise BadInput(found.problems)
    return path, found.declared, None


def _wanted(option: bool | None, said: SettingsFile) -> bool:
    if option is not None:
        return option
    word = os.environ.get("BREAKEVEN_RECORD", "").strip().lower()
    if not word:
        return said.record == "always"
    if word not in _YES | _NO:
        place, hint = Place("BREAKEVEN_RECORD"), did_you_mean(word, _YES | _NO) or "Write always or never"
        raise BadInput([Problem(place, f"expected always or never, got {quote(word)}", hint=hint)])
    return word in _YES
