"""A screenshot as a small file: what a browser writes takes three times the bytes."""

import base64
import struct
import zlib
from collections.abc import Iterator

from playwright.sync_api import Browser

_COLOURS = 256
# The pixels of a PNG, as the browser decodes it: red, green, blue and alpha of each.
_DECODE = """async (png) => {
    const image = new Image();
    image.src = "data:image/png;base64," + png;
    await image.decode();
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [image.width, image.height];
    const drawing = canvas.getContext("2d");
    drawing.drawImage(image, 0, 0);
    const pixels = drawing.getImageData(0, 0, image.width, image.height).data;
    let text = "";
    for (let at = 0; at < pixels.length; at += 32768)
        text += String.fromCharCode(...pixels.subarray(at, at + 32768));
    return [image.width, image.height, btoa(text)];
}"""


def shrunk(browser: Browser, png: bytes) -> bytes:
    """The picture in the 256 colours that it has most; others become the most like of these."""
    page = browser.new_page()
    try:
        width, height, text = page.evaluate(_DECODE, base64.b64encode(png).decode())
    finally:
        page.close()
    rgba = base64.b64decode(text)
    pixels = [rgba[at : at + 3] for at in range(0, len(rgba), 4)]
    palette = _palette(pixels)
    places = {colour: place for place, colour in enumerate(palette)}
    for colour in set(pixels) - set(palette):
        places[colour] = min(range(len(palette)), key=lambda at: _distance(palette[at], colour))
    row = bytes(map(places.__getitem__, pixels))
    lines = b"".join(b"\0" + row[at : at + width] for at in range(0, len(row), width))
    header = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)  # eight bits, a palette
    chunks = ((b"IHDR", header), (b"PLTE", b"".join(palette)), (b"IDAT", zlib.compress(lines, 9)))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunks((*chunks, (b"IEND", b""))))


def _palette(pixels: list[bytes]) -> list[bytes]:
    counts: dict[bytes, int] = {}
    for pixel in pixels:
        counts[pixel] = counts.get(pixel, 0) + 1
    return sorted(counts, key=lambda colour: (-counts[colour], colour))[:_COLOURS]


def _distance(one: bytes, other: bytes) -> int:
    return sum((a - b) ** 2 for a, b in zip(one, other, strict=True))


def _chunks(parts: tuple[tuple[bytes, bytes], ...]) -> Iterator[bytes]:
    for kind, content in parts:
        check = zlib.crc32(kind + content)
        yield struct.pack(">I", len(content)) + kind + content + struct.pack(">I", check)
