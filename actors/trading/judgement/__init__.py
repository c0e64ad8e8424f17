"""From opinions to a decision: who is listened to, and how large an entry may be. Pure."""
