"""The payload of Sparkplug B (Eclipse Tahu's sparkplug_b.proto), described in code: what is read and written of it.

Constraints. Numbers and names of fields are the specification's (Sparkplug 3.0.0, section 6.4). Data sets, templates
and metadata are not described; protobuf keeps them as unknown fields. Both sides use it: what publishes, what decodes.
"""

from __future__ import annotations

from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

INT8, INT16, INT32, INT64, UINT8, UINT16, UINT32, UINT64, FLOAT, DOUBLE, BOOLEAN, STRING = range(1, 13)
"""Data types (section 6.4.16)."""
BITS = {INT8: 8, INT16: 16, INT32: 32, INT64: 64}
"""Signed ones travel as unsigned numbers: two's complement of so many bits."""

_KINDS = {
    "string": 9, "uint64": 4, "uint32": 13, "bool": 8, "bytes": 12, "float": 2, "double": 1, "message": 11,
}  # fmt: skip
_VALUES = ("int_value uint32", "long_value uint64", "float_value float", "double_value double", "boolean_value bool",
           "string_value string")  # fmt: skip
_MESSAGES: dict[str, tuple[str, ...]] = {
    "PropertyValue": ("1 type uint32", "2 is_null bool", *(f"{k + 3} {one} ?" for k, one in enumerate(_VALUES))),
    "PropertySet": ("1 keys string *", "2 values .PropertyValue *"),
    "Metric": (
        "1 name string", "2 alias uint64", "3 timestamp uint64", "4 datatype uint32", "5 is_historical bool",
        "6 is_transient bool", "7 is_null bool", "9 properties .PropertySet",
        *(f"{k + 10} {one} ?" for k, one in enumerate((*_VALUES, "bytes_value bytes"))),
    ),
    "Payload": ("1 timestamp uint64", "2 metrics .Metric *", "3 seq uint64", "4 uuid string", "5 body bytes"),
}  # fmt: skip
"""Each field: number, name, kind, then * where it repeats and ? where it is one of the values."""


def _payload_class() -> Any:
    file = descriptor_pb2.FileDescriptorProto(name="sparkplug_b.proto", package="sparkplug", syntax="proto2")
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for text in fields:
            number, called, kind, *more = text.split()
            field: Any = message.field.add(name=called, number=int(number))
            field.label = 3 if "*" in more else 1
            field.type = _KINDS["message" if kind[0] == "." else kind]
            if kind[0] == ".":
                field.type_name = f".sparkplug{kind}"
            if "?" in more:
                if not message.oneof_decl:
                    message.oneof_decl.add(name="value")
                field.oneof_index = 0
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("sparkplug.Payload"))


Payload: Any = _payload_class()
"""The message class: fields timestamp (ms), seq, metrics (name, alias, timestamp, datatype, is_null, ...)."""
