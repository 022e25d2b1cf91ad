"""Fuzz decoders until the time is over: python -m tests.fuzz --seconds N [--decoder NAME].

Each decoder gets its share of the time; an input that breaks a promise ends the run with exit code
1 and the command that replays it. With atheris installed (it is no dependency), --coverage lets it
choose the mutations of one decoder by what they reach.
"""

import argparse
import sys
import time
from importlib import import_module
from random import Random
from secrets import randbits
from typing import Any

from tests.fuzz.checking import Decoder, FuzzError, check, check_memory
from tests.fuzz.decoders import DECODERS
from tests.fuzz.mutation import mutate

MEMORY_EVERY = 64
"""Inputs between two whose memory is measured, which takes a few times as long."""


def main() -> int:
    """Parse the command line and fuzz; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60, help="in all (default 60)")
    parser.add_argument("--decoder", choices=sorted(DECODERS), help="only this one")
    parser.add_argument("--seed", type=int, default=None, help="of the mutations")
    parser.add_argument("--replay", metavar="HEX", help="check this one input with --decoder")
    parser.add_argument("--coverage", action="store_true", help="with atheris, --decoder needed")
    given = parser.parse_args()
    if (given.replay is not None or given.coverage) and given.decoder is None:
        parser.error("--replay and --coverage need --decoder")
    names = [given.decoder] if given.decoder else sorted(DECODERS)
    if given.replay is not None:
        return _one(DECODERS[given.decoder], bytes.fromhex(given.replay))
    if given.coverage:
        return _with_atheris(DECODERS[given.decoder], given.seconds)
    seed = randbits(32) if given.seed is None else given.seed
    print(f"seed {seed}, {len(names)} decoders, {given.seconds:g} s")
    return max(_fuzz(DECODERS[name], seed, given.seconds / len(names)) for name in names)


def _fuzz(decoder: Decoder, seed: int, seconds: float) -> int:
    choose = Random(f"{seed}/{decoder.name}")
    end = time.monotonic() + seconds
    tried = accepted = 0
    while time.monotonic() < end:
        data = mutate(decoder.samples, decoder.shape, choose)
        try:
            if tried % MEMORY_EVERY == 0:
                check_memory(decoder, data)
            accepted += check(decoder, data)
        except FuzzError as error:
            return _report(decoder, data, error)
        tried += 1
    print(f"{decoder.name}: {tried} inputs, {accepted} accepted")
    return 0


def _one(decoder: Decoder, data: bytes) -> int:
    try:
        check_memory(decoder, data)
        accepted = check(decoder, data)
    except FuzzError as error:
        return _report(decoder, data, error)
    print(f"{decoder.name}: {'accepted' if accepted else 'refused as documented'}")
    return 0


def _report(decoder: Decoder, data: bytes, error: FuzzError) -> int:
    print(f"{decoder.name}: {error}")
    print(f"replay: python -m tests.fuzz --decoder {decoder.name} --replay {data.hex()}")
    return 1


def _with_atheris(decoder: Decoder, seconds: float) -> int:
    try:
        atheris: Any = import_module("atheris")
    except ImportError:
        print("atheris is not installed: pip install atheris, or leave --coverage out")
        return 2

    def one(data: bytes) -> None:
        check(decoder, data)

    atheris.instrument_all()
    atheris.Setup([sys.argv[0], f"-max_total_time={int(seconds)}"], one)
    atheris.Fuzz()
    return 0


if __name__ == "__main__":
    sys.exit(main())
