"""Browsing the database with Datasette: its configuration, and the pages of our own."""
