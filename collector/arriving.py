"""paho over a buffered socket: what is published is handed over with the packet that acknowledges it.

Constraints. Nothing is acknowledged here. The properties of MQTT 5 are passed over unread: a broker forwards what a
device wrote there, and a character that paho does not take would end every connection anew. QoS 2 is at least once: the
broker forgets the message at PUBREC, so that is what is owed, and PUBREL is answered at once. No topic alias is
offered, so none comes.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Sequence
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

from collector.address import Address, five, place
from collector.buffered import BufferedSocket

SESSION = 7 * 24 * 3600
"""s a broker of MQTT 5 is asked to keep our session."""
PUBACK, PUBREC = b"\x40\x02", b"\x50\x02"

Taker = Callable[[str, bytes, bool, bytes, bool], None]
"""(topic, payload, retained, the packet owed for it or nothing, whether the broker says that it is a copy)"""


class ArrivingClient(paho.Client):
    """A client of one broker that keeps its session there; `taker` is given what arrives. `within` is in s."""

    buffered: BufferedSocket | None = None

    def __init__(self, address: Address, taker: Taker, within: float) -> None:
        newer = five(address)
        super().__init__(
            CallbackAPIVersion.VERSION2,
            client_id=address.client_id,
            clean_session=None if newer else False,
            protocol=paho.MQTTv5 if newer else paho.MQTTv311,
            reconnect_on_failure=False,
        )
        self._taker, self._newer = taker, newer
        self.connect_timeout = within
        host, port, _ = place(address.url)
        start = False if newer else paho.MQTT_CLEAN_START_FIRST_ONLY
        self.connect_async(host, port, address.keepalive, clean_start=start, properties=_keep_session(newer))

    def ask(self, filters: Sequence[str]) -> int | None:
        """Subscribe with QoS 1; the number of the packet, None where it could not be sent."""
        if self._newer:
            return self.subscribe([(name, SubscribeOptions(qos=1)) for name in filters])[1]
        return self.subscribe([(name, 1) for name in filters])[1]

    def drop(self, filters: Sequence[str]) -> int | None:
        """Unsubscribe; the number of the packet, None where it could not be sent."""
        return self.unsubscribe(list(filters))[1]

    def trust(self, context: ssl.SSLContext) -> None:
        """Use TLS, from the next connection on as this context says; paho takes one context for ever."""
        self._ssl, self._ssl_context = True, context

    def _create_socket(self) -> Any:
        self.buffered = None
        self.buffered = BufferedSocket(super()._create_socket())  # type: ignore[arg-type]
        return self.buffered

    def _ssl_wrap_socket(self, tcp_sock: socket.socket) -> ssl.SSLSocket:
        """As paho's, but a refused handshake leaves no open socket behind."""
        assert self._ssl_context is not None
        wrapped = self._ssl_context.wrap_socket(tcp_sock, server_hostname=self._host, do_handshake_on_connect=False)
        try:
            wrapped.settimeout(self._connect_timeout)
            wrapped.do_handshake()
        except BaseException:
            wrapped.close()
            raise
        return wrapped

    def _handle_publish(self) -> MQTTErrorCode:
        flags, packet = self._in_packet["command"], bytes(self._in_packet["packet"])
        qos = flags >> 1 & 3
        end = 2 + int.from_bytes(packet[:2], "big")
        start = end + 2 if qos else end
        if self._protocol == paho.MQTTv5:
            start = _after_properties(packet, start)
        if qos == 3 or start > len(packet):
            return MQTTErrorCode.MQTT_ERR_PROTOCOL
        owed = (PUBACK if qos == 1 else PUBREC) + packet[end : end + 2] if qos else b""
        topic = packet[2:end].decode("utf-8", "backslashreplace")
        self._taker(topic, packet[start:], bool(flags & 1), owed, bool(flags & 8))
        return MQTTErrorCode.MQTT_ERR_SUCCESS

    def _handle_pubrel(self) -> MQTTErrorCode:
        return self._send_pubcomp(int.from_bytes(self._in_packet["packet"][:2], "big"))


def _keep_session(newer: bool) -> Properties | None:
    if not newer:
        return None
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    properties.SessionExpiryInterval = SESSION
    return properties


def _after_properties(packet: bytes, at: int) -> int:
    """Where the payload begins: their length is a number of up to four bytes of seven bits."""
    size = 0
    for number, byte in enumerate(packet[at : at + 4]):
        size |= (byte & 127) << 7 * number
        if byte < 128:
            return at + number + 1 + size
    return len(packet) + 1
