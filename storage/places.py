"""Races and places: what their codes say, in words, and in the order in which a desk reads them.

Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

#: The states that vote, with the District of Columbia, by postal code in lower case.
STATES = {
    "al": "Alabama", "ak": "Alaska", "az": "Arizona", "ar": "Arkansas", "ca": "California",
    "co": "Colorado", "ct": "Connecticut", "de": "Delaware", "dc": "District of Columbia",
    "fl": "Florida", "ga": "Georgia", "hi": "Hawaii", "id": "Idaho", "il": "Illinois",
    "in": "Indiana", "ia": "Iowa", "ks": "Kansas", "ky": "Kentucky", "la": "Louisiana",
    "me": "Maine", "md": "Maryland", "ma": "Massachusetts", "mi": "Michigan", "mn": "Minnesota",
    "ms": "Mississippi", "mo": "Missouri", "mt": "Montana", "ne": "Nebraska", "nv": "Nevada",
    "nh": "New Hampshire", "nj": "New Jersey", "nm": "New Mexico", "ny": "New York",
    "nc": "North Carolina", "nd": "North Dakota", "oh": "Ohio", "ok": "Oklahoma", "or": "Oregon",
    "pa": "Pennsylvania", "ri": "Rhode Island", "sc": "South Carolina", "sd": "South Dakota",
    "tn": "Tennessee", "tx": "Texas", "ut": "Utah", "vt": "Vermont", "va": "Virginia",
    "wa": "Washington", "wv": "West Virginia", "wi": "Wisconsin", "wy": "Wyoming",
}  # fmt: skip

_CODES = {name.lower(): code for code, name in STATES.items()}

#: The offices in the order of the ballot; others come after them.
OFFICES = ("president", "senate", "house", "governor")


_LEVELS = {0: "nation", 1: "state", 2: "county"}


@lru_cache(maxsize=8192)  # there are 3,143 counties
def level_of(place: str) -> str:
    """nation, state, district or county, from the place's code."""
    level = _LEVELS[place.count("/")]
    return "district" if level == "state" and "-" in place else level  # not us/ga/ben-hill


@lru_cache(maxsize=8192)
def parent_of(place: str) -> str | None:
    """The code of the place that this one is a part of; None for the nation."""
    if level_of(place) == "district":
        return place.split("-")[0]
    return place.rpartition("/")[0] or None


def state_code(text: str) -> str:
    """The postal code in lower case of a state that is named or coded, in any case.

    Anything else comes back as it is, in lower case: no place has such a code.
    """
    word = " ".join(text.lower().split())
    return _CODES.get(word, word)


def office_title(race: str) -> str:
    """ "President", "Senate", "Senate special", "House CA-13"; the slug says which race it is."""
    office, _, rest = race.partition("/")
    state, *others = rest.split("-")
    if rest and state not in STATES:
        return f"{office.capitalize()} {rest}"
    districts = [part for part in others if part.isdigit() or part == "al"]
    names = [f"{state}-{part}".upper() for part in districts]
    return " ".join([office.capitalize(), *names, *(p for p in others if p not in districts)])


def place_title(place: str, names: Mapping[str, str]) -> str:
    """ "United States", "Florida", "Maine 2nd district", "Alachua County, Florida".

    names: of places, by code, as the outlet prints them.
    """
    printed = names.get(place, place)
    country, _, rest = place.partition("/")
    state, slash, _ = rest.partition("/")
    state, dash, district = state.partition("-")
    if country != "us" or state not in STATES:
        return printed
    if slash:
        return f"{printed}, {STATES[state]}"
    if dash:
        return f"{STATES[state]} {_district(district)}"
    return STATES[state]


def _district(code: str) -> str:
    if not code.isdigit():
        return "at large" if code == "al" else f"district {code}"
    number = int(code)
    teen = number % 100 in (11, 12, 13)
    ending = "th" if teen else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending} district"


def race_title(race: str, place: str, names: Mapping[str, str]) -> str:
    """ "President · United States", "Senate special · Nebraska", "House CA-13".

    names: of places, by code, and of races that have a title of their own, by slug.
    """
    office = names.get(race) or office_title(race)
    if race.startswith("house/") and place.partition("/")[2] == race.partition("/")[2]:
        return office
    return f"{office} · {place_title(place, names)}"


def place_in_office(race: str, place: str, names: Mapping[str, str]) -> str:
    """The title without its office, for lists of one office: "Nebraska, special", "CA-13"."""
    if race in names:
        return race_title(race, place, names)
    office, _, rest = office_title(race).partition(" ")
    title = race_title(race, place, names)
    where = title.partition(" · ")[2]
    if not where:
        return rest or office
    return f"{where}, {rest}" if rest else where


def in_order(race: str, place: str, names: Mapping[str, str]) -> tuple[object, ...]:
    """A key to sort by: offices, in them the nation, then states by name with their parts."""
    office, _, rest = race.partition("/")
    rank = OFFICES.index(office) if office in OFFICES else len(OFFICES)
    where = place.partition("/")[2]
    state, county, _ = where.partition("/")
    state, _, district = state.partition("-")
    return (
        rank,
        office,
        STATES.get(state, state),
        rest if office != "president" else "",
        bool(county),
        district,
        names.get(place, place),
        place,
    )
