"""TLS from here to others: modern or not at all, and never to a certificate that nobody vouches for."""

from __future__ import annotations

import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
import urllib3
from urllib3.util.ssl_ import create_urllib3_context

from collector.errors import DavylampError, Unavailable
from collector.influx import Address, InfluxSink
from collector.posting import ask
from collector.trust import tls_context
from tests.servers import find


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for this very host that no authority signed, with its key."""
    file = tmp_path_factory.mktemp("tls") / "both.pem"
    words = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost"
    command = [find("openssl", "apt-get install openssl"), *words.split(), "-addext", "subjectAltName=DNS:localhost"]
    done = subprocess.run([*command, "-keyout", "-"], check=True, capture_output=True)
    file.write_bytes(done.stdout)
    return file


class Taking(BaseHTTPRequestHandler):
    heard = 0

    def do_POST(self) -> None:
        type(self).heard += 1
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def served(context: ssl.SSLContext) -> Iterator[int]:
    Taking.heard = 0
    server = HTTPServer(("127.0.0.1", 0), Taking)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join(10)
        server.server_close()


def speaking(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


def test_nothing_is_sent_to_a_certificate_that_nobody_vouches_for(stranger: Path) -> None:
    with served(speaking(stranger)) as port:
        with pytest.raises(Unavailable, match="(?i)certificate"):
            ask(f"https://localhost:{port}/", "POST", {"secret": 1}, "webhook")
        sink = InfluxSink(Address(url=f"https://localhost:{port}", token="secret", place="b", database=False))
        with pytest.raises(DavylampError):
            sink.write([b"reading value=1.0 1"])
        sink.close()
        assert Taking.heard == 0


def test_the_same_is_sent_where_it_is_trusted(stranger: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(stranger))
    with served(speaking(stranger)) as port:
        assert ask(f"https://localhost:{port}/", "POST", {}, "webhook").code == 204
        assert Taking.heard == 1


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_an_old_protocol_is_not_spoken(stranger: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(stranger))
    old = speaking(stranger)
    old.set_ciphers("ALL:@SECLEVEL=0")
    old.minimum_version, old.maximum_version = ssl.TLSVersion.MINIMUM_SUPPORTED, ssl.TLSVersion.TLSv1_1
    with served(old) as port, pytest.raises(Unavailable):
        ask(f"https://localhost:{port}/", "POST", {}, "webhook")
    assert Taking.heard == 0


def test_the_broker_s_context_checks_name_and_chain_and_speaks_1_2_or_later(stranger: Path) -> None:
    for context in (tls_context(None), tls_context(stranger)):
        assert context.minimum_version >= ssl.TLSVersion.TLSv1_2
        assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)


def test_what_the_libraries_would_do_by_themselves_is_no_less() -> None:
    """InfluxDB's and apprise's connections are made by urllib3 and requests."""
    context = create_urllib3_context()
    assert context.minimum_version >= ssl.TLSVersion.TLSv1_2
    assert urllib3.PoolManager().connection_pool_kw.get("cert_reqs") in (None, "CERT_REQUIRED")
    assert ssl.create_default_context().verify_mode == ssl.CERT_REQUIRED
