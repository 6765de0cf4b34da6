"""The peer of bench.ingest: stock paho, manual acknowledgement, nothing done with a message.

    python -m bench.stock PORT CLIENT_ID TOTAL

Prints a line once TOTAL messages were acknowledged, and ends.
"""

from __future__ import annotations

import sys
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion


def main() -> int:
    port, client_id, total = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    client = mqtt.Client(
        CallbackAPIVersion.VERSION2, client_id, clean_session=False, protocol=mqtt.MQTTv311, manual_ack=True
    )
    seen = 0

    def on_message(client: mqtt.Client, _data: Any, message: mqtt.MQTTMessage) -> None:
        nonlocal seen
        client.ack(message.mid, message.qos)
        seen += 1
        if seen == total:
            print("done", flush=True)
            client.disconnect()

    client.on_message = on_message
    client.connect("127.0.0.1", port)
    client.loop_forever()
    return 0


if __name__ == "__main__":
    sys.exit(main())
