"""What the types of a DMN model say of values: numbers, texts or truths, which of them, and of which parts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from engine.dmn.feel import Kind
from engine.dmn.markup import ItemType, Written

_KINDS: Mapping[str, Kind] = {
    "string": "text",
    "number": "number",
    "boolean": "boolean",
    # The names that some tools give to numbers.
    "integer": "number",
    "long": "number",
    "double": "number",
}
_ANYTHING = ("", "Any")
#: Types made of types, made of types: no model needs more, and one that goes in circles has no end.
_DEEPEST = 20


@dataclass(frozen=True, slots=True)
class Named:
    """What a type says.

    Args:
        kind: what its values are; None where it does not say.
        allowed: the tests that its values pass.
        components: the parts of a structure.
        collection: whether it is a list of such values.
        untaken: the name of a type that is not taken, such as date.
    """

    kind: Kind | None = None
    allowed: Written | None = None
    components: tuple[ItemType, ...] = ()
    collection: bool = False
    untaken: str | None = None


class Types:
    """The types of one model by name."""

    def __init__(self, declared: Mapping[str, ItemType]) -> None:
        self._declared = declared

    def named(self, name: str | None, depth: int = 0) -> Named:
        """What the type of this name says; a name without a type says nothing."""
        # DMN 1.1 writes feel:number, where later versions write number.
        bare = (name or "").rpartition(":")[2].strip()
        if bare in _KINDS:
            return Named(_KINDS[bare])
        if bare in _ANYTHING:
            return Named()
        if bare not in self._declared or depth > _DEEPEST:
            return Named(untaken=bare)
        return self.of(self._declared[bare], depth + 1)

    def of(self, declared: ItemType, depth: int = 0) -> Named:
        """What a type, or a component of one, says."""
        if declared.components:
            return Named(components=declared.components, collection=declared.collection)
        base = self.named(declared.base, depth)
        allowed = declared.allowed or base.allowed
        collection = declared.collection or base.collection
        return Named(base.kind, allowed, base.components, collection, base.untaken)

    def of_output(self, column: str | None, decision: str | None, name: str | None, *, several: bool) -> Named:
        """What an output's own type says, or else its decision's: of a structure the component of its name."""
        if column and column.rpartition(":")[2] not in _ANYTHING:
            return self.named(column)
        whole = self.named(decision)
        if not several:
            return Named(whole.kind, whole.allowed) if not whole.components else Named()
        return next((self.of(component) for component in whole.components if component.name == name), Named())
