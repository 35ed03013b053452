"""The printed line, under Debian's own cron."""

from __future__ import annotations

import os
import shutil
import subprocess
import time

import pytest

from tests.desk import Desk, Site, path_of, story

pytestmark = [pytest.mark.deep, pytest.mark.timeout(300)]


def test_debians_cron_runs_the_line_and_has_nothing_to_mail(desk: Desk, site: Site) -> None:
    cron = shutil.which("cron", path=f"{os.environ['PATH']}:/usr/sbin")
    if cron is None or os.geteuid() != 0:
        pytest.skip("needs Debian's cron (apt-get install cron) and root")
    before = subprocess.run(["crontab", "-l"], capture_output=True, text=True, check=False)
    if before.returncode == 0:
        pytest.skip("there is a crontab already; it is left as it is")
    desk.configure([1], more='every = "1m"\n')
    site.answers[path_of(1)] = 200, {}, story(1)
    line = desk.run("schedule").stdout
    subprocess.run(["crontab", "-"], input=line, text=True, check=True)
    daemon = subprocess.Popen([cron, "-f"])
    try:
        end = time.monotonic() + 150
        while site.asked(path_of(1)) < 2 and time.monotonic() < end:
            time.sleep(0.5)
        time.sleep(2)
    finally:
        daemon.terminate()
        daemon.wait()
        subprocess.run(["crontab", "-r"], check=True)
    assert [f["outcome"] for f in desk.fetches()[:2]] == ["new", "unchanged"]
    assert (desk.folder / "tallytrail.db.log").read_text("utf-8") == ""
