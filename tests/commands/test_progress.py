from __future__ import annotations

import re
import socket
import threading
from contextlib import contextmanager

import pexpect
import pytest
from hypothesis import given
from hypothesis import strategies as st
from processes import clean_environ, keyspec_command

from keyspec.commands.progress import Progress
from keyspec.commands.screen import Screen

DRAWN = "\r\x1b[K"


class Told:
    """Progress with what it wrote, and a clock that stands still."""

    def __init__(self, *, width=None):
        self.written = []
        self.now_s = 1000.0
        self.progress = Progress(self.written.append, width=None if width is None else lambda: width, clock=self.clock)
        self.progress.expect("hubs", "read", 200)

    def clock(self):
        return self.now_s

    def do(self, names, *, waiting=()):
        for name in (*waiting, *names):
            self.progress.begin(name)
        for name in names:
            self.progress.end(name)
            self.progress.count()

    def last(self):
        self.progress.tick()
        return self.written[-1].removeprefix(DRAWN)


def names(count):
    return [f"h{number}" for number in range(count)]


def test_on_a_terminal_a_line_tells_the_count_the_rate_and_what_is_waited_for():
    told = Told(width=120)
    told.do(names(120), waiting=("prod_eu", "prod_us"))
    told.now_s += 8
    assert told.last() == "hubs read: 120 of 200, 15/s; waiting for prod_eu and prod_us"
    assert all(text.startswith(DRAWN) and "\n" not in text for text in told.written)


def test_elsewhere_it_is_a_plain_line():
    told = Told()
    told.do(names(120), waiting=("prod_eu", "prod_us"))
    told.now_s += 8
    assert told.last() == "keyspec: 120 of 200 hubs read; waiting for prod_eu and prod_us\n"
    assert "\x1b" not in "".join(told.written)


def test_what_began_first_is_named_first_and_what_there_is_no_room_for_is_counted():
    told = Told(width=120)
    told.do(["quick"], waiting=("first", "second", "third"))
    assert told.last() == "hubs read: 1 of 200; waiting for first, second and third"
    told.progress.end("first")
    assert told.last() == "hubs read: 1 of 200; waiting for second and third"
    told.do([], waiting=names(40))
    assert told.last() == "hubs read: 1 of 200; waiting for second, third, h0, h1, h2 and 37 more"
    narrow = Told(width=60)
    narrow.do([], waiting=["prod_eu", "prod_us", *names(40)])
    assert narrow.last() == "hubs read: 0 of 200; waiting for prod_eu and 41 more"


@given(st.integers(1, 200), st.lists(st.text("abcdefghij_", min_size=1, max_size=128), unique=True, max_size=12))
def test_no_line_is_as_wide_as_the_terminal(width, waiting):
    told = Told(width=width)
    told.do(["one"], waiting=waiting)
    told.now_s += 100
    line = told.last()
    assert len(line) < max(width, 1)
    assert line == ("hubs read: 1 of 200, 0.0/s" + line[26:])[: len(line)]


def test_a_name_is_disarmed():
    told = Told()
    told.do([], waiting=["a\x1b[2J\n::error::b"])
    assert told.last() == "keyspec: 0 of 200 hubs read; waiting for a\\x1b[2J\\n:\\:error:\\:b\n"


@pytest.mark.parametrize(
    ("done", "took_s", "rate"), [(120, 0.5, ""), (0, 50, ""), (120, 8, ", 15/s"), (3, 8, ", 0.4/s")]
)
def test_a_rate_is_told_once_it_says_something(done, took_s, rate):
    told = Told(width=80)
    told.now_s += 1000  # what went before the first hub began does not count
    told.do(names(done), waiting=["w"])
    told.now_s += took_s
    assert told.last() == f"hubs read: {done} of 200{rate}; waiting for w"


def test_what_is_counted_next_begins_at_nothing():
    told = Told(width=80)
    told.do(names(200))
    told.now_s += 100
    told.progress.expect("steps", "done", 1000)
    told.progress.begin("lab")
    told.now_s += 2
    for _ in range(20):
        told.progress.count()
    assert told.last() == "steps done: 20 of 1000, 10/s; waiting for lab"


def test_a_terminal_is_left_alone_while_nothing_changes_and_nothing_is_waited_for():
    told = Told(width=80)
    told.progress.tick()
    assert told.written == []
    told.do(["a"])
    for _ in range(3):
        told.progress.tick()
    assert len(told.written) == 1
    told.do([], waiting=["b"])
    for _ in range(3):
        told.progress.tick()
    assert len(told.written) == 4


