"""The commands in the README work when pasted: the files exist, the requests succeed, the verifier agrees."""

import re
import shutil
import subprocess

import pytest

from server import HERE, binary

README = (HERE.parent / "README.md").read_text()
BLOCKS = re.findall(r"^```sh\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
CARGO = "cargo run --release -p keycard-http "


@pytest.fixture
def survives():
    """This test has its own server."""


@pytest.mark.skipif(not (shutil.which("curl") and shutil.which("jq")), reason="curl or jq is not there")
def test_the_commands_work_as_pasted(tmp_path):
    serve, requests, verify = BLOCKS[:3]
    assert serve.startswith(f"{CARGO}-- ") and f"{CARGO}--bin keycard-verify -- " in verify
    # A folder that looks like the root of a clone to the commands.
    (tmp_path / "examples").symlink_to(HERE.parents[1])
    serve = serve.replace(f"{CARGO}-- ", f"exec {binary()} ").replace("127.0.0.1:4010", "127.0.0.1:0")
    with subprocess.Popen(["bash", "-c", serve], cwd=tmp_path, stdout=subprocess.PIPE, text=True) as process:
        try:
            port = re.fullmatch(r"keycard-http: ready on http://127\.0\.0\.1:(\d+)\n", process.stdout.readline())[1]
            told = README[README.index("prints one line when it is ready") :]
            assert "`keycard-http: ready on http://127.0.0.1:4010`" in told[:200]
            script = f"set -euo pipefail\n{requests}\n{verify}".replace("127.0.0.1:4010", f"127.0.0.1:{port}")
            script = script.replace(f"{CARGO}--bin keycard-verify -- ", f"{binary('keycard-verify')} ")
            done = subprocess.run(["bash", "-c", script], cwd=tmp_path, capture_output=True, text=True, timeout=60)
            assert (done.returncode, done.stderr) == (0, ""), done
            assert '"policy_set_attestation"' in done.stdout
            assert re.search(r"^version 1: Created by alice at .*, key .+$", done.stdout, re.MULTILINE)
        finally:
            process.terminate()
    made = {path.name for path in tmp_path.iterdir()} - {"examples"}
    ignored = (HERE.parents[2] / ".gitignore").read_text().splitlines()
    assert {f"/{name}" for name in made} <= set(ignored), "a key that is pasted into being is not committed"

