"""The demo's programs: watched, all ended, found again after a kill, never a stranger's."""

import errno
import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import pytest

from marketplace.configuration import readers
from marketplace.embedded import logs, processes, room
from marketplace.embedded.demo import in_words
from marketplace.embedded.demo_settings import choose_ports
from marketplace.embedded.logs import LiveLog
from marketplace.embedded.ports import is_free
from marketplace.embedded.process_table import members_of
from marketplace.embedded.processes import ProgramEnded, Programs
from marketplace.embedded.refusal import DemoError
from marketplace.embedded.run_record import RunRecord, birth_of, is_alive

PATIENCE_SECONDS = 20
SLEEPS = "import time; print('here', flush=True); time.sleep(600)"
IGNORES_THE_REQUEST = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN); " + SLEEPS
STARTS_ANOTHER = (
    "import subprocess, sys; "
    "print(subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']).pid, "
    "flush=True); " + SLEEPS
)


def python(source: str) -> list[str]:
    return [sys.executable, "-c", source]


def wait_until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not true():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.01)


@pytest.fixture
def programs(tmp_path: Path) -> Iterator[Programs]:
    running = Programs(tmp_path, tmp_path, lambda processes: None)
    yield running
    running.stop(lambda: True)


def start(programs: Programs, name: str, source: str, **how: bool) -> int:
    """Starts a program and waits for its first words."""
    process = programs.start(name, python(source), **how)
    wait_until(lambda: "here" in log_of(process).read_text())
    return process.pid


def log_of(process: "subprocess.Popen[bytes]") -> Path:
    return Path(f"/proc/{process.pid}/fd/1").readlink()


def test_a_program_that_ends_is_reported_with_its_last_words(programs):
    programs.start("chain", python("print('no more room'); raise SystemExit(3)"))
    with pytest.raises(ProgramEnded, match=r"(?s)chain ended \(with code 3\).*no more room"):
        programs.watch()


def test_a_disk_that_fills_up_stops_the_demo_while_there_is_room_to_stop(programs, monkeypatch):
    start(programs, "web", SLEEPS)
    looked = iter([10**9, 49_000_000])
    free = lambda folder: SimpleNamespace(free=next(looked))  # noqa: E731
    monkeypatch.setattr(room.shutil, "disk_usage", free)
    with pytest.raises(DemoError, match=r"needs 50 MB and 49 MB are free\. Make room"):
        programs.watch(lambda: room.require_room(Path(), room.TO_GO_ON_MEGABYTES))


def test_a_program_that_was_killed_is_reported_so(programs):
    os.kill(start(programs, "worker", SLEEPS), signal.SIGKILL)
    with pytest.raises(ProgramEnded, match=r"worker ended \(killed by signal 9\)"):
        programs.watch()


def test_a_program_that_lost_a_process_of_its_own_is_reported_so(programs):
    beating = "import os, time\nif os.fork(): print('here', flush=True)\ntime.sleep(99)"
    worker = start(programs, "worker", beating)
    wait_until(lambda: len(members_of(worker)) == 2)
    programs.keep_whole("worker")
    programs.look()
    (beat,) = (int(entry.name) for entry in members_of(worker) if entry.name != str(worker))
    os.kill(beat, signal.SIGKILL)
    with pytest.raises(ProgramEnded, match=r"worker ended \(in part: a process .* is gone\)"):
        programs.watch()


def test_what_others_stand_on_is_blamed_first(programs):
    first = start(programs, "postgres", SLEEPS)
    second = start(programs, "web", SLEEPS)
    for pid in (second, first):
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda pid=pid: not is_alive(pid))
    with pytest.raises(ProgramEnded, match="postgres ended"):
        programs.look()


def test_a_program_that_ended_without_a_word_is_reported_too(programs):
    programs.start("upstream", python("raise SystemExit(4)"))
    with pytest.raises(ProgramEnded, match=r"upstream ended \(with code 4\). It left no last"):
        programs.watch()


