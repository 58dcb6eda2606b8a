"""The doctor: each illness is found and named, and health is not mistaken for one."""

import io
import json
import re
import stat
import subprocess
import sys
import uuid
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from cryptography.fernet import Fernet
from django.core.management import call_command
from django.db import connection
from django.utils import timezone
from pytest_django.fixtures import Settings

from marketplace.configuration.chains import CHAIN_DEFAULTS
from marketplace.configuration.facilitators import FACILITATOR_DEFAULTS
from marketplace.doctor import installation
from marketplace.doctor.database import examine_database
from marketplace.doctor.findings import Finding, Level, worst
from marketplace.doctor.installation import deny_list, exposure, packages, secret_files, secrets
from marketplace.doctor.networks import GasBook, examine_networks, price_floor, read_gas_books
from marketplace.doctor.programs import examine_programs
from marketplace.embedded.chain import MULTICALL, place_dollar
from payments.chains import Fees
from payments.models import Broadcast, ChainHealth, Heartbeat, Relayer
from payments.receipts.signing import generate_pem
from tests.fixtures.chain import Chain
from tests.fixtures.ports import free_port
from tests.fixtures.stack import make_migrated_database, where_is
from tests.fixtures.storefront import NETWORK, settle
from tests.fixtures.upstream import ScriptedUpstream
from tests.fixtures.upstream import answer as upstream_answer

OPERATE = Path(__file__).parents[2] / "docs" / "operate.md"
NEVER = "0x000000000000000000000000000000000000dEaD"


def failures(findings: list[Finding]) -> list[str]:
    return [each.words for each in findings if each.level is Level.FAIL]


def troubles(findings: list[Finding]) -> list[str]:
    assert all(each.fix for each in findings if each.level is not Level.OK)
    return [each.words for each in findings if each.level is not Level.OK]


@pytest.fixture
def installed(settings: Settings, tmp_path: Any) -> Settings:
    """A site as docs/operate.md sets it up."""
    settings.DEVELOPMENT = False
    settings.SECRET_KEY = "x" * 50
    settings.RECEIPT_KEY = generate_pem()
    settings.SELLER_SECRETS_KEYS = [Fernet.generate_key().decode()]
    settings.PUBLIC_BASE_URL = settings.CALL_BASE_URL = "https://market.example"
    settings.OPERATOR_EMAIL_IS_GIVEN = True
    settings.EGRESS_ALLOW = []
    settings.DEMO_CHAIN_RPC = ""
    settings.SECRET_FILES = {}
    settings.CHAINS = {}
    installation.receipt_signer.cache_clear()
    yield settings
    installation.receipt_signer.cache_clear()


def look(*examinations: Any) -> list[Finding]:
    return [finding for examine in examinations for finding in examine()]


def told(*arguments: str) -> dict[str, Any]:
    said = io.StringIO()
    with pytest.raises(SystemExit):
        call_command("doctor", "--json", *arguments, stdout=said)
    return dict(json.loads(said.getvalue()))


@pytest.mark.django_db
def test_a_file_open_to_others_is_closed_when_it_is_asked_for(installed, tmp_path):
    key = tmp_path / "key"
    key.write_text("x")
    key.chmod(0o644)
    installed.SECRET_FILES = {"SECRET_KEY": str(key)}
    words = f"{key} can be read or changed by others"

    found = told()
    assert words in [each["words"] for each in found["findings"]]
    assert found["mended"] == []
    assert stat.S_IMODE(key.stat().st_mode) == 0o644

    found = told("--fix")
    assert found["mended"] == [words]
    assert words not in [each["words"] for each in found["findings"]]
    assert stat.S_IMODE(key.stat().st_mode) == 0o600


