"""deploy/nginx/poyong.conf before a node: wallets ask over HTTPS and WebSocket, and each has a
budget of calls of its own."""

import asyncio
import json
import re
import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import aiohttp
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from api.server import ApiConfig
from tests.docs.documents import ROOT
from tests.support.api_servers import serving
from tests.support.prometheus import free_port

SAMPLE: Final = ROOT / "deploy" / "nginx" / "poyong.conf"
NAME: Final = "rpc.town.example"
WAIT_S: Final = 20.0
POLL_S: Final = 0.05
BURST: Final = 5
NGINX: Final = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")

pytestmark = pytest.mark.skipif(NGINX is None, reason="nginx is not installed")


def make_certificate(folder: Path) -> tuple[Path, Path]:
    """One that signs itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    chain, private = folder / "fullchain.pem", folder / "privkey.pem"
    chain.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return chain, private


def configured(folder: Path, node_port: int, plain_port: int, tls_port: int) -> Path:
    """The sample in a configuration that needs no rights: other ports and certificate, no more."""
    chain, private = make_certificate(folder)
    text = SAMPLE.read_text(encoding="utf-8")
    text, plain = re.subn(r"listen 80;", f"listen 127.0.0.1:{plain_port};", text)
    text, secure = re.subn(r"listen 443 ssl", f"listen 127.0.0.1:{tls_port} ssl", text)
    text, sixth = re.subn(r"^ *listen \[::\]:.*\n", "", text, flags=re.MULTILINE)
    assert (plain, secure, sixth) == (1, 1, 2)
    for there, here in (
        ("/etc/ssl/poyong/fullchain.pem", chain),
        ("/etc/ssl/poyong/privkey.pem", private),
        ("server 127.0.0.1:8545;", f"server 127.0.0.1:{node_port};"),
    ):
        assert text.count(there) == 1
        text = text.replace(there, str(here))
    (folder / "poyong.conf").write_text(text, encoding="utf-8")
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    temporary = "\n".join(f"{kind}_temp_path {folder}/{kind};" for kind in kinds)
    main = folder / "nginx.conf"
    main.write_text(
        f"daemon off;\nmaster_process off;\npid {folder}/pid;\nerror_log {folder}/error.log;\n"
        f"events {{}}\nhttp {{\naccess_log off;\n{temporary}\ninclude {folder}/poyong.conf;\n}}\n",
        encoding="utf-8",
    )
    return main


def arguments(main: Path) -> list[str]:
    return [str(NGINX), "-p", str(main.parent), "-e", f"{main.parent}/error.log", "-c", str(main)]


def test_nginx_accepts_the_sample(tmp_path: Path) -> None:
    main = configured(tmp_path, 8545, free_port(), free_port())
    done = subprocess.run(
        [*arguments(main), "-t"], capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 0, done.stderr


@contextmanager
def running(main: Path) -> Iterator[None]:
    process = subprocess.Popen(arguments(main), stdin=subprocess.DEVNULL)
    try:
        yield
        assert process.poll() is None, (main.parent / "error.log").read_text(encoding="utf-8")
    finally:
        process.terminate()
        process.wait(WAIT_S)


class Wallet:
    """A program of somebody elsewhere, who knows nginx by its name and certificate."""

    def __init__(self, session: aiohttp.ClientSession, folder: Path, port: int) -> None:
        self.session = session
        self.trust = ssl.create_default_context(cafile=str(folder / "fullchain.pem"))
        self.url = f"https://127.0.0.1:{port}/"

    async def ask(self, method: str, *parameters: object, client: str = "") -> tuple[int, Any]:
        """Status and answer; client: the address that an earlier proxy would have seen."""
        request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(parameters)}
        headers = {"Host": NAME} | ({"X-Forwarded-For": client} if client else {})
        async with self.session.post(
            self.url, json=request, headers=headers, ssl=self.trust, server_hostname=NAME
        ) as answer:
            return answer.status, await answer.json()


@asynccontextmanager
async def fronted(folder: Path, settings: ApiConfig) -> AsyncIterator[tuple[Wallet, int]]:
    """A wallet, and the port without TLS."""
    plain_port, tls_port = free_port(), free_port()
    async with serving(settings) as served, aiohttp.ClientSession() as session:
        main = configured(folder, served.port, plain_port, tls_port)
        with running(main):
            await listening(tls_port)
            yield Wallet(session, folder, tls_port), plain_port


async def listening(port: int) -> None:
    """Return once somebody accepts connections there."""
    async with asyncio.timeout(WAIT_S):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(POLL_S)
                continue
            writer.close()
            return


async def test_a_wallet_asks_over_https_and_websocket(tmp_path: Path) -> None:
    settings = ApiConfig(port=0, allowed_hosts=(NAME,), trusted_proxies=("127.0.0.1",))
    async with fronted(tmp_path, settings) as (wallet, plain_port):
        status, answer = await wallet.ask("eth_chainId")
        assert status == 200
        assert int(answer["result"], 16) > 0
        async with wallet.session.ws_connect(
            wallet.url, headers={"Host": NAME}, ssl=wallet.trust, server_hostname=NAME
        ) as socket:
            request = {"jsonrpc": "2.0", "id": 7, "method": "eth_chainId", "params": []}
            await socket.send_str(json.dumps(request))
            said = json.loads((await socket.receive(WAIT_S)).data)
            assert said == {**answer, "id": 7}
        async with wallet.session.get(
            f"http://127.0.0.1:{plain_port}/x?y", headers={"Host": NAME}, allow_redirects=False
        ) as moved:
            assert (moved.status, moved.headers["Location"]) == (308, f"https://{NAME}/x?y")


async def test_each_client_behind_it_has_its_own_budget(tmp_path: Path) -> None:
    """As deploy/samples/observer.toml has it, with a smaller budget."""
    settings = ApiConfig(
        port=0,
        allowed_hosts=(NAME,),
        trusted_proxies=("127.0.0.1",),
        calls_per_second=1,
        burst_calls=BURST,
        limit_loopback=True,
    )
    async with fronted(tmp_path, settings) as (wallet, _):
        first = [
            (await wallet.ask("eth_chainId", client="203.0.113.7"))[0] for _ in range(4 * BURST)
        ]
        assert first[:BURST] == [200] * BURST
        assert 429 in first
        other, _ = await wallet.ask("eth_chainId", client="203.0.113.8")
        assert other == 200