def test_the_line_is_gone_before_anything_else_is_written_and_does_not_come_back_by_itself():
    told = Told(width=80)
    told.do(["a"])
    with told.progress.aside():
        told.written.append("data\n")
    told.progress.tick()
    with told.progress.aside():
        told.written.append("more\n")
    assert told.written == [f"{DRAWN}hubs read: 1 of 200", DRAWN, "data\n", "more\n"]


def test_nothing_is_drawn_while_something_else_is_written():
    told = Told(width=80)
    told.do([], waiting=["b"])
    with told.progress.aside():
        ticking = threading.Thread(target=told.progress.tick)
        ticking.start()
        ticking.join(0.1)
        told.written.append("data\n")
    ticking.join()
    assert [text.removeprefix(DRAWN)[:4] for text in told.written] == ["hubs", "", "data", "hubs"]


def test_a_terminal_that_stands_still_holds_up_nobody_who_works():
    stuck, moving = threading.Event(), threading.Event()

    def write(_):
        stuck.set()
        assert moving.wait(30)

    progress = Progress(write, width=lambda: 80)
    with progress:
        progress.begin("a")
        assert stuck.wait(30)
        progress.end("a")
        progress.count()
        progress.begin("b")
        moving.set()


def test_its_thread_draws_by_itself_and_ends_with_it():
    drawn = threading.Event()
    written = []

    def write(text):
        written.append(text)
        drawn.set()

    with Progress(write, width=lambda: 80) as progress:
        progress.expect("hubs", "read", 1)
        progress.begin("a")
        assert drawn.wait(30)
    assert not any(thread.name == "progress" for thread in threading.enumerate())
    assert written[-1] == DRAWN


class Rounds:
    """An event that is set after so many rounds of waiting, none of which takes time."""

    def __init__(self, count):
        self.count, self.waited = count, []

    def wait(self, seconds):
        self.waited.append(seconds)
        return len(self.waited) > self.count


@pytest.mark.parametrize(("width", "every_s"), [(None, 30.0), (80, 0.1)])
def test_a_plain_line_is_written_every_30_s_and_a_terminal_drawn_ten_times_a_second(width, every_s):
    told = Told(width=width)
    told.do([], waiting=["lab"])
    told.progress._ended = Rounds(3)
    told.progress._run()
    assert told.progress._ended.waited == [every_s] * 4
    assert len(told.written) == 3


def test_elsewhere_nothing_is_written_at_once_and_nothing_at_the_end():
    told = Told()
    with told.progress:
        told.do(names(200))
    assert told.written == []


def test_in_quiet_nothing_is_written_at_all(capfd):
    screen = Screen(quiet=True)
    with screen.following() as progress:
        progress.begin("a")
        screen.expect(3)
        screen.write("data\n")
    assert capfd.readouterr() == ("data\n", "")


@contextmanager
def hanging():
    """A hub that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


def test_a_hub_that_hangs_is_named_on_a_line_that_is_gone_when_the_plan_comes(folder, hub):
    with hanging() as url:
        spec = (folder.path / "keyspec.yaml").read_text()
        slow = f'  stuck{"_" * 60}: {{url: "{url}", auth: "env:LAB_KEY", auth_key_id: keyspec_ci, timeout: 2s}}\n'
        folder.spec(spec.replace("ownership:", f"{slow}ownership:").replace("secrets/{key}", "secrets/{hub}/{key}"))
        command, *words = keyspec_command("plan")
        child = pexpect.spawn(
            command,
            words,
            cwd=folder.path,
            env=clean_environ(TERM="xterm", **folder.environ),
            encoding="utf-8",
            timeout=60,
            dimensions=(40, 60),
        )
        text = child.read()
    drawn, _, rest = text.rpartition(DRAWN)
    lines = [line for line in drawn.split(DRAWN) if line]
    assert any(re.match(r"hubs read: 1 of 2, [\d.]+/s; waiting for stuck_", line) for line in lines)
    assert lines[-1].startswith("hubs read: 2 of 2")
    assert max(map(len, lines)) < 60
    assert 5 <= len(lines) <= 60  # some two seconds, at most ten times a second
    assert "\x1b[K" not in rest
    assert "Plan: 1 to create" in rest
    child.close()
    assert child.exitstatus == 1
