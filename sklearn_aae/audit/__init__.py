"""What ``python -m sklearn_aae`` does: the command, the table it reads, what it says of rows."""