def test_what_ended_and_waits_to_be_noticed_is_no_member_of_its_group():
    process = subprocess.Popen(python(SLEEPS), stdout=subprocess.DEVNULL, start_new_session=True)
    assert [entry.name for entry in members_of(process.pid)] == [str(process.pid)]
    process.kill()
    wait_until(lambda: not is_alive(process.pid))
    assert Path(f"/proc/{process.pid}").exists(), "nobody has asked for its end yet"
    assert members_of(process.pid) == []
    process.wait()


def test_a_step_that_fails_says_so(programs):
    programs.start("preparation", python("raise SystemExit('no such table')"))
    with pytest.raises(ProgramEnded, match="no such table"):
        programs.finish("preparation", 60)


def test_a_step_that_ends_well_is_no_longer_watched(programs):
    programs.start("preparation", python("pass"))
    programs.finish("preparation", 60)
    programs.look()


def test_waiting_for_a_program_notices_that_it_ended(programs):
    programs.start("web", python("raise SystemExit(1)"))
    with pytest.raises(ProgramEnded, match="web ended"):
        programs.wait_until(lambda: False, "The web server", 60)


def test_waiting_ends_with_the_logs_to_look_at(programs):
    start(programs, "web", SLEEPS)
    with pytest.raises(DemoError, match="The web server was not ready after 0 s"):
        programs.wait_until(lambda: False, "The web server", 0)


def test_stopping_ends_a_program_with_everything_it_started(programs):
    process = programs.start("web", python(STARTS_ANOTHER))
    log = log_of(process)
    wait_until(lambda: "here" in log.read_text())
    child = int(log.read_text().split()[0])
    programs.stop(lambda: False)
    assert not is_alive(process.pid)
    wait_until(lambda: not is_alive(child))


def test_a_program_that_will_not_stop_is_killed(programs, monkeypatch):
    monkeypatch.setattr(processes, "STOP_SECONDS", 0.05)
    pid = start(programs, "worker", IGNORES_THE_REQUEST)
    programs.stop(lambda: False)
    assert not is_alive(pid)


def test_whoever_is_in_a_hurry_does_not_wait_for_it(programs, monkeypatch):
    monkeypatch.setattr(processes, "STOP_SECONDS", 3600)
    pid = start(programs, "worker", IGNORES_THE_REQUEST)
    programs.stop(lambda: True)
    assert not is_alive(pid)


def test_what_keeps_the_state_outlives_what_works_on_it(programs, tmp_path):
    keeper = start(programs, "postgres", SLEEPS, is_keeper=True)
    told = tmp_path / "told"
    start(
        programs,
        "worker",
        f"import os, pathlib, signal\n"
        f"def stopped(*_):\n"
        f"    os.kill({keeper}, 0)\n"
        f"    pathlib.Path({str(told)!r}).write_text('the keeper is there')\n"
        f"    raise SystemExit\n"
        # Python sleeps through a signal that comes just before: it is heard after the next one.
        f"signal.signal(signal.SIGINT, stopped)\n"
        f"import time; print('here', flush=True)\n"
        f"while True: time.sleep(0.05)",
    )
    programs.stop(lambda: False)
    assert told.read_text() == "the keeper is there"
    assert not is_alive(keeper)


def test_a_log_begins_anew_and_the_last_one_is_kept(programs, tmp_path):
    for words in ("first", "second", "third"):
        programs.start("web", python(f"print({words!r})"))
        programs.finish("web", 60)
    assert (tmp_path / "web.log").read_text() == "third\n"
    assert (tmp_path / "web.old.log").read_text() == "second\n"
    assert len(list(tmp_path.glob("web*"))) == 2


def test_a_log_that_grew_too_large_is_emptied_and_written_on(programs, tmp_path, monkeypatch):
    monkeypatch.setattr(logs, "LOG_BYTES_MAX", 1_000)
    talks = "import sys; print('here' + 'x' * 2000, flush=True); input(); print('later')"
    process = programs.start("chain", python(talks), stdin=subprocess.PIPE)
    log = tmp_path / "chain.log"
    wait_until(lambda: log.stat().st_size > 2_000)

    logs.bound(log)
    process.communicate(b"\n")

    assert log.read_text() == "later\n"
    assert (tmp_path / "chain.old.log").read_text().startswith("herex")


