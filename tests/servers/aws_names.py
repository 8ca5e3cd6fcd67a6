"""A network of its own in which AWS's names lead to a local AWS by TLS: run inside of `unshare --net --mount`.

Reads a list of commands from standard input, and prints what each of them answered.
"""

import asyncio
import json
import os
import ssl
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.servers.local_aws import LocalAws

NAMES = (
    "sts.eu-west-1.amazonaws.com",
    "sts.us-east-1.amazonaws.com",
    "sts.amazonaws.com",
    "iam.amazonaws.com",
)


def main() -> None:
    """Everything is inside this network; nothing can leave it."""
    world_file, program = sys.argv[1:]
    commands = json.load(sys.stdin)
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    with tempfile.TemporaryDirectory() as name, LocalAws(json.loads(Path(world_file).read_text())) as aws:
        folder = Path(name)
        hosts = folder / "hosts"
        hosts.write_text("".join(f"127.0.0.1 {host}\n" for host in ("localhost", *NAMES)))
        subprocess.run(["mount", "--bind", hosts, "/etc/hosts"], check=True)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate(folder, NAMES))
        port = int(aws.url.rpartition(":")[2])
        threading.Thread(target=asyncio.run, args=(forward(port, context),), daemon=True).start()
        answers = [run(program, command, folder) for command in commands]
    print(json.dumps(answers))


def run(program: str, command: list[str], folder: Path) -> object:
    """What one command printed; it knows nothing of us but who vouches for the names."""
    done = subprocess.run(
        [program, *command, "--output", "json"],
        env={**os.environ, "AWS_CA_BUNDLE": str(folder / "names.pem"), "PYTHONPATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"{command[:2]}: {done.stderr}")
    return json.loads(done.stdout)


def certificate(folder: Path, names: Iterable[str]) -> Path:
    """A key and a certificate of these names, in one file; it vouches for itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "names of a test")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = folder / "names.pem"
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file.write_bytes(secret + made.public_bytes(serialization.Encoding.PEM))
    return file


async def forward(port: int, context: ssl.SSLContext) -> None:
    """What comes by TLS goes on in plain, as behind any load balancer."""

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
        writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(pump(reader, inner_writer), pump(inner_reader, writer), return_exceptions=True)

    server = await asyncio.start_server(serve, "127.0.0.1", 443, ssl=context)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    main()
