"""The change log and the tallies, as text and for machines. Reads the tables only."""
