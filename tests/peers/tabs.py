"""Opens tabs of the real TensorBoard in a headless Chromium, and waits until each shows what is expected.

Request: {"logdir": path, "chromium": program, "screenshots": directory,
"tabs": {tab: {"texts": [...], "starts": [...], "lines": count, "pictures": count}}}. A text is all the text of an
element; of one in "starts", its beginning. Answer:
{tab: {"texts": [...], "lines": count, "pictures": [[width, height], ...], "screenshot": file}}.
"""
import json
import os
import re
import subprocess
import sys
import threading

from devtools import Chromium

# Resolves once the page has drawn what it knows.
DRAWN = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))"
# A page may be opened before TensorBoard has read the data; it does not look again by itself.
ATTEMPTS = 4
SECONDS = 30
WIDTH, HEIGHT = 1700, 1100

# What a tab shows, through shadow roots and frames.
SHOWN = """(() => {
  const visible = [];
  const walk = (root) => {
    for (const element of root.querySelectorAll("*")) {
      if (element.getClientRects().length > 0) visible.push(element);
      if (element.shadowRoot) walk(element.shadowRoot);
      if (element.tagName === "IFRAME" && element.contentDocument) walk(element.contentDocument);
    }
  };
  walk(document);
  const own = (e) => [...e.childNodes].filter((n) => n.nodeType === Node.TEXT_NODE).map((n) => n.textContent).join("");
  const loaded = (e) => e.tagName === "IMG" && e.complete && e.naturalWidth > 0;
  const line = (e) => e.tagName === "path" && e.classList.contains("line") && (e.getAttribute("d") || "").includes("L");
  return {
    texts: visible.map((e) => own(e).replace(/\\s+/g, " ").trim()).filter((text) => text),
    lines: visible.filter(line).length,
    pictures: visible.filter(loaded).map((e) => [e.naturalWidth, e.naturalHeight]),
  };
})()"""


def lacking(shown, wanted):
    """What a tab should show and does not."""
    lacks = [text for text in wanted.get("texts", []) if text not in shown["texts"]]
    for start in wanted.get("starts", []):
        if not any(text.startswith(start) for text in shown["texts"]):
            lacks.append(start)
    if shown["lines"] < wanted.get("lines", 0):
        lacks.append(f"{wanted['lines'] - shown['lines']} lines")
    if len(shown["pictures"]) < wanted.get("pictures", 0):
        lacks.append(f"{wanted['pictures'] - len(shown['pictures'])} pictures")
    return lacks


def show(chromium, address, wanted):
    """Opens a tab and waits until it shows what is wanted."""
    for _ in range(ATTEMPTS):
        chromium.open("about:blank")
        chromium.open(address)
        try:
            shown = chromium.until(SHOWN, lambda shown: not lacking(shown, wanted), SECONDS)
            chromium.evaluate(DRAWN)
            return shown
        except TimeoutError:
            pass
    shown = chromium.evaluate(SHOWN)
    raise TimeoutError(f"{address} lacks {lacking(shown, wanted)} and shows {shown}")


def main(request):
    command = [sys.executable, "-m", "tensorboard.main", "--logdir", request["logdir"], "--host", "127.0.0.1"]
    server = subprocess.Popen([*command, "--port", "0"], stderr=subprocess.PIPE, text=True)
    try:
        address = next(m.group() for m in (re.search(r"http://\S+:\d+/", line) for line in server.stderr) if m)
        # Or the pipe fills, and TensorBoard neither answers nor ends.
        threading.Thread(target=server.stderr.read, daemon=True).start()
        with Chromium(request["chromium"], WIDTH, HEIGHT) as chromium:
            answer = {}
            for tab, wanted in request["tabs"].items():
                screenshot = os.path.join(request["screenshots"], f"tensorboard_{tab}.png")
                try:
                    shown = show(chromium, f"{address}#{tab}", wanted)
                finally:
                    chromium.screenshot(screenshot)
                answer[tab] = {**shown, "screenshot": screenshot}
            return answer
    finally:
        server.terminate()
        server.wait()


print(json.dumps(main(json.load(sys.stdin))))
