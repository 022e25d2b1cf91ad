"""An Ed25519 key in a hardware module, by PKCS#11 (CKM_EDDSA); needs the extra `hsm`.

Everything that the module's library does happens on a thread of its own: a library that shares
OpenSSL with this process leaves errors in the calling thread's queue, and the next handshake on
that thread would take them for its own.
"""

import importlib
import os
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import structlog

from ledger.crypto import verify_ed25519
from ledger.errors import LocalError
from node.keys.keystore import read_password
from node.signing.settings import PIN_VARIABLE, Pkcs11Config

_TRIAL: Final = b"poyong: does this key sign for its public key?"

log = structlog.get_logger(__name__)


class ModuleSigner:
    """ledger.crypto.Signer over a key in a module. Blocks while the module works."""

    def __init__(self, config: Pkcs11Config, pin: str, public_key: bytes) -> None:
        """Log in and find the key. LocalError, one sentence, for whatever is not as named."""
        self._config, self._pin, self._public_key = config, pin, public_key
        self._pkcs11 = _library()
        self._errors = self._pkcs11.exceptions
        self._session: Any = None
        self._key: Any = None
        self._thread = ThreadPoolExecutor(1, "pkcs11")
        try:
            self._thread.submit(self._open).result()
            matches = verify_ed25519(public_key, _TRIAL, self._call(_TRIAL))
        except LocalError:
            self.close()
            raise
        if not matches:
            self.close()
            raise LocalError(
                f"the key {_named(config)} signs for another public key than "
                f"{public_key.hex()}: correct public_key, key_label or key_id"
            )

    @property
    def public_key(self) -> bytes:
        """Ed25519 public key, 32 bytes."""
        return self._public_key

    def close(self) -> None:
        """Log out, when no other session of this process is open, and end the thread."""
        self._thread.submit(self._log_out).result()
        self._thread.shutdown()

    def _log_out(self) -> None:
        session, self._session = self._session, None
        if session is None:
            return
        try:
            session.close()
        except self._errors.PKCS11Error as error:
            log.info("signer.session_was_lost", reason=type(error).__name__)

    def sign(self, message: bytes) -> bytes:
        """Signature, 64 bytes, checked; LocalError when the module fails twice."""
        try:
            signature = self._call(message)
        except LocalError:
            # A session that was lost, a token put back.
            self._thread.submit(self._open).result()
            signature = self._call(message)
        if not verify_ed25519(self._public_key, message, signature):
            raise LocalError(f"the key {_named(self._config)} gave a signature that does not hold")
        return signature

    def _call(self, message: bytes) -> bytes:
        return self._thread.submit(self._by_module, message).result()

    def _by_module(self, message: bytes) -> bytes:
        try:
            return bytes(self._key.sign(message, mechanism=self._pkcs11.Mechanism.EDDSA))
        except (self._errors.MechanismInvalid, self._errors.FunctionNotSupported) as error:
            raise LocalError(
                f"{self._config.module} does not sign by Ed25519 (CKM_EDDSA): use one that does"
            ) from error
        except self._errors.PKCS11Error as error:
            raise LocalError(
                f"the key {_named(self._config)} could not sign ({type(error).__name__} {error})"
            ) from error

    def _open(self) -> None:
        """Find the private key, in a session that is logged in."""
        config, errors = self._config, self._errors
        self._log_out()
        try:
            library = self._pkcs11.lib(config.module)
        except (errors.PKCS11Error, RuntimeError, OSError) as error:
            raise LocalError(
                f"[pkcs11] module: cannot load {config.module} ({error}): name the library of the "
                "module"
            ) from error
        try:
            self._session = self._token(library).open(user_pin=self._pin)
        except (errors.PinIncorrect, errors.PinLenRange, errors.PinInvalid) as error:
            raise LocalError(
                f"the module refuses the PIN of token {config.token!r}: correct it before the "
                "module locks itself"
            ) from error
        except errors.PinLocked as error:
            raise LocalError(
                f"the PIN of token {config.token!r} is locked: unlock it as its security officer"
            ) from error
        except errors.UserAlreadyLoggedIn:
            # Another key of this process has logged in to the token.
            self._session = self._token(library).open()
        except errors.PKCS11Error as error:
            raise LocalError(
                f"cannot log in to {config.module} ({type(error).__name__} {error})"
            ) from error
        self._key = self._find(self._session)

    def _token(self, library: Any) -> Any:
        config = self._config
        tokens = [
            (slot.slot_id, slot.get_token()) for slot in library.get_slots(token_present=True)
        ]
        found = [
            token
            for slot, token in tokens
            if config.slot in (-1, slot) and config.token in ("", token.label)
        ]
        if len(found) != 1:
            wanted = "any slot" if config.slot < 0 else f"slot {config.slot}"
            there = ", ".join(sorted(f"{str(token.label)!r} in slot {at}" for at, token in tokens))
            raise LocalError(
                f"[pkcs11] token {config.token!r} in {wanted}: expected one such token in "
                f"{config.module}, found {len(found)}; there are "
                f"{there or 'none'}: correct token or slot"
            )
        return found[0]

    def _find(self, session: Any) -> Any:
        config, attribute = self._config, self._pkcs11.Attribute
        wanted = {attribute.CLASS: self._pkcs11.ObjectClass.PRIVATE_KEY}
        if config.key_label:
            wanted[attribute.LABEL] = config.key_label
        if config.key_id:
            wanted[attribute.ID] = bytes.fromhex(config.key_id)
        found = list(session.get_objects(wanted))
        if len(found) != 1:
            raise LocalError(
                f"expected one private key {_named(config)} in the token, found {len(found)}: "
                "correct key_label or key_id"
            )
        if found[0].key_type != self._pkcs11.KeyType.EC_EDWARDS:
            raise LocalError(
                f"the key {_named(config)} is of type {found[0].key_type.name}, expected Ed25519"
            )
        return found[0]


def read_pin(
    config: Pkcs11Config,
    home: Path,
    environment: Mapping[str, str] = os.environ,
    prompt: Callable[[str], str] | None = None,
) -> str:
    """PIN from pin_file, else POYONG_HSM_PIN, else a prompt; LocalError when there is none."""
    if not config.pin_file and PIN_VARIABLE in environment:
        return environment[PIN_VARIABLE]
    file = home / config.pin_file if config.pin_file else None
    try:
        return read_password(file, f"the token {config.token}", environment={}, prompt=prompt)
    except LocalError as error:
        if file is not None:
            raise
        raise LocalError(
            f"no PIN for the token {config.token!r}: set [pkcs11] pin_file to a file that only you "
            f"can read, or {PIN_VARIABLE}, or start in a terminal"
        ) from error


def open_module(config: Pkcs11Config, home: Path, public_key: bytes) -> ModuleSigner:
    """The key that [pkcs11] names. LocalError as of ModuleSigner and read_pin."""
    path = config.module if config.module.startswith("/") else str(home / config.module)
    return ModuleSigner(replace(config, module=path), read_pin(config, home), public_key)


def _library() -> Any:
    try:
        return importlib.import_module("pkcs11")
    except ImportError as error:
        raise LocalError(
            "keys in a hardware module need python-pkcs11: pip install 'poyong[hsm]'"
        ) from error


def _named(config: Pkcs11Config) -> str:
    parts = [repr(config.key_label)] if config.key_label else []
    return " ".join([*parts, f"id {config.key_id}"] if config.key_id else parts)
