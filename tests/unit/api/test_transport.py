"""Every way in which a connection fails is reported in words, and no secret goes astray."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest
import requests
from requests.adapters import BaseAdapter
from requests_mock import Mocker

from tests.unit.api.fakes import ClientOf, Clock, Stranger, http
from tests.unit.api.newcomer import NEW, create, there, traffic
from zoom_provider.api.network_errors import ErrorKind, TransportError
from zoom_provider.api.response import Reply
from zoom_provider.api.settings import ZoomSettings
from zoom_provider.api.transport import Transport
from zoom_provider.exceptions import ZoomError, ZoomProtocolError, ZoomUnavailableError
from zoom_provider.simulator.server import Simulator, running
from zoom_provider.simulator.tls import write_certificates

ANN = "ann@example.com"
URL = "https://api.zoom.us/v2/users"


def basic(seconds: float) -> tuple[str, str]:
    return "id", "secret"


@pytest.fixture(scope="module")
def tls_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    with running(tls_dir=tmp_path_factory.mktemp("tls")) as simulator:
        yield simulator


@pytest.fixture
def zoom_tls(tls_server: Simulator) -> Simulator:
    tls_server.reset()
    return tls_server


# ---- TLS


def test_a_private_authority_is_trusted_where_it_is_named(
    zoom_tls: Simulator, client_of: ClientOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert create(client_of(zoom_tls))["email"] == NEW
    assert zoom_tls.ca is not None
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", zoom_tls.ca)
    assert client_of(zoom_tls, ca_bundle=None).get_user(NEW)["email"] == NEW


@pytest.mark.parametrize("bundle", ["the system's", "another authority's", "a file of no use"])
def test_what_cannot_be_trusted_is_not_tried_again(
    zoom_tls: Simulator, client_of: ClientOf, clock: Clock, tmp_path: Path, bundle: str
) -> None:
    useless = tmp_path / "notes.txt"
    useless.write_text("nothing of the kind")
    ca_bundle, text = {
        "the system's": (None, "for a private authority set the connection's ca_bundle"),
        "another authority's": (
            str(write_certificates(tmp_path).ca),
            "the server's certificate does not hold",
        ),
        "a file of no use": (str(useless), "file of certificate authorities cannot be read"),
    }[bundle]
    with pytest.raises(ZoomUnavailableError, match=text) as caught:
        create(client_of(zoom_tls, ca_bundle=ca_bundle))
    assert caught.value.remedy == "fail"
    assert clock.pauses == []
    assert zoom_tls.requests() == []


@pytest.mark.parametrize("by", ["ca_bundle", "REQUESTS_CA_BUNDLE"])
def test_a_missing_ca_bundle_is_named(
    zoom_tls: Simulator, client_of: ClientOf, monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    settings: dict[str, Any] = {"ca_bundle": "/nowhere/ca.pem" if by == "ca_bundle" else None}
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere/else.pem")
    with pytest.raises(ZoomUnavailableError, match=f"cannot be read.*{by}") as caught:
        client_of(zoom_tls, **settings).get_user(ANN)
    assert caught.value.remedy == "fail"


def test_a_host_without_tls_is_named_as_the_cause(
    zoom: Simulator, client_of: ClientOf, clock: Clock
) -> None:
    https = zoom.url.replace("http://", "https://")
    with pytest.raises(ZoomUnavailableError, match="does not speak TLS") as caught:
        client_of(zoom, token_url=f"{https}/oauth/token").get_user(ANN)
    assert caught.value.remedy == "fail"
    assert clock.pauses == []


def test_a_reply_cut_within_tls_is_settled(zoom_tls: Simulator, client_of: ClientOf) -> None:
    zoom_tls.fault("cut_after", on="POST /v2/users")
    assert create(client_of(zoom_tls))["email"] == NEW
    assert traffic(zoom_tls) == (1, 1)


# ---- proxies and networks


@pytest.mark.parametrize(
    "answer",
    [
        None,
        b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n",
    ],
)
def test_a_proxy_that_does_not_help_is_named(
    zoom_tls: Simulator,
    client_of: ClientOf,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
    answer: bytes | None,
) -> None:
    client = client_of(zoom_tls)
    client.auth.token()
    with Stranger(answer or b"") as proxy:
        port = proxy.url.rpartition(":")[2] if answer else "9"
        monkeypatch.setenv("HTTPS_PROXY", f"http://me:pr0xy-secret@127.0.0.1:{port}")
        with pytest.raises(ZoomUnavailableError, match=r"the proxy \(HTTPS_PROXY\)") as caught:
            create(client)
    # Nothing has reached Zoom, so there is nothing to settle.
    assert there(zoom_tls) == []
    assert traffic(zoom_tls) == (0, 0)
    assert len(clock.pauses) == 4
    assert caught.value.remedy == "retry"
    assert "pr0xy-secret" not in str(caught.value)
    # The proxy gets the target and no more.
    assert all(b"Bearer" not in asked for asked in proxy.heard)


def test_what_no_proxy_names_goes_straight(
    zoom_tls: Simulator, client_of: ClientOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    assert create(client_of(zoom_tls))["email"] == NEW


def test_no_proxy_hears_what_is_for_this_machine_alone(
    zoom: Simulator, client_of: ClientOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Stranger(http("{}")) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.setenv("http_proxy", proxy.url)
        assert create(client_of(zoom))["email"] == NEW
    assert proxy.heard == []


def test_an_unknown_host_is_named_as_the_cause(
    zoom: Simulator, client_of: ClientOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = client_of(zoom, origin="https://api.zoom.example")
    client.auth.token()

    def unknown(*where: object, **how: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr("socket.getaddrinfo", unknown)
    with pytest.raises(ZoomUnavailableError, match="the host's name is not known"):
        client.get_user(ANN)


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (b"", "was cut"),
        (b"SSH-2.0-OpenSSH_9.6\r\n", "was cut"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{}", "was cut"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "was cut"),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n", "was cut"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000 + b"\r\n\r\n", "was cut"),
        (
            b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Encoding: gzip\r\n"
            b"Content-Length: 4\r\n\r\nabcd",
            "could not be decoded",
        ),
        (
            b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1, 2\r\n\r\n{}",
            "could not be decoded",
        ),
    ],
)
def test_garbage_is_borne_as_an_outage(
    zoom: Simulator, client_of: ClientOf, clock: Clock, answer: bytes, text: str
) -> None:
    with Stranger(answer) as stranger:
        client = client_of(zoom, origin=stranger.url)
        with pytest.raises(ZoomUnavailableError, match=text) as caught:
            client.get_user(ANN)
    assert caught.value.remedy == "retry"
    assert len(stranger.heard) == 5
    assert len(clock.pauses) == 4


def test_a_reply_that_takes_too_long_names_the_timeout(
    zoom: Simulator, client_of: ClientOf
) -> None:
    zoom.fault("slow", on="GET *", seconds=0.5)
    client = client_of(zoom, timeout=0.1, max_wait=0.1)
    with pytest.raises(ZoomUnavailableError, match="no reply within timeout"):
        client.get_user(ANN)


class Failing(BaseAdapter):
    """A network on which every call fails in one way."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self._error = error

    def send(self, *request: object, **how: object) -> requests.Response:
        raise self._error

    def close(self) -> None:
        """Have nothing to close."""


