"""Opens a page from disk in headless Chromium, offline, and looks at it as its readers do: with the mouse, the
keyboard, a screen reader's tree, in light and dark, on a desk and on a phone. It speaks the DevTools protocol over a
pipe.

Request: {"chromium": program, "page": path, "screenshots": directory}.
Answer: {"complaints": console messages, exceptions and dialogs, "requests": addresses asked for besides data:,
"pictures": [how many, how many not shown], "unnamed": pictures and links without a name for screen readers,
"cells": [{"count", "opened", "pictures", "seen"}], "tabs": presses of Tab to the first cell,
"overflow": pixels beyond 360, "axe": violations found by axe-core, "screenshots": files}.
"""
import base64
import fcntl
import importlib.resources
import json
import os
import pathlib
import subprocess
import sys
import tempfile

PHONE, DESK = (360, 780), (1100, 900)


class Browser:
    def __init__(self, program, profile):
        high = lambda fd: fcntl.fcntl(fd, fcntl.F_DUPFD, 20)
        (commands, self.send), (self.receive, answers) = [[high(fd) for fd in os.pipe()] for _ in range(2)]

        def pipes():
            os.dup2(commands, 3)
            os.dup2(answers, 4)

        flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run",
                 "--disable-dev-shm-usage", "--disable-background-networking", "--proxy-server=http://127.0.0.1:9",
                 "--remote-debugging-pipe", f"--user-data-dir={profile}", "about:blank"]
        self.process = subprocess.Popen([program, *flags], preexec_fn=pipes, close_fds=False,
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(commands)
        os.close(answers)
        self.buffer, self.last, self.events, self.session = b"", 0, [], None
        target = next(t for t in self("Target.getTargets")["targetInfos"] if t["type"] == "page")
        self.session = self("Target.attachToTarget", targetId=target["targetId"], flatten=True)["sessionId"]

    def message(self):
        while b"\0" not in self.buffer:
            chunk = os.read(self.receive, 1 << 20)
            assert chunk, "Chromium has closed its pipe"
            self.buffer += chunk
        message, self.buffer = self.buffer.split(b"\0", 1)
        return json.loads(message)

    def __call__(self, method, **params):
        self.last += 1
        request = {"id": self.last, "method": method, "params": params}
        if self.session:
            request["sessionId"] = self.session
        data = json.dumps(request).encode() + b"\0"
        while data:
            data = data[os.write(self.send, data):]
        while True:
            message = self.message()
            if message.get("id") == self.last:
                assert "error" not in message, (method, message)
                return message["result"]
            self.events.append(message)

    def wait(self, event):
        while not any(e.get("method") == event for e in self.events):
            self.events.append(self.message())

    def js(self, expression):
        result = self("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    def key(self, key, code, text=""):
        for kind in ("keyDown", "keyUp"):
            self("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code,
                 **({"text": text} if text and kind == "keyDown" else {}))

    def size(self, width, height):
        self("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1,
             mobile=width < 500)

    def scheme(self, scheme):
        self("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def screenshot(self, path):
        size = self("Page.getLayoutMetrics")["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1}
        image = self("Page.captureScreenshot", captureBeyondViewport=True, clip=clip)["data"]
        path.write_bytes(base64.b64decode(image))
        return str(path)


def complaints(events):
    for event in events:
        params = event.get("params", {})
        match event.get("method"):
            case "Runtime.consoleAPICalled":
                yield " ".join(str(a.get("value", a)) for a in params["args"])
            case "Runtime.exceptionThrown":
                yield params["exceptionDetails"]["text"]
            case "Log.entryAdded":
                yield params["entry"]["text"]
            case "Page.javascriptDialogOpening":
                yield "dialog: " + params["message"]


def cells(browser):
    """Opens each cell of the matrices: with the keyboard, as a link."""
    links = "document.querySelectorAll('.matrix td a')"
    for i in range(browser.js(f"{links}.length")):
        browser.js(f"{links}[{i}].focus()")
        browser.key("Enter", 13, "\r")
        yield browser.js("""(async i => {
            await new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)));
            const link = document.querySelectorAll('.matrix td a')[i];
            const panel = document.getElementById(link.hash.slice(1));
            const pictures = [...panel.querySelectorAll('img')];
            const box = panel.getBoundingClientRect();
            return {count: Number(link.textContent), opened: getComputedStyle(panel).display != 'none',
                    pictures: pictures.filter(p => p.naturalWidth > 0 && p.getBoundingClientRect().height > 0).length,
                    seen: box.top < innerHeight && box.bottom > 0,
                    others: [...document.querySelectorAll('.panel')].filter(p =>
                        p != panel && getComputedStyle(p).display != 'none').length};
        })(%d)""" % i)


def tabs_to_a_cell(browser):
    browser.js("document.activeElement.blur(), scrollTo(0, 0)")
    browser.js("location.hash = ''")
    browser.js("document.body.tabIndex = -1, document.body.focus(), document.body.removeAttribute('tabindex')")
    for presses in range(1, 60):
        browser.key("Tab", 9)
        if browser.js("document.activeElement.matches('.matrix td a')"):
            return presses
    return None


def axe(browser):
    for scheme in ("light", "dark"):
        browser.scheme(scheme)
        found = browser.js("axe.run().then(r => r.violations.map(v => v.id + ': ' + v.help + ' '"
                           " + v.nodes.slice(0, 3).map(n => n.html.slice(0, 200)).join(' | ')))")
        yield from (f"{scheme}: {violation}" for violation in found)


def unnamed(browser):
    roles = {"image", "link", "region", "heading"}
    return [n["role"]["value"] + " " + str(n.get("backendDOMNodeId"))
            for n in browser("Accessibility.getFullAXTree")["nodes"]
            if not n["ignored"] and n["role"]["value"] in roles and not n.get("name", {}).get("value")]


def look(browser, page, shots):
    for domain in ("Page", "Runtime", "Log", "Network", "Accessibility"):
        browser(f"{domain}.enable")
    browser("Network.emulateNetworkConditions", offline=True, latency=0, downloadThroughput=-1, uploadThroughput=-1)
    browser.size(*DESK)
    browser.scheme("light")
    browser("Page.navigate", url=pathlib.Path(page).absolute().as_uri())
    browser.wait("Page.loadEventFired")
    answer = {}
    answer["pictures"] = browser.js("""(async () => {
        const pictures = [...document.images];
        const shown = p => p.decode().then(() => p.naturalWidth > 0, () => false);
        const seen = await Promise.all(pictures.map(shown));
        return [pictures.length, seen.filter(s => !s).length];
    })()""")
    files = [browser.screenshot(shots / "light.png")]
    answer["unnamed"] = unnamed(browser)
    answer["tabs"] = tabs_to_a_cell(browser)
    answer["cells"] = list(cells(browser))
    files.append(browser.screenshot(shots / "cell.png"))
    browser.scheme("dark")
    files.append(browser.screenshot(shots / "dark.png"))
    browser.scheme("light")
    browser.size(*PHONE)
    # With everything open, as nothing hidden may be wider either.
    browser.js("document.querySelectorAll('details').forEach(d => d.open = true)")
    answer["overflow"] = browser.js("document.documentElement.scrollWidth - %d" % PHONE[0])
    browser.js("document.querySelectorAll('details').forEach(d => d.open = false), location.hash = ''")
    files.append(browser.screenshot(shots / "phone.png"))
    answer["complaints"] = list(complaints(browser.events))
    asked = [e["params"]["request"]["url"] for e in browser.events if e.get("method") == "Network.requestWillBeSent"]
    answer["requests"] = [url for url in asked if not url.startswith("data:")]
    # Last, because it is a script, which the page has none of.
    browser.size(*DESK)
    browser.js(importlib.resources.files("axe_core_python").joinpath("axe.min.js").read_text())
    answer["axe"] = list(axe(browser))
    answer["screenshots"] = files
    return answer


request = json.load(sys.stdin)
shots = pathlib.Path(request["screenshots"])
shots.mkdir(parents=True, exist_ok=True)
with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
    browser = Browser(request["chromium"], profile)
    try:
        answer = look(browser, request["page"], shots)
    finally:
        browser.process.terminate()
        browser.process.wait()
print(json.dumps(answer))
