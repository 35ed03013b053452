"""tallytrail.toml: read as it is meant, or refused with file, key and remedy."""

from __future__ import annotations

import re
from datetime import date, timedelta
from pathlib import Path

import pytest

from crawler.checking import checked_configuration
from crawler.errors import ConfigurationError
from crawler.parsers.abc_urls import story_id
from crawler.scheduling import stories_within, too_often
from crawler.sources import Configuration, Source, read_configuration

STORY = "https://abcnews.go.com/US/slug/story?id=115724508"
FEED = "https://abcnews.go.com/abcnews/topstories"

#: What a configuration must say, as TOML, by the table that says it.
TOP = {"contact": '"desk@example.com"'}
SOURCE = {
    "id": '"abc-2024"',
    "outlet": '"ABC News"',
    "parser": '"abc"',
    "election_date": "2024-11-05",
    "pages": f'["{STORY}"]',
}
REQUIRED = ["contact", "id", "outlet", "parser", "election_date"]
OPTIONAL = {"every": '"10m"', "delay": "2.5", "timezone": '"UTC"', "discover": f'["{FEED}"]'}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "tallytrail.toml"


def toml(**values: str | None) -> str:
    """A configuration with these values, in TOML, in place of good ones; None leaves a key out."""
    top, source = dict(TOP), dict(SOURCE)
    for key, value in values.items():
        table = top if key in ("contact", "every", "delay") else source
        if value is None:
            del table[key]
        else:
            table[key] = value
    return written(top) + "[[source]]\n" + written(source)


def written(table: dict[str, str]) -> str:
    return "".join(f"{key} = {value}\n" for key, value in table.items())


def configured(path: Path, text: str) -> Configuration:
    path.write_text(text, "utf-8")
    return read_configuration(path)


def refusal(path: Path, text: str) -> str:
    """The error that the text brings; it names the file."""
    with pytest.raises(ConfigurationError) as raised:
        configured(path, text)
    message = str(raised.value)
    assert message.startswith(str(path))
    assert "\n" not in message  # one line a fault
    return message.removeprefix(str(path))


def source(
    path: Path, *, pages: list[str] | None = None, discover: list[str] | None = None
) -> Source:
    """The source with these addresses."""
    text = toml(pages=str(pages or []), discover=str(discover or []), delay="1")
    (only,) = configured(path, text).sources
    return only


def test_the_least_configuration_takes_the_defaults(path: Path) -> None:
    read = configured(path, toml())
    assert (read.contact, read.every, read.delay) == ("desk@example.com", timedelta(minutes=5), 1.0)
    (abc,) = read.sources
    assert (abc.id, abc.outlet, abc.parser_name) == ("abc-2024", "ABC News", "abc")
    assert (abc.election_date, abc.timezone) == (date(2024, 11, 5), "America/New_York")
    assert [(page.source, page.url, page.family) for page in abc.pages] == [
        ("abc-2024", STORY, "story")
    ]
    assert abc.discover == ()


def test_every_option_is_read(path: Path) -> None:
    read = configured(path, toml(**OPTIONAL))
    (abc,) = read.sources
    assert (read.every, read.delay, abc.timezone) == (timedelta(minutes=10), 2.5, "UTC")
    assert [page.url for page in abc.discover] == [FEED]


def test_discover_alone_is_enough(path: Path) -> None:
    (abc,) = configured(path, toml(pages=None, discover=f'["{FEED}"]')).sources
    assert (abc.pages, len(abc.discover)) == ((), 1)


MAPS = "https://assets-cdn.abcnews.com/elections/national/2026/general/v1/maps"


def fed(path: Path, **values: str) -> Source:
    """The source that follows the feed and nothing else."""
    text = toml(pages=None, feed=f'"{MAPS}"', **values)
    (only,) = configured(path, text).sources
    return only


