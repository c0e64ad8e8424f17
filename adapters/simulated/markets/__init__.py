"""What moves the venue's books from outside: a seeded model, or a recorded tape.

Pure but for `tape_file`, which reads Parquet: time comes as an argument, chance as a `Random`.
"""
