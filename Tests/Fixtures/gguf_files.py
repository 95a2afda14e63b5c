"""A GGUF file with blocks of every type, and what the gguf package reads in them; an npz."""

import numpy as np
import torch
from gguf import GGMLQuantizationType as Q, GGUFWriter
from gguf.constants import GGML_QUANT_SIZES
from gguf.quants import dequantize

import fixture

# Where the half-precision numbers of a block are; random bytes there could be NaN.
HALVES = {
    "Q4_0": [0], "Q4_1": [0, 2], "Q5_0": [0], "Q5_1": [0, 2], "Q8_0": [0], "Q8_1": [0, 2],
    "Q2_K": [80, 82], "Q3_K": [108], "Q4_K": [0, 2], "Q5_K": [0, 2], "Q6_K": [208], "Q8_K": [],
    "IQ1_S": [0], "IQ1_M": [], "IQ2_XXS": [0], "IQ2_XS": [0], "IQ2_S": [0], "IQ3_XXS": [0],
    "IQ3_S": [0], "IQ4_NL": [0], "IQ4_XS": [0], "TQ1_0": [52], "TQ2_0": [64], "MXFP4": [],
    "NVFP4": [],
}
# The package has the size that blocks of activations had before ggml made their scales halves.
GGML_QUANT_SIZES[Q.Q8_1] = (32, 36)
# Lattices: how many points, and how many a block names; the offset of their low eight bits, and of
# the higher bits with how many each point has there.
LATTICES = {
    "IQ2_XXS": (256, 32, None, None, 0), "IQ2_XS": (512, 32, None, None, 0),
    "IQ2_S": (1024, 32, 2, 66, 2), "IQ3_XXS": (256, 64, 2, None, 0),
    "IQ3_S": (512, 64, 2, 66, 1), "IQ1_S": (2048, 32, 2, None, 0),
}


def noise(count):
    """The bytes of the linear congruential generator that the layouts were first checked with."""
    state, values = 1, []
    for _ in range(count):
        state = (1103515245 * state + 12345) % 2**31
        values.append((state >> 16) & 255)
    return np.array(values, dtype=np.uint8)


def random_blocks(name):
    _, count = GGML_QUANT_SIZES[Q[name]]
    rows = noise(2 * count).reshape(2, count)
    for row in rows:
        for offset, value in zip(HALVES[name], (0.125, -0.25)):
            row[offset:offset + 2] = np.frombuffer(np.float16(value).tobytes(), np.uint8)
        if name == "Q8_K":
            row[:4] = np.frombuffer(np.float32(0.125).tobytes(), np.uint8)
        if name == "IQ1_M":
            # The scale is in the highest four bits of four words.
            bits = int(np.float16(0.125).view(np.uint16))
            for part in range(4):
                row[49 + 2 * part] = row[49 + 2 * part] & 15 | (bits >> 4 * part & 15) << 4
    return rows


def numbers(name, rows):
    """What the package reads out; for activations, which it does not read, the definition."""
    if name == "Q8_1":
        return rows[:, :2].copy().view(np.float16).astype(np.float32) \
            * rows[:, 4:].copy().view(np.int8)
    if name == "Q8_K":
        return rows[:, :4].copy().view(np.float32) * rows[:, 4:260].copy().view(np.int8)
    return dequantize(rows, Q[name]).astype(np.float32)


def every_point(name):
    """Blocks that name all points of a lattice one after the other, with scale 1."""
    points, each, low, high, bits = LATTICES[name]
    _, count = GGML_QUANT_SIZES[Q[name]]
    rows = np.zeros((points // each, count), np.uint8)
    for point in range(points):
        row, place = rows[point // each], point % each
        row[:2] = np.frombuffer(np.float16(1).tobytes(), np.uint8)
        if name == "IQ2_XXS":
            row[2 + 8 * (place // 4) + place % 4] = point
        elif name == "IQ2_XS":
            row[2 + 2 * place:4 + 2 * place] = (point & 255, point >> 8)
        else:
            row[low + place] = point & 255
        if bits:
            row[high + place * bits // 8] |= point >> 8 << place * bits % 8
        if name == "IQ1_S":
            shared = 34 + 2 * (place // 4)
            word = int(row[shared]) | int(row[shared + 1]) << 8 | point >> 8 << 3 * (place % 4)
            row[shared:shared + 2] = (word & 255, word >> 8)
    return rows


def main():
    path = fixture.FOLDER / "gguf_files.gguf"
    writer = GGUFWriter(path, "llama")
    writer.add_uint8("test.u8", 200)
    writer.add_int8("test.i8", -3)
    writer.add_uint16("test.u16", 60000)
    writer.add_int16("test.i16", -300)
    writer.add_uint32("test.u32", 4000000000)
    writer.add_int32("test.i32", -70000)
    writer.add_float32("test.f32", 0.5)
    writer.add_bool("test.bool", True)
    writer.add_string("test.text", "naïve ▁")
    writer.add_array("test.texts", ["a", "", "▁b"])
    writer.add_array("test.numbers", [1, -2, 3])
    writer.add_array("test.reals", [0.25, -1.5])
    writer.add_uint64("test.u64", 2**40)
    writer.add_int64("test.i64", -(2**40))
    writer.add_float64("test.f64", 1e-300)
    expected = {}
    for name in HALVES:
        rows = random_blocks(name)
        writer.add_tensor(f"{name.lower()}.weight", rows, raw_dtype=Q[name])
        expected[f"{name.lower()}.weight"] = torch.from_numpy(numbers(name, rows))
    for name in LATTICES:
        rows = every_point(name)
        writer.add_tensor(f"{name.lower()}.points", rows, raw_dtype=Q[name])
        values = numbers(name, rows).astype(np.float64)
        # One number for each block, in which every element counts differently.
        weights = np.arange(1, values.shape[1] + 1) ** 2 % 251
        expected[f"{name.lower()}.points"] = torch.from_numpy(values @ weights)
    for dtype in (np.float32, np.float16, np.float64, np.int8, np.int16, np.int32, np.int64):
        value = np.arange(-6, 6, dtype=dtype).reshape(3, 4)
        writer.add_tensor(f"plain.{np.dtype(dtype).name}", value)
    value = torch.arange(-6, 6).reshape(3, 4).bfloat16().view(torch.uint8).numpy()
    writer.add_tensor("plain.bfloat16", value, raw_dtype=Q.BF16)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    fixture.save("gguf_files", expected, "gguf 0.19.0")
    np.savez_compressed(
        fixture.FOLDER / "arrays.npz", a=np.arange(6, dtype=np.float32).reshape(2, 3),
        b=np.asfortranarray(np.arange(6, dtype=np.int64).reshape(2, 3)))


main()