def test_a_feed_alone_is_enough_and_follows_what_is_known_by_report(path: Path) -> None:
    abc = fed(path)
    assert [(page.url, page.family, page.knowledge) for page in abc.pages] == [
        (f"{MAPS}/electoral.json", "feed", "reported"),
        (f"{MAPS}/senate.json", "feed", "reported"),
        (f"{MAPS}/house.json", "feed", "reported"),
    ]
    files = abc.state_files("president")
    assert len(files) == 51
    assert files["dc"].url == f"{MAPS}/states/dc/electoral.json"
    assert files["dc"].knowledge == "captured"
    assert abc.state_files("senate")["fl"].url == f"{MAPS}/states/fl/senate.json"
    assert abc.state_files("governor") == {}
    assert abc.feed is not None
    assert not abc.feed.follow_all
    assert "assets-cdn.abcnews.com" in abc.hosts
    assert abc.families == {"feed"}


def test_states_offices_and_follow_all_are_read_in_any_case_and_order(path: Path) -> None:
    abc = fed(
        path,
        states='["GA", "fl", "Fl"]',
        offices='["Governor", "president"]',
        follow_all="true",
        discover=f'["{FEED}"]',
    )
    assert abc.feed is not None
    assert abc.feed.states == ("fl", "ga")
    assert abc.feed.offices == ("president", "governor")
    assert abc.feed.follow_all
    assert [page.knowledge for page in abc.pages] == ["reported", "guessed"]
    assert abc.families == {"feed", "story"}
    assert (
        fed(path, states='"all"').state_files("house").keys()
        == fed(path).state_files("president").keys()
    )
    assert fed(path, states="[]").state_files("president") == {}


def test_a_slash_at_the_end_of_the_feed_is_tolerated(path: Path) -> None:
    (abc,) = configured(path, toml(pages=None, feed=f'"{MAPS}/"')).sources
    assert abc.pages[0].url == f"{MAPS}/electoral.json"


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"feed": f'"{MAPS}/electoral.json"'}, ": feed: .*/maps"),
        ({"feed": '"https://abcnews.com/?x=/maps"'}, ": feed: .*/maps"),
        ({"feed": '"assets-cdn.abcnews.com/v1/maps"'}, ": feed: .*address"),
        ({"feed": '"http://["'}, ": feed: .*address"),
        ({"feed": "1"}, ": feed: .*text"),
        ({"feed": '""'}, ": feed: .*empty"),
        ({"states": '"fl"'}, ": states: 'fl'"),
        ({"states": '["fl", "zz"]'}, ": states: 'zz'"),
        ({"states": '["Florida"]'}, ": states: 'Florida'"),
        ({"states": "[1]"}, ": states: 1"),
        ({"states": "1"}, ": states: 1"),
        ({"offices": '["mayor"]'}, ": offices: 'mayor'"),
        ({"offices": "[]"}, ": offices: "),
        ({"offices": '"president"'}, ": offices: .*list"),
        ({"follow_all": '"yes"'}, ": follow_all: 'yes'"),
        ({"follow_all": "1"}, ": follow_all: 1"),
    ],
)
def test_what_the_feed_s_keys_cannot_mean_is_named(
    path: Path, values: dict[str, str], said: str
) -> None:
    assert re.search(said, refusal(path, toml(**{"feed": f'"{MAPS}"', **values})))


@pytest.mark.parametrize(
    ("key", "value"), [("states", '"all"'), ("offices", '["house"]'), ("follow_all", "true")]
)
def test_keys_of_a_feed_without_a_feed_are_an_error(path: Path, key: str, value: str) -> None:
    assert re.search(rf": {key}: .*feed", refusal(path, toml(**{key: value})))


def test_files_of_a_feed_and_results_pages_may_be_pages(path: Path) -> None:
    page = "https://abcnews.com/Elections/2024-us-presidential-election-results-live-map/"
    abc = source(path, pages=[f"{MAPS}/states/fl/senate.json", page, STORY])
    assert [(page.family, page.knowledge) for page in abc.pages] == [
        ("feed", "guessed"),
        ("results_page", None),
        ("story", None),
    ]
    assert [page.family for page in abc.results] == ["feed", "results_page"]


def test_the_widget_is_named_as_closed_to_robots(path: Path) -> None:
    url = "https://abcnews.go.com/widgets/generalstateresults?chamber=president&stateAbbrev=fl"
    message = refusal(path, toml(pages=f'["{url}"]'))
    assert "robots.txt" in message
    assert "feed" in message


