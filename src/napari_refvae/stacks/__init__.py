"""Stacks: every plane upscaled, and written before the next is read, so that memory does not grow with the stack.

Depth, time and channels are leading axes, and their planes are upscaled one by one. With the same latent, each
plane gets the same random numbers and the same references, so that nothing flickers from plane to plane; channels
are planes like others and share it too.
"""
