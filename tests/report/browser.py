"""A headless Chromium for tests, spoken to over two pipes (DevTools protocol) with the standard library alone.

    with Browser("chromium") as browser:
        browser.open(page.as_uri(), 375, 800)
        browser.evaluate("document.title")
        assert browser.complaints == []

A wait longer than `limit` seconds ends the browser, with a BrowserError that says what was waited for.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import re
import select
import shutil
import signal
import subprocess
import tempfile
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

TELEPHONE, DESK = (375, 800), (1280, 900)
NAMES = ("chromium", "chromium-browser", "google-chrome")  # those of tools/browser.sh
FLAGS = (
    "--headless",
    "--no-sandbox",  # root has none; the pages are our own
    "--disable-gpu",
    "--disable-dev-shm-usage",  # containers give 64 MB
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-breakpad",
    "--disable-extensions",
    "--no-first-run",
    "--remote-debugging-pipe",
)
# Chromium reads commands from descriptor 3 and answers on 4; a shell can move them, Popen cannot.
MOVE_PIPES = 'exec "$@" 3<&0 4>&1 </dev/null >/dev/null'
# Letters are there, the layout stands, and what the last script started has been drawn.
SETTLED = (
    "document.fonts.ready.then(() => new Promise(done => requestAnimationFrame(() => setTimeout(done))))"
)


class BrowserError(Exception):
    pass


def find() -> str | None:
    """EQUIVFAST_BROWSER, which has to be there when it is set, or the first of NAMES on the path that runs."""
    wanted = os.environ.get("EQUIVFAST_BROWSER")
    if wanted and not shutil.which(wanted):
        raise BrowserError(f"EQUIVFAST_BROWSER must name a browser that runs, got {wanted!r}")
    return wanted or next(filter(_runs, NAMES), None)


def _runs(name: str) -> bool:
    """Ubuntu's chromium-browser may only say how to get one."""
    command = [name, "--version"]
    return (
        bool(shutil.which(name)) and not subprocess.run(command, capture_output=True, timeout=20).returncode
    )


