"""JSON in the shape of ABC's results files. The figures in it are made up, seeded."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

BASE = "https://assets-cdn.abcnews.com/elections/national/2024/general/v1/maps"
#: The first poll closings of the night, and the first snapshot.
START = datetime(2024, 11, 5, 23, 0, tzinfo=UTC)

Json = dict[str, Any]

#: Candidates: id, first name, last name, party. The first three stand in the national file.
CANDIDATES = (
    (64984, "Kamala", "Harris", "democrats"),
    (8639, "Donald", "Trump", "republicans"),
    (895, "Jill", "Stein", "others"),
    (20076636, "Chase", "Oliver", "others"),
    (21303, "", "Write-ins", "others"),
)

#: Postal code, FIPS, name, electors, counties; the order gives ABC's id of the state.
_STATES = """
AL 01 Alabama 9 67|AK 02 Alaska 3 30|AZ 04 Arizona 11 15|AR 05 Arkansas 6 75
CA 06 California 54 58|CO 08 Colorado 10 64|CT 09 Connecticut 7 8|DE 10 Delaware 3 3
DC 11 District_of_Columbia 3 1|FL 12 Florida 30 67|GA 13 Georgia 16 159|HI 15 Hawaii 4 5
ID 16 Idaho 4 44|IL 17 Illinois 19 102|IN 18 Indiana 11 92|IA 19 Iowa 6 99|KS 20 Kansas 6 105
KY 21 Kentucky 8 120|LA 22 Louisiana 8 64|ME 23 Maine 4 16|MD 24 Maryland 10 24
MA 25 Massachusetts 11 14|MI 26 Michigan 15 83|MN 27 Minnesota 10 87|MS 28 Mississippi 6 82
MO 29 Missouri 10 115|MT 30 Montana 4 56|NE 31 Nebraska 5 93|NV 32 Nevada 6 17
NH 33 New_Hampshire 4 10|NJ 34 New_Jersey 14 21|NM 35 New_Mexico 5 33|NY 36 New_York 28 62
NC 37 North_Carolina 16 100|ND 38 North_Dakota 3 53|OH 39 Ohio 17 88|OK 40 Oklahoma 7 77
OR 41 Oregon 8 36|PA 42 Pennsylvania 19 67|RI 44 Rhode_Island 4 5|SC 45 South_Carolina 9 46
SD 46 South_Dakota 3 66|TN 47 Tennessee 11 95|TX 48 Texas 40 254|UT 49 Utah 6 29
VT 50 Vermont 3 14|VA 51 Virginia 13 133|WA 53 Washington 12 39|WV 54 West_Virginia 4 55
WI 55 Wisconsin 10 72|WY 56 Wyoming 3 23
"""


class State:
    """One of the 51, with what never moves about it."""

    def __init__(self, number: int, words: str) -> None:
        code, fips, name, electors, counties = words.split()
        self.id, self.code, self.fips = number, code, fips
        self.name = name.replace("_", " ")
        self.electors, self.counties = int(electors), int(counties)

    def head(self) -> Json:
        """The fields that open a state, in the national file and in its own."""
        return {
            "id": self.id,
            "fips": self.fips,
            "name": self.name.upper(),
            "abbreviation": self.code,
            "displayName": self.name,
            "shortDisplayName": self.name,
            "availableElectoralVotes": self.electors,
        }


STATES = tuple(
    State(number, words)
    for number, words in enumerate(_STATES.strip().replace("\n", "|").split("|"), 1)
)


def packed(document: Json) -> bytes:
    """The document as a server sends it: no blanks."""
    return json.dumps(document, separators=(",", ":")).encode()


def instant(moment: datetime) -> str:
    """As the feed writes instants."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.000Z")


def updated(moment: datetime) -> Json:
    eastern = moment - timedelta(hours=5)
    shown = f"{eastern:%B} {eastern.day}, {eastern.hour % 12 or 12}:{eastern:%M:%S%p} ET"
    return {"value": instant(moment), "displayValue": shown}


def count(text: str, value: int) -> Json:
    return {
        "displayText": text,
        "displayValue": f"{value:,}",
        "doubleValue": value,
        "value": value,
    }


def percent(text: str, value: float, **more: Any) -> Json:
    return {
        **more,
        "displayText": text,
        "displayValue": f"{value:g}%",
        "doubleValue": value,
        "value": value,
    }


def candidate(
    place: int, votes: int, total: int, *, electors: int | None = None, winner: bool = False
) -> Json:
    """One of CANDIDATES with its votes. electors: won; None in counties, which have none."""
    number, first, last, party = CANDIDATES[place]
    name = f"{first} {last}".strip()
    statistics: Json = {
        "votes": count("Total Votes", votes),
        "percent": percent("Pct.", round(100 * votes / total, 1) if total else 0),
    }
    if electors is not None:
        statistics["electoralVotes"] = count("Electoral Votes", electors)
    return {
        "id": number,
        "displayName": name,
        "shortDisplayName": f"{first[0]}. {last}" if first else last,
        "firstName": first,
        "lastName": last,
        "party": party,
        "major": place < 2,
        "incumbent": False,
        "winner": winner,
        "runoff": False,
        "participated": True,
        "dropped": False,
        "aggregate": number == 21303,
        "order": place + 1,
        "partyOrder": place + 1,
        "statistics": statistics,
    }


def race_end(moment: datetime, expected: float, text: str) -> Json:
    """What a state says of its count besides the candidates."""
    return {
        "lastUpdated": updated(moment),
        "pollClosingDate": {
            "value": "2024-11-06T01:00:00Z",
            "displayValue": "8 PM ET",
            "displayText": "Polls close at 8 PM ET",
        },
        "status": {"type": "in", "value": "POLLS_CLOSED"},
        "reporting": percent(text, expected, threshold=75),
        "absenteeReporting": percent("Total Estimated To Be Early/Absentee:", 0),
        "incumbent": {"party": "democrats"},
    }


def votes_of(document: Json) -> Mapping[tuple[str, int], int]:
    """The votes that a document shows, by place (code of a state, FIPS of a county), candidate."""
    found: dict[tuple[str, int], int] = {}
    races = (
        [(state["abbreviation"], state) for state in document["states"]]
        if "states" in document
        else [(document["abbreviation"], race) for race in document["races"]]
    )
    for code, race in races:
        places = [(code, race), *((county["fips"], county) for county in race.get("counties", ()))]
        for place, at in places:
            for who in at["candidates"]:
                found[place, who["id"]] = who["statistics"]["votes"]["value"]
    return found
