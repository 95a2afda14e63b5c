"""GGUF files: one of every block type as the gguf package reads it; an npz."""

import numpy as np
import torch
from gguf import GGMLQuantizationType as Q, GGUFWriter
from gguf.constants import GGML_QUANT_SIZES
from gguf.quants import dequantize

import fixture

BLOCKS = ["Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K"]
HALVES = {
    "Q4_0": [0], "Q4_1": [0, 2], "Q5_0": [0], "Q5_1": [0, 2], "Q8_0": [0], "Q2_K": [80, 82],
    "Q3_K": [108], "Q4_K": [0, 2], "Q5_K": [0, 2], "Q6_K": [208],
}


def noise(count):
    """The bytes of the linear congruential generator that the layouts were first checked with."""
    state, values = 1, []
    for _ in range(count):
        state = (1103515245 * state + 12345) % 2**31
        values.append((state >> 16) & 255)
    return np.array(values, dtype=np.uint8)


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
    for name in BLOCKS:
        _, count = GGML_QUANT_SIZES[Q[name]]
        rows = noise(2 * count).reshape(2, count)
        for row in rows:
            for offset, value in zip(HALVES[name], (0.125, -0.25)):
                row[offset:offset + 2] = np.frombuffer(np.float16(value).tobytes(), np.uint8)
        writer.add_tensor(f"{name.lower()}.weight", rows, raw_dtype=Q[name])
        expected[f"{name.lower()}.weight"] = torch.from_numpy(
            dequantize(rows, Q[name]).astype(np.float32))
    for dtype in (np.float32, np.float16, np.float64, np.int8, np.int16, np.int32, np.int64):
        value = np.arange(-6, 6, dtype=dtype).reshape(3, 4)
        writer.add_tensor(f"plain.{np.dtype(dtype).name}", value)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    fixture.save("gguf_files", expected, "gguf 0.19.0")
    np.savez_compressed(
        fixture.FOLDER / "arrays.npz", a=np.arange(6, dtype=np.float32).reshape(2, 3),
        b=np.asfortranarray(np.arange(6, dtype=np.int64).reshape(2, 3)))


main()
