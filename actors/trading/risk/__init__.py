"""The rules of risk, pure: what the guard knows, what it asks of an order, what it answers."""
