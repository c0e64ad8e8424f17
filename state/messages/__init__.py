"""What actors tell each other and what the journal keeps, one file per conversation.

Facts are past tense, commands imperative. Every message is frozen, made of immutable parts, and
carries addresses as plain paths, so that it can be journalled, replayed and shown as it is.
"""
