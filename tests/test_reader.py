from __future__ import annotations

import signal
import threading

import pytest
from bench import Bench, told
from fakes.hub import refuse

from keyspec.connect import Connections
from keyspec.devhub import DevHub
from keyspec.errors import KeyspecError
from keyspec.loader import load_desired
from keyspec.ownership import Policy
from keyspec.reader import read_fleet, read_given, read_records
from keyspec.reconcile import apply_run, plan_run
from keyspec.record import Kept
from keyspec.session import Options, Session


@pytest.fixture
def bench(tmp_path):
    bench = Bench(tmp_path)
    bench.write("keys: {ci_a: {roles: [User]}, ci_b: {roles: [User]}}\n")
    return bench


def test_a_hub_that_cannot_be_read_stands_in_the_plan_with_its_error(bench):
    bench.fake.fail_next("list_keys", refuse(403, "no", "no"))
    planned = bench.plan()
    (row,) = planned.plan.hubs
    assert (row.status, row.live_keys) == ("unreadable", None)
    assert "403" in row.error
    assert planned.plan.steps == ()


def test_when_a_hub_was_read_is_when_its_reading_began(bench):
    def slow(request):
        bench.fake.time.sleep(50)
        return bench.fake._answer(request, request.url.path, None)

    bench.fake.fail_next("list_roles", slow)
    before = bench.fake.time.now_s
    assert bench.plan().read_at == {"fake": before}


def test_a_cancelled_read_gives_no_plan(bench):
    session = bench.session()
    session.cancel_reading()
    with pytest.raises(KeyboardInterrupt):
        read_fleet(load_desired(bench.options()).hubs.values(), session=session)
    assert bench.fake.requests == []


def test_an_interrupt_leaves_hubs_behind_that_are_sent_nothing_more(bench):
    asked, release = threading.Event(), threading.Event()

    def handle(request):
        if not asked.is_set():
            asked.set()
            signal.raise_signal(signal.SIGINT)
        assert release.wait(30)
        return bench.fake.handle(request)

    session = bench.session(handle=handle)
    with pytest.raises(KeyboardInterrupt):
        read_fleet(load_desired(bench.options()).hubs.values(), session=session)
    session.connections.close()
    (waiting,) = (thread for thread in threading.enumerate() if thread.name.startswith("hub-"))
    release.set()
    waiting.join(30)
    assert not waiting.is_alive()
    assert len(bench.fake.requests) == 1


def test_only_selected_keys_are_looked_up_in_their_stores(bench):
    planned = bench.plan(policy=Policy(keys=("ci_a",)))
    assert list(planned.records) == [("fake", "ci_a")]


def test_a_store_is_asked_once_for_all_hubs_and_once_for_a_value_that_they_share(tmp_path):
    (tmp_path / "fleet.yaml").write_text(
        "keyspec: 1\nhubs:\n"
        + "".join(f"  {name}: {{url: 'https://{name}.test', auth: env:KEY, auth_key_id: me}}\n" for name in "abc")
        + "keys:\n"
        "  ci_own: {roles: [User], store: 'file:{hub}/{key}'}\n"
        "  ci_shared: {roles: [User], store: 'file:{key}', value: {shared: true, origin: a}}\n"
    )

    asked = []

    class Counted:
        def look_all(self, entries):
            asked.append(sorted(str(entry.reference) for entry in entries))
            return {entry: Kept(None, has_value=False, version="") for entry in entries}

    session = Session(_stores={"file": Counted()})
    desired = load_desired(Options(files=(str(tmp_path / "fleet.yaml"),)))
    records = read_records(((hub, key) for hub in desired.hubs.values() for key in hub.keys.values()), session)
    assert len(records) == 6
    assert asked == [["file:a/ci_own", "file:b/ci_own", "file:c/ci_own", "file:ci_shared"]]


def test_an_entry_that_cannot_be_read_is_a_text_and_the_others_are_read(bench):
    folder = bench.folder / "secrets/fake"
    folder.mkdir(parents=True)
    (folder / "ci_a").mkdir()
    hub = load_desired(bench.options()).hubs["fake"]
    records = read_records(((hub, key) for key in hub.keys.values()), bench.session())
    assert isinstance(records["fake", "ci_a"], str)
    assert records["fake", "ci_b"].note is None
    report = bench.run()
    assert told(report) == ["create ci_a held", "create ci_b applied"]


