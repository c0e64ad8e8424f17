"""From the exchange's streams to measures, one of each actor per pair."""
