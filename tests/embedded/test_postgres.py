"""The embedded PostgreSQL on folders of its own, with real servers and real kills."""

import os
import pwd
import select
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from marketplace.embedded.postgres import Postgres
from marketplace.embedded.postgres_binaries import Binaries, PostgresError, find_binaries
from marketplace.embedded.postgres_place import account_for, processes_in

AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, as a container has")


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder PostgreSQL can reach as another user; pytest's own are closed to others."""
    path = Path(tempfile.mkdtemp(prefix="souk pg "))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


@pytest.fixture
def log(folder: Path) -> Path:
    return folder / "log"


@pytest.fixture
def make(folder: Path) -> Callable[..., Postgres]:
    def make_one(name: str = "data", **options: object) -> Postgres:
        options = {"durable": False, "private_root": folder / "private", **options}
        (folder / "private").mkdir(exist_ok=True)
        return Postgres(folder / "state" / name, **options)  # type: ignore[arg-type]

    return make_one


@pytest.fixture
def running(folder: Path) -> Iterator[Callable[[Postgres], Postgres]]:
    """Start servers, and stop them whatever the test did."""
    started = []

    def start(postgres: Postgres) -> Postgres:
        (folder / "state").mkdir(exist_ok=True)
        started.append((postgres, postgres.start(folder / "log")))
        return postgres

    yield start
    for postgres, process in started:
        postgres.stop(process)


def ask(postgres: Postgres, question: str, database: str = "postgres") -> object:
    with psycopg.connect(postgres.url(database)) as connection:
        row = connection.execute(question).fetchone()
    assert row is not None
    return row[0]


def test_it_keeps_rows_over_a_restart_in_a_folder_with_spaces(make, log):
    first = make(durable=True)
    server = first.start(log)
    first.create_database("souk")
    with psycopg.connect(first.url("souk")) as connection:
        connection.execute("create table kept as select 7 as number")
    first.stop(server)
    second = make(durable=True)
    server = second.start(log)
    try:
        assert ask(second, "select number from kept", "souk") == 7
    finally:
        second.stop(server)


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("fsync", "on"),
        ("synchronous_commit", "on"),
        ("full_page_writes", "on"),
        ("data_checksums", "on"),
        ("listen_addresses", ""),
        ("unix_socket_permissions", "0700"),
    ],
)
def test_it_is_durable_and_off_the_network(durable_server, setting, value):
    assert ask(durable_server, f"select current_setting('{setting}')") == value


@pytest.fixture(scope="module")
def durable_server() -> Iterator[Postgres]:
    path = Path(tempfile.mkdtemp(prefix="souk-pg-test-"))
    path.chmod(0o755)
    postgres = Postgres(path / "data", private_root=path)
    server = postgres.start(path / "log")
    yield postgres
    postgres.stop(server)
    shutil.rmtree(path)


def test_its_socket_folder_is_closed_to_others_and_goes_with_it(make, log):
    postgres = make()
    server = postgres.start(log)
    socket_dir = postgres.socket_dir
    assert socket_dir is not None
    mode = socket_dir.stat().st_mode & 0o777
    postgres.stop(server)
    assert mode == 0o700
    assert not socket_dir.exists()


def test_a_port_in_the_shell_does_not_move_it(make, running, monkeypatch):
    monkeypatch.setenv("PGPORT", "6000")
    assert ask(running(make()), "select 1") == 1


def test_two_checkouts_run_at_once(make, running):
    one, other = running(make("one")), running(make("other"))
    one.create_database("only_here")
    assert ask(one, "select count(*) from pg_database where datname = 'only_here'") == 1
    assert ask(other, "select count(*) from pg_database where datname = 'only_here'") == 0


def test_a_second_start_on_the_same_data_is_refused(make, running, log):
    running(make())
    with pytest.raises(PostgresError, match="Another start is using"):
        make().start(log)


def test_it_recovers_committed_rows_after_a_kill(make, running, log):
    first = make(durable=True)
    server = first.start(log)
    with psycopg.connect(first.url("postgres")) as connection:
        connection.execute("create table kept as select 7 as number")
    server.kill()
    server.wait()
    first.release()
    assert (first.data_dir / "postmaster.pid").exists()
    assert ask(running(make(durable=True)), "select number from kept") == 7


def test_a_lock_file_naming_a_strangers_process_does_not_stop_it(make, running, folder, log):
    first = make()
    first.stop(first.start(log))
    stale = first.data_dir / "postmaster.pid"
    stale.write_text(f"{os.getpid()}\n{first.data_dir}\n0\n5432\n/nowhere\n\n1 1\nready\n")
    assert ask(running(make()), "select 1") == 1


STARTER = """
import sys
from pathlib import Path
from marketplace.embedded.postgres import Postgres
folder = Path(sys.argv[1])
postgres = Postgres(
    folder / "state" / "data",
    durable=False,
    private_root=folder / "private",
    say=lambda words: None,
)
print(postgres.start(folder / "log").pid, flush=True)
sys.stdin.read()
"""


def start_elsewhere(folder: Path, checkout: Path) -> subprocess.Popen[str]:
    starter = subprocess.Popen(
        [sys.executable, "-c", STARTER, folder],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=checkout,
    )
    assert starter.stdout is not None
    assert starter.stdout.readline()
    return starter


def end(starter: subprocess.Popen[str]) -> None:
    starter.kill()
    starter.communicate()