@pytest.mark.parametrize(
    ("error", "kind", "reason"),
    [
        (requests.ConnectTimeout("Bearer x"), ErrorKind.NOT_SENT, "connect_timeout"),
        (requests.ReadTimeout("Bearer x"), ErrorKind.NO_REPLY, "no reply within timeout"),
        (requests.ConnectionError("Bearer x"), ErrorKind.NO_REPLY, "was cut"),
        (requests.exceptions.InvalidProxyURL("Bearer x"), ErrorKind.INVALID, "InvalidProxyURL"),
        (requests.exceptions.InvalidHeader("Bearer x"), ErrorKind.INVALID, "InvalidHeader"),
        (UnicodeEncodeError("latin-1", "Bearer x", 0, 1, "no"), ErrorKind.INVALID, "UnicodeEncode"),
        (PermissionError(13, "Bearer x"), ErrorKind.UNTRUSTED, "ca_bundle"),
    ],
)
def test_each_failure_has_its_kind_and_quotes_nothing(
    error: Exception, kind: ErrorKind, reason: str
) -> None:
    session = requests.Session()
    session.mount("http://", Failing(error))
    transport = Transport(ZoomSettings(), session=session)
    lost = transport.send("GET", "http://localhost/", auth=("id", "secret"))
    assert isinstance(lost, TransportError)
    assert lost.kind is kind
    assert reason in lost.reason
    assert "Bearer" not in lost.reason