def test_what_is_not_migrated_is_migrated_when_it_is_asked_for(
    installed, settings, django_db_blocker
):
    url = make_migrated_database(f"doctor_{uuid.uuid4().hex[:12]}")
    own = dict(connection.settings_dict)
    connection.close()
    connection.settings_dict.update(where_is(url))
    settings.DATABASE_URL = settings.DATABASE_DIRECT_URL = url
    try:
        with django_db_blocker.unblock():
            call_command("migrate", "accounts", "0007", verbosity=0)
            assert "1 not applied" in [each["words"] for each in told()["findings"]]
            found = told("--fix")
            assert found["mended"] == ["1 not applied"]
            assert {"all applied"} <= {each["words"] for each in found["findings"]}
    finally:
        connection.close()
        connection.settings_dict.update(own)


def test_a_good_installation_is_well(installed):
    assert troubles(look(packages, secrets, secret_files, exposure)) == []


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("SECRET_KEY", "short", "SECRET_KEY has 5 characters"),
        ("SELLER_SECRETS_KEYS", [], "no SELLER_SECRETS_KEYS"),
        ("SELLER_SECRETS_KEYS", ["x"], "key 1 of SELLER_SECRETS_KEYS is no Fernet key"),
        ("RECEIPT_KEY", "x", "expected the PEM"),
        ("RECEIPT_KEY", "", "RECEIPT_KEY is missing"),
        ("DEVELOPMENT", True, "SOUK_DEBUG is on at https://market.example"),
        ("PUBLIC_BASE_URL", "http://market.example", "http://market.example is not https"),
        ("OPERATOR_EMAIL_IS_GIVEN", False, "nobody is named as this site's contact"),
        ("EGRESS_ALLOW", ["10.0.0.0/8:80"], "10.0.0.0/8:80"),
        ("DEMO_CHAIN_RPC", "http://127.0.0.1:1", "this is the demo, whose keys everybody knows"),
    ],
)
def test_what_an_operator_got_wrong_is_named(installed, name, value, words):
    setattr(installed, name, value)
    (found,) = troubles(look(secrets, secret_files, exposure))
    assert words in found


@pytest.mark.parametrize(
    ("holds", "words"),
    [
        (f"{'0x' + 'ab' * 20}\n", "ok: 1 are refused"),
        ("# nobody yet\n", "warn: the list is empty"),
        ("0x12\n", "fail: SOUK_DENY_ADDRESSES: line 1"),
        (None, "fail: SOUK_DENY_ADDRESSES"),
    ],
)
def test_the_list_of_denied_wallets_is_looked_at(installed, tmp_path, holds, words):
    listed = tmp_path / "denied.txt"
    if holds is not None:
        listed.write_text(holds)
    installed.DENY_ADDRESSES = str(listed)
    (found,) = look(deny_list)
    assert f"{found.level.name.lower()}: {found.words}".startswith(words)


def test_the_demo_on_loopback_is_no_exposure(installed):
    installed.DEVELOPMENT = True
    installed.DEMO_CHAIN_RPC = "http://127.0.0.1:1"
    installed.PUBLIC_BASE_URL = installed.CALL_BASE_URL = "http://127.0.0.1:8402"
    installed.EGRESS_ALLOW = ["127.0.0.0/8:8403"]
    assert troubles(look(exposure)) == []


@pytest.mark.parametrize(("mode", "is_well"), [(0o600, True), (0o640, True), (0o644, False)])
def test_a_secret_that_anybody_can_read_is_named(installed, tmp_path, mode, is_well):
    file = tmp_path / "relayer"
    file.write_text("secret")
    file.chmod(mode)
    installed.SECRET_FILES = {"SECRET_KEY": str(file)}
    assert (troubles(look(secret_files)) == []) == is_well


def test_a_public_key_that_anybody_can_read_is_well(installed, tmp_path):
    file = tmp_path / "receipt_public_key"
    file.write_text("public")
    file.chmod(0o644)
    installed.SECRET_FILES = {"RECEIPT_PUBLIC_KEY": str(file)}
    assert troubles(look(secret_files)) == []


