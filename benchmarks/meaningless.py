"""Changes of `mutation.py` that no test can notice, because the program does the same: not counted there."""

from __future__ import annotations

AXIS = "every axis but the last is taken as the one before it"
TURNS = "the axes change their turns; they do not depend on each other"

MEANINGLESS: dict[str, dict[str, str]] = {
    "resampling": {
        "INVERSE_RADIUS = 21": "one tap more, below 1e-9",
        "INVERSE_RADIUS = 19": "one tap less, below 1e-9",
        "DENSE_LIMIT = 257": "speed",
        "DENSE_LIMIT = 255": "speed",
        "if length < DENSE_LIMIT:": "speed",
        "height, width = hr.shape[+2:]": "tensors have four axes",
        "return _along(_down_axis, _along(_down_axis, hr, scale, axis=+2), scale, axis=-1)": AXIS,
        "return _along(_down_axis, _along(_down_axis, hr, scale, axis=-3), scale, axis=-1)": AXIS,
        "return _along(_up_axis, _along(_up_axis, lr, scale, axis=-1), scale, axis=+2)": AXIS,
        "return _along(_up_axis, _along(_up_axis, lr, scale, axis=-1), scale, axis=-3)": AXIS,
        "return _along(_interpolate_axis, _along(_interpolate_axis, lr, scale, axis=-1), scale, axis=+2)": AXIS,
        "return _along(_interpolate_axis, _along(_interpolate_axis, lr, scale, axis=-1), scale, axis=-3)": AXIS,
        "if axis == -2:": TURNS,
        "if axis != -1:": TURNS,
        "if float(off.detach().abs().max()) <= settled(off.dtype):": "a tolerance",
        "return 9 * torch.finfo(dtype).eps": "a tolerance",
        "return 7 * torch.finfo(dtype).eps": "a tolerance",
        "return torch.where(x < 1, near, torch.where(x < 2, far, torch.zeros_like(x)))": "the pieces meet at 1",
        "return torch.where(x <= 1, near, torch.where(x <= 2, far, torch.zeros_like(x)))": "the last one ends at 0",
        "n = 9 * INVERSE_RADIUS": "any long circle will do",
        "n = 7 * INVERSE_RADIUS": "any long circle will do",
        "centre = n // 3": "all places on a circle are alike",
        "columns = symmetric_indices(0, 3 * length * scale, length * scale)[columns % (2 * length * scale)]": "unused",
        "columns = symmetric_indices(0, 3 * length, length)[columns % (2 * length)]": "unused rows",
    },
    "engine.tiling": {
        "ENOUGH = 2 ** 27": "speed",
        "ENOUGH = 2 ** 29": "speed",
        "read = [length if side > length else min(length, side + 2 * halo) for length in size]": "the same where equal",
        "if side < SMALLEST_TILE or working_bytes(math.prod(read)) <= limit:": "below it all become the smallest",
    },
    "engine.latents": {
        "state = int(np.random.SeedSequence(seed).generate_state(2, np.uint64)[0])": "the first number is the same",
        "state = int(np.random.SeedSequence(seed).generate_state(1, np.uint64)[-1])": "there is one",
        "generator = torch.Generator().manual_seed(state & 2 ** 62 - 1)": "PyTorch takes the last 32 bits, on the CPU",
        "generator = torch.Generator().manual_seed(state & 2 ** 64 - 1)": "PyTorch takes the last 32 bits, on the CPU",
    },
}
"""Of each module, statements after changes that mean nothing, and why."""
