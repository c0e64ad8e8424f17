"""From approved orders to fills: the one door to the exchange."""
