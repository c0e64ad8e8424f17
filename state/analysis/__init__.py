"""Proofs about features: that none knows the future, when each is warm, what patterns are worth."""
