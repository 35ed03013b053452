"""What `tallytrail init` writes."""

from __future__ import annotations

import json
from pathlib import Path

from crawler.sources import PLACEHOLDER

TEMPLATE = """\
# What TallyTrail looks at. "tallytrail crawl" reads this file.

contact = {contact}   # goes into the User-Agent: whom a site can write to
every = "5m"                    # how often you will run the crawl
delay = 1.0                     # least seconds between two requests to one host

[[source]]
id = "abc-2026"
outlet = "ABC News"
parser = "abc"
election_date = 2026-11-03
timezone = "America/New_York"   # of the outlet's clock; reports print times in it
# The results feed: another year's is another address. Look at it with "tallytrail check" first.
# feed = "https://assets-cdn.abcnews.com/elections/national/2026/general/v1/maps"
# states = "all"                # or ["fl", "ga"]; their own files have the counties
# offices = ["senate", "house"] # or president; governor too, whose file is a guess
# follow_all = false            # true: every state's file at every crawl, moved or not
# Looked at in every crawl: results pages, and stories, for their text and their results banner.
pages = [
    # "https://abcnews.com/Politics/SLUG/story?id=123456789",
]
# RSS feeds: the stories that they name are looked at too.
discover = ["https://abcnews.com/abcnews/politicsheadlines"]
"""


def write_configuration(path: Path, contact: str | None) -> bool:
    """Write a configuration to start from. False when the file is there: it is left as it is."""
    # JSON's strings are TOML's basic strings.
    text = TEMPLATE.format(contact=json.dumps(contact or PLACEHOLDER))
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        return False
    return True
