"""The InfluxDB sink: line protocol through influxdb-client, synchronously, every answer in our own words.

Constraints. One call is one request: no batching mode, no retries inside (both lose points, reference: ingest section
4); the caller's cursor is the retry. Writing the same line twice is one point. The database or bucket is made when it
is missing and the token may; else the message says the one command. Works with InfluxDB 1.8+, 2.x and 3 Core.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from influxdb_client.client.influxdb_client import InfluxDBClient
from influxdb_client.client.write_api import SYNCHRONOUS
from influxdb_client.rest import ApiException
from urllib3.exceptions import HTTPError

from collector.errors import DavylampError, Rejected, Unavailable
from collector.settings import Influx

TIMEOUT = 10_000
"""ms to wait for an answer."""
LONGEST_AFTER = 60.0
"""s that a server may have us wait before we ask again."""
_DROPPED = re.compile(r"dropped=(\d+)")
_LATER = (408, 425, 429)
_TOO_LARGE = 413


class AllRejected(Rejected):
    """Every line of the payload was refused for the same reason: looking for the bad ones would find them all."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where and as whom to write. `place` is a bucket, or with `database` a database, or "database/policy"."""

    url: str
    place: str
    database: bool
    token: str = field(default="", repr=False)
    """A token; for InfluxDB 1.x "user:password"."""
    org: str = "-"

    @classmethod
    def of(cls, influx: Influx) -> Address:
        """From a site file's [influx]. Raises `SecretAbsent` when the token is not there."""
        token = influx.token.reveal() if influx.token is not None else ""
        place = influx.database or influx.bucket or ""
        return cls(influx.url, place, influx.database is not None, token, influx.org)

    @property
    def named(self) -> str:
        """What is written into, in words."""
        return f"database {self.place!r}" if self.database else f"bucket {self.place!r}"

    def statements(self) -> list[str]:
        """What makes the database and retention policy, in InfluxQL."""
        database, _, policy = self.place.partition("/")
        made = [f"CREATE DATABASE {_quoted(database)}"]
        if policy and policy != "autogen":
            made.append(
                f"CREATE RETENTION POLICY {_quoted(policy)} ON {_quoted(database)} DURATION INF REPLICATION 1"
            )
        return made

    def command(self) -> str:
        """The one command that makes it, for a person who may."""
        if self.database:
            return f"influx -execute '{'; '.join(self.statements())}'"
        return f"influx bucket create --host {self.url} --org {self.org} --name {self.place}"


class InfluxSink:
    """Writes payloads of joined lines. Close it when done."""

    name = "influx"

    def __init__(self, address: Address) -> None:
        self._address = address
        self._client = InfluxDBClient(
            url=address.url, token=address.token, org=address.org, timeout=TIMEOUT
        )
        self._writer = self._client.write_api(write_options=SYNCHRONOUS)

    def write(self, items: Sequence[bytes]) -> None:
        """Write payloads as one request.

        Raises `Unavailable` (nothing or a part was taken: give the same again) or `Rejected` (at least one line will
        never be taken; good ones may have been).
        """
        payload = b"\n".join(items)
        try:
            self._post(payload)
        except ApiException as error:
            if not _no_such_place(error):
                raise self._problem(error, payload) from error
            self._make()
            try:
                self._post(payload)
            except ApiException as again:
                raise self._problem(again, payload) from again

    def close(self) -> None:
        """Close the connections."""
        self._writer.close()
        self._client.close()

    def _post(self, payload: bytes) -> None:
        try:
            self._writer.write(bucket=self._address.place, org=self._address.org, record=payload)
        except (HTTPError, OSError) as error:
            raise self._away(error) from error

    def _away(self, error: Exception) -> Unavailable:
        return Unavailable(f"InfluxDB at {self._address.url} does not answer ({_short(error)}); is it running?")

    def _problem(self, error: ApiException, payload: bytes) -> DavylampError:
        at, said = f"InfluxDB at {self._address.url}", _said(error)
        if error.status in (401, 403):
            return Unavailable(
                f"{at} refuses the token ({error.status} {said}): give one that may write {self._address.named}"
            )
        if _no_such_place(error):
            return Unavailable(
                f"{at} has no {self._address.named} ({said}), and making it failed: {self._address.command()}"
            )
        if error.status is None or error.status >= 500 or error.status in _LATER:
            return Unavailable(f"{at} cannot take it now ({error.status} {said})", _after(error))
        dropped = _DROPPED.search(said)
        lines = payload.count(b"\n") + 1
        if error.status != _TOO_LARGE and dropped is not None and int(dropped[1]) == lines:
            return AllRejected(said)
        return Rejected(said)

    def _make(self) -> None:
        """Make the database or bucket, or raise with the command that does."""
        address = self._address
        try:
            if address.database:
                for statement in address.statements():
                    self._query(statement)
            else:
                self._client.buckets_api().create_bucket(bucket_name=address.place, org=address.org)
        except ApiException as error:
            raise Unavailable(
                f"InfluxDB at {address.url} has no {address.named}, and this token may not make it "
                f"({error.status} {_said(error)}): {address.command()}"
            ) from error
        except (HTTPError, OSError) as error:
            raise self._away(error) from error

    def _query(self, statement: str) -> None:
        """An InfluxQL statement that answers no rows."""
        headers = {"Authorization": f"Token {self._address.token}"} if self._address.token else {}
        answer = self._client.api_client.rest_client.request(
            "POST", f"{self._address.url.rstrip('/')}/query", query_params=[("q", statement)], headers=headers
        )
        refused = [result["error"] for result in json.loads(answer.data)["results"] if "error" in result]
        if refused:
            raise ApiException(status=answer.status, reason=refused[0])


def _after(error: ApiException) -> float:
    """s of the answer's Retry-After, at most LONGEST_AFTER; 0 without one, or with a date."""
    headers: Any = error.headers
    said = str(headers.get("Retry-After", "")) if headers else ""
    return min(float(said), LONGEST_AFTER) if said.isdecimal() else 0.0


def _no_such_place(error: ApiException) -> bool:
    """True when database, bucket or retention policy is missing; 1.x says the last with a 500."""
    return error.status == 404 or (error.status == 500 and "retention policy not found" in _said(error))


def _said(error: ApiException) -> str:
    """The server's words, from its JSON answer where there is one."""
    body = error.body.decode(errors="replace") if isinstance(error.body, bytes) else str(error.body or "")
    try:
        answer = json.loads(body)
    except ValueError:
        answer = None
    if isinstance(answer, dict):
        body = str(answer.get("message") or answer.get("error") or body)
    return " ".join((body or str(error.reason)).split())[:300]


def _short(error: Exception) -> str:
    return str(error).rpartition(": ")[2].strip("'\")") or type(error).__name__


def _quoted(name: str) -> str:
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'
