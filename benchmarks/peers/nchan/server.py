"""nchan: starts nginx with its module as a child, and publishes by HTTP POST, one request a message.

PEER_NGINX and PEER_MODULE are the two files, PEER_UNSHARE is the command that gives a program mounts of its
own, PEER_CORE the processor that nginx has to itself; this program, the publisher, stays on that of the
clients and does not count as the server.
"""

import asyncio
import os
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from benchmarks.peers.orders import message, obey

CONFIGURATION = """
load_module "{module}";
{user}
daemon off;
worker_processes 1;
worker_rlimit_nofile {files};
pid {folder}/nginx.pid;
error_log {folder}/error.log warn;
events {{ worker_connections {files}; }}
http {{
    access_log off;
    nchan_max_reserved_memory 256m;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    keepalive_requests 1000000;
    server {{
        listen 127.0.0.1:{port} backlog=1024;
        location = / {{
            nchan_subscriber websocket;
            nchan_channel_id show;
            nchan_subscriber_first_message newest;
        }}
        location = /publish {{
            nchan_publisher http;
            nchan_channel_id show;
            nchan_message_buffer_length 1000;
            nchan_message_timeout 60s;
        }}
    }}
}}
"""
#: The distribution's nginx insists on a folder that only its installation makes. It gets one that nobody else
#: sees, and that is gone with it.
OWN_FOLDER = 'mount -t tmpfs none /var/lib && mkdir /var/lib/nginx && exec "$0" "$@"'
REQUEST = (
    "POST /publish HTTP/1.1\r\nHost: bench\r\nContent-Type: text/plain\r\nContent-Length: {size}\r\n\r\n"
)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
    return port


async def connect(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Wait until nginx listens."""
    deadline = time.monotonic() + 10
    while True:
        try:
            return await asyncio.open_connection("127.0.0.1", port)
        except ConnectionRefusedError:
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(0.05)


def start(folder: str, port: int) -> subprocess.Popen[bytes]:
    """nginx on its core."""
    file = Path(folder, "nginx.conf")
    text = CONFIGURATION.format(
        module=os.environ["PEER_MODULE"],
        user="user root;" if os.geteuid() == 0 else "",
        folder=folder,
        files=min(os.sysconf("SC_OPEN_MAX"), 65_536),
        port=port,
    )
    file.write_text(text, "utf-8")
    # The kernel ends nginx when this program is gone, however it went.
    held = ["setpriv", "--pdeathsig", "TERM", "taskset", "-c", os.environ["PEER_CORE"]]
    alone = [*os.environ["PEER_UNSHARE"].split(), "sh", "-c", OWN_FOLDER]
    return subprocess.Popen([*held, *alone, os.environ["PEER_NGINX"], "-p", folder, "-c", str(file)])


async def take_orders(port: int, pid: int) -> None:
    """Publish over one connection; what nginx answers is read and forgotten."""
    answers, requests = await connect(port)

    async def drain() -> None:
        while await answers.read(65_536):
            pass

    async def publish(number: int, at: str, size: int) -> None:
        requests.write((REQUEST.format(size=size) + message(number, at, size)).encode())
        await requests.drain()

    draining = asyncio.create_task(drain())
    await obey(port, publish, pid=pid)
    draining.cancel()


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="hubbub-bench-nchan-") as folder:
        os.chmod(folder, 0o755)  # noqa: S103  nginx's worker may be another user
        port = int(os.environ.get("PEER_PORT", "0")) or free_port()
        nginx = start(folder, port)
        try:
            asyncio.run(take_orders(port, nginx.pid))
        finally:
            nginx.terminate()
            nginx.wait()


if __name__ == "__main__":
    main()
