"""Writes what the test measures, by Graphite's own library: a series with gaps, one value every ten minutes."""

import os
import time

import whisper

STEP = 600
VALUES = [0.25, None, 0.5, None]

os.makedirs("whisper/shop")
path = "whisper/shop/errors.wsp"
whisper.create(path, [(STEP, 144)])
# Of the stretches before this one.
begin = int(time.time()) // STEP * STEP - STEP * len(VALUES)
points = [(begin + STEP * place, value) for place, value in enumerate(VALUES)]
whisper.update_many(path, [point for point in points if point[1] is not None])
