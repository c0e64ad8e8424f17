"""Running the house: the journal, the session, health, the operator's desk."""
