"""Time that passes only when a wait is asked for, and servers that are not Zoom's."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Protocol

from zoom_provider.api.auth import TokenCache
from zoom_provider.api.client import ZoomClient
from zoom_provider.api.transport import StopSignal
from zoom_provider.simulator.server import Simulator


class Clock:
    """Seconds that pass only when a wait asks for them."""

    def __init__(self) -> None:
        self.time = 1_000.0
        self.waits: list[float] = []
        self._lock = threading.Lock()

    def __call__(self) -> float:
        """Tell the time."""
        return self.time

    def sleep(self, seconds: float) -> None:
        """Wait without waiting."""
        with self._lock:
            self.waits.append(seconds)
            self.time += seconds

    def travel(self, seconds: float) -> None:
        """Let time pass while no wait is asked for."""
        self.time += seconds

    @property
    def pauses(self) -> list[float]:
        """The waits that are more than the spacing of calls below a limit."""
        return [seconds for seconds in self.waits if seconds >= 0.1]


class ClientOf(Protocol):
    """Makes clients of a Zoom, each with tokens of its own unless they are given."""

    def __call__(
        self,
        zoom: Simulator,
        *,
        tokens: TokenCache | None = None,
        retry: bool = True,
        on_secret: Callable[[str], None] = ...,
        clock: Clock | None = None,
        stop: StopSignal | None = None,
        **settings: object,
    ) -> ZoomClient: ...


class Stranger:
    """
    A server that is not Zoom's: answers every request with the same bytes, and notes all of them.

    :param answer: bytes, or what makes them out of the request's
    """

    def __init__(self, answer: bytes | Callable[[bytes], bytes]) -> None:
        self._answer = answer
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.heard: list[bytes] = []
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection:
                asked = _request(connection)
                self.heard.append(asked)
                answer = self._answer
                connection.sendall(answer if isinstance(answer, bytes) else answer(asked))

    def __enter__(self) -> Stranger:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()


def _request(connection: socket.socket) -> bytes:
    """Read one request to the end of its body."""
    asked = b""
    while True:
        head, end, body = asked.partition(b"\r\n\r\n")
        length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
        if end and len(body) >= int(length[1] if length else 0):
            return asked
        more = connection.recv(65_536)
        if not more:
            return asked
        asked += more


def http(body: str = "", status: str = "200 OK", kind: str = "application/json") -> bytes:
    """Write a reply as it goes over the wire, after which the connection ends."""
    data = body.encode()
    head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(data)}\r\n"
    return f"{head}Connection: close\r\n\r\n".encode() + data
