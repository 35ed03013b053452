"""Spiders: navigation only. They fetch pages; parsers read them."""
