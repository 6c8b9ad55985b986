"""Why a case is decided as it is, why not otherwise, and what would follow if it were not as it is."""