def test_a_small_disk_is_named(installed, monkeypatch):
    monkeypatch.setattr(installation, "DISK_FAIL_MEGABYTES", 10**9)
    assert failures(look(installation.disk))


def test_a_migrated_database_that_rings_is_well(database_url, settings):
    settings.DATABASE_URL = settings.DATABASE_DIRECT_URL = database_url
    assert [each.level for each in examine_database() if each.subject != "database"] == [
        Level.OK,
        Level.OK,
    ]


@pytest.fixture
def role(database_url, settings):
    """A plain role that signs in to the test's database; what it may besides is its attributes."""
    name = f"plain_{uuid.uuid4().hex[:12]}"

    def sign_in(*attributes):
        with connection.cursor() as cursor:
            cursor.execute(f"create role {name} login {' '.join(attributes)}")
        query = urlsplit(database_url)
        host = query.netloc.rpartition("@")[2]
        settings.DATABASE_URL = query._replace(netloc=f"{name}@{host}").geturl()
        settings.DATABASE_DIRECT_URL = settings.DATABASE_URL
        return name

    yield sign_in
    with connection.cursor() as cursor:
        cursor.execute(f"drop role if exists {name}")


def about_roles():
    return [each for each in examine_database() if each.words.startswith("the role ")]


def test_a_plain_role_is_well(role, installed):
    name = role()
    (found,) = about_roles()
    words = f"the role {name} owns what is Souk's and rules nothing else"
    assert (found.level, found.words) == (Level.OK, words)


@pytest.mark.parametrize(
    ("attributes", "words"),
    [
        (["superuser"], "is a superuser of PostgreSQL, which Souk never needs"),
        (["createrole"], "may make other roles, which Souk never needs"),
        (
            ["bypassrls", "in role pg_execute_server_program"],
            "may read past row security, run programs on the server, which Souk never needs",
        ),
    ],
)
def test_a_role_that_may_too_much_is_a_warning_and_never_a_failure(
    role, installed, attributes, words
):
    name = role(*attributes)
    (found,) = about_roles()
    assert (found.level, found.words) == (Level.WARN, f"the role {name} {words}")
    assert "docs/operate.md" in found.fix
    assert found.mend is None, "whose role it is, is the operator's decision"


def test_the_role_past_a_pooler_is_looked_at_as_well(role, installed, database_url):
    name = role()
    assert len(about_roles()) == 1
    installed.DATABASE_DIRECT_URL = database_url  # a superuser's
    plain, direct = about_roles()
    assert (plain.level, direct.level) == (Level.OK, Level.WARN)
    assert f"the role {name}" in plain.words
    assert "is a superuser of PostgreSQL, which Souk never needs" in direct.words


def test_what_the_documents_tell_takes_it_back(role, installed):
    name = role("superuser", "createrole", "replication", "bypassrls")
    (told,) = re.findall(r"alter role souk (no.+);", OPERATE.read_text())
    with connection.cursor() as cursor:
        cursor.execute(f"alter role {name} {told}")
    (found,) = about_roles()
    assert found.level is Level.OK


def test_on_a_laptop_a_superuser_is_well(role, installed):
    role("superuser")
    installed.DEVELOPMENT = True
    (found,) = about_roles()
    assert found.level is Level.OK
    assert "is a superuser of PostgreSQL, as on a laptop it may" in found.words


def test_a_database_that_does_not_answer_is_named(database_url, settings):
    settings.DATABASE_URL = f"postgresql://souk@127.0.0.1:{free_port()}/souk"
    (found,) = failures(list(examine_database()))
    assert "it does not answer" in found


def test_a_direct_url_that_leads_nowhere_is_named(database_url, settings):
    settings.DATABASE_URL = database_url
    settings.DATABASE_DIRECT_URL = f"postgresql://souk@127.0.0.1:{free_port()}/souk"
    assert any("DATABASE_DIRECT_URL" in words for words in failures(list(examine_database())))


