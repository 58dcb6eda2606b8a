"""Looks at upstreams as jobs: the row is the job, a worker takes it, its page shows each step."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.utils import timezone

from payments import rates
from sellers.drafting import worksheets
from sellers.drafting.typed import example_of, input_schema_of, typed_sample
from sellers.drafting.worksheets import kept_secrets
from sellers.drafts import upstream_url
from sellers.examples import body, body_media_type, path_values, query_pairs
from sellers.happenings import went_on
from sellers.header_names import is_never_secret
from sellers.input_rules import plain_example
from sellers.jobs import jobs
from sellers.models import Look, Worksheet
from sellers.refusals import bad
from sellers.secrets import SecretsUnavailable, Vault
from sellers.site import Site
from sellers.terms import METHODS, Sample
from sellers.upstreams.probes import Step, Stopped, look
from sellers.upstreams.targets import UnsafeTarget, target

LOOKS_KEPT_MAX = 5
COUNTED, HOUR = "look", 3_600  # as what a seller's looks are counted, and for how many seconds
State = Look.State
_GIVE_AGAIN = "Give the secret headers once more."


def ask(worksheet: Worksheet, site: Site) -> Look:
    """Have the upstream of a worksheet looked at; a look that is still on its way is enough."""
    running = worksheet.looks.filter(due_at__isnull=False).first()
    if running is not None:
        return running
    typed = worksheet.typed
    method = str(typed.get("method") or "GET")
    if method not in METHODS:
        raise bad("method", f"one of {', '.join(METHODS)}")
    url = upstream_url(str(typed.get("upstream_url", "")), site)
    example = plain_example(example_of(typed))
    _target(url, example)
    media_type = body_media_type(input_schema_of(typed))
    asked = {"method": method, "url": url, "example": example, "media_type": media_type}
    # Not by their rows: a draft keeps the newest few only.
    if not rates.take(COUNTED, str(worksheet.seller_id), site.looks_hour_max, HOUR).allows:
        raise bad("upstream_url", "that is enough looks for an hour; try again later")
    old = worksheet.looks.order_by("-created_at").values_list("pk", flat=True)[LOOKS_KEPT_MAX - 1 :]
    Look.objects.filter(pk__in=list(old)).delete()
    return Look.objects.create(worksheet=worksheet, asked=asked)


def run(look_id: UUID, site: Site) -> bool:
    """Take one look, unless another worker has it; every step is written down as it happens."""
    job = jobs.take(Look, look_id, steps=[])
    if job is None:
        return False
    went_on()
    sample = None if _is_given_up(job) else _looked(job, site)
    ended: dict[str, Any] = {"ended_at": timezone.now(), "due_at": None}
    if sample is None:
        Look.objects.filter(pk=job.pk).update(state=State.BAD, **ended)
    else:
        Look.objects.filter(pk=job.pk).update(state=State.GOOD, sample=sample.to_json(), **ended)
        if not job.worksheet.typed.get("sample_base64"):
            worksheets.fill_in(job.worksheet, _filled(job.worksheet, sample))
    went_on()
    return True


def run_due(site: Site) -> int:
    """Every look that nobody took; what a lost message, or a lost worker, left behind."""
    return sum(run(pk, site) for pk in jobs.due(Look))


def newest(worksheet: Worksheet) -> Look | None:
    return next(iter(last(worksheet)), None)


def last(worksheet: Worksheet) -> list[Look]:
    """The looks that are kept, newest first."""
    return list(worksheet.looks.order_by("-created_at")[:LOOKS_KEPT_MAX])


def sample_fields(worksheet: Worksheet) -> dict[str, str]:
    """The answer of the newest good look, as it stands in the fields of the sample."""
    good = worksheet.looks.filter(state=State.GOOD).order_by("-created_at").first()
    if good is None or good.sample is None:
        raise bad("sample", "no look has brought a good answer yet")
    return typed_sample(Sample.from_json(good.sample))


def _filled(worksheet: Worksheet, sample: Sample) -> dict[str, str]:
    """The sample's fields, all of them or none: a type belongs to its body."""
    return {} if worksheet.typed.get("sample_body") else typed_sample(sample)


def _looked(job: Look, site: Site) -> Sample | None:
    asked = job.asked
    try:
        secrets = _secrets(job.worksheet, site, asked["url"])
    except SecretsUnavailable:
        _tell(job, Step("Secret headers", False, "they cannot be read here", _GIVE_AGAIN))
        return None
    content_type, content = body(asked["example"], asked["media_type"])
    headers = [*secrets.items()]
    headers += [("Content-Type", content_type)] if content_type else []
    steps = look(site, asked["method"], _target(asked["url"], asked["example"]), headers, content)
    told: list[dict[str, Any]] = []
    try:
        while True:
            told.append(next(steps).to_json())
            Look.objects.filter(pk=job.pk).update(steps=told)
            went_on()
    except StopIteration as end:
        found: Sample | None = end.value
        return found
    except Stopped:
        return None


def _is_given_up(job: Look) -> bool:
    if not jobs.is_given_up(job):
        return False
    _tell(job, Step("Look", False, "it was begun and never finished", "Look at it once more."))
    return True


def _tell(job: Look, step: Step) -> None:
    Look.objects.filter(pk=job.pk).update(steps=[step.to_json()])


def _secrets(worksheet: Worksheet, site: Site, url: str) -> dict[str, str]:
    """The secret headers as calls will carry them."""
    names = worksheet.typed.get("secret_headers", [])
    if not names:
        return {}
    kept = kept_secrets(worksheet, url)
    vault = Vault(site.secrets_keys)
    carried = {n: v for n, v in kept.items() if n in names and not is_never_secret(n)}
    return vault.open_all(worksheet.listing_id, carried)


def _target(url: str, example: dict[str, Any]) -> Any:
    try:
        return target(url, path_values(example), query_pairs(example))
    except UnsafeTarget as unsafe:
        raise bad("example", str(unsafe)) from unsafe
