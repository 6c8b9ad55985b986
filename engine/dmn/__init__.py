"""Decision Model and Notation, the standard for decision tables: rules written as DMN, and DMN read as rules.

``export_dmn`` writes the decisions of a knowledge base as decision tables of DMN 1.3. ``import_dmn`` makes the
files of a knowledge base from the decision tables of a file in DMN 1.1 to 1.5; what it cannot take whole it
refuses, by element and line.
"""

from __future__ import annotations

from engine.dmn.exporting import export_dmn, export_dmn_tables
from engine.dmn.importing import Imported, import_dmn, import_model, write_base

__all__ = ["Imported", "export_dmn", "export_dmn_tables", "import_dmn", "import_model", "write_base"]