def test_the_live_log_goes_on_after_its_file_was_emptied(tmp_path):
    log = tmp_path / "web.log"
    log.write_text("a long line of before\n")
    screen = io.StringIO()
    live = LiveLog(tmp_path, screen)
    live.start()
    wait_until(lambda: "before" in screen.getvalue())
    log.write_text("after\n")
    live.end()
    assert "web | after" in screen.getvalue()


def test_the_live_log_names_who_speaks(tmp_path):
    (tmp_path / "web.log").write_text("listening\nhalf a li")
    (tmp_path / "web.old.log").write_text("of the last run\n")
    screen = io.StringIO()
    live = LiveLog(tmp_path, screen)
    live.start()
    wait_until(lambda: "listening" in screen.getvalue())
    with (tmp_path / "web.log").open("a") as log:
        log.write("ne\n")
    live.end()
    assert screen.getvalue().split("\n") == [
        "       web | listening",
        "       web | half a line",
        "",
    ]


@pytest.fixture
def make_record(tmp_path: Path) -> Iterator[Callable[[], RunRecord]]:
    made: list[RunRecord] = []

    def make() -> RunRecord:
        made.append(RunRecord(tmp_path, tmp_path))
        return made[-1]

    yield make
    for record in made:
        record.release()


def test_a_second_demo_of_a_checkout_is_told_of_the_first(make_record):
    make_record().take("http://127.0.0.1:8402")
    with pytest.raises(DemoError, match=r"runs already: http://127\.0\.0\.1:8402 \(process \d+\)"):
        make_record().take("http://127.0.0.1:9000")


def test_the_place_is_free_when_the_first_has_stopped(make_record):
    first = make_record()
    first.take("http://127.0.0.1:8402")
    first.release()
    make_record().take("http://127.0.0.1:8402")


def test_the_place_is_free_when_the_first_was_killed(make_record, tmp_path, checkout):
    source = (
        "from pathlib import Path; from marketplace.embedded.run_record import RunRecord; "
        f"RunRecord(Path({str(tmp_path)!r}), Path('/')).take('http://127.0.0.1:1'); " + SLEEPS
    )
    with subprocess.Popen(python(source), cwd=checkout, stdout=subprocess.PIPE) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == b"here\n"
        first.kill()
    make_record().take("http://127.0.0.1:8402")


@pytest.fixture
def run_aside(tmp_path: Path) -> Iterator[Callable[..., "subprocess.Popen[bytes]"]]:
    """Starts programs as a demo does, whose supervisor is then forgotten."""
    started: list[subprocess.Popen[bytes]] = []

    def run(source: str = SLEEPS, *, cwd: Path = tmp_path) -> "subprocess.Popen[bytes]":
        process = subprocess.Popen(
            python(source), cwd=cwd, stdout=subprocess.PIPE, start_new_session=True
        )
        started.append(process)
        return process

    yield run
    for process in started:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def test_what_a_killed_demo_left_running_is_ended_at_the_next_start(make_record, run_aside):
    left = run_aside()
    make_record().write({}, {"worker": left.pid})
    assert make_record().end_leftovers() == ["worker"]
    assert not is_alive(left.pid)


def test_a_stranger_with_a_number_on_record_is_left_alone(make_record, run_aside, tmp_path):
    stranger = run_aside()
    record = make_record()
    record.write({}, {"worker": stranger.pid})
    written = json.loads(record.file.read_text())
    written["processes"]["worker"][1] = "another boot 1"
    record.file.write_text(json.dumps(written))
    assert make_record().end_leftovers() == []
    assert is_alive(stranger.pid)


def orphan_of(leader: "subprocess.Popen[bytes]") -> int:
    assert leader.stdout is not None
    orphan = int(leader.stdout.readline())
    leader.kill()
    leader.wait()
    return orphan


