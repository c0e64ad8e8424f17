"""Pure decision functions, one file each."""