def test_a_full_look_is_counted(path: Path) -> None:
    """Three national files, 51 of states, one results page; the same address is one request."""
    page = "https://abcnews.com/Elections/2026-us-election-results-live-map"
    pages = f'["{page}", "{MAPS}/senate.json", "{MAPS}/states/fl/electoral.json", "{STORY}"]'
    read = configured(path, toml(feed=f'"{MAPS}"', pages=pages))
    assert len(read.full_look) == 55
    assert len(configured(path, toml()).full_look) == 0


@pytest.mark.parametrize(
    ("every", "said"), [('"53s"', "55 requests and at least 54 s"), ('"54s"', "")]
)
def test_a_full_look_that_takes_longer_than_every_is_said(
    path: Path, every: str, said: str
) -> None:
    page = "https://abcnews.com/Elections/2026-us-election-results-live-map"
    read = configured(path, toml(feed=f'"{MAPS}"', pages=f'["{page}"]', every=every, delay="1"))
    fault = too_often(read)
    if not said:
        assert fault is None
        return
    assert fault is not None
    assert said in fault
    assert checked_configuration(read)[-1] == fault


@pytest.mark.parametrize(
    ("every", "delay", "results", "stories"),
    [
        (300, 1.0, 55, 245),
        (300, 1.0, 299, 1),
        (300, 1.0, 500, 1),
        (60, 2.5, 4, 20),
        (60, 0, 4, None),
    ],
)
def test_stories_have_what_time_the_results_leave(
    every: int, delay: float, results: int, stories: int | None
) -> None:
    assert stories_within(timedelta(seconds=every), delay, results) == stories


def test_an_address_named_twice_is_one_page(path: Path) -> None:
    assert len(source(path, pages=[STORY, STORY]).pages) == 1


@pytest.mark.parametrize("key", REQUIRED)
def test_each_required_key_that_is_missing_is_named(path: Path, key: str) -> None:
    assert re.search(rf": {key}: .*missing.*add", refusal(path, toml(**{key: None})))


def test_a_source_without_any_address_names_both_keys(path: Path) -> None:
    for text in (toml(pages=None), toml(pages="[]", discover="[]")):
        assert re.search(r": pages: .*discover", refusal(path, text))


@pytest.mark.parametrize("key", [*TOP, *SOURCE, *OPTIONAL])
def test_each_misspelt_key_is_an_error_and_never_a_default(path: Path, key: str) -> None:
    text = toml(**OPTIONAL)
    assert re.search(rf"^{key} = ", text, re.MULTILINE)
    misspelt = re.sub(rf"^{key} = ", f"{key}x = ", text, flags=re.MULTILINE)
    assert re.search(rf": {key}x?: ", refusal(path, misspelt))


@pytest.mark.parametrize("key", [*TOP, *SOURCE, *OPTIONAL])
@pytest.mark.parametrize("value", ["true", "{}", "2024-11-05T00:00:00Z", "00:00:00"])
def test_each_value_of_a_wrong_type_is_named(path: Path, key: str, value: str) -> None:
    assert re.search(rf": {key}: .*should be", refusal(path, toml(**{key: value})))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("contact", "5"),
        ("contact", '["desk@example.com"]'),
        ("every", "5"),
        ("delay", '"1"'),
        ("id", "2024"),
        ("outlet", "[]"),
        ("parser", '["abc"]'),
        ("election_date", '"2024-11-05"'),
        ("election_date", "2024"),
        ("timezone", "-5"),
        ("pages", f'"{STORY}"'),
        ("discover", f'"{FEED}"'),
    ],
)
def test_a_likely_slip_of_type_is_named(path: Path, key: str, value: str) -> None:
    assert re.search(rf": {key}: .*should be", refusal(path, toml(**{key: value})))


@pytest.mark.parametrize("key", ["contact", "every", "id", "outlet", "parser", "timezone"])
@pytest.mark.parametrize("value", ['""', '"  "'])
def test_an_empty_text_is_named(path: Path, key: str, value: str) -> None:
    assert f": {key}: " in refusal(path, toml(**{key: value}))


