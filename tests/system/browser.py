"""A browser that opens pages as files: Debian's headless Chromium, told what to do over a pipe in the DevTools protocol."""

import base64
import json
import os
import select
import shutil
import subprocess
from pathlib import Path

from machine import part

PROGRAM = "chromium-headless-shell"
WIDE, NARROW = 1280, 400
_PATIENCE = 60  # seconds that the browser may be silent
# Each session of the tests has its own network namespace, without a way out. So the browser's own sandbox is not needed.
_OPTIONS = ("--no-sandbox", "--remote-debugging-pipe", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars",
            "--disable-background-networking", "--disable-component-update", "--no-first-run", "--font-render-hinting=none")


class Browser:
    """One browser with one tab. `requests` and `complaints` are of the page that was opened last."""

    def __init__(self, directory):
        self._home = Path(directory) / "browser"
        self._home.mkdir()
        to_browser, self._out = os.pipe()
        self._in, from_browser = os.pipe()
        # The browser reads the protocol from descriptor 3 and writes it to 4. The copies are out of the way of both.
        command = ["bash", "-c", 'exec 10<&"$1" 11>&"$2" && shift 2 && exec 3<&10 4>&11 && exec "$@"', "bash",
                   str(to_browser), str(from_browser), PROGRAM, *_OPTIONS, f"--user-data-dir={self._home}", "about:blank"]
        with open(self._home / "log", "wb") as log:
            self._child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                                           pass_fds=(to_browser, from_browser), env=dict(os.environ, HOME=str(self._home)))
        os.close(to_browser)
        os.close(from_browser)
        self._rest = b""
        self._number = 0
        self._session = None
        self._loaded = set()  # documents, by the browser's own names
        self.requests = []
        self.complaints = []
        target = self._call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self._call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Network", "Log", "Runtime", "Audits"):
            self._call(f"{domain}.enable")
        self._call("Page.setLifecycleEventsEnabled", enabled=True)
        self._axe = (part("web/node_modules/axe-core/axe.min.js")).read_text()

    def close(self):
        if self._child.poll() is None:
            os.killpg(self._child.pid, 9)
        self._child.wait()
        os.close(self._in)
        os.close(self._out)
        shutil.rmtree(self._home, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # -- the protocol: messages of JSON, each with a NUL at its end

    def _next(self):
        while b"\0" not in self._rest:
            assert select.select([self._in], [], [], _PATIENCE)[0], f"{PROGRAM} is silent"
            octets = os.read(self._in, 1 << 20)
            if not octets:
                raise AssertionError(f"{PROGRAM} has ended\n{(self._home / 'log').read_text(errors='replace')}")
            self._rest += octets
        message, self._rest = self._rest.split(b"\0", 1)
        message = json.loads(message)
        self._note(message.get("method"), message.get("params"))
        return message

    def _note(self, method, event):
        if method == "Page.lifecycleEvent" and event["name"] == "load":
            self._loaded.add(event["loaderId"])
        elif method == "Network.requestWillBeSent":
            self.requests.append(event["request"]["url"])
        elif method == "Log.entryAdded":
            self.complaints.append(event["entry"]["text"])
        elif method == "Runtime.exceptionThrown":
            self.complaints.append(event["exceptionDetails"]["text"])
        elif method == "Audits.issueAdded":
            self.complaints.append(json.dumps(event["issue"]))

    def _call(self, method, **params):
        self._number += 1
        message = {"id": self._number, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._out, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == self._number:
                assert "error" not in answer, f"{method}: {answer['error']}"
                return answer["result"]

    def _script(self, script):
        """The value of a JavaScript expression. The page's own policy doesn't bind it."""
        done = self._call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in done, done["exceptionDetails"]
        return done["result"].get("value")

    # -- what tests ask for

    def look(self, dark=False, width=WIDE):
        """How the page is shown from now on."""
        self._call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])
        self._call("Emulation.setDeviceMetricsOverride", width=width, height=800, deviceScaleFactor=1, mobile=width == NARROW)

    def open(self, path):
        self.requests, self.complaints = [], []
        went = self._call("Page.navigate", url=Path(path).as_uri())
        assert "errorText" not in went, f"{path}: {went}"
        while went["loaderId"] not in self._loaded:
            self._next()

    def axe(self, *rules):
        """What axe finds wrong with the page as it is shown now, by all rules or by some."""
        if not self._script("'axe' in window"):
            self._call("Runtime.evaluate", expression=self._axe)
        options = {"preload": False, "resultTypes": ["violations"], **({"runOnly": rules} if rules else {})}
        found = self._script(f"axe.run({json.dumps(options)}).then(done => done.violations)")
        return [f"{rule['id']}: {node['html']}: {node['failureSummary']}" for rule in found for node in rule["nodes"]]

    def overflow(self):
        """By how many pixels the page is wider than its window."""
        return self._script("document.documentElement.scrollWidth - document.documentElement.clientWidth")

    def picture(self, path, height=None, scale=1):
        """Writes a PNG of the whole page, or of so much of its upper part."""
        size = self._call("Page.getLayoutMetrics")["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": size["width"], "height": height or size["height"], "scale": scale}
        shot = self._call("Page.captureScreenshot", clip=clip, captureBeyondViewport=True)
        Path(path).write_bytes(base64.b64decode(shot["data"]))
