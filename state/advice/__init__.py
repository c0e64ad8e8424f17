"""Advice, floor 0: how a question is put, how an answer is judged, how far it is believed. Pure.

The model gives an opinion and nothing else: no size, no limit, no symbol. Whatever an answer lacks
ends in abstaining, with its own code (`codes`).
"""