@pytest.mark.parametrize(
    "contact", ["you@example.org", "  you@example.org ", "me", "the data desk"]
)
def test_a_contact_that_nobody_can_write_to_is_refused(path: Path, contact: str) -> None:
    assert ": contact: " in refusal(path, toml(contact=f'"{contact}"'))


@pytest.mark.parametrize("contact", ["desk@example.com", "https://example.com/bot"])
def test_a_contact_is_a_mail_or_web_address(path: Path, contact: str) -> None:
    assert configured(path, toml(contact=f'"{contact}"')).contact == contact


@pytest.mark.parametrize(
    ("every", "span"), [("90s", 90), ("1m", 60), ("5m", 300), ("1h", 3600), ("24h", 86_400)]
)
def test_every_is_a_duration(path: Path, every: str, span: int) -> None:
    assert configured(path, toml(every=f'"{every}"')).every == timedelta(seconds=span)


@pytest.mark.parametrize(
    "every", ["0m", "-5m", "5", "m", "5 m", "5min", "1h30m", "1.5h", "٥m", "99999999999999h"]
)
def test_what_is_no_duration_is_refused(path: Path, every: str) -> None:
    assert ": every: " in refusal(path, toml(every=f'"{every}"'))


@pytest.mark.parametrize("delay", ["-1", "-0.5", "nan", "inf", "-inf"])
def test_a_delay_that_is_no_span_of_time_is_refused(path: Path, delay: str) -> None:
    assert ": delay: " in refusal(path, toml(delay=delay))


@pytest.mark.parametrize("delay", ["0", "0.0", "-0.0"])
@pytest.mark.parametrize(
    "host", ["abcnews.go.com", "192.0.2.1", "10.0.0.1", "localhost.example.com", "127.0.0.1.nip.io"]
)
def test_no_delay_is_refused_for_a_host_that_is_not_this_machine(
    path: Path, host: str, delay: str
) -> None:
    message = refusal(path, toml(delay=delay, pages=f'["https://{host}/US/s/story?id=1"]'))
    assert re.search(rf": delay: .*{re.escape(host)}", message)


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.0.0.1:8000", "127.1.2.3", "localhost", "localhost:80", "[::1]:8000"]
)
def test_no_delay_is_right_for_this_machine(path: Path, host: str) -> None:
    text = toml(delay="0", pages=f'["http://{host}/US/s/story?id=1"]')
    assert configured(path, text).delay == 0


def test_one_remote_discover_page_is_enough_to_need_a_delay(path: Path) -> None:
    local = '["http://127.0.0.1/US/s/story?id=1"]'
    message = refusal(path, toml(delay="0", pages=local, discover=f'["{FEED}"]'))
    assert ": delay: " in message


@pytest.mark.parametrize("parser", ["cnn", "ABC", "abc "])
def test_an_unknown_parser_is_named_with_the_known_ones(path: Path, parser: str) -> None:
    message = refusal(path, toml(parser=f'"{parser}"'))
    assert re.search(rf': parser: "{parser}".*\babc\b', message)


@pytest.mark.parametrize(
    "timezone", ["ET", "New York", "Mars/Olympus", "../../etc/passwd", "/etc/passwd", "America"]
)
def test_what_is_no_time_zone_is_refused(path: Path, timezone: str) -> None:
    assert ": timezone: " in refusal(path, toml(timezone=f'"{timezone}"'))


@pytest.mark.parametrize("identity", ["ABC", "abc 2024", "-abc", "abc/2024", "é"])
def test_an_id_is_plain_lower_case(path: Path, identity: str) -> None:
    assert ": id: " in refusal(path, toml(id=f'"{identity}"'))


def test_two_sources_share_no_id(path: Path) -> None:
    twice = toml() + "[[source]]\n" + written(SOURCE)
    assert "abc-2024" in refusal(path, twice)