def test_a_server_whose_starter_was_killed_gives_way_to_the_next(make, running, folder, checkout):
    (folder / "private").mkdir()
    end(start_elsewhere(folder, checkout))
    assert ask(running(make()), "select 1") == 1


@pytest.mark.skipif(shutil.which("setpriv") is None, reason="needs setpriv (util-linux)")
def test_it_ends_when_its_starter_is_killed(folder, checkout):
    (folder / "private").mkdir()
    starter = start_elsewhere(folder, checkout)
    data_dir = folder / "state" / "data"
    waits = [os.pidfd_open(pid) for pid in processes_in(data_dir)]
    assert waits
    end(starter)
    for descriptor in waits:
        wait_for_end(descriptor)
    assert processes_in(data_dir) == []


def wait_for_end(descriptor: int) -> None:
    """A pidfd becomes readable when its process ends."""
    assert select.select([descriptor], [], [], 30)[0]
    os.close(descriptor)


def test_a_half_made_cluster_is_made_anew(make, running, folder):
    half = folder / "state" / "data.making"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")
    assert ask(running(make()), "select 1") == 1
    assert not half.exists()


def test_data_of_another_version_is_left_alone_with_the_way_out(make, folder, log):
    data = folder / "state" / "data"
    data.mkdir(parents=True)
    (data / "PG_VERSION").write_text("9\n")
    with pytest.raises(PostgresError, match=r"made by PostgreSQL 9.*pg_dumpall.*--fresh"):
        make().start(log)
    assert (data / "PG_VERSION").read_text() == "9\n"


def test_erasing_leaves_no_row(make, running, log):
    first = make()
    server = first.start(log)
    first.create_database("souk")
    first.stop(server)
    make().erase()
    second = running(make())
    assert ask(second, "select count(*) from pg_database where datname = 'souk'") == 0


def test_why_it_ended_while_starting_is_in_its_log(make, log):
    postgres = make()
    postgres.stop(postgres.start(log))
    (postgres.data_dir / "global" / "pg_control").unlink()
    with pytest.raises(PostgresError, match="ended while starting"):
        make().start(log)
    assert "pg_control" in log.read_text()


@AS_ROOT
def test_root_hands_it_to_a_user_with_fewer_rights(make, running):
    postgres = running(make())
    owner = postgres.data_dir.stat().st_uid
    assert pwd.getpwuid(owner).pw_name in {"postgres", "nobody"}
    servers = processes_in(postgres.data_dir)
    assert servers
    assert {Path(f"/proc/{pid}").stat().st_uid for pid in servers} == {owner}


@AS_ROOT
def test_root_runs_it_as_whoever_made_the_data(folder):
    data = folder / "data"
    data.mkdir()
    os.chown(data, 12345, 12345)
    account = account_for(data)
    assert account is not None
    assert account.uid == 12345


@AS_ROOT
def test_what_the_other_user_cannot_reach_is_kept_privately_and_said(make, running, folder):
    (folder / "state").mkdir(mode=0o700)
    said: list[str] = []
    postgres = running(make(say=said.append))
    assert ask(postgres, "select 1") == 1
    assert postgres.data_dir.is_relative_to(folder / "private")
    assert "cannot enter" in said[0]
    assert str(postgres.private_dir) in said[0]


@AS_ROOT
def test_data_that_fell_out_of_reach_is_not_replaced_by_an_empty_cluster(make, folder, log):
    first = make()
    first.stop(first.start(log))
    (folder / "state").chmod(0o700)
    with pytest.raises(PostgresError, match=r"out of reach.*chmod"):
        make().start(log)


@AS_ROOT
def test_programs_the_other_user_cannot_reach_are_copied(make, running, folder):
    hidden = folder / "hidden"
    packaged = find_binaries()
    install = packaged.folder.parent
    libraries = install.parent.with_name(f"{install.parent.name}.libs")
    shutil.copytree(install, hidden / install.parent.name / install.name, symlinks=True)
    shutil.copytree(libraries, hidden / libraries.name)
    hidden.chmod(0o700)
    binaries = Binaries(hidden / install.parent.name / install.name / "bin", packaged.major)
    postgres = running(make(binaries=binaries, say=lambda words: None))
    assert ask(postgres, "select 1") == 1
    assert postgres.binaries.folder.is_relative_to(folder / "private")


@AS_ROOT
def test_a_private_folder_somebody_else_made_is_refused(make, folder, log):
    (folder / "state").mkdir(mode=0o700)
    postgres = make(say=lambda words: None)
    postgres.private_dir.mkdir()
    os.chown(postgres.private_dir, 12345, 12345)
    with pytest.raises(PostgresError, match="not ours alone"):
        postgres.start(log)


def test_words_sort_the_same_on_every_machine(make, running):
    postgres = running(make())
    assert ask(
        postgres, "select array_agg(w order by w) from unnest(array['b','A','é','a']) w"
    ) == [
        "A",
        "a",
        "b",
        "é",
    ]
    assert ask(postgres, "select lower('É')") == "é"


def test_a_polite_stop_is_quick_and_clean(make, log):
    postgres = make()
    server = postgres.start(log)
    server.send_signal(signal.SIGINT)
    assert server.wait(timeout=60) == 0
    postgres.stop(server)
    assert not (postgres.data_dir / "postmaster.pid").exists()