def test_children_of_a_program_that_died_are_ended(make_record, run_aside):
    leader = run_aside(STARTS_ANOTHER)
    make_record().write({}, {"web": leader.pid})
    orphan = orphan_of(leader)
    assert make_record().end_leftovers() == ["web"]
    assert not is_alive(orphan)


def test_children_that_work_elsewhere_are_not_ours(make_record, run_aside):
    leader = run_aside(STARTS_ANOTHER, cwd=Path("/"))
    make_record().write({}, {"web": leader.pid})
    orphan = orphan_of(leader)
    assert make_record().end_leftovers() == []
    assert is_alive(orphan)


@pytest.mark.parametrize(
    "written", ["", "{", "[]", '{"processes": 7}', '{"processes": {"web": 7}}', "\0\0", '"x"']
)
def test_a_spoiled_record_is_no_obstacle(make_record, written):
    record = make_record()
    record.file.write_text(written)
    assert record.end_leftovers() == []
    assert not record.file.exists()


def test_the_record_is_for_our_eyes_only(make_record):
    record = make_record()
    record.write({"SECRET_KEY": "x"}, {"web": os.getpid()})
    assert record.file.stat().st_mode & 0o777 == 0o600
    assert json.loads(record.file.read_text())["processes"]["web"] == [
        os.getpid(),
        birth_of(os.getpid()),
    ]


@pytest.fixture
def beside(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A terminal beside the demo, in which nothing is set."""
    monkeypatch.setattr(readers, "STATE_DIR", tmp_path)
    for name in ("SECRET_KEY", "SECRET_KEY_FILE", "SOUK_DEBUG"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.usefixtures("beside")
def test_commands_beside_a_demo_find_its_settings(make_record):
    record = make_record()
    record.take("http://127.0.0.1:8402")
    record.write({"DATABASE_URL": "postgresql:///demo"}, {})
    assert readers.settings_of_running_demo() == {"DATABASE_URL": "postgresql:///demo"}


@pytest.mark.usefixtures("beside")
def test_a_stopped_demo_sets_nothing(make_record):
    record = make_record()
    record.take("http://127.0.0.1:8402")
    record.write({"DATABASE_URL": "postgresql:///demo"}, {})
    left_by_a_kill = record.file.read_text()
    record.release()
    record.file.write_text(left_by_a_kill)
    assert readers.settings_of_running_demo() == {}


@pytest.mark.usefixtures("beside")
def test_a_demo_that_still_starts_sets_nothing(make_record):
    make_record().take("http://127.0.0.1:8402")
    assert readers.settings_of_running_demo() == {}


@pytest.mark.usefixtures("beside")
@pytest.mark.parametrize("name", ["SECRET_KEY", "SECRET_KEY_FILE", "SOUK_DEBUG"])
def test_a_shell_that_says_which_installation_it_means_is_heard(make_record, monkeypatch, name):
    record = make_record()
    record.take("http://127.0.0.1:8402")
    record.write({"DATABASE_URL": "postgresql:///demo"}, {})
    monkeypatch.setenv(name, "x")
    assert readers.settings_of_running_demo() == {}


def test_ports_stay_over_a_restart(tmp_path):
    first = choose_ports(8402, tmp_path / "ports.json")
    assert choose_ports(8402, tmp_path / "ports.json") == first
    assert len({first.web, first.upstream, first.chain}) == 3


@pytest.mark.parametrize("written", ["", "{}", '{"upstream": "x", "chain": 1}', "[1]"])
def test_a_spoiled_list_of_ports_is_written_anew(tmp_path, written):
    (tmp_path / "ports.json").write_text(written)
    ports = choose_ports(8402, tmp_path / "ports.json")
    assert choose_ports(8402, tmp_path / "ports.json") == ports
    assert is_free(ports.chain)


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "is full. Make room"),
        (errno.EROFS, "cannot write there (Read-only file system: /x/.souk)"),
        (errno.EACCES, "cannot write there (Permission denied: /x/.souk)"),
    ],
)
def test_what_the_machine_refuses_is_said_with_its_fix(number, words):
    assert words in in_words(OSError(number, os.strerror(number), "/x/.souk"))
