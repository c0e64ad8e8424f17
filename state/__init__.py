"""Floor 0: what is known.

Values, messages, configuration, errors, pure folds (order book, candle, order, position, ledger)
and the store. Imports nothing of ours; only `store` touches the disk.
"""