@pytest.fixture
def network(chain: Chain, settings: Settings) -> "dict[str, dict[str, Any]]":
    """One network on the tests' own chain, with a relayer that has gas."""
    settings.CHAINS = {
        NETWORK: {
            **CHAIN_DEFAULTS,
            "RPC": [chain.rpc_url],
            "ASSETS": [chain.dollar],
            "RELAYER_KEYS": [chain.relayer.private_key],
        }
    }
    settings.DEMO_CHAIN_RPC = chain.rpc_url
    chain.mine()  # now, so that its clock is ours
    return settings.CHAINS


async def examined(*relayers: GasBook) -> list[Finding]:
    return await examine_networks({NETWORK: relayers})


async def test_a_network_with_all_it_needs_is_well(network):
    assert troubles(await examined()) == []


async def test_a_node_of_another_chain_is_named(network, chain):
    network["eip155:8453"] = {**network.pop(NETWORK), "ASSETS": []}
    (found,) = troubles(await examined())
    assert "it serves chain 84532, not 8453" in found


async def test_a_second_endpoint_of_another_chain_is_named(network, chain):
    network[NETWORK]["RPC"].append(f"http://127.0.0.1:{free_port()}")
    (found,) = troubles(await examined())
    assert "no answer" in found


async def test_a_token_by_another_name_is_named(network, chain):
    place_dollar(chain.rpc_url, chain.dollar, "USD Coin", "2")
    (found,) = troubles(await examined())
    assert "name is USD Coin, not USDC" in found
    assert "DOMAIN_SEPARATOR" in found


async def test_a_node_that_forgets_too_soon_is_named(network, rpc_proxy):
    network[NETWORK]["RPC"] = [rpc_proxy.url]
    assert troubles(await examined()) == []
    rpc_proxy.refuse("eth_getLogs", 4444, "pruned history unavailable", times=None)
    (found,) = troubles(await examined())
    assert "what became of payments cannot be read back to" in found
    assert "pruned history unavailable" in found


async def test_a_missing_multicall_is_named(network, chain):
    chain.rpc("anvil_setCode", [MULTICALL, "0x"])
    (found,) = troubles(await examined())
    assert "no multicall" in found


@pytest.mark.parametrize(
    ("wei", "level"),
    [
        (10**14, Level.FAIL),
        (11 * 10**14, Level.FAIL),  # above SOUK_RELAYER_LOW_WEI, and three payments are too dear
        (11 * 10**15, Level.WARN),
        (10**20, Level.OK),
    ],
)
async def test_gas_money_is_counted(network, chain, wei, level):
    chain.rpc("anvil_setNextBlockBaseFeePerGas", [hex(10**9)])
    chain.mine()
    chain.set_balance(chain.relayer.address, wei)
    assert worst(await examined()) is level


@pytest.mark.parametrize(
    ("floor", "level"), [("0.0006", Level.WARN), ("0.000676", Level.OK), ("0.001", Level.OK)]
)
def test_a_price_floor_below_its_gas_is_a_warning(settings, floor, level):
    asset = "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913"
    base = {"PRICE_FLOOR": floor, "FEE_CAP_GWEI": "0.1", "ASSETS": [asset]}
    settings.CHAINS = {"eip155:8453": {**CHAIN_DEFAULTS, **base}}
    found = price_floor("eip155:8453", Fees(11 * 10**6, 0, 5 * 10**6))
    assert found.level is level
    assert "225,000,000,000 wei now (about 0.00068 dollars)" in found.words
    assert "4,500,000,000,000 at FEE_CAP_GWEI (about 0.014)" in found.words
    assert f"PRICE_FLOOR is {floor}" in found.words
    assert ("PRICE_FLOOR] to 0.0014 or more" in found.fix) is (level is Level.WARN)


async def test_the_demos_relayer_is_not_for_real_networks(network, settings):
    settings.DEMO_CHAIN_RPC = ""
    (found,) = troubles(await examined())
    assert "whose key everybody knows" in found