class Browser:
    """One browser with one page open at a time; `complaints` and `requests` are those of the page."""

    def __init__(self, program: str, limit: float = 60) -> None:
        self.complaints: list[str] = []  # console errors and warnings, exceptions, failed requests
        self.requests: list[str] = []  # addresses; those that begin with data: are cut short
        self._limit, self._count, self._unread = limit, 0, b""
        self._target, self._session, self._loaded = "", "", False
        self._folder = tempfile.TemporaryDirectory(prefix="browser-", ignore_cleanup_errors=True)
        self._log = Path(self._folder.name, "stderr")
        command = [
            "/bin/sh",
            "-c",
            MOVE_PIPES,
            "sh",
            program,
            *FLAGS,
            f"--user-data-dir={self._folder.name}/user",
        ]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env={**os.environ, "HOME": self._folder.name, "TMPDIR": self._folder.name},
                start_new_session=True,  # its children end with it
            )

    def __enter__(self) -> Browser:
        return self

    def __exit__(self, *_: object) -> None:
        self._kill()
        for pipe in (self._process.stdin, self._process.stdout):
            with contextlib.suppress(BrokenPipeError):
                pipe.close()
        self._folder.cleanup()

    def open(self, url: str, width: int, height: int) -> None:
        """Opens the page in a new tab and closes the one before; below 600 pixels it is a telephone's."""
        before, self._session = self._target, ""
        self._target = self.call("Target.createTarget", url="about:blank")["targetId"]
        if before:
            self.call("Target.closeTarget", targetId=before)
        attached = self.call("Target.attachToTarget", targetId=self._target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 600,
        )
        self.complaints, self.requests, self._loaded = [], [], False
        failure = self.call("Page.navigate", url=url).get("errorText")
        if failure:
            raise BrowserError(f"{url} could not be opened: {failure}")
        self._receive(lambda _: self._loaded, f"the end of loading {url[:200]}")
        self.evaluate(SETTLED)

    def evaluate(self, expression: str) -> Any:
        """The value of a JavaScript expression, awaited when it is a promise, as JSON gives it."""
        answer = self.call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in answer:
            raise BrowserError(f"{expression[:200]}: {_exception(answer['exceptionDetails'])}")
        return answer["result"].get("value")

    def click(self, element: str) -> None:
        """Clicks with the mouse in the middle of the element that the JavaScript expression gives."""
        place = self.evaluate(f"""(() => {{
            const element = {element};
            element.scrollIntoView({{block: "center", inline: "center", behavior: "instant"}});
            const box = element.getBoundingClientRect();
            const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
            const hit = document.elementFromPoint(x, y);
            return {{x, y, hit: element.contains(hit) || (hit?.contains(element) ?? false)}};
        }})()""")
        if not place.pop("hit"):
            raise BrowserError(f"{element} cannot be clicked: something covers it at {place}")
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, button="left", clickCount=1, **place)
        self.evaluate(SETTLED)

    def pdf(self) -> bytes:
        """The page printed on A4 (inches)."""
        sheet = {"paperWidth": 8.27, "paperHeight": 11.69, "printBackground": True}
        return base64.b64decode(self.call("Page.printToPDF", **sheet)["data"])

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """One command of the protocol to the open page, or to the browser while none is open."""
        self._count += 1
        number = self._count
        message = {"id": number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        try:
            self._process.stdin.write(json.dumps(message).encode() + b"\0")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise self._gone(method) from None
        answer = self._receive(lambda message: message.get("id") == number, method)
        if "error" in answer:
            raise BrowserError(f"{method}: {answer['error']['message']}")
        return answer["result"]

    def _receive(self, awaited: Callable[[dict[str, Any]], bool], what: str) -> dict[str, Any]:
        """Reads messages up to the one awaited; events on the way are taken note of."""
        pipe, end = self._process.stdout.fileno(), time.monotonic() + self._limit
        while True:
            while b"\0" not in self._unread:
                ready = select.select([pipe], [], [], max(0.0, end - time.monotonic()))[0]
                if not ready:
                    self._kill()  # what comes after it fails at once
                    raise BrowserError(f"no answer in {self._limit:g} s: {what}")
                chunk = os.read(pipe, 1 << 20)
                if not chunk:
                    raise self._gone(what)
                self._unread += chunk
            text, _, self._unread = self._unread.partition(b"\0")
            message = json.loads(text)
            if "method" in message and message.get("sessionId") == self._session:
                self._note(message["method"], message["params"])
            if awaited(message):
                return message

    def _note(self, event: str, what: dict[str, Any]) -> None:
        if event == "Page.loadEventFired":
            self._loaded = True
        elif event == "Runtime.exceptionThrown":
            self.complaints.append(f"exception: {_exception(what['exceptionDetails'])}")
        elif event == "Runtime.consoleAPICalled" and what["type"] in ("error", "warning", "assert"):
            words = [str(word.get("value", word.get("description"))) for word in what["args"]]
            self.complaints.append(f"console {what['type']}: {' '.join(words)}")
        elif event == "Log.entryAdded" and what["entry"]["level"] in ("error", "warning"):
            self.complaints.append(
                f"{what['entry']['source']} {what['entry']['level']}: {what['entry']['text']}"
            )
        elif event == "Network.loadingFailed":
            self.complaints.append(f"request failed: {what['errorText']}")
        elif event == "Network.requestWillBeSent":
            self.requests.append(what["request"]["url"][:200])

    def _kill(self) -> None:
        if self._process.returncode is None:  # once it has been waited for, another may have its number
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def _gone(self, what: str) -> BrowserError:
        said = self._log.read_text(errors="replace").strip().splitlines()[-1:]
        return BrowserError(f"the browser ended before {what}; it said {said}")


def _exception(details: dict[str, Any]) -> str:
    return details.get("exception", {}).get("description", details["text"])


def pdf_pages(pdf: bytes) -> list[bytes]:
    """The drawing commands of each page of a PDF as Chromium writes it: plain objects, packed streams."""
    objects = {number: body for number, body in re.findall(rb"\n(\d+) 0 obj\n(.*?)\nendobj", pdf, re.DOTALL)}
    pages = [body for body in objects.values() if re.search(rb"/Type /Page\b", body)]
    drawn = []
    for page in pages:
        stream = objects[re.search(rb"/Contents (\d+) 0 R", page)[1]]
        packed = stream.partition(b"stream\n")[2]
        drawn.append(zlib.decompressobj().decompress(packed) if b"/FlateDecode" in stream else packed)
    return drawn
