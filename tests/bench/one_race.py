"""A small results file with 2,000 versions, as desks scrape them into git; seeded."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from tests.bench.tape import Shot

VERSIONS = 2_000
START = datetime(2026, 11, 4, 0, 0, tzinfo=UTC)
URL = "https://results.example.org/governor.json"

#: How the product is told to read it.
CONFIGURATION = f"""contact = "desk@example.com"
[[source]]
id = "one-race"
outlet = "Example"
parser = "declared"
election_date = 2026-11-03
pages = ["{URL}"]
[source.reads]
office = {{ is = "governor" }}
state = "state"
updated_at = "updated"
expected_vote_pct = "expected"
candidates = "candidates"
candidate = {{ id = "id", name = "name", votes = "votes", winner = "winner" }}
"""

#: The same for git-history: the body of a function of `content`.
CONVERT = """
facts = json.loads(content)
return [
    {
        "candidate": who["id"],
        "name": who["name"],
        "votes": who["votes"],
        "winner": who.get("winner"),
        "expected": facts["expected"],
        "updated": facts["updated"],
    }
    for who in facts["candidates"]
]
"""

PEOPLE = ("Ana Ruiz", "Bo Li", "Cy Fox", "Di Obi", "Ed Sol")


def versions() -> Iterator[Shot]:
    """Each a minute after the one before; one in forty has a count that falls."""
    chance = random.Random(5)
    votes = [0] * len(PEOPLE)
    for number in range(VERSIONS):
        for who in chance.sample(range(len(PEOPLE)), 2):
            fall = chance.random() < 0.025
            votes[who] = max(0, votes[who] + (-20 if fall else chance.randint(1, 900)))
        seen_at = START + timedelta(minutes=number)
        facts = {
            "state": "FL",
            "updated": seen_at.isoformat(),
            "expected": round(100 * number / VERSIONS, 1),
            "candidates": [
                {"id": str(100 + at), "name": name, "votes": votes[at], "winner": None}
                for at, name in enumerate(PEOPLE)
            ],
        }
        if number > VERSIONS * 0.9:
            facts["candidates"][0]["winner"] = True  # type: ignore[index]
        yield Shot(number, seen_at, URL, json.dumps(facts, indent=1).encode())
