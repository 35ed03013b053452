"""Numbers, percents and times as outlets print them: read rightly or not at all."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.parsers.values import count, eastern, eastern_without_year, machine_time, percent

ELECTION = date(2024, 11, 5)
EASTERN = ZoneInfo("America/New_York")
AP_MONTHS = [
    "Jan.",
    "Feb.",
    "March",
    "April",
    "May",
    "June",
    "July",
    "Aug.",
    "Sept.",
    "Oct.",
    "Nov.",
    "Dec.",
]
FULL_MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]

#: How a page says that it has no number, and what merely looks like one.
NO_NUMBERS = ["", " ", "-", "—", "N/A", "null", "None", "NaN", "TBD", ",", ".", "%", "votes"]


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def clock(moment: datetime) -> str:
    half = "AM" if moment.hour < 12 else "PM"
    return f"{moment.hour % 12 or 12}:{moment.minute:02} {half}"


@pytest.mark.parametrize("text", NO_NUMBERS)
def test_a_missing_number_is_never_zero(text: str) -> None:
    assert count(text) is None
    assert percent(text) is None


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", 0),
        ("7", 7),
        ("999", 999),
        ("1,000", 1_000),
        ("1000", 1_000),
        ("67,410,748", 67_410_748),
        ("75337035", 75_337_035),
    ],
)
def test_a_count_is_ascii_digits_with_commas_in_place_or_none(text: str, value: int) -> None:
    assert count(text) == value


@pytest.mark.parametrize(
    "text",
    [
        "67,410,74",
        "6,7410,748",
        "67,410748",
        "67410,748",
        ",748",
        "748,",
        "1,,000",
        "1, 000",
        "1 000",
        "1\u00a0000",
        "1\u2009000",
        "1.000",
        "1'000",
        "1_000",
        "+5",
        "-5",
        "\u22125",
        "5.0",
        "1e6",
        "0x10",
        " 5",
        "5 ",
        "5\n",
        "5 votes",
        "1.2M",
        "٥٠٠",
        "５００",
        "²",
        "67,410,74B",
    ],
)
def test_what_is_no_count_is_not_read_as_one(text: str) -> None:
    assert count(text) is None


@given(st.integers(0, 10**12))
def test_a_count_with_all_its_commas_or_none_is_that_count(number: int) -> None:
    assert count(f"{number:,}") == number
    assert count(str(number)) == number


@given(st.integers(1_000, 10**12), st.data())
def test_a_count_with_a_comma_gone_or_astray_is_no_count(number: int, data: st.DataObject) -> None:
    text = f"{number:,}"
    commas = [at for at, character in enumerate(text) if character == ","]
    at = data.draw(st.sampled_from(commas))
    gone = text[:at] + text[at + 1 :]
    assert count(gone) == (number if len(commas) == 1 else None)
    at = data.draw(st.integers(0, len(text)))
    assert count(text[:at] + "," + text[at:]) is None


@given(st.text(st.sampled_from("0123456789,. -٣５")))
def test_a_count_says_nothing_that_its_digits_do_not_say(text: str) -> None:
    value = count(text)
    if value is not None:
        assert set(text) <= set("0123456789,")
        assert text.replace(",", "").lstrip("0") == str(value).lstrip("0")


def test_more_digits_than_a_number_can_have_are_no_count() -> None:
    assert count("9" * 5_000) is None


@pytest.mark.parametrize(
    ("text", "value"),
    [("0%", 0.0), ("95%", 95.0), ("100%", 100.0), ("95.5%", 95.5), ("96 %", 96.0)],
)
def test_a_percent_is_read_with_its_sign(text: str, value: float) -> None:
    assert percent(text) == value


@pytest.mark.parametrize(
    "text",
    ["95", "%95", "-5%", "<1%", ">95%", "95%%", "95,5%", "95.%", ".5%", "٩٥%", "1e2%", "9 5%"],
)
def test_what_is_no_percent_is_not_read_as_one(text: str) -> None:
    assert percent(text) is None


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("Nov. 6, 7:21 PM ET", "2024-11-07T00:21"),  # the three states that ABC published
        ("Nov. 12, 6:00 PM ET", "2024-11-12T23:00"),
        ("Nov. 12, 7:40 PM ET", "2024-11-13T00:40"),
        ("Nov. 1, 6:00 PM ET", "2024-11-01T22:00"),  # daylight saving until the 3rd
        ("Dec. 20, 9:15 a.m. ET", "2024-12-20T14:15"),
        ("Jan. 6, 12:00 PM ET", "2025-01-06T17:00"),  # the next year
        ("Jan. 6, 12:00 AM ET", "2025-01-06T05:00"),
        ("March 10, 9:30 AM ET", "2025-03-10T13:30"),
        ("Nov. 3, 1:30 AM ET", "2024-11-03T05:30"),  # of the hour that comes twice, the first
        ("November 6, 7:21 PM ET", "2024-11-07T00:21"),
    ],
)
def test_a_banners_time_is_placed_beside_its_election(text: str, moment: str) -> None:
    assert eastern_without_year(text, ELECTION) == utc(moment)


@given(st.dates(date(2000, 1, 1), date(2040, 1, 1)), st.integers(-60, 300), st.times())
def test_a_time_without_year_is_the_first_from_60_days_before_the_election(
    election: date, days: int, at: time
) -> None:
    local = datetime.combine(
        election + timedelta(days=days), at.replace(second=0, microsecond=0), EASTERN
    )
    text = f"{AP_MONTHS[local.month - 1]} {local.day}, {clock(local)} ET"
    assert eastern_without_year(text, election) == local.astimezone(UTC)


def test_61_days_before_the_election_is_a_year_later() -> None:
    assert eastern_without_year("Sept. 6, 8:00 AM ET", ELECTION) == utc("2024-09-06T12:00")
    assert eastern_without_year("Sept. 5, 8:00 AM ET", ELECTION) == utc("2025-09-05T12:00")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "6:00 PM ET",
        "8 PM ET",
        "4 hours ago",
        "Updated: Nov. 12, 6:00 PM ET",  # the label is the parser's to take off
        "Nov. 12, 6:00 PM",
        "Nov. 12, 6:00 PM CT",
        "Nov. 12, 6:00 PM PST",
        "Nov. 12, 6:00 PM GMT-0500",
        "Nov. 12, 18:00 ET",
        "Nov. 12, 13:00 PM ET",
        "Nov. 12, 0:30 AM ET",
        "Nov. 12, 6:60 PM ET",
        "Nov. 31, 6:00 PM ET",
        "Nov. 0, 6:00 PM ET",
        "Nova 12, 6:00 PM ET",
        "Nov. 12, 2024, 6:00 PM ET",
        "October 21, 3:11:05PM ET",
        "Nov. 12, 6:00 PM ET or so",
        "Nov. 1２, 6:00 PM ET",
    ],
)
def test_a_time_that_does_not_fit_a_banner_is_none(text: str) -> None:
    assert eastern_without_year(text, ELECTION) is None


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("November 11, 2024, 4:22 AM", "2024-11-11T09:22"),
        ("November 6, 2024, 4:26 PM", "2024-11-06T21:26"),
        ("December 16, 2016, 4:19 PM", "2016-12-16T21:19"),
        ("Mar 3, 2017, 9:01 AM ET", "2017-03-03T14:01"),
        ("November 5, 2024, 11:56 PM EST", "2024-11-06T04:56"),
        ("Nov 05, 2024, 9:14 PM EST", "2024-11-06T02:14"),
        ("July 4, 2024, 12:00 PM EDT", "2024-07-04T16:00"),
    ],
)
def test_a_story_time_is_eastern_as_in_force_that_day(text: str, moment: str) -> None:
    assert eastern(text) == utc(moment)


@given(st.datetimes(datetime(1990, 1, 1), datetime(2050, 1, 1)))  # noqa: DTZ001 - the zone is Eastern
def test_every_byline_time_reads_back(naive: datetime) -> None:
    local = naive.replace(second=0, microsecond=0, fold=0, tzinfo=EASTERN)
    text = f"{FULL_MONTHS[local.month - 1]} {local.day}, {local.year}, {clock(local)}"
    assert eastern(text) == local.astimezone(UTC)


@pytest.mark.parametrize(
    "text",
    [
        "1:31 PM EST",
        "4 hours ago",
        "Oct 01, 2026",
        "Aug 9, 6:06 PM",
        "Updated November 11, 2024, 4:22 AM ET",
        "Wednesday, November 6, 2024 8:00AM GMT",
        "November 11, 2024, 4:22 AM PT",
        "November 11, 2024, 4:22 AM GMT",
        "11 November 2024, 4:22 AM",
        "February 29, 2023, 4:22 AM",
        "November 11, 0000, 4:22 AM",
        "December 31, 9999, 11:59 PM",  # no UTC instant that a computer can name
    ],
)
def test_a_time_that_does_not_fit_a_byline_is_none(text: str) -> None:
    assert eastern(text) is None


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2024-10-21T19:11:05.183Z", "2024-10-21T19:11:05.183"),
        ("2024-11-06T01:00:00Z", "2024-11-06T01:00:00"),
        ("2024-11-12T18:00:00-05:00", "2024-11-12T23:00:00"),
        ("Tue, 12 Nov 2024 18:00:00 -0500", "2024-11-12T23:00:00"),
        ("Fri, 01 Nov 2024 18:00:00 -0400", "2024-11-01T22:00:00"),
        ("Wed, 06 Nov 2024 08:00:00 GMT", "2024-11-06T08:00:00"),
    ],
)
def test_a_machine_time_is_the_instant_that_its_offset_says(text: str, moment: str) -> None:
    assert machine_time(text) == utc(moment)


@pytest.mark.parametrize(
    "value",
    [
        "2024-11-06T01:00:00",
        "2024-11-06",
        "Tue, 12 Nov 2024 18:00:00",
        "Tue, 12 Nov 2024 18:00:00 -0000",  # RFC 5322: the zone is not known
        "",
        "now",
        1731452400,
        1731452400.5,
        None,
        True,
        ["2024-11-06T01:00:00Z"],
        "0001-01-01T00:00:00+23:00",  # before and after all that can be named in UTC
        "9999-12-31T23:59:59-01:00",
    ],
)
def test_what_names_no_instant_is_no_machine_time(value: object) -> None:
    assert machine_time(value) is None


def test_the_sign_of_a_gmt_offset_is_never_turned() -> None:
    right = utc("2024-11-12T23:00")
    assert machine_time("Tue, 12 Nov 2024 18:00:00 GMT-0500") in (None, right)


@given(st.text() | st.from_regex(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}[+-][0-9:]{5}"))
def test_a_machine_time_is_an_instant_in_utc_or_none_and_never_an_error(text: str) -> None:
    moment = machine_time(text)
    assert moment is None or moment.utcoffset() == timedelta(0)