# ---- redirects, and what goes along


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("method", ["POST", "GET"])
def test_redirects_are_not_followed(
    zoom: Simulator, client_of: ClientOf, clock: Clock, status: int, method: str
) -> None:
    with Stranger(http("{}")) as elsewhere:
        moved = f"HTTP/1.1 {status} Moved\r\nLocation: {elsewhere.url}/v2/users\r\n"
        with Stranger(f"{moved}Content-Length: 0\r\n\r\n".encode()) as stranger:
            client = client_of(zoom, origin=stranger.url)
            with pytest.raises(ZoomProtocolError, match="redirects are not followed"):
                create(client) if method == "POST" else client.get_user(ANN)
    assert elsewhere.heard == []
    assert len(stranger.heard) == 1
    assert clock.pauses == []


def test_the_client_secret_does_not_follow_a_redirect(zoom: Simulator, client_of: ClientOf) -> None:
    with Stranger(http("{}")) as elsewhere:
        zoom.fault("redirect", on="/oauth/token", url=elsewhere.url)
        with pytest.raises(ZoomProtocolError, match="for an access token was redirected"):
            client_of(zoom).get_user(ANN)
    assert elsewhere.heard == []


@pytest.mark.parametrize("location", ["http://[bad", "//", "ht!tp://\x7f", "http://[::1"])
def test_a_redirect_to_nonsense_is_an_error_of_ours(
    zoom: Simulator, client_of: ClientOf, location: str
) -> None:
    answer = f"HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n".encode()
    with Stranger(answer) as stranger:
        client = client_of(zoom, origin=stranger.url)
        with pytest.raises(ZoomError):
            client.get_user(ANN)
    assert len(stranger.heard) == 1


def test_a_call_says_who_calls_and_keeps_no_cookie(zoom: Simulator, client_of: ClientOf) -> None:
    body = '{"id": "a", "email": "ann@example.com"}'
    answer = http(body).replace(b"\r\n\r\n", b"\r\nSet-Cookie: zm_aid=tasty; Path=/\r\n\r\n")
    with Stranger(answer) as stranger:
        client = client_of(zoom, origin=stranger.url)
        for _ in range(2):
            client.get_user(ANN)
    for asked in stranger.heard:
        assert re.search(rb"\r\nUser-Agent: airflow-provider-zoom/\d", asked)
        assert re.search(rb"\r\nAuthorization: Bearer \S+\r\n", asked)
        assert b"Cookie" not in asked


# ---- patience


@pytest.mark.parametrize(
    ("takes", "max_wait", "calls"),
    [(0.0, 300.0, 5), (30.0, 300.0, 5), (30.0, 40.0, 3), (30.0, 20.0, 2), (30.0, 0.1, 1)],
)
def test_all_retries_together_stay_within_max_wait_slow_replies_too(
    requests_mock: Mocker, clock: Clock, takes: float, max_wait: float, calls: int
) -> None:
    transport = Transport(ZoomSettings(max_wait=max_wait), clock=clock, sleep=clock.sleep)

    def time_out(*_: object) -> NoReturn:
        clock.travel(takes)
        raise requests.ReadTimeout

    requests_mock.get(URL, text=time_out)
    result, uncertain = transport.request_with_retries("GET", URL, authorize=basic)
    assert isinstance(result, TransportError)
    assert requests_mock.call_count == calls
    assert uncertain is (calls > 1)


def test_waits_count_where_the_clock_stands_still(requests_mock: Mocker) -> None:
    waits: list[float] = []
    transport = Transport(ZoomSettings(max_wait=10.0), clock=lambda: 0.0, sleep=waits.append)
    requests_mock.get(URL, status_code=429, headers={"X-RateLimit-Type": "QPS"})
    result, uncertain = transport.request_with_retries("GET", URL, authorize=basic)
    assert isinstance(result, Reply)
    assert not uncertain
    assert 5 < sum(waits) <= 10
