#!/usr/bin/env python3
"""Sends generated requests to every operation of the OpenAPI document, right ones and wrong ones.

usage: fuzz_api.py INNKEEPER

Starts `innkeeper serve` on a fresh data directory and a free port of 127.0.0.1 and lets schemathesis read
/openapi.json from it. No answer may be a 5xx; status, content type and body must be what the document says. The seed
is fixed, so that the same document gives the same requests. Exit 1 with the requests that show a fault, as curl
commands.

Environment: FUZZ_SEED (1), FUZZ_EXAMPLES (100) per operation.
"""

import base64
import json
import os
import re
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WANTED = ROOT / "scripts/fuzz_requirements.txt"
TOOLS = Path(os.environ.get("INNKEEPER_TOOLS", Path.home() / ".cache/innkeeper/tools")) / "schemathesis"
CHECKS = [
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "missing_required_header",
    "unsupported_method",
    "allow_header_conformance",
    "use_after_free",
    "ignored_auth",
]
READY_SECONDS = 120


def install():
    """The pinned packages in a folder of their own, made again when the list changes."""
    done = TOOLS / "requirements.txt"
    if done.exists() and done.read_bytes() == WANTED.read_bytes():
        return
    print(f"installing {WANTED.relative_to(ROOT)} into {TOOLS}", flush=True)
    subprocess.run([sys.executable, "-m", "venv", "--clear", TOOLS], check=True)
    pip = [TOOLS / "bin/python", "-m", "pip", "install", "--disable-pip-version-check", "--quiet"]
    subprocess.run([*pip, "--requirement", WANTED], check=True)
    # Last, so that a broken installation is made again.
    done.write_bytes(WANTED.read_bytes())


def address_of(server, log):
    """Where the server says it listens, once it is ready."""
    end = time.monotonic() + READY_SECONDS
    while time.monotonic() < end and server.poll() is None:
        found = re.search(r"listening.*?address=\"?([0-9.:]+)", log.read_text(encoding="utf-8", errors="replace"))
        if found:
            url = f"http://{found[1]}"
            try:
                with urllib.request.urlopen(f"{url}/health/ready", timeout=5):
                    return url
            except OSError:
                pass
        time.sleep(0.1)
    sys.exit(f"the server did not become ready:\n{log.read_text(encoding='utf-8', errors='replace')}")


def enrol(url, token, folder):
    """The employee that the document's examples name, so that some answers are about somebody."""
    body = {
        "employee_id": "EMP001",
        "images": [base64.b64encode((folder / "obama.jpg").read_bytes()).decode()],
        "consent": {"given_at": "2025-01-17T08:30:00Z", "policy_version": "2025-01"},
    }
    request = urllib.request.Request(
        f"{url}/api/v1/cv/face/enroll", json.dumps(body).encode(),
        {"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
    )  # fmt: skip
    with urllib.request.urlopen(request, timeout=60) as answer:
        assert answer.status == 201, answer.status


def fuzz(url, token, folder):
    command = [
        TOOLS / "bin/schemathesis", "run", f"{url}/openapi.json",
        "--header", f"Authorization: Bearer {token}",
        "--phases", "examples,coverage,fuzzing",
        "--checks", ",".join(CHECKS),
        "--mode", "all",
        "--seed", os.environ.get("FUZZ_SEED", "1"),
        "--max-examples", os.environ.get("FUZZ_EXAMPLES", "100"),
        "--workers", "1",
        "--request-timeout", "60",
        "--continue-on-failure",
        "--warnings", "off",
    ]  # fmt: skip
    # In an empty folder, so that no settings and no examples of an earlier run are found.
    return subprocess.run(command, cwd=folder, check=False).returncode


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    innkeeper = Path(sys.argv[1]).resolve()
    try:
        install()
    except subprocess.CalledProcessError as error:
        sys.exit(f"schemathesis could not be installed, so the interface was NOT fuzzed: {error}")
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        data, log = folder / "data", folder / "server.log"
        quiet = {name: value for name, value in os.environ.items() if not name.startswith("INNKEEPER__")}
        settings = {
            "INNKEEPER__MODELS__PACK": "default",
            "INNKEEPER__RATE_LIMITS__ENABLED": "false",
            "INNKEEPER__LOG__JSON": "false",
            "NO_COLOR": "1",
        }
        environment = {**quiet, **settings}

        def output_of(*arguments):
            return subprocess.check_output([innkeeper, *arguments], env=environment, text=True).strip()

        token = output_of("token", "--subject", "fuzz", "--role", "admin", "--data-dir", data)
        pictures = output_of("datasets", "path", "demo")
        with open(log, "wb") as sink:
            server = subprocess.Popen(
                [innkeeper, "serve", "--listen", "127.0.0.1:0", "--data-dir", data],
                stdin=subprocess.DEVNULL, stdout=sink, stderr=sink, cwd=folder, env=environment,
            )  # fmt: skip
        try:
            url = address_of(server, log)
            enrol(url, token, Path(pictures))
            failed = fuzz(url, token, folder)
        finally:
            server.terminate()
            server.wait(timeout=60)
        said = log.read_text(encoding="utf-8", errors="replace")
    bad = [line for line in said.splitlines() if "panicked" in line or " ERROR " in line]
    print("\n".join(bad))
    sys.exit(1 if failed or bad else 0)


if __name__ == "__main__":
    main()