@pytest.mark.parametrize("key", ["pages", "discover"])
@pytest.mark.parametrize(
    "address",
    [
        "5",
        '""',
        '"abcnews.go.com/US/s/story?id=1"',
        '"//abcnews.go.com/US/s/story?id=1"',
        '"ftp://abcnews.go.com/US/s/story?id=1"',
        '"file:///US/s/story?id=1"',
        '"javascript:alert(1)"',
        '"https:///US/s/story?id=1"',
        '"https://[::1/US/s/story?id=1"',
        '"https://[x]/US/s/story?id=1"',
        '"https://abcnews.go.com:port/US/s/story?id=1"',
        '"https://abcnews.go.com:99999/US/s/story?id=1"',
    ],
)
def test_what_is_no_web_address_is_refused(path: Path, key: str, address: str) -> None:
    values = {"pages": None, key: f"[{address}]"} if key == "discover" else {key: f"[{address}]"}
    assert f": {key}: " in refusal(path, toml(**values))


@pytest.mark.parametrize(
    "url",
    [
        "https://assets-cdn.abcnews.com/elections/national/2024/general/v1/maps/mayor.json",
        "https://abcnews.go.com/Elections/exit-polls-2020-us-presidential-election-results-analysis",
        "https://abcnews.go.com/Politics/live-updates/slug/?id=115468646",
        FEED,
        "https://abcnews.go.com/",
    ],
)
def test_a_page_whose_family_has_no_parser_is_named(path: Path, url: str) -> None:
    message = refusal(path, toml(pages=f'["{STORY}", "{url}"]'))
    assert ": pages: " in message
    assert url in message


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "contact"),
        ('contact = "desk@example.com"\n', "source"),
        (toml().replace("[[source]]", "[source]"), "source"),
        ('contact = "desk@example.com"\nsource = [1]\n', r"\[\[source\]\]"),
        (toml() + "[[sourc]]\n", "sourc"),
        (toml() + toml(), "contact"),  # below [[source]] it is a key of the source
        (toml(delay="1").replace("delay", "contact"), "TOML"),
        ("contact = desk@example.com\n", "TOML"),
    ],
)
def test_a_file_of_another_shape_is_refused(path: Path, text: str, said: str) -> None:
    assert re.search(said, refusal(path, text))


def test_a_fault_names_the_source_that_has_it(path: Path) -> None:
    second = written({**SOURCE, "id": '"second"', "parser": '"cnn"'})
    assert "source 2: parser: " in refusal(path, toml() + "[[source]]\n" + second)


def test_a_file_that_is_missing_is_named_with_the_remedy(path: Path) -> None:
    with pytest.raises(ConfigurationError, match=f"{re.escape(str(path))}.*tallytrail init"):
        read_configuration(path)


def test_a_file_that_is_no_text_is_refused(path: Path) -> None:
    path.write_bytes(b'contact = "\xff"\n')
    with pytest.raises(ConfigurationError, match=re.escape(str(path))):
        read_configuration(path)


def test_a_folder_is_no_configuration(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=re.escape(str(tmp_path))):
        read_configuration(tmp_path)


# Which addresses a discovery page may lead to


@pytest.mark.parametrize(
    ("link", "asked"),
    [
        ("https://abcnews.go.com/US/a/story?id=2", "https://abcnews.go.com/US/a/story?id=2"),
        ("https://abcnews.com/US/a/story?id=2", "https://abcnews.com/US/a/story?id=2"),
        ("http://abcnews.go.com/US/a/story?id=2", "https://abcnews.go.com/US/a/story?id=2"),
        ("http://abcnews.com/US/a/story?id=2", "https://abcnews.com/US/a/story?id=2"),
        ("https://abcnews.go.com/US/a/story?id=2#x", "https://abcnews.go.com/US/a/story?id=2"),
    ],
)
def test_the_outlets_stories_are_asked_for_over_https(path: Path, link: str, asked: str) -> None:
    assert source(path, discover=[FEED]).followed(link) == asked


@pytest.mark.parametrize(
    "link",
    [
        "https://elsewhere.example/US/a/story?id=2",
        "https://abcnews.go.com.elsewhere.example/US/a/story?id=2",
        "https://abcnews.go.com@elsewhere.example/US/a/story?id=2",
        "https://user:secret@abcnews.go.com/US/a/story?id=2",
        "https://abcnews.go.com:8443/US/a/story?id=2",
        "http://abcnews.go.com:8080/US/a/story?id=2",
        "https://127.0.0.1/US/a/story?id=2",
        "http://169.254.169.254/latest/meta-data/story?id=2",
        "//abcnews.go.com/US/a/story?id=2",
        "/US/a/story?id=2",
        "ftp://abcnews.go.com/US/a/story?id=2",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "",
        "https://[",
        "http://[::1/US/a/story?id=2",
    ],
)
def test_nothing_else_is_asked_for(path: Path, link: str) -> None:
    assert source(path, discover=[FEED]).followed(link) is None


