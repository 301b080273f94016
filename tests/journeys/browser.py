"""A phone: Debian's chromium without a window, driven over a pipe by its own protocol (Chrome DevTools Protocol).

https://chromedevtools.github.io/devtools-protocol/
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--hide-scrollbars",
    "--remote-debugging-pipe",
    # There is no internet: whatever a page wants from another host, it does not get.
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
)
# Its protocol is spoken on descriptors 3 and 4.
LAUNCHER = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.dup2(int(sys.argv[2]), 4)
os.execvp(sys.argv[3], sys.argv[3:])
"""
WIDTH, HEIGHT = 390, 844  # CSS pixels of a common phone
PATIENCE_SECONDS = 30

Json = Any


class Phone:
    """One page of a browser. `requests` are the addresses that it asked for, `complaints` what went wrong in it."""

    def __init__(self, folder: Path, program: str) -> None:
        theirs_in, self._to = os.pipe()
        come_from, theirs_out = os.pipe()
        self._from = os.fdopen(come_from, "rb")
        launch = [sys.executable, "-c", LAUNCHER, str(theirs_in), str(theirs_out)]
        with (folder / "log").open("wb") as log:
            self._process = subprocess.Popen(
                [*launch, program, *FLAGS, f"--user-data-dir={folder}/profile"],
                pass_fds=(theirs_in, theirs_out),
                stdout=log,
                stderr=log,
            )
        os.close(theirs_in)
        os.close(theirs_out)
        self._left, self._asked, self._session = b"", 0, ""
        self.requests: list[str] = []
        self.complaints: list[str] = []

    def begin(self) -> None:
        """Opens its page."""
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Network", "Runtime", "Log"):
            self.ask(f"{domain}.enable")
        self.turn(WIDTH, HEIGHT)

    def end(self) -> None:
        """Without its pipe it ends by itself, with all its children."""
        os.close(self._to)
        try:
            self._process.wait(PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._from.close()

    def ask(self, method: str, **params: Json) -> Json:
        """One command of the protocol, and its answer."""
        self._asked += 1
        command = {"id": self._asked, "method": method, "params": params}
        if self._session:
            command["sessionId"] = self._session
        os.write(self._to, json.dumps(command).encode() + b"\0")
        while (said := self._hear()).get("id") != self._asked:
            self._note(said)
        assert "error" not in said, said
        return said["result"]

    def turn(self, width: int, height: int) -> None:
        """A phone of that many CSS pixels."""
        self.ask("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=True)

    def speak(self, language: str) -> None:
        """What its owner reads first."""
        agent = self.run("navigator.userAgent")
        self.ask("Emulation.setUserAgentOverride", userAgent=agent, acceptLanguage=language)

    def open(self, url: str) -> None:
        """Goes there afresh, and returns once everything that the page names is loaded."""
        self.ask("Page.navigate", url="about:blank")
        self.ask("Page.navigate", url=url)
        self.wait_for("location.href != 'about:blank' && document.readyState == 'complete'")

    def run(self, script: str) -> Json:
        """The value of an expression in the page."""
        found = self.ask("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        return found["result"].get("value")

    def wait_for(self, condition: str) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not self.run(condition):
            assert time.monotonic() < deadline, f"never came true: {condition}; {self.complaints}"
            time.sleep(0.05)

    def seen(self) -> str:
        """The words that a person sees."""
        return str(self.run("document.body.innerText"))

    def photograph(self) -> bytes:
        """The screen, as a PNG."""
        return b64decode(self.ask("Page.captureScreenshot")["data"])

    def _hear(self) -> Json:
        while b"\0" not in self._left:
            more = os.read(self._from.fileno(), 65536)
            assert more, "the browser ended"
            self._left += more
        said, _, self._left = self._left.partition(b"\0")
        return json.loads(said)

    def _note(self, said: Json) -> None:
        method, params = said.get("method"), said.get("params", {})
        if method == "Network.requestWillBeSent":
            self.requests.append(params["request"]["url"])
        if method == "Runtime.exceptionThrown":
            self.complaints.append(str(params["exceptionDetails"]))
        if method == "Log.entryAdded" and params["entry"]["level"] == "error":
            self.complaints.append(f"{params['entry']['text']} {params['entry'].get('url', '')}")


@contextmanager
def a_phone() -> Iterator[Phone]:
    """A browser of its own, without history; skips where there is no chromium."""
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("chromium is not installed: apt-get install chromium")
    folder = Path(tempfile.mkdtemp(prefix="vm-phone-"))
    try:
        phone = Phone(folder, program)
        try:
            phone.begin()
            yield phone
        finally:
            phone.end()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
