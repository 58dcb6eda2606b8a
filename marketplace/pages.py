"""Django as the web server reaches it: no request's body is too large, or for ever on its way."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from tempfile import SpooledTemporaryFile
from typing import IO, Any, Final, cast

from django.conf import settings
from django.core.exceptions import RequestAborted
from django.core.handlers.asgi import ASGIHandler, ASGIRequest
from django.http import HttpResponse, JsonResponse
from django.utils.http import parse_header_parameters

from marketplace.calls.in_flight import Arrivals

Receive = Callable[[], Awaitable[Mapping[str, Any]]]

BODY_BYTES_MAX: Final = 4_000_000  # the largest document there is a form for, and as much again


class PlainRequest(ASGIRequest):
    """A request whose body does not say how its address is to be read.

    Django takes any codec of Python's for that: with `hex`, which reads no text, there would be no
    request at all, and `utf-7` makes halves of characters.
    """

    def _set_content_type_params(self, meta: Mapping[str, Any]) -> None:
        said = parse_header_parameters(meta.get("CONTENT_TYPE", ""))
        self.content_type, self.content_params = said


class BodyRefused(Exception):
    """A body that is not waited for."""

    def __init__(self, status: int, error: str, detail: str) -> None:
        """Take what its sender is told: a word for programs, and the sentence."""
        super().__init__(detail)
        self.status = status
        self.error = error
        self.detail = detail

    def response(self, *, to_a_person: bool) -> HttpResponse:
        if to_a_person:
            return HttpResponse(self.detail, "text/plain; charset=utf-8", self.status)
        return JsonResponse({"error": self.error, "detail": self.detail}, status=self.status)


_TOO_LARGE: Final = (413, "body_too_large", f"Too large: at most {BODY_BYTES_MAX:,} bytes.")
_TOO_SLOW: Final = (408, "body_too_slow", "The request took too long to arrive. Send it again.")


class Pages(ASGIHandler):
    """All that is not the door. Django itself would read any body to its end, however slow."""

    request_class = PlainRequest

    def __init__(self) -> None:
        super().__init__()
        self._arrivals = Arrivals(
            bodies_max=settings.BODIES_ARRIVING_MAX, bytes_max=settings.BODIES_ARRIVING_BYTES_MAX
        )

    async def handle(self, scope: Any, receive: Any, send: Any) -> None:
        try:
            await super().handle(scope, receive, send)
        except BodyRefused as refused:
            accepted = dict(scope["headers"]).get(b"accept", b"")
            response = refused.response(to_a_person=b"text/html" in accepted)
            await self.send_response(response, send)

    async def read_body(self, receive: Receive) -> Any:
        most = settings.FILE_UPLOAD_MAX_MEMORY_SIZE
        body = cast(IO[bytes], SpooledTemporaryFile(max_size=most))  # noqa: SIM115 - the request closes it
        try:
            await self._arrive(body, receive)
        except TimeoutError:
            body.close()
            raise BodyRefused(*_TOO_SLOW) from None
        except BaseException:
            body.close()
            raise
        body.seek(0)
        return body

    async def _arrive(self, body: IO[bytes], receive: Receive) -> None:
        async with self._arrivals.one(settings.REQUEST_BODY_SECONDS) as grew:
            more, size = True, 0
            while more:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise RequestAborted
                piece = cast(bytes, message.get("body", b""))
                size += len(piece)
                if size > BODY_BYTES_MAX:
                    raise BodyRefused(*_TOO_LARGE)
                grew(len(piece))
                body.write(piece)
                more = bool(message.get("more_body", False))
