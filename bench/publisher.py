"""A publisher that is not the bottleneck: MQTT 3.1.1 at QoS 1 over a plain socket, as fast as told.

Constraints. For the benches only: it counts acknowledgements and repeats nothing. Alone it keeps a rate:

    python -m bench.publisher PORT RATE SECONDS

publishes readings of bench.roles' sensors, the device time of each being the moment of its sending; every RISE-th one
is above the limit and the next of that sensor below it again.
"""

from __future__ import annotations

import socket
import sys
import threading
import time
from collections.abc import Iterable

from bench.roles import HIGH, LOW, SENSORS, payload, topic

RISE = 251
"""Prime to the number of sensors, so that the alarms wander over all of them."""


def packet(topic: bytes, payload: bytes, number: int) -> bytes:
    """One PUBLISH at QoS 1."""
    body = len(topic).to_bytes(2, "big") + topic + (number % 65535 + 1).to_bytes(2, "big") + payload
    return b"\x32" + _length(len(body)) + body


def _length(size: int) -> bytes:
    out = bytearray()
    while True:
        size, low = divmod(size, 128)
        out.append(low | (128 if size else 0))
        if not size:
            return bytes(out)


class Publisher:
    """One connection. `send` packets; `acked` counts what the broker has taken."""

    def __init__(self, port: int, client_id: bytes = b"bench-publisher") -> None:
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        body = b"\x00\x04MQTT\x04\x02\x00\x3c" + len(client_id).to_bytes(2, "big") + client_id
        self._socket.sendall(b"\x10" + _length(len(body)) + body)
        answer = self._socket.recv(4)
        if answer != b"\x20\x02\x00\x00":
            raise ConnectionError(f"the broker answered {answer!r} to CONNECT")
        self._bytes = 0
        threading.Thread(target=self._count, daemon=True).start()

    def _count(self) -> None:
        while got := self._socket.recv(65536):
            self._bytes += len(got)

    @property
    def acked(self) -> int:
        """Messages acknowledged so far; a PUBACK has 4 bytes."""
        return self._bytes // 4

    def send(self, packets: Iterable[bytes]) -> None:
        """Write packets to the network."""
        self._socket.sendall(b"".join(packets))

    def finish(self, total: int, within: float = 60) -> None:
        """Wait until `total` are acknowledged, then disconnect."""
        end = time.monotonic() + within
        while self.acked < total:
            if time.monotonic() > end:
                raise TimeoutError(f"the broker acknowledged {self.acked} of {total} in {within:g} s")
            time.sleep(0.005)
        self._socket.sendall(b"\xe0\x00")


def backlog(port: int, messages: Iterable[tuple[bytes, bytes]]) -> int:
    """Publish (topic, payload) as fast as the broker takes them; returns how many."""
    publisher, total, packets = Publisher(port), 0, []
    for name, data in messages:
        packets.append(packet(name, data, total))
        total += 1
        if len(packets) == 500:
            publisher.send(packets)
            packets = []
    publisher.send(packets)
    publisher.finish(total)
    return total


def paced(port: int, rate: int, seconds: float) -> int:
    """Publish at `rate` messages a second; returns how many."""
    publisher, sent, begun = Publisher(port), 0, time.perf_counter()
    high = [False] * SENSORS
    while (passed := time.perf_counter() - begun) < seconds:
        packets = []
        for k in range(sent, int(passed * rate)):
            sensor = k % SENSORS
            high[sensor] = k % RISE == 0 and not high[sensor]
            value = HIGH if high[sensor] else LOW
            packets.append(packet(topic(sensor), payload(value, time.time_ns()), k))
        sent += len(packets)
        publisher.send(packets)
        time.sleep(0.001)
    publisher.finish(sent)
    return sent


if __name__ == "__main__":
    print(paced(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])))
