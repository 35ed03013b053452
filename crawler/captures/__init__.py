"""Histories that somebody else has recorded, read as captures: one module for each form.

They read, and write nothing but temporary files without a name that would outlive them. What is
imported of them is decided by `crawler.importing`.
"""
