"""Mutants of valid messages through every decoder: are all accounted for, and what does a broken message cost?

    python -m bench.fuzz [--messages 10000000] [--processes 2] [--seed 1] [--through decode|judge|hostile]

Prints a table by form and by reason, and exits 1 if a decoder failed, a message vanished, or something came out that no
detector may see (tests/collector/fuzzing.py looks, as in CI). Beside it, bare parsers read the same bytes.
`--through judge` takes them through the log and the judge, and the ledger must balance; `--through hostile` measures
messages that are as much work as their size allows, at two sizes.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import cbor2
import msgspec

from bench.machine import machine
from collector.decode import Decoded, Decoder
from collector.judged import Judged
from collector.ledger import read_at_rest, verdict
from collector.message import Message
from collector.trying import in_parallel
from simulators.sparkplug_b import Payload
from tests.at_rest import judge_log
from tests.collector.fuzzing import Tally, fuzz, seals, spooled
from tests.collector.hostile import hostile
from tests.collector.mutants import batches
from tests.collector.test_decode import SITE
from tests.collector.valid_messages import FORM_OF, FORMS

PARSERS: Mapping[str, Callable[[bytes], Any]] = {
    **dict.fromkeys(("json", "array", "columns", "wave", "senml", "own"), msgspec.json.decode),
    "wave-msgpack": msgspec.msgpack.decode,
    "senml-cbor": cbor2.loads,
    "sparkplug": Payload.FromString,
}
"""Of those forms that have a bare one."""
JUDGED = 200_000
SIZES = (32_000, 256_000)


def bare(messages: Sequence[Message], forms: Sequence[str]) -> None:
    """The same bytes parsed and thrown away."""
    for message, form in zip(messages, forms, strict=True):
        parse = PARSERS.get(form)
        if parse is not None:
            with suppress(Exception):
                parse(message.payload)


def part(count: int, seed: int) -> Tally:
    """What one process does."""
    return fuzz(count, seed, bare)


def through_decoders(count: int, processes: int, seed: int) -> int:
    """Decode so many mutants, print what became of them; 1 if something is wrong."""
    begun, tally = time.perf_counter(), Tally()
    shares = [count // processes + (k < count % processes) for k in range(processes)]
    for one in in_parallel(part, [(share, seed + k) for k, share in enumerate(shares)], processes):
        tally.add(one)
    wall = time.perf_counter() - begun
    by_form(tally)
    reasons = Counter[str]()
    for (_, reason), number in tally.dead.items():
        reasons[reason] += number
    print("dead letters: " + ", ".join(f"{reason} {number:,}" for reason, number in reasons.most_common()))
    speed(tally, wall, processes)
    for wrong in tally.wrong[:10]:
        print(wrong, file=sys.stderr)
    held = not tally.wrong and tally.messages.total() == count
    print(f"{tally.messages.total():,} of {count:,} messages: {'all accounted for, none failed' if held else 'WRONG'}")
    return 0 if held else 1


def by_form(tally: Tally) -> None:
    """A line a form."""
    names = ("form", "messages", "readings", "dead letters", "reasons", "said otherwise")
    print(("{:<14}" + "{:>16}" * 5).format(*names))
    for form in FORMS:
        dead = {reason: number for (of, reason), number in tally.dead.items() if of == form}
        figures = tally.messages[form], tally.readings[form], sum(dead.values()), len(dead), tally.silent[form]
        print(f"{form:<14}" + "".join(f"{figure:>16,}" for figure in figures))


def speed(tally: Tally, wall: float, processes: int) -> None:
    """Messages a second, and where the time went."""
    count = tally.messages.total()
    with_parser = sum(number for form, number in tally.messages.items() if form in PARSERS)
    each = ", ".join(f"{name} {s / count * 1e6:.2f} us" for name, s in tally.seconds.items() if name != "beside")
    print(f"{count / wall:,.0f} messages/s by {processes} processes, {wall:.0f} s")
    print(f"processor time a message: {each}")
    print(f"bare parsers {tally.seconds['beside'] / with_parser * 1e6:.2f} us a message of those forms that have one")


def costs(seed: int) -> None:
    """Decoding alone, form by form, and the bare parser."""
    listed = [message for batch in batches(60_000, seed) for message in batch]
    print(f"{'us a message':<14}{'mutant':>10}{'bare':>10}")
    for form in FORMS:
        mine = [message for k, message in enumerate(listed) if FORM_OF[k % len(FORM_OF)] == form]
        decoding = timed(decode, mine)
        parsing = f"{timed(bare, mine, [form] * len(mine)):>10.2f}" if form in PARSERS else ""
        print(f"{form:<14}{decoding:>10.2f}{parsing}")


def decode(messages: Sequence[Message]) -> Decoded:
    """By a decoder that remembers nothing."""
    return Decoder(SITE).decode(seals(messages))


def timed(work: Callable[..., Any], messages: Sequence[Message], *more: Any) -> float:
    """us of processor time a message, the best of three."""
    spent = []
    for _ in range(3):
        begun = time.process_time()
        work(messages, *more)
        spent.append(time.process_time() - begun)
    return min(spent) / len(messages) * 1e6


def through_judge(count: int, seed: int) -> int:
    """The same through the log and the judge; 1 if the ledger does not balance."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        count = spooled(folder, count, seed)
        begun = time.process_time()
        judge_log(folder)
        spent = time.process_time() - begun
        counts, wrong = read_at_rest(folder)
        print(f"judge: {count:,} messages, {spent / count * 1e6:.1f} us of processor time a message")
        print(verdict(counts, wrong))
        judged = Judged(folder)
        print(f"{len(judged.dead(2 * count)):,} dead letters are kept, {judged_size(folder):.0f} MB")
        judged.close()
        dead = {name.removeprefix("judge.dead."): n for name, n in counts.items() if name.startswith("judge.dead.")}
        print("dead letters: " + ", ".join(f"{reason} {n:,}" for reason, n in sorted(dead.items())))
        return 1 if wrong or counts["judge.received"] != count or "decoder_failed" in dead else 0


def judged_size(folder: Path) -> float:
    """MB of what judging wrote."""
    return sum(path.stat().st_size for path in folder.glob("judged.db*")) / 1e6


def through_hostile() -> int:
    """us and ns a byte of the costliest messages, at two sizes: work that grows faster than the size shows."""
    small, large = (hostile(size) for size in SIZES)
    print(
        f"{'ns of processor time a byte':<42}" + "".join(f"{size // 1000:>8} kB" for size in SIZES) + f"{'letters':>10}"
    )
    for name, message in small.items():
        each = [(one, timed_once(one)) for one in (message, large[name])]
        ns = [spent / len(one.payload) * 1e9 for one, (spent, _) in each]
        print(f"{name:<42}{ns[0]:>11,.0f}{ns[1]:>11,.0f}{each[1][1][1]:>10,}", flush=True)
    return 0


def timed_once(message: Message) -> tuple[float, int]:
    """Seconds of processor time, and how many dead letters."""
    begun = time.process_time()
    decoded = decode([message])
    return time.process_time() - begun, len(decoded.dead)


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--through", choices=("decode", "judge", "hostile"), default="decode")
    given = parser.parse_args(argv)
    print(machine())
    if given.through == "hostile":
        return through_hostile()
    if given.through == "judge":
        return through_judge(given.messages or JUDGED, given.seed)
    costs(given.seed)
    return through_decoders(given.messages or 10_000_000, given.processes, given.seed)


if __name__ == "__main__":
    sys.exit(main())
