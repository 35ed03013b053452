"""The demo: a small local site, crawled for real, so that a log can be seen without a network."""