def test_plain_http_is_asked_for_only_where_the_configuration_names_it(path: Path) -> None:
    local = source(path, discover=["http://127.0.0.1:8000/feed"])
    assert local.followed("http://127.0.0.1:8000/story?id=2") == "http://127.0.0.1:8000/story?id=2"
    assert (
        local.followed("https://127.0.0.1:8000/story?id=2") == "https://127.0.0.1:8000/story?id=2"
    )
    assert local.followed("http://127.0.0.1:8001/story?id=2") is None
    assert local.followed("http://127.0.0.1/story?id=2") is None


def test_plain_http_for_one_host_is_not_plain_http_for_another(path: Path) -> None:
    mixed = source(path, discover=["http://abcnews.com/abcnews/topstories", FEED])
    link = "US/a/story?id=2"
    assert mixed.followed(f"http://abcnews.com/{link}") == f"http://abcnews.com/{link}"
    assert mixed.followed(f"http://abcnews.go.com/{link}") == f"https://abcnews.go.com/{link}"


def test_an_address_of_somebody_else_opens_no_host_of_the_outlet(path: Path) -> None:
    local = source(path, discover=["http://127.0.0.1:8000/feed"])
    assert local.followed("https://abcnews.go.com/US/a/story?id=2") is None


def test_a_feed_at_the_outlets_older_address_leads_to_its_stories(path: Path) -> None:
    older = source(path, discover=["https://feeds.abcnews.com/abcnews/topstories"])
    assert older.followed(STORY) == STORY


# What an address of ABC News shows


@pytest.mark.parametrize(
    ("url", "identity"),
    [
        ("https://abcnews.go.com/US/slug/story?id=115724508", "115724508"),
        ("https://abcnews.com/US/another-slug/story?id=115724508", "115724508"),
        ("https://abcnews.go.com/US/slug/story?cid=social&id=5", "5"),
        ("https://abcnews.go.com/US/slug/story/?id=5", "5"),
        ("https://abcnews.go.com/GMA/Culture/slug/story?id=5#top", "5"),
        ("https://abcnews.go.com/amp/Politics/slug/story?id=5", "5"),
        ("https://abcnews.go.com/International/wireStory/slug-of-2024-115702077", "115702077"),
        ("https://abcnews.go.com/amp/Politics/wireStory/slug-5", "5"),
    ],
)
def test_a_story_is_known_by_its_numeric_id(url: str, identity: str) -> None:
    assert story_id(url) == identity


@pytest.mark.parametrize(
    "url",
    [
        None,
        "",
        "https://abcnews.go.com/",
        "https://abcnews.go.com/Politics",
        "https://abcnews.go.com/Live/video/abcnews-live-41463246",
        "https://abcnews.go.com/Politics/video/slug-115724508",
        "https://abcnews.go.com/Politics/live-updates/slug/?id=115468646",
        "https://abcnews.go.com/Politics/live-updates/slug/?id=115468646&entryId=115544166",
        "https://abcnews.go.com/US/slug/story",
        "https://abcnews.go.com/US/slug/story?id=",
        "https://abcnews.go.com/US/slug/story?id=abc",
        "https://abcnews.go.com/US/slug/story?id=-5",
        "https://abcnews.go.com/US/slug/story?id=5&id=6",
        "https://abcnews.go.com/US/slug/story?id=٥",
        "https://abcnews.go.com/US/wireStory/slug",
        "https://abcnews.go.com/widgets/generalstateresults?chamber=president",
        "https://[::1/US/slug/story?id=5",
        "https://[/US/slug/story?id=5",
    ],
)
def test_what_is_no_story_has_no_story_id(url: str | None) -> None:
    assert story_id(url) is None
