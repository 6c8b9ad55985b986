"""How the tables of the records come about, and are brought up to date."""