async def test_a_relayer_that_stopped_is_named(network, chain):
    (found,) = troubles(await examined(GasBook(chain.relayer.address, "foreign use")))
    assert "stopped: foreign use" in found


async def test_a_relayer_whose_key_was_taken_away_is_history(network, chain):
    assert troubles(await examined(GasBook(NEVER, "foreign use"))) == []


async def test_gas_that_ends_in_a_few_days_is_a_warning(network, chain):
    chain.set_balance(chain.relayer.address, 10**18)
    spending = GasBook(chain.relayer.address, wei_per_day=10**18 / 2)
    found = await examined(spending)
    assert worst(found) is Level.WARN
    assert "(2 days)" in troubles(found)[0]


def test_what_a_relayer_spent_is_read_from_its_transactions(db):
    row = Relayer.objects.create(network=NETWORK, address=NEVER, next_nonce=2)
    now = timezone.now()
    for nonce, (cost, age_days) in enumerate([(700, 1), (7_000_000, 8)]):
        Broadcast.objects.create(
            relayer=row,
            nonce=nonce,
            variant=0,
            kind=Broadcast.Kind.SINGLE,
            transaction=bytes([nonce]) * 32,
            raw=b"",
            gas_limit=1,
            max_fee_wei=1,
            priority_fee_wei=1,
            created_at=now - timedelta(days=age_days),
            gas_cost_wei=cost,
        )
    assert read_gas_books() == {NETWORK: [GasBook(NEVER, "", 100.0)]}


async def test_a_chain_without_a_relayer_is_named(network):
    network[NETWORK]["RELAYER_KEYS"] = []
    (found,) = troubles(await examined())
    assert "no relayer" in found


KIND = {"x402Version": 2, "scheme": "exact", "network": NETWORK}


def given(upstream: ScriptedUpstream, **kinds: "list[dict[str, Any]]") -> "list[dict[str, Any]]":
    """Facilitators of these names, which say that they serve so."""
    for name, said in kinds.items():
        upstream.on(f"/{name}/supported", upstream_answer(json.dumps({"kinds": said}).encode()))
    return [
        {**FACILITATOR_DEFAULTS, "NAME": name, "URL": f"{upstream.url}/{name}"} for name in kinds
    ]


async def test_facilitators_need_no_relayer(network, upstream):
    network[NETWORK] |= {
        "SETTLE": "facilitator",
        "FACILITATORS": given(upstream, first=[KIND], second=[KIND]),
        "RELAYER_KEYS": [],
    }
    found = await examined()
    assert troubles(found) == []
    assert sum("serves (2, eip155:84532, exact)" in each.words for each in found) == 2


@pytest.mark.parametrize(
    ("first", "second", "level"),
    [
        ([KIND], [{**KIND, "x402Version": 1}], Level.WARN),
        ([{**KIND, "network": "eip155:8453"}], [KIND], Level.WARN),
        ([], [KIND], Level.WARN),
        ([{**KIND, "scheme": "upto"}], [{**KIND, "x402Version": 1}], Level.FAIL),
    ],
    ids=["second", "first", "silent", "both"],
)
async def test_a_facilitator_of_another_kind_is_named(network, upstream, first, second, level):
    listed = given(upstream, first=first, second=second)
    network[NETWORK] |= {"SETTLE": "facilitator", "FACILITATORS": listed, "RELAYER_KEYS": []}
    found = await examined()
    assert worst(found) is level
    assert all("facilitator" in words for words in troubles(found))


async def test_a_facilitator_without_its_headers_is_named(network, upstream, tmp_path):
    (listed,) = given(upstream, first=[KIND])
    listed["HEADERS_FILE"] = str(tmp_path / "missing")
    network[NETWORK] |= {"SETTLE": "facilitator", "FACILITATORS": [listed]}
    (found,) = failures(await examined())
    assert "missing cannot be read" in found


