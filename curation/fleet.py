"""Endpoints that serve one model, as the HTTP client of the official OpenAI client.

The official client builds what is sent, retries with exponential backoff and jitter, honours Retry-After and names the
errors. What lies below is ours: which endpoint, how many at once, what counts as a reply; and it is lean, because the
stock transport costs over a millisecond a call.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import aiohttp
import httpx2
import orjson

from curation.pace import Pace
from schemas.errors import UpstreamError

LARGEST_BODY = 1 << 24
"""Bytes; a longer body is no reply."""
PROBE_S = 0.5
"""Between two looks at an endpoint that is down."""
LONG_WAIT_S = 60.0
"""A Retry-After beyond what the official client waits for: the whole endpoint pauses."""


@dataclass(kw_only=True)
class Endpoint:
    """One base URL of the fleet."""

    url: str
    pace: Pace
    up: bool = True
    not_before: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A request on its way; what the official client needs to know of it."""

    method: str
    url: str
    headers: dict[str, str]
    content: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """A reply: its JSON body, read."""

    status_code: int
    body: dict[str, Any]
    request: Sent
    seconds: float
    headers: Any

    def raise_for_status(self) -> None:
        """Nothing to raise: only replies with status 200 become one of these."""


class Fleet(httpx2.AsyncClient):
    """Sends each request to the endpoint with the most room; waits while there is none."""

    def __init__(
        self, urls: Iterable[str], *, start: int, least: int, most: int, timeout_s: float, patience_s: float, key: str
    ) -> None:
        super().__init__()
        self.endpoints = [Endpoint(url=url, pace=Pace(limit=start, least=least, most=most)) for url in urls]
        self._patience_s = patience_s
        self._timeout = aiohttp.ClientTimeout(total=timeout_s)
        self._headers_of_probe = {"Authorization": f"Bearer {key}"}
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Fleet:
        connector = aiohttp.TCPConnector(limit=0)
        self._session = aiohttp.ClientSession(connector=connector, timeout=self._timeout, auto_decompress=True)
        self._watch = asyncio.create_task(self._look_after())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._watch.cancel()
        if self._session:
            await self._session.close()
        await self.aclose()

    def build_request(self, method: str, url: Any, *, content: Any = None, headers: Any = None, **_: Any) -> Any:
        """What the official client wants sent; its URL is that of the first endpoint."""
        return Sent(method=method, url=str(url), headers=dict(headers or ()), content=content or b"")

    async def send(self, request: Any, **_: Any) -> Any:
        """Send to an endpoint that is up. Raises httpx2 errors, which the official client retries."""
        while True:
            endpoint = await self._free()
            number, start = endpoint.pace.begin(), time.monotonic()
            refused = True
            try:
                received = await self._exchange(endpoint, request, start)
                refused = received.status_code == 429 or received.status_code >= 500
                return received
            except aiohttp.ClientConnectorError:
                endpoint.up = False  # nothing was sent: the request waits for a server, and no try is used up
            except TimeoutError as error:
                raise httpx2.ReadTimeout("no reply in time", request=request) from error
            except (aiohttp.ClientError, OSError) as error:
                raise httpx2.ReadError(f"{type(error).__name__}", request=request) from error
            finally:
                endpoint.pace.end(number, refused=refused, seconds=time.monotonic() - start)
                self._wake()

    async def _exchange(self, endpoint: Endpoint, request: Sent, start: float) -> Any:
        assert self._session
        url = endpoint.url + request.url.removeprefix(self.endpoints[0].url)
        async with self._session.request(
            request.method, url, data=request.content, headers=request.headers
        ) as response:
            content = await _read(response, request)
            if response.status != 200:
                _pause(endpoint, response)
                return httpx2.Response(
                    response.status,
                    headers=dict(response.headers),
                    content=content,
                    request=httpx2.Request(request.method, url, headers=request.headers),
                )
        return Received(
            status_code=200,
            body=_body(content, request),
            request=request,
            seconds=time.monotonic() - start,
            headers=response.headers,
        )

    async def _free(self) -> Endpoint:
        """The endpoint with the most room, when there is one. Raises UpstreamError when all stay down."""
        while not (endpoint := self._roomiest()):
            if not any(one.up for one in self.endpoints) and self._down_s() > self._patience_s:
                urls = ", ".join(one.url for one in self.endpoints)
                raise UpstreamError(f"No server has answered at {urls} for {self._patience_s:.0f} s; start it again.")
            turn = asyncio.get_running_loop().create_future()
            self._waiting.append(turn)
            await turn
        return endpoint

    def _roomiest(self) -> Endpoint | None:
        now = time.monotonic()
        open_ = [one for one in self.endpoints if one.up and one.pace.room > 0 and one.not_before <= now]
        return max(open_, key=lambda one: one.pace.room, default=None)

    def _wake(self) -> None:
        """Let as many of those who wait go on as there is room for."""
        room = sum(max(one.pace.room, 0) for one in self.endpoints if one.up)
        while room > 0 and self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                room -= 1

    def _down_s(self) -> float:
        return time.monotonic() - self._all_up_at

    _all_up_at = float("inf")

    async def _look_after(self) -> None:
        """Look at endpoints that are down until they answer, and wake those who wait."""
        self._all_up_at = time.monotonic()
        while True:
            if any(one.up for one in self.endpoints):
                self._all_up_at = time.monotonic()
            for endpoint in self.endpoints:
                if not endpoint.up:
                    endpoint.up = await self._answers(endpoint)
            if not any(one.up for one in self.endpoints) and self._down_s() > self._patience_s:
                self._wake_all()
            self._wake()
            await asyncio.sleep(PROBE_S)

    def _wake_all(self) -> None:
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)

    async def _answers(self, endpoint: Endpoint) -> bool:
        assert self._session
        try:
            async with self._session.get(
                f"{endpoint.url}/models", headers=self._headers_of_probe, timeout=aiohttp.ClientTimeout(total=5)
            ) as response:
                return response.status < 500
        except (aiohttp.ClientError, OSError, TimeoutError):
            return False


async def _read(response: aiohttp.ClientResponse, request: Sent) -> bytes:
    """The body, unless it is larger than any reply."""
    if (response.content_length or 0) <= LARGEST_BODY:
        content = bytearray()
        async for chunk in response.content.iter_any():
            content += chunk
            if len(content) > LARGEST_BODY:
                break
        else:
            return bytes(content)
    response.close()
    raise httpx2.RemoteProtocolError(f"a body of more than {LARGEST_BODY >> 20} MB", request=request)  # pyright: ignore[reportArgumentType]


def _body(content: bytes, request: Sent) -> dict[str, Any]:
    """The JSON object of a body that has choices; anything else with status 200 is a server's fault, to be retried."""
    try:
        body = orjson.loads(content)
        body["choices"][0]["message"].get("content")
    except (ValueError, TypeError, KeyError, IndexError, AttributeError) as error:
        raise httpx2.RemoteProtocolError("a body that is no chat completion", request=request) from error  # pyright: ignore[reportArgumentType]
    return body


def _pause(endpoint: Endpoint, response: aiohttp.ClientResponse) -> None:
    """Leave an endpoint alone that asks for a longer wait than the official client grants."""
    asked = response.headers.get("Retry-After", "")
    if asked.isdigit() and int(asked) > LONG_WAIT_S:
        endpoint.not_before = time.monotonic() + int(asked)
