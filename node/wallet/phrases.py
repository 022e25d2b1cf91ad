"""BIP-39 phrases, and the keys that follow from them (SLIP-10 and BIP-32).

Both kinds of account use coin type 60: there is one space of addresses, and a phrase opens the same
secp256k1 account here as in Ethereum's wallets. The curves never share a key, since SLIP-10 begins
with another HMAC key for each.
"""

import difflib
import re
import unicodedata
from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from typing import Final

from mnemonic import Mnemonic
from slip10 import SLIP10

from ledger.errors import LocalError

NEW_WORDS: Final = 24
WORD_COUNTS: Final = (12, 15, 18, 21, 24)
LANGUAGES: Final = ("english", "korean")
"""A new phrase is English, which every wallet reads."""
MAX_PHRASE_CHARACTERS: Final = 512
MAX_PASSPHRASE_CHARACTERS: Final = 256
MAX_INDEX: Final = 2**31 - 1
_MAX_STEPS: Final = 10
_SHOWN_CHARACTERS: Final = 16
_PATH: Final = re.compile(r"m(/[0-9]{1,10}'?)+")
_BITS_OF_WORDS: Final = {count: count * 32 // 3 for count in WORD_COUNTS}


class Curve(StrEnum):
    """Which kind of key an account has; the names are those of SLIP-10."""

    ED25519 = "ed25519"
    SECP256K1 = "secp256k1"


_PATHS: Final[Mapping[Curve, str]] = {
    Curve.ED25519: "m/44'/60'/0'/0'/{}'",
    Curve.SECP256K1: "m/44'/60'/0'/0/{}",
}


@cache
def _words_of(language: str) -> Mnemonic:
    return Mnemonic(language)


def new_phrase(words: int = NEW_WORDS) -> str:
    """A random English phrase; its checksum is in the last word."""
    return _words_of("english").generate(_BITS_OF_WORDS[words])


def checked_phrase(text: str) -> str:
    """The phrase with single blanks and in the form that BIP-39 hashes.

    LocalError for a wrong number of words, for the first word that is in no list (with the nearest
    that is), and for a wrong checksum. Only a wrong word is repeated, never the phrase.
    """
    words = unicodedata.normalize("NFKD", text).lower().split()
    if len(words) not in WORD_COUNTS:
        raise LocalError(
            f"a phrase has {', '.join(map(str, WORD_COUNTS[:-1]))} or {WORD_COUNTS[-1]} words, "
            f"found {len(words)}: type all of them with blanks between"
        )
    language = max(LANGUAGES, key=lambda name: sum(w in _known(name) for w in words))
    for position, word in enumerate(words, 1):
        if word not in _known(language):
            raise LocalError(
                f"word {position}, {_composed(word)!r:.{_SHOWN_CHARACTERS}}, is none of BIP-39's "
                f"{language.title()} words{_nearest(word, language)}"
            )
    phrase = " ".join(words)
    if not _words_of(language).check(phrase):
        raise LocalError(
            "each word is one of BIP-39's, but their checksum is wrong: one of them is another "
            "word, or two have changed places"
        )
    return phrase


def path_of(curve: Curve, index: int) -> str:
    """Where the account `index` of a phrase is: BIP-44 for secp256k1, every step hardened for
    Ed25519, which has no other."""
    return _PATHS[curve].format(index)


def derive(phrase: str, curve: Curve, path: str, passphrase: str = "") -> bytes:
    """The 32-byte secret at `path`; `phrase` comes from checked_phrase. LocalError when the path
    is none, or has a step that Ed25519 lacks, or the passphrase is too long."""
    if len(passphrase) > MAX_PASSPHRASE_CHARACTERS:
        raise LocalError(
            f"the passphrase has {len(passphrase)} characters, at most {MAX_PASSPHRASE_CHARACTERS} "
            "are taken: type the one that belongs to this phrase"
        )
    return derive_from_seed(Mnemonic.to_seed(phrase, passphrase), curve, path)


def derive_from_seed(seed: bytes, curve: Curve, path: str) -> bytes:
    """As derive, from the seed of a phrase."""
    _check_path(path, curve)
    secret: bytes = SLIP10.from_seed(seed, curve_name=curve.value).get_privkey_from_path(path)
    return secret


def _check_path(path: str, curve: Curve) -> None:
    steps = path.split("/")[1:]
    if (
        not _PATH.fullmatch(path)
        or len(steps) > _MAX_STEPS
        or any(int(step.rstrip("'")) > MAX_INDEX for step in steps)
    ):
        raise LocalError(
            f"{path!r:.60} is no path: expected 1 to {_MAX_STEPS} steps such as "
            f"{path_of(curve, 0)}, each below 2^31"
        )
    if curve is Curve.ED25519 and not all(step.endswith("'") for step in steps):
        raise LocalError(
            f"the path {path:.60} has a step without ': Ed25519 has hardened steps only, such as "
            f"{path_of(curve, 0)}"
        )


@cache
def _known(language: str) -> frozenset[str]:
    return frozenset(unicodedata.normalize("NFKD", word) for word in _words_of(language).wordlist)


def _nearest(word: str, language: str) -> str:
    found = difflib.get_close_matches(word, sorted(_known(language)), n=1, cutoff=0.5)
    return f"; did you mean {_composed(found[0])!r}?" if found else ": look it up on your paper"


def _composed(word: str) -> str:
    """As people write it: Korean words are taken apart in BIP-39's form."""
    return unicodedata.normalize("NFKC", word)
