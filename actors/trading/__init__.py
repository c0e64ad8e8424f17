"""From measures to approved orders: a trader per pair, one risk guard over all."""
