"""The production stack keeps its secrets apart and watches every part."""

from typing import Any

import pytest
import yaml

OURS = {"door", "site", "worker", "beat"}


@pytest.fixture(scope="module")
def stack(checkout) -> dict[str, Any]:
    return yaml.safe_load((checkout / "docker-compose.yml").read_text())


def test_only_the_worker_holds_the_keys_that_sign(stack):
    for secret in ("relayer_key", "receipt_key"):
        holders = {name for name, s in stack["services"].items() if secret in s.get("secrets", [])}
        assert holders == {"worker"}


def test_every_secret_is_a_file_kept_out_of_the_repository(stack, checkout):
    assert {next(iter(secret)) for secret in stack["secrets"].values()} == {"file"}
    assert all(secret["file"].startswith("./secrets/") for secret in stack["secrets"].values())
    assert "/secrets/" in (checkout / ".gitignore").read_text().split()
    assert "!secrets" not in (checkout / ".dockerignore").read_text()


def test_no_password_is_written_down(stack):
    for service in stack["services"].values():
        for name in service.get("environment", {}):
            assert name.endswith("_FILE") or not any(
                word in name for word in ("PASSWORD", "SECRET", "KEY", "DATABASE_URL")
            )


def test_every_part_has_a_health_check(stack, checkout):
    assert set(stack["services"]) >= OURS | {"postgres", "redis"}
    assert "HEALTHCHECK" in (checkout / "Dockerfile").read_text()  # the door's and the site's
    for name in {"worker", "beat", "postgres", "redis"}:
        assert stack["services"][name]["healthcheck"]["test"]


def test_the_image_holds_all_that_the_program_reads(checkout):
    kept = {line[1:] for line in (checkout / ".dockerignore").read_text().split() if line[0] == "!"}
    assert kept >= {"marketplace", "sellers", "payments", "templates", "static", "docs"}


def test_the_data_is_reached_from_inside_only(stack):
    for name in ("postgres", "redis"):
        assert stack["services"][name]["networks"] == ["data"]
        assert "ports" not in stack["services"][name]
    assert stack["networks"]["data"]["internal"] is True
