"""Starts ours and the real Collector on the same configuration, and sends both the same."""

import gzip
import json
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request

PATHS = {"traces": "/v1/traces", "metrics": "/v1/metrics", "logs": "/v1/logs"}
START_SECONDS = STOP_SECONDS = 30


def free_ports(count):
    """Chosen by the kernel; held all at once, so that they differ."""
    held = [socket.socket() for _ in range(count)]
    for one in held:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in held]
    for one in held:
        one.close()
    return ports


class Ended(RuntimeError):
    """It did not stay up: most likely it does not take the configuration."""


class Collector:
    """One of the two, running until the end of the `with`; what it wrote is whole only then."""

    def __init__(self, side, program, config, directory):
        self.side, self.directory = side, directory
        self.path = directory / "config.yaml"
        self.path.write_text(config, encoding="utf-8")
        self.output = directory / "output"
        with open(self.output, "wb") as output, open(directory / "stdout", "wb") as stdout:
            self.process = subprocess.Popen([program, "--config", str(self.path)], stdout=stdout, stderr=output, cwd=directory)

    def said(self):
        return self.output.read_text(encoding="utf-8", errors="replace")

    def wait_for(self, ports):
        end = time.monotonic() + START_SECONDS
        for port in ports:
            while True:
                if self.process.poll() is not None:
                    raise Ended(f"{self.side} ended at once:\n{self.said()[-1500:]}")
                try:
                    socket.create_connection(("127.0.0.1", port), 1).close()
                    break
                except OSError:
                    if time.monotonic() > end:
                        raise RuntimeError(f"{self.side} does not listen on {port}:\n{self.said()[-3000:]}") from None
                    time.sleep(0.02)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise RuntimeError(f"{self.side} does not stop:\n{self.said()[-3000:]}") from None


def answer(request):
    try:
        with urllib.request.urlopen(request, timeout=30) as got:
            return got.status, got.headers, got.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read()
    except OSError as error:
        return 0, {}, str(error).encode()


def post(port, name, body, kind="application/json", packed=False):
    """To a receiver of OTLP/HTTP: the status and the body of its answer."""
    headers = {"Content-Type": kind}
    if packed:
        body, headers["Content-Encoding"] = gzip.compress(body), "gzip"
    url = f"http://127.0.0.1:{port}{PATHS[name.split('_')[0]]}"
    status, _, text = answer(urllib.request.Request(url, data=body, headers=headers))
    return status, text


def accepts(program, config, path):
    """(whether it takes this configuration, what it said)."""
    path.write_text(config, encoding="utf-8")
    done = subprocess.run(
        [program, "validate", "--config", str(path)],
        capture_output=True, text=True, timeout=60, env=os.environ | {"CRYO_COMPARE_WORD": "word"}, check=False,
    )
    return done.returncode == 0, (done.stdout + done.stderr).strip()


def lines_of(path):
    """The JSON documents of a `file` exporter's file; one that got nothing may be missing."""
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
