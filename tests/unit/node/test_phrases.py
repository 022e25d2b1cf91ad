"""Phrases and what follows from them, against the published vectors of BIP-39, SLIP-10, BIP-44."""

import unicodedata

import pytest
from mnemonic import Mnemonic

from ledger.crypto import checksum_address
from ledger.errors import LocalError
from ledger.local_accounts import DEVELOPMENT_MNEMONIC, ed25519_accounts, secp256k1_accounts
from node.wallet.folder import address_of
from node.wallet.phrases import (
    WORD_COUNTS,
    Curve,
    checked_phrase,
    derive,
    derive_from_seed,
    new_phrase,
    path_of,
)

ABANDON = "abandon " * 11 + "about"

BIP39 = [
    (
        "00" * 16,
        ABANDON,
        "c55257c360c07c72029aebc1b53c05ed0362ada38ead3e3e9efa3708e5349553"
        "1f09a6987599d18264c1e1c92f2cf141630c7a3c4ab7c81b2f001698e7463b04",
    ),
    (
        "7f" * 16,
        "legal winner thank year wave sausage worth useful legal winner thank yellow",
        "2e8905819b8723fe2c1d161860e5ee1830318dbf49a83bd451cfb8440c28bd6f"
        "a457fe1296106559a3c80937a1c1069be3a3a5bd381ee6260e8d9739fce1f607",
    ),
    (
        "ff" * 16,
        "zoo " * 11 + "wrong",
        "ac27495480225222079d7be181583751e86f571027b0497b5b5d11218e0a8a13"
        "332572917f0f8e5a589620c6f15b11c61dee327651a14c34e18231052e48c069",
    ),
    (
        "ff" * 32,
        "zoo " * 23 + "vote",
        "dd48c104698c30cfe2b6142103248622fb7bb0ff692eebb00089b32d22484e16"
        "13912f0a5b694407be899ffd31ed3992c456cdf60f5d4564b8ba3f05a69890ad",
    ),
]
"""Entropy, phrase, and its seed with the passphrase TREZOR."""

SLIP10_SEED = bytes(range(16))
SLIP10 = [
    ("ed25519", "m/0'", "68e0fe46dfb67e368c75379acec591dad19df3cde26e63b93a8e704f1dade7a3"),
    (
        "ed25519",
        "m/0'/1'/2'/2'/1000000000'",
        "8f94d394a8e8fd6b1bc2f3f49f5c47e385281d5c17e65324b0f62483e37e8793",
    ),
    ("secp256k1", "m/0'", "edb2e14f9ee77d26dd93b4ecede8d16ed408ce149b6cd80b0715a2d911a0afea"),
    ("secp256k1", "m/0'/1", "3c6cb8d0f6a264c91ea8b5030fadaa8e538b020f0a387421a12de9319dc93368"),
    (
        "secp256k1",
        "m/0'/1/2'/2/1000000000",
        "471b76e389e528d6de6d816857e012c5455051cad6660850e58372a6c3e6e7c8",
    ),
]


@pytest.mark.parametrize(("entropy", "phrase", "seed"), BIP39)
def test_bip_39_vectors(entropy: str, phrase: str, seed: str) -> None:
    assert Mnemonic("english").to_mnemonic(bytes.fromhex(entropy)) == phrase
    assert checked_phrase(f"  {phrase.upper()}\n") == phrase
    path = path_of(Curve.SECP256K1, 0)
    expected = derive_from_seed(bytes.fromhex(seed), Curve.SECP256K1, path)
    assert derive(phrase, Curve.SECP256K1, path, "TREZOR") == expected


@pytest.mark.parametrize(("curve", "path", "secret"), SLIP10)
def test_slip_10_vectors(curve: str, path: str, secret: str) -> None:
    """Test vector 1 of each curve; that of secp256k1 is BIP-32's."""
    assert derive_from_seed(SLIP10_SEED, Curve(curve), path).hex() == secret


@pytest.mark.parametrize(
    ("phrase", "address"),
    [
        (DEVELOPMENT_MNEMONIC, "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"),
        (ABANDON, "0x9858EfFD232B4033E47d90003D41EC34EcaEda94"),
    ],
)
def test_a_phrase_opens_the_account_that_ethereums_wallets_open(phrase: str, address: str) -> None:
    secret = derive(phrase, Curve.SECP256K1, "m/44'/60'/0'/0/0")
    assert checksum_address(address_of(Curve.SECP256K1, secret)) == address


@pytest.mark.parametrize("index", [0, 1, 9])
def test_the_accounts_of_local_towns_are_those_of_their_phrase(index: int) -> None:
    for curve, accounts in (
        (Curve.SECP256K1, secp256k1_accounts()),
        (Curve.ED25519, ed25519_accounts()),
    ):
        assert path_of(curve, index) == accounts[index].path
        assert derive(DEVELOPMENT_MNEMONIC, curve, path_of(curve, index)) == accounts[index].secret


@pytest.mark.parametrize("words", WORD_COUNTS)
def test_a_new_phrase_has_its_words_and_its_checksum(words: int) -> None:
    phrase = new_phrase(words)
    assert len(phrase.split()) == words
    assert checked_phrase(phrase) == phrase
    assert new_phrase(words) != phrase


def test_a_korean_phrase_is_read_however_the_keyboard_composes_it() -> None:
    phrase = Mnemonic("korean").to_mnemonic(bytes(16))
    for form in ("NFC", "NFD", "NFKC", "NFKD"):
        typed = unicodedata.normalize(form, phrase)
        assert checked_phrase(typed) == unicodedata.normalize("NFKD", phrase)
    wrong = unicodedata.normalize("NFC", phrase).replace("가격", "가걱", 1)
    with pytest.raises(LocalError, match="did you mean '가격'"):
        checked_phrase(wrong)


@pytest.mark.parametrize(
    ("phrase", "said"),
    [
        ("", "found 0"),
        ("abandon " * 13, "found 13"),
        ("abandon " * 4 + "abandom " + "abandon " * 7, "word 5, 'abandom'.*mean 'abandon'"),
        ("abandon " * 11 + "12345678901234567890", "word 12, '123456789012345.*look it up"),
        ("abandon " * 12, "checksum is wrong"),
        ("about " + "abandon " * 11, "checksum is wrong"),
    ],
)
def test_a_wrong_phrase_is_refused_with_what_to_look_at(phrase: str, said: str) -> None:
    with pytest.raises(LocalError, match=said):
        checked_phrase(phrase)


@pytest.mark.parametrize(
    ("curve", "path"),
    [
        (Curve.SECP256K1, "m"),
        (Curve.SECP256K1, ""),
        (Curve.SECP256K1, "44'/60'"),
        (Curve.SECP256K1, "m/44h"),
        (Curve.SECP256K1, "m/2147483648"),
        (Curve.SECP256K1, "m/99999999999"),
        (Curve.SECP256K1, "m" + "/0" * 11),
        (Curve.SECP256K1, "m/0\n"),
        (Curve.ED25519, "m/44'/60'/0'/0/0"),
    ],
)
def test_a_wrong_path_is_refused_with_one_that_is_right(curve: Curve, path: str) -> None:
    with pytest.raises(LocalError, match="m/44'/60'/0'/0"):
        derive(ABANDON, curve, path)
