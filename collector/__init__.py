"""The one that touches the world: MQTT, disk, InfluxDB, people, the command line."""