async def test_a_facilitator_in_the_clear_is_a_warning(network, upstream, settings):
    settings.DEVELOPMENT = False
    listed = given(upstream, first=[KIND])
    elsewhere = {**listed[0], "NAME": "second", "URL": "http://facilitator.invalid"}
    network[NETWORK] |= {"SETTLE": "facilitator", "FACILITATORS": [*listed, elsewhere]}
    assert any("without TLS" in words for words in troubles(await examined()))


async def test_no_network_at_all_is_named(settings):
    settings.CHAINS = {}
    (found,) = troubles(await examined())
    assert "none is configured" in found


def beat(**ago: float) -> None:
    Heartbeat.objects.create(name="beat", at=timezone.now() - timedelta(**ago))


@pytest.fixture
def settled(transactional_db: None, settings: Settings) -> None:
    settings.CHAINS = {NETWORK: dict(CHAIN_DEFAULTS)}
    settle(NETWORK)


def test_programs_that_run_are_well(settled):
    beat(seconds=1)
    assert troubles(list(examine_programs())) == []


def test_a_dead_worker_is_named(settled):
    beat(seconds=1)
    ChainHealth.objects.update(seen_at=timezone.now() - timedelta(hours=1))
    (found,) = troubles(list(examine_programs()))
    assert "nobody has settled" in found


def test_a_worker_that_never_was_is_named(settled):
    beat(seconds=1)
    ChainHealth.objects.all().delete()
    (found,) = troubles(list(examine_programs()))
    assert "nobody has ever settled" in found


def test_a_worker_that_refuses_is_named_with_its_reason(settled):
    beat(seconds=1)
    settle(NETWORK, refusing_why="the relayer is low on gas")
    (found,) = troubles(list(examine_programs()))
    assert "the relayer is low on gas" in found


def test_a_chain_that_stands_still_is_named(settled):
    beat(seconds=1)
    ChainHealth.objects.update(head_time=timezone.now() - timedelta(hours=1))
    (found,) = troubles(list(examine_programs()))
    assert "has had no new block for 1 hour" in found


def test_a_broker_that_does_not_answer_is_a_warning(settled, settings):
    beat(seconds=1)
    settings.CELERY_BROKER_URL = "redis://:hunter2@127.0.0.1:1/0"
    (found,) = [each for each in examine_programs() if each.level is not Level.OK]
    assert found.level is Level.WARN
    assert "nobody answers at redis://127.0.0.1:1:" in found.words
    assert "hunter2" not in found.words


def test_a_dead_beat_is_a_warning(settled):
    beat(hours=1)
    assert worst(examine_programs()) is Level.WARN


def doctor(checkout: Any, environment: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "manage.py", "doctor", "--json"],
        cwd=checkout,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_the_command_tells_programs_and_exits_as_bad_as_it_is(stack, checkout):
    keys = {"SELLER_SECRETS_KEYS": Fernet.generate_key().decode(), "RECEIPT_KEY": generate_pem()}
    # Other tests of this stack compared its books while these were wrong on purpose.
    command = [sys.executable, "manage.py", "reconcile"]
    subprocess.run(command, cwd=checkout, env=stack.environment, check=True, capture_output=True)
    found = json.loads(doctor(checkout, {**stack.environment, **keys}).stdout)["findings"]
    # The suite's own database does not wait for its disk, and a young beat may not have beaten.
    ill = {each["subject"] for each in found if each["level"] != "ok"}
    assert ill <= {"database", "beat", "disk"}
    assert {"packages", "migrations", "wake-ups", "worker", NETWORK} <= {
        each["subject"] for each in found
    }
    chains = json.loads(stack.environment["CHAINS"])
    chains[NETWORK]["RPC"] = [f"http://127.0.0.1:{free_port()}"]
    worse = doctor(checkout, {**stack.environment, **keys, "CHAINS": json.dumps(chains)})
    assert worse.returncode == 2
    assert json.loads(worse.stdout)["level"] == "fail"
