"""A whole surface, opened the way a server opens it."""

import asyncio
from collections.abc import AsyncIterator

import pytest_asyncio

from marketplace.surface import Surface
from tests.fixtures.storefront import Storefront
from tests.marketplace.gateway.visitor import App, Message


async def no_site(scope: Message, receive: object, send: object) -> None:
    raise AssertionError(f"{scope['path']} is not the site's")


@pytest_asyncio.fixture
async def surface(storefront: Storefront) -> AsyncIterator[App]:
    """The real door on the real database, with what it needs opened and closed around the test."""
    opened = Surface(no_site, surface="all")
    news: asyncio.Queue[Message] = asyncio.Queue()
    said: asyncio.Queue[Message] = asyncio.Queue()
    living = asyncio.create_task(opened({"type": "lifespan"}, news.get, said.put))
    await news.put({"type": "lifespan.startup"})
    heard = asyncio.create_task(said.get())
    await asyncio.wait([heard, living], return_when=asyncio.FIRST_COMPLETED)
    if living.done():
        living.result()
    assert heard.result() == {"type": "lifespan.startup.complete"}
    yield opened
    await news.put({"type": "lifespan.shutdown"})
    assert await said.get() == {"type": "lifespan.shutdown.complete"}
    await living
