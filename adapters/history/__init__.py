"""The market's long history on disk: Parquet through DuckDB, with a catalogue (floor 1).

One folder for each pair, kind and month. What lies in a folder is what its catalogue says;
everything else there is the rest of something that was cut short and counts as nothing.
"""
