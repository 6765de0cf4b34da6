"""A publisher of numbered readings that does not stop for any fault: what it sent is what must be found afterwards."""

from __future__ import annotations

import json
import threading
import time

import paho.mqtt.client as mqtt

SENSORS = 20
LIMIT, RESET = 1.0, 0.5
HIGH, LOW = 1.31, 0.32
EACH, AT = 60, 30
"""Of EACH readings of a sensor the AT-th is above the limit, and the next one below the reset value again."""


def sensor(k: int) -> str:
    """The id of sensor k."""
    return f"s{k:03d}"


class Numbers:
    """Publishes `rate` readings a second at QoS 1, each sensor in turn, device times of one sensor all different."""

    def __init__(self, port: int, rate: int) -> None:
        self._rate, self._stop = rate, threading.Event()
        self._client = mqtt.Client(
            mqtt.CallbackAPIVersion.VERSION2, "numbers", clean_session=False, protocol=mqtt.MQTTv311
        )
        self._client.max_inflight_messages_set(1000)
        self._client.reconnect_delay_set(1, 1)
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        self.sent = 0
        self._thread = threading.Thread(target=self._run, name="numbers", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        begun = time.monotonic()
        while not self._stop.is_set():
            while self.sent < (time.monotonic() - begun) * self._rate:
                k, n = self.sent % SENSORS, self.sent // SENSORS
                reading = {"v": HIGH if n % EACH == AT else LOW, "u": "%vol", "t": time.time_ns()}
                self._client.publish(f"chaos/a/{sensor(k)}", json.dumps(reading), qos=1)
                self.sent += 1
            time.sleep(0.005)

    def finish(self, within: float = 30.0) -> None:
        """Send no more; wait until the broker has acknowledged all."""
        self._stop.set()
        self._thread.join()
        end = time.monotonic() + within
        while self._client._out_messages:
            if time.monotonic() > end:
                raise TimeoutError(f"the broker did not acknowledge {len(self._client._out_messages)} messages")
            time.sleep(0.02)
        self._client.disconnect()
        self._client.loop_stop()

    def of(self, k: int) -> int:
        """How many readings of sensor k were sent."""
        return self.sent // SENSORS + (k < self.sent % SENSORS)

    def rises(self, k: int) -> int:
        """How many times sensor k went above its limit."""
        return (self.of(k) + EACH - AT - 1) // EACH