def given_of(bench, reference):
    bench.write(f'keys: {{ci_a: {{roles: [User], value: {{from: "{reference}"}}}}}}\n')
    hub = load_desired(bench.options()).hubs["fake"]
    return hub.given(hub.keys["ci_a"])


def test_a_given_value_is_read_from_a_variable_a_file_or_a_store(bench):
    (bench.folder / "value").write_text("fr0m-a-file\n")
    (bench.folder / "x.env").write_text("CI=fr0m-a-line\n")
    (bench.folder / "x.env").chmod(0o600)
    session = bench.session()
    session.connections.environ["CI_VALUE"] = "fr0m-a-variable"
    for reference, value in (
        ("env:CI_VALUE", "fr0m-a-variable"),
        ("file:value", "fr0m-a-file"),
        ("dotenv:x.env#CI", "fr0m-a-line"),
    ):
        assert read_given(given_of(bench, reference), session, follow_links=True).reveal() == value


@pytest.mark.parametrize("reference", ["env:CI_VALUE", "file:value", "dotenv:x.env#CI"])
def test_a_given_value_that_is_not_there_is_an_error_that_names_it(bench, reference):
    with pytest.raises(KeyspecError, match=reference.partition(":")[2].partition("#")[0]):
        read_given(given_of(bench, reference), bench.session(), follow_links=True)


def test_a_pinned_spec_reads_no_value_through_a_link(bench):
    (bench.folder / "real").write_text("fr0m-a-file")
    (bench.folder / "value").symlink_to("real")
    entry = given_of(bench, "file:value")
    assert read_given(entry, bench.session(), follow_links=True).reveal() == "fr0m-a-file"
    with pytest.raises(KeyspecError):
        read_given(entry, bench.session(), follow_links=False)


def test_whoever_follows_is_told_when_reading_a_hub_and_its_turn_begin_and_end(bench):
    events = []
    bench.run(
        on_begin=lambda name: events.append(f"{name} begins"),
        on_end=lambda name: events.append(f"{name} ends"),
        on_read=lambda live: events.append(f"{live.name} is read"),
        on_step=lambda result: events.append(result.outcome),
    )
    reading, turn = ["fake begins", "fake ends", "fake is read"], ["fake begins", "applied", "applied", "fake ends"]
    assert events == [*reading, *turn]


def test_a_hub_that_cannot_be_read_or_listed_again_ends_too(bench):
    events = []
    session = bench.session(on_begin=lambda _: events.append("begins"), on_end=lambda _: events.append("ends"))
    planned = bench.plan(session)
    bench.fake.fail_next("list_keys", refuse(403, "no", "no"))
    apply_run(planned, bench.options(), session, asked=True)
    bench.fake.fail_next("list_keys", refuse(403, "no", "no"))
    bench.plan(session)
    assert events == ["begins", "ends"] * 3


def test_reading_many_hubs_leaves_few_connections_open_and_a_turn_none(tmp_path):
    with DevHub("lab") as hub:
        hubs = "".join(
            f'  h{number}: {{url: "{hub.url}", auth: "env:K", auth_key_id: keyspec_ci}}\n' for number in range(80)
        )
        text = f"hubs:\n{hubs}keys: {{keyspec_ci: {{roles: [Administrator], description: x, hubs: [h1]}}}}\n"
        (tmp_path / "keyspec.yaml").write_text(f"keyspec: 1\n{text}")
        environ = {"K": hub.admin_value, "XDG_STATE_HOME": str(tmp_path)}
        session = Session(connections=Connections(environ=environ))
        options = Options(files=(str(tmp_path / "keyspec.yaml"),))
        planned = plan_run(options, session)
        opened = session.connections._hubs
        assert len(opened) == 80
        assert 0 < sum(len(each._transport._idle) for each in opened.values()) <= 64
        report = apply_run(planned, options, session)
        assert told(report) == ["edit keyspec_ci applied"]
        assert report.hubs[1].verified
        assert opened["h1"]._transport._idle == []
        session.connections.close()
